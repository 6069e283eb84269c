"""A learner that only counts, on the trials of a run: what every network is compared with.

Its prediction is the frequency of each event after the cue, times the event's profile at the mean of the
times at which it occurred. It counts all trials with that cue so far: like the network, it is not told when
the statistics switch. While they hold it is close to the best there is, as it is given the width of an
event's profile.
"""

from __future__ import annotations

import numpy as np

from lava_predict.tasks import NONE, Task


def counted(task: Task, cue: np.ndarray, outcome: np.ndarray, latency_ms: np.ndarray) -> np.ndarray:
    """Predict from trials by counting, (M, steps, K).

    Of T trials ``cue`` and ``outcome``, (T,), -1 for an omission, and when the event occurred, (T,).
    """
    occurred, total = np.zeros((2, task.task.cues, task.task.events))
    events = outcome != NONE
    place = (cue[events], outcome[events])
    np.add.at(occurred, place, 1.0)
    np.add.at(total, place, latency_ms[events])
    trials = np.bincount(cue, minlength=task.task.cues)
    frequency = occurred / np.maximum(trials, 1)[:, None]
    mean_ms = total / np.maximum(occurred, 1.0)
    away = (task.times_ms[:, None] - mean_ms[:, None]) / task.task.event_width_ms
    return np.asarray(frequency[:, None] * np.exp(-0.5 * away**2))
