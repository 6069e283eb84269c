"""The network's own rules on a course of blocks, with everything that the claims look at."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from lava_predict.errors import RunError
from lava_predict.experiment.experiment import Experiment, Probe
from lava_predict.experiment.recorded_spikes import ReplayedProbe
from lava_predict.reproduction.unit import Found
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet


def course(config: Config) -> Found:
    """Learn the configuration's blocks on the float engine.

    Parameters
    ----------
    config : Config
        Of one cue.

    Returns
    -------
    Found
        As `probe_arrays` and, for T trials: ``trial_block``, ``outcome`` (T,), ``trial_p`` (T, K), the
        estimate before the trial's outcome; ``w_when`` and ``w_what`` (probes, K, ...).
    """
    experiment = Experiment(config)
    session = experiment.start()
    with contextlib.suppress(RunError):
        session.advance(experiment.meet.first_trials[-1])
    state = session.state
    found = probe_arrays(experiment.meet, state.probes)
    for name in ("w_when", "w_what"):
        found[name] = _padded([getattr(probe, name) for probe in state.probes], len(found["block"]))
    found["trial_block"] = np.array([trial.block for trial in state.trials])
    found["outcome"] = np.array([trial.outcome for trial in state.trials])
    found["trial_p"] = np.array([trial.p for trial in state.trials])
    return found


def probe_arrays(meet: Meet, probes: Sequence[Probe] | Sequence[ReplayedProbe]) -> Found:
    """Put the probes of a run with one cue into arrays; those that a divergence kept from coming are NaN.

    Parameters
    ----------
    meet : Meet
        The task.
    probes : sequence
        In order.

    Returns
    -------
    Found
        ``block``, ``trials`` (probes,); ``error``, divided by that of predicting nothing, (probes,);
        ``z``, ``o``, ``truth`` (probes, steps, K) from the cue on; ``p`` (probes, K); ``time_ms`` (steps,);
        ``probability``, ``latency_ms`` (blocks, K).
    """
    config = meet.config
    due = [
        (number, trials)
        for number, block in enumerate(config.task.blocks)
        for trials in sorted({n for n in config.run.probe_trials if n <= block.trials} | {block.trials})
    ]
    after = slice(meet.cue_step, None)
    truth = np.array([meet.truth(block, 0)[after] for block, _ in due])
    of_nothing = np.sqrt(np.mean(truth**2, axis=(1, 2)))
    conditions = [block.of_cue(0) for block in config.task.blocks]
    return {
        "block": np.array([block for block, _ in due]),
        "trials": np.array([trials for _, trials in due]),
        "error": _padded([probe.error for probe in probes], len(due)) / of_nothing,
        "z": _padded([probe.z[0, after] for probe in probes], len(due)),
        "o": _padded([probe.o[0, after] for probe in probes], len(due)),
        "p": _padded([probe.p[0] for probe in probes], len(due)),
        "truth": truth,
        "time_ms": meet.times_ms[after],
        "probability": np.array([probability for probability, _ in conditions]),
        "latency_ms": np.array([latency for _, latency in conditions]),
    }


def block_ends(found: Found) -> list[int]:
    """Return the number of the last probe of every block."""
    return [int(np.flatnonzero(found["block"] == block)[-1]) for block in np.unique(found["block"])]


def error_after(found: Found, block: int, share: float) -> float:
    """Return the relative error of the probe that stands next to a share of a block.

    Parameters
    ----------
    found : Found
        With ``block``, ``trials`` and ``error`` of `probe_arrays`.
    block : int
        Which block.
    share : float
        0 for before the first trial, 1 for the end; any share above 0 is at least one trial.
    """
    shown = found["block"] == block
    trials = found["trials"][shown]
    wanted = max(1.0, share * trials[-1]) if share > 0.0 else 0.0
    return float(found["error"][shown][np.argmin(np.abs(trials - wanted))])


def _padded(rows: Sequence[np.ndarray | float], count: int) -> np.ndarray:
    """Stack some rows, and as many of NaN as are missing to ``count``; there is at least one."""
    stacked = np.asarray(rows, dtype=np.float64)
    missing = np.full((count - len(stacked), *stacked.shape[1:]), np.nan)
    return np.concatenate([stacked, missing])
