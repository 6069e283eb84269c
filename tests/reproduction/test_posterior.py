"""The Beta posterior against integrals, and the readout of it on trials whose posterior is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.reproduction.baselines import posterior

COUNTS = st.floats(1, 60)


def test_posterior_counts_the_trials_of_its_block_before_each() -> None:
    a, b = posterior.beta_posterior(np.array([0, 1, -1, 0, 0]), np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_array_equal(a, [[1, 1], [2, 1], [2, 2], [1, 1], [2, 1]])
    np.testing.assert_array_equal(b, [[1, 1], [1, 2], [2, 2], [1, 1], [1, 2]])


@pytest.mark.slow
@given(st.lists(st.integers(-1, 1), min_size=1, max_size=20))
def test_posterior_is_bayes_rule_one_trial_at_a_time(outcomes: list[int]) -> None:
    a, b = posterior.beta_posterior(np.array(outcomes), np.zeros(len(outcomes), int), 2)
    theta = np.linspace(0.01, 0.99, 50)
    log_belief = np.zeros_like(theta)
    for outcome in outcomes[:-1]:
        log_belief += np.log(theta) if outcome == 0 else np.log1p(-theta)
    closed = (a[-1, 0] - 1) * np.log(theta) + (b[-1, 0] - 1) * np.log1p(-theta)
    np.testing.assert_allclose(log_belief, closed, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@given(COUNTS, COUNTS)
def test_targets_hold_mean_and_concentration_of_the_posterior(a: float, b: float) -> None:
    targets = posterior.confidence_targets(np.array([[a, b]]), np.array([[b, a]]))
    mean, concentration = 1.0 / (1.0 + np.exp(-targets[0, :2])), np.exp(targets[0, 2:])
    theta = (np.arange(20000) + 0.5) / 20000
    log_density = (a - 1) * np.log(theta) + (b - 1) * np.log1p(-theta)
    density = np.exp(log_density - log_density.max())
    expected = np.sum(theta * density) / density.sum()
    variance = np.sum((theta - expected) ** 2 * density) / density.sum()
    np.testing.assert_allclose(mean, [expected, 1.0 - expected], rtol=1e-3)
    np.testing.assert_allclose(mean * (1.0 - mean) / (concentration + 1.0), variance, rtol=2e-3)


def test_features_are_scaled_and_finite() -> None:
    x_mean = np.array([[0.003, 0.004], [0.0, 0.0]])
    found = posterior.confidence_features(x_mean, np.array([[0.5], [-0.2]]))
    np.testing.assert_allclose(found, [[0.6, 0.8, 0.0], [0.0, 0.0, np.log(0.01 / 0.99)]], atol=1e-12)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_a_trial_removes_its_share_of_the_error(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    features, targets = rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
    before, after = (posterior.learn_reports(features[:n], targets[:n], rate) for n in (3, 4))
    error = targets[3] - before @ features[3]
    np.testing.assert_allclose(targets[3] - after @ features[3], (1 - rate) * error, atol=1e-9)
    assert np.linalg.matrix_rank(after - before) == 1
    features[3] = 0.0
    np.testing.assert_array_equal(posterior.learn_reports(features, targets, rate), before)


def reports_while_learning(features: np.ndarray, targets: np.ndarray, rate: float) -> np.ndarray:
    """Each trial's reports, made before learning from it."""
    weights = np.zeros((targets.shape[1], features.shape[1]))
    reports = []
    for seen, target in zip(features, targets, strict=True):
        reports.append(weights @ seen)
        weights += rate * np.outer(target - reports[-1], seen) / (seen @ seen)
    return np.array(reports)


def test_reports_while_learning_are_those_of_the_weights_before_each_trial() -> None:
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    reports = reports_while_learning(features, targets, 0.5)
    for trial in range(5):
        weights = posterior.learn_reports(features[:trial], targets[:trial], 0.5)
        np.testing.assert_allclose(weights @ features[trial], reports[trial])


def blocks_of_trials() -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of 40 blocks of 20 trials; the mean traces hardly change."""
    rng = np.random.default_rng(2)
    blocks = np.repeat(np.arange(40), 20)
    outcomes = (rng.random(800) > rng.uniform(0.1, 0.9, 40)[blocks]).astype(int)
    a, b = posterior.beta_posterior(outcomes, blocks, 2)
    x_mean = rng.uniform(0.5, 1, 30) + 0.01 * rng.normal(size=(800, 30))
    estimate = a / (a + b) + 0.02 * rng.normal(size=(800, 2))
    return posterior.confidence_features(x_mean, estimate), posterior.confidence_targets(a, b)


def test_readout_recovers_the_mean_and_no_readout_of_other_trials_does() -> None:
    features, targets = blocks_of_trials()
    ours, null = posterior.recovery(features, targets, 0.05, 400, 5, seed=3)
    assert (ours[:2] > 0.95).all()
    assert (np.abs(null[:, :2]) < 0.3).all()
    later = features[400:] @ posterior.learn_reports(features[:400], targets[:400], 0.05).T
    rmse = np.sqrt(np.mean((later - targets[400:]) ** 2, axis=0))
    assert (rmse[:2] < 0.35 * targets[:, :2].std(axis=0)).all()


def test_features_that_lack_the_concentration_do_not_report_it() -> None:
    features, targets = blocks_of_trials()
    # Every block begins at an estimate of 1/2, and it says nothing of the trials since but for its size.
    ours, _ = posterior.recovery(features, targets, 0.05, 400, 0, seed=3)
    assert (ours[2:] < 0.5).all()
    # While it learns, the weights follow what changes slowly all the same.
    following = posterior.correlations(reports_while_learning(features, targets, 0.7), targets)
    assert (following[2:] > 0.6).all()


def test_readout_reports_a_concentration_that_the_traces_carry() -> None:
    features, targets = blocks_of_trials()
    carried = np.column_stack((features, targets[:, 2]))
    ours, null = posterior.recovery(carried, targets, 0.2, 400, 3, seed=4)
    assert (ours[2:] > 0.9).all()
    assert (np.abs(null[:, 2:]) < 0.5).all()
