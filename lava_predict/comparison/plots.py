"""Pictures of a comparison: the same network in several precisions, beside nulls.

`lava_predict.reports.curves` says how lines are styled and has the curves that other rooms draw, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lava_predict.analysis.spike_statistics import SpikeTimeLag, pearson
from lava_predict.reports import plot_style as style


def f_i_curves(currents: np.ndarray, rates_hz: Mapping[str, np.ndarray], cells: Sequence[str]) -> Figure:
    """Draw firing rate over constant current: a panel per cell, a line per precision.

    ``currents`` (currents,) are in mV per ms, ``rates_hz`` by name (cells, currents), as
    `single_cell.fi_curve` gives them, and ``cells`` the names of the cells.
    """
    columns = min(3, len(cells))
    rows = -(-len(cells) // columns)
    figure, grid = style.panels(rows, columns, 3.4 * columns + 0.6, 2.6 * rows + 0.6, sharex=True)
    for axes in grid.flat[len(cells) :]:
        axes.set_visible(False)
    for number, (axes, cell) in enumerate(zip(grid.flat, cells, strict=False)):
        for line, (name, rates) in enumerate(rates_hz.items()):
            axes.plot(currents, rates[number], label=name, **style.point_style(line) | {"markersize": 3})
        axes.set_title(cell, fontsize=10)
        axes.set(xlabel="current (mV/ms)", ylabel="rate (Hz)", ylim=(0, None))
        # Where the panel below is missing, the shared axis would go unnamed.
        axes.tick_params(labelbottom=True)
    return style.legend(figure)


def lag_over_time(lags: Mapping[str, SpikeTimeLag]) -> Figure:
    """Draw how far each spike is behind the reference's spike of the same number; above 0 is late.

    Of ``lags``, as `single_cell.lag` gives them, only the arrays are used.
    """
    figure, axes = style.one_panel(8, 4)
    axes.axhline(0, color="black", linewidth=0.8)
    for line, (name, lag) in enumerate(lags.items()):
        look = style.point_style(line) | {"markersize": 3}
        axes.plot(lag.reference_ms / 1000, lag.lag_ms, label=name, **look)
    axes.set(xlabel="time (s)", ylabel="lag of the n-th spike (ms)")
    return style.legend(figure, columns=3)


def divergence(
    times_ms: np.ndarray,
    shares: Mapping[str, np.ndarray],
    nulls: Mapping[str, np.ndarray] | None = None,
    threshold: float | None = None,
) -> Figure:
    """Draw the share of the active cells whose spikes differ, over time, for several pairs of runs.

    ``times_ms`` is (steps,), ``shares`` and ``nulls`` by name (steps,) as `spike_statistics.differing_share`
    gives them. A pair counts as diverged above ``threshold``, which is drawn if given.
    """
    figure, axes = style.one_panel(8, 4)
    for name, share, look in style.named_lines(shares, nulls, style.line_style):
        axes.plot(times_ms / 1000, share, label=name, **look)
    if threshold is not None:
        style.mark_level(axes, threshold, "diverged above")
    axes.set(xlabel="time (s)", ylabel="share of active cells\nwhose spikes differ", ylim=(-0.02, 1.02))
    return style.legend(figure, columns=3)


def distance_over_lag(
    lag_ms: np.ndarray, distances: Mapping[str, np.ndarray], nulls: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Draw spike-train distance over lag: median over cells, quartiles as a band, the least median marked.

    Above 0 of ``lag_ms`` (lags,) the second run of a pair is late. ``distances`` and ``nulls`` are by name
    (cells, lags), as `spike_statistics.distance_over_lag` gives them; cells that are silent in both runs at
    some lag (NaN) are left out, and at least one cell must be left.
    """
    figure, axes = style.one_panel(8, 4)
    style.mark_level(axes, 1, "unrelated trains")
    for name, distance, look in style.named_lines(distances, nulls, style.line_style):
        known = distance[~np.isnan(distance).any(axis=1)]
        style.median_and_band(axes, lag_ms, known, name, look)
        if name in distances:
            median = np.median(known, axis=0)
            least = int(np.argmin(median))
            axes.plot(lag_ms[least], median[least], "o", color=look["color"], markersize=6)
    axes.set(xlabel="lag (ms)", ylabel="spike-train distance", ylim=(0, None))
    return style.legend(figure, columns=3)


def rate_scatter(float_hz: np.ndarray, fixed_hz: np.ndarray, excitatory: int) -> Figure:
    """Draw the rate of every cell in fixed point over its rate in float, both (cells,) float64, Hz.

    The first ``excitatory`` cells are excitatory.
    """
    figure, axes = style.one_panel(5.2, 5.2)
    _draw_equality(axes, 0.0, 1.05 * max(float_hz.max(initial=1.0), fixed_hz.max(initial=1.0)))
    parts = {"excitatory": slice(0, excitatory), "inhibitory": slice(excitatory, None)}
    for number, (name, part) in enumerate(parts.items()):
        look = style.point_style(number) | {"linestyle": "", "markersize": 3, "alpha": 0.6}
        axes.plot(float_hz[part], fixed_hz[part], label=name, **look)
    axes.set(xlabel="rate in float (Hz)", ylabel="rate in fixed point (Hz)")
    return style.legend(figure)


def readout_weights(
    float_weights: np.ndarray, fixed_weights: np.ndarray, events: int, event_names: Sequence[str] = ()
) -> Figure:
    """Draw the weight of every cell in fixed point over that in float: a panel per event, with Pearson's r.

    Both are (blocks * events, inputs) float64, in the same unit: so many rows for each cue that has its own.
    """
    float_weights, fixed_weights = (
        np.concatenate(np.split(weights, len(weights) // events), axis=1)
        for weights in (float_weights, fixed_weights)
    )
    figure, (panels,) = style.panels(1, events, 3.6 * events + 0.4, 4.3)
    for event, (axes, one, other) in enumerate(zip(panels, float_weights, fixed_weights, strict=True)):
        most = 1.05 * float(max(np.abs(one).max(), np.abs(other).max())) or 1.0
        _draw_equality(axes, -most, most)
        axes.plot(one, other, ".", color=style.colour_of(event), markersize=3, alpha=0.6)
        axes.set_title(f"{style.event_title(event, event_names)}, r = {pearson(one, other):.3f}", fontsize=10)
        axes.set_xlabel("weight in float")
    panels[0].set_ylabel("weight in fixed point")
    return figure


def _draw_equality(axes: Axes, low: float, high: float) -> None:
    """Make a panel square and draw the line on which both values are equal."""
    axes.plot([low, high], [low, high], color="black", linewidth=0.8)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")


def word_length_knees(
    bits: np.ndarray,
    errors: Mapping[str, np.ndarray],
    knees: Mapping[str, int | None],
    float_error: np.ndarray,
) -> Figure:
    """Draw the error over word length beside that in float: a line per variable, the fewest bits ringed.

    Errors far above the error of predicting nothing are outside the panel. ``bits``, (widths,) int, are
    ascending; ``errors``, (seeds, widths) float64 by variable, are those with that variable alone at each
    width, divided by that of predicting nothing, and drawn as median. ``knees`` by variable are as
    `fewest_bits.knee` gives them; the legend names them. ``float_error``, (seeds,) float64, is drawn as a
    band from the least to the largest.
    """
    figure, axes = style.one_panel(8, 4.6)
    style.mark_level(axes, 1, "predicting nothing")
    axes.axhspan(float_error.min(), float_error.max(), color="0.93", linewidth=0, label="float (range)")
    axes.axhline(float(np.median(float_error)), color="black", linewidth=0.8, label="float (median)")
    medians = {name: style.median_over_rows(error) for name, error in errors.items()}
    for line, (name, median) in enumerate(medians.items()):
        knee = knees[name]
        label = f"{name}: no knee" if knee is None else f"{name}: {knee} bits"
        axes.plot(bits, median, label=label, **style.point_style(line))
        if knee is not None:
            ring: dict[str, Any] = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.5}
            axes.plot(knee, median[bits == knee], "o", color=style.colour_of(line), **ring)
    # A few bits too few can raise the error a hundredfold; the knees lie at the bottom.
    most = max(1.0, *(float(median.max()) for median in medians.values()))
    top = min(most, 2.0 * max(1.0, float(float_error.max())))
    axes.set(xlabel="word length (bits)", ylabel="error / error of nothing", ylim=(0, 1.05 * top))
    axes.set_xticks(bits)
    return style.legend(figure, columns=3)
