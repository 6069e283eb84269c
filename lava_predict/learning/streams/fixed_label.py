"""As `next_label`, in integers: a softmax from a table, one division a label, one for what is learned.

p, rates and losses have `PAYLOAD_FRACTION` bits, as have the means of bits; what is read, `READ_FRACTION`.
Weights have 24 bits, ``fixed.readout_fraction_bits`` of them behind the point.
"""

from __future__ import annotations

import numpy as np

from lava_predict.learning.readouts import fixed_add_to_row
from lava_predict.learning.streams.memory import LABEL, W_WHAT, FixedConstants, Learned, Ongoing
from lava_predict.learning.streams.next_label import (
    CONSTANT_SHARE,
    FAST,
    HALVING,
    LEARNED_FIRST,
    SLOW,
)
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.functions import ONE, exp_of_minus, minus_log2, root
from lava_predict.numerics.integers import PAYLOAD_FRACTION, bit_length, saturate
from lava_predict.numerics.noise import LABELS_WORD, fold

READ_FRACTION = 8
"""Fraction bits of bits less their means."""

_HALVING = int(HALVING)
_CONSTANT = int(CONSTANT_SHARE * ONE + 0.5)
_FAST, _SLOW = int(FAST * ONE + 0.5), int(SLOW * ONE + 0.5)
_MEAN_SHIFT = PAYLOAD_FRACTION - READ_FRACTION
_FACTOR_BITS = 4  # More than the rate has, in the rate divided by |x|^2.


@lean_kernel
def share_of(value: int, share: int) -> int:
    """Return ``share``, of `PAYLOAD_FRACTION` bits, of a number, rounded to the nearest."""
    return (value * share + (ONE >> 1)) >> PAYLOAD_FRACTION


@lean_kernel
def centre_bits(bits: np.ndarray, mean: np.ndarray, x: np.ndarray) -> None:
    """Write bits less their means, and a constant input beside them, to ``x``, (N + 1,)."""
    square = 0
    for j in range(bits.size):
        x[j] = ((bits[j] << PAYLOAD_FRACTION) - mean[j] + (1 << (_MEAN_SHIFT - 1))) >> _MEAN_SHIFT
        square += np.int64(x[j]) * x[j]
    x[bits.size] = share_of(root(square), _CONSTANT)


@lean_kernel
def probabilities(
    w: np.ndarray, first: int, labels: int, x: np.ndarray, fraction: int, p: np.ndarray
) -> None:
    """Write the softmax of so many rows of weights times ``x`` to the head of ``p``, (L,) int64.

    ``fraction`` are the bits of the products that a drive does not have. No p is below 2^-16, and their sum
    is 1: the greatest, the first of several, gets what the others leave.
    """
    top = 0
    for k in range(labels):
        drive = np.int64(0)
        for j in range(x.size):
            drive += w[first + k, j] * x[j]
        p[k] = drive
        top = k if drive > p[top] else top
    most, total, rest = p[top], 0, ONE
    for k in range(labels):
        p[k] = exp_of_minus((most - p[k]) >> fraction if fraction >= 0 else (most - p[k]) << -fraction)
        total += p[k]
    for k in range(labels):
        if k != top:
            p[k] = max(((p[k] << PAYLOAD_FRACTION) + (total >> 1)) // total, 1)
            rest -= p[k]
    p[top] = rest


@lean_kernel
def form_p(k: FixedConstants, ongoing: Ongoing, learned: Learned) -> None:
    """Read the bits of the window, and write what comes next to ``ongoing.p``."""
    x, first = ongoing.label_x, ongoing.now[LABEL] * learned.updates.size
    centre_bits(ongoing.bits, learned.bit_mean, x)
    fraction = k.time.readout_fraction + READ_FRACTION - PAYLOAD_FRACTION
    probabilities(learned.label_w, first, learned.labels[0], x, fraction, ongoing.p)


@lean_kernel
def learn_label(
    k: FixedConstants,
    learned: Learned,
    last: int,
    came: int,
    bits: np.ndarray,
    x: np.ndarray,
    p: np.ndarray,
) -> None:
    """As `next_label.learn_label`: the rate is divided by |x|^2 once, with 4 bits more than it has."""
    norm = np.int64(0)
    for j in range(x.size):
        norm += np.int64(x[j]) * x[j]
    notice_surprise(k, learned, minus_log2(p[came]))
    rate = max(k.least_label_rate, k.first_label_rate * _HALVING // (_HALVING + learned.updates[last]))
    if norm > 0:
        length = bit_length(norm)
        factor = (rate << (length + _FACTOR_BITS)) // norm
        shift = PAYLOAD_FRACTION + length + _FACTOR_BITS - READ_FRACTION - k.time.readout_fraction
        add_errors(k, learned, last * learned.updates.size, came, x, p, factor, shift)
    learned.updates[last] += 1
    learned.moved[0] += 1
    share = max(k.bit_mean_rate, (ONE + (learned.moved[0] >> 1)) // learned.moved[0])
    for j in range(bits.size):
        learned.bit_mean[j] += share_of((bits[j] << PAYLOAD_FRACTION) - learned.bit_mean[j], share)


@lean_kernel
def add_errors(
    k: FixedConstants,
    learned: Learned,
    first: int,
    came: int,
    x: np.ndarray,
    p: np.ndarray,
    factor: int,
    shift: int,
) -> None:
    """Add ``factor`` x (what came - p) x what was read, shifted down, to the rows from ``first`` on."""
    key = fold(fold(k.key, LABELS_WORD), np.uint64(learned.moved[0]))
    for label in range(learned.labels[0]):
        error = (ONE if label == came else 0) - p[label]
        change = np.int32(saturate(share_of(error, factor)))
        row = learned.label_w[first + label]
        given = (max(shift, 0), k.time.weight_grain, k.time.rounding, key, label * x.size)
        learned.saturations[W_WHAT] += fixed_add_to_row(row, x, change, *given)


@lean_kernel
def notice_surprise(k: FixedConstants, learned: Learned, loss: int) -> None:
    """As `next_label.notice_surprise`, in integers."""
    mean = learned.loss
    mean[2] += 1
    mean[0] += share_of(loss - mean[0], max(_FAST, ONE // mean[2]))
    mean[1] += share_of(loss - mean[1], max(_SLOW, ONE // mean[2]))
    if mean[2] > LEARNED_FIRST and mean[0] - mean[1] > k.surprise_bits:
        mean[0] = mean[1]
        for label in range(learned.updates.size):
            learned.updates[label] = min(learned.updates[label], _HALVING)
