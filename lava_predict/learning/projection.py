"""Hebbian orthogonal projection: shared weights that keep what other cues have taught them.

After Xiao et al. (arXiv:2402.11984). Each of M cues has U units with weights on all N cells. In trials of
their cue they learn, by Oja's subspace rule, the directions in which its centred traces vary. Weights are
then changed only across the directions of all other cues, so that these cues read nearly what they read
before. Unlike in the publication, a cue's units learn on traces that are not projected: else the protection
ends when an earlier cue is learned again.

A rule learns its weights and units once every `LEARN_EVERY_MS`, once it knows the cue::

    learn_units(memory, cue, xc)
    norm = project(memory, cue, xc, d)      # d in place of xc, norm in place of |xc|^2

and calls ``remember(memory, cue)`` for the cue before when another one comes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.numerics.compiled import kernel, lean_kernel
from lava_predict.numerics.integers import bit_length

LEARN_EVERY_MS = 10.0
"""Time between two changes of weights and units, ms: less often costs less, and protects as well."""

UNITS = 16
"""Units of a cue."""

LEAST_RATE = 0.02
"""Least rate of a unit; it falls from 1 as 1 / (1 + n / `HALF_RATE_AT`)."""

HALF_RATE_AT = 100

ROUNDS = 8
"""How often each unit settles, one after the other. More than this changes little."""

UNIT_FRACTION = 15
"""Fraction bits of units and centred traces in integers."""

_LEAST_RATE_SHIFT = 5
_SIDE_BY_SIDE = 4
_MOST_WEIGHT = (1 << UNIT_FRACTION) - 1
_HALF = 1 << (UNIT_FRACTION - 1)


class Memory(NamedTuple):
    """What the units have learned.

    Attributes
    ----------
    units : (M, U, N) float64 or int32
        Weights of each cue's units; in integers of `UNIT_FRACTION` bits.
    overlap : (M U, M U) float64 or int32
        Products of all units with one another, as `remember` left them.
    counts : (M,) int64
        How often the units of each cue have learned.
    """

    units: np.ndarray
    overlap: np.ndarray
    counts: np.ndarray


def start(cells: int, cues: int, fixed: bool = False) -> Memory:
    """Return the memory before the first step: each cell on one unit of every cue, all units of length 1."""
    number: Any = np.int32 if fixed else np.float64
    units = np.zeros((cues, UNITS, cells))
    for unit in range(min(UNITS, cells)):
        units[:, unit, unit::UNITS] = 1.0 / np.sqrt(len(range(unit, cells, UNITS)))
    if fixed:
        units = np.minimum(np.floor(units * 2.0**UNIT_FRACTION + 0.5), _MOST_WEIGHT)
    return Memory(
        units=units.astype(number),
        overlap=np.zeros((cues * UNITS, cues * UNITS), number),
        counts=np.zeros(cues, np.int64),
    )


@lean_kernel
def read_units(units: np.ndarray, x: np.ndarray, zero: Any, a: np.ndarray) -> None:
    """Write ``units``, (U, N), times ``x``, (N,), to ``a``, (U,), in sums that start from ``zero``.

    Sums are in ascending order of cells; several are made side by side, as each waits for its additions.
    """
    last = units.shape[0] - 1
    for first in range(0, units.shape[0], _SIDE_BY_SIDE):
        u, v, w = min(first + 1, last), min(first + 2, last), min(first + 3, last)
        a_0 = a_1 = a_2 = a_3 = zero
        for j in range(x.size):
            a_0 += units[first, j] * x[j]
            a_1 += units[u, j] * x[j]
            a_2 += units[v, j] * x[j]
            a_3 += units[w, j] * x[j]
        a[first], a[u], a[v], a[w] = a_0, a_1, a_2, a_3


@kernel
def learn_units(memory: Memory, cue: int, xc: np.ndarray) -> None:
    """Let the units of the current cue learn: H += rate / |xc|^2 a (xc - H' a)', where a = H xc.

    ``xc``, (N,), are the centred traces.
    """
    units = memory.units[cue]
    size = 0.0
    for j in range(xc.size):
        size += xc[j] * xc[j]
    if size <= 0.0:
        return
    a = np.empty(units.shape[0])
    read_units(units, xc, 0.0, a)
    rest = xc.copy()
    for u in range(a.size):
        for j in range(xc.size):
            rest[j] -= a[u] * units[u, j]
    rate = max(LEAST_RATE, HALF_RATE_AT / (HALF_RATE_AT + memory.counts[cue]))
    for u in range(a.size):
        change = rate * a[u] / size
        for j in range(xc.size):
            units[u, j] += change * rest[j]
    memory.counts[cue] += 1


@kernel
def remember(memory: Memory, cue: int) -> None:
    """Take over what the units of a cue have learned into ``overlap``, when another cue follows."""
    number = memory.units.shape[1]
    products = np.empty(number)
    for u in range(number):
        row = cue * number + u
        for other in range(memory.units.shape[0]):
            read_units(memory.units[other], memory.units[cue, u], 0.0, products)
            for v in range(number):
                memory.overlap[row, other * number + v] = products[v]
                memory.overlap[other * number + v, row] = products[v]


@kernel
def project(memory: Memory, cue: int, xc: np.ndarray, d: np.ndarray) -> float:
    """Write the part of the centred traces that the units of other cues do not span to ``d``; return xc . d.

    d = xc - V' a, where V are the units of all other cues that have learned. Each unit settles on
    a += V (xc - V' a), one after the other, `ROUNDS` times: at rest d is orthogonal to all of V. ``xc`` and
    ``d`` are (N,).
    """
    number = memory.units.shape[1]
    a, left = np.zeros(memory.overlap.shape[0]), np.zeros(memory.overlap.shape[0])
    for other in range(memory.counts.size):
        if other != cue and memory.counts[other] > 0:
            read_units(memory.units[other], xc, 0.0, left[other * number : (other + 1) * number])
    for _ in range(ROUNDS):
        for unit in range(a.size):
            other = unit // number
            if other != cue and memory.counts[other] > 0:
                change = left[unit]
                a[unit] += change
                for u in range(a.size):
                    left[u] -= change * memory.overlap[unit, u]
    d[:] = xc
    for unit in range(a.size):
        if a[unit] != 0.0:
            for j in range(xc.size):
                d[j] -= a[unit] * memory.units[unit // number, unit % number, j]
    product = 0.0
    for j in range(xc.size):
        product += xc[j] * d[j]
    return max(product, 0.0)


# In integers: traces, units and products of `UNIT_FRACTION` bits, rates and norms as powers of two.


@kernel
def fixed_learn_units(memory: Memory, cue: int, xc: np.ndarray) -> None:
    """As `learn_units`, in integers; ``xc`` is (N,) int32. Changes are rounded to the nearest.

    |xc|^2 counts as the power of two above it; the rate is halved when ``counts`` reaches `HALF_RATE_AT` and
    each time that it then doubles, down to 1 / 32. Weights saturate.
    """
    units = memory.units[cue]
    size = np.int64(0)
    for j in range(xc.size):
        size += np.int64(xc[j]) * xc[j]
    slower = min(bit_length(memory.counts[cue] // HALF_RATE_AT), _LEAST_RATE_SHIFT)
    shift = bit_length(size) + slower - UNIT_FRACTION
    if shift <= 0:
        return
    a = np.empty(units.shape[0], np.int64)
    read_units(units, xc, np.int64(0), a)
    rest = np.zeros(xc.size, np.int64)
    for u in range(a.size):
        a[u] = (a[u] + _HALF) >> UNIT_FRACTION
        for j in range(xc.size):
            rest[j] += a[u] * units[u, j]
    for j in range(xc.size):
        rest[j] = xc[j] - ((rest[j] + _HALF) >> UNIT_FRACTION)
    half = np.int64(1) << (shift - 1)
    for u in range(a.size):
        for j in range(xc.size):
            moved = units[u, j] + ((a[u] * rest[j] + half) >> shift)
            units[u, j] = min(max(moved, -_MOST_WEIGHT), _MOST_WEIGHT)
    memory.counts[cue] += 1


@kernel
def fixed_remember(memory: Memory, cue: int) -> None:
    """As `remember`, in integers."""
    number = memory.units.shape[1]
    products = np.empty(number, np.int64)
    for u in range(number):
        row = cue * number + u
        for other in range(memory.units.shape[0]):
            read_units(memory.units[other], memory.units[cue, u], np.int64(0), products)
            for v in range(number):
                product = (products[v] + _HALF) >> UNIT_FRACTION
                memory.overlap[row, other * number + v] = product
                memory.overlap[other * number + v, row] = product


@kernel
def fixed_project(memory: Memory, cue: int, xc: np.ndarray, d: np.ndarray) -> int:
    """As `project`, in integers: ``xc``, ``d`` are (N,) int32. Returns xc . d, twice `UNIT_FRACTION` bits."""
    number = memory.units.shape[1]
    a, left = np.zeros(memory.overlap.shape[0], np.int64), np.zeros(memory.overlap.shape[0], np.int64)
    for other in range(memory.counts.size):
        if other != cue and memory.counts[other] > 0:
            read_units(memory.units[other], xc, np.int64(0), left[other * number : (other + 1) * number])
    for unit in range(a.size):
        left[unit] = (left[unit] + _HALF) >> UNIT_FRACTION
    for _ in range(ROUNDS):
        for unit in range(a.size):
            other = unit // number
            if other != cue and memory.counts[other] > 0:
                change = left[unit]
                a[unit] += change
                for u in range(a.size):
                    left[u] -= (change * memory.overlap[unit, u] + _HALF) >> UNIT_FRACTION
    away = np.zeros(xc.size, np.int64)
    for unit in range(a.size):
        if a[unit] != 0:
            for j in range(xc.size):
                away[j] += a[unit] * memory.units[unit // number, unit % number, j]
    product = np.int64(0)
    for j in range(xc.size):
        d[j] = xc[j] - ((away[j] + _HALF) >> UNIT_FRACTION)
        product += np.int64(xc[j]) * d[j]
    return max(product, np.int64(0))
