"""Claim 2: on cue-only trials the prediction is locked to both latencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.experiment import scores as metrics
from lava_predict.reports.plot_style import (
    GREY,
    colour_of,
    event_name,
    keys,
    legend,
    median_and_band,
    new_figure,
    point_style,
    strip,
    to_png,
)
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.ablation import ablated
from lava_predict.reproduction.studies.course import block_ends, course
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_NULL = "shuffled timing"

CRITERIA = (
    Criterion(
        "peak",
        "distance of the prediction's peak from the latency (ms), mean over both events and all blocks",
        rule=Rule("at most", 40.0),
        null=_NULL,
    ),
    Criterion(
        "shape",
        "correlation over time of the prediction with the timing profile, mean over both and all blocks",
        rule=Rule("at least", 0.3, "difference"),
        null=_NULL,
    ),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    laid_out = conditions.course(config, seed)
    return {"course": unit(course, laid_out), "shuffled": unit(ablated, laid_out, ablation=_NULL)}


def peak_distance(found: Found) -> float:
    """Return the mean distance of the prediction's peak from the latency at the ends of all blocks, ms.

    A prediction that is nowhere above 0 has no peak and counts as half of the trial away.
    """
    distance = []
    for block, probe in enumerate(block_ends(found)):
        peaks = metrics.peak_time(found["o"][probe], found["time_ms"])
        distance.append(np.abs(peaks - found["latency_ms"][block]))
    none = (found["time_ms"][-1] - found["time_ms"][0]) / 2
    return float(np.mean(np.where(np.isnan(distance), none, distance)))


def shape_correlation(found: Found) -> float:
    """Return the mean correlation over time of prediction and truth at the ends of all blocks."""
    # A prediction that is flat has no correlation; it counts as 0.
    r = []
    for probe in block_ends(found):
        o, truth = found["o"][probe], found["truth"][probe]
        r += [pearson(o[:, k], truth[:, k]) for k in range(o.shape[1])]
    return float(np.mean(np.nan_to_num(r)))


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    quantities = {"peak": peak_distance, "shape": shape_correlation}
    return {
        key: Measured(*(np.array([of(found[name]) for found in seeds]) for name in ("course", "shuffled")))
        for key, of in quantities.items()
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    first = seeds[0]["course"]
    ends = block_ends(first)
    figure = new_figure(2.6 * len(ends) + 0.6, 3.2)
    panels = figure.subplots(1, len(ends), squeeze=False, sharey=True)[0]
    for block, (axes, probe) in enumerate(zip(panels, ends, strict=True)):
        strip(axes)
        for event in range(first["o"].shape[2]):
            shown = np.array([found["course"]["o"][probe, :, event] for found in seeds])
            style = point_style(event) | {"marker": ""}
            median_and_band(axes, first["time_ms"], shown, f"predicted {event_name(event)}", style)
            true = first["truth"][probe, :, event]
            axes.plot(first["time_ms"], true, color=GREY, linewidth=0.9, label="_" if event else "truth")
            axes.axvline(first["latency_ms"][block, event], color=colour_of(event), linewidth=0.6, alpha=0.5)
        axes.set_title(f"end of block {block + 1}", fontsize=10)
        axes.set_xlabel("time after the cue (ms)")
    panels[0].set(ylabel="prediction", ylim=(0, None))
    legend(figure, keys(panels[0]))
    alt = "Prediction over time after the cue at the end of every block; each event's peaks at its latency."
    caption = "Prediction on the cue alone at the end of every block: median and quartiles over seeds."
    return [Picture("anticipation", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=2,
    name="anticipation",
    statement="On trials with the cue alone the prediction of each event is locked to that event's latency.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
