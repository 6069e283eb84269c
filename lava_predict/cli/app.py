"""The command ``lava-predict``."""

from __future__ import annotations

import functools
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from lava_predict import __version__
from lava_predict.analysis.integer_health import Health, check_health
from lava_predict.engines.lava.engine import FORMS, TARGETS
from lava_predict.errors import Caution, RunError, UserError, one_of
from lava_predict.experiment.experiment import BACKENDS, Experiment, Result, RunState, check_available
from lava_predict.experiment.experiment import Progress as ProgressCallback
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.pool import EXECUTORS, processes, processors
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.folder import (
    CHECKPOINT,
    Folder,
    UnfinishedRun,
    new_folder,
    unfinished_folder,
    unfinished_run,
)
from lava_predict.records.run_record import SCHEMA, RunRecord
from lava_predict.settings.files import load_config, load_preset, preset_names
from lava_predict.settings.schema import Config

if TYPE_CHECKING:
    from lava_predict.reports.page import Report

app = typer.Typer(
    name="lava-predict",
    help="Networks that learn what will happen, when, and with what probability.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


ConfigArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[CONFIG.toml]", help="Settings; what is missing comes from its preset."),
]
PresetOption = Annotated[
    str | None, typer.Option(help=f"One of: {', '.join(preset_names())}. Default: robust.")
]
SeedOption = Annotated[int | None, typer.Option(help="Replaces run.seed.")]
SeedsOption = Annotated[int, typer.Option(min=1, max=1000, help="Number of seeds.")]
FirstSeedOption = Annotated[int, typer.Option(min=0, help="The seeds count up from here.")]
JobsOption = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes at a time. Default: one a processor.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; repeatable."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a folder of an earlier run.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print summary.json and nothing else.")]

EXPORT_FORMATS = ("nir",)
"""Of `lava-predict export`."""

Command = TypeVar("Command", bound=Callable[..., None])


def _reported(command: Command) -> Command:
    """Turn the ways in which a command ends early into one message and an exit code."""

    @functools.wraps(command)
    def reported(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            code, message = 2, f"error: {error}"
        except RunError as error:
            code, message = 1, f"error: {error}"
        except MemoryError:
            code, message = 1, "error: out of memory; lower reservoir.neurons or its connection_probability"
        except KeyboardInterrupt as stopped:
            code, message = 130, str(stopped) or "interrupted; nothing was written"
        else:
            return
        print(message, file=sys.stderr)
        raise typer.Exit(code)

    return reported  # type: ignore[return-value]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
@_reported
def run(
    config: ConfigArgument = None,
    preset: PresetOption = None,
    backend: Annotated[
        str | None, typer.Option(help=f"What to run on: {', '.join(BACKENDS)}. Default: cpu.")
    ] = None,
    form: Annotated[
        str | None, typer.Option(help=f"Of the Lava network: {', '.join(FORMS)}. Default: {FORMS[0]}.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help=f"Of the integer network as a Lava graph: {', '.join(TARGETS)}."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help=f"Arithmetic: {', '.join(PRECISIONS)}. Default: float.")
    ] = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default runs/<time>-<preset>-<seed>.")
    ] = None,
    overwrite: OverwriteOption = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Go on with the stopped run of that folder, to the same bits."),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Teach a network the task in blocks, test it on the cue alone, and show how well it predicts."""
    if resume is not None:
        given = {"--out": out, "--precision": precision, "--overwrite": overwrite or None}
        _alone(resume, {**given, "CONFIG": config, "--preset": preset, "--seed": seed, "--set": settings})
        if _is_finished(resume, quiet, as_json):
            return
        going_on = load_checkpoint(unfinished_folder(resume) / CHECKPOINT)
        chosen, folder, precision = going_on.config, resume, going_on.precision
        if backend is None:
            backend, form = going_on.backend, form or going_on.form
    else:
        going_on, chosen = None, _choose(config, preset, seed, settings or [])
        folder = out if out is not None else _fresh_folder(f"{chosen.preset}-{chosen.run.seed}")
    if target is not None:
        backend, precision, form = backend or "lava", precision or "fixed", form or "graph"
    backend, precision = backend or "cpu", precision or "float"
    check_available(backend, precision, form, target)
    with unfinished_run(folder, overwrite, resume is not None) as files:
        experiment = Experiment(chosen)
        if going_on is not None:
            _check_same_network(folder, going_on, experiment)
        keep = _keeping(files, experiment, backend, precision, form, going_on)
        with (
            _told_how_to_go_on(folder, files),
            _progress(shown=sys.stderr.isatty() and not (quiet or as_json)) as progress,
        ):
            state = going_on.state if going_on is not None else None
            result = experiment.run(backend, precision, form, progress, state, keep, target)
        if going_on is not None:
            result = replace(result, wall_s=going_on.wall_s + result.wall_s)
        health = check_health(experiment, result) if precision == "fixed" else None
        summary = _write(files.write, result, health)
    if health is not None and not quiet:
        _warn(health.warnings)
    if as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not quiet:
        _print_result(result, summary, folder)


@app.command()
@_reported
def compare(
    config: ConfigArgument = None,
    preset: PresetOption = None,
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 100,
    jobs: JobsOption = None,
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default runs/<time>-compare-<preset>.")
    ] = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what integers cost: float, fixed and on-chip side by side, over seeds, beside their nulls."""
    from lava_predict.comparison import page as comparison_report
    from lava_predict.comparison import study as comparison

    chosen = _choose(config, preset, None, settings or [])
    folder = out if out is not None else _fresh_folder(f"compare-{chosen.preset}")
    started = time.perf_counter()
    with new_folder(folder, overwrite) as files:
        with _progress(sys.stderr.isatty() and not (quiet or as_json), "comparing", "runs") as progress:
            numbers = range(first_seed, first_seed + seeds)
            found = comparison.compare(chosen, numbers, jobs or processors(), progress)
        summary = comparison_report.summarise(found)
        summary["timing"] = {"wall_s": time.perf_counter() - started}
        drawn = comparison_report.figures(found)
        for name, (picture, _, _) in drawn.items():
            files.write(f"figures/{name}.png", picture)
        _write_page(files, comparison_report.page(found, summary, drawn))
        files.write("config.toml", chosen.to_toml())
        files.write("summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    if not quiet:
        _warn(found.warnings)
    if as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not quiet:
        Console(width=None if sys.stdout.isatty() else 160).print(comparison_report.table(summary))
        knees = summary["word_length"]["variables"]
        print("fewest bits: " + ", ".join(f"{name} {swept['knee']}" for name, swept in knees.items()))
        print(f"table, figures and page: {folder}/ (open {folder}/report.html)")


@app.command()
@_reported
def reproduce(
    config: ConfigArgument = None,
    preset: PresetOption = None,
    claims: Annotated[str, typer.Option(metavar="all|NAME,...", help="Which claims.")] = "all",
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 100,
    jobs: JobsOption = None,
    executor: Annotated[str, typer.Option(help=f"Where: {', '.join(EXECUTORS)}.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Of Dask; default: a cluster on this machine.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Results of units of work, to go on from.")] = Path(
        "runs/cache"
    ),
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default runs/<time>-reproduce-<preset>.")
    ] = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put the paper's claims to the test, over seeds, beside nulls, and judge each by a rule."""
    from lava_predict.reproduction import page as pages
    from lava_predict.reproduction.cache import Cache
    from lava_predict.reproduction.reproduce import chosen_claims
    from lava_predict.reproduction.reproduce import reproduce as put_to_the_test

    chosen, wanted = _choose(config, preset, None, settings or []), chosen_claims(claims)
    folder = out if out is not None else _fresh_folder(f"reproduce-{chosen.preset}")
    started = time.perf_counter()
    numbers = range(first_seed, first_seed + seeds)
    with new_folder(folder, overwrite) as files:
        with (
            _progress(sys.stderr.isatty() and not (quiet or as_json), "reproducing", "units") as progress,
            processes(executor, jobs or processors(), scheduler) as pool,
        ):
            try:
                found = put_to_the_test(chosen, wanted, numbers, Cache(cache), pool, progress)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"interrupted; what was found is kept in {cache}/: the same command goes on from there"
                ) from None
        summary = pages.summarise(found)
        summary["timing"] = {"wall_s": time.perf_counter() - started}
        for name, picture in pages.pictures(found).items():
            files.write(f"figures/{name}.png", picture.png)
        _write_page(files, pages.page(found))
        files.write("config.toml", chosen.to_toml())
        files.write("summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    if as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not quiet:
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(pages.table(found))
        print(f"{found.units} units of work, {found.reused} of them known before (in {cache}/)")
        print(f"table, figures and page: {folder}/ (open {folder}/report.html)")


@app.command()
@_reported
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What run, compare, reproduce or check left.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write; default DIR/report.html.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file that --out names.")
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make one report.html of a folder of results: table, pictures, settings; it needs no other file."""
    from lava_predict.reports.run_page import command_of, page_of, write_page

    shown, of = page_of(folder), command_of(folder)
    file = out if out is not None else folder / "report.html"
    # DIR/report.html is made of what DIR holds, so nothing is lost when it is made anew.
    write_page(shown, file, overwrite or out is None)
    if as_json:
        print(json.dumps({"schema": SCHEMA, "command": "report", "of": of, "file": str(file)}, indent=2))
    elif not quiet:
        print(shown.lead)
        print(f"page: {file}")


@app.command()
@_reported
def plan(
    config: ConfigArgument = None,
    preset: PresetOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write summary.json to; default: none.")] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what becomes of every parameter in integers, and whether the network survives it."""
    from lava_predict.reports.summary import plan_table, summarise_plan

    experiment = Experiment(_choose(config, preset, seed, settings or []))
    health = check_health(experiment)
    found = experiment.arithmetic("fixed").plan
    assert found is not None
    summary = json.dumps(summarise_plan(experiment.config, found, health), indent=2, allow_nan=False)
    if out is not None:
        with new_folder(out, overwrite) as files:
            files.write("config.toml", experiment.config.to_toml())
            files.write("summary.json", summary + "\n")
    if as_json:
        print(summary)
        return
    Console(width=None if sys.stdout.isatty() else 120).print(plan_table(found))
    print(
        f"first trial: {health.rate_hz:.2f} Hz (float {health.float_rate_hz:.2f}), "
        f"{health.silent_share:.1%} of the cells silent (float {health.float_silent_share:.1%})"
    )
    _warn(health.warnings)


def _alone(resume: Path, others: Mapping[str, Any]) -> None:
    """Raise a UserError if an option is given that the stopped run has decided."""
    given = [name for name, value in others.items() if value]
    if given:
        raise UserError(
            f"--resume {str(resume)!r}: goes on with the settings of the stopped run, so leave out "
            f"{', '.join(given)}; only --backend and --form may be changed"
        )


def _is_finished(resume: Path, quiet: bool, as_json: bool) -> bool:
    """Show a run that has ended already; raise a UserError if there is none at all."""
    if (unfinished_folder(resume) / CHECKPOINT).exists():
        return False
    try:
        summary = (resume / "summary.json").read_text()
    except OSError:
        raise UserError(
            f"--resume {str(resume)!r}: there is no stopped run ({unfinished_folder(resume)}/ does not "
            "exist); give the folder that --out named"
        ) from None
    if as_json:
        print(summary, end="")
    elif not quiet:
        print(f"{resume}/: this run has ended; there is nothing left to do")
    return True


def _check_same_network(resume: Path, going_on: Checkpoint, experiment: Experiment) -> None:
    """Raise a UserError if this machine draws another network than the stopped run has."""
    if experiment.network.fingerprint() != going_on.network.fingerprint():
        raise UserError(
            f"--resume {str(resume)!r}: the same settings give another network here, so this machine or its "
            "libraries are not those of the stopped run; go on where it was begun"
        )


def _keeping(
    files: UnfinishedRun,
    experiment: Experiment,
    backend: str,
    precision: str,
    form: str | None,
    going_on: Checkpoint | None,
) -> Callable[[RunState], None]:
    """Return what keeps a state of the run as a checkpoint."""
    started, before = time.perf_counter(), going_on.wall_s if going_on is not None else 0.0
    plan = experiment.arithmetic(precision).plan

    def keep(state: RunState) -> None:
        wall_s = before + time.perf_counter() - started
        checkpoint = Checkpoint(
            experiment.config, precision, backend, form, experiment.network, state, wall_s
        )
        files.keep(checkpoint.to_bytes(plan), bool(state.trials))

    return keep


@contextmanager
def _told_how_to_go_on(folder: Path, files: UnfinishedRun) -> Iterator[None]:
    """Say, when a run is interrupted, how to go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        if files.started:
            raise KeyboardInterrupt(f"interrupted; go on with: lava-predict run --resume {folder}") from None
        raise


@app.command()
@_reported
def check(
    config: ConfigArgument = None,
    preset: PresetOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for summary.json and report.html; default: none.")
    ] = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the network with what is public of Loihi 2: needs, limits, cost, verdict, what to change."""
    from lava_predict.targets.loihi2 import page as readiness_report
    from lava_predict.targets.loihi2.readiness import check_readiness

    found = check_readiness(_choose(config, preset, seed, settings or []))
    summary = json.dumps(readiness_report.summarise(found), indent=2, allow_nan=False)
    if out is not None:
        with new_folder(out, overwrite) as files:
            files.write("config.toml", found.config.to_toml())
            _write_page(files, readiness_report.page(found))
            files.write("summary.json", summary + "\n")
    if as_json:
        print(summary)
    elif not quiet:
        Console(width=None if sys.stdout.isatty() else 120).print(readiness_report.table(found))


@app.command()
@_reported
def export(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run, or its checkpoint.h5.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    file_format: Annotated[
        str, typer.Option("--format", help=f"Allowed: {', '.join(EXPORT_FORMATS)}.")
    ] = EXPORT_FORMATS[0],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
) -> None:
    """Write a trained network for other tools."""
    if file_format not in EXPORT_FORMATS:
        raise UserError(
            f"--format {file_format!r}: there is no such format; {one_of(file_format, EXPORT_FORMATS)}"
        )
    from lava_predict.targets.nir.export import export_nir

    network = export_nir(run, out, overwrite).network
    print(f"{out}: {network.a.size} cells, {network.weight.size} synapses; see docs/export.md")


def _choose(config: Path | None, preset: str | None, seed: int | None, settings: list[str]) -> Config:
    if config is not None and preset is not None:
        raise UserError(
            f"CONFIG = {str(config)!r} and --preset {preset!r} exclude each other; give one of them"
        )
    overrides = [*settings, *([f"run.seed={seed}"] if seed is not None else [])]
    if config is not None:
        return load_config(config, overrides)
    return load_preset(preset if preset is not None else "robust", overrides)


def _fresh_folder(name: str) -> Path:
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    folder, number = Path("runs") / stem, 2
    while folder.exists():
        folder, number = Path("runs") / f"{stem}-{number}", number + 1
    return folder


@contextmanager
def _progress(
    shown: bool, doing: str = "training", counted: str = "trials"
) -> Iterator[ProgressCallback | None]:
    if not shown:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(counted),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _warn(warnings: Sequence[Caution]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _write_page(files: Folder, page: Report) -> None:
    """Write a page, and what `lava-predict report` makes it anew from."""
    from lava_predict.reports.page import to_html, to_json
    from lava_predict.reports.run_page import PAGE

    files.write("report.html", to_html(page))
    files.write(PAGE, to_json(page))


def _write(write: Any, result: Result, health: Health | None) -> dict[str, Any]:
    """Write all files of a run and return its summary."""
    from lava_predict.reports import plots
    from lava_predict.reports.plot_style import to_png
    from lava_predict.reports.summary import summarise

    summary = summarise(result, health)
    record = RunRecord.of(result)
    write("config.toml", result.config.to_toml())
    write("results.h5", record.to_bytes())
    for name, draw in plots.FIGURES.items():
        write(f"figures/{name}.png", to_png(draw(record)))
    write("summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


def _print_result(result: Result, summary: dict[str, Any], folder: Path) -> None:
    from lava_predict.reports.summary import table

    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table(result))
    reservoir, timing = summary["reservoir"], summary["timing"]
    print("{neurons} cells, {synapses} synapses, {mean_rate_hz:.1f} Hz".format(**reservoir))
    print("{simulated_s:.0f} s in {wall_s:.1f} s: {real_time_factor:.0f} times real time".format(**timing))
    print(f"fingerprint of the weights: {summary['fingerprint']['weights']}")
    print(f"table, records and pictures: {folder}/ (look at {folder}/figures/)")


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _terminate)
    app(_with_folder_to_resume(sys.argv[1:]))


def _with_folder_to_resume(arguments: list[str]) -> list[str]:
    """Let ``--out DIR --resume`` mean ``--resume DIR``; to the parser an option's value stands behind it."""
    if "--resume" not in arguments or "--out" not in arguments:
        return arguments
    resume, out = arguments.index("--resume"), arguments.index("--out")
    alone = resume + 1 == len(arguments) or arguments[resume + 1].startswith("-")
    if not alone or out + 1 >= len(arguments):
        return arguments
    rest = [a for n, a in enumerate(arguments) if n not in (resume, out, out + 1)]
    return [*rest, "--resume", arguments[out + 1]]


def _terminate(signum: int, frame: object) -> None:
    """Leave by way of the clean-up that any exception takes."""
    raise SystemExit(128 + signum)
