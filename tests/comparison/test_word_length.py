"""The knee of an error over word length, on curves whose knee is plain to see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.comparison.fewest_bits import knee

BITS = np.array([4, 6, 8, 10, 12])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ([2.0, 1.0, 1.0, 1.0, 1.0], 6),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 4),
        ([3.0, 1.0, 2.0, 1.04, 1.0], 10),
        ([2.0, 1.0, 1.0, 1.0, 1.2], None),
        ([2.0, 2.0, np.nan, 1.0, 1.0], 10),
        ([np.nan] * 5, None),
    ],
)
def test_knee_of_known_curves(error: list[float], expected: int | None) -> None:
    assert knee(BITS, np.array(error), 1.0, 1.05) == expected


def test_the_tolerance_is_a_ratio_and_its_limit_is_good() -> None:
    error = np.array([0.9, 0.5, 0.375, 0.3125, 0.25])
    assert [knee(BITS, error, 0.25, ratio) for ratio in (1.0, 1.25, 1.5, 2.0)] == [12, 10, 8, 6]


@pytest.mark.slow
@given(st.permutations(range(12)), st.lists(st.floats(0.0, 4.0), min_size=12, max_size=12))
def test_order_does_not_matter_and_all_from_the_knee_on_is_good(order: list[int], error: list[float]) -> None:
    bits, values = np.arange(2, 14), np.array(error)
    found = knee(bits, values, 1.0, 1.5)
    assert found == knee(bits[order], values[order], 1.0, 1.5)
    good = [n for n in bits if np.all(values[bits >= n] <= 1.5)]
    assert found == (min(good) if good else None)
