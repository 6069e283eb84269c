"""``lava-predict run``: teach a network and test it, in one go or with interruptions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError

if TYPE_CHECKING:
    from lava_predict.experiment.experiment import Experiment
    from lava_predict.experiment.results import RunState
    from lava_predict.records.checkpoint import Checkpoint
    from lava_predict.records.folder import UnfinishedRun


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
    from lava_predict.analysis.integer_health import check_health
    from lava_predict.engines import engine_options
    from lava_predict.experiment.experiment import Experiment
    from lava_predict.records.checkpoint import Checkpoint
    from lava_predict.records.folder import unfinished_run
    from lava_predict.reports.outcome import leave, show
    from lava_predict.reports.run_page import run_outcome

    printed, going_on = shared.printed(figures, width_mm), None
    if resume is not None:
        given: dict[str, Any] = {"CONFIG": config, "--preset": preset, "--seed": seed, "--set": settings}
        given |= {"--out": out, "--precision": precision, "--overwrite": overwrite}
        shared.refuse_to_change(
            resume,
            given,
            "continues with the settings of the stopped run; leave out {}; only --backend, --form and "
            "--target may differ",
        )
        going_on = _checkpoint(resume, quiet, as_json)
        if going_on is None:
            return
        chosen, folder, precision = going_on.config, resume, going_on.precision
        if backend is None:
            backend, form = going_on.backend, shared.given_or(form, going_on.form)
    else:
        chosen = shared.chosen_config(config, preset, settings, seed)
        folder = out if out is not None else shared.default_folder(f"{chosen.preset}-{chosen.run.seed}")
    if target is not None:
        backend, precision = shared.given_or(backend, "lava"), shared.given_or(precision, "fixed")
        form = shared.given_or(form, "graph")
    backend, precision = shared.given_or(backend, "cpu"), shared.given_or(precision, "float")
    options = {"form": form, "target": target}
    engine_options(backend, precision, options, chosen)
    with unfinished_run(folder, overwrite, resume is not None) as files:
        experiment = Experiment(chosen)
        state, before_s = None, 0.0
        if going_on is not None:
            state, before_s = going_on.state, going_on.wall_s
            _check_same_network(folder, going_on, experiment)
        plan, started = experiment.arithmetic(precision).plan, time.perf_counter()

        def keep(state: RunState) -> None:
            wall_s = before_s + time.perf_counter() - started
            checkpoint = Checkpoint(chosen, precision, backend, form, experiment.network, state, wall_s)
            files.keep(checkpoint.to_bytes(plan), bool(state.trials))

        with (
            _say_how_to_go_on(folder, files),
            shared.progress_bar(quiet or as_json, "training", "trials") as progress,
        ):
            result = experiment.run(backend, precision, progress=progress, state=state, keep=keep, **options)
        result = replace(result, wall_s=before_s + result.wall_s)
        health = check_health(experiment, result) if precision == "fixed" else None
        outcome = run_outcome(result, health)
        leave(outcome, files, printed)
    show(outcome, folder, quiet, as_json)


def _checkpoint(resume: Path, quiet: bool, as_json: bool) -> Checkpoint | None:
    """Load the checkpoint of a stopped run, or show a run that has ended and return None.

    Raises a UserError if there is neither.
    """
    from lava_predict.records.checkpoint import load_checkpoint
    from lava_predict.records.folder import CHECKPOINT, unfinished_folder

    checkpoint = unfinished_folder(resume) / CHECKPOINT
    if checkpoint.exists():
        return load_checkpoint(checkpoint)
    try:
        summary = (resume / "summary.json").read_text()
    except OSError:
        raise UserError(
            f"--resume {str(resume)!r}: there is no stopped run ({checkpoint.parent}/ does not "
            "exist); give the folder that --out named"
        ) from None
    if as_json:
        print(summary, end="")
    elif not quiet:
        print(f"{resume}/: this run is complete; there is nothing to do")
    return None


def _check_same_network(resume: Path, going_on: Checkpoint, experiment: Experiment) -> None:
    """Raise a UserError if this machine draws another network than the stopped run has."""
    if experiment.network.fingerprint() != going_on.network.fingerprint():
        raise UserError(
            f"--resume {str(resume)!r}: the same settings draw another network here, because this machine "
            "or its libraries differ from those of the stopped run; resume it on the machine where it was "
            "started"
        )


@contextmanager
def _say_how_to_go_on(folder: Path, files: UnfinishedRun) -> Iterator[None]:
    """Say how to continue a run when it is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        if files.started:
            raise KeyboardInterrupt(
                f"interrupted; continue with: lava-predict run --resume {folder}"
            ) from None
        raise


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
