"""Cells in integers beside those in float, and what rounding constants down costs: I = 10 for 3 s."""

from __future__ import annotations

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.analysis.single_cell import CELLS, Cell, lag, simulate_fixed, simulate_float

PARAMETER_BITS = (16, 12, 10, 9, 8, 7, 6)
REGULAR, SLOW = CELLS[0], CELLS[-1]
DELAYS = {  # as docs/fixed-point.md says
    (REGULAR, "nearest"): [0, 0, 0, 0, 0, 0, -1],
    (REGULAR, "floor"): [0, 0, 0, 61, 65, 92, 182],
    (SLOW, "nearest"): [0, 0, -1, -1, 3, 3, -5],
    (SLOW, "floor"): [0, 8, 11, 18, 40, 76, 175],
}


def delay_ms(cell: Cell, parameter_bits: int, constant_rounding: str) -> float:
    word = load_preset("robust").fixed.model_copy(
        update={"parameter_bits": parameter_bits, "constant_rounding": constant_rounding}
    )
    (found,) = lag(simulate_float, simulate_fixed(word), [cell], current=10.0)
    assert found.lag_ms.size >= {REGULAR: 61, SLOW: 9}[cell]
    return float(found.lag_ms[-1])


@pytest.mark.slow
def test_what_flooring_a_constant_costs() -> None:
    assert REGULAR[1:] == (0.02, 0.2, -65.0, 8.0)
    assert SLOW[1:] == (0.002, 0.2, -65.0, 8.0)
    for (cell, constant_rounding), wanted in DELAYS.items():
        assert [delay_ms(cell, bits, constant_rounding) for bits in PARAMETER_BITS] == wanted
    for cell in (REGULAR, SLOW):
        for nearest, floored in zip(DELAYS[cell, "nearest"], DELAYS[cell, "floor"], strict=True):
            assert abs(nearest) <= floored or (nearest, floored) == (-1, 0)
    assert all(
        abs(delay) <= 5 for (_, rounding), row in DELAYS.items() if rounding == "nearest" for delay in row
    )


@pytest.mark.slow
def test_fixed_cells_start_and_fire_like_float_ones() -> None:
    a, b, c, d = (np.array([getattr(cell, name) for cell in CELLS]) for name in "abcd")
    current = np.full(len(CELLS), 10.0)
    step, cell = simulate_fixed(load_preset("robust").fixed)(a, b, c, d, current, 300)
    assert step.dtype == cell.dtype == np.uint32
    np.testing.assert_array_equal(np.lexsort((cell, step)), np.arange(step.size))
    exact_step, exact_cell = simulate_float(a, b, c, d, current, 300)
    np.testing.assert_array_equal(step, exact_step)
    np.testing.assert_array_equal(cell, exact_cell)


def test_fixed_cells_at_a_tenth_of_the_time_step() -> None:
    word = load_preset("robust").fixed
    a, b, c, d = (np.array([value]) for value in CELLS[0][1:])
    current = np.array([10.0])
    step, _ = simulate_fixed(word, 0.1)(a, b, c, d, current, 3000)
    exact, _ = simulate_float(a, b, c, d, current, 3000, 0.1)
    assert step.size == exact.size
    assert np.abs(step.astype(int) - exact).max() <= 3
