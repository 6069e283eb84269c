"""When it comes: bounded traces, read every 10 ms, and taught as soon as a ring of spikes allows.

Whether an event came within the ring's time after a sample is known when the sample leaves the ring. So the
traces exist twice: now, to read, and late by the length of the ring, to learn from.
"""

from __future__ import annotations

import numpy as np

from lava_predict.learning.readouts import add_to_row
from lava_predict.learning.streams.memory import (
    CONSTANT_INPUT,
    NOTHING,
    OLD_ELAPSED,
    OLD_LABEL,
    STEP,
    Constants,
    Learned,
    Ongoing,
)
from lava_predict.learning.traces import MEAN_EVERY, advance_bounded_traces
from lava_predict.learning.when.gated_delta import UNTAUGHT_ERROR
from lava_predict.numerics.compiled import lean_kernel

EARLIEST = 0.02
"""Least share of p that is left to a label whose time has passed."""

LATE_MS, WIDTH_MS = 40.0, 60.0
"""The time of a label has passed where the integral of z so long ago has reached this."""

OCCURRENCES = 10.0
"""After so many occurrences the rate is half the first."""

_ONE = np.uint64(1)


@lean_kernel
def centre(x: np.ndarray, mean: np.ndarray, xc: np.ndarray) -> float:
    """Write traces less their means, and a constant, to ``xc``, (N + 1,); return |xc|^2."""
    norm = CONSTANT_INPUT * CONSTANT_INPUT
    for j in range(x.size):
        xc[j] = x[j] - mean[j]
        norm += xc[j] * xc[j]
    xc[x.size] = CONSTANT_INPUT
    return norm


@lean_kernel
def read_row(w: np.ndarray, row: int, xc: np.ndarray) -> float:
    """Return a row of weights times ``xc``."""
    z = 0.0
    for j in range(xc.size):
        z += w[row, j] * xc[j]
    return z


@lean_kernel
def unpack(words: np.ndarray, spiking: np.ndarray) -> int:
    """Write the numbers of the bits that are 1, ascending, to the head of ``spiking``; return how many."""
    count = 0
    for n in range(words.size):
        word, j = words[n], 64 * n
        while word != 0:
            if word & _ONE:
                spiking[count] = j
                count += 1
            word >>= _ONE
            j += 1
    return count


@lean_kernel
def pack(spiking: np.ndarray, count: int, words: np.ndarray) -> None:
    """Set the bits of the cells that spike, and no others."""
    words[:] = np.uint64(0)
    for index in range(count):
        j = spiking[index]
        words[j // 64] |= _ONE << np.uint64(j % 64)


@lean_kernel
def advance_mean(learned: Learned, x: np.ndarray, rate: float) -> None:
    """Let the slow means of the traces follow them, at first as plain means."""
    learned.moved[1] += 1
    share = max(rate, 1.0 / learned.moved[1])
    for j in range(x.size):
        learned.trace_mean[j] += (x[j] - learned.trace_mean[j]) * share


@lean_kernel
def rate_of(k: Constants, learned: Learned, row: int) -> float:
    """Return the rate of a row of weights in a sample."""
    return max(k.least_rate, k.first_rate / (1.0 + learned.occurrences[row] / OCCURRENCES))


@lean_kernel
def pass_ring(k: Constants, ongoing: Ongoing, learned: Learned, spiking: np.ndarray, count: int) -> None:
    """Let a step's spikes into the ring and the oldest step's out of it, to learn from."""
    leave_ring(k, ongoing, learned)
    slot = ongoing.now[STEP] % ongoing.first.size
    pack(spiking, count, ongoing.ring[slot])
    ongoing.first[slot] = ongoing.last[slot] = NOTHING


@lean_kernel
def leave_ring(k: Constants, ongoing: Ongoing, learned: Learned) -> None:
    """Take the oldest step out of the ring: advance the late traces, and learn from what came since."""
    now, slots = ongoing.now, ongoing.first.size
    slot = now[STEP] % slots
    count = unpack(ongoing.ring[slot], ongoing.spiking)
    advance_bounded_traces(ongoing.old_r, ongoing.old_x, ongoing.spiking, count, k.decay)
    now[OLD_ELAPSED] += 1
    if now[STEP] < slots:
        return
    if now[STEP] % MEAN_EVERY == 0:
        advance_mean(learned, ongoing.old_x, k.trace_mean_rate)
    if now[OLD_LABEL] >= 0 and now[OLD_ELAPSED] % k.sample == 0:
        learn_sample(k, ongoing, learned, slot)
    if ongoing.first[slot] >= 0:
        if now[OLD_LABEL] >= 0:
            learn_occurrence(k, ongoing, learned, now[OLD_LABEL] * learned.updates.size + ongoing.first[slot])
        now[OLD_LABEL], now[OLD_ELAPSED] = ongoing.last[slot], 0


@lean_kernel
def learn_sample(k: Constants, ongoing: Ongoing, learned: Learned, slot: int) -> None:
    """Teach the event that came within the ring's time its profile, or all labels 0 if none came."""
    xc, slots, ahead = ongoing.xc, ongoing.first.size, 0
    norm = k.norm_floor + centre(ongoing.old_x, learned.trace_mean, xc)
    while ahead < slots and ongoing.first[(slot + ahead) % slots] < 0:
        ahead += 1
    first = ongoing.now[OLD_LABEL] * learned.updates.size
    if ahead < slots:
        row = first + ongoing.first[(slot + ahead) % slots]
        error = k.profile[ahead] - read_row(learned.time_w, row, xc)
        ongoing.missed[0] += error * error
        ongoing.missed[1] += k.profile[ahead] ** 2
        add_to_row(learned.time_w, row, xc, rate_of(k, learned, row) * error / norm)
        return
    for row in range(first, first + learned.labels[0]):
        error = -read_row(learned.time_w, row, xc)
        add_to_row(learned.time_w, row, xc, k.residual * rate_of(k, learned, row) * error / norm)


@lean_kernel
def learn_occurrence(k: Constants, ongoing: Ongoing, learned: Learned, row: int) -> None:
    """Count an event, and forget its time if that was a surprise, as `gated_delta.learn_timing`."""
    learned.occurrences[row] += 1
    missed, ongoing.missed[0] = ongoing.missed[0], 0.0
    silent, ongoing.missed[1] = ongoing.missed[1], 0.0
    if silent <= 0.0:
        return
    if missed <= k.timing_surprise * learned.error[row] * silent:
        learned.error[row] += k.surprise_rate * (missed / silent - learned.error[row])
        return
    learned.error[row], learned.occurrences[row] = UNTAUGHT_ERROR, 0
    for j in range(learned.time_w.shape[1]):
        learned.time_w[row, j] *= k.surprise_keep


@lean_kernel
def read_sample(k: Constants, ongoing: Ongoing, labels: int, sample: int, known: bool) -> None:
    """Read z of every label in a sample and, once p is ``known``, revise that by what has not come: o."""
    xc = ongoing.xc
    centre(ongoing.x, ongoing.mean, xc)
    late = sample - int(LATE_MS / k.sample_ms)
    total = 0.0
    for label in range(labels):
        z = read_row(ongoing.rows, label, xc)
        before = ongoing.expired[sample - 1, label] if sample > 0 else 0.0
        ongoing.z[sample, label] = z
        ongoing.expired[sample, label] = before + min(max(z, 0.0), 1.0) * k.sample_ms
        passed = ongoing.expired[late, label] / WIDTH_MS if late >= 0 else 0.0
        ongoing.p_now[label] = ongoing.p[label] * min(max(1.0 - passed, EARLIEST), 1.0)
        total += ongoing.p_now[label]
    for label in range(labels):
        revised = ongoing.p_now[label] / total if known else 0.0
        ongoing.o[sample, label] = revised * min(max(ongoing.z[sample, label], 0.0), 1.0)
