"""The operations of docs/fixed-point.md in plain Python integers, for oracles.

Nothing here can overflow, so what a machine word must hold is asserted: every product has at most 48 bits,
what is added to a state and the sum at most 32, every number at most 64, every shift is by 0 .. 63.
"""

from __future__ import annotations

from collections.abc import Sequence

STATE_BITS = 24
PRODUCT_BITS = 48
SUM_BITS = 32
WORD_BITS = 64
LOWEST, HIGHEST = -(2**23), 2**23 - 1
MOST_Z = 100 * 2**16

ROUNDINGS = ("nearest", "floor", "stochastic")
"""In the order of the kernels' numbers."""


def fold(key: int, word: int) -> int:
    """Output number ``word + 1`` of SplitMix64 started at ``key`` (Steele, Lea & Flood, OOPSLA 2014)."""
    z = (key + 0x9E3779B97F4A7C15 * (word + 1)) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def field_of(bits: int, lowest: int) -> int:
    """Sixteen of 64 bits, from bit ``lowest`` on."""
    return (bits >> lowest) % 2**16


def fits(value: int, bits: int) -> int:
    """Return a number unchanged, having asserted that so many bits with sign hold it."""
    assert -(2 ** (bits - 1)) <= value < 2 ** (bits - 1), f"{value} does not fit {bits} bits"
    return value


def product(one: int, other: int) -> int:
    return fits(one * other, PRODUCT_BITS)


def sat(value: int) -> int:
    return min(max(fits(value, WORD_BITS), LOWEST), HIGHEST)


def clipped(value: int, counts: dict[str, int], name: str) -> int:
    """Saturate, and count it if that changes the value."""
    counts[name] += sat(value) != value
    return sat(value)


def diverged(z: Sequence[int]) -> bool:
    return any(abs(value) > MOST_Z for value in z)


def down(value: int, shift: int) -> int:
    """Shift, rounding toward minus infinity."""
    assert 0 <= shift <= 63
    return value // 2**shift


def up(value: int, shift: int) -> int:
    assert 0 <= shift <= 63
    return fits(value * 2**shift, WORD_BITS)


def offset(rounding: str, n: int, r: int) -> int:
    assert 0 <= n <= 63
    if rounding == "floor" or n == 0:
        return 0
    if rounding == "nearest":
        return 2 ** (n - 1)
    return r % 2**n if n <= 16 else r * 2 ** (n - 16)


def cut(value: int, n: int, rounding: str) -> int:
    """``cut*`` of the page: an intermediate is never rounded stochastically."""
    rounding = "nearest" if rounding == "stochastic" else rounding
    return down(fits(value + offset(rounding, n, 0), WORD_BITS), n)


def kept(value: int, n: int, g: int, rounding: str, r: int) -> int:
    shifted = down(fits(value + offset(rounding, n + g, r), WORD_BITS), n)
    return up(down(shifted, g), g)


def at_bounds(values: Sequence[int], lowest: int = LOWEST, highest: int = HIGHEST) -> int:
    return sum(value in (lowest, highest) for value in values)
