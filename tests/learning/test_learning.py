"""Both learning rules against what they must do, whatever their code."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict import load_preset
from lava_predict.learning.what import estimate, learn_outcome, outcome_delta, read_estimate
from lava_predict.learning.when.gated_delta import add_timing_error, gated_delta, learn_timing
from lava_predict.network.draw import draw_network
from lava_predict.network.state import UNTAUGHT_ERROR, State, initial_state

SEEDS = st.integers(0, 2**32 - 1)


def when_case(seed: int, gate: float, rate: float) -> tuple[np.ndarray, ...]:
    """Return old weights, new weights, input, target and z of one step on 3 channels of 20 cells."""
    rng = np.random.default_rng(seed)
    w, xc = rng.normal(size=(3, 21)), rng.normal(size=21)
    target, z = rng.uniform(size=3), w @ xc
    new = w.copy()
    gated_delta(new, xc, np.array([gate, gate, 0.0]), target, z, rate, float(xc @ xc))
    return w, new, xc, target, z


@given(SEEDS, st.floats(0, 1), st.floats(0, 1))
def test_when_rule_removes_the_share_rate_times_gate_of_the_error(
    seed: int, gate: float, rate: float
) -> None:
    _, new, xc, target, z = when_case(seed, gate, rate)
    left = target - new @ xc
    np.testing.assert_allclose(left[:2], (1 - rate * gate) * (target - z)[:2], atol=1e-9)


@given(SEEDS)
def test_when_rule_leaves_a_closed_channel_and_moves_only_along_the_input(seed: int) -> None:
    w, new, xc, *_ = when_case(seed, 0.7, 0.3)
    np.testing.assert_array_equal(new[2], w[2])
    change = (new - w)[:2]
    np.testing.assert_allclose(change - np.outer(change @ xc / (xc @ xc), xc), 0, atol=1e-12)


@given(SEEDS)
def test_when_rule_is_the_gradient_of_half_the_squared_error(seed: int) -> None:
    w, new, xc, target, _ = when_case(seed, 1.0, 0.25)
    step = 1e-6
    for channel in (0, 1):
        for j in (0, 7, 20):
            moved = w[channel].copy()
            moved[j] += step
            loss = [0.5 * (target[channel] - row @ xc) ** 2 for row in (w[channel], moved)]
            gradient = (loss[1] - loss[0]) / step
            expected = -0.25 * gradient / (xc @ xc)
            assert (new - w)[channel, j] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def learn_what(outcomes: list[int], rate_floor: float) -> np.ndarray:
    """Estimates after a sequence of outcomes, from a state that is the same in every trial."""
    x = np.random.default_rng(1).uniform(0.001, 0.02, 50)
    w, p = np.zeros((2, 50)), np.empty(2)
    for n, outcome in enumerate(outcomes):
        norm = estimate(w, x, p)
        outcome_delta(w, x, outcome, p, max(rate_floor, 1 / (n + 1)), norm)
    estimate(w, x, p)
    return p


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
    state = initial_state(draw_network(config), events=2, cues=1)
    state.x_sum[:] = np.random.default_rng(1).uniform(1, 2, 20)
    found = []
    for outcome in outcomes:
        found.append(read_estimate(state, 200))
        learn_outcome(state, 200, 0, outcome, found[-1], config.readout)
    return np.array([*found, read_estimate(state, 200)])


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
    state = initial_state(draw_network(config), events=2, cues=2)
    state.x_sum[:] = 1.0
    for outcome in [0] * 30 + [1] * 10:
        learn_outcome(state, 200, 0, outcome, read_estimate(state, 200), config.readout)
    assert state.what_trials[1] == 0
    np.testing.assert_array_equal(state.what_error[1], 0)
    assert 0 < state.what_trials[0] < 40


def test_timing_error_is_summed_where_the_gate_is_open() -> None:
    rng = np.random.default_rng(2)
    z, target = rng.normal(size=(30, 2)), rng.uniform(size=(30, 2))
    gate = np.zeros((30, 2))
    gate[10:20, 1] = 0.3
    gate[20:25, 1] = 1.0
    sums = np.zeros((2, 2))
    for rows in (slice(0, 13), slice(13, 30)):
        add_timing_error(z[rows], gate[rows], target[rows], sums)
    expected = [np.sum((target - z)[10:25, 1] ** 2), np.sum(target[10:25, 1] ** 2)]
    np.testing.assert_allclose(sums, np.column_stack(([0, 0], expected)))


def taught(errors: Sequence[float], *settings: str, outcome: int = 1) -> State:
    """State after trials in which the when readout of an event made these errors; its weights were 1."""
    config = load_preset("robust", ["reservoir.neurons=20", "task.cues=2", *settings])
    state = initial_state(draw_network(config), events=2, cues=2)
    state.w_when[:] = 1.0
    for error in errors:
        learn_timing(state, 1, outcome, np.array([[0.0, 3.0 * error], [0.0, 3.0]]), config.readout)
    return state


def test_a_surprise_about_timing_shrinks_the_weights_of_its_event_alone() -> None:
    state = taught([*[0.1] * 60, 5.0], "readout.surprise_keep=0.4")
    np.testing.assert_allclose(state.w_when, np.repeat([[1.0], [0.4]], 21, axis=1))
    np.testing.assert_array_equal(state.when_error, UNTAUGHT_ERROR)


def test_errors_that_are_usual_are_no_surprise() -> None:
    unlearned, learned, rising = [2.5, 4.0, 1.0], [0.1, 0.3] * 30, np.geomspace(0.1, 5.0, 100).tolist()
    for errors in (unlearned, learned, [*[0.1] * 60, *rising]):
        np.testing.assert_array_equal(taught(errors).w_when, 1.0)


def test_the_usual_error_is_a_running_mean_for_each_cue_and_event() -> None:
    errors = [1.0, 0.5, 0.2]
    mean = UNTAUGHT_ERROR
    for error in errors:
        mean = 0.75 * mean + 0.25 * error
    state = taught(errors, "readout.surprise_rate=0.25")
    np.testing.assert_allclose(state.when_error, [[UNTAUGHT_ERROR] * 2, [UNTAUGHT_ERROR, mean]])


def test_an_omission_says_nothing_about_timing() -> None:
    state = taught([0.0] * 5, outcome=-1)
    np.testing.assert_array_equal(state.when_error, UNTAUGHT_ERROR)
