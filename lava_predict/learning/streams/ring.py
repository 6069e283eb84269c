"""A ring of spikes: what a sample is to be taught is known when it leaves the ring, and then it is.

Whether an event came within the ring's time after a sample is known when the sample leaves the ring. So the
traces exist twice: now, to read, and late by the length of the ring, to learn from. They follow only when they
are read, from the spikes in the ring, which has room for as many steps more. Nothing here depends on the arithmetic; `listen.bound` puts its kernels in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.learning.ring import unpack_word
from lava_predict.learning.streams.memory import (
    MOST_WAITING,
    NOTHING,
    OLD_ELAPSED,
    OLD_LABEL,
    OLD_WAITING,
    STEP,
    Learned,
    Ongoing,
)
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.numerics.binding import part

# These stand for the kernels of an arithmetic, and the last two for functions below, bound to them.
advance_traces = advance_mean = centre = teach_time = teach_silence = learn_occurrence = part
teach_sample = catch_up_late = part


def catch_up(k: Any, r: np.ndarray, x: np.ndarray, ongoing: Ongoing, first: int, steps: int) -> None:
    """Advance traces by steps whose spikes are in the ring, 64 cells at a time, which stay in a fast cache."""
    rows = ongoing.ring.shape[0]
    for word in range(ongoing.ring.shape[1]):
        low, high = 64 * word, min(64 * word + 64, r.size)
        for step in range(first, first + steps):
            count = unpack_word(ongoing.ring[step % rows, word], 0, ongoing.spiking, 0)
            advance_traces(k, r[low:high], x[low:high], low, ongoing.spiking, count, step)


def pass_ring(k: Any, ongoing: Ongoing, learned: Learned) -> None:
    """Let the oldest step leave the ring, to learn from, for the one that has come into it."""
    now, slots = ongoing.now, ongoing.first.size
    slot = now[STEP] % slots
    now[OLD_ELAPSED] += 1
    now[OLD_WAITING] += 1
    mean = now[STEP] >= slots and now[STEP] % MEAN_EVERY == 0
    sample = now[STEP] >= slots and now[OLD_LABEL] >= 0 and now[OLD_ELAPSED] % k.sample == 0
    if mean or sample or now[OLD_WAITING] == MOST_WAITING:
        first = now[STEP] + 1 - slots - now[OLD_WAITING]
        catch_up_late(k, ongoing.old_r, ongoing.old_x, ongoing, first, now[OLD_WAITING])
        now[OLD_WAITING] = 0
    if mean:
        advance_mean(k, learned, ongoing.old_x, now[STEP])
    if sample:
        teach_sample(k, ongoing, learned, slot)
    if now[STEP] >= slots and ongoing.first[slot] >= 0:
        if now[OLD_LABEL] >= 0:
            row = now[OLD_LABEL] * learned.updates.size + ongoing.first[slot]
            learn_occurrence(k, ongoing, learned, row)
        now[OLD_LABEL], now[OLD_ELAPSED] = ongoing.last[slot], 0
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
