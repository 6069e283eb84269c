"""Which cue it is, told from the first spikes after its onset. N cells, M cues.

The cells that spike within a short time after a cue's onset tell the cues apart. Each known cue has a unit,
the running mean u of these counts n. The cue is the one whose unit is most like the counts, by the cosine
q = u . n / (|u| |n|); if none is like them, a new unit is recruited.
"""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import bit_length

ONSET_MS = 20.0
"""Time after a cue's onset whose spikes tell which cue it is, ms."""

LEAST_LIKENESS = 63 / 128
"""Least q^2 of a known cue: the same cue reaches .95, another one of the same share of cells .2."""

UNKNOWN = -1
"""In place of a cue that is none of the known ones."""

UNIT_SHIFT = 3
"""A unit moves by 2^-3 of its distance to the counts at each of its cue's onsets."""

UNIT_FRACTION = 4
"""Fraction bits of a unit in integers."""

_UNIT_STEP = 2.0**-UNIT_SHIFT
_PRODUCT_BITS = 20


@lean_kernel
def recognise(units: np.ndarray, known: int, counts: np.ndarray) -> int:
    """Return which of the ``known`` units, (M, N) float64, is most like the counts, (N,), or `UNKNOWN`."""
    size = 0.0
    for j in range(counts.size):
        size += counts[j] * counts[j]
    cue, best = UNKNOWN, LEAST_LIKENESS * size
    for unit in range(known):
        product = unit_size = 0.0
        for j in range(counts.size):
            product += units[unit, j] * counts[j]
            unit_size += units[unit, j] * units[unit, j]
        if product * product > best * unit_size:
            cue, best = unit, product * product / unit_size
    return cue


@lean_kernel
def follow(unit: np.ndarray, counts: np.ndarray) -> None:
    """Let a known cue's unit, (N,) float64, follow the counts of another onset."""
    for j in range(counts.size):
        unit[j] += (counts[j] - unit[j]) * _UNIT_STEP


# In integers.


@lean_kernel
def fixed_recognise(units: np.ndarray, known: int, counts: np.ndarray) -> int:
    """As `recognise`, in integers: units, (M, N) int32, of `UNIT_FRACTION` bits, and counts, (N,) int32.

    Fractions are compared by their cross products. Of sums over many cells the lowest bits are cut off, so
    that 64 bits hold these: a count is at most the steps of the onset, some 5 bits, and so is a unit.
    """
    cut = max(0, bit_length(counts.size) + 2 * 5 + UNIT_FRACTION - _PRODUCT_BITS)
    size = np.int64(0)
    for j in range(counts.size):
        size += np.int64(counts[j]) * counts[j]
    # q^2 = over / under; the first to beat is 63 / 128.
    cue, over, under = UNKNOWN, np.int64(63) * size, np.int64(128)
    for unit in range(known):
        product = unit_size = np.int64(0)
        for j in range(counts.size):
            product += np.int64(units[unit, j]) * counts[j]
            unit_size += np.int64(units[unit, j]) * units[unit, j]
        product, unit_size = product >> cut, unit_size >> (2 * cut)
        if product * product * under > over * unit_size:
            cue, over, under = unit, product * product, unit_size
    return cue


@lean_kernel
def fixed_follow(unit: np.ndarray, counts: np.ndarray) -> None:
    """As `follow`, in integers, rounded to the nearest."""
    for j in range(counts.size):
        unit[j] += ((counts[j] << UNIT_FRACTION) - unit[j] + (1 << (UNIT_SHIFT - 1))) >> UNIT_SHIFT
