"""``lava-predict run``: teach a network and test it, in one go or with interruptions."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lava_predict.cli import shared
from lava_predict.errors import Caution

if TYPE_CHECKING:
    from lava_predict.experiment.results import RunState
    from lava_predict.settings.schema import Config

_PLOTS = "lava_predict.reports.plots"
_REPORTS = ("lava_predict.reports.run_page", "lava_predict.analysis.run_health", _PLOTS)
"""What is needed when the run has ended. It is imported while kernels run; but backends that start processes
should not begin with half of it."""

_LONG_S = 1.0
"""A run that goes on after this time, s, is worth a second process that gets ready to draw its pictures."""

_MANY_CELLS = 10_000
"""From so many cells on it is shown how far the drawing of a network is; it takes seconds then. And memory
matters more than the second that a second process saves."""

_DRAWN_OTHERWISE = Caution(
    "the settings draw another network here than the stopped run has, because another version of "
    "lava-predict or of its libraries started it: it continued with its own cells and synapses",
    "start a new run if you need the fingerprint of a run without a stop",
)


def run(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    backend: Annotated[str | None, shared.choice("Backend", shared.BACKENDS, "cpu")] = None,
    form: Annotated[
        str | None, shared.choice("Form of the Lava network", shared.FORMS, shared.FORMS[0])
    ] = None,
    target: Annotated[
        str | None, shared.choice("Target of the integer network as a Lava graph", shared.TARGETS)
    ] = None,
    precision: Annotated[str | None, shared.choice("Arithmetic", shared.PRECISIONS, "float")] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help="Threads for one large network on the cpu, to the same bits; pays from about 8,000 cells on "
            "with as many idle cores. Default: 1.",
        ),
    ] = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Folder to write; default runs/<time>-<preset>-<seed>."),
    ] = None,
    overwrite: shared.OverwriteOption = False,
    resume: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Continue the stopped run in this folder, to the same bits."),
    ] = None,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Teach a network the task in blocks, test it on the cue alone, and show how well it predicts."""
    from lava_predict.experiment.experiment import Experiment
    from lava_predict.network.draw import draw_network
    from lava_predict.records.checkpoint import Checkpoint, load_checkpoint, settings_of
    from lava_predict.records.folder import unfinished_run
    from lava_predict.reports.second_process import SecondProcess

    printed = shared.printed(figures, width_mm)
    if resume is not None:
        given: dict[str, Any] = {"CONFIG": config, "--preset": preset, "--seed": seed, "--set": settings}
        given |= {"--out": out, "--precision": precision, "--overwrite": overwrite}
        shared.refuse_to_change(
            resume,
            given,
            "continues with the settings of the stopped run; leave out {}; only --backend, --form, --target "
            "and --threads may differ",
        )
        if shared.is_complete(resume, quiet, as_json):
            return
        folder = resume
    else:
        chosen = shared.chosen_config(config, preset, settings, seed)
        way = _way(chosen, precision, backend, form, target, threads)
        folder = out if out is not None else shared.default_folder(f"{chosen.preset}-{chosen.run.seed}")
    with unfinished_run(folder, overwrite, resume is not None) as files, closing(SecondProcess()) as second:
        network, state, before_s, cautions = None, None, 0.0, []
        if resume is not None:
            # Before the run's own network is in memory, as a large one fits there once.
            stopped = settings_of(files.checkpoint)
            with shared.drawing(quiet or as_json or stopped.reservoir.neurons < _MANY_CELLS):
                drawn_here = draw_network(stopped).fingerprint()
            going_on = load_checkpoint(files.checkpoint)
            if backend is None:
                backend, form = going_on.backend, shared.given_or(form, going_on.form)
            way = _way(going_on.config, going_on.precision, backend, form, target, threads)
            network, state, before_s = going_on.network, going_on.state, going_on.wall_s
            if network.fingerprint() != drawn_here:
                cautions = [_DRAWN_OTHERWISE]
        with shared.drawing(quiet or as_json or way.config.reservoir.neurons < _MANY_CELLS):
            experiment = Experiment(way.config, network=network)
        plan, started = experiment.arithmetic(way.precision).plan, time.perf_counter()
        helped = _has_a_processor_to_spare(way)

        def keep(state: RunState) -> None:
            took_s, form = time.perf_counter() - started, way.options["form"]
            if helped and took_s > _LONG_S and not second.started:
                second.start(_PLOTS)
            checkpoint = Checkpoint(
                way.config, way.precision, way.backend, form, experiment.network, state, before_s + took_s
            )
            files.keep(partial(checkpoint.write, plan=plan), bool(state.trials))

        with (
            shared.meanwhile_importing(*(_REPORTS if way.backend == "cpu" else ())),
            shared.progress_bar(quiet or as_json, "training", "trials") as progress,
        ):
            result = experiment.run(
                way.backend, way.precision, progress=progress, state=state, keep=keep, **way.options
            )
        result = replace(result, wall_s=before_s + result.wall_s)

        from lava_predict.analysis.integer_health import check_health
        from lava_predict.reports.outcome import leave, show
        from lava_predict.reports.run_page import run_outcome

        health = check_health(experiment, result) if way.precision == "fixed" else None
        with shared.waiting(quiet or as_json or not sys.stderr.isatty(), "drawing and writing"):
            outcome = run_outcome(result, health)
            outcome = replace(outcome, warnings=[*outcome.warnings, *cautions])
            leave(outcome, files, printed, second)
    show(outcome, folder, quiet, as_json)


class _Way(NamedTuple):
    """What is run, and on what."""

    config: Config
    precision: str
    backend: str
    options: dict[str, Any]


def _way(
    config: Config,
    precision: str | None,
    backend: str | None,
    form: str | None,
    target: str | None,
    threads: int | None,
) -> _Way:
    """Choose what the options leave open; raises a UserError if that cannot be done here."""
    from lava_predict.engines import engine_options

    if target is not None:
        backend, precision = shared.given_or(backend, "lava"), shared.given_or(precision, "fixed")
        form = shared.given_or(form, "graph")
    backend, precision = shared.given_or(backend, "cpu"), shared.given_or(precision, "float")
    way = _Way(config, precision, backend, {"form": form, "target": target, "threads": threads})
    engine_options(way.backend, way.precision, way.options, config)
    return way


def _has_a_processor_to_spare(way: _Way) -> bool:
    """Say whether a second process can get ready while the network is simulated."""
    from lava_predict.pool import processors

    threads = shared.given_or(way.options["threads"], 1)
    return way.backend == "cpu" and threads < processors() and way.config.reservoir.neurons < _MANY_CELLS


def with_folder_to_resume(arguments: list[str]) -> list[str]:
    """Let ``--out DIR --resume`` mean ``--resume DIR``, although an option takes the next word as value."""
    if "--resume" not in arguments or "--out" not in arguments:
        return arguments
    resume, out = arguments.index("--resume"), arguments.index("--out")
    alone = resume + 1 == len(arguments) or arguments[resume + 1].startswith("-")
    if not alone or out + 1 >= len(arguments):
        return arguments
    rest = [a for n, a in enumerate(arguments) if n not in (resume, out, out + 1)]
    return [*rest, "--resume", arguments[out + 1]]
