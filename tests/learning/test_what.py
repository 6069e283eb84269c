"""The what rule against what it must do, whatever its code."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict import load_preset
from lava_predict.learning.what import Reading, estimate, learn_outcome, outcome_delta, read_estimate, start


def learn_what(outcomes: list[int], rate_floor: float) -> np.ndarray:
    """Estimates after a sequence of outcomes, from a state that is the same in every trial."""
    x = np.random.default_rng(1).uniform(0.001, 0.02, 50)
    w, p = np.zeros((2, 50)), np.empty(2)
    for n, outcome in enumerate(outcomes):
        norm = estimate(w, x, p)
        outcome_delta(w, x, outcome, p, max(rate_floor, 1 / (n + 1)), norm)
    estimate(w, x, p)
    return p


@pytest.mark.slow
@given(st.lists(st.integers(-1, 1), min_size=1, max_size=60))
def test_what_rule_with_falling_rate_is_the_mean_of_the_outcomes(outcomes: list[int]) -> None:
    share = [outcomes.count(k) / len(outcomes) for k in (0, 1)]
    np.testing.assert_allclose(learn_what(outcomes, 0.0), share, atol=1e-9)


def test_what_rule_with_constant_rate_forgets_exponentially() -> None:
    p = learn_what([0] + [1] * 10, 1.0)
    np.testing.assert_allclose(p, [0, 1], atol=1e-9)
    slow = learn_what([0, 1, 1], 0.6)
    np.testing.assert_allclose(slow, [0.4 * 0.4, 1 - 0.4 * 0.4], atol=1e-9)


def test_what_rule_learns_nothing_from_a_silent_reservoir() -> None:
    w, p = np.ones((2, 4)), np.empty(2)
    norm = estimate(w, np.zeros(4), p)
    outcome_delta(w, np.zeros(4), 0, p, 1.0, norm)
    np.testing.assert_array_equal(w, 1)
    np.testing.assert_array_equal(p, 0)


def estimates(outcomes: Sequence[int], *settings: str) -> np.ndarray:
    """What readout before each trial and after the last, with the robust preset's rule, (trials + 1, 2)."""
    config = load_preset("robust", ["reservoir.neurons=20", *settings])
    memory = start(20, events=2, cues=1)
    reading = Reading(np.random.default_rng(1).uniform(1, 2, 20), 0, 0)
    found = []
    for outcome in outcomes:
        found.append(read_estimate(memory, reading))
        learn_outcome(memory, reading, outcome, found[-1], config.readout)
    return np.array([*found, read_estimate(memory, reading)])


NEVER = "readout.surprise_threshold=10.0"


def test_surprise_makes_the_estimate_follow_a_switch_sooner() -> None:
    outcomes = [0] * 60 + [1] * 15
    with_surprise, without = estimates(outcomes), estimates(outcomes, NEVER)
    np.testing.assert_array_equal(with_surprise[:61], without[:61])
    assert with_surprise[-1, 1] > 0.6
    assert without[-1, 1] < 0.3


def test_surprise_seldom_comes_without_a_switch() -> None:
    rng = np.random.default_rng(5)
    outcomes = (rng.random(2000) > 0.7).astype(int).tolist()
    assert np.mean(np.abs(estimates(outcomes) - estimates(outcomes, NEVER))[:, 0] > 0.05) < 0.1


def test_without_surprise_the_rate_falls_to_its_floor() -> None:
    outcomes = [0, 1, 1, 0, 1, 0, 0, 1] * 20
    found = estimates(outcomes, NEVER, "readout.what_rate=0.1")
    steps = (found[1:, 0] - found[:-1, 0]) / ((np.array(outcomes) == 0) - found[:-1, 0])
    expected = [max(0.1, 1 / (n + 1)) for n in range(len(outcomes))]
    np.testing.assert_allclose(steps, expected, rtol=1e-9)


def test_each_cue_has_its_own_rate_and_surprise() -> None:
    config = load_preset("robust", ["reservoir.neurons=20", "task.cues=2"])
    memory = start(20, events=2, cues=2, blocks=2)
    reading = Reading(np.ones(20), 0, 1)
    for outcome in [0] * 30 + [1] * 10:
        learn_outcome(memory, reading, outcome, read_estimate(memory, reading), config.readout)
    np.testing.assert_array_equal(memory.w[:2], 0.0)
    assert read_estimate(memory, reading).max() > 0.5
    np.testing.assert_array_equal(read_estimate(memory, reading._replace(cue=-1)), 0.0)
    assert memory.trials[1] == 0
    np.testing.assert_array_equal(memory.error[1], 0)
    assert 0 < memory.trials[0] < 40
