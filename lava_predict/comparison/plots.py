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
from lava_predict.reports.curves import amplitude_against_probability as amplitude_against_probability
from lava_predict.reports.curves import learning_curves as learning_curves
from lava_predict.reports.curves import prediction_overlay as prediction_overlay
from lava_predict.reports.curves import switches as switches
from lava_predict.reports.plot_style import (
    colour_of,
    event_name,
    keys,
    legend,
    line_style,
    mark_level,
    median_and_band,
    median_over_rows,
    named_lines,
    new_figure,
    one_panel,
    point_style,
    strip,
)


def f_i_curves(currents: np.ndarray, rates_hz: Mapping[str, np.ndarray], cells: Sequence[str]) -> Figure:
    """Draw firing rate over constant current: a panel per cell, a line per precision.

    Parameters
    ----------
    currents : (currents,) float64
        In mV per ms.
    rates_hz : mapping of name to (cells, currents) float64
        As `single_cell.fi_curve` gives them.
    cells : sequence of str
        Names of the cells.
    """
    columns = min(3, len(cells))
    rows = -(-len(cells) // columns)
    figure = new_figure(3.4 * columns + 0.6, 2.6 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(cells) :]:
        axes.set_visible(False)
    for number, (axes, cell) in enumerate(zip(grid.flat, cells, strict=False)):
        strip(axes)
        for line, (name, rates) in enumerate(rates_hz.items()):
            axes.plot(currents, rates[number], label=name, **point_style(line) | {"markersize": 3})
        axes.set_title(cell, fontsize=10)
        axes.set(xlabel="current (mV/ms)", ylim=(0, None))
        # Where the panel below is missing, the shared axis would go unnamed.
        axes.tick_params(labelbottom=True)
        axes.set_ylabel("rate (Hz)")
    legend(figure, keys(grid.flat[0]))
    return figure


def lag_over_time(lags: Mapping[str, SpikeTimeLag]) -> Figure:
    """Draw how far each spike is behind the reference's spike of the same number; above 0 is late.

    Parameters
    ----------
    lags : mapping of name to SpikeTimeLag
        As `single_cell.lag` gives them; only the arrays are used.
    """
    figure, axes = one_panel(8, 4)
    axes.axhline(0, color="black", linewidth=0.8)
    for line, (name, lag) in enumerate(lags.items()):
        axes.plot(lag.reference_ms / 1000, lag.lag_ms, label=name, **point_style(line) | {"markersize": 3})
    axes.set(xlabel="time (s)", ylabel="lag of the n-th spike (ms)")
    legend(figure, keys(axes), columns=3)
    return figure


def divergence(
    times_ms: np.ndarray,
    shares: Mapping[str, np.ndarray],
    nulls: Mapping[str, np.ndarray] | None = None,
    threshold: float | None = None,
) -> Figure:
    """Draw the share of the active cells whose spikes differ, over time, for several pairs of runs.

    Parameters
    ----------
    times_ms : (steps,) float64
        Time of each step, ms.
    shares, nulls : mapping of name to (steps,) float64
        As `spike_statistics.differing_share` gives them.
    threshold : float, optional
        Share above which a pair counts as diverged; drawn if given.
    """
    figure, axes = one_panel(8, 4)
    for name, share, style in named_lines(shares, nulls, line_style):
        axes.plot(times_ms / 1000, share, label=name, **style)
    if threshold is not None:
        mark_level(axes, threshold, "diverged above")
    axes.set(xlabel="time (s)", ylabel="share of active cells\nwhose spikes differ", ylim=(-0.02, 1.02))
    legend(figure, keys(axes), columns=3)
    return figure


def distance_over_lag(
    lag_ms: np.ndarray, distances: Mapping[str, np.ndarray], nulls: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Draw spike-train distance over lag: median over cells, quartiles as a band, the least median marked.

    Parameters
    ----------
    lag_ms : (lags,) float64
        Lags, ms; above 0 the second run of a pair is late.
    distances, nulls : mapping of name to (cells, lags) float64
        As `spike_statistics.distance_over_lag` gives them; cells that are silent in both runs at some lag
        (NaN) are left out, and at least one cell must be left.
    """
    figure, axes = one_panel(8, 4)
    mark_level(axes, 1, "unrelated trains")
    for name, distance, style in named_lines(distances, nulls, line_style):
        known = distance[~np.isnan(distance).any(axis=1)]
        median_and_band(axes, lag_ms, known, name, style)
        if name in distances:
            median = np.median(known, axis=0)
            least = int(np.argmin(median))
            axes.plot(lag_ms[least], median[least], "o", color=style["color"], markersize=6)
    axes.set(xlabel="lag (ms)", ylabel="spike-train distance", ylim=(0, None))
    legend(figure, keys(axes), columns=3)
    return figure


def rate_scatter(float_hz: np.ndarray, fixed_hz: np.ndarray, excitatory: int) -> Figure:
    """Draw the rate of every cell in fixed point over its rate in float.

    Parameters
    ----------
    float_hz, fixed_hz : (cells,) float64
        Rates, Hz.
    excitatory : int
        How many cells, the first ones, are excitatory.
    """
    figure, axes = one_panel(5.2, 5.2)
    _draw_equality(axes, 0.0, 1.05 * max(float_hz.max(initial=1.0), fixed_hz.max(initial=1.0)))
    parts = {"excitatory": slice(0, excitatory), "inhibitory": slice(excitatory, None)}
    for number, (name, part) in enumerate(parts.items()):
        style = point_style(number) | {"linestyle": "", "markersize": 3, "alpha": 0.6}
        axes.plot(float_hz[part], fixed_hz[part], label=name, **style)
    axes.set(xlabel="rate in float (Hz)", ylabel="rate in fixed point (Hz)")
    legend(figure, keys(axes))
    return figure


def readout_weights(float_weights: np.ndarray, fixed_weights: np.ndarray) -> Figure:
    """Draw the weight of every cell in fixed point over that in float: a panel per event, with Pearson's r.

    Parameters
    ----------
    float_weights, fixed_weights : (events, inputs) float64
        Readout weights, in the same unit.
    """
    events = len(float_weights)
    figure = new_figure(3.6 * events + 0.4, 4.3)
    panels = figure.subplots(1, events, squeeze=False)[0]
    for event, axes in enumerate(panels):
        one, other = float_weights[event], fixed_weights[event]
        most = 1.05 * float(max(np.abs(one).max(), np.abs(other).max())) or 1.0
        _draw_equality(strip(axes), -most, most)
        axes.plot(one, other, ".", color=colour_of(event), markersize=3, alpha=0.6)
        axes.set_title(f"event {event_name(event)}, r = {pearson(one, other):.3f}", fontsize=10)
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
    """Draw the error over word length, a line per variable, its knee ringed, beside the error in float.

    Errors far above the error of predicting nothing are outside the panel.

    Parameters
    ----------
    bits : (widths,) int
        Word lengths, ascending.
    errors : mapping of variable to (seeds, widths) float64
        Error with that variable alone at each width, divided by that of predicting nothing; the line is the
        median over seeds.
    knees : mapping of variable to int or None
        As `fewest_bits.knee` gives them; the legend names them.
    float_error : (seeds,) float64
        Error in float: a band from the least to the largest.
    """
    figure, axes = one_panel(8, 4.6)
    mark_level(axes, 1, "predicting nothing")
    axes.axhspan(float_error.min(), float_error.max(), color="0.93", linewidth=0, label="float (range)")
    axes.axhline(float(np.median(float_error)), color="black", linewidth=0.8, label="float (median)")
    for line, (name, error) in enumerate(errors.items()):
        median, knee = median_over_rows(error), knees[name]
        label = f"{name}: no knee" if knee is None else f"{name}: {knee} bits"
        axes.plot(bits, median, label=label, **point_style(line))
        if knee is not None:
            ring: dict[str, Any] = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.5}
            axes.plot(knee, median[bits == knee], "o", color=colour_of(line), **ring)
    # A few bits too few can raise the error a hundredfold; the knees lie at the bottom.
    most = max(1.0, *(float(median_over_rows(error).max()) for error in errors.values()))
    top = min(most, 2.0 * max(1.0, float(float_error.max())))
    axes.set(xlabel="word length (bits)", ylabel="error / error of nothing", ylim=(0, 1.05 * top))
    axes.set_xticks(bits)
    legend(figure, keys(axes), columns=3)
    return figure
