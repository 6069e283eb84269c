"""The when rule: in float what it must do, whatever its code; in integers against plain Python integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_integers import HIGHEST, LOWEST, ROUNDINGS, cut, fold, kept
from strategies import ROUNDING, STATE

from lava_predict import load_preset
from lava_predict.learning.readouts import MOST_Z
from lava_predict.learning.when.gated_delta import (
    UNTAUGHT_ERROR,
    Memory,
    add_timing_error,
    fixed_gated_delta,
    gated_delta,
    learn_timing,
    quantise,
    start,
)
from lava_predict.numerics.plan import Planner

SMOKE = load_preset("smoke", ["readout.rule=gated_delta"])
BASE = quantise(Planner(SMOKE.fixed), SMOKE, None)[0]

SEEDS = st.integers(0, 2**32 - 1)


def when_case(seed: int, gate: float, rate: float) -> tuple[np.ndarray, ...]:
    """Return old weights, new weights, input, target and z of one step on 3 channels of 20 cells."""
    rng = np.random.default_rng(seed)
    w, xc = rng.normal(size=(3, 21)), rng.normal(size=21)
    target, z = rng.uniform(size=3), w @ xc
    new = w.copy()
    gated_delta(new, xc, np.array([gate, gate, 0.0]), target, z, rate, float(xc @ xc))
    return w, new, xc, target, z


@pytest.mark.slow
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


@pytest.mark.slow
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


def taught(errors: Sequence[float], *settings: str, outcome: int = 1) -> Memory:
    """Memory after trials in which the when readout of an event made these errors; its weights were 1."""
    config = load_preset(
        "robust", ["readout.rule=gated_delta", "reservoir.neurons=20", "task.cues=2", *settings]
    )
    memory = start(config)
    memory.w[:] = 1.0
    for error in errors:
        learn_timing(memory, 1, outcome, np.array([[0.0, 3.0 * error], [0.0, 3.0]]), config.readout)
    return memory


def test_a_surprise_about_timing_shrinks_the_weights_of_its_event_alone() -> None:
    memory = taught([*[0.1] * 60, 5.0], "readout.surprise_keep=0.4")
    np.testing.assert_allclose(memory.w, np.repeat([[1.0], [0.4]], 21, axis=1))
    np.testing.assert_array_equal(memory.error, UNTAUGHT_ERROR)


def test_errors_that_are_usual_are_no_surprise() -> None:
    unlearned, learned, rising = [2.5, 4.0, 1.0], [0.1, 0.3] * 30, np.geomspace(0.1, 5.0, 100).tolist()
    for errors in (unlearned, learned, [*[0.1] * 60, *rising]):
        np.testing.assert_array_equal(taught(errors).w, 1.0)


def test_the_usual_error_is_a_running_mean_for_each_cue_and_event() -> None:
    errors = [1.0, 0.5, 0.2]
    mean = UNTAUGHT_ERROR
    for error in errors:
        mean = 0.75 * mean + 0.25 * error
    memory = taught(errors, "readout.surprise_rate=0.25")
    np.testing.assert_allclose(memory.error, [[UNTAUGHT_ERROR] * 2, [UNTAUGHT_ERROR, mean]])


def test_an_omission_says_nothing_about_timing() -> None:
    memory = taught([0.0] * 5, outcome=-1)
    np.testing.assert_array_equal(memory.error, UNTAUGHT_ERROR)


# In integers.


@pytest.mark.slow
@given(
    st.integers(-60, 50),
    st.integers(0, 2**48) | st.integers(0, 48).map(lambda n: 2**n),
    st.integers(0, 22),
    st.lists(STATE, min_size=4, max_size=4),
    st.lists(st.integers(-(2**15), 2**15 - 1), min_size=4, max_size=4),
    st.integers(1, 2**15 - 1),
    STATE,
    st.integers(-MOST_Z, MOST_Z),
    ROUNDING,
)
def test_integers_change_the_weights_as_the_page_says(
    when_shift: int,
    norm: int,
    grain: int,
    weights: list[int],
    xc: list[int],
    gate: int,
    target: int,
    z: int,
    rounding: int,
) -> None:
    """The second channel learns; the first, whose gate is closed, does not."""
    k = BASE._replace(when_shift=when_shift, weight_grain=grain, rounding=rounding)
    step_key = 1234567
    held = np.array([weights, weights], np.int32)
    numbers = (np.array(pair, np.int32) for pair in ([0, gate], [target, target], [z, z]))
    lost = fixed_gated_delta(held, 0, np.array(xc, np.int32), *numbers, norm, k, np.uint64(step_key))
    n = min(max(when_shift + norm.bit_length(), 0), 38)
    least, most = max(LOWEST, -(2 ** (n + 15))), min(HIGHEST, 2 ** (n + 15))
    size = min(max(cut((target - z) * gate, 16, ROUNDINGS[rounding]), least), most)
    wanted, clipped = [], 0
    for j, value in enumerate(xc):
        r = fold(fold(step_key, 2**32 + 2), len(xc) + j) % 2**16
        change = kept(size * value, n, grain, ROUNDINGS[rounding], r)
        wanted.append(min(max(weights[j] + change, LOWEST), HIGHEST))
        clipped += wanted[-1] != weights[j] + change
    assert held.tolist() == [weights, wanted]
    assert lost == clipped
