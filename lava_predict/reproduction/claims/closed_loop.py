"""Claim 8: the closed loop stabilises the cue-only trajectory.

A loop also drives the cells, and whatever drives them from trial to trial in the same way makes their courses
alike. So the loop is held against its own signal without it, as well as against no loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.reports.plot_style import (
    keys,
    legend,
    line_style,
    median_and_band,
    new_figure,
    null_style,
    strip,
    to_png,
)
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.closed_loop import (
    CONDITIONS,
    FEEDBACK_GAIN,
    KICK_MS,
    KICKED,
    trajectories,
)
from lava_predict.reproduction.studies.course import block_ends, course
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_LESS = Rule("at most", 0.9, "ratio")
"""A tenth less; two sets of presentations of one network differ by less than that."""
_AFTER_KICK_MS = (300.0, 400.0)

_TRACES = "variance over presentations of the traces / variance over time of their mean course"
_READOUT = "the same of the when readout"
_PLAYED_IN = "the loop cut at the cue, its mean signal played in"
_OPEN = "a network that learned and is tested with the loop open"

CRITERIA = (
    Criterion("traces-played", _TRACES, rule=_LESS, null=_PLAYED_IN),
    Criterion("traces-open", _TRACES, rule=_LESS, null=_OPEN),
    Criterion("readout-played", _READOUT, rule=_LESS, null=_PLAYED_IN),
    Criterion("readout-open", _READOUT, rule=_LESS, null=_OPEN),
    Criterion(
        "kick",
        "squared distance of the traces 300 ms after a kick from those without it / variance over time",
        rule=_LESS,
        null="the loop cut at the cue, the unkicked presentation's signal played in",
    ),
    Criterion(
        "traces-other", _TRACES, null="the loop cut at the cue, another presentation's signal played in"
    ),
    Criterion(
        "traces-noise",
        f"open loop: {_TRACES}",
        null="the same network, other noise: what no effect looks like",
    ),
    Criterion("error", "error at the blocks' ends, mean / of predicting nothing", null=_OPEN),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    closed = ("reservoir", "feedback_gain", FEEDBACK_GAIN)
    opened = ("reservoir", "feedback_gain", 0.0)
    return {
        "trajectories": unit(trajectories, conditions.one_block(config, seed, *conditions.COURSE[0], closed)),
        "closed": unit(course, conditions.course(config, seed, closed)),
        "open": unit(course, conditions.course(config, seed, opened)),
    }


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    time_ms = seeds[0]["trajectories"]["time_ms"]
    since_kick = time_ms - KICK_MS
    low, high = _AFTER_KICK_MS
    late = (since_kick >= low) & (since_kick < high)

    def each(name: str, shown: np.ndarray) -> np.ndarray:
        return np.array([found["trajectories"][name][:, shown].mean(axis=1) for found in seeds]).T

    always = np.ones(time_ms.size, bool)
    closed, opened, mean, other, again = each("x_variability", always)
    z_closed, z_opened, z_mean, _, _ = each("z_variability", always)
    return {
        "traces-played": Measured(closed, mean),
        "traces-open": Measured(closed, opened),
        "readout-played": Measured(z_closed, z_mean),
        "readout-open": Measured(z_closed, z_opened),
        "kick": Measured(*each("x_distance", late)),
        "traces-other": Measured(closed, other),
        "traces-noise": Measured(opened, again),
        "error": Measured(*(np.array([_at_ends(found[of]) for found in seeds]) for of in ("closed", "open"))),
    }


def _at_ends(found: Found) -> float:
    return float(found["error"][block_ends(found)].mean())


_STYLES = dict(zip(CONDITIONS, (line_style(0), line_style(1), null_style(0), null_style(1)), strict=False))


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    found = [one["trajectories"] for one in seeds]
    time_ms = found[0]["time_ms"]
    figure = new_figure(10, 3.8)
    panels = figure.subplots(1, 3)
    for axes, name, title in (
        (panels[0], "x_variability", "traces"),
        (panels[1], "z_variability", "when readout"),
    ):
        values = np.array([one[name] for one in found])
        for row, (condition, style) in enumerate(_STYLES.items()):
            median_and_band(strip(axes), time_ms, values[:, row], condition, style)
        axes.set(xlabel="time after the cue (ms)", ylabel="variance / variance over time", ylim=(0, None))
        axes.set_title(title, fontsize=10)
    kicked = np.array([one["x_distance"] for one in found])
    two_noises = 2.0 * np.array([one["x_variability"][0] for one in found])
    axes = strip(panels[2])
    median_and_band(axes, time_ms, kicked[:, 0], KICKED[0], line_style(0))
    median_and_band(axes, time_ms, kicked[:, 1], KICKED[1], null_style(2))
    median_and_band(axes, time_ms, two_noises, "unkicked, other noise", null_style(3))
    axes.set(xlabel="time after the cue (ms)", ylabel="distance² / variance over time", ylim=(0, None))
    axes.set_title(f"after a kick at {KICK_MS:g} ms", fontsize=10)
    legend(figure, [*keys(panels[0]), *keys(panels[2])[1:]], columns=3)
    alt = (
        "Variability of traces and when readout over the time after the cue, with the loop closed, open, and "
        "its signal played in; and the distance of a kicked from an unkicked presentation."
    )
    caption = (
        "Cue-only presentations of a network that has learned a block: variance over presentations with the "
        "loop closed, with the loop open, and with a signal of the loop played in without it; right, how far "
        "a kick of a tenth of the cells drives the traces apart. Median and quartiles over seeds."
    )
    return [Picture("closed_loop", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=8,
    name="closed-loop",
    statement="The when readout, fed back into the reservoir, stabilises the trajectory after the cue alone.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
