"""Hebbian orthogonal projection once more, in NumPy and in plain integers, from the equations alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from plain_integers import cut

ONE_BITS = 15
ONE = 2**ONE_BITS


def first_units(cells: int, units: int = 16) -> np.ndarray:
    """Each cell on one unit, in turn; every unit of length 1."""
    held = np.arange(cells) % units == np.arange(units)[:, None]
    return np.asarray(held / np.sqrt(np.maximum(held.sum(axis=1, keepdims=True), 1)))


def learned(h: np.ndarray, n: int, x: np.ndarray) -> np.ndarray:
    """Units (U, N) after one more step, before which they have learned n times."""
    a = h @ x
    return np.asarray(h + max(0.02, 1 / (1 + 0.01 * n)) / (x @ x) * np.outer(a, x - h.T @ a))


def projected(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What eight rounds over the units v of other cues, one after the other, leave of x."""
    d = x.copy()
    for unit in [*v] * 8:
        d -= (unit @ d) * unit
    return d


def nearest(value: int, shift: int) -> int:
    return cut(value, shift, "nearest")


def dot(one: Any, other: Any) -> int:
    return sum(a * b for a, b in zip(one, other, strict=True))


def fixed_learned(h: list[list[int]], n: int, x: list[int]) -> list[list[int]]:
    a = [nearest(dot(row, x), ONE_BITS) for row in h]
    rest = [y - nearest(dot(a, column), ONE_BITS) for y, column in zip(x, zip(*h, strict=True), strict=True)]
    shift = dot(x, x).bit_length() + min((n // 100).bit_length(), 5) - ONE_BITS
    moved = [
        [w + nearest(b * r, shift) for w, r in zip(row, rest, strict=True)]
        for row, b in zip(h, a, strict=True)
    ]
    return [[min(max(w, 1 - ONE), ONE - 1) for w in row] for row in moved]


def fixed_projected(v: list[list[int]], x: list[int]) -> list[int]:
    left = [nearest(dot(row, x), ONE_BITS) for row in v]
    overlap = [[nearest(dot(row, other), ONE_BITS) for other in v] for row in v]
    a = [0] * len(v)
    for unit in [*range(len(v))] * 8:
        change = left[unit]
        a[unit] += change
        left = [old - nearest(change * o, ONE_BITS) for old, o in zip(left, overlap[unit], strict=True)]
    if not v:
        return x
    return [y - nearest(dot(a, column), ONE_BITS) for y, column in zip(x, zip(*v, strict=True), strict=True)]
