"""Curves that several rooms draw: learning, re-learning, amplitudes, and predictions beside the truth.

Every function takes plain arrays, by the name under which a line is to appear. What is compared is in
colour, each line with a dash and marker of its own; nulls (pairs that differ for another reason, such as
another seed) are grey. Errors are divided by that of predicting nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.reports import plot_style as style

_ERROR = "error / error of nothing"


def learning_curves(
    trials: np.ndarray,
    block: np.ndarray,
    errors: Mapping[str, np.ndarray],
    nulls: Mapping[str, np.ndarray] | None = None,
    markers: bool = True,
) -> Figure:
    """Draw the error over trials, block by block: median over seeds, quartiles as a band, switches marked.

    ``trials`` (probes,) are the run's training trials before each probe, ``block`` (probes,) its block,
    ascending, ``errors`` and ``nulls`` (seeds, probes) float64 by name. ``markers`` marks each probe.
    """
    figure, axes = style.one_panel(8, 4)
    style.mark_level(axes, 1, "predicting nothing")
    styled = style.point_style if markers else style.line_style
    for name, error, look in style.named_lines(errors, nulls, styled):
        for number, present in enumerate(np.unique(block)):
            shown = block == present
            label = name if number == 0 else f"_{name}"
            style.median_and_band(axes, trials[shown], error[:, shown], label, look)
    for present in np.unique(block)[1:]:
        style.mark_switch(axes, float(trials[block == present][0]))
    axes.set(xlabel="training trials", ylabel=_ERROR, ylim=(0, None))
    return style.legend(figure, columns=3)


def switches(trials: np.ndarray, errors: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw re-learning after a switch, a panel per kind of switch: median over seeds, quartiles as a band.

    ``trials`` (probes,) int since the switch; ``errors`` (seeds, probes) float64 by kind of switch and name.
    """
    width = max(6.0, 3.4 * len(errors) + 0.8)
    figure, (panels,) = style.panels(1, len(errors), width, 3.6, sharey=True)
    for axes, (kind, variants) in zip(panels, errors.items(), strict=True):
        style.mark_level(axes, 1, "predicting nothing")
        for line, (name, error) in enumerate(variants.items()):
            style.median_and_band(axes, trials, error, name, style.point_style(line))
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("trials since the switch")
    panels[0].set(ylabel=_ERROR, ylim=(0, None))
    return style.legend(figure)


def amplitude_against_probability(probability: np.ndarray, amplitudes: Mapping[str, np.ndarray]) -> Figure:
    """Draw the amplitude of the prediction over the event's probability: points and their median.

    ``probability`` (levels,) was varied; ``amplitudes`` are (seeds, levels) float64 by name. The legend gives
    the median over seeds of Pearson's r.
    """
    figure, axes = style.one_panel(6, 4.4)
    for line, (name, amplitude) in enumerate(amplitudes.items()):
        r = float(np.median([pearson(probability, seed) for seed in amplitude]))
        look = style.point_style(line)
        axes.plot(probability, np.median(amplitude, axis=0), label=f"{name}, r = {r:.3f}", **look)
        points = look | {"linestyle": "", "markersize": 2.5, "alpha": 0.4}
        axes.plot(np.tile(probability, len(amplitude)), amplitude.ravel(), **points)
    axes.set(xlabel="probability", ylabel="amplitude of the prediction", xlim=(-0.03, 1.03), ylim=(0, None))
    return style.legend(figure, columns=2)


def prediction_overlay(
    times_ms: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    truth: np.ndarray,
    cue_ms: float,
    event_names: Sequence[str] = (),
) -> Figure:
    """Draw predictions of several variants beside the truth, a panel per event, the cue shaded.

    The time of each step, ``times_ms`` (steps,), is 0 at the cue, which lasts ``cue_ms``. ``predictions`` by
    name and ``truth`` are prediction objects, (steps, events) float64.
    """
    events = truth.shape[1]
    figure, (panels,) = style.panels(1, events, 4 * events + 0.8, 3.4, sharey=True)
    for event, axes in enumerate(panels):
        style.mark_cue(axes, cue_ms)
        axes.plot(times_ms, truth[:, event], color="black", linewidth=2.4, alpha=0.35, label="truth")
        for line, (name, o) in enumerate(predictions.items()):
            axes.plot(times_ms, o[:, event], label=name, **style.line_style(line))
        axes.set_title(style.event_title(event, event_names), fontsize=10)
        axes.set_xlabel("time after the cue (ms)")
    most = max(1.0, *(float(o.max()) for o in (truth, *predictions.values())))
    panels[0].set(ylabel="expectation", ylim=(0, 1.05 * most))
    return style.legend(figure, [*style.keys(panels[0]), style.CUE_KEY])
