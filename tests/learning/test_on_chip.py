"""The when readout on Lava's learning engine: its integers by brute force, and bit for bit against Lava."""

from __future__ import annotations

import math
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.learning import on_chip
from lava_predict.learning.on_chip import OnChipPlan, OnChipState, on_chip_constants, on_chip_step
from lava_predict.numerics.noise import fold, key_of

CELLS, EVENTS, PERIOD = 30, 2, 100

needs_lava = pytest.mark.skipif(find_spec("lava") is None, reason="Lava needs Python 3.10")


def plan(**changes: Any) -> OnChipPlan:
    settings: dict[str, Any] = {
        "cells": CELLS,
        "dt_ms": 1.0,
        "tau_x_ms": 20.0,
        "when_rate": 0.1,
        "norm": 0.1,
        "constant_input": 0.018,
        "weight_range": 3.5,
    }
    return on_chip_constants(**{**settings, **changes})


class Lesson(NamedTuple):
    """Spikes (steps, N), gates and targets (steps, K) as integers; the last period is not taught."""

    spikes: np.ndarray
    gate: np.ndarray
    target: np.ndarray


def lesson(periods: int, seed: int = 1) -> Lesson:
    """Cells that spike near a phase of their own; a bump on each channel in every period."""
    rng = np.random.default_rng(seed)
    steps = periods * PERIOD
    phase = np.arange(steps) % PERIOD
    due = (rng.random(CELLS) * PERIOD).astype(int)
    chance = 0.5 * (np.abs(phase[:, None] - due) <= 2) + 0.01
    spikes = (rng.random((steps, CELLS)) < chance).astype(np.int64)
    target = np.exp(-((phase[:, None] - np.array([40, 70])) ** 2) / 200.0)
    gate = np.where(np.abs(phase[:, None] - np.array([40, 70])) < 30, 1.0, 0.3)
    gate[-PERIOD:] = 0.0
    return Lesson(spikes, on_chip.to_gate(gate), on_chip.to_fraction(target))


def lava_rounding(count: int) -> np.ndarray:
    """Rounding numbers of Lava's ConnVarRandom: seed 2, one drawn at the start and dropped."""
    numbers: np.ndarray = np.random.default_rng(2).random(count + 1)[1:]
    return (numbers * 128).astype(np.int64)


def step_by(
    constants: on_chip.OnChipConstants,
    state: OnChipState,
    taught: Lesson,
    step: int,
    rounding: int,
    learning: bool = True,
) -> None:
    spiking = np.flatnonzero(taught.spikes[step])
    on_chip_step(
        constants, state, spiking, spiking.size, taught.gate[step], taught.target[step], learning, rounding
    )


def emulate(constants: on_chip.OnChipConstants, taught: Lesson, state: OnChipState) -> np.ndarray:
    """Advance by the whole lesson with Lava's random numbers; z of every step."""
    steps = taught.spikes.shape[0]
    epochs = lava_rounding(steps // constants.epoch + 1)
    z = np.empty((steps, EVENTS), np.int64)
    for step in range(steps):
        step_by(constants, state, taught, step, int(epochs[step // constants.epoch]))
        z[step] = state.z
    return z


def rmse(z: np.ndarray, target: np.ndarray) -> float:
    return float(np.sqrt(np.mean((z - target.astype(float)) ** 2))) / 65536


def test_trace_decays_and_rounds_as_exact_fractions_do() -> None:
    for trace in [*range(0, 9000, 7), 2**23 - 1]:
        assert on_chip.decay_trace(trace, 54) == math.floor(Fraction(trace) * (4096 - 54) / 4096)
        assert on_chip.payload_of(trace) == min(math.floor(Fraction(trace, 4096) + Fraction(1, 2)), 254)


def test_pre_trace_is_what_lava_makes_of_a_graded_spike() -> None:
    payload = np.arange(255)
    expected = np.round(payload / 2).astype(np.uint8)
    assert [on_chip.pre_trace(p) for p in range(255)] == expected.tolist()
    assert expected.max() == 127


@given(
    st.integers(0, 127), st.integers(-127, 127), st.integers(1, 7), st.integers(0, 15), st.integers(-256, 255)
)
def test_weight_update_is_lavas(x1: int, y1: int, mantissa: int, shift: int, weight: int) -> None:
    # As LearningRuleApplierBitApprox and LearningConnectionModelBitApproximate write it, in floats.
    change = np.clip(np.left_shift(np.right_shift(x1 * y1 * mantissa, 3), shift), -(2**15) - 1, 2**15 - 1)
    assert on_chip.weight_change(x1, y1, mantissa, shift) == change
    total = np.clip((weight << 7) + change, -(2**15) - 1, 2**15 - 1)
    for number in np.random.default_rng(weight + 256).random(4):
        fraction = (total / 128) % 1
        expected = np.clip(np.floor(total / 128) + (number < fraction), -256, 255)
        assert on_chip.add_to_weight(weight, int(change), int(number * 128)) == expected


def test_rounding_is_unbiased() -> None:
    for change in range(-300, 300):
        mean = np.mean([on_chip.add_to_weight(10, change, number) for number in range(128)])
        assert mean == 10 + change / 128


@given(st.integers(0, 4096), st.integers(-(2**17), 2**17), st.integers(-(2**23), 2**23 - 1))
def test_gated_error_rounds_to_nearest_and_saturates(gate: int, target: int, z: int) -> None:
    error = min(max(target - z, -(2**23)), 2**23 - 1)
    exact = Fraction(gate * error, 2**21)
    assert on_chip.gated_error(gate, target, z, 21) == min(max(math.floor(exact + Fraction(1, 2)), -127), 127)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(128, 255), st.integers(1, 20))
def test_z_rounds_to_nearest_and_saturates(a_in: int, mantissa: int, shift: int) -> None:
    held = min(max(a_in, -(2**23)), 2**23 - 1)
    exact = math.floor(Fraction(held * mantissa, 2**shift) + Fraction(1, 2))
    assert on_chip.scale_z(a_in, mantissa, shift) == min(max(exact, -(2**23)), 2**23 - 1)


def test_extremes_saturate() -> None:
    assert on_chip.weight_change(127, 127, 7, 15) == 2**15 - 1
    assert on_chip.weight_change(127, -127, 7, 15) == -(2**15) - 1
    assert on_chip.add_to_weight(255, 2**15 - 1, 0) == 255
    assert on_chip.add_to_weight(-256, -(2**15) - 1, 127) == -256
    assert on_chip.gated_error(4096, 65536, -(2**23), 21) == 127
    assert on_chip.gated_error(4096, 0, 2**23 - 1, 21) == -127
    constants = plan(tau_x_ms=75.0, impulse=127).constants
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    state.w[0], state.w[1] = 255, -256
    everyone, gate = np.arange(CELLS), np.full(EVENTS, 4096, np.int32)
    for _ in range(300):
        on_chip_step(constants, state, everyone, CELLS, gate, np.zeros(EVENTS, np.int32), False, 0)
    assert state.trace.max() == 2**23 - 1
    assert state.payload[:-1].tolist() == [254] * CELLS
    assert state.a_in.tolist() == [255 * state.payload.sum(), -256 * state.payload.sum()]


def test_always_on_input_learns_without_a_spike() -> None:
    constants = plan(constant_input=0.1).constants
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    gate, target = np.full(EVENTS, 4096, np.int32), np.array([65536, -65536], np.int32)
    for step in range(200):
        on_chip_step(constants, state, np.empty(0, np.int64), 0, gate, target, True, step % 128)
    assert state.w[0, -1] > 0 > state.w[1, -1]
    assert not state.w[:, :-1].any()


@pytest.mark.parametrize("factor", [1e-6, 2.0**-10, 0.0013, 0.01, 0.3, 5.0, 1e6])
def test_product_integers_are_the_nearest(factor: float) -> None:
    mantissa, shift = on_chip.product_integers(factor)
    every = [m * 2.0 ** (s - 10) for m in range(1, 8) for s in range(16)]
    best = min(abs(math.log(value / factor)) for value in every)
    assert abs(math.log(mantissa * 2.0 ** (shift - 10) / factor)) == pytest.approx(best)


def test_epoch_is_the_shortest_that_meets_the_rate() -> None:
    assert on_chip.shortest_epoch(0.01) == 1
    assert on_chip.shortest_epoch(2.0**-10 / 1.45) == 1
    assert on_chip.shortest_epoch(2.0**-10 / 1.55) == 2
    assert on_chip.shortest_epoch(2.0**-10 / 10) == 7
    assert on_chip.shortest_epoch(1e-9) == 63
    errors = {entry.name: entry.relative_error for entry in plan(dt_ms=0.1).approximations}
    assert abs(errors["when_rate"]) < 0.5


@given(st.floats(1e-6, 120.0), st.integers(4, 12))
def test_scale_integers_keep_the_factor(factor: float, bits: int) -> None:
    if factor >= 2 ** (bits - 1) - 1:
        return
    mantissa, shift = on_chip.scale_integers(factor, bits)
    assert 2 ** (bits - 1) <= mantissa < 2**bits
    assert shift >= 1
    assert mantissa / 2.0**shift == pytest.approx(factor, rel=2.0**-bits * 1.0001)


def test_scale_that_is_too_large_is_an_error() -> None:
    with pytest.raises(ValueError, match="shift to the left"):
        on_chip.scale_integers(300.0)


def test_plan_follows_the_settings() -> None:
    found = on_chip_constants(
        cells=1000,
        dt_ms=1.0,
        tau_x_ms=75.0,
        when_rate=0.18,
        norm=0.2,
        constant_input=0.018,
        weight_range=21.0,
    )
    constants, scales = found.constants, found.scales
    errors = {entry.name: entry.relative_error for entry in found.approximations}
    assert constants.trace_decay == 54
    assert abs(errors["tau_x_ms"]) < 0.01
    assert abs(errors["constant_input"]) < 0.02
    assert abs(errors["scale of z"]) < 2**-8
    assert abs(errors["when_rate"]) < 0.05
    assert scales.weight == pytest.approx(21.0 / math.sqrt(1000 * 0.2) / 256)
    # A change of a weight, in physical units, is rate * error * x / norm.
    x1, y1 = 40, 50
    change = constants.mantissa * x1 * y1 * 2.0**constants.shift / 1024 * scales.weight
    wanted = 0.18 * (y1 * scales.error) * (2 * x1 * scales.payload) / 0.2
    assert change == pytest.approx(wanted, rel=0.05)
    # z is weight times trace.
    z = on_chip.scale_z(100 * 60, constants.z_mantissa, constants.z_shift) / 65536
    assert z == pytest.approx(100 * scales.weight * 60 * scales.payload, rel=0.005, abs=2**-16)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dt_ms": 0.0},
        {"norm": float("nan")},
        {"weight_range": -1.0},
        {"impulse": 128},
        {"error_bits": 0},
        {"epoch": 64},
        {"cells": 40_000},
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = "):
        plan(**wrong)


def test_learning_off_freezes_the_weights_and_nothing_else() -> None:
    constants, taught = plan().constants, lesson(2)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    for step in range(PERIOD):
        step_by(constants, state, taught, step, step % 128)
    assert np.abs(state.w).max() > 5
    on, off = state.copy(), state.copy()
    for step in range(PERIOD, 2 * PERIOD):  # its gates are 0
        step_by(constants, on, taught, step, step % 128)
        step_by(constants, off, taught, step, step % 128, learning=False)
    assert all(np.array_equal(*pair) for pair in zip(on, off, strict=True))
    assert np.array_equal(off.w, state.w)
    assert not np.array_equal(off.trace, state.trace)


def test_a_copy_goes_on_as_the_original_and_a_reset_keeps_the_weights() -> None:
    constants, taught = plan(epoch=3).constants, lesson(2)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    for step in range(40):
        step_by(constants, state, taught, step, int(key_of(step)) >> 57)
    copy = state.copy()
    for resumed in (state, copy):
        for step in range(40, 80):
            step_by(constants, resumed, taught, step, int(key_of(step)) >> 57)
    assert all(np.array_equal(*pair) for pair in zip(state, copy, strict=True))
    on_chip.reset_on_chip(copy)
    assert np.array_equal(copy.w, state.w)
    assert copy.step == state.step
    assert not any(array.any() for array in (copy.trace, copy.payload, copy.a_in, copy.z, copy.y1))


def test_rounding_numbers_are_even() -> None:
    drawn = [on_chip.rounding_number(np.uint64(fold(np.uint64(5), np.uint64(n)))) for n in range(12_800)]
    counts = np.bincount(drawn, minlength=128)
    assert counts.size == 128
    assert counts.min() > 60


def test_the_emulation_learns() -> None:
    taught = lesson(12)
    z = emulate(plan().constants, taught, on_chip.initial_on_chip_state(CELLS, EVENTS))
    untrained = rmse(np.zeros((PERIOD, EVENTS)), taught.target[-PERIOD:])
    assert rmse(z[-PERIOD:], taught.target[-PERIOD:]) < 0.5 * untrained


class Found(NamedTuple):
    """What a Lava network left: z of every step, and the rest after each run of some steps."""

    z: np.ndarray
    after: list[dict[str, np.ndarray]]


def run_lava(
    constants: on_chip.OnChipConstants, taught: Lesson, chunk: int, weights: np.ndarray | None = None
) -> Found:
    """Play a lesson to an OnChipReadout, some steps a run."""
    from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

    import_lava()
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lava_predict.processes.on_chip_readout.process import OnChipReadout

    steps = taught.spikes.shape[0]
    readout = OnChipReadout(cells=CELLS, events=EVENTS, constants=constants, weights=weights)
    spikes = Source(data=taught.spikes.T)
    teacher = Source(data=np.concatenate([taught.gate, taught.target], axis=1).T)
    sink = Sink(shape=(EVENTS,), buffer=steps)
    spikes.s_out.connect(readout.s_in)
    teacher.s_out.connect(readout.teach_in)
    readout.z_out.connect(sink.a_in)
    names = {"w": "weights", "x1": "x1", "trace": "trace", "z": "z", "y1": "y1"}
    after = []
    with SupervisedRun(readout, Loihi2SimCfg(select_tag="fixed_pt")) as run:
        for _ in range(0, steps, chunk):
            run.run(chunk)
            after.append({name: getattr(readout, var).get() for name, var in names.items()})
        z = sink.data.get().T
    return Found(z, after)


def check_against_lava(
    constants: on_chip.OnChipConstants, taught: Lesson, chunk: int, weights: np.ndarray | None = None
) -> Found:
    """Compare z in every step, and weights and traces after every chunk, with the emulation."""
    found = run_lava(constants, taught, chunk, weights)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    if weights is not None:
        state.w[:] = weights
    rounding = lava_rounding(taught.spikes.shape[0])
    for step in range(taught.spikes.shape[0]):
        step_by(constants, state, taught, step, int(rounding[step // constants.epoch]))
        assert np.array_equal(found.z[step], state.z), step
        if (step + 1) % chunk == 0:
            lavas = found.after[step // chunk]
            for name in ("w", "trace", "z", "y1"):
                assert np.array_equal(lavas[name], getattr(state, name)), (name, step)
            assert lavas["x1"].tolist() == [on_chip.pre_trace(int(p)) for p in state.payload], step
    return found


@needs_lava
@pytest.mark.usefixtures("nothing_left")
def test_lava_learns_and_the_emulation_is_equal_to_it() -> None:
    taught = lesson(6)
    found = check_against_lava(plan().constants, taught, 50)
    last = taught.target[-PERIOD:]
    assert rmse(found.z[-PERIOD:], last) < 0.6 * rmse(np.zeros_like(last), last)
    assert np.array_equal(found.after[-1]["w"], found.after[-3]["w"])  # the last period's gates are 0
    assert {1, 0} <= {int(w) & 1 for w in found.after[-1]["w"].reshape(-1)}  # learned weights are odd, too


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("changes", "chunk", "start"),
    [
        ({}, 1, 0),
        ({"epoch": 4}, 20, 0),
        ({"epoch": 7, "error_bits": 5}, 50, 0),
        ({"when_rate": 30.0}, 25, 0),  # weights and y1 run into their bounds
        ({"when_rate": 0.001}, 25, 100),  # the least mantissa, where products are rounded down
        ({"impulse": 127}, 25, -256),  # payloads run into their bound
    ],
)
def test_the_emulation_is_equal_to_lava(changes: dict[str, Any], chunk: int, start: int) -> None:
    constants = plan(**changes).constants
    weights = np.full((EVENTS, CELLS + 1), start, np.int64)
    found = check_against_lava(constants, lesson(3), chunk, weights)
    if changes.get("when_rate") == 30.0:
        reached = np.concatenate([after["w"].reshape(-1) for after in found.after])
        assert (reached.min(), reached.max()) == (-256, 255)


@needs_lava
def test_lava_reads_the_rule_as_it_is_meant() -> None:
    from lava_predict.engines.lava.supervised import import_lava

    import_lava()
    from lava_predict.processes.on_chip_readout.models import learning_rule

    constants = plan().constants
    for mantissa in range(1, on_chip.MOST_MANTISSA + 1):
        for shift in range(on_chip.MOST_SHIFT + 1):
            rule = learning_rule(constants._replace(mantissa=mantissa, shift=shift, epoch=5))
            (product,) = rule.dw.products
            assert (product.s_mantissa, product.s_exp) == (mantissa, shift)
            assert (product.dependency, rule.decimate_exponent, rule.t_epoch) == ("u", 0, 5)
            assert sorted(factor.state_var for factor in product.factors) == ["x1", "y1"]
            assert np.exp(-1.0 / rule.x1_tau) == np.exp(-1.0 / rule.y1_tau) == 1.0


@needs_lava
@pytest.mark.parametrize(
    "weights", [np.ones((EVENTS, CELLS + 1)), np.zeros((1, CELLS + 1)), np.full((EVENTS, CELLS + 1), 256)]
)
def test_weights_that_lava_would_change_are_refused(weights: np.ndarray) -> None:
    from lava_predict.engines.lava.supervised import import_lava

    import_lava()
    from lava_predict.processes.on_chip_readout.process import OnChipReadout

    with pytest.raises(ValueError, match="even whole numbers"):
        OnChipReadout(cells=CELLS, events=EVENTS, constants=plan().constants, weights=weights)
