"""How pictures become files: on screen as they are drawn, in print at the width of a column.

Every command imports this, so matplotlib is imported only where a picture is rendered.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

FORMATS = ("png", "pdf", "svg")
NARROWEST_MM, WIDEST_MM = 40.0, 400.0
_DPI, _PRINT_DPI = 150, 600
_MM_PER_INCH = 25.4
_TEXT_PT, _SMALL_PT, _THINNEST_PT = 8.0, 7.0, 0.6
_ROOM_A_ROW = 0.3
"""Inches that the texts of a row of panels need beside the panels."""
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"pil_kwargs": {"compress_level": 2}},
    "pdf": {"metadata": {"CreationDate": None}},
    "svg": {"metadata": {"Date": None}},
}
"""Of `savefig`. The level takes half the time of the usual one, for files that are a seventh larger."""

_FONTS = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "lava-predict"}
"""Fonts are embedded as TrueType in PDF and drawn as paths in SVG, whose names are the same in every run."""


@dataclass(frozen=True)
class Printed:
    """Which files a picture becomes.

    Attributes
    ----------
    formats : tuple of str
        Some of `FORMATS`; PNG is always made, as the page shows it.
    width_mm : float or None
        Width in print, with texts of 7 and 8 points; by default as drawn for the screen.
    """

    formats: tuple[str, ...] = ("png",)
    width_mm: float | None = None


ON_SCREEN = Printed()


def render(figure: Figure, printed: Printed = ON_SCREEN) -> dict[str, bytes]:
    """Return a figure as files, by ending, the PNG first."""
    from matplotlib import rc_context

    dpi = _DPI if printed.width_mm is None else _PRINT_DPI
    files = {}
    with rc_context(_FONTS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # Labels are in any script.
        if printed.width_mm is not None:
            _fit(figure, printed.width_mm / _MM_PER_INCH)
        _lay_out(figure, dpi)
        for kind in ("png", *(one for one in printed.formats if one != "png")):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=dpi, **_OPTIONS[kind])
            files[kind] = buffer.getvalue()
    return files


def _lay_out(figure: Figure, dpi: float) -> None:
    """Place panels and texts once; otherwise each file would be drawn twice, once for this alone."""
    engine = figure.get_layout_engine()
    if engine is not None and figure.axes:
        figure.set_dpi(dpi)
        _fix_ticks(figure)
        _place_empty_labels(figure)
        engine.execute(figure)
        figure.set_layout_engine(None)


def _fix_ticks(figure: Figure) -> None:
    """Choose the places of ticks once; otherwise they are looked for each time that a panel is measured."""
    from matplotlib.ticker import AutoLocator, FixedLocator

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if type(axis.get_major_locator()) is AutoLocator:
                low, high = sorted(axis.get_view_interval())
                ticks = axis.get_majorticklocs()
                axis.set_major_locator(FixedLocator(ticks[(ticks >= low) & (ticks <= high)].tolist()))


def _place_empty_labels(figure: Figure) -> None:
    """Let no place be looked for where an axis has no label: its ticks are measured twice for that."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0.0, 0.0)


def _fit(figure: Figure, width: float) -> None:
    """Give a figure a width in inches: panels shrink, texts and lines stay readable."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text

    scale = width / figure.get_figwidth()
    shrink = min(1.0, scale)
    for text in figure.findobj(Text):
        text.set_fontsize(_TEXT_PT)
    for line in figure.findobj(Line2D):
        line.set_linewidth(max(_THINNEST_PT, line.get_linewidth() * shrink))
        line.set_markersize(line.get_markersize() * max(0.5, shrink))
    for patch in figure.findobj(StepPatch):
        patch.set_linewidth(max(_THINNEST_PT, patch.get_linewidth() * shrink))
    for axes in figure.axes:
        axes.tick_params(labelsize=_SMALL_PT, width=_THINNEST_PT)
        for spine in axes.spines.values():
            spine.set_linewidth(_THINNEST_PT)
    before = sum(map(_height, figure.legends))
    figure.set_size_inches(width, figure.get_figheight() * scale)
    legends = [_narrowed(figure, legend, width) for legend in list(figure.legends)]
    # Texts don't shrink with the panels; these keep their shape.
    rows = {place.rowspan.start for axes in figure.axes if (place := axes.get_subplotspec())}
    taller = max(0.0, sum(map(_height, legends)) - before * scale)
    room = taller + _ROOM_A_ROW * (1 - shrink) * len(rows)
    figure.set_size_inches(width, figure.get_figheight() + room)


def _height(legend: Legend) -> float:
    return float(legend.get_window_extent().height / legend.figure.dpi)


def _narrowed(figure: Figure, legend: Legend, width: float) -> Legend:
    """Lay a legend out in fewer columns until it is not wider than the figure."""
    from lava_predict.reports.plot_style import LEGEND

    handles = [handle for handle in legend.legend_handles if handle is not None]
    names = [text.get_text() for text in legend.get_texts()]
    columns = len(names)
    while columns > 1 and legend.get_window_extent().width / figure.dpi > width:
        columns -= 1
        legend.remove()
        legend = figure.legend(handles, names, ncols=columns, fontsize=_TEXT_PT, **LEGEND)
    return legend
