"""The Beta posterior against integrals, and the readout of it on trials whose posterior is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.reproduction.baselines import posterior
from lava_predict.reproduction.baselines.posterior import BetaPosterior

COUNTS = st.floats(1, 60)


@given(COUNTS, COUNTS)
def test_beta_moments_against_numerical_integration(a: float, b: float) -> None:
    theta = (np.arange(20000) + 0.5) / 20000
    log_density = (a - 1) * np.log(theta) + (b - 1) * np.log1p(-theta)
    density = np.exp(log_density - log_density.max())
    mean = np.sum(theta * density) / density.sum()
    variance = np.sum((theta - mean) ** 2 * density) / density.sum()
    assert float(posterior.beta_mean(np.array(a), np.array(b))) == pytest.approx(mean, rel=1e-3)
    assert float(posterior.beta_variance(np.array(a), np.array(b))) == pytest.approx(variance, rel=2e-3)


def test_posterior_counts_the_trials_of_its_block_before_each() -> None:
    found = posterior.beta_posterior(np.array([0, 1, -1, 0, 0]), np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_array_equal(found.a, [[1, 1], [2, 1], [2, 2], [1, 1], [2, 1]])
    np.testing.assert_array_equal(found.b, [[1, 1], [1, 2], [2, 2], [1, 1], [1, 2]])


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=20), COUNTS, COUNTS)
def test_posterior_is_bayes_rule_one_trial_at_a_time(outcomes: list[int], a: float, b: float) -> None:
    found = posterior.beta_posterior(np.array(outcomes), np.zeros(len(outcomes), int), 2, (a, b))
    theta = np.linspace(0.01, 0.99, 50)
    log_belief = (a - 1) * np.log(theta) + (b - 1) * np.log1p(-theta)
    for outcome in outcomes[:-1]:
        log_belief += np.log(theta) if outcome == 0 else np.log1p(-theta)
    closed = (found.a[-1, 0] - 1) * np.log(theta) + (found.b[-1, 0] - 1) * np.log1p(-theta)
    np.testing.assert_allclose(log_belief, closed, rtol=1e-9, atol=1e-9)


@given(COUNTS, COUNTS)
def test_reports_of_the_targets_are_the_posterior(a: float, b: float) -> None:
    exact = BetaPosterior(np.array([[a, b]]), np.array([[b, a]]))
    back = posterior.reported_posterior(posterior.confidence_targets(exact))
    np.testing.assert_allclose(back.a, exact.a)
    np.testing.assert_allclose(back.b, exact.b)


def test_any_report_is_a_posterior() -> None:
    found = posterior.reported_posterior(np.array([[700.0, -2.0], [-700.0, 3.0]]))
    assert (np.array(found) > 0).all()
    assert np.isfinite(np.array(found)).all()


def test_features_are_scaled_and_finite() -> None:
    x_mean = np.array([[0.003, 0.004], [0.0, 0.0]])
    found = posterior.confidence_features(x_mean, np.array([[0.5], [-0.2]]))
    np.testing.assert_allclose(found, [[0.6, 0.8, 0.0], [0.0, 0.0, np.log(0.01 / 0.99)]], atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_delta_removes_its_share_of_the_error(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    weights, features, target = rng.normal(size=(3, 6)), rng.normal(size=6), rng.normal(size=3)
    change = posterior.confidence_delta(weights, features, target, rate)
    error = target - weights @ features
    np.testing.assert_allclose(target - (weights + change) @ features, (1 - rate) * error, atol=1e-9)
    assert np.linalg.matrix_rank(change) == 1
    assert not posterior.confidence_delta(weights, np.zeros(6), target, rate).any()


def test_learned_reports_are_those_of_the_weights_before_each_trial() -> None:
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    found = posterior.learn_reports(features, targets, 0.5)
    for trial in range(5):
        weights = posterior.learn_reports(features[:trial], targets[:trial], 0.5).weights
        np.testing.assert_allclose(
            posterior.read_reports(weights, features[trial : trial + 1])[0], found.reports[trial]
        )


def blocks_of_trials() -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of 40 blocks of 20 trials; the mean traces hardly change."""
    rng = np.random.default_rng(2)
    blocks = np.repeat(np.arange(40), 20)
    outcomes = (rng.random(800) > rng.uniform(0.1, 0.9, 40)[blocks]).astype(int)
    exact = posterior.beta_posterior(outcomes, blocks, 2)
    x_mean = rng.uniform(0.5, 1, 30) + 0.01 * rng.normal(size=(800, 30))
    estimate = posterior.beta_mean(*exact) + 0.02 * rng.normal(size=(800, 2))
    return posterior.confidence_features(x_mean, estimate), posterior.confidence_targets(exact)


def test_readout_recovers_the_mean_and_no_readout_of_other_trials_does() -> None:
    features, targets = blocks_of_trials()
    found = posterior.recovery(features, targets, 0.05, 400, 5, seed=3)
    assert (found.correlation[:2] > 0.95).all()
    assert (found.rmse[:2] < 0.35 * targets[:, :2].std(axis=0)).all()
    assert (np.abs(found.null_correlation[:, :2]) < 0.3).all()
    assert (found.null_rmse[:, :2] > found.rmse[:2]).all()


def test_features_that_lack_the_concentration_do_not_report_it() -> None:
    features, targets = blocks_of_trials()
    # Every block begins at an estimate of 1/2, and it says nothing of the trials since but for its size.
    found = posterior.recovery(features, targets, 0.05, 400, 0, seed=3)
    assert (found.correlation[2:] < 0.5).all()
    # While it learns, the weights follow what changes slowly all the same.
    following, _ = posterior.agreement(posterior.learn_reports(features, targets, 0.7).reports, targets)
    assert (following[2:] > 0.6).all()


def test_readout_reports_a_concentration_that_the_traces_carry() -> None:
    features, targets = blocks_of_trials()
    carried = np.column_stack((features, targets[:, 2]))
    found = posterior.recovery(carried, targets, 0.2, 400, 3, seed=4)
    assert (found.correlation[2:] > 0.9).all()
    assert (np.abs(found.null_correlation[:, 2:]) < 0.5).all()
