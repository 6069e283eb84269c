"""f-I curve and lag, on arithmetics whose answer is known and on the package's own."""

import numpy as np
import pytest

from lava_predict.analysis.firing_patterns import FiringPattern, Injection
from lava_predict.analysis.firing_patterns import simulate as simulate_pattern
from lava_predict.analysis.single_cell import CELLS, Cell, fi_curve, lag, simulate_float


def clock(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, current: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Stand in for a cell: a spike every ``current`` steps, the first one after ``d`` more."""
    step, cell = np.nonzero((np.arange(1, steps + 1)[:, None] - d) % current == 0)
    return step.astype(np.uint32), cell.astype(np.uint32)


def test_rates_of_clocks() -> None:
    cells = (Cell("one", 0.02, 0.2, -65.0, 0.0), Cell("two", 0.02, 0.2, -65.0, 3.0))
    rates = fi_curve(clock, cells, np.array([5.0, 10.0, 40.0]), duration_ms=1000, settle_ms=200)
    np.testing.assert_allclose(rates, [[200, 100, 25]] * 2)


def test_the_onset_does_not_count() -> None:
    # Before it adapts, a regular spiking cell fires faster.
    with_onset = fi_curve(simulate_float, CELLS[:1], np.array([10.0]), 300.0, 0.0)
    assert with_onset > 1.1 * fi_curve(simulate_float, CELLS[:1], np.array([10.0]), 300.0, 700.0)


@pytest.mark.parametrize("dt_ms", [1.0, 0.5])
def test_lag_of_clocks(dt_ms: float) -> None:
    def slower(*arguments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        *parameters, current, steps = arguments
        return clock(*parameters, 1.1 * current, steps)

    (found,) = lag(clock, slower, (Cell("", 0.02, 0.2, -65.0, 0.0),), 10.0, 1000.0, dt_ms)
    np.testing.assert_allclose(found.reference_ms, dt_ms * 10 * np.arange(1, found.lag_ms.size + 1))
    np.testing.assert_allclose(found.lag_ms, 0.1 * found.reference_ms)
    assert found.per_second == pytest.approx(100)


def test_the_float_cells_are_those_of_the_firing_patterns() -> None:
    currents = np.array([4.5, 7.0, 10.0, 10.0, 5.0, 12.0])
    a, b, c, d = (np.array([getattr(cell, name) for cell in CELLS]) for name in "abcd")
    step, number = simulate_float(a, b, c, d, currents, 500)
    assert step.dtype == number.dtype == np.uint32
    np.testing.assert_array_equal(np.lexsort((number, step)), np.arange(step.size))
    for n, (cell, current) in enumerate(zip(CELLS, currents, strict=True)):
        constant = (Injection(0, float("inf"), float(current)),)
        pattern = FiringPattern("", cell.a, cell.b, cell.c, cell.d, -65.0, 500.0, constant)
        np.testing.assert_array_equal(step[number == n] + 1.0, simulate_pattern(pattern).spikes_ms)
        assert np.any(number == n)


def test_cells_fire_from_where_their_rest_loses_its_stability() -> None:
    # The trace of the Jacobian, 0.08 v + 5 - a, is 0 at the v of rest that this current has.
    v = (np.array([cell.a for cell in CELLS]) - 5) / 0.08
    critical = -(0.04 * v**2 + 4.8 * v + 140)
    below, above = critical.min() - 0.15, critical.max() + 0.05
    rates = fi_curve(simulate_float, CELLS, np.array([0.0, below, above, 6.0, 12.0]), 4000.0)
    assert np.all(rates[:, :2] == 0)
    assert np.all(rates[:, 2] > 0)
    assert np.all(np.diff(rates[:, 1:], axis=1) > 0)


@pytest.mark.slow
def test_an_arithmetic_does_not_lag_itself_and_a_slower_recovery_does_lag() -> None:
    def slower(a: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return simulate_float(0.97 * a, *others)

    assert all(np.all(found.lag_ms == 0) for found in lag(simulate_float, simulate_float, CELLS, 10.0))
    assert all(found.lag_ms[-1] > 20 for found in lag(simulate_float, slower, CELLS, 10.0))


def test_no_steps_no_spikes() -> None:
    a, b, c, d = (np.array([value]) for value in CELLS[0][1:])
    step, cell = simulate_float(a, b, c, d, np.array([10.0]), 0)
    assert step.size == cell.size == 0
