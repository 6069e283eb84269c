"""Statistics of spike trains against brute force, integrals and trains whose statistics are known."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lava_predict.analysis import spike_statistics as stats
from lava_predict.analysis.spike_statistics import Raster

CELLS, STEPS = 3, 40
RASTERS = arrays(np.bool_, (STEPS, CELLS))


def raster(spikes: np.ndarray, dt_ms: float = 1.0) -> Raster:
    """Make a raster of a table, steps by cells, of whether there is a spike."""
    step, cell = np.nonzero(spikes)
    return Raster(
        step.astype(np.uint32), cell.astype(np.uint32), spikes.shape[1], spikes.shape[0], dt_ms
    )  # fmt: skip


def poisson(probability: float, steps: int, cells: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((steps, cells)) < probability


def of_trains(trains: Sequence[Sequence[int]], steps: int) -> Raster:
    spikes = np.zeros((steps, len(trains)), bool)
    for cell, train in enumerate(trains):
        spikes[list(train), cell] = True
    return raster(spikes)


@settings(max_examples=30)
@given(RASTERS)
def test_trains_hold_every_spike_once_in_order(spikes: np.ndarray) -> None:
    trains = raster(spikes).trains()
    assert len(trains) == CELLS
    for cell, train in enumerate(trains):
        np.testing.assert_array_equal(train, np.flatnonzero(spikes[:, cell]))


def test_rates_and_silence_of_known_trains() -> None:
    known = Raster(np.array([0, 3, 3, 9], np.uint32), np.array([1, 0, 1, 1], np.uint32), 4, 20, dt_ms=0.5)
    np.testing.assert_allclose(stats.firing_rates(known), [100, 300, 0, 0])
    assert stats.silent_share(known) == 0.5


def test_interval_cv_of_known_trains() -> None:
    known = of_trains([range(0, 3000, 7), [0, 1, 4], [5, 9], []], 3000)
    cv = stats.interval_cv(known)
    assert cv[0] == 0
    assert cv[1] == pytest.approx(np.std([1, 3]) / np.mean([1, 3]))
    assert np.isnan(cv[2:]).all()


def test_interval_cv_of_random_trains_is_that_of_the_geometric_distribution() -> None:
    probability = 0.05
    cv = stats.interval_cv(raster(poisson(probability, 20000, 50, seed=1)))
    assert cv.mean() == pytest.approx(np.sqrt(1 - probability), rel=0.01)


def test_correlation_of_known_numbers_and_where_it_has_no_meaning() -> None:
    assert stats.pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 3.0])) == pytest.approx(0.5)
    assert np.isnan(stats.pearson(np.arange(3.0), np.full(3, 2.0)))
    assert np.isnan(stats.pearson(np.array([1.0]), np.array([2.0])))
    one, other = of_trains([[1], [1, 5], [1, 5, 9]], 20), of_trains([[1, 2], [1], [1, 5, 9]], 20)
    assert stats.rate_correlation(one, other) == pytest.approx(0.5)
    assert np.isnan(stats.rate_correlation(one, of_trains([[]] * 3, 20)))


@settings(max_examples=50)
@given(RASTERS, RASTERS)
def test_differing_spikes_against_looking_at_each(one: np.ndarray, other: np.ndarray) -> None:
    expected = [
        (step, cell) for step in range(STEPS) for cell in range(CELLS) if one[step, cell] != other[step, cell]
    ]
    step, cell = stats.differing_spikes(raster(one), raster(other))
    assert list(zip(step, cell, strict=True)) == expected
    first = expected[0][0] if expected else None
    assert stats.divergence_horizon(raster(one), raster(other)) == first


@pytest.mark.slow
@settings(max_examples=50)
@given(RASTERS, RASTERS, st.integers(1, 12))
def test_differing_share_against_looking_at_each_window(
    one: np.ndarray, other: np.ndarray, window: int
) -> None:
    share = stats.differing_share(raster(one), raster(other), window)
    assert np.isnan(share[: window - 1]).all()
    for step in range(window - 1, STEPS):
        recent = slice(step - window + 1, step + 1)
        active = (one | other)[recent].any(axis=0).sum()
        differing = (one ^ other)[recent].any(axis=0).sum()
        assert share[step] == pytest.approx(differing / max(active, 1))


def test_the_population_diverges_when_a_network_does_not_when_a_cell_does() -> None:
    one = poisson(0.02, 2000, 100, seed=3)
    other = one.copy()
    other[150:, 7] = poisson(0.02, 1850, 1, seed=4)[:, 0]
    other[1000:] = poisson(0.02, 1000, 100, seed=5)
    assert 150 <= stats.divergence_horizon(raster(one), raster(other)) < 400
    share = stats.differing_share(raster(one), raster(other))
    assert 1000 <= stats.population_horizon(share) < 1100
    assert np.nanmax(share[:1000]) < 0.03
    assert share[1250:].min() > 0.95


def test_runs_that_stay_together_never_diverge() -> None:
    one = raster(poisson(0.02, 500, 20, seed=6))
    assert stats.divergence_horizon(one, one) is None
    assert stats.population_horizon(stats.differing_share(one, one)) is None
    jittered = raster(np.roll(poisson(0.02, 500, 20, seed=6), 1, axis=0))
    assert stats.population_horizon(stats.differing_share(one, jittered)) is not None


def test_rasters_of_different_make_are_refused() -> None:
    spikes = poisson(0.1, 20, 4, seed=7)
    for other in (raster(spikes[:-1]), raster(spikes[:, :-1]), raster(spikes, dt_ms=0.5)):
        with pytest.raises(ValueError, match="same cells, steps and time step"):
            stats.divergence_horizon(raster(spikes), other)


def overlap(one: np.ndarray, other: np.ndarray, tau: float) -> float:
    return float(np.exp(-np.abs(one[:, None] - other[None, :]) / tau).sum())


@pytest.mark.slow
@settings(max_examples=30)
@given(RASTERS, RASTERS, st.integers(0, 8), st.floats(0.5, 15.0))
def test_distance_over_lag_against_all_pairs(
    one: np.ndarray, other: np.ndarray, most_lag: int, tau: float
) -> None:
    found = stats.distance_over_lag(raster(one), raster(other), tau, most_lag)
    assert found.shape == (CELLS, 2 * most_lag + 1)
    compared = np.arange(most_lag, STEPS - most_lag)
    kappa = overlap(compared, compared, tau) / compared.size**2
    for cell in range(CELLS):
        first = compared[one[compared, cell]]
        for lag, distance in zip(range(-most_lag, most_lag + 1), found[cell], strict=True):
            second = compared[other[compared + lag, cell]]
            selves = overlap(first, first, tau) + overlap(second, second, tau)
            expected = selves - 2 * kappa * first.size * second.size
            if expected < 1e-9 * selves or selves == 0:
                continue
            squared = max(selves - 2 * overlap(first, second, tau), 0) / expected
            assert distance**2 == pytest.approx(squared, abs=1e-7)


def test_the_pair_sums_are_van_rossums_integral() -> None:
    # The definition itself: the squared difference of the two exponential traces, integrated finely.
    first, second, tau, fine = np.array([20.0, 31.0, 70.0]), np.array([22.0, 64.0]), 9.0, 0.005
    time = np.arange(0, 300, fine)

    def trace(train: np.ndarray) -> np.ndarray:
        after = time[:, None] - train
        return np.where(after >= 0, np.exp(-np.maximum(after, 0) / tau), 0).sum(axis=1)

    integral = np.sum((trace(first) - trace(second)) ** 2) * fine / tau
    one, other = of_trains([first.astype(int)], 100), of_trains([second.astype(int)], 100)
    found = stats.distance_over_lag(one, other, tau, 0)[0, 0]
    selves = overlap(first, first, tau) + overlap(second, second, tau)
    steps = np.arange(100)
    unrelated = selves - 2 * overlap(steps, steps, tau) / 100**2 * first.size * second.size
    assert found == pytest.approx(np.sqrt(2 * integral / unrelated), rel=1e-3)


@pytest.mark.slow
@settings(max_examples=40)
@given(RASTERS, RASTERS)
def test_distance_is_symmetric_and_zero_for_the_same(one: np.ndarray, other: np.ndarray) -> None:
    there = stats.distance_over_lag(raster(one), raster(other), 5.0, 0)
    back = stats.distance_over_lag(raster(other), raster(one), 5.0, 0)
    np.testing.assert_allclose(there, back, atol=1e-6)
    same = stats.distance_over_lag(raster(one), raster(one), 5.0, 0)[:, 0]
    assert np.all((same == 0) | np.isnan(same))
    assert np.all(np.isnan(same) >= ~one.any(axis=0))


@pytest.mark.slow
@given(st.integers(-10, 10), st.integers(0, 100))
def test_a_shifted_copy_is_at_distance_zero_at_its_shift_and_only_there(shift: int, seed: int) -> None:
    longer = poisson(0.1, 120, CELLS, seed)
    one, other = raster(longer[10:110]), raster(longer[10 - shift : 110 - shift])
    found = stats.distance_over_lag(one, other, 8.0, 10)
    assert np.all(found[:, shift + 10] == 0)
    elsewhere = np.delete(found, shift + 10, axis=1)
    assert np.all((elsewhere > 0.05) | np.isnan(elsewhere))


@pytest.mark.parametrize("tau", [2.0, 20.0, 100.0])
@pytest.mark.parametrize("rates", [(0.01, 0.01), (0.02, 0.005)])
def test_unrelated_poisson_trains_are_at_distance_one(tau: float, rates: tuple[float, float]) -> None:
    one, other = (raster(poisson(rate, 4000, 60, seed)) for seed, rate in enumerate(rates))
    squared = stats.distance_over_lag(one, other, tau, 20) ** 2
    assert squared.mean() == pytest.approx(1, abs=0.03)


def test_unrelated_clocks_are_at_distance_one_too() -> None:
    phases = np.random.default_rng(8).integers(0, 50, (2, 300))
    one, other = (raster((np.arange(1000)[:, None] - phase) % 50 == 0) for phase in phases)
    squared = stats.distance_over_lag(one, other, 10.0, 0) ** 2
    assert squared.mean() == pytest.approx(1, abs=0.08)


def test_a_silent_train_is_unrelated_and_two_of_them_cannot_be_compared() -> None:
    one, other = of_trains([[5, 9], []], 20), of_trains([[], []], 20)
    distance = stats.distance_over_lag(one, other, 5.0, 2)
    np.testing.assert_allclose(distance[0], 1)
    assert np.isnan(distance[1]).all()


@pytest.mark.parametrize("most_lag", [-1, 10])
def test_a_lag_that_leaves_nothing_to_compare_is_refused(most_lag: int) -> None:
    one = of_trains([[5]], 20)
    with pytest.raises(ValueError, match="below half of 20 steps"):
        stats.distance_over_lag(one, one, 5.0, most_lag)


def test_spike_time_lag_takes_the_spikes_that_both_have() -> None:
    found = stats.spike_time_lag(np.array([100.0, 200.0, 400.0]), np.array([101.0, 204.0, 420.0, 600.0]))
    np.testing.assert_array_equal(found.lag_ms, [1, 4, 20])
    assert found.per_second == pytest.approx(50)
    assert stats.spike_time_lag(np.array([100.0]), np.array([90.0, 200.0])).lag_ms.tolist() == [-10]
    none = stats.spike_time_lag(np.array([]), np.array([5.0]))
    assert none.lag_ms.size == 0
    assert np.isnan(none.per_second)
