"""Pictures of a run, drawn from its record alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plot_style as style

_MOST_ROWS = 12
_BIN_MS = 10.0


def _block_starts(record: RunRecord) -> np.ndarray:
    """Trials of the run before each block, (blocks + 1,)."""
    return np.cumsum([0, *(block.trials for block in record.config.task.blocks)])


def _last_probes(record: RunRecord) -> list[tuple[int, int]]:
    """Every block that was probed, and the number of its last probe."""
    blocks = np.unique(record.probe_block)
    return [(int(block), int(np.flatnonzero(record.probe_block == block)[-1])) for block in blocks]


def learning_curve(record: RunRecord) -> Figure:
    """Draw the error of the cue-only prediction over trials, with the switches marked."""
    figure, axes = style.one_panel(8, 4)
    starts, (first, second, third, *_) = _block_starts(record), style.EVENT_COLOURS
    for block, last in _last_probes(record):
        of_block = record.probe_block == block
        trials = starts[block] + record.probe_trials[of_block]
        axes.plot(trials, record.error[of_block], "o-", color=first, markersize=4)
        axes.plot(trials, record.error_causal[of_block], "^:", color=second, markersize=3)
        axes.plot(trials, record.error_counting[of_block], "s-.", color=third, markersize=3)
        axes.plot(starts[[block, block + 1]], record.zero_error[[last, last]], "--", color=style.GREY)
    for switch in starts[1:-1]:
        style.mark_switch(axes, float(switch))
    axes.set(xlabel="training trials", ylabel="RMSE of the cue-only prediction", ylim=(0, None))
    shown = [
        style.key("prediction", color=first, marker="o"),
        style.key("causal prediction", color=second, marker="^", linestyle=":"),
        style.key("counting", color=third, marker="s", linestyle="-."),
        style.key("predicting nothing", color=style.GREY, linestyle="--"),
        style.key("switch", color=style.GREY, linestyle=(0, (2, 2)), linewidth=0.8),
    ]
    return style.legend(figure, shown, columns=5)


def prediction(record: RunRecord) -> Figure:
    """Draw the prediction beside the truth at the end of each block: a column per event, a row per cue.

    A longer run shows its last blocks, in 12 rows.
    """
    _, cues, _, events = record.o.shape
    task = record.config.task
    rows = [(block, last, cue) for block, last in _last_probes(record) for cue in range(cues)][-_MOST_ROWS:]
    size = (3.4 * events + 1.0, 1.6 * len(rows) + 0.8)
    figure, grid = style.panels(len(rows), events, *size, sharex=True, sharey=True)
    for line, (block, last, cue) in zip(grid, rows, strict=True):
        for event, axes in enumerate(line):
            colour = style.colour_of(event)
            axes.plot(record.times_ms, record.truth[last, cue, :, event], "--", color="black", linewidth=1.2)
            axes.plot(record.times_ms, record.o[last, cue, :, event], color=colour, linewidth=1.5)
            style.mark_cue(axes, task.cue_ms)
        name = f"block {block + 1}" if cues == 1 else f"block {block + 1}\ncue {task.names_of_cues[cue]}"
        line[0].set_ylabel(f"{name}\nexpectation")
    for event in range(events):
        grid[0, event].set_title(f"event {task.names_of_events[event]}")
        grid[-1, event].set_xlabel("time after the cue (ms)")
    grid[0, 0].set_ylim(0, 1.05)
    predicted = style.key("prediction (colour: event)", color=style.colour_of(0))
    truth = style.key("truth: probability x timing", color="black", linestyle="--")
    return style.legend(figure, [predicted, truth, style.CUE_KEY])


def raster(record: RunRecord) -> Figure:
    """Draw the spikes of the last probe (first repeat) and the population's rate, a column per cue.

    The cue is shaded and the latencies are marked; excitatory cells are below, inhibitory cells above.
    """
    config = record.config
    cues, last = record.o.shape[1], record.probe_block.size - 1
    edges = np.arange(record.times_ms[0], record.times_ms[-1] + _BIN_MS, _BIN_MS)
    figure, grid = style.panels(2, cues, 7 * cues, 5, sharex=True, sharey="row", height_ratios=(3, 1))
    for cue, (upper, lower) in enumerate(grid.T):
        shown = (record.spike_probe == last) & (record.spike_cue == cue)
        times, cell = record.times_ms[record.spike_step[shown]], record.spike_cell[shown]
        excitatory = cell < config.reservoir.excitatory_cells
        for number, part in enumerate((excitatory, ~excitatory)):
            dots = {"color": style.colour_of(number), "markersize": 1.5, "rasterized": True}
            upper.plot(times[part], cell[part], ".", **dots)
        _, latencies = config.task.statistics(int(record.probe_block[last]), cue)
        latencies = tuple(latency for latency in latencies if np.isfinite(latency))
        for axes in (upper, lower):
            style.mark_cue(axes, config.task.cue_ms)
            for latency in latencies:
                axes.axvline(latency, color="black", linewidth=0.9, linestyle="--", zorder=0)
        for event, latency in zip(config.task.names_of_events, latencies, strict=False):
            name, place = f"{event} due", (latency, 1.01)
            upper.annotate(name, place, xycoords=("data", "axes fraction"), ha="center", fontsize=9)
        counts, _ = np.histogram(times, edges)
        lower.stairs(counts / (config.reservoir.neurons * _BIN_MS / 1000.0), edges, color="black")
        lower.set_xlabel("time after the cue (ms)")
        if cues > 1:
            upper.set_title(f"cue {config.task.names_of_cues[cue]}", pad=16)
    grid[0, 0].set_ylabel("cell")
    grid[1, 0].set_ylabel("rate (Hz)")
    kinds = [
        style.key(name, color=style.colour_of(number), marker=".", linestyle="")
        for number, name in enumerate(("excitatory", "inhibitory"))
    ]
    return style.legend(figure, [*kinds, style.CUE_KEY])


def probability(record: RunRecord) -> Figure:
    """Draw the estimated and the true probability of each event over training trials.

    One panel per cue; a tick marks every trial in which an event occurred.
    """
    _, cues, _, events = record.o.shape
    figure, grid = style.panels(cues, 1, 8, 3.2 * cues + 0.6, sharex=True, sharey=True)
    starts, task = _block_starts(record), record.config.task
    for cue, axes in enumerate(grid[:, 0]):
        shown = record.trial_cue == cue
        trials = np.flatnonzero(shown)
        for event in range(events):
            colour = style.colour_of(event)
            axes.plot(trials, np.clip(record.trial_p[shown, event], 0, 1), color=colour, linewidth=1.3)
            true = [task.statistics(block, cue)[0][event] for block in range(len(task.blocks))]
            axes.stairs(true, starts, color=colour, linestyle="--", linewidth=1.3, baseline=None)
            occurred = trials[record.trial_outcome[shown] == event]
            height = np.full(occurred.size, 1.04 + 0.05 * event)
            axes.plot(occurred, height, "|", color=colour, markersize=4)
        for switch in starts[1:-1]:
            style.mark_switch(axes, float(switch))
        axes.set_ylabel("probability" if cues == 1 else f"cue {task.names_of_cues[cue]}\nprobability")
        axes.set_ylim(-0.02, 1.06 + 0.05 * events)
    grid[-1, 0].set_xlabel("training trial")
    explained = [
        *(style.key(f"event {n}", color=style.colour_of(k)) for k, n in enumerate(task.names_of_events)),
        style.key("estimate", color="black"),
        style.key("truth", color="black", linestyle="--"),
        style.key("event occurred", color="black", linestyle="", marker="|"),
    ]
    return style.legend(figure, explained, columns=6)


FIGURES: dict[str, Callable[[RunRecord], Figure]] = {
    draw.__name__: draw for draw in (learning_curve, prediction, raster, probability)
}
"""Every picture of a run, by the name of its file."""
