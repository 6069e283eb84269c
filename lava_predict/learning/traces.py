"""Traces of spikes and their slow means, in float64 and in integers. N cells.

x, (N,), are the traces in spikes per ms: float64, or int32 of `TRACE_FRACTION` bits. m, (N,), are their slow
means: float64, or int32 of `MEAN_FRACTION` bits. The head of ``spiking`` holds the indices of the ``count``
cells that spike. In integers ``grain`` of the lowest of 24 bits are kept at 0, ``rounding`` is as for
`offset`, and ``step_key`` is the step's key, for stochastic rounding.
"""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    HIGHEST,
    LOWEST,
    PAYLOAD_BITS,
    PAYLOAD_FRACTION,
    STOCHASTIC,
    Cut,
    at_bounds,
    cut_of,
    factor_offset,
    offset,
    saturate,
    scaled,
)
from lava_predict.numerics.noise import TRACES_WORD, fold

TRACE_FRACTION = 23
"""Fraction bits of x, spikes per ms."""

MEAN_FRACTION = 26
"""Fraction bits of m: the slow mean of a trace is small, and moves by small steps."""

MEAN_EVERY = 16
"""Steps after which m moves: in one step the mean of a rarely spiking cell would move by less than a bit."""

LEAST_TRACE = 2.0**-1000
"""What a bounded trace of a silent cell ends at: arithmetic on still smaller numbers is 20 times slower."""

BOUNDED_FRACTION = 22
"""Fraction bits of bounded traces and their slow means, 0 .. 1."""

CENTRED_FRACTION = 15
"""Fraction bits of a bounded trace less its mean, -1 .. 1."""

LOWEST_PAYLOAD, HIGHEST_PAYLOAD = -(2 ** (PAYLOAD_BITS - 1)), 2 ** (PAYLOAD_BITS - 1) - 1

_FIELD = np.uint64(0xFFFF)
_S16, _S32 = np.uint64(16), np.uint64(32)
_MEAN_SHIFT = MEAN_FRACTION - TRACE_FRACTION
_CENTRED_SHIFT = MEAN_FRACTION - PAYLOAD_FRACTION
_PLAIN_SHIFT = TRACE_FRACTION - PAYLOAD_FRACTION
_BOUNDED_SHIFT = BOUNDED_FRACTION - CENTRED_FRACTION


@lean_kernel
def advance_traces(
    x: np.ndarray, spiking: np.ndarray, count: int, trace_decay: float, trace_gain: float
) -> None:
    """Let every cell's trace decay, by exp(-dt / tau_x), and add a gain for each of this step's spikes."""
    for j in range(x.size):
        x[j] = x[j] * trace_decay
    for k in range(count):
        x[spiking[k]] += trace_gain


@lean_kernel
def advance_means(m: np.ndarray, x: np.ndarray, mean_rate: float) -> None:
    """Let the slow mean of every trace follow it: m += (x - m) ``mean_rate``, which is dt / tau_m."""
    for j in range(m.size):
        m[j] = m[j] + (x[j] - m[j]) * mean_rate


@lean_kernel
def centre_traces(x: np.ndarray, m: np.ndarray, constant_input: float, centred: bool, xc: np.ndarray) -> None:
    """Form the when readout's input ``xc``, (N + 1,): traces, less means if ``centred``, and a constant."""
    for j in range(x.size):
        xc[j] = x[j] - m[j] if centred else x[j]
    xc[x.size] = constant_input


@lean_kernel
def advance_bounded_traces(
    r: np.ndarray, x: np.ndarray, spiking: np.ndarray, count: int, decay: np.ndarray
) -> None:
    """Let every cell's trace r decay, put it to 1 where the cell spikes, and let x follow it.

    ``decay``, (N,), is exp(-dt / tau) of each cell. Bounded, a burst leaves no more than a spike; in two
    stages, the trace of a spike rises before it falls. Below `LEAST_TRACE` it is 0.
    """
    for j in range(r.size):
        left = r[j] * decay[j]
        r[j] = left if left >= LEAST_TRACE else 0.0
    for index in range(count):
        r[spiking[index]] = 1.0
    for j in range(r.size):
        moved = x[j] + (r[j] - x[j]) * (1.0 - decay[j])
        x[j] = moved if moved >= LEAST_TRACE else 0.0


@lean_kernel
def advance_mean(m: np.ndarray, row: int, x: np.ndarray, rate: float) -> None:
    """Let one row of slow means, (C, N), follow the traces: m += (x - m) ``rate``."""
    for j in range(x.size):
        m[row, j] = m[row, j] + (x[j] - m[row, j]) * rate


@lean_kernel
def less_mean(x: np.ndarray, m: np.ndarray, row: int, j: int) -> float:
    """Return the trace of cell j, less its slow mean in one row of (C, N)."""
    return x[j] - m[row, j]  # type: ignore[no-any-return]


@lean_kernel
def subtract_mean(x: np.ndarray, m: np.ndarray, row: int, xc: np.ndarray) -> None:
    """Form the when readout's input ``xc``, (N,): traces less one row of slow means, (C, N)."""
    for j in range(x.size):
        xc[j] = less_mean(x, m, row, j)


# In integers.


@lean_kernel
def fixed_advance_traces(
    x: np.ndarray,
    spiking: np.ndarray,
    count: int,
    decay: int,
    decay_bits: int,
    gain: int,
    grain: int,
    rounding: int,
    step_key: np.uint64,
) -> int:
    """As `advance_traces`, in integers; returns how many traces were clipped.

    ``decay`` has ``decay_bits`` fraction bits, ``gain`` has `TRACE_FRACTION`.
    """
    factor, highest = np.int32(decay), np.int32(HIGHEST)
    # On a coarse grid the next number up from the greatest may be out of range.
    if rounding == STOCHASTIC:
        key = fold(step_key, TRACES_WORD)
        for j in range(x.size):
            cut = cut_of(STOCHASTIC, decay_bits, grain, np.int64(fold(key, np.uint64(j)) & _FIELD))
            x[j] = np.minimum(scaled(x[j], factor, decay_bits, cut), highest)
    else:
        cut = cut_of(rounding, decay_bits, grain, 0)
        for j in range(x.size):
            x[j] = np.minimum(scaled(x[j], factor, decay_bits, cut), highest)
    lost = 0
    for index in range(count):
        j = spiking[index]
        wide = np.int64(x[j]) + gain
        x[j] = saturate(wide)
        lost += int(wide != x[j])
    return lost


@lean_kernel
def fixed_advance_means(
    m: np.ndarray, x: np.ndarray, rate: int, rate_bits: int, grain: int, rounding: int, step_key: np.uint64
) -> int:
    """Let m follow x, m += (x - m) `MEAN_EVERY` dt / tau_m; return how many means stand at a bound.

    ``rate`` is `MEAN_EVERY` dt / tau_m as a factor of ``rate_bits`` fraction bits.
    """
    factor, mask = np.int32(rate), -(1 << grain)
    shift = rate_bits + grain
    if rounding == STOCHASTIC:
        key = fold(step_key, TRACES_WORD)
        for j in range(m.size):
            bits = np.int64((fold(key, np.uint64(j)) >> _S16) & _FIELD)
            change = np.int32(np.int32(x[j] << _MEAN_SHIFT) - m[j]) * factor
            moved = ((change + offset(STOCHASTIC, shift, bits)) >> rate_bits) & mask
            m[j] = saturate(m[j] + moved)
    else:
        cut = offset(rounding, shift, 0)
        for j in range(m.size):
            change = np.int32(np.int32(x[j] << _MEAN_SHIFT) - m[j]) * factor
            m[j] = saturate(m[j] + (((change + cut) >> rate_bits) & mask))
    return at_bounds(m, LOWEST, HIGHEST)


@lean_kernel
def fixed_centre_traces(
    x: np.ndarray, m: np.ndarray, constant_input: int, centred: bool, rounding: int, xc: np.ndarray
) -> tuple[int, int]:
    """As `centre_traces`, in integers; returns |xc|^2 and how many entries stand at a bound.

    ``constant_input`` and ``xc`` have `PAYLOAD_FRACTION` bits (``xc`` `PAYLOAD_BITS` with sign), the norm has
    twice as many.
    """
    cells = x.size
    cut = np.int32(factor_offset(rounding, _CENTRED_SHIFT))
    mean_mask = np.int32(-1 if centred else 0)
    low = high = np.int32(constant_input)
    for j in range(cells):
        from_mean = np.subtract(np.left_shift(x[j], np.int32(_MEAN_SHIFT)), np.bitwise_and(m[j], mean_mask))
        wide = np.right_shift(np.add(from_mean, cut), np.int32(_CENTRED_SHIFT))
        held = np.minimum(np.maximum(wide, np.int32(LOWEST_PAYLOAD)), np.int32(HIGHEST_PAYLOAD))
        xc[j] = held
        low, high = np.minimum(low, held), np.maximum(high, held)
    xc[cells] = constant_input
    lost = 0
    if low == LOWEST_PAYLOAD or high == HIGHEST_PAYLOAD:
        lost = at_bounds(xc, LOWEST_PAYLOAD, HIGHEST_PAYLOAD)
    norm = np.int64(0)
    for j in range(cells + 1):
        norm += xc[j] * xc[j]
    return norm, lost


@lean_kernel
def fixed_grade_traces(x: np.ndarray, rounding: int, xq: np.ndarray) -> None:
    """Form the input of the what readout, the plain traces: `TRACE_FRACTION` to `PAYLOAD_FRACTION` bits."""
    cut = factor_offset(rounding, _PLAIN_SHIFT)
    for j in range(x.size):
        xq[j] = np.int32(x[j] + cut) >> _PLAIN_SHIFT


@lean_kernel
def fixed_advance_bounded_traces(
    r: np.ndarray,
    x: np.ndarray,
    spiking: np.ndarray,
    count: int,
    decay: np.ndarray,
    decay_bits: int,
    grain: int,
    rounding: int,
    step_key: np.uint64,
) -> None:
    """As `advance_bounded_traces`, in integers of `BOUNDED_FRACTION` bits; no sum can leave their range.

    ``decay``, (N,) int32, has ``decay_bits`` fraction bits.
    """
    if rounding == STOCHASTIC:
        key = fold(step_key, TRACES_WORD)
        for j in range(r.size):
            cut = cut_of(STOCHASTIC, decay_bits, grain, np.int64(fold(key, np.uint64(j)) & _FIELD))
            r[j] = scaled(r[j], decay[j], decay_bits, cut)
        raise_traces(r, spiking, count)
        for j in range(r.size):
            bits = np.int64((fold(key, np.uint64(j)) >> _S16) & _FIELD)
            follow(r, x, j, decay, decay_bits, cut_of(STOCHASTIC, decay_bits, grain, bits))
    elif grain == 0:
        advance_alike(r, x, spiking, count, decay, decay_bits, cut_of(rounding, decay_bits, 0, 0))
    else:
        advance_alike(r, x, spiking, count, decay, decay_bits, cut_of(rounding, decay_bits, grain, 0))


@lean_kernel
def raise_traces(r: np.ndarray, spiking: np.ndarray, count: int) -> None:
    """Put the traces r of the cells that spike to 1."""
    for index in range(count):
        r[spiking[index]] = np.int32(1 << BOUNDED_FRACTION)


@lean_kernel
def follow(r: np.ndarray, x: np.ndarray, j: int, decay: np.ndarray, decay_bits: int, cut: Cut) -> None:
    """Let x of cell j follow r."""
    rate = np.subtract(np.int32(1 << decay_bits), decay[j])
    x[j] = np.add(x[j], scaled(np.subtract(r[j], x[j]), rate, decay_bits, cut))


@lean_kernel
def advance_alike(
    r: np.ndarray,
    x: np.ndarray,
    spiking: np.ndarray,
    count: int,
    decay: np.ndarray,
    decay_bits: int,
    cut: Cut,
) -> None:
    """Advance all bounded traces by a step, with the same rounding for all."""
    for j in range(r.size):
        r[j] = scaled(r[j], decay[j], decay_bits, cut)
    raise_traces(r, spiking, count)
    for j in range(r.size):
        follow(r, x, j, decay, decay_bits, cut)


@lean_kernel
def fixed_advance_mean(
    m: np.ndarray, row: int, x: np.ndarray, shift: int, grain: int, rounding: int, step_key: np.uint64
) -> None:
    """Let one row of slow means, (C, N) int32, move by 2^-shift of its distance to the traces."""
    mask = -(1 << grain)
    key = fold(step_key, TRACES_WORD)
    cut = offset(rounding, shift + grain, 0) if rounding != STOCHASTIC else 0
    for j in range(x.size):
        if rounding == STOCHASTIC:
            cut = offset(STOCHASTIC, shift + grain, np.int64((fold(key, np.uint64(j)) >> _S32) & _FIELD))
        m[row, j] += ((np.int64(x[j]) - m[row, j] + cut) >> shift) & mask


@lean_kernel
def fixed_subtract_mean(x: np.ndarray, m: np.ndarray, row: int, rounding: int, xc: np.ndarray) -> int:
    """As `subtract_mean`, in integers: ``xc``, (N,) int32, has `CENTRED_FRACTION` bits. Returns |xc|^2."""
    cut = np.int32(factor_offset(rounding, _BOUNDED_SHIFT))
    norm = np.int64(0)
    for j in range(x.size):
        xc[j] = np.right_shift(np.add(np.subtract(x[j], m[row, j]), cut), np.int32(_BOUNDED_SHIFT))
    for j in range(x.size):
        norm += xc[j] * xc[j]
    return norm
