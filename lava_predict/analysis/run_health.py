"""What a run says against relying on it: errors, misplaced peaks, a network that is silent or saturated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lava_predict.errors import Caution
from lava_predict.experiment.results import BlockResult, Result
from lava_predict.experiment.scores import FLAT

MOST_SILENT = 0.25
"""A run warns where a greater share of the cells never spikes in any test."""

MOST_RATE_HZ = 50.0
"""A run warns of a mean rate above this. The presets have 5 to 10 Hz."""

LEAST_OCCURRENCES = 5
"""A run warns of the peak of an event that has occurred so often in a block, or more often."""

LEAST_LIKELY = 0.1
"""A run warns of an event of this probability, or more, that is not predicted at all."""


def run_warnings(result: Result) -> list[Caution]:
    """Say what is wrong with a finished run, whatever its precision, and what to do."""
    found = [*_activity(result)]
    for number, block in enumerate(result.blocks):
        found += [*_errors(result, number, block), *_peaks(result, number, block)]
    return found


def _activity(result: Result) -> Iterator[Caution]:
    """Look at how many cells spiked in the tests, and at the mean rate."""
    spikes = np.concatenate([cell for probe in result.state.probes for cell in probe.spike_cell])
    silent = 1.0 - np.unique(spikes).size / result.network.size
    if silent > MOST_SILENT:
        yield Caution(
            f"{silent:.0%} of the cells did not spike in any test: the network is silent",
            "raise the cells' bias, reservoir.cue_current or reservoir.excitatory_charge",
        )
    if result.mean_rate_hz > MOST_RATE_HZ:
        yield Caution(
            f"the cells spike at {result.mean_rate_hz:.0f} Hz on average: the network is saturated",
            "lower reservoir.excitatory_charge or the cells' bias, or strengthen reservoir.inhibitory_charge",
        )


def _errors(result: Result, number: int, block: BlockResult) -> Iterator[Caution]:
    """Look for tests after the first quarter of a block that are worse than predicting nothing."""
    shown = result.config.task.blocks[number].shown(result.config.task.cues)
    for cue, zero in enumerate(block.zero_error_by_cue):
        ratios = {
            trials: errors[cue] / zero
            for trials, errors in block.error_by_cue.items()
            if zero > 0.0 and trials >= block.trials / 4 and errors[cue] > zero
        }
        if not ratios:
            continue
        cause = (
            f"{_place(result, number, cue)}: the error after {', '.join(map(str, ratios))} of {block.trials} "
            f"trials is {', '.join(f'{ratio:.2f}' for ratio in ratios.values())} times that of predicting "
            "nothing"
        )
        counting = block.baseline["counting"][block.trials] / block.zero_error
        remedy = (
            f"train for longer (task.blocks[{number}].trials) or with more cells (reservoir.neurons); a "
            f"learner that only counts ends at {counting:.2f}"
        )
        forgotten = f"the block does not show this cue; show it in between (task.blocks[{number}].cues)"
        yield Caution(cause, remedy if cue in shown else forgotten)


def _peaks(result: Result, number: int, block: BlockResult) -> Iterator[Caution]:
    """Look for events whose prediction at the block's end peaks more than a width from where they are due."""
    trials = [trial for trial in result.state.trials if trial.block == number]
    for (cue, event), peak in np.ndenumerate(block.peak_ms):
        probability, due = block.probability[cue][event], block.latency_ms[cue][event]
        times = sum((trial.cue, trial.outcome) == (cue, event) for trial in trials)
        late = peak - due
        if times < LEAST_OCCURRENCES:
            continue
        if np.isnan(peak) and probability >= LEAST_LIKELY:
            what = f"is predicted nowhere (below {FLAT:g})"
        elif abs(late) > result.config.task.event_width_ms:
            what = f"is predicted at {peak:.0f} ms, {abs(late):.0f} ms too {'late' if late > 0 else 'early'}"
        else:
            continue
        name = result.config.task.names_of_events[event]
        yield Caution(
            f"{_place(result, number, cue)}: event {name}, due at {due:g} ms, {what}, "
            f"although it occurred {times} times",
            f"look at the prediction before you rely on it; more trials (task.blocks[{number}].trials) help",
        )


def _place(result: Result, number: int, cue: int) -> str:
    task = result.config.task
    return f"block {number + 1}" + (f", cue {task.names_of_cues[cue]}" if task.cues > 1 else "")
