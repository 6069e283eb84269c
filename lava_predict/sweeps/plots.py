"""Pictures of sweeps: the effect of each setting on the error, beside predicting nothing and counting.

Errors are those at the blocks' ends, divided by that of predicting nothing; NaN stands for a run that
diverged, which counts as worse than any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lava_predict.reports import plot_style as style
from lava_predict.reports.page import shown_label
from lava_predict.sweeps.effects import Effect

_COLUMNS = 3
_LOG_FROM = 20.0
"""Numbers whose greatest is so many times the least are drawn on a logarithmic axis."""

_MOST_TICKS = 5
"""So few numbers are written below the axis."""

COUNTING = "counting"


def main_effects(effects: Sequence[Effect]) -> Figure:
    """Draw the error over the values of each setting: median over seeds, quartiles as a band."""
    figure, panels = _panels(effects)
    for axes, one in zip(panels, effects, strict=True):
        x, order = _positions(axes, one.texts)
        style.mark_level(axes, 1, "predicting nothing")
        style.median_and_band(axes, x, one.counting[:, order], COUNTING, style.null_style(0))
        style.median_and_band(axes, x, one.error[:, order], "network", style.point_style(0))
    return _finished(figure)


def searched(effects: Sequence[Effect], best: int) -> Figure:
    """Draw the error of each combination that was tried over each setting: median and quartiles over seeds.

    The effects have a value for each combination, in the same order; number ``best`` is marked.
    """
    figure, panels = _panels(effects)
    look = {**style.point_style(0), "linestyle": ""}
    for axes, one in zip(panels, effects, strict=True):
        x, order = _positions(axes, one.texts)
        error, place = one.error[:, order], int(np.flatnonzero(order == best)[0])
        style.mark_level(axes, 1, "predicting nothing")
        counting = {**style.null_style(0), "linestyle": "", "marker": "_"}
        axes.plot(x, style.median_over_rows(one.counting[:, order]), label=COUNTING, **counting)
        middle = style.median_over_rows(error)
        axes.plot(x, middle, label="combination", **look)
        low, high = style.quartiles_over_rows(error)
        axes.vlines(x, low, high, color=look["color"], alpha=0.4, linewidth=1)
        ring: Any = {"marker": "o", "markersize": 10, "fillstyle": "none", "linestyle": ""}
        axes.plot(x[place], middle[place], label="best mean", color="black", **ring)
    return _finished(figure)


def _panels(effects: Sequence[Effect]) -> tuple[Figure, list[Axes]]:
    """Return a panel for each setting, with its name, and unused ones taken away."""
    columns = min(_COLUMNS, len(effects))
    rows = -(-len(effects) // columns)
    figure, grid = style.panels(rows, columns, max(6.0, 3.4 * columns + 0.8), 3.0 * rows + 0.6, sharey=True)
    for axes in grid.flat[len(effects) :]:
        axes.remove()
    shown = list(grid.flat[: len(effects)])
    for axes, one in zip(shown, effects, strict=True):
        axes.set_xlabel(one.key)
    for axes in grid[:, 0]:
        axes.set_ylabel("error / error of nothing")
    return figure, shown


def _finished(figure: Figure) -> Figure:
    """Let the axis of errors begin at 0, now that it holds all of them; put a legend above."""
    figure.axes[0].set_ylim(0, None)
    return style.legend(figure)


def _positions(axes: Axes, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return where values stand on an axis, ascending, and which value stands there; label the axis.

    Numbers stand at their place; other values side by side, in their order, alike ones together.
    """
    try:
        x = np.array([float(text) for text in texts])
    except ValueError:
        names = list(dict.fromkeys(texts))
        axes.set_xticks(range(len(names)), [shown_label(name) for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        x = np.array([names.index(text) for text in texts], float)
    else:
        if x.min() > 0 and x.max() >= _LOG_FROM * x.min():
            axes.set_xscale("log")
        if len(texts) <= _MOST_TICKS:
            axes.set_xticks(x, [shown_label(text) for text in texts])
            axes.minorticks_off()
    order = np.argsort(x, kind="stable")
    return x[order], order
