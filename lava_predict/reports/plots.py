"""Pictures of a run, drawn from its record alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.network.draw import excitatory_cells
from lava_predict.records.run_record import RunRecord
from lava_predict.reports.plot_style import (
    CUE_KEY,
    EVENT_COLOURS,
    GREY,
    colour_of,
    event_name,
    legend,
    mark_cue,
    mark_switch,
    new_figure,
    one_panel,
    strip,
)

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
    figure, axes = one_panel(8, 4)
    starts = _block_starts(record)
    for block, last in _last_probes(record):
        of_block = record.probe_block == block
        trials = starts[block] + record.probe_trials[of_block]
        axes.plot(trials, record.error[of_block], "o-", color=EVENT_COLOURS[0], markersize=4)
        axes.plot(trials, record.error_causal[of_block], "^:", color=EVENT_COLOURS[1], markersize=3)
        axes.plot(starts[[block, block + 1]], record.zero_error[[last, last]], "--", color=GREY)
    for switch in starts[1:-1]:
        mark_switch(axes, float(switch))
    legend(
        figure,
        [
            Line2D([], [], color=EVENT_COLOURS[0], marker="o", label="prediction"),
            Line2D([], [], color=EVENT_COLOURS[1], marker="^", linestyle=":", label="causal prediction"),
            Line2D([], [], color=GREY, linestyle="--", label="predicting nothing"),
            Line2D([], [], color=GREY, linestyle=(0, (2, 2)), linewidth=0.8, label="switch"),
        ],
    )
    axes.set(xlabel="training trials", ylabel="RMSE of the cue-only prediction", ylim=(0, None))
    return figure


def prediction(record: RunRecord) -> Figure:
    """Draw the prediction beside the truth at the end of each block: a column per event, a row per cue.

    A longer run shows its last blocks, in 12 rows.
    """
    events, cues = record.o.shape[3], record.o.shape[1]
    rows = [(block, last, cue) for block, last in _last_probes(record) for cue in range(cues)][-_MOST_ROWS:]
    figure = new_figure(3.4 * events + 1.0, 1.6 * len(rows) + 0.8)
    grid = figure.subplots(len(rows), events, squeeze=False, sharex=True, sharey=True)
    for line, (block, last, cue) in zip(grid, rows, strict=True):
        for event, axes in enumerate(line):
            strip(axes)
            axes.plot(record.times_ms, record.truth[last, cue, :, event], "--", color="black", linewidth=1.2)
            axes.plot(record.times_ms, record.o[last, cue, :, event], color=colour_of(event), linewidth=1.5)
            mark_cue(axes, record.config.task.cue_ms)
        name = f"block {block + 1}" if cues == 1 else f"block {block + 1}\ncue {cue + 1}"
        line[0].set_ylabel(f"{name}\nexpectation")
    for event in range(events):
        grid[0, event].set_title(f"event {event_name(event)}")
        grid[-1, event].set_xlabel("time after the cue (ms)")
    grid[0, 0].set_ylim(0, 1.05)
    predicted = Line2D([], [], color=colour_of(0), label="prediction (colour: event)")
    truth = Line2D([], [], color="black", linestyle="--", label="truth: probability x timing")
    legend(figure, [predicted, truth, CUE_KEY])
    return figure


def raster(record: RunRecord) -> Figure:
    """Draw the spikes of the last probe (first repeat) and the population's rate, a column per cue.

    The cue is shaded and the latencies are marked; excitatory cells are below, inhibitory cells above.
    """
    config = record.config
    cues, last = record.o.shape[1], record.probe_block.size - 1
    figure = new_figure(7 * cues, 5)
    grid = figure.subplots(2, cues, squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
    for cue in range(cues):
        upper, lower = strip(grid[0, cue]), strip(grid[1, cue])
        shown = (record.spike_probe == last) & (record.spike_cue == cue)
        times, cell = record.times_ms[record.spike_step[shown]], record.spike_cell[shown]
        excitatory = cell < excitatory_cells(config)
        for part, colour in ((excitatory, EVENT_COLOURS[0]), (~excitatory, EVENT_COLOURS[1])):
            upper.plot(times[part], cell[part], ".", color=colour, markersize=1.5, rasterized=True)
        _, latencies = config.task.blocks[int(record.probe_block[last])].of_cue(cue)
        for axes in (upper, lower):
            mark_cue(axes, config.task.cue_ms)
            for latency in latencies:
                axes.axvline(latency, color="black", linewidth=0.9, linestyle="--", zorder=0)
        _name_latencies(upper, latencies)
        edges = np.arange(record.times_ms[0], record.times_ms[-1] + _BIN_MS, _BIN_MS)
        counts, _ = np.histogram(times, edges)
        lower.stairs(counts / (config.reservoir.neurons * _BIN_MS / 1000.0), edges, color="black")
        lower.set_xlabel("time after the cue (ms)")
        if cues > 1:
            upper.set_title(f"cue {cue + 1}", pad=16)
    grid[0, 0].set_ylabel("cell")
    grid[1, 0].set_ylabel("rate (Hz)")
    kinds = [
        Line2D([], [], color=EVENT_COLOURS[number], marker=".", linestyle="", label=name)
        for number, name in enumerate(("excitatory", "inhibitory"))
    ]
    legend(figure, [*kinds, CUE_KEY])
    return figure


def _name_latencies(axes: Axes, latencies: tuple[float, ...]) -> None:
    for event, latency in enumerate(latencies):
        name, place = f"{event_name(event)} due", (latency, 1.01)
        axes.annotate(name, place, xycoords=("data", "axes fraction"), ha="center", fontsize=9)


def probability(record: RunRecord) -> Figure:
    """Draw the estimated and the true probability of each event over training trials.

    One panel per cue; a tick marks every trial in which an event occurred.
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
        for switch in starts[1:-1]:
            mark_switch(axes, float(switch))
        axes.set_ylabel("probability" if cues == 1 else f"cue {cue + 1}\nprobability")
        axes.set_ylim(-0.02, 1.06 + 0.05 * events)
    panels[-1].set_xlabel("training trial")
    colours = [Line2D([], [], color=colour_of(n), label=f"event {event_name(n)}") for n in range(events)]
    estimate = Line2D([], [], color="black", label="estimate")
    truth = Line2D([], [], color="black", linestyle="--", label="truth")
    tick = Line2D([], [], color="black", linestyle="", marker="|", label="event occurred")
    legend(figure, [*colours, estimate, truth, tick], columns=6)
    return figure


FIGURES: dict[str, Callable[[RunRecord], Figure]] = {
    "learning_curve": learning_curve,
    "prediction": prediction,
    "raster": raster,
    "probability": probability,
}
"""Every picture of a run, by the name of its file."""
