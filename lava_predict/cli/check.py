"""``lava-predict check``: whether a network is ready for Loihi 2."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lava_predict.cli import shared


def check(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for summary.json and report.html; default: none.")
    ] = None,
    overwrite: shared.OverwriteOption = False,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Compare the network with what is public of Loihi 2: needs, limits, cost, verdict, what to change."""
    from lava_predict.targets.loihi2.page import outcome
    from lava_predict.targets.loihi2.readiness import check_readiness

    chosen = shared.chosen_config(config, preset, settings, seed)
    with shared.delivery(out, overwrite, quiet, as_json) as deliver:
        deliver(outcome(check_readiness(chosen)))
