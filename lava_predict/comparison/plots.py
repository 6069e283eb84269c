"""Pictures of a comparison: the same network in several precisions, beside nulls.

Every function takes plain arrays, by the name under which a line is to appear. What is compared is in
colour, each line with a dash and marker of its own; nulls - pairs that differ for another reason, such as
another seed - are grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.analysis.spike_statistics import SpikeTimeLag, pearson
from lava_predict.reports.plot_style import (
    GREY,
    colour_of,
    event_name,
    keys,
    legend,
    line_style,
    median_and_band,
    median_over_rows,
    new_figure,
    null_style,
    point_style,
    strip,
)


def f_i_curves(currents: np.ndarray, rates_hz: Mapping[str, np.ndarray], cells: Sequence[str]) -> Figure:
    """Draw firing rate over constant current, a panel per cell, a line per precision.

    Parameters
    ----------
    currents : (currents,) float64
        In mV per ms.
    rates_hz : mapping of name to (cells, currents) float64
        As `single_cell.fi_curve` gives them.
    cells : sequence of str
        Names of the cells.

    Returns
    -------
    matplotlib.figure.Figure
        Up to three panels a row, each with its own scale.
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


def lag_over_time(
    lags: Mapping[str, SpikeTimeLag], nulls: Mapping[str, SpikeTimeLag] | None = None
) -> Figure:
    """How far spikes fall behind the reference's, spike by spike.

    Parameters
    ----------
    lags, nulls : mapping of name to SpikeTimeLag
        As `single_cell.lag` gives them; only the arrays are used.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; above 0 is late.
    """
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    axes.axhline(0, color="black", linewidth=0.8)
    for line, (name, lag) in enumerate((nulls or {}).items()):
        axes.plot(lag.reference_ms / 1000, lag.lag_ms, label=name, **null_style(line))
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
    """Share of the active cells whose spikes differ, over time, for several pairs of runs.

    Parameters
    ----------
    times_ms : (steps,) float64
        Time of each step, ms.
    shares, nulls : mapping of name to (steps,) float64
        As `spike_statistics.differing_share` gives them.
    threshold : float, optional
        Share above which a pair counts as parted; drawn if given.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    for line, (name, share) in enumerate((nulls or {}).items()):
        axes.plot(times_ms / 1000, share, label=name, **null_style(line))
    for line, (name, share) in enumerate(shares.items()):
        axes.plot(times_ms / 1000, share, label=name, **line_style(line))
    if threshold is not None:
        axes.axhline(threshold, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="parted above")
    axes.set(xlabel="time (s)", ylabel="share of active cells\nwhose spikes differ", ylim=(-0.02, 1.02))
    legend(figure, keys(axes), columns=3)
    return figure


def distance_over_lag(
    lag_ms: np.ndarray, distances: Mapping[str, np.ndarray], nulls: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Spike-train distance over lag: median over cells, quartiles as a band, the least median marked.

    Parameters
    ----------
    lag_ms : (lags,) float64
        Lags, ms; above 0 the second run of a pair is late.
    distances, nulls : mapping of name to (cells, lags) float64
        As `spike_statistics.distance_over_lag` gives them; cells that are silent in both runs at some lag
        (NaN) are left out, and at least one cell must be left.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; 0 is identical, 1 unrelated.
    """
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    axes.axhline(1, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="unrelated trains")
    for line, (name, distance) in enumerate((nulls or {}).items()):
        median_and_band(axes, lag_ms, _known(distance), name, null_style(line))
    for line, (name, distance) in enumerate(distances.items()):
        known = _known(distance)
        median_and_band(axes, lag_ms, known, name, line_style(line))
        median = np.median(known, axis=0)
        least = int(np.argmin(median))
        axes.plot(lag_ms[least], median[least], **point_style(line) | {"markersize": 6})
    axes.set(xlabel="lag (ms)", ylabel="spike-train distance", ylim=(0, None))
    legend(figure, keys(axes), columns=3)
    return figure


def _known(distance: np.ndarray) -> np.ndarray:
    """Rows of the cells that have a distance at every lag."""
    return np.asarray(distance[~np.isnan(distance).any(axis=1)])


def rate_scatter(float_hz: np.ndarray, fixed_hz: np.ndarray, excitatory: int) -> Figure:
    """Rate of every cell in fixed against float precision.

    Parameters
    ----------
    float_hz, fixed_hz : (cells,) float64
        Rates, Hz.
    excitatory : int
        How many cells, the first ones, are excitatory.

    Returns
    -------
    matplotlib.figure.Figure
        One square panel with the line of equal rates.
    """
    figure = new_figure(5.2, 5.2)
    axes = strip(figure.subplots())
    most = 1.05 * max(float_hz.max(initial=1.0), fixed_hz.max(initial=1.0))
    axes.plot([0, most], [0, most], color="black", linewidth=0.8)
    parts = {"excitatory": slice(0, excitatory), "inhibitory": slice(excitatory, None)}
    for number, (name, part) in enumerate(parts.items()):
        style = point_style(number) | {"linestyle": "", "markersize": 3, "alpha": 0.6}
        axes.plot(float_hz[part], fixed_hz[part], label=name, **style)
    axes.set(xlabel="rate in float (Hz)", ylabel="rate in fixed point (Hz)", xlim=(0, most), ylim=(0, most))
    axes.set_aspect("equal")
    legend(figure, keys(axes))
    return figure


def learning_curves(
    trials: np.ndarray,
    block: np.ndarray,
    errors: Mapping[str, np.ndarray],
    nulls: Mapping[str, np.ndarray] | None = None,
    markers: bool = True,
) -> Figure:
    """Error over trials, block by block: median over seeds, quartiles as a band.

    Parameters
    ----------
    trials : (probes,) int
        Training trials of the run before each probe.
    block : (probes,) int
        Block of each probe, ascending.
    errors, nulls : mapping of name to (seeds, probes) float64
        Error divided by that of predicting nothing.
    markers : bool
        Whether to mark each probe.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; switches are marked where a block's first probe stands.
    """
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    axes.axhline(1, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="predicting nothing")
    lines = [(name, e, null_style(n)) for n, (name, e) in enumerate((nulls or {}).items())]
    marked = point_style if markers else line_style
    lines += [(name, e, marked(n)) for n, (name, e) in enumerate(errors.items())]
    for name, error, style in lines:
        for number, present in enumerate(np.unique(block)):
            shown = block == present
            label = name if number == 0 else f"_{name}"
            median_and_band(axes, trials[shown], error[:, shown], label, style)
    for present in np.unique(block)[1:]:
        axes.axvline(float(trials[block == present][0]), color=GREY, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set(xlabel="training trials", ylabel="error / error of nothing", ylim=(0, None))
    legend(figure, keys(axes), columns=3)
    return figure


def amplitude_against_probability(probability: np.ndarray, amplitudes: Mapping[str, np.ndarray]) -> Figure:
    """Amplitude of the prediction over the event's probability, and how well a line describes it.

    Parameters
    ----------
    probability : (levels,) float64
        The probability that was varied.
    amplitudes : mapping of name to (seeds, levels) float64
        Amplitudes; the legend gives the median over seeds of Pearson's r.

    Returns
    -------
    matplotlib.figure.Figure
        One panel: every seed a point, the median a line.
    """
    figure = new_figure(6, 4.4)
    axes = strip(figure.subplots())
    for line, (name, amplitude) in enumerate(amplitudes.items()):
        r = float(np.median([pearson(probability, seed) for seed in amplitude]))
        style = point_style(line)
        axes.plot(probability, np.median(amplitude, axis=0), label=f"{name}, r = {r:.3f}", **style)
        points = style | {"linestyle": "", "markersize": 2.5, "alpha": 0.4}
        axes.plot(np.tile(probability, len(amplitude)), amplitude.ravel(), **points)
    axes.set(xlabel="probability", ylabel="amplitude of the prediction", xlim=(-0.03, 1.03), ylim=(0, None))
    legend(figure, keys(axes), columns=2)
    return figure


def switches(trials: np.ndarray, errors: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Re-learning after a switch, a panel per kind of switch: median over seeds, quartiles as a band.

    Parameters
    ----------
    trials : (probes,) int
        Trials since the switch.
    errors : mapping of kind to mapping of name to (seeds, probes) float64
        Error divided by that of predicting nothing, for each kind of switch and each variant.

    Returns
    -------
    matplotlib.figure.Figure
        Panels side by side on one scale.
    """
    figure = new_figure(max(6.0, 3.4 * len(errors) + 0.8), 3.6)
    panels = figure.subplots(1, len(errors), squeeze=False, sharey=True)[0]
    for axes, (kind, variants) in zip(panels, errors.items(), strict=True):
        strip(axes)
        axes.axhline(1, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="predicting nothing")
        for line, (name, error) in enumerate(variants.items()):
            median_and_band(axes, trials, error, name, point_style(line))
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("trials since the switch")
    panels[0].set(ylabel="error / error of nothing", ylim=(0, None))
    legend(figure, keys(panels[0]))
    return figure


def readout_weights(float_weights: np.ndarray, fixed_weights: np.ndarray) -> Figure:
    """Weight of every cell in fixed against float precision, a panel per event.

    Parameters
    ----------
    float_weights, fixed_weights : (events, inputs) float64
        Readout weights, in the same unit.

    Returns
    -------
    matplotlib.figure.Figure
        Square panels with the line of equal weights and Pearson's r.
    """
    events = len(float_weights)
    figure = new_figure(3.6 * events + 0.4, 3.9)
    panels = figure.subplots(1, events, squeeze=False)[0]
    for event, axes in enumerate(panels):
        strip(axes)
        one, other = float_weights[event], fixed_weights[event]
        most = 1.05 * float(max(np.abs(one).max(), np.abs(other).max())) or 1.0
        axes.plot([-most, most], [-most, most], color="black", linewidth=0.8)
        axes.plot(one, other, ".", color=colour_of(event), markersize=3, alpha=0.6)
        axes.set_title(f"event {event_name(event)}, r = {pearson(one, other):.3f}", fontsize=10)
        axes.set(xlim=(-most, most), ylim=(-most, most), xlabel="weight in float")
        axes.set_aspect("equal")
    panels[0].set_ylabel("weight in fixed point")
    return figure


def prediction_overlay(
    times_ms: np.ndarray, predictions: Mapping[str, np.ndarray], truth: np.ndarray, cue_ms: float
) -> Figure:
    """Predictions of several variants beside the truth, a panel per event.

    Parameters
    ----------
    times_ms : (steps,) float64
        Time of each step, 0 at the cue.
    predictions : mapping of name to (steps, events) float64
        Predicted objects.
    truth : (steps, events) float64
        The true prediction object.
    cue_ms : float
        How long the cue is on, ms.

    Returns
    -------
    matplotlib.figure.Figure
        Panels side by side on one scale, the cue shaded.
    """
    events = truth.shape[1]
    figure = new_figure(4 * events + 0.8, 3.4)
    panels = figure.subplots(1, events, squeeze=False, sharey=True)[0]
    for event, axes in enumerate(panels):
        strip(axes)
        axes.axvspan(0, cue_ms, color="0.85", linewidth=0)
        axes.plot(times_ms, truth[:, event], color="black", linewidth=2.4, alpha=0.35, label="truth")
        for line, (name, o) in enumerate(predictions.items()):
            axes.plot(times_ms, o[:, event], label=name, **line_style(line))
        axes.set_title(f"event {event_name(event)}", fontsize=10)
        axes.set_xlabel("time after the cue (ms)")
    panels[0].set(ylabel="expectation", ylim=(0, 1.05))
    legend(figure, [*keys(panels[0]), Line2D([], [], color="0.85", linewidth=6, label="cue")])
    return figure


def word_length_knees(
    bits: np.ndarray,
    errors: Mapping[str, np.ndarray],
    knees: Mapping[str, int | None],
    float_error: np.ndarray,
    null_error: np.ndarray | None = None,
) -> Figure:
    """Error over word length, a line per variable, its knee ringed, beside the error in float.

    Parameters
    ----------
    bits : (widths,) int
        Word lengths, ascending.
    errors : mapping of variable to (seeds, widths) float64
        Error with that variable alone at each width; the line is the median over seeds.
    knees : mapping of variable to int or None
        As `word_length.knee` gives them; the legend names them.
    float_error : (seeds,) float64
        Error in float: a band from the least to the largest.
    null_error : (runs,) float64, optional
        Error of runs that learned nothing, likewise, in grey.

    Returns
    -------
    matplotlib.figure.Figure
        One panel. Errors far above that of predicting nothing lie outside.
    """
    figure = new_figure(8, 4.6)
    axes = strip(figure.subplots())
    if null_error is not None:
        axes.axhspan(null_error.min(), null_error.max(), color="0.8", linewidth=0, label="null (range)")
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
    drawn = np.concatenate([median_over_rows(error) for error in errors.values()])
    top = min(float(drawn.max()), 2.0 * max(1.0, float(float_error.max())))
    axes.set(xlabel="word length (bits)", ylabel="error / error of nothing", ylim=(0, 1.05 * top))
    axes.set_xticks(bits)
    legend(figure, keys(axes), columns=3)
    return figure
