"""Pictures of a run, drawn from its record alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.network.draw import excitatory_cells
from lava_predict.records.run_record import RunRecord
from lava_predict.reports.plot_style import EVENT_COLOURS, GREY, colour_of, event_name, new_figure, strip

_MOST_ROWS = 12


def _block_starts(record: RunRecord) -> np.ndarray:
    """Trials of the run before each block, (blocks + 1,)."""
    return np.cumsum([0, *(block.trials for block in record.config.task.blocks)])


def _mark_switches(axes: Axes, record: RunRecord) -> None:
    for switch in _block_starts(record)[1:-1]:
        axes.axvline(float(switch), color=GREY, linewidth=0.8, linestyle=(0, (2, 2)))


def learning_curve(record: RunRecord) -> Figure:
    """Error of the cue-only prediction over trials, block by block, with the switches marked.

    Parameters
    ----------
    record : RunRecord
        A run.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    starts = _block_starts(record)
    for block in np.unique(record.probe_block):
        of_block = record.probe_block == block
        trials = starts[block] + record.probe_trials[of_block]
        zero = record.zero_error[of_block][-1]
        axes.plot(trials, record.error[of_block], "o-", color=EVENT_COLOURS[0], markersize=4)
        axes.plot(trials, record.error_causal[of_block], "^:", color=EVENT_COLOURS[1], markersize=3)
        axes.plot([starts[block], starts[block + 1]], [zero, zero], "--", color=GREY)
    _mark_switches(axes, record)
    keys = [
        Line2D([], [], color=EVENT_COLOURS[0], marker="o", label="prediction"),
        Line2D([], [], color=EVENT_COLOURS[1], marker="^", linestyle=":", label="causal prediction"),
        Line2D([], [], color=GREY, linestyle="--", label="predicting nothing"),
        Line2D([], [], color=GREY, linestyle=(0, (2, 2)), linewidth=0.8, label="switch"),
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=4, frameon=False)
    axes.set(xlabel="training trials", ylabel="RMSE of the cue-only prediction", ylim=(0, None))
    return figure


def prediction(record: RunRecord) -> Figure:
    """Prediction against truth at the last probe of each block, a column per event, a row per block and cue.

    Parameters
    ----------
    record : RunRecord
        A run.

    Returns
    -------
    matplotlib.figure.Figure
        Up to 12 rows: the last blocks of a longer run.
    """
    events, cues = record.o.shape[3], record.o.shape[1]
    rows = [(block, cue) for block in np.unique(record.probe_block) for cue in range(cues)][-_MOST_ROWS:]
    figure = new_figure(3.4 * events + 1.0, 1.6 * len(rows) + 0.8)
    grid = figure.subplots(len(rows), events, squeeze=False, sharex=True, sharey=True)
    for line, (block, cue) in zip(grid, rows, strict=True):
        last = int(np.flatnonzero(record.probe_block == block)[-1])
        for event, axes in enumerate(line):
            strip(axes)
            axes.plot(record.times_ms, record.truth[last, cue, :, event], "--", color="black", linewidth=1.2)
            axes.plot(record.times_ms, record.o[last, cue, :, event], color=colour_of(event), linewidth=1.5)
            axes.axvspan(0, record.config.task.cue_ms, color="0.85", linewidth=0)
        name = f"block {block + 1}" if cues == 1 else f"block {block + 1}\ncue {cue + 1}"
        line[0].set_ylabel(f"{name}\nexpectation")
    for event in range(events):
        grid[0, event].set_title(f"event {event_name(event)}")
        grid[-1, event].set_xlabel("time after the cue (ms)")
    grid[0, 0].set_ylim(0, 1.05)
    keys = [
        Line2D([], [], color=colour_of(0), label="prediction (colour: event)"),
        Line2D([], [], color="black", linestyle="--", label="truth: probability x timing"),
        Line2D([], [], color="0.85", linewidth=6, label="cue"),
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=3, frameon=False)
    return figure


def raster(record: RunRecord) -> Figure:
    """Spikes of the last probe (first repeat), and the population's rate, a column per cue.

    Parameters
    ----------
    record : RunRecord
        A run.

    Returns
    -------
    matplotlib.figure.Figure
        Cue shaded, latencies marked; excitatory cells below, inhibitory above.
    """
    config = record.config
    cues = record.o.shape[1]
    last = record.probe_block.size - 1
    excitatory, cells = excitatory_cells(config), config.reservoir.neurons
    figure = new_figure(7 * cues, 5)
    grid = figure.subplots(2, cues, squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
    for cue in range(cues):
        shown = (record.spike_probe == last) & (record.spike_cue == cue)
        step, cell = record.spike_step[shown], record.spike_cell[shown]
        times = record.times_ms[step]
        upper, lower = strip(grid[0, cue]), strip(grid[1, cue])
        for part, colour in ((cell < excitatory, EVENT_COLOURS[0]), (cell >= excitatory, EVENT_COLOURS[1])):
            upper.plot(times[part], cell[part], ".", color=colour, markersize=1.5, rasterized=True)
        _, latencies = config.task.blocks[int(record.probe_block[last])].of_cue(cue)
        for axes in (upper, lower):
            axes.axvspan(0, config.task.cue_ms, color="0.85", linewidth=0, zorder=0)
            for latency in latencies:
                axes.axvline(latency, color="black", linewidth=0.9, linestyle="--", zorder=0)
        for event, latency in enumerate(latencies):
            upper.annotate(
                f"{event_name(event)} due",
                (latency, 1.01),
                xycoords=("data", "axes fraction"),
                ha="center",
                fontsize=9,
            )
        width = 10.0
        edges = np.arange(record.times_ms[0], record.times_ms[-1] + width, width)
        counts, _ = np.histogram(times, edges)
        lower.stairs(counts / (cells * width / 1000.0), edges, color="black")
        lower.set_xlabel("time after the cue (ms)")
        if cues > 1:
            upper.set_title(f"cue {cue + 1}", pad=16)
    grid[0, 0].set_ylabel("cell")
    grid[1, 0].set_ylabel("rate (Hz)")
    keys = [
        Line2D([], [], color=EVENT_COLOURS[0], marker=".", linestyle="", label="excitatory"),
        Line2D([], [], color=EVENT_COLOURS[1], marker=".", linestyle="", label="inhibitory"),
        Line2D([], [], color="0.85", linewidth=6, label="cue"),
    ]
    figure.legend(handles=keys, loc="outside upper center", ncols=3, frameon=False)
    return figure


def probability(record: RunRecord) -> Figure:
    """Estimated probability of each event over training trials, against the true one.

    Parameters
    ----------
    record : RunRecord
        A run.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per cue; a tick for every occurrence of an event.
    """
    cues, events = record.o.shape[1], record.o.shape[3]
    figure = new_figure(8, 3.2 * cues + 0.6)
    panels = figure.subplots(cues, 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    starts = _block_starts(record)
    for cue, axes in enumerate(panels):
        strip(axes)
        shown = record.trial_cue == cue
        trials = np.flatnonzero(shown)
        for event in range(events):
            colour = colour_of(event)
            axes.plot(trials, np.clip(record.trial_p[shown, event], 0, 1), color=colour, linewidth=1.3)
            true = [block.of_cue(cue)[0][event] for block in record.config.task.blocks]
            axes.stairs(true, starts, color=colour, linestyle="--", linewidth=1.3, baseline=None)
            occurred = trials[record.trial_outcome[shown] == event]
            height = np.full(occurred.size, 1.04 + 0.05 * event)
            axes.plot(occurred, height, "|", color=colour, markersize=4)
        _mark_switches(axes, record)
        axes.set_ylabel("probability" if cues == 1 else f"cue {cue + 1}\nprobability")
        axes.set_ylim(-0.02, 1.06 + 0.05 * events)
    panels[-1].set_xlabel("training trial")
    keys = [
        Line2D([], [], color=colour_of(event), label=f"event {event_name(event)}") for event in range(events)
    ]
    keys.append(Line2D([], [], color="black", label="estimate"))
    keys.append(Line2D([], [], color="black", linestyle="--", label="truth"))
    keys.append(Line2D([], [], color="black", linestyle="", marker="|", label="event occurred"))
    figure.legend(handles=keys, loc="outside upper center", ncols=min(len(keys), 6), frameon=False)
    return figure


FIGURES: dict[str, Callable[[RunRecord], Figure]] = {
    "learning_curve": learning_curve,
    "prediction": prediction,
    "raster": raster,
    "probability": probability,
}
"""Every picture of a run, by the name of its file."""
