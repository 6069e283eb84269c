"""Claim 8: the closed loop stabilises the cue-only trajectory.

A loop also drives the cells, and any drive that is the same in every trial makes their trajectories alike. So
the loop is compared with its own signal played in without it, as well as with no loop.
"""

from __future__ import annotations

import numpy as np

from lava_predict.reports import plot_style as style
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import CLOSED_LOOP, FOUR_BLOCKS, OPEN_LOOP, with_blocks
from lava_predict.reproduction.studies import closed_loop as study
from lava_predict.reproduction.studies.blocks import error_at_ends, learn_blocks
from lava_predict.settings.schema import Config
from lava_predict.work.unit import unit

_LATE_MS = (300.0, 400.0)
"""After the kick."""


def _units(config: Config, seed: int) -> Units:
    one_block = with_blocks(config, seed, CLOSED_LOOP, blocks=FOUR_BLOCKS[:1])
    return {
        "trajectories": unit(study.trajectories, one_block),
        "closed": unit(learn_blocks, with_blocks(config, seed, CLOSED_LOOP)),
        "open": unit(learn_blocks, with_blocks(config, seed, OPEN_LOOP)),
    }


def _measure(found: Results, place: int) -> Values:
    run = found["trajectories"]
    since_kick = run["time_ms"] - study.KICK_MS
    late = (since_kick >= _LATE_MS[0]) & (since_kick < _LATE_MS[1])
    # A mask, as ``late`` is: a slice would give another order of summation, and other last bits.
    always = np.ones_like(late)

    def mean(name: str, shown: np.ndarray) -> list[float]:
        return run[name][:, shown].mean(axis=1).tolist()  # type: ignore[no-any-return]

    closed, opened, played, other, again = mean("x_variability", always)
    z_closed, z_opened, z_played, _, _ = mean("z_variability", always)
    kicked, kicked_null = mean("x_distance", late)
    return {
        "traces-played": (closed, played),
        "traces-open": (closed, opened),
        "readout-played": (z_closed, z_played),
        "readout-open": (z_closed, z_opened),
        "kick": (kicked, kicked_null),
        "traces-other": (closed, other),
        **{
            f"traces-{loop.split()[0]}": tuple(values[:, always].mean(axis=1).tolist())
            for loop, values in zip(study.LOOPS, run["x_loops"], strict=True)
        },
        "traces-noise": (opened, again),
        "error": (error_at_ends(found["closed"]), error_at_ends(found["open"])),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    names = ("x_variability", "z_variability", "x_distance")
    x, z, kicked = (np.moveaxis(over_seeds(seeds, "trajectories", name), 1, 0) for name in names)
    # Of the open loop with other noise, the last condition, nothing is drawn.
    styles = (style.line_style(0), style.line_style(1), style.null_style(0), style.null_style(1))
    kick_styles = (style.line_style(0), style.null_style(2), style.null_style(3))
    kick_lines = ((*study.KICKED, "unkicked, other noise"), (*kicked, 2.0 * x[0]), kick_styles)
    variance, distance = "variance / variance over time", "distance² / variance over time"
    shown = (
        ("traces", variance, zip(study.CONDITIONS, x, styles, strict=False)),
        ("when readout", variance, zip(study.CONDITIONS, z, styles, strict=False)),
        (f"after a kick at {study.KICK_MS:g} ms", distance, zip(*kick_lines, strict=True)),
    )
    figure, (panels,) = style.panels(1, 3, 10, 3.8)
    for axes, (title, ylabel, lines) in zip(panels, shown, strict=True):
        axes.set_title(title, fontsize=10)
        for name, values, line in lines:
            style.median_and_band(axes, seeds[0]["trajectories"]["time_ms"], values, name, line)
        axes.set(xlabel="time after the cue (ms)", ylabel=ylabel, ylim=(0, None))
    style.legend(figure, [*style.keys(panels[0]), *style.keys(panels[2])[1:]], columns=3)
    return {"closed_loop": figure}


CLAIM = stated("closed-loop", _units, _measure, _draw)
