"""The one loop over blocks of trials, and what a probe is scored by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lava_predict.errors import whole
from lava_predict.experiment import scores
from lava_predict.tasks import Task

Progress = Callable[[int, int], None]
"""Called after every trial with the trials done and the trials in all."""


class TrialLoop(ABC):
    """Blocks of training trials, with a test on the cues alone wherever ``run.probe_trials`` has one due."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    @abstractmethod
    def trials_done(self) -> int:
        """Training trials so far."""

    @abstractmethod
    def _train(self, block: int, last: int, progress: Progress | None) -> None:
        """Train in a block until so many trials of the run are done."""

    @abstractmethod
    def _test(self, block: int, trials: int) -> None:
        """Test after so many trials of a block."""

    def advance(self, trials: int, progress: Progress | None = None) -> None:
        """Run some more training trials, and the tests that are due.

        Parameters
        ----------
        trials : int
            How many; fewer if the run ends before. The test before the first trial comes with the first call.
        progress : callable, optional
            Told the trials done and in all after each trial.
        """
        first, trials = self.task.first_trials, whole("trials", trials)
        if self.trials_done == 0 and trials > 0:
            self._test_where_due(0, 0)
        last = min(self.trials_done + trials, first[-1])
        while self.trials_done < last:
            block = int(np.searchsorted(first, self.trials_done, side="right")) - 1
            self._train(block, min(last, self._next_stop(block)), progress)
            done = self.trials_done
            self._test_where_due(block, done - first[block])
            if done == first[block + 1] and done < first[-1]:
                self._test_where_due(block + 1, 0)

    def _next_stop(self, block: int) -> int:
        """Return the trials done at the next test or at the end of the block."""
        first = self.task.first_trials
        due = (first[block] + trials for trials in self.task.config.run.probe_trials)
        # A test that is due after more trials than the block has must not carry its statistics on.
        return min(stop for stop in (*due, first[block + 1]) if stop > self.trials_done)

    def _test_where_due(self, block: int, trials: int) -> None:
        due = self.task.config.run.probe_trials
        if trials in due or trials == self.task.task.blocks[block].trials:
            self._test(block, trials)


class Scored(NamedTuple):
    """What was read in a test, averaged over its repeats, beside the truth; fields as in `Probe`."""

    z: np.ndarray
    o: np.ndarray
    truth: np.ndarray
    p: np.ndarray
    error: float
    zero_error: float
    error_by_cue: np.ndarray
    zero_error_by_cue: np.ndarray


def score(task: Task, block: int, read: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]) -> Scored:
    """Average over repeats and score a test of a block; the task gives the truth.

    ``read`` holds, by cue and repeat, the when readout, (steps, K), and the what readout, (K,).
    """
    z = np.array([np.mean([z for z, _ in repeats], axis=0) for repeats in read])
    p = np.array([np.mean([p for _, p in repeats], axis=0) for repeats in read])
    o = np.array([np.mean([scores.prediction(*one) for one in repeats], axis=0) for repeats in read])
    truth = np.array([task.truth(block, cue) for cue in range(task.task.cues)])
    after = slice(task.cue_step, None)
    error, by_cue = scores.cue_errors(o[:, after], truth[:, after])
    zero_error, zero_by_cue = scores.cue_errors(np.zeros_like(truth[:, after]), truth[:, after])
    return Scored(z, o, truth, p, error, zero_error, by_cue, zero_by_cue)
