from __future__ import annotations

import math

import numpy as np
import pytest

from lava_predict.numerics.functions import LOGARITHMS, POWERS, exp_of_minus, minus_log2, root

ONE = 2**16


def test_the_exponential_is_right_to_two_units() -> None:
    """A straight line between table entries, each rounded; then a shift that rounds down."""
    drives = np.arange(0, 14 * ONE, 3)
    found = np.array([exp_of_minus(drive) for drive in drives.tolist()])
    assert np.abs(found - np.exp(-drives / ONE) * ONE).max() < 2
    assert (np.diff(found) <= 0).all()
    assert exp_of_minus(0) == ONE
    assert exp_of_minus(2**62) == 0


def test_the_logarithm_is_right_to_two_units() -> None:
    p = np.arange(1, ONE + 1)
    found = np.array([minus_log2(value) for value in p.tolist()])
    assert np.abs(found + np.log2(p / ONE) * ONE).max() < 2
    assert [minus_log2(2**n) for n in range(17)] == [(16 - n) * ONE for n in range(17)]


@pytest.mark.parametrize("length", [1, 2, 17, 31, 32, 53, 61, 62])
def test_the_root_is_rounded_down(length: int) -> None:
    rng = np.random.default_rng(length)
    drawn = rng.integers(2 ** (length - 1), 2**length, 200).tolist()
    edges = [math.isqrt(value) ** 2 + step for value in drawn for step in (-1, 0, 1)]
    for value in [0, 1, 2**length - 1, *drawn, *edges]:
        assert root(value) == math.isqrt(value)


@pytest.mark.parametrize("table", [POWERS, LOGARITHMS], ids=["powers", "logarithms"])
def test_the_tables_do_not_depend_on_a_last_bit(table: np.ndarray) -> None:
    """No entry lies near the border of two integers, so every library rounds it to the same one."""
    places = np.arange(257) / 256.0
    exact = ONE * (2.0**-places if table is POWERS else np.log2(1.0 + places))
    np.testing.assert_array_less(np.abs(exact - table), 0.5 - 1e-4)
