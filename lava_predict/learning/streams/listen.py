"""What happens in a step of a stream, and at an event."""

from __future__ import annotations

import numpy as np

from lava_predict.learning.streams.memory import (
    ELAPSED,
    LABEL,
    STEP,
    Constants,
    Learned,
    Ongoing,
)
from lava_predict.learning.streams.next_label import centre_bits, expect_new, learn_label, probabilities
from lava_predict.learning.streams.next_time import pass_ring, read_sample
from lava_predict.learning.traces import advance_bounded_traces
from lava_predict.numerics.compiled import kernel, lean_kernel

SHRINKING = 64
"""A gap lets the longest one so far of its pair of labels shrink by this part."""


@lean_kernel
def set_level(ongoing: Ongoing) -> None:
    """Write the cues that are on in this step to ``ongoing.level``."""
    for channel in range(ongoing.cue.size):
        ongoing.level[channel] = 1.0 if ongoing.cue[channel] > 0 else 0.0
        ongoing.cue[channel] -= ongoing.cue[channel] > 0


@lean_kernel
def listen(
    k: Constants, ongoing: Ongoing, learned: Learned, spiking: np.ndarray, count: int, learning: bool
) -> None:
    """Take a step's spikes: form p at the end of the window, read z and o in each sample, learn times.

    The head of ``spiking`` has the ``count`` cells that spike. Without ``learning`` only that part of
    ``ongoing`` goes on which predictions need.
    """
    now = ongoing.now
    if learning:
        pass_ring(k, ongoing, learned, spiking, count)
    advance_bounded_traces(ongoing.r, ongoing.x, spiking, count, k.decay)
    now[STEP] += 1
    now[ELAPSED] += 1
    if now[LABEL] < 0:
        return
    if now[ELAPSED] <= k.window:
        for index in range(count):
            ongoing.bits[spiking[index]] = 1
    if now[ELAPSED] == k.window:
        centre_bits(ongoing.bits, learned.bit_mean, ongoing.label_x)
        first = now[LABEL] * learned.updates.size
        probabilities(learned.label_w, first, learned.labels[0], ongoing.label_x, ongoing.p)
    if now[ELAPSED] % k.sample == 0 and now[ELAPSED] // k.sample <= ongoing.o.shape[0]:
        known = now[ELAPSED] >= k.window
        read_sample(k, ongoing, learned.labels[0], now[ELAPSED] // k.sample - 1, known)


@kernel
def take_event(
    k: Constants,
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
    first, room = label * learned.updates.size, learned.updates.size
    ongoing.rows[:] = learned.time_w[first : first + room]
    ongoing.mean[:] = learned.trace_mean
