"""Powers of 2, logarithms and square roots in integers, from two tables of 257 numbers."""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import bit_length

FUNCTION_FRACTION = 16
"""Fraction bits of what goes into the functions here and of what comes out."""

ONE = 1 << FUNCTION_FRACTION

_PLACES = np.arange(257) / 256.0
POWERS = np.floor(2.0**-_PLACES * ONE + 0.5).astype(np.int64)
"""2^-(n / 256)."""

LOGARITHMS = np.floor(np.log2(1.0 + _PLACES) * ONE + 0.5).astype(np.int64)
"""log2(1 + n / 256)."""

_LOG2_E = 94548  # log2(e)
_MOST_DRIVE = 1 << 31


@lean_kernel
def between(table: np.ndarray, place: int) -> int:
    """Return the entry of a table at ``place``, 0 .. 1 of `FUNCTION_FRACTION` bits, on a straight line."""
    n, rest = place >> 8, place & 255
    found: int = table[n] + (((table[n + 1] - table[n]) * rest + 128) >> 8)
    return found


@lean_kernel
def exp_of_minus(drive: int) -> int:
    """Return e^-drive, for a drive of 0 or more."""
    power = (min(drive, _MOST_DRIVE) * _LOG2_E + (ONE >> 1)) >> FUNCTION_FRACTION
    whole = power >> FUNCTION_FRACTION
    return between(POWERS, power & (ONE - 1)) >> whole if whole < 32 else 0


@lean_kernel
def minus_log2(p: int) -> int:
    """Return -log2 p, for p of 1 .. `ONE`."""
    length = bit_length(p)
    place = (p << (FUNCTION_FRACTION + 1 - length)) - ONE
    return ((FUNCTION_FRACTION + 1 - length) << FUNCTION_FRACTION) - between(LOGARITHMS, place)


@lean_kernel
def root(value: int) -> int:
    """Return the square root of 0 .. 2^62 - 1, rounded down, bit by bit."""
    found, bit = 0, 1 << 60
    while bit > 0:
        if value >= found + bit:
            value -= found + bit
            found = (found >> 1) + bit
        else:
            found >>= 1
        bit >>= 2
    return found
