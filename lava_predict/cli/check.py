"""``lava-predict check``: whether a network is ready for Loihi 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError

if TYPE_CHECKING:
    from lava_predict.streams import StreamLearner

_DOING = "checking sizes, then a trial in float and in integers"


def check(
    config: Annotated[
        Path | None,
        typer.Argument(
            **shared.PATH,
            metavar="[CONFIG.toml|DIR]",
            help="TOML file with settings, or folder of run or learn.",
        ),
    ] = None,
    preset: shared.PresetOption = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Folder for summary.json and report.html; default: none."),
    ] = None,
    overwrite: shared.OverwriteOption = False,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Compare the network with what is public of Loihi 2: needs, limits, cost, verdict, what to change."""
    from lava_predict.targets.loihi2.page import outcome
    from lava_predict.targets.loihi2.readiness import check_readiness, check_stream

    learner, config = (None, config) if config is None or not config.is_dir() else _learned(config)
    if learner is not None:
        if preset is not None or seed is not None or settings:
            raise UserError(f"DIR = {str(config)!r}: a learned stream; leave out --preset, --seed and --set")
        with (
            shared.delivery(out, overwrite, quiet, as_json) as deliver,
            shared.waiting(quiet or as_json, _DOING),
        ):
            deliver(outcome(check_stream(learner)))
        return
    chosen = shared.chosen_config(config, preset, settings, seed)
    with shared.delivery(out, overwrite, quiet, as_json) as deliver, shared.waiting(quiet or as_json, _DOING):
        deliver(outcome(check_readiness(chosen)))


def _learned(folder: Path) -> tuple[StreamLearner | None, Path]:
    """Return the stream that a folder holds, or None and the settings of a run."""
    from lava_predict.records import checkpoint
    from lava_predict.records.folder import CHECKPOINT
    from lava_predict.records.hdf5 import kind_of
    from lava_predict.streams import learner

    path = folder / CHECKPOINT
    if kind_of(path, (checkpoint.KIND, learner.KIND)) == learner.KIND:
        return learner.StreamLearner.load(path), folder
    return None, folder / "config.toml"
