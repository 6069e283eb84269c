"""A ring of traces: what a sample is to be taught is known when it leaves the ring, and then it is.

Whether an event came within the ring's time after a sample is known when the sample leaves the ring. So the
traces of each sample are kept for so long, and those that the slow means will follow, which lag as much.
Nothing here depends on the arithmetic; `listen.bound` puts its kernels in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.learning.streams.memory import (
    ELAPSED,
    LABEL,
    NOTHING,
    OLD_LABEL,
    PUT,
    STEP,
    TAKEN,
    Learned,
    Ongoing,
)
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.numerics.binding import part
from lava_predict.numerics.compiled import lean_kernel

# These stand for the kernels of an arithmetic, and the last for `learn_sample` bound to them.
advance_mean = centre = teach_time = teach_silence = learn_occurrence = teach_sample = part

FOR_MEAN, FOR_SAMPLE = 1, 2
"""In `Ongoing.due`: the slow means follow these traces, and a sample of them is taught."""


@lean_kernel
def enter_ring(k: Any, ongoing: Ongoing) -> None:
    """Keep the traces after a step, whose number `STEP` has left behind, if anything needs them."""
    now, slots = ongoing.now, ongoing.first.size
    step = now[STEP] - 1
    due = 0
    if (step + slots) % MEAN_EVERY == 0:
        due |= FOR_MEAN
    if now[LABEL] >= 0 and now[ELAPSED] % k.sample == 0:
        due |= FOR_SAMPLE
    ongoing.due[step % slots] = due
    if due > 0:
        for j in range(ongoing.x.size):
            ongoing.kept_x[now[PUT], j] = ongoing.x[j]
        now[PUT] = (now[PUT] + 1) % ongoing.kept_x.shape[0]


def leave_ring(k: Any, ongoing: Ongoing, learned: Learned) -> None:
    """Learn from the step that makes room for the next one, the oldest, and from the events after it."""
    now = ongoing.now
    slot = now[STEP] % ongoing.first.size
    due = ongoing.due[slot]
    if due > 0:
        x = ongoing.kept_x[now[TAKEN]]
        now[TAKEN] = (now[TAKEN] + 1) % ongoing.kept_x.shape[0]
        if due & FOR_MEAN:
            advance_mean(k, learned, x, now[STEP])
        if due & FOR_SAMPLE:
            teach_sample(k, ongoing, learned, x, slot)
    if ongoing.first[slot] >= 0:
        if now[OLD_LABEL] >= 0:
            row = now[OLD_LABEL] * learned.updates.size + ongoing.first[slot]
            learn_occurrence(k, ongoing, learned, row)
        now[OLD_LABEL] = ongoing.last[slot]
    ongoing.first[slot] = ongoing.last[slot] = NOTHING


def learn_sample(k: Any, ongoing: Ongoing, learned: Learned, x: np.ndarray, slot: int) -> None:
    """Teach the event that came within the ring's time its profile, or all labels 0 if none came.

    A label that never came after the last one has no weights that could be taught 0.
    """
    slots, ahead = ongoing.first.size, 0
    norm = centre(k, x, learned.trace_mean, ongoing.xc)
    while ahead < slots and ongoing.first[(slot + ahead) % slots] < 0:
        ahead += 1
    first = ongoing.now[OLD_LABEL] * learned.updates.size
    if ahead < slots:
        row = first + ongoing.first[(slot + ahead) % slots]
        teach_time(k, ongoing, learned, row, norm, ahead)
        return
    for row in range(first, first + learned.labels[0]):
        if learned.longest[row] > 0:
            teach_silence(k, ongoing, learned, row, norm)
