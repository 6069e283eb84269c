"""A ring of spikes: what a sample is to be taught is known when it leaves the ring, and then it is.

Whether an event came within the ring's time after a sample is known when the sample leaves the ring. So the
traces exist twice: now, to read, and late by the length of the ring, to learn from. Nothing here depends on
the arithmetic; `listen.bound` puts its kernels in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.learning.ring import pack, unpack
from lava_predict.learning.streams.memory import NOTHING, OLD_ELAPSED, OLD_LABEL, STEP, Learned, Ongoing
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.numerics.binding import part

# These stand for the kernels of an arithmetic, and the last for `learn_sample` bound to them.
advance_traces = advance_mean = centre = teach_time = teach_silence = learn_occurrence = teach_sample = part


def pass_ring(k: Any, ongoing: Ongoing, learned: Learned, spiking: np.ndarray, count: int) -> None:
    """Take the oldest step out of the ring, to learn from, and let a step's spikes into it."""
    now, slots = ongoing.now, ongoing.first.size
    slot = now[STEP] % slots
    late = unpack(ongoing.ring[slot], ongoing.spiking)
    advance_traces(k, ongoing.old_r, ongoing.old_x, ongoing.spiking, late, now[STEP] - slots)
    now[OLD_ELAPSED] += 1
    if now[STEP] >= slots:
        if now[STEP] % MEAN_EVERY == 0:
            advance_mean(k, learned, ongoing.old_x, now[STEP])
        if now[OLD_LABEL] >= 0 and now[OLD_ELAPSED] % k.sample == 0:
            teach_sample(k, ongoing, learned, slot)
        if ongoing.first[slot] >= 0:
            if now[OLD_LABEL] >= 0:
                row = now[OLD_LABEL] * learned.updates.size + ongoing.first[slot]
                learn_occurrence(k, ongoing, learned, row)
            now[OLD_LABEL], now[OLD_ELAPSED] = ongoing.last[slot], 0
    pack(spiking, count, ongoing.ring[slot])
    ongoing.first[slot] = ongoing.last[slot] = NOTHING


def learn_sample(k: Any, ongoing: Ongoing, learned: Learned, slot: int) -> None:
    """Teach the event that came within the ring's time its profile, or all labels 0 if none came."""
    slots, ahead = ongoing.first.size, 0
    norm = centre(k, ongoing.old_x, learned.trace_mean, ongoing.xc)
    while ahead < slots and ongoing.first[(slot + ahead) % slots] < 0:
        ahead += 1
    first = ongoing.now[OLD_LABEL] * learned.updates.size
    if ahead < slots:
        row = first + ongoing.first[(slot + ahead) % slots]
        teach_time(k, ongoing, learned, row, norm, ahead)
        return
    for row in range(first, first + learned.labels[0]):
        teach_silence(k, ongoing, learned, row, norm)
