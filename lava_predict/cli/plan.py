"""``lava-predict plan``: the parameters in integers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lava_predict.cli import shared


def plan(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    out: Annotated[
        Path | None, typer.Option(**shared.FOLDER, help="Folder to write summary.json to; default: none.")
    ] = None,
    overwrite: shared.OverwriteOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Show every parameter as an integer, and whether the network still fires as in float."""
    from lava_predict.analysis.integer_health import check_health
    from lava_predict.experiment.experiment import Experiment
    from lava_predict.reports.summary import plan_outcome

    experiment = Experiment(shared.chosen_config(config, preset, settings, seed))
    with (
        shared.delivery(out, overwrite, False, as_json) as deliver,
        shared.waiting(as_json, "playing a trial in float and in integers"),
    ):
        health = check_health(experiment)
        found = experiment.arithmetic("fixed").plan
        assert found is not None
        deliver(plan_outcome(experiment.config, found, health))
