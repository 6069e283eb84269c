"""Claim 10: an auxiliary readout recovers a Beta posterior, and so confidence."""

from __future__ import annotations

import numpy as np

from lava_predict.reports.plot_style import GREY, colour_of, legend, panels
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, stated
from lava_predict.reproduction.conditions import LATENCIES_MS, with_blocks
from lava_predict.reproduction.studies.confidence import confidence
from lava_predict.settings.schema import Config
from lava_predict.work.unit import unit

_PROBABILITIES = (0.7, 0.2, 0.9, 0.5, 0.1, 0.8, 0.3, 0.6)
"""Of event A, block by block: the first four teach the auxiliary readout."""


def _units(config: Config, seed: int) -> Units:
    blocks = [((p, round(1.0 - p, 6)), LATENCIES_MS[0]) for p in _PROBABILITIES]
    laid_out = with_blocks(config, seed, ("run", "probe_trials", []), blocks=blocks)
    return {"confidence": unit(confidence, laid_out)}


def _measure(found: Results, place: int) -> Values:
    def over_events(name: str, part: slice) -> float:
        return float(np.mean(found["confidence"][name][..., part]))

    def beside(of: str, part: slice) -> tuple[float, float]:
        return over_events(f"{of}correlation", part), over_events(f"{of}null_correlation", part)

    mean, concentration = slice(0, 2), slice(2, 4)
    return {
        "mean": beside("count_", mean),
        "concentration": beside("count_", concentration),
        "concentration_plain": beside("", concentration),
        "told": over_events("told_correlation", concentration),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first = seeds[0]["confidence"]
    trials = np.arange(len(first["target"]))
    figure, grid = panels(2, 1, 8, 4.6, sharex=True)
    for axes, report, label in zip(grid.flat, (0, 2), ("log-odds of A", "log concentration"), strict=True):
        axes.plot(trials, first["told"][:, report], color=GREY, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.plot(trials, first["target"][:, report], color="black", linewidth=1.2, label="ideal observer")
        axes.plot(trials, first["report"][:, report], color=colour_of(1), linewidth=1.4, label="reported")
        axes.set_ylabel(label)
    figure.axes[0].lines[0].set_label("told of the switches")
    figure.axes[1].set_xlabel("trials (without learning)")
    return {"confidence": legend(figure)}


CLAIM = stated("confidence", _units, _measure, _draw)
