"""Rates, CV, Fano factors and correlations of spike trains are those of Elephant."""

import numpy as np
import pytest

from lava_predict.analysis import spike_statistics as ours
from lava_predict.analysis.spike_statistics import Raster

statistics = pytest.importorskip("elephant.statistics", reason="Elephant is not installed")
neo, quantities = pytest.importorskip("neo"), pytest.importorskip("quantities")

STEPS, DT_MS = 2000, 0.5
RATES = np.array([0.0, 0.005, 0.01, 0.03, 0.2])  # Spikes per step; the first cell is silent.


def presentation(seed: int) -> Raster:
    step, cell = np.nonzero(np.random.default_rng(seed).random((STEPS, RATES.size)) < RATES)
    return Raster(step.astype(np.uint32), cell.astype(np.uint32), RATES.size, STEPS, DT_MS)


def trains(raster: Raster) -> list:
    stop = raster.steps * raster.dt_ms
    return [neo.SpikeTrain(train * raster.dt_ms, units="ms", t_stop=stop) for train in raster.trains()]


def test_rates_are_mean_firing_rates() -> None:
    raster = presentation(1)
    theirs = [statistics.mean_firing_rate(train).rescale("Hz").item() for train in trains(raster)]
    np.testing.assert_allclose(ours.firing_rates(raster), theirs)


def test_the_cv_of_intervals_is_the_cv_of_isi() -> None:
    raster = presentation(2)
    theirs = [statistics.cv(statistics.isi(train)) for train in trains(raster)[1:]]
    np.testing.assert_allclose(ours.interval_cv(raster)[1:], theirs)
    assert np.isnan(ours.interval_cv(raster)[0])


def test_the_fano_factor_is_theirs() -> None:
    shown = [presentation(seed) for seed in range(3, 9)]
    by_cell = zip(*map(trains, shown), strict=True)
    theirs = [statistics.fanofactor(list(one)) for one in by_cell]
    np.testing.assert_allclose(ours.fano_factor(shown)[1:], theirs[1:])
    assert np.isnan(ours.fano_factor(shown)[0])


@pytest.mark.parametrize("bin_steps", [10, 50])
def test_the_correlation_of_counts_is_the_correlation_coefficient(bin_steps: int) -> None:
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import correlation_coefficient

    raster = presentation(9)
    binned = BinnedSpikeTrain(trains(raster)[1:], bin_size=bin_steps * DT_MS * quantities.ms)
    found = ours.count_correlation(raster, bin_steps)
    np.testing.assert_allclose(found[1:, 1:], correlation_coefficient(binned), atol=1e-12)
    assert np.isnan(found[0]).all()
