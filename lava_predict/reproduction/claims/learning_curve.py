"""Claim 1: the error falls within a block."""

from __future__ import annotations

import numpy as np

from lava_predict.reports import curves
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import with_blocks
from lava_predict.reproduction.studies.ablation import ablated_rules
from lava_predict.reproduction.studies.blocks import error_after, learn_blocks, of_rule, probe_after
from lava_predict.settings.schema import Config
from lava_predict.work.unit import unit

_NULL = "shuffled timing"
_SHARES = {"tenth": 0.1, "half": 0.5, "end": 1.0}
"""How much of the block has been learned."""
_ONE_TRIAL = 0.01


def _units(config: Config, seed: int) -> Units:
    laid_out = with_blocks(config, seed)
    return {"blocks": unit(learn_blocks, laid_out), _NULL: unit(ablated_rules, laid_out, ablations=[_NULL])}


def _measure(found: Results, place: int) -> Values:
    ours, null = found["blocks"], of_rule(found[_NULL], _NULL)

    def fall(share: float) -> tuple[float, float]:
        if probe_after(ours, 0, share) == probe_after(ours, 0, _ONE_TRIAL):
            return np.nan, np.nan  # The block is so short that the first trial would be judged by itself.
        our_fall, null_fall = (
            error_after(one, 0, share) / error_after(one, 0, _ONE_TRIAL) for one in (ours, null)
        )
        return our_fall, null_fall

    return {key: fall(share) for key, share in _SHARES.items()} | {
        "first": error_after(ours, 0, _ONE_TRIAL),
        "learned": (error_after(ours, 0, 1.0), error_after(null, 0, 1.0)),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first = seeds[0]["blocks"]
    shown = first["block"] == 0
    error, null = over_seeds(seeds, "blocks", "error"), over_seeds(seeds, _NULL, f"{_NULL}: error")
    lines = ({"both rules": error[:, shown]}, {_NULL: null[:, shown]})
    figure = curves.learning_curves(first["trials"][shown], first["block"][shown], *lines)
    return {"learning_curve": figure}


CLAIM = stated("learning-curve", _units, _measure, _draw)
