"""What all pictures share: colours, lines, legends, and the way to a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's palette, told apart with any colour vision; every line also differs in dash or marker.
EVENT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"
_DPI = 150
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (3, 1, 1, 1)),
    (0, (1.5, 1)),
    (0, (7, 2, 1, 2)),
    (0, (4, 3)),
)
_MARKERS = ("o", "^", "s", "D", "v", "P")
_QUARTILES = (25.0, 75.0)


def event_name(event: int) -> str:
    """Name the n-th event: A, B, ..."""
    return chr(ord("A") + event) if event < 26 else f"E{event + 1}"


def colour_of(event: int) -> str:
    """Colour of the n-th event or line."""
    return EVENT_COLOURS[event % len(EVENT_COLOURS)]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def strip(axes: Axes) -> Axes:
    """Take the frame away at the top and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def point_style(number: int) -> dict[str, Any]:
    """Colour, dash and marker of the n-th line; beyond six, colours return with other dashes and markers."""
    shifted = (number + number // len(EVENT_COLOURS)) % len(_DASHES)
    return {
        "color": colour_of(number),
        "linestyle": _DASHES[shifted],
        "marker": _MARKERS[shifted],
        "markersize": 4,
    }


def line_style(number: int) -> dict[str, Any]:
    """Colour and dash of the n-th line that needs no markers."""
    return {**point_style(number), "marker": "", "linewidth": 1.6}


def null_style(number: int) -> dict[str, Any]:
    """Grey, and the dash of the n-th null."""
    return {"color": GREY, "linestyle": _DASHES[(number + 1) % len(_DASHES)], "linewidth": 1.2}


def legend(figure: Figure, handles: Sequence[Any], columns: int = 4) -> None:
    """Put one legend above all panels."""
    figure.legend(
        handles=handles, loc="outside upper center", ncols=max(1, min(columns, len(handles))), frameon=False
    )


def keys(axes: Axes) -> list[Any]:
    """Labelled artists of the axes."""
    return list(axes.get_legend_handles_labels()[0])


def median_over_rows(values: np.ndarray) -> np.ndarray:
    """Median over rows; a run without a result (NaN) counts as worse than any, or failures would flatter."""
    return np.asarray(np.median(np.where(np.isnan(values), np.inf, values), axis=0))


def median_and_band(axes: Axes, x: np.ndarray, values: np.ndarray, name: str, style: dict[str, Any]) -> None:
    """Draw the median over rows and the quartiles around it, ``values`` being (rows, x)."""
    axes.plot(x, median_over_rows(values), label=name, **style)
    if len(values) > 1:
        worst = np.where(np.isnan(values), np.inf, values)
        low, high = np.percentile(worst, _QUARTILES, axis=0, method="nearest")
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)


def to_png(figure: Figure) -> bytes:
    """Render a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to render.

    Returns
    -------
    bytes
        A PNG file.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
