"""Claim 6: in one merged readout, what and when interfere.

A merged readout averages outcomes and learns timing at one rate. It is given the rate at which it does best
over the course, and beside that the one at which it re-learns timing soonest. That outcomes disturb timing is
told from slowness by separate readouts that learn timing at the same rate. Recursive least squares needs no
rate: by that rule, which is not the paper's, merged and separate readouts are shown once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lava_predict.comparison import plots as comparison_plots
from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.baselines import baselines, of_rule
from lava_predict.reproduction.studies.course import block_ends, error_after
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_SOON, _HALF = 0.25, 0.5
"""Shares of a block."""

_PROBABILITY_SWITCH, _TIMING_SWITCH = 1, 2
"""Blocks before which that alone switches."""

_SEPARATE = "separate readouts"
_MERGED, _FAST = "merged, best over the course", "merged, soonest after a timing switch"

_ENDS = "error at the block's end, mean of all blocks"
_TIMING = "departure from the true timing, second half of the block after a switch of the probability alone"
_SAME_RATE = f"{_SEPARATE} at that rate"
_SAME_RULE = f"{_SEPARATE} by the same rule"

CRITERIA = (
    Criterion("ends", _ENDS, rule=Rule("at least", 1.25, "ratio"), null=_SEPARATE),
    Criterion(
        "relearning",
        "error a quarter of a block after a switch of the timing alone",
        rule=Rule("at least", 1.25, "ratio"),
        null=_SEPARATE,
    ),
    Criterion("timing", _TIMING, rule=Rule("at least", 2.0, "ratio"), null=_SAME_RATE),
    Criterion(
        "timing_fast",
        f"{_TIMING}; at the rate that re-learns timing soonest",
        rule=Rule("at least", 2.0, "ratio"),
        null=_SAME_RATE,
    ),
    Criterion(
        "amount",
        "change of the total expectation after a switch of the timing alone (1: by a certain event)",
        null=_SEPARATE,
    ),
    Criterion("ends_rls", f"{_ENDS}, by RLS with P reset at each switch", null=_SAME_RULE),
    Criterion("ends_forgetting", f"{_ENDS}, by RLS with forgetting", null=_SAME_RULE),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    return {"baselines": unit(baselines, conditions.course(config, seed))}


def timing_departure(o: np.ndarray, truth: np.ndarray) -> float:
    """Return how far the shape of a prediction is from the true one, whatever their sizes.

    Parameters
    ----------
    o, truth : (probes, steps, K) float64
        Prediction, at least 0, and truth.

    Returns
    -------
    float
        1 - cosine between the two over time, mean of events and probes; a prediction of nothing counts as 1.
    """
    product = np.sum(o * truth, axis=1)
    size = np.sqrt(np.sum(o**2, axis=1) * np.sum(truth**2, axis=1))
    cosine = np.divide(product, size, out=product * 0.0, where=size != 0.0)
    return float(np.mean(1.0 - cosine))


def amount_change(o: np.ndarray, profile: np.ndarray) -> float:
    """Return how much the total expectation of an event changes from a first probe to later ones.

    Parameters
    ----------
    o : (probes, steps, K) float64
        Prediction, at least 0, of the first and of the later probes.
    profile : (steps, K) float64
        Timing profile of an event that is certain; where in time it stands does not matter.

    Returns
    -------
    float
        Absolute change of the sum over time, as a share of the profile's, mean of events and later probes.
    """
    amount = np.sum(o, axis=1) / np.sum(profile, axis=0)
    return float(np.mean(np.abs(amount[1:] - amount[0])))


def _timing_after_probability(found: Found) -> float:
    in_block = found["block"] == _PROBABILITY_SWITCH
    shown = in_block & (found["trials"] >= _HALF * found["trials"][in_block][-1])
    return timing_departure(np.maximum(found["o"][shown], 0.0), found["truth"][shown])


def _amount_after_timing(found: Found) -> float:
    block = _TIMING_SWITCH
    before = block_ends(found)[block - 1]
    later = np.flatnonzero(found["block"] == block)
    later = later[found["trials"][later] >= _SOON * found["trials"][later[-1]]]
    profile = found["truth"][later[0]] / found["probability"][block]
    return amount_change(np.maximum(found["o"][[before, *later]], 0.0), profile)


def _error_at_ends(found: Found) -> float:
    return float(np.mean(found["error"][block_ends(found)]))


def _relearning(found: Found) -> float:
    return error_after(found, _TIMING_SWITCH, _SOON)


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    def beside(measure: Callable[[Found], float], rule: str, other: str = "local") -> Measured:
        ours, null = (
            np.array([measure(of_rule(found["baselines"], one)) for found in seeds]) for one in (rule, other)
        )
        return Measured(ours, null)

    return {
        "ends": beside(_error_at_ends, "merged"),
        "relearning": beside(_relearning, "merged"),
        "timing": beside(_timing_after_probability, "merged", "local slow"),
        "timing_fast": beside(_timing_after_probability, "merged fast", "local fast"),
        "amount": beside(_amount_after_timing, "merged"),
        "ends_rls": beside(_error_at_ends, "merged rls reset", "rls reset"),
        "ends_forgetting": beside(_error_at_ends, "merged rls forgetting", "rls forgetting"),
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    first = seeds[0]["baselines"]
    trials = first["trials"] + first["block"] * first["trials"].max()
    lines = {
        _SEPARATE: "local",
        _MERGED: "merged",
        _FAST: "merged fast",
        f"{_SEPARATE}, RLS, reset": "rls reset",
        "merged, RLS, reset": "merged rls reset",
    }
    errors = {
        name: np.array([found["baselines"][f"{rule}: error"] for found in seeds])
        for name, rule in lines.items()
    }
    curves = comparison_plots.learning_curves(trials, first["block"], errors)
    alt = "Error over four blocks for separate readouts and for one merged readout, at two rates and by RLS."
    caption = (
        "Error of the cue-only prediction over the course with separate readouts and with one merged one, at "
        "the rate that serves it best over the course and at the one best soon after the timing switch; both "
        "also by RLS with P reset at each switch: median and quartiles over seeds."
    )
    return [Picture("merged", to_png(curves), alt, caption), _draw_predictions(config, seeds[0])]


def _draw_predictions(config: Config, seed: Mapping[str, Found]) -> Picture:
    """Show what is predicted after half of the block that follows the probability switch."""
    found = seed["baselines"]
    lines = {
        _SEPARATE: "local",
        _MERGED: "merged",
        _FAST: "merged fast",
        f"{_SEPARATE}, slow": "local slow",
        f"{_SEPARATE}, fast": "local fast",
    }
    shown = np.flatnonzero(found["block"] == _PROBABILITY_SWITCH)
    half = shown[np.argmin(np.abs(found["trials"][shown] - 0.5 * found["trials"][shown[-1]]))]
    predictions = {name: found[f"{rule}: o"][half] for name, rule in lines.items()}
    times_ms, truth = found["time_ms"], found["truth"][half]
    figure = comparison_plots.prediction_overlay(times_ms, predictions, truth, config.task.cue_ms)
    alt = "Predictions of both events over time with separate readouts and with a merged one, and the truth."
    caption = (
        "Prediction on the cue alone half a block after the probability has switched and the timing has "
        "not; slow and fast: separate readouts that learn timing at the rates of the merged ones. One seed."
    )
    return Picture("merged_prediction", to_png(figure), alt, caption)


CLAIM = Claim(
    number=6,
    name="merged-readout",
    statement="If one merged readout is taught probability-weighted timing, what and when interfere: "
    "learning the one disturbs the other.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
