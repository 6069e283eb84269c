"""Claim 3: the amplitude of the prediction is proportional to the probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.comparison.plots import amplitude_against_probability
from lava_predict.experiment import scores as metrics
from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.course import course
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_PERMUTED = "levels permuted"
_TIMING = "timing readout alone"

CRITERIA = (
    Criterion(
        "r_first", "r of A's amplitude with A's probability", "0.978", Rule("at least", 0.95), _PERMUTED
    ),
    Criterion(
        "r_second", "r of B's amplitude with A's probability", "-0.989", Rule("at most", -0.95), _PERMUTED
    ),
    Criterion(
        "offset",
        "amplitude that a line gives at probability 0, as a share of that at 1, mean size of both events",
        rule=Rule("at most", 0.1),
    ),
    Criterion("r_estimate", "r of A's estimate with A's probability, 0.2 to 0.8", null=_TIMING),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    """One block at each level; outcomes are drawn independently from level to level."""
    laid_out = {}
    for number, level in enumerate(conditions.LEVELS):
        draws = {"task": config.run.draws.task + 1 + number}
        probability = (float(level), float(1.0 - level))
        one = conditions.one_block(
            config, seed, probability, conditions.LATENCIES_MS[0], ("run", "draws", draws)
        )
        laid_out[f"{level:.1f}"] = unit(course, one)
    return laid_out


def _of_levels(found: Mapping[str, Found], name: str) -> np.ndarray:
    """Return amplitudes of z or o, or estimates p, at the end of the block, (levels, K)."""
    rows = []
    for level in conditions.LEVELS:
        one = found[f"{level:.1f}"]
        last = one[name][-1]
        if name != "p":
            last = metrics.amplitude(last, one["time_ms"], one["latency_ms"][0])
        rows.append(last)
    return np.array(rows)


def offset(levels: np.ndarray, amplitude: np.ndarray) -> float:
    """Return the size of a straight line's value at level 0, relative to that at level 1.

    Parameters
    ----------
    levels, amplitude : (levels,) float64
        What the least-squares line runs through.
    """
    slope, intercept = np.polyfit(levels, amplitude, 1)
    return float(abs(intercept / (intercept + slope)))


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    levels, middle = conditions.LEVELS, (conditions.LEVELS > 0.15) & (conditions.LEVELS < 0.85)
    amplitude, estimate, timing = (
        np.array([_of_levels(found, name) for found in seeds]) for name in ("o", "p", "z")
    )
    permuted = [np.random.default_rng(number).permutation(levels) for number in range(len(seeds))]

    def r(values: np.ndarray, event: int, of: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
        return np.array(
            [pearson(level[chosen], seed[chosen, event]) for level, seed in zip(of, values, strict=True)]
        )

    true, everything = [levels] * len(seeds), np.ones(levels.size, bool)
    offsets = [np.mean([offset(levels, seed[:, 0]), offset(1 - levels, seed[:, 1])]) for seed in amplitude]
    return {
        "r_first": Measured(r(amplitude, 0, true, everything), r(amplitude, 0, permuted, everything)),
        "r_second": Measured(r(amplitude, 1, true, everything), r(amplitude, 1, permuted, everything)),
        "offset": Measured(np.array(offsets)),
        "r_estimate": Measured(r(estimate, 0, true, middle), r(timing, 0, true, middle)),
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    amplitude = np.array([_of_levels(found, "o") for found in seeds])
    figure = amplitude_against_probability(
        conditions.LEVELS, {"event A": amplitude[:, :, 0], "event B": amplitude[:, :, 1]}
    )
    figure.axes[0].set_xlabel("probability of A")
    alt = "Amplitude of both events' prediction over the probability of A: one line rises, the other falls."
    caption = "Amplitude over the probability of A, a point a seed and level; lines are medians."
    return [Picture("probability", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=3,
    name="probability",
    statement="The amplitude of each event's prediction is proportional to its probability.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
