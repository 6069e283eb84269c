"""Reading: weights times traces, summed over the cells, and the graded spike that is fed back.

N cells, K events; weights of the when readout are (K, inputs), of the what readout (K, N).
"""

from __future__ import annotations

import numpy as np

from lava_predict.learning.traces import less_mean
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    FEEDBACK_FRACTION,
    PAYLOAD_FRACTION,
    STOCHASTIC,
    cut_of,
    factor_offset,
    saturate,
    scaled,
    shifted,
)
from lava_predict.numerics.noise import fold

FEEDBACK_GRAIN = 65536.0
"""The fed-back readout is rounded to multiples of 1 / this, so that its sums are exact."""

Z_LIMIT = 100.0
"""A when readout beyond +-this has diverged; events teach values in 0 .. 1."""

MOST_Z = 100 << PAYLOAD_FRACTION
"""The same in integers."""

_FIELD = np.uint64(0xFFFF)

_SMALL_CHANGE, _SHORT_SHIFT = 2**14, 30
"""Up to these, 32 bits hold a change times 16 bits, without sign too, and what is added for rounding."""


@lean_kernel
def read_out(
    w_when: np.ndarray,
    w_what: np.ndarray,
    xc: np.ndarray,
    x: np.ndarray,
    z: np.ndarray,
    what_drive: np.ndarray,
) -> float:
    """Write W_when . xc to ``z`` and W_what . x to ``what_drive``, both (K,), and return |xc|^2.

    Each sum is in ascending order of cells from 0.0. Two channels are summed side by side, because a strictly
    ordered sum waits for each addition: the order within a channel, and so its bits, are the same as one by
    one.
    """
    cells = x.size
    channels = z.size
    norm = 0.0
    for k in range(0, channels, 2):
        other = min(k + 1, channels - 1)
        norm = z_k = z_other = drive_k = drive_other = 0.0
        for j in range(cells):
            norm += xc[j] * xc[j]
            z_k += w_when[k, j] * xc[j]
            z_other += w_when[other, j] * xc[j]
            drive_k += w_what[k, j] * x[j]
            drive_other += w_what[other, j] * x[j]
        norm += xc[cells] * xc[cells]
        z[k] = z_k + w_when[k, cells] * xc[cells]
        z[other] = z_other + w_when[other, cells] * xc[cells]
        what_drive[k] = drive_k
        what_drive[other] = drive_other
    return norm


@lean_kernel
def read_rows(w: np.ndarray, first: int, xc: np.ndarray, z: np.ndarray) -> float:
    """Write K rows of weights, from ``first`` on, times ``xc``, (N,), to ``z``, (K,), and return |xc|^2.

    Sums are as in `read_out`.
    """
    channels = z.size
    norm = 0.0
    for k in range(0, channels, 2):
        row, other = first + k, first + min(k + 1, channels - 1)
        norm = z_k = z_other = 0.0
        for j in range(xc.size):
            norm += xc[j] * xc[j]
            z_k += w[row, j] * xc[j]
            z_other += w[other, j] * xc[j]
        z[k] = z_k
        z[other - first] = z_other
    return norm


@lean_kernel
def read_centred(
    w: np.ndarray, first: int, x: np.ndarray, m: np.ndarray, row: int, xc: np.ndarray, z: np.ndarray
) -> float:
    """As `subtract_mean` and then `read_rows`, to the same bits.

    Strictly ordered sums wait for each addition; here the subtraction is done meanwhile.
    """
    second = min(1, z.size - 1)
    norm = z_first = z_second = 0.0
    for j in range(xc.size):
        xc[j] = less_mean(x, m, row, j)
        norm += xc[j] * xc[j]
        z_first += w[first, j] * xc[j]
        z_second += w[first + second, j] * xc[j]
    z[0] = z_first
    z[second] = z_second
    if z.size > 2:
        read_rows(w, first + 2, xc, z[2:])
    return norm


@lean_kernel
def sum_spiking(w: np.ndarray, first: int, spiking: np.ndarray, count: int, total: np.ndarray) -> None:
    """Write the sums of K rows of weights, from ``first`` on, over the spiking cells to ``total``, (K,)."""
    for k in range(total.size):
        total[k] = 0.0
        for index in range(count):
            total[k] += w[first + k, spiking[index]]


@lean_kernel
def add_to_row(w: np.ndarray, row: int, xc: np.ndarray, change: float) -> None:
    """Add ``change`` times ``xc``, (N,), to a row of weights."""
    for j in range(xc.size):
        w[row, j] += change * xc[j]


@lean_kernel
def graded(z: float) -> float:
    """Turn a when readout into the graded spike that is fed back.

    That is z clipped to 0 .. 1 and rounded to a multiple of 2^-16, which is the graded spike of itself too.
    """
    clipped = min(max(z, 0.0), 1.0)
    return np.floor(clipped * FEEDBACK_GRAIN + 0.5) / FEEDBACK_GRAIN  # type: ignore[no-any-return]


@lean_kernel
def diverged(z: np.ndarray) -> bool:
    """Tell whether a when readout, (K,), is not finite or beyond +-`Z_LIMIT`."""
    beyond = False
    for k in range(z.size):
        beyond |= not abs(z[k]) <= Z_LIMIT
    return beyond


# In integers.


@lean_kernel
def fixed_read_out(
    weight: np.ndarray, payload: np.ndarray, fraction: int, rounding: int, read: np.ndarray
) -> int:
    """Write one of the readouts, weight times payload summed over the cells, to ``read``, (K,) int32.

    ``weight``, (K, inputs) int32, has ``fraction`` bits behind the point, ``payload`` and ``read`` have
    `PAYLOAD_FRACTION`. Returns how many sums are saturated. Two channels are summed side by side, so that a
    payload is loaded and widened once for both.
    """
    cut = factor_offset(rounding, fraction)
    lost = 0
    for channel in range(0, read.size, 2):
        other = min(channel + 1, read.size - 1)
        totals = (np.int64(0), np.int64(0))
        for j in range(payload.size):
            totals = (totals[0] + weight[channel, j] * payload[j], totals[1] + weight[other, j] * payload[j])
        for index in range(1 + other - channel):
            wide = (totals[index] + cut) >> fraction
            held = saturate(wide)
            read[channel + index] = held
            lost += np.int64(wide != held)
    return lost


@lean_kernel
def fixed_read_rows(
    w: np.ndarray, first: int, xc: np.ndarray, fraction: int, rounding: int, z: np.ndarray
) -> int:
    """Write K rows of weights, from ``first`` on, times ``xc``, (N,) int32, to ``z``, (K,) int32.

    ``fraction`` are the bits of the products that z does not have. Returns how many sums are saturated.
    """
    lost = 0
    for channel in range(z.size):
        wide = fixed_read_row(w, first + channel, xc, fraction, rounding)
        z[channel] = saturate(wide)
        lost += np.int64(wide != z[channel])
    return lost


@lean_kernel
def fixed_read_row(w: np.ndarray, row: int, xc: np.ndarray, fraction: int, rounding: int) -> int:
    """Return one row of weights times ``xc``, as `fixed_read_rows` does, but beyond 24 bits, too."""
    total = np.int64(0)
    for j in range(xc.size):
        total += w[row, j] * xc[j]
    return shifted(total + factor_offset(rounding, max(fraction, 0)), fraction)


@lean_kernel
def fixed_add_to_row(
    row: np.ndarray,
    xc: np.ndarray,
    change: int,
    shift: int,
    grain: int,
    rounding: int,
    key: np.uint64,
    word: int,
) -> int:
    """As `add_to_row`, in integers: a row gets ``change`` times ``xc``, shifted down and kept to its grain.

    For stochastic rounding the words from ``word`` on are folded into ``key``, one for each entry. Returns
    how many weights were clipped.
    """
    held_whole = np.int32(0)
    if rounding == STOCHASTIC:
        for j in range(xc.size):
            bits = np.int64(fold(key, np.uint64(word + j)) & _FIELD)
            moved = scaled(change, xc[j], shift, cut_of(STOCHASTIC, shift, grain, bits))
            held_whole = np.add(held_whole, move_weight(row, j, moved))
        return xc.size - held_whole
    cut = cut_of(rounding, shift, grain, 0)
    if abs(change) <= _SMALL_CHANGE and shift <= _SHORT_SHIFT:
        before, down, after = np.int32(cut.below), np.int32(shift), np.int32(cut.beyond)
        for j in range(xc.size):
            product = np.right_shift(np.add(np.multiply(change, xc[j]), before), down)
            moved = np.bitwise_and(np.add(product, after), cut.mask)
            held_whole = np.add(held_whole, move_weight(row, j, moved))
    else:
        for j in range(xc.size):
            held_whole = np.add(held_whole, move_weight(row, j, scaled(change, xc[j], shift, cut)))
    return xc.size - held_whole


@lean_kernel
def move_weight(row: np.ndarray, j: int, moved: int) -> int:
    """Add to one weight of a row, (inputs,) int32; return 1 if it holds the sum, or 0 if it is clipped."""
    wide = np.add(row[j], moved)
    held = saturate(wide)
    row[j] = held
    return np.int32(wide == held)


@lean_kernel
def fixed_sum_spiking(
    w: np.ndarray,
    first: int,
    spiking: np.ndarray,
    count: int,
    fraction: int,
    rounding: int,
    total: np.ndarray,
) -> None:
    """As `sum_spiking`, in integers: weights of ``fraction`` bits, sums of `PAYLOAD_FRACTION`."""
    down = fraction - PAYLOAD_FRACTION
    cut = factor_offset(rounding, max(down, 0))
    for k in range(total.size):
        wide = np.int64(0)
        for index in range(count):
            wide += w[first + k, spiking[index]]
        total[k] = saturate(shifted(wide + cut, down))


@lean_kernel
def fixed_add_rows(row: np.ndarray, other: np.ndarray) -> int:
    """Add one row of weights to another, (N,) int32; return how many are clipped."""
    held_whole = np.int32(0)
    for j in range(row.size):
        held_whole = np.add(held_whole, move_weight(row, j, other[j]))
    return row.size - held_whole


@lean_kernel
def fixed_diverged(z: np.ndarray) -> bool:
    """Tell whether a when readout, (K,) int32, is beyond +-`MOST_Z`."""
    beyond = False
    for value in z:
        beyond |= abs(value) > MOST_Z
    return beyond


@lean_kernel
def fixed_graded(z: int) -> int:
    """Turn a when readout, `PAYLOAD_FRACTION` bits, into a graded spike: 0 .. 1, `FEEDBACK_FRACTION` bits."""
    clipped = min(max(z, 0), 1 << PAYLOAD_FRACTION)
    shift = PAYLOAD_FRACTION - FEEDBACK_FRACTION
    return (clipped + (1 << (shift - 1))) >> shift
