"""What all pictures share: colours, lines, legends, and the way to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.settings.schema import event_name as event_name

# Okabe & Ito's palette works for any colour vision; every line also differs in dash or marker.
EVENT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"
_DASHES: Any = ("-", *((0, dash) for dash in ((5, 1.5), (3, 1, 1, 1), (1.5, 1), (7, 2, 1, 2), (4, 3))))
_MARKERS = ("o", "^", "s", "D", "v", "P")
_DOTS: Any = (0, (2, 2))
LEGEND: dict[str, Any] = {"loc": "outside upper center", "frameon": False}
"""Where every legend is, and how it looks."""


def colour_of(event: int) -> str:
    """Colour of the n-th event or line."""
    return EVENT_COLOURS[event % len(EVENT_COLOURS)]


def event_title(event: int, names: Sequence[str] = ()) -> str:
    """Title of the n-th event's panel; without names events are A, B, ..."""
    return f"event {names[event] if names else event_name(event)}"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def strip(axes: Axes) -> Axes:
    """Take the frame away at the top and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_in_layout(False)  # They are where the axes are; to measure them takes long.
    return axes


def panels(rows: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, np.ndarray]:
    """Return a figure of a size in inches, and its stripped axes (rows, columns)."""
    figure = new_figure(width, height)
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    for axes in grid.flat:
        strip(axes)
    return figure, grid


def one_panel(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches, and its only axes."""
    figure, grid = panels(1, 1, width, height)
    return figure, grid[0, 0]


def mark_cue(axes: Axes, cue_ms: float) -> None:
    """Shade the time while the cue is on."""
    axes.axvspan(0, cue_ms, color="0.85", linewidth=0, zorder=0)


def key(label: str, **style: Any) -> Line2D:
    """Return a line or marker that only a legend shows."""
    return Line2D([], [], label=label, **style)


CUE_KEY = key("cue", color="0.85", linewidth=6)
"""What a legend shows for `mark_cue`."""


def mark_switch(axes: Axes, trials: float) -> None:
    """Mark a switch of the task's statistics."""
    axes.axvline(trials, color=GREY, linewidth=0.8, linestyle=_DOTS)


def mark_level(axes: Axes, level: float, name: str) -> None:
    """Draw a level to compare with, such as the error of predicting nothing."""
    axes.axhline(level, color="black", linewidth=0.8, linestyle=_DOTS, label=name)


def point_style(number: int) -> dict[str, Any]:
    """Colour, dash and marker of the n-th line; beyond six, colours return with other dashes and markers."""
    shifted = (number + number // len(EVENT_COLOURS)) % len(_DASHES)
    dash, marker = _DASHES[shifted], _MARKERS[shifted]
    return {"color": colour_of(number), "linestyle": dash, "marker": marker, "markersize": 4}


def line_style(number: int) -> dict[str, Any]:
    """Colour and dash of the n-th line that needs no markers."""
    return {**point_style(number), "marker": "", "linewidth": 1.6}


def null_style(number: int) -> dict[str, Any]:
    """Grey, and the dash of the n-th null."""
    return {"color": GREY, "linestyle": _DASHES[(number + 1) % len(_DASHES)], "linewidth": 1.2}


def named_lines(
    compared: Mapping[str, Any], nulls: Mapping[str, Any] | None, style: Callable[[int], dict[str, Any]]
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield name, values and style of every line: the nulls in grey, then what is compared."""
    for number, (name, values) in enumerate((nulls or {}).items()):
        yield name, values, null_style(number)
    for number, (name, values) in enumerate(compared.items()):
        yield name, values, style(number)


def legend(figure: Figure, handles: Sequence[Any] | None = None, columns: int = 4) -> Figure:
    """Put one legend above all panels, by default of the labelled artists in the first; return the figure."""
    shown = keys(figure.axes[0]) if handles is None else handles
    ncols = max(1, min(columns, len(shown)))
    figure.legend(handles=shown, ncols=ncols, **LEGEND)
    return figure


def keys(axes: Axes) -> list[Any]:
    """Labelled artists of the axes."""
    return list(axes.get_legend_handles_labels()[0])


def median_over_rows(values: np.ndarray) -> np.ndarray:
    """Median over rows; a run without a result (NaN) counts as worse than any other."""
    return np.asarray(np.median(_known_or_worst(values), axis=0))


def quartiles_over_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and third quartile over rows, each a value that occurs; NaN as in `median_over_rows`."""
    low, high = np.percentile(_known_or_worst(values), (25.0, 75.0), axis=0, method="nearest")
    return low, high


def _known_or_worst(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), np.inf, values)


def median_and_band(axes: Axes, x: np.ndarray, values: np.ndarray, name: str, style: dict[str, Any]) -> None:
    """Draw the median over rows and the quartiles around it, ``values`` being (rows, x)."""
    axes.plot(x, median_over_rows(values), label=name, **style)
    if len(values) > 1:
        low, high = quartiles_over_rows(values)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)
