"""Curves that several rooms draw: learning, re-learning, amplitudes, and predictions beside the truth.

Every function takes plain arrays, by the name under which a line is to appear. What is compared is in
colour, each line with a dash and marker of its own; nulls (pairs that differ for another reason, such as
another seed) are grey.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.reports.plot_style import (
    CUE_KEY,
    event_name,
    keys,
    legend,
    line_style,
    mark_cue,
    mark_level,
    mark_switch,
    median_and_band,
    named_lines,
    new_figure,
    one_panel,
    point_style,
    strip,
)


def learning_curves(
    trials: np.ndarray,
    block: np.ndarray,
    errors: Mapping[str, np.ndarray],
    nulls: Mapping[str, np.ndarray] | None = None,
    markers: bool = True,
) -> Figure:
    """Draw the error over trials, block by block: median over seeds, quartiles as a band, switches marked.

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
    """
    figure, axes = one_panel(8, 4)
    mark_level(axes, 1, "predicting nothing")
    for name, error, style in named_lines(errors, nulls, point_style if markers else line_style):
        for number, present in enumerate(np.unique(block)):
            shown = block == present
            label = name if number == 0 else f"_{name}"
            median_and_band(axes, trials[shown], error[:, shown], label, style)
    for present in np.unique(block)[1:]:
        mark_switch(axes, float(trials[block == present][0]))
    axes.set(xlabel="training trials", ylabel="error / error of nothing", ylim=(0, None))
    legend(figure, keys(axes), columns=3)
    return figure


def switches(trials: np.ndarray, errors: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw re-learning after a switch, a panel per kind of switch: median over seeds, quartiles as a band.

    Parameters
    ----------
    trials : (probes,) int
        Trials since the switch.
    errors : mapping of kind to mapping of name to (seeds, probes) float64
        Error divided by that of predicting nothing, for each kind of switch and each variant.
    """
    figure = new_figure(max(6.0, 3.4 * len(errors) + 0.8), 3.6)
    panels = figure.subplots(1, len(errors), squeeze=False, sharey=True)[0]
    for axes, (kind, variants) in zip(panels, errors.items(), strict=True):
        strip(axes)
        mark_level(axes, 1, "predicting nothing")
        for line, (name, error) in enumerate(variants.items()):
            median_and_band(axes, trials, error, name, point_style(line))
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("trials since the switch")
    panels[0].set(ylabel="error / error of nothing", ylim=(0, None))
    legend(figure, keys(panels[0]))
    return figure


def amplitude_against_probability(probability: np.ndarray, amplitudes: Mapping[str, np.ndarray]) -> Figure:
    """Draw the amplitude of the prediction over the event's probability: points and their median.

    Parameters
    ----------
    probability : (levels,) float64
        The probability that was varied.
    amplitudes : mapping of name to (seeds, levels) float64
        Amplitudes; the legend gives the median over seeds of Pearson's r.
    """
    figure, axes = one_panel(6, 4.4)
    for line, (name, amplitude) in enumerate(amplitudes.items()):
        r = float(np.median([pearson(probability, seed) for seed in amplitude]))
        style = point_style(line)
        axes.plot(probability, np.median(amplitude, axis=0), label=f"{name}, r = {r:.3f}", **style)
        points = style | {"linestyle": "", "markersize": 2.5, "alpha": 0.4}
        axes.plot(np.tile(probability, len(amplitude)), amplitude.ravel(), **points)
    axes.set(xlabel="probability", ylabel="amplitude of the prediction", xlim=(-0.03, 1.03), ylim=(0, None))
    legend(figure, keys(axes), columns=2)
    return figure


def prediction_overlay(
    times_ms: np.ndarray, predictions: Mapping[str, np.ndarray], truth: np.ndarray, cue_ms: float
) -> Figure:
    """Draw predictions of several variants beside the truth, a panel per event, the cue shaded.

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
    """
    events = truth.shape[1]
    figure = new_figure(4 * events + 0.8, 3.4)
    panels = figure.subplots(1, events, squeeze=False, sharey=True)[0]
    for event, axes in enumerate(panels):
        strip(axes)
        mark_cue(axes, cue_ms)
        axes.plot(times_ms, truth[:, event], color="black", linewidth=2.4, alpha=0.35, label="truth")
        for line, (name, o) in enumerate(predictions.items()):
            axes.plot(times_ms, o[:, event], label=name, **line_style(line))
        axes.set_title(f"event {event_name(event)}", fontsize=10)
        axes.set_xlabel("time after the cue (ms)")
    panels[0].set(ylabel="expectation", ylim=(0, 1.05))
    legend(figure, [*keys(panels[0]), CUE_KEY])
    return figure
