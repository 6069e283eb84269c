"""Claim 5: recursive least squares (FORCE) learns as well, but re-learns only if its P is reset."""

from __future__ import annotations

import numpy as np

from lava_predict.reports import curves
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import SOON, with_blocks
from lava_predict.reproduction.studies.baselines import baselines
from lava_predict.reproduction.studies.blocks import error_after, error_at_ends, of_rule, trials_before
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit

_LATER_SWITCHES = (2, 3)
"""Blocks that the second and third switch, of timing and of both, begin."""

_RULES = ("local", "rls kept", "rls reset", "rls forgetting", "broadcast")


def _units(config: Config, seed: int) -> Units:
    return {"baselines": unit(baselines, with_blocks(config, seed))}


def later_error(found: Found) -> float:
    """Return the relative error soon after the second and third switch, their mean."""
    return float(np.mean([error_after(found, block, SOON) for block in _LATER_SWITCHES]))


def _measure(found: Results, place: int) -> Values:
    rules = {rule: of_rule(found["baselines"], rule) for rule in _RULES}
    local, kept, broadcast = (rules[rule] for rule in ("local", "rls kept", "broadcast"))
    return {
        rule.removeprefix("rls "): (later_error(rules[rule]), later_error(local)) for rule in _RULES[1:]
    } | {
        "first_block": (error_after(kept, 0, 1.0), error_after(local, 0, 1.0)),
        "broadcast_ends": (error_at_ends(broadcast), error_at_ends(local)),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first = seeds[0]["baselines"]
    errors = {
        rule.replace("rls", "RLS,"): over_seeds(seeds, "baselines", f"{rule}: error") for rule in _RULES
    }
    figure = curves.learning_curves(trials_before(first), first["block"], errors)
    return {"force": figure}


CLAIM = stated("force", _units, _measure, _draw)
