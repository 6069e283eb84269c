"""Claim 10: an auxiliary readout recovers a Beta posterior, and so confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.reports.plot_style import GREY, colour_of, keys, legend, new_figure, strip, to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.confidence import confidence
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_PROBABILITIES = (0.7, 0.2, 0.9, 0.5, 0.1, 0.8, 0.3, 0.6)
"""Of event A, block by block: the first four teach the auxiliary readout."""

_NULL = "features of other trials"

CRITERIA = (
    Criterion(
        "mean",
        "r of the reported log-odds with the ideal observer's, in later blocks",
        rule=Rule("at least", 0.8),
        null=_NULL,
    ),
    Criterion(
        "concentration",
        "r of the reported log concentration with the ideal observer's, in later blocks",
        rule=Rule("at least", 0.5),
        null=_NULL,
    ),
    Criterion(
        "concentration_plain",
        "the same without the what rule's count of trials, from traces and estimate alone",
        null=_NULL,
    ),
    Criterion("told", "r of the ideal observer's log concentration with that of one told of the switches"),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    blocks = [((p, round(1.0 - p, 6)), conditions.LATENCIES_MS[0]) for p in _PROBABILITIES]
    laid_out = conditions.with_blocks(config, seed, blocks, ("run", "probe_trials", []))
    return {"confidence": unit(confidence, laid_out)}


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    found = [one["confidence"] for one in seeds]
    mean, concentration = slice(0, 2), slice(2, 4)

    def over_events(name: str, part: slice) -> np.ndarray:
        return np.array([np.mean(one[name][..., part]) for one in found])

    return {
        "mean": Measured(over_events("count_correlation", mean), over_events("count_null_correlation", mean)),
        "concentration": Measured(
            over_events("count_correlation", concentration),
            over_events("count_null_correlation", concentration),
        ),
        "concentration_plain": Measured(
            over_events("correlation", concentration), over_events("null_correlation", concentration)
        ),
        "told": Measured(over_events("told_correlation", concentration)),
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    first = seeds[0]["confidence"]
    trials = np.arange(len(first["target"]))
    figure = new_figure(8, 4.6)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, report, label in zip(panels, (0, 2), ("log-odds of A", "log concentration"), strict=True):
        strip(axes)
        axes.plot(trials, first["told"][:, report], color=GREY, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.plot(trials, first["target"][:, report], color="black", linewidth=1.2, label="ideal observer")
        axes.plot(trials, first["report"][:, report], color=colour_of(1), linewidth=1.4, label="reported")
        axes.set_ylabel(label)
    panels[0].lines[0].set_label("told of the switches")
    panels[1].set_xlabel("trials read, none of them learned from")
    legend(figure, keys(panels[0]))
    alt = "Reported log-odds and log concentration over trials follow the ideal observer's, with its lags."
    caption = (
        "The auxiliary readout in blocks that it was not taught on (first seed), beside the "
        "ideal observer, who has to infer the switches, and one who is told of them."
    )
    return [Picture("confidence", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=10,
    name="confidence",
    statement="An auxiliary readout recovers the mean and the concentration of a Beta posterior of the "
    "probability.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
