"""Claim 3: the amplitude of the prediction is proportional to the probability."""

from __future__ import annotations

import numpy as np

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.experiment import scores
from lava_predict.reports.curves import amplitude_against_probability
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, stated
from lava_predict.reproduction.conditions import LATENCIES_MS, LEVELS, with_blocks
from lava_predict.reproduction.studies.blocks import learn_blocks
from lava_predict.settings.schema import Config
from lava_predict.work.unit import unit


def _units(config: Config, seed: int) -> Units:
    """One block at each level; outcomes are drawn independently from level to level."""
    laid_out = {}
    for number, level in enumerate(LEVELS):
        draws = ("run", "draws", {"task": config.run.draws.task + 1 + number})
        block = ((float(level), float(1.0 - level)), LATENCIES_MS[0])
        laid_out[f"{level:.1f}"] = unit(learn_blocks, with_blocks(config, seed, draws, blocks=[block]))
    return laid_out


def _of_levels(found: Results, name: str) -> np.ndarray:
    """Return amplitudes of z or o at the end of the block, (levels, K)."""
    levels = [found[f"{level:.1f}"] for level in LEVELS]
    return np.array([scores.amplitude(one[name][-1], one["time_ms"], one["latency_ms"][0]) for one in levels])


def offset(levels: np.ndarray, amplitude: np.ndarray) -> float:
    """Return the size of the least-squares line's value at level 0, relative to that at level 1."""
    slope, intercept = np.polyfit(levels, amplitude, 1)
    return float(abs(intercept / (intercept + slope)))


def _measure(found: Results, place: int) -> Values:
    amplitude, timing = _of_levels(found, "o"), _of_levels(found, "z")
    estimate = np.array([found[f"{level:.1f}"]["p"][-1] for level in LEVELS])
    permuted, middle = np.random.default_rng(place).permutation(LEVELS), (LEVELS > 0.15) & (LEVELS < 0.85)
    return {
        "r_first": (pearson(LEVELS, amplitude[:, 0]), pearson(permuted, amplitude[:, 0])),
        "r_second": (pearson(LEVELS, amplitude[:, 1]), pearson(permuted, amplitude[:, 1])),
        "offset": float(np.mean([offset(LEVELS, amplitude[:, 0]), offset(1 - LEVELS, amplitude[:, 1])])),
        "r_estimate": (
            pearson(LEVELS[middle], estimate[middle, 0]),
            pearson(LEVELS[middle], timing[middle, 0]),
        ),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    amplitude = np.array([_of_levels(found, "o") for found in seeds])
    figure = amplitude_against_probability(
        LEVELS, {"event A": amplitude[:, :, 0], "event B": amplitude[:, :, 1]}
    )
    figure.axes[0].set_xlabel("probability of A")
    return {"probability": figure}


CLAIM = stated("probability", _units, _measure, _draw)
