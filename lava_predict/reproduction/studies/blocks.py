"""Learns a sequence of blocks and puts everything that the claims look at into arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.errors import RunError
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.recorded_spikes import Replay, ReplayedProbe
from lava_predict.experiment.results import Probe
from lava_predict.learning.on_traces import Rule
from lava_predict.settings.schema import Config
from lava_predict.tasks import Task
from lava_predict.work.unit import Found

_SHARED = ("block", "trials", "truth", "time_ms", "probability", "latency_ms")
"""Arrays of `probe_arrays` that are the same for all rules."""


def learn_blocks(config: Config) -> Found:
    """Learn the configuration's blocks, of one cue, with the network's own rules on the float engine.

    Returns `probe_arrays` and, for T trials, ``trial_block`` (T,) and ``trial_p`` (T, K), the estimate
    before the trial's outcome.
    """
    experiment = Experiment(config)
    session = experiment.start()
    with contextlib.suppress(RunError):
        session.advance(experiment.task.first_trials[-1])
    state = session.state
    return probe_arrays(experiment.task, state.probes) | {
        "trial_block": np.array([trial.block for trial in state.trials]),
        "trial_p": np.array([trial.p for trial in state.trials]),
    }


def learn_side_by_side(replay: Replay, rules: Mapping[str, Rule]) -> Found:
    """Learn a replay's blocks with several rules, all on the same reservoir run.

    Returns `probe_arrays`; those that are not the same for all rules are called "RULE: name", see `of_rule`.
    """
    found: Found = {}
    for rule, probes in replay.run(rules).items():
        arrays = probe_arrays(replay.task, probes)
        found |= {name if name in _SHARED else f"{rule}: {name}": array for name, array in arrays.items()}
    return found


def of_rule(found: Found, rule: str) -> Found:
    """Return the arrays of one rule of `learn_side_by_side` under their own names, and the shared ones."""
    shared = {name: found[name] for name in _SHARED}
    own = f"{rule}: "
    return shared | {name[len(own) :]: array for name, array in found.items() if name.startswith(own)}


def probe_arrays(meet: Task, probes: Sequence[Probe] | Sequence[ReplayedProbe]) -> Found:
    """Put the probes of a run with one cue into arrays; those that are missing after a divergence are NaN.

    ``block``, ``trials`` (probes,); ``error``, divided by that of predicting nothing, (probes,); ``z``,
    ``o``, ``truth`` (probes, steps, K) from the cue on; ``p`` (probes, K); ``time_ms`` (steps,); ``w_when``
    (probes, K, inputs), ``w_what`` (probes, K, N); ``probability``, ``latency_ms`` (blocks, K).
    """
    config = meet.config
    due = [
        (number, trials)
        for number, block in enumerate(config.task.blocks)
        for trials in sorted({n for n in config.run.probe_trials if n <= block.trials} | {block.trials})
    ]
    after = slice(meet.cue_step, None)
    truth = np.array([meet.truth(block, 0)[after] for block, _ in due])
    conditions = [block.of_cue(0) for block in config.task.blocks]

    def padded(rows: Sequence[np.ndarray | float]) -> np.ndarray:
        stacked = np.asarray(rows, dtype=np.float64)
        missing = np.full((len(due) - len(stacked), *stacked.shape[1:]), np.nan)
        return np.concatenate([stacked, missing])

    return {
        "block": np.array([block for block, _ in due]),
        "trials": np.array([trials for _, trials in due]),
        "error": padded([probe.error for probe in probes]) / np.sqrt(np.mean(truth**2, axis=(1, 2))),
        "z": padded([probe.z[0, after] for probe in probes]),
        "o": padded([probe.o[0, after] for probe in probes]),
        "p": padded([probe.p[0] for probe in probes]),
        "w_when": padded([probe.w_when for probe in probes]),
        "w_what": padded([probe.w_what for probe in probes]),
        "truth": truth,
        "time_ms": meet.times_ms[after],
        "probability": np.array([probability for probability, _ in conditions]),
        "latency_ms": np.array([latency for _, latency in conditions]),
    }


def block_ends(found: Found) -> np.ndarray:
    """Return the number of the last probe of every block, (blocks,)."""
    return np.flatnonzero(np.diff(found["block"], append=-1))


def trials_before(found: Found) -> np.ndarray:
    """Return the training trials of the whole run before each probe, (probes,)."""
    lengths = found["trials"][block_ends(found)]
    return np.asarray(found["trials"] + (np.cumsum(lengths) - lengths)[found["block"]])


def error_after(found: Found, block: int, share: float) -> float:
    """Return the relative error of the probe that is nearest to a share of a block, as `probe_after`."""
    return float(found["error"][found["block"] == block][probe_after(found, block, share)])


def probe_after(found: Found, block: int, share: float) -> int:
    """Return which of a block's probes is nearest to a share of it.

    The share is 0 before the first trial and 1 at the end; any share above 0 is at least one trial.
    """
    trials = found["trials"][found["block"] == block]
    wanted = max(1.0, share * trials[-1]) if share > 0.0 else 0.0
    return int(np.argmin(np.abs(trials - wanted)))


def error_at_ends(found: Found) -> float:
    """Return the relative error at the end of a block, mean of all blocks."""
    return float(np.mean(found["error"][block_ends(found)]))
