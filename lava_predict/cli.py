"""The command ``lava-predict``."""

from __future__ import annotations

import functools
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

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
from lava_predict.backends.lava import FORMS
from lava_predict.config import Config
from lava_predict.config_files import load_config, load_preset, preset_names
from lava_predict.errors import RunError, UserError
from lava_predict.experiment import BACKENDS, Experiment, Result, check_available
from lava_predict.experiment import Progress as ProgressCallback
from lava_predict.storage import RunRecord, new_folder

app = typer.Typer(
    name="lava-predict",
    help="Networks that learn what will happen, when, and with what probability.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
        except KeyboardInterrupt:
            code, message = 130, "interrupted; nothing was written"
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
    config: Annotated[
        Path | None,
        typer.Argument(metavar="[CONFIG.toml]", help="Settings; what is missing comes from its preset."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"One of: {', '.join(preset_names())}. Default: robust.")
    ] = None,
    backend: Annotated[str, typer.Option(help=f"What to run on: {', '.join(BACKENDS)}.")] = "cpu",
    form: Annotated[
        str | None, typer.Option(help=f"Of the Lava network: {', '.join(FORMS)}. Default: {FORMS[0]}.")
    ] = None,
    precision: Annotated[str, typer.Option(help="Arithmetic: float.")] = "float",
    seed: Annotated[int | None, typer.Option(help="Replaces run.seed.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; default runs/<time>-<preset>-<seed>.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a folder of an earlier run.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json and nothing else.")] = False,
) -> None:
    """Teach a network the task in blocks, test it on the cue alone, and show how well it predicts."""
    chosen = _choose(config, preset, seed, settings or [])
    check_available(backend, precision, form)
    folder = out if out is not None else _default_folder(chosen)
    with new_folder(folder, overwrite) as files:
        experiment = Experiment(chosen)
        with _progress(shown=sys.stderr.isatty() and not (quiet or as_json)) as progress:
            result = experiment.run(backend, precision, form, progress)
        summary = _write(files.write, result)
    if as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not quiet:
        _print_result(result, summary, folder)


def _choose(config: Path | None, preset: str | None, seed: int | None, settings: list[str]) -> Config:
    if config is not None and preset is not None:
        raise UserError(
            f"CONFIG = {str(config)!r} and --preset {preset!r} exclude each other; give one of them"
        )
    overrides = [*settings, *([f"run.seed={seed}"] if seed is not None else [])]
    if config is not None:
        return load_config(config, overrides)
    return load_preset(preset if preset is not None else "robust", overrides)


def _default_folder(config: Config) -> Path:
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.preset}-{config.run.seed}"
    folder, number = Path("runs") / stem, 2
    while folder.exists():
        folder, number = Path("runs") / f"{stem}-{number}", number + 1
    return folder


@contextmanager
def _progress(shown: bool) -> Iterator[ProgressCallback | None]:
    if not shown:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _write(write: Any, result: Result) -> dict[str, Any]:
    """Write all files of a run and return its summary."""
    from lava_predict import plots
    from lava_predict.summary import summarise

    summary = summarise(result)
    record = RunRecord.of(result)
    write("config.toml", result.config.to_toml())
    write("results.h5", record.to_bytes())
    for name, draw in plots.FIGURES.items():
        write(f"figures/{name}.png", plots.to_png(draw(record)))
    write("summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


def _print_result(result: Result, summary: dict[str, Any], folder: Path) -> None:
    from lava_predict.summary import table

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
    app()


def _terminate(signum: int, frame: object) -> None:
    """Leave by way of the clean-up that any exception takes."""
    raise SystemExit(128 + signum)
