"""Claim 6: in one merged readout, what and when interfere.

A merged readout averages outcomes and learns timing at one rate. It runs at the rate that is best over all
blocks, and at the rate that re-learns timing soonest. Separate readouts that learn timing at the same rate
show whether outcomes disturb timing or the readout is only slow. Recursive least squares needs no rate:
merged and separate readouts are shown by that rule too, which is not the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from lava_predict.reports import curves
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import HALF, SOON, with_blocks
from lava_predict.reproduction.studies import blocks
from lava_predict.reproduction.studies.baselines import baselines
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit

_PROBABILITY_SWITCH, _TIMING_SWITCH = 1, 2
"""Blocks before which that alone switches."""

_RULES = {
    "separate readouts": "local",
    "merged, best over the course": "merged",
    "merged, soonest after a timing switch": "merged fast",
}
"""Rules that both pictures show, by label."""


def _units(config: Config, seed: int) -> Units:
    return {"baselines": unit(baselines, with_blocks(config, seed))}


def timing_departure(o: np.ndarray, truth: np.ndarray) -> float:
    """Return 1 - cosine over time of prediction and truth, (probes, steps, K), mean of events and probes.

    Neither is below 0, and their sizes do not matter. A prediction of nothing counts as 1.
    """
    product = np.sum(o * truth, axis=1)
    size = np.sqrt(np.sum(o**2, axis=1) * np.sum(truth**2, axis=1))
    cosine = np.divide(product, size, out=product * 0.0, where=size != 0.0)
    return float(np.mean(1.0 - cosine))


def amount_change(o: np.ndarray, profile: np.ndarray) -> float:
    """Return how much the total expectation changes from a first probe to later ones, on average.

    The total is the sum over time of a prediction that is never below 0, (probes, steps, K). Its unit is the
    total of a certain event with this timing profile, (steps, K).
    """
    amount = np.sum(o, axis=1) / np.sum(profile, axis=0)
    return float(np.mean(np.abs(amount[1:] - amount[0])))


def _timing_after_probability(found: Found) -> float:
    in_block = found["block"] == _PROBABILITY_SWITCH
    shown = in_block & (found["trials"] >= HALF * found["trials"][in_block][-1])
    return timing_departure(np.maximum(found["o"][shown], 0.0), found["truth"][shown])


def _amount_after_timing(found: Found) -> float:
    block = _TIMING_SWITCH
    before = blocks.block_ends(found)[block - 1]
    later = np.flatnonzero(found["block"] == block)
    later = later[found["trials"][later] >= SOON * found["trials"][later[-1]]]
    profile = found["truth"][later[0]] / found["probability"][block]
    return amount_change(np.maximum(found["o"][[before, *later]], 0.0), profile)


def _measure(found: Results, place: int) -> Values:
    def beside(measure: Callable[[Found], float], rule: str, other: str = "local") -> tuple[float, float]:
        one, null = (blocks.of_rule(found["baselines"], name) for name in (rule, other))
        return measure(one), measure(null)

    return {
        "ends": beside(blocks.error_at_ends, "merged"),
        "relearning": beside(partial(blocks.error_after, block=_TIMING_SWITCH, share=SOON), "merged"),
        "timing": beside(_timing_after_probability, "merged", "local slow"),
        "timing_fast": beside(_timing_after_probability, "merged fast", "local fast"),
        "amount": beside(_amount_after_timing, "merged"),
        "ends_rls": beside(blocks.error_at_ends, "merged rls reset", "rls reset"),
        "ends_forgetting": beside(blocks.error_at_ends, "merged rls forgetting", "rls forgetting"),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first = seeds[0]["baselines"]
    lines = _RULES | {
        "separate readouts, RLS, reset": "rls reset",
        "merged, RLS, reset": "merged rls reset",
    }
    errors = {name: over_seeds(seeds, "baselines", f"{rule}: error") for name, rule in lines.items()}
    figure = curves.learning_curves(blocks.trials_before(first), first["block"], errors)
    return {"merged": figure, "merged_prediction": _draw_predictions(config, seeds[0])}


def _draw_predictions(config: Config, seed: Results) -> Figure:
    """Show what is predicted after half of the block that follows the probability switch."""
    found = seed["baselines"]
    lines = _RULES | {"separate readouts, slow": "local slow", "separate readouts, fast": "local fast"}
    shown = np.flatnonzero(found["block"] == _PROBABILITY_SWITCH)
    half = shown[np.argmin(np.abs(found["trials"][shown] - HALF * found["trials"][shown[-1]]))]
    predictions = {name: found[f"{rule}: o"][half] for name, rule in lines.items()}
    times_ms, truth = found["time_ms"], found["truth"][half]
    return curves.prediction_overlay(times_ms, predictions, truth, config.task.cue_ms)


CLAIM = stated("merged-readout", _units, _measure, _draw)
