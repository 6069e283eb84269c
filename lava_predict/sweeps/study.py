"""The study of a sweep: a configuration learned once, and what its probes measured."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from lava_predict.errors import RunError
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.results import counting_errors
from lava_predict.numerics import compiled
from lava_predict.settings.schema import Config
from lava_predict.work.digest import digest_of
from lava_predict.work.unit import Found


def learn_task(config: Config, precision: str) -> Found:
    """Learn the task on the cpu and return what its probes measured; NaN after the network diverged.

    Of each probe, (P,): ``block`` and ``trials`` of it that had been learned, int; ``error``, ``zero_error``
    and ``error_counting``, float64, as in `lava_predict.experiment.results.Probe` and
    `lava_predict.experiment.counting`. ``rate_hz``, a number, is the cells' mean rate over all trials.
    """
    experiment = Experiment(config)
    session = experiment.start(precision=precision)
    # Where a network diverges is a finding, too.
    with contextlib.suppress(RunError):
        session.advance(experiment.task.first_trials[-1])
    state = session.state
    due = np.array(
        [
            (number, trials)
            for number, block in enumerate(config.task.blocks)
            for trials in sorted({n for n in config.run.probe_trials if n <= block.trials} | {block.trials})
        ]
    )

    def padded(values: list[float]) -> np.ndarray:
        return np.array(values + [np.nan] * (len(due) - len(values)))

    spikes, steps = (sum(getattr(trial, name) for trial in state.trials) for name in ("spikes", "steps"))
    seconds = steps * config.run.dt_ms / 1000.0
    return {
        "block": due[:, 0],
        "trials": due[:, 1],
        "error": padded([probe.error for probe in state.probes]),
        "zero_error": padded([probe.zero_error for probe in state.probes]),
        "error_counting": padded(counting_errors(experiment.task, state.trials, state.probes)),
        "rate_hz": np.array(spikes / (experiment.network.size * seconds) if seconds else np.nan),
    }


def compile_kernels(config: Config, precision: str) -> None:
    """Learn one trial, so that processes that are started later find the compiled kernels on disk.

    It is noted beside them, and not done again for a configuration that has the same parts.
    """
    note = compiled.note_of(digest_of([_choices(config.to_dict()), precision]))
    if note is None or note.exists():  # Nothing would be found, or it has been done.
        return
    Experiment(config).start(precision=precision).advance(1)
    with contextlib.suppress(OSError):
        note.touch()


def _choices(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the texts and switches among settings, which choose kernels; numbers do not."""
    inner = {key: _choices(value) for key, value in settings.items() if isinstance(value, dict)}
    return inner | {key: value for key, value in settings.items() if isinstance(value, str | bool)}


def at_block_ends(found: Found, name: str) -> float:
    """Return an error over that of predicting nothing at the blocks' ends, mean of all blocks.

    Blocks in which nothing occurs are left out. NaN if the network had diverged.
    """
    ends = np.flatnonzero(np.diff(found["block"], append=-1))
    error, zero = found[name][ends], found["zero_error"][ends]
    counted = zero != 0
    return float(np.mean(error[counted] / zero[counted])) if counted.any() else np.nan
