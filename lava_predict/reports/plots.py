"""Pictures of a run, drawn from its record alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plot_style as style

_MOST_ROWS, _MOST_PANELS = 12, 36
_MOST_RASTERS, _MOST_LINES = 4, 6
"""What a reader can still tell apart: rows, panels, rasters beside each other, lines in a panel."""

_BIN_MS = 10.0


def _block_starts(record: RunRecord) -> np.ndarray:
    """Trials of the run before each block, (blocks + 1,)."""
    return np.cumsum([0, *(block.trials for block in record.config.task.blocks)])


def _last_probes(record: RunRecord) -> list[tuple[int, int]]:
    """Every block that was probed, and the number of its last probe."""
    blocks = np.unique(record.probe_block)
    return [(int(block), int(np.flatnonzero(record.probe_block == block)[-1])) for block in blocks]


def learning_curve(record: RunRecord) -> Figure:
    """Draw the error of the cue-only prediction over trials, divided by that of predicting nothing.

    Switches between blocks are marked.
    """
    figure, axes = style.one_panel(8, 4)
    starts, (first, second, third, *_) = _block_starts(record), style.EVENT_COLOURS
    for block, last in _last_probes(record):
        of_block = record.probe_block == block
        trials, nothing = starts[block] + record.probe_trials[of_block], record.zero_error[last]
        nothing = nothing or np.nan  # Without events there is nothing to divide by.
        axes.plot(trials, record.error[of_block] / nothing, "o-", color=first, markersize=4)
        axes.plot(trials, record.error_causal[of_block] / nothing, "^:", color=second, markersize=3)
        axes.plot(trials, record.error_counting[of_block] / nothing, "s-.", color=third, markersize=3)
    axes.axhline(1, linestyle="--", color=style.GREY)
    for switch in starts[1:-1]:
        style.mark_switch(axes, float(switch))
    axes.set(xlabel="training trials", ylabel="error / error of nothing", ylim=(0, None))
    shown = [
        style.key("prediction", color=first, marker="o"),
        style.key("causal prediction", color=second, marker="^", linestyle=":"),
        style.key("counting", color=third, marker="s", linestyle="-."),
        style.key("predicting nothing", color=style.GREY, linestyle="--"),
    ]
    if starts.size > 2:
        shown.append(style.key("switch", color=style.GREY, linestyle=(0, (2, 2)), linewidth=0.8))
    return style.legend(figure, shown, columns=5)


def prediction(record: RunRecord) -> Figure:
    """Draw the prediction beside the truth at the end of each block: a column per event, a row per cue.

    It begins at the cue, before which nothing is predicted. A longer run shows its last blocks, in 12 rows;
    many events are two maps, prediction and truth.
    """
    _, cues, _, events = record.o.shape
    task = record.config.task
    rows = [(block, last, cue) for block, last in _last_probes(record) for cue in range(cues)][-_MOST_ROWS:]
    if events * len(rows) > _MOST_PANELS:
        return _prediction_maps(record, rows)
    after = record.times_ms >= 0
    times, most = record.times_ms[after], 1.0
    size = (3.4 * events + 1.0, 1.6 * len(rows) + 0.8)
    figure, grid = style.panels(len(rows), events, *size, sharex=True, sharey=True)
    for line, (block, last, cue) in zip(grid, rows, strict=True):
        for event, axes in enumerate(line):
            colour, o = style.colour_of(event), record.o[last, cue, after, event]
            axes.plot(times, record.truth[last, cue, after, event], "--", color="black", linewidth=1.2)
            axes.plot(times, o, color=colour, linewidth=1.5)
            most = max(most, float(np.nanmax(o, initial=0.0)))
            style.mark_cue(axes, task.cue_ms)
        name = f"block {block + 1}" if cues == 1 else f"block {block + 1}\ncue {task.names_of_cues[cue]}"
        line[0].set_ylabel(f"{name}\nexpectation")
    for event in range(events):
        grid[0, event].set_title(f"event {task.names_of_events[event]}")
        grid[-1, event].set_xlabel("time after the cue (ms)")
    grid[0, 0].set_ylim(0, 1.05 * most)
    predicted = style.key("prediction (colour: event)", color=style.colour_of(0))
    truth = style.key("truth: probability x timing", color="black", linestyle="--")
    return style.legend(figure, [predicted, truth, style.CUE_KEY])


def _prediction_maps(record: RunRecord, rows: list[tuple[int, int, int]]) -> Figure:
    """Draw prediction and truth as maps of events over time, a band per block and cue."""
    after = record.times_ms >= 0
    pair = [[part[last, cue, after].T for _, last, cue in rows] for part in (record.o, record.truth)]
    cues = record.config.task.names_of_cues
    names = [f"block {block + 1}, cue {cues[cue]}" for block, _, cue in rows]
    titles = ("prediction", "truth: probability x timing")
    figure, grid = _maps(pair, names, (0.0, float(record.times_ms[-1])), "expectation")
    for axes, title in zip(grid, titles, strict=True):
        axes.set(title=title, xlabel="time after the cue (ms)")
    return figure


def _maps(
    pair: Sequence[Sequence[np.ndarray]], names: Sequence[str], span: tuple[float, float], what: str
) -> tuple[Figure, np.ndarray]:
    """Draw two maps beside each other, a band of rows per name, the events of each from above to below.

    ``pair`` has for either map an (events, columns) array per name; ``span`` is what the columns cover.
    """
    events, bands = pair[0][0].shape[0], len(names)
    figure, (grid,) = style.panels(1, 2, 9, 1.4 + min(0.8, 0.1 + 0.03 * events) * bands, sharey=True)
    most = max(float(np.nanmax(part, initial=0.0)) for parts in pair for part in parts)
    for axes, parts in zip(grid, pair, strict=True):
        extent = (*span, float(bands), 0.0)
        shown = {"aspect": "auto", "interpolation": "nearest", "vmin": 0.0, "vmax": most, "cmap": "viridis"}
        image = axes.imshow(np.concatenate(parts), extent=extent, **shown)
        for border in range(1, bands):
            axes.axhline(border, color="white", linewidth=1.0)
    grid[0].set_yticks(np.arange(bands) + 0.5, names)
    grid[0].set_ylabel(f"in each band {events} events")
    figure.colorbar(image, ax=grid, label=what)
    return figure, grid


def raster(record: RunRecord) -> Figure:
    """Draw the spikes of the last probe (first repeat) and the population's rate, a column per cue.

    At most 4 cues are shown. The cue is shaded and the latencies are marked; excitatory cells are below,
    inhibitory cells above.
    """
    config = record.config
    cues, last = min(record.o.shape[1], _MOST_RASTERS), record.probe_block.size - 1
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
        named = zip(config.task.names_of_events, latencies, strict=False)
        for event, latency in list(named)[:_MOST_LINES]:
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

    One panel per cue, at most 12; a tick marks every trial in which an event occurred, and one below 0 each
    in which none did. Many events are two maps, estimate and truth.
    """
    cues, events = min(record.o.shape[1], _MOST_ROWS), record.o.shape[3]
    if events > _MOST_LINES:
        return _probability_maps(record, cues)
    figure, grid = style.panels(cues, 1, 8, 3.2 * cues + 0.6, sharex=True, sharey=True)
    starts, task, none = _block_starts(record), record.config.task, -0.06
    low, high = none - 0.04, 1.06 + 0.05 * events
    for cue, axes in enumerate(grid[:, 0]):
        shown = record.trial_cue == cue
        trials, outcome = np.flatnonzero(shown), record.trial_outcome[shown]
        for event in range(events):
            colour, estimate = style.colour_of(event), record.trial_p[shown, event]
            axes.plot(trials, estimate, color=colour, linewidth=1.3)
            axes.stairs(
                _true(record, cue)[:, event],
                starts,
                color=colour,
                linestyle="--",
                linewidth=1.3,
                baseline=None,
            )
            low = min(low, np.nanmin(estimate, initial=0.0) - 0.02)
            high = max(high, np.nanmax(estimate, initial=1.0) + 0.02)
            occurred = trials[outcome == event]
            axes.plot(occurred, np.full(occurred.size, 1.04 + 0.05 * event), "|", color=colour, markersize=4)
        omitted = trials[outcome < 0]
        axes.plot(omitted, np.full(omitted.size, none), "|", color=style.GREY, markersize=4)
        for switch in starts[1:-1]:
            style.mark_switch(axes, float(switch))
        axes.set_ylabel("probability" if cues == 1 else f"cue {task.names_of_cues[cue]}\nprobability")
    grid[0, 0].set_ylim(low, high)
    grid[-1, 0].set_xlabel("training trial")
    explained = [
        *(style.key(f"event {n}", color=style.colour_of(k)) for k, n in enumerate(task.names_of_events)),
        style.key("estimate", color="black"),
        style.key("truth", color="black", linestyle="--"),
        style.key("event occurred", color="black", linestyle="", marker="|"),
        style.key("no event", color=style.GREY, linestyle="", marker="|"),
    ]
    return style.legend(figure, explained, columns=6)


def _true(record: RunRecord, cue: int) -> np.ndarray:
    """Return the events' probabilities after a cue, (blocks, events)."""
    task = record.config.task
    return np.array([task.statistics(block, cue)[0] for block in range(len(task.blocks))])


def _probability_maps(record: RunRecord, cues: int) -> Figure:
    """Draw estimated and true probabilities as maps of events over the trials of a cue, a band per cue."""
    task = record.config.task
    lengths = [block.trials for block in task.blocks]
    block_of = np.repeat(np.arange(len(lengths)), lengths)
    trials = [np.flatnonzero(record.trial_cue == cue) for cue in range(cues)]
    most = max(1, *(one.size for one in trials))
    pair = [
        [_widened(record.trial_p[one].T, most) for one in trials],
        [_widened(_true(record, cue)[block_of[one]].T, most) for cue, one in enumerate(trials)],
    ]
    names = [f"cue {name}" for name in task.names_of_cues[:cues]]
    figure, grid = _maps(pair, names, (0.5, most + 0.5), "probability")
    for axes, title in zip(grid, ("estimated probability", "true probability"), strict=True):
        axes.set(title=title, xlabel="training trial of the cue")
    return figure


def _widened(values: np.ndarray, columns: int) -> np.ndarray:
    """Append columns of NaN, which a map leaves white."""
    return np.pad(values.astype(float), ((0, 0), (0, columns - values.shape[1])), constant_values=np.nan)


FIGURES: dict[str, Callable[[RunRecord], Figure]] = {
    draw.__name__: draw for draw in (prediction, learning_curve, raster, probability)
}
"""Every picture of a run, by the name of its file; the first takes as long as the others together."""
