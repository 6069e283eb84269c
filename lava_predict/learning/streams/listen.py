"""What happens in a step of a stream, and at an event, in either arithmetic."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lava_predict.learning.streams import fixed_label, fixed_time, next_label, next_time, ring
from lava_predict.learning.streams.memory import ELAPSED, LABEL, STEP, Learned, Ongoing
from lava_predict.learning.streams.next_label import expect_new
from lava_predict.learning.streams.ring import enter_ring
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.compiled import lean_kernel

# These stand for the kernels of an arithmetic; `bound` says which.
leave_ring = advance_traces = form_p = learn_label = read_sample = part

SHRINKING = 64
"""A gap lets the longest one so far of its pair of labels shrink by this part."""


@lean_kernel
def set_level(ongoing: Ongoing) -> None:
    """Write the cues that are on in this step to ``ongoing.level``."""
    for channel in range(ongoing.cue.size):
        ongoing.level[channel] = 1.0 if ongoing.cue[channel] > 0 else 0.0
        ongoing.cue[channel] -= ongoing.cue[channel] > 0


def hear(k: Any, ongoing: Ongoing, learned: Learned, spiking: np.ndarray, count: int, learning: bool) -> None:
    """Take a step's spikes: form p at the end of the window, read z and o in each sample, learn times.

    The head of ``spiking`` has the ``count`` cells that spike. Without ``learning`` only that part of
    ``ongoing`` goes on which predictions need.
    """
    now = ongoing.now
    if learning:
        leave_ring(k, ongoing, learned)
    advance_traces(k, ongoing.r, ongoing.x, spiking, count, now[STEP])
    now[STEP] += 1
    now[ELAPSED] += 1
    if learning:
        enter_ring(k, ongoing)
    if now[LABEL] < 0:
        return
    if now[ELAPSED] <= k.window:
        for index in range(count):
            ongoing.bits[spiking[index]] = 1
    if now[ELAPSED] == k.window:
        form_p(k, ongoing, learned)
    if now[ELAPSED] % k.sample == 0 and now[ELAPSED] // k.sample <= ongoing.o.shape[0]:
        known = now[ELAPSED] >= k.window
        read_sample(k, ongoing, learned.labels[0], now[ELAPSED] // k.sample - 1, known)


def learn_event(
    k: Any,
    ongoing: Ongoing,
    learned: Learned,
    label: int,
    bits: np.ndarray,
    x: np.ndarray,
    p: np.ndarray,
    labels_max: int,
) -> None:
    """Learn that a label came, after the last step; ``bits``, ``x`` and ``p`` are those of its prediction."""
    now = ongoing.now
    if now[LABEL] >= 0:
        learn_label(k, learned, now[LABEL], label, bits, x, p)
        row = now[LABEL] * learned.updates.size + label
        learned.longest[row] = max(now[ELAPSED], learned.longest[row] - learned.longest[row] // SHRINKING)
    if label == learned.labels[0] - 1 and learned.labels[0] < labels_max:
        expect_new(learned, label, learned.updates.size)
    slot = (now[STEP] - 1) % ongoing.first.size
    if ongoing.first[slot] < 0:
        ongoing.first[slot] = label
    ongoing.last[slot] = label
    ongoing.cue[label] = k.cue
    ongoing.bits[:] = 0
    now[LABEL], now[ELAPSED] = label, 0
    first = label * learned.updates.size
    for row in range(learned.updates.size):
        for j in range(ongoing.rows.shape[1]):
            ongoing.rows[row, j] = learned.time_w[first + row, j]
    for j in range(ongoing.mean.size):
        ongoing.mean[j] = learned.trace_mean[j]


class Kernels(NamedTuple):
    """The functions above, compiled for an arithmetic; `hear` and `learn_event` describe them."""

    listen: Any
    take_event: Any


@cache
def bound(label: Any, time: Any) -> Kernels:
    """Compile the functions above for two modules of kernels: which label comes next, and when."""
    sample = bind(
        ring.learn_sample,
        centre=time.centre,
        teach_time=time.teach_time,
        teach_silence=time.teach_silence,
    )
    leave = bind(
        ring.leave_ring,
        advance_mean=time.advance_mean,
        learn_occurrence=time.learn_occurrence,
        teach_sample=sample,
    )
    heard = bind(
        hear,
        leave_ring=leave,
        advance_traces=time.advance_traces,
        form_p=label.form_p,
        read_sample=time.read_sample,
    )
    return Kernels(heard, bind(learn_event, learn_label=label.learn_label))


listen, take_event = bound(next_label, next_time)
fixed_listen, fixed_take_event = bound(fixed_label, fixed_time)
