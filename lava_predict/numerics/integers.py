"""Integers as a Loihi-style core has them: word lengths, saturation, rounding and products.

States are signed 24-bit numbers in int32 that saturate; factors have 16 bits, decays 12; products have at
most 48 bits and are cut to 24 by a shift. docs/fixed-point.md states every format.

Between 32-bit numbers `np.add` and its like stand for + and its like, which numba would do in 64 bits: half
as many numbers to a vector, and shifts that few processors have. Formats are such that 32 bits hold all but
products.

A number of f fraction bits stands for integer * 2^-f. F is ``fixed.fraction_bits``; mV and mV / ms have F.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.numerics.compiled import lean_kernel

STATE_BITS = 24
"""Word length of a state, with sign."""

HIGHEST = 2 ** (STATE_BITS - 1) - 1
LOWEST = -(2 ** (STATE_BITS - 1))

MOST_FRACTION = 32
"""Most fraction bits of a factor in a cell's equations: `cut_product` keeps the 32 bits from there on."""

PAYLOAD_BITS = 16
"""Word length, with sign, of what the readouts get of a cell: centred or plain trace."""

PAYLOAD_FRACTION = 16
"""Fraction bits of that, of z, of p and of the values that events teach."""

FEEDBACK_FRACTION = 8
"""Fraction bits of the graded spike that is fed back."""

NEAREST, FLOOR, STOCHASTIC = 0, 1, 2
"""Rounding of what a shift cuts off."""

_MOST_SUMMAND = 2**29  # More than the greatest noise, 2^28, and two states, so that nothing brings it back.


class Cut(NamedTuple):
    """How a shift down rounds to the grid of a state; what is added is in two parts that 32 bits hold.

    Attributes
    ----------
    below : int
        What is added before the shift: the lowest bits of `offset`, as many as are shifted out.
    beyond : int
        What is added after it: the rest, 0 unless some of the bits that are left are kept at 0.
    mask : int32
        All bits but those that are kept at 0.
    """

    below: int
    beyond: int
    mask: int


@lean_kernel
def saturate(value: int) -> int:
    """Return the nearest number that a signed 24-bit word can hold."""
    return np.minimum(np.maximum(value, np.int32(LOWEST)), np.int32(HIGHEST))


@lean_kernel
def offset(rounding: int, shift: int, bits: int) -> int:
    """Return what to add to a number before a shift down cuts off its lowest bits: 0 .. 2^shift - 1.

    Parameters
    ----------
    rounding : int
        `NEAREST` (half up), `FLOOR`, or `STOCHASTIC`: up with a probability equal to what is cut off.
    shift : int
        How many bits are cut off, 0 .. 62.
    bits : int
        16 random bits, for stochastic rounding.
    """
    if shift <= 0 or rounding == FLOOR:
        return 0
    if rounding == NEAREST:
        return 1 << (shift - 1)
    if shift <= 16:
        return bits & ((1 << shift) - 1)
    return bits << (shift - 16)


@lean_kernel
def cut_of(rounding: int, shift: int, grain: int, bits: int) -> Cut:
    """Return how to cut off ``shift`` bits, 0 .. 46, and to put the lowest ``grain`` of the rest to 0.

    ``rounding`` and ``bits`` are as for `offset`. Where the compiler knows that ``grain`` is 0, it leaves out
    what is not needed then: a tenth of the time of a step.
    """
    added = offset(rounding, shift + grain, bits)
    return Cut(added & ((1 << shift) - 1), 0 if grain == 0 else added >> shift, np.int32(-(1 << grain)))


@lean_kernel
def factor_offset(rounding: int, shift: int) -> int:
    """Return `offset` for an intermediate product, which is never rounded stochastically."""
    return offset(FLOOR if rounding == FLOOR else NEAREST, shift, 0)


@lean_kernel
def cut_product(product: int, shift: int) -> int:
    """Shift a product, which includes the rounding's offset, down by 0 .. `MOST_FRACTION` (floor).

    The product has at most 64 bits, the result 32. The shift is logical, as few processors shift vectors of
    signed 64-bit numbers: of what is left, the lowest 32 bits are the same.
    """
    return np.int32(np.uint64(product) >> np.uint64(shift))


@lean_kernel
def scaled(value: int, factor: int, shift: int, cut: Cut) -> int:
    """Multiply, shift down and round, all in 32 bits, where these hold the result.

    The upper and the lower bits of ``value`` are multiplied apart, so that no product has more than 32 bits.

    Parameters
    ----------
    value : int32
        32 bits with sign; at most 2^(30 - f), 2^f the factor's size, once shifted by 15 or by ``shift``.
    factor : int32
        16 bits, with sign or without.
    shift : int
        0 .. 46.
    cut : Cut
        From `cut_of`, for the same ``shift``.
    """
    split = min(shift, PAYLOAD_BITS - 1)
    below = (1 << split) - 1
    lower = np.add(np.multiply(np.bitwise_and(value, np.int32(below)), factor), np.int32(cut.below & below))
    upper = np.add(np.multiply(np.right_shift(value, np.int32(split)), factor), np.int32(cut.below >> split))
    product = np.add(upper, np.right_shift(lower, np.int32(split)))
    cut_off = np.add(np.right_shift(product, np.int32(shift - split)), np.int32(cut.beyond))
    return np.bitwise_and(cut_off, cut.mask)


@lean_kernel
def at_bounds(values: np.ndarray, lowest: int, highest: int) -> int:
    """Count the numbers, (N,) int32, that stand at a bound; a saturated one does."""
    low = high = values[0]
    # Minimum and maximum take a tenth of the time of counting, and nearly always nothing is to be counted.
    for j in range(values.size):
        low = min(low, values[j])
        high = max(high, values[j])
    count = 0
    if low <= lowest or high >= highest:
        for j in range(values.size):
            count += int(values[j] <= lowest or values[j] >= highest)
    return count


@lean_kernel
def summand(value: int) -> int:
    """Clip a sum of weights to what 32 bits can add to: beyond it, the result's 24 bits saturate anyway."""
    return np.int32(np.minimum(np.maximum(value, np.int32(-_MOST_SUMMAND)), np.int32(_MOST_SUMMAND)))


@lean_kernel
def shifted(value: int, down: int) -> int:
    """Shift a number down by so many bits (floor), or up by as many as are negative."""
    return value >> down if down >= 0 else value << -down


@lean_kernel
def bit_length(value: int) -> int:
    """Return the number of bits of a number of 0 or more: the position of its leading bit, from 1."""
    length = 0
    while value > 0:
        value >>= 1
        length += 1
    return length


def to_state(value: np.ndarray, fraction_bits: int, grain: int) -> np.ndarray:
    """Round to the nearest number that a state can hold, 24 bits with sign, saturated; as int32.

    ``fraction_bits`` of the 24 are behind the point; ``grain`` of the lowest are kept at 0.
    """
    nearest = np.floor(value * 2.0 ** (fraction_bits - grain) + 0.5) * 2.0**grain
    held: np.ndarray = np.clip(nearest, LOWEST, (HIGHEST >> grain) << grain).astype(np.int32)
    return held
