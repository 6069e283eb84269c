"""The integer kernels against the oracle in plain Python integers, and against apytypes."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fixed_oracle import COUNTED, HIGHEST, LOWEST, ROUNDINGS, STATES, Oracle, cut, fold, graded, kept
from fixed_oracle import offset as offset_of
from hypothesis import given, settings
from hypothesis import strategies as st

from lava_predict import Config, Experiment, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.network import fixed_step as fixed
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.network.float_step import Recording
from lava_predict.network.quantise import CellParameters, quantise_cells
from lava_predict.network.state import State
from lava_predict.tasks.meet import Meet, Streams

STEPS = 20
"""More than 16, so that the slow means move wherever the steps begin."""

apytypes = pytest.importorskip("apytypes")

SMOKE = load_preset("smoke").to_dict()
BASE = FixedArithmetic(load_preset("smoke"), draw_network(load_preset("smoke"))).constants
QUANTIZATION = {
    fixed.NEAREST: apytypes.QuantizationMode.TIES_POS,
    fixed.FLOOR: apytypes.QuantizationMode.TO_NEG,
}

STATE = st.integers(LOWEST, HIGHEST) | st.sampled_from([LOWEST, LOWEST + 1, -1, 0, 1, HIGHEST - 1, HIGHEST])
ROUNDING = st.sampled_from([fixed.NEAREST, fixed.FLOOR, fixed.STOCHASTIC])


def magnitudes(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of every order of magnitude between two."""
    exponents = st.floats(np.log10(low), np.log10(high))
    return exponents.map(lambda exponent: min(max(10.0**exponent, low), high))


def signed(low: float, high: float) -> st.SearchStrategy[float]:
    return st.tuples(magnitudes(low, high), st.sampled_from([-1.0, 1.0])).map(lambda pair: pair[0] * pair[1])


def spread(start: float, stop: float, scale: str = "linear") -> dict[str, Any]:
    return {"start": start, "stop": stop, "power": 1.0, "scale": scale, "draw": "own"}


@st.composite
def wild_cells(draw: Callable[..., Any]) -> dict[str, Any]:
    rate, large = magnitudes(1e-9, 1e6), signed(1e-3, 1e6)
    return {
        "a": spread(draw(rate), draw(rate), "log"),
        "b": spread(draw(large), draw(large)),
        "c": spread(-draw(magnitudes(1e-3, 1e6)), draw(st.floats(-100.0, 29.9))),
        "d": spread(draw(large), draw(large)),
        "bias": spread(draw(large), draw(large)),
    }


@st.composite
def configurations(draw: Callable[..., Any]) -> Config:
    """Anything that is valid, the absurd included, on a few cells."""
    chosen = copy.deepcopy(SMOKE)
    reservoir, readout, word = chosen["reservoir"], chosen["readout"], chosen["fixed"]
    reservoir["neurons"] = draw(st.integers(3, 12))
    reservoir["excitatory_fraction"] = draw(st.sampled_from([0.0, 0.5, 0.8, 1.0]))
    reservoir["connection_probability"] = draw(st.sampled_from([0.0, 0.3, 1.0]))
    reservoir["feedback_gain"] = draw(st.just(0.0) | st.just(2.0) | signed(1e-4, 1000.0))
    readout["centred"] = draw(st.booleans())
    readout["when_norm"] = draw(st.sampled_from(["moment", "constant"]))
    chosen["task"]["cues"] = draw(st.integers(1, 2))
    chosen["task"]["events_drive_reservoir"] = draw(st.booleans())
    chosen["run"]["seed"] = draw(st.integers(0, 2**32))
    chosen["run"]["dt_ms"] = draw(st.sampled_from([1.0, 0.5, 0.1, 0.01]) | st.floats(0.01, 1.0))
    if draw(st.booleans()):
        reservoir |= {
            "excitatory_charge": draw(magnitudes(1e-6, 1000.0)),
            "inhibitory_charge": -draw(magnitudes(1e-6, 1000.0)),
            "tau_s_ms": draw(magnitudes(0.5, 1e6)),
            "cue_current": draw(signed(1e-3, 1000.0)),
            "event_current": draw(signed(1e-3, 1000.0)),
            "noise": draw(st.just(0.0) | magnitudes(1e-6, 1000.0)),
            "excitatory": draw(wild_cells()),
            "inhibitory": draw(wild_cells()),
        }
        readout |= {
            "tau_x_ms": draw(magnitudes(1e-3, 1e9)),
            "tau_m_ms": draw(magnitudes(1e-3, 1e9)),
            "constant_input": draw(signed(1e-6, 1e6)),
            "when_rate": draw(st.just(0.0) | magnitudes(1e-12, 100.0)),
            "when_norm_floor": draw(magnitudes(1e-12, 1e9)),
        }
    word["rounding"] = draw(st.sampled_from(ROUNDINGS))
    word["constant_rounding"] = draw(st.sampled_from(["nearest", "floor"]))
    if draw(st.booleans()):
        for name in ("fraction_bits", "readout_fraction_bits"):
            word[name] = draw(st.integers(0, 23))
        for name in ("v_bits", "u_bits", "s_bits", "trace_bits", "mean_bits", "readout_bits"):
            word[name] = draw(st.just(24) | st.integers(2, 24))
        for name in ("parameter_bits", "decay_bits"):
            word[name] = draw(st.integers(2, 16))
        word["weight_bits"] = draw(st.integers(1, 14))
    return Config.model_validate(chosen)


def integers(rng: random.Random, shape: Any, low: int, high: int, extreme: float) -> np.ndarray:
    """Draw integers from ``low`` to ``high``, a share of them from the ends and around 0."""
    corners = [value for value in (low, low + 1, -1, 0, 1, high - 1, high) if low <= value <= high]
    drawn = [
        rng.choice(corners) if rng.random() < extreme else rng.randint(low, high)
        for _ in range(int(np.prod(shape)))
    ]
    return np.array(drawn, np.int64).reshape(shape)


def scramble(state: State, arithmetic: FixedArithmetic, rng: random.Random, extreme: float) -> None:
    """Overwrite a state with any numbers that its words hold."""
    k = arithmetic.constants
    highest = {"v": k.peak, "z": fixed.MOST_Z, "x": HIGHEST}
    lowest = {"v": k.lowest, "z": -fixed.MOST_Z, "x": 0}
    for name in ("v", "u", "s", "x", "m", "z"):
        array = getattr(state, name)
        bounds = (lowest.get(name, LOWEST), highest.get(name, HIGHEST))
        array[:] = integers(rng, array.shape, *bounds, extreme)
    for array in (state.w_when, state.w_what):
        size = 2 ** rng.choice([0, 8, 12, 23])
        array[:] = integers(rng, array.shape, -size, size - 1, extreme)
    state.a_in[:] = integers(rng, state.a_in.shape, -(2**40), 2**40, extreme) >> rng.randint(0, 40)
    state.norm[0] = rng.randint(0, 2 ** rng.randint(0, 50))


def given_streams(arithmetic: FixedArithmetic, rng: random.Random, extreme: float) -> Streams:
    events = arithmetic.start.z.size
    channels = arithmetic.network.input_weight.shape[0]
    rate = int(arithmetic._rate)
    bounds = rng.choice([(0, 2**16), (LOWEST, HIGHEST)])
    return Streams(
        integers(rng, (STEPS, channels), 0, 1, 0.0).astype(np.int32),
        integers(rng, (STEPS, events), 0, rate, extreme).astype(np.int32),
        integers(rng, (STEPS, events), *bounds, extreme).astype(np.int32),
    )


def check_states(oracle: Oracle, state: State) -> None:
    for name in STATES:
        assert getattr(state, name).tolist() == oracle.state[name], name
    assert dict(zip(COUNTED, state.saturations.tolist(), strict=True)) == oracle.saturations


def check_advance(config: Config, seed: int, extreme: float) -> Oracle:
    """Advance kernel and oracle from the same state, and compare all they leave behind."""
    rng = random.Random(seed)
    arithmetic = FixedArithmetic(config, draw_network(config))
    state = arithmetic.start.copy()
    if rng.random() < 0.8:
        scramble(state, arithmetic, rng, extreme)
    streams = given_streams(arithmetic, rng, extreme)
    key, first, learning = rng.getrandbits(64), rng.choice([0, 5, 16, 1000]), rng.random() < 0.8
    window = (first + 3, first + 12)
    oracle = Oracle.of(arithmetic.network, arithmetic.constants, state)
    cells, events = state.v.size, state.z.size
    recording = Recording(
        *np.zeros((2, STEPS * cells), np.uint32),
        *np.zeros((2, STEPS, events), np.int32),
        np.zeros(STEPS, int),
    )
    count, diverged = arithmetic.advance(state, streams, key, first, window, learning, recording)
    spikes, stopped = [], -1
    for row in range(STEPS):
        step = first + row
        inputs = (part[row].tolist() for part in streams)
        done = oracle.step(*inputs, key, step, window[0] <= step < window[1], learning)
        spikes += [(step, cell) for cell in done.spikes]
        assert (recording.z[row].tolist(), recording.norm[row]) == (done.z, done.norm)
        if done.norm < 0:
            stopped = step
            break
        assert recording.what_drive[row].tolist() == done.what_drive
    assert diverged == stopped
    recorded = np.stack([recording.spike_step[:count], recording.spike_cell[:count]], axis=1)
    assert [tuple(pair) for pair in recorded.tolist()] == spikes
    check_states(oracle, state)
    return oracle


@settings(max_examples=150)
@given(configurations(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]))
def test_kernel_equals_oracle(config: Config, seed: int, extreme: float) -> None:
    check_advance(config, seed, extreme)


@pytest.mark.slow
@settings(max_examples=400)
@given(configurations(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]))
def test_kernel_equals_oracle_in_many_more_networks(config: Config, seed: int, extreme: float) -> None:
    check_advance(config, seed, extreme)


@pytest.mark.slow
def test_a_thousand_strong_inputs_saturate() -> None:
    """Each is at most 2^23, their sum is not; 32 bits would not hold it."""
    chosen = copy.deepcopy(SMOKE)
    events = 700
    block = {"trials": 1, "probability": [1 / 1024] * events, "latency_ms": [300.0] * events}
    chosen["task"] |= {"events_drive_reservoir": True, "blocks": [block]}
    strong = {"event_current": 1000.0, "cue_current": 1000.0, "feedback_gain": 1000.0, "cue_fraction": 1.0}
    chosen["reservoir"] |= strong | {"neurons": 3}
    for seed in range(2):
        oracle = check_advance(Config.model_validate(chosen), seed, extreme=0.3)
        assert oracle.saturations["current"] > 0


# Single functions.


def constants_of(word: dict[str, Any], dt: float, a: float, b: float) -> tuple[Any, int, int]:
    """Quantise one cell; return its constants, a dt and b."""
    cell = (np.array([value]) for value in (a, b, -65.0, 8.0, 0.0))
    cells = quantise_cells(
        load_preset("smoke").fixed.model_copy(update=word), CellParameters(*cell, 20.0, dt, 0.0)
    )
    return cells.constants, int(cells.a[0]), int(cells.b[0])


def exact(value: int, bits: int, fraction_bits: int) -> apytypes.APyFixed:
    return apytypes.APyFixed(value, int_bits=bits - fraction_bits, frac_bits=fraction_bits)


def rounded(value: Any, fraction_bits: int, rounding: int) -> Any:
    """Round to so many fraction bits, with room before the point."""
    return value.cast(int_bits=64, frac_bits=fraction_bits, quantization=QUANTIZATION[rounding])


def integer_of(value: Any) -> int:
    """The 24-bit integer that stands for a number of apytypes, saturated."""
    fraction_bits = value.frac_bits
    held = value.cast(
        int_bits=24 - fraction_bits, frac_bits=fraction_bits, overflow=apytypes.OverflowMode.SAT
    )
    pattern = held.to_bits()
    return pattern - 2**24 if pattern >= 2**23 else pattern


@given(st.integers(-(2**62), 2**62) | STATE)
def test_saturate(value: int) -> None:
    assert fixed.saturate(value) == integer_of(exact(value, 64, 0)) == min(max(value, -8388608), 8388607)


@given(STATE, st.integers(-(2**15), 2**15 - 1), st.integers(0, 23), st.integers(0, 40), ROUNDING)
def test_a_product_is_cut_and_saturated_like_apytypes(
    state: int, factor: int, fraction: int, shift: int, rounding: int
) -> None:
    rounding = fixed.NEAREST if rounding == fixed.STOCHASTIC else rounding
    wanted = integer_of(rounded(exact(state, 24, fraction) * exact(factor, 16, shift), fraction, rounding))
    assert fixed.saturate((state * factor + fixed.offset(rounding, shift, 0)) >> shift) == wanted


@given(STATE, st.integers(-(2**15), 2**15 - 1), st.integers(0, 38), st.integers(0, 22), ROUNDING)
def test_scaled(state: int, factor: int, shift: int, grain: int, rounding: int) -> None:
    """In halves of 15 bits what it is in one, wherever 32 bits hold it."""
    rounding = fixed.NEAREST if rounding == fixed.STOCHASTIC else rounding
    cut_off = fixed.offset(rounding, shift + grain, 0)
    if abs(state * factor) >> shift >= 2**30:
        factor >>= 15
    numbers = (np.int32(state), np.int32(factor))
    assert fixed.scaled(*numbers, shift, cut_off) == (state * factor + cut_off) >> shift
    wanted = integer_of(rounded(exact(state, 24, 0) * exact(factor, 16, shift), 0, rounding))
    assert fixed.saturate(fixed.scaled(*numbers, shift, fixed.offset(rounding, shift, 0))) == wanted


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_cut_product(upper: int, shift: int, lower: int) -> None:
    product = (upper << shift) + (lower & ((1 << shift) - 1))
    assert fixed.cut_product(product, shift) == upper


@given(st.integers(-(2**62), 2**62) | STATE, STATE)
def test_a_clipped_summand_leaves_the_sum_as_it_is(value: int, state: int) -> None:
    assert fixed.saturate(state + int(fixed.summand(value))) == min(max(state + value, LOWEST), HIGHEST)


@given(ROUNDING, st.integers(0, 62), st.integers(0, 2**16 - 1))
def test_offset(rounding: int, shift: int, bits: int) -> None:
    found = fixed.offset(rounding, shift, bits)
    assert found == offset_of(ROUNDINGS[rounding], shift, bits)
    assert 0 <= found < 2**shift
    nearest_instead = fixed.NEAREST if rounding == fixed.STOCHASTIC else rounding
    assert fixed.factor_offset(rounding, shift) == offset_of(ROUNDINGS[nearest_instead], shift, 0)


@pytest.mark.parametrize("shift", [1, 5, 8])
@pytest.mark.parametrize("value", [-1000, -3, 0, 7, 12345])
def test_stochastic_rounding_is_right_on_average(value: int, shift: int) -> None:
    every = [(value + fixed.offset(fixed.STOCHASTIC, shift, bits)) >> shift for bits in range(2**shift)]
    assert sum(every) == value
    assert max(every) - min(every) <= 1


@given(st.integers(-(2**46), 2**46), st.integers(-14, 40))
def test_shifted(value: int, down: int) -> None:
    assert fixed.shifted(value, down) == math.floor(Fraction(value) / Fraction(2) ** down)


@given(st.integers(0, 2**62) | st.integers(0, 61).map(lambda n: 2**n))
def test_bit_length(value: int) -> None:
    assert fixed.bit_length(value) == value.bit_length()


@given(STATE)
def test_graded(z: int) -> None:
    nearest = math.floor(Fraction(z, 2**16) * 2**8 + Fraction(1, 2))
    assert fixed.graded(z) == graded(z) == min(max(nearest, 0), 2**8)
    assert fixed.graded(fixed.graded(z) << 8) == fixed.graded(z)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**33))
def test_fold_and_noise_sum(key: int, word: int) -> None:
    bits = int(fixed.fold(np.uint64(key), np.uint64(word)))
    assert bits == fold(key, word)
    assert fixed.noise_sum(np.uint64(bits)) == sum(bits >> n & 0xFFFF for n in (0, 16, 32, 48)) - 131070


@given(st.lists(STATE, min_size=1, max_size=9))
def test_at_bounds(values: list[int]) -> None:
    wanted = values.count(LOWEST) + values.count(HIGHEST)
    assert fixed.at_bounds(np.array(values, np.int32), LOWEST, HIGHEST) == wanted


CELLS = given(
    st.builds(
        lambda fraction, bits, grain: {"fraction_bits": fraction, "parameter_bits": bits, "v_bits": grain},
        st.integers(0, 23),
        st.integers(2, 16),
        st.just(24) | st.integers(2, 24),
    ),
    magnitudes(0.01, 1.0),
    magnitudes(1e-9, 1e6),
    signed(1e-6, 1e6),
    *(STATE,) * 4,
    st.sampled_from([fixed.NEAREST, fixed.FLOOR]),
)


@CELLS
def test_half_step_and_recover_equal_apytypes(
    word: dict[str, int], dt: float, a: float, b: float, v: int, u: int, s: int, steady: int, rounding: int
) -> None:
    k, a_dt, b_held = constants_of(word | {"u_bits": word["v_bits"]}, dt, a, b)
    F, E = word["fraction_bits"], k.v_shift
    v = min(max(v, k.lowest), k.peak)
    w = exact(v, 24, F) + exact(k.vertex, 24, F)
    t = rounded(w * exact(k.square, 16, k.square_shift - F + E), E, rounding)
    drive = (exact(steady, 24, F) + exact(s, 24, F) - exact(u, 24, F) - exact(k.rest, 24, F)) * exact(
        k.half_step, 24, E
    )
    grid = F - k.v_grain
    change = rounded(t * w + drive, grid, rounding)
    moved = rounded(exact(v, 24, F) + change, F, rounding)
    offsets = [fixed.offset(rounding, n, 0) for n in (k.square_shift, E + k.v_grain)]
    given_drive = (steady + s - u - k.rest) * k.half_step
    found = fixed.half_step(np.int32(v), given_drive, k, *offsets, np.int32(k.v_mask))
    assert found == min(max(integer_of(moved), k.lowest), k.peak)

    target = rounded(exact(v, 24, F) * exact(b_held, 16, k.b_shift), F, rounding)
    change = rounded((target - exact(u, 24, F)) * exact(a_dt, 16, k.a_shift), grid, rounding)
    moved = rounded(exact(u, 24, F) + change, F, rounding)
    offsets = [fixed.offset(rounding, n, 0) for n in (k.b_shift, k.a_shift + k.u_grain)]
    cell = (np.int32(number) for number in (v, u, a_dt, b_held))
    assert fixed.recover(*cell, k, *offsets, np.int32(k.u_mask)) == integer_of(moved)


@given(
    st.integers(-60, 50),
    st.integers(0, 2**48) | st.integers(0, 48).map(lambda n: 2**n),
    st.integers(0, 22),
    st.lists(STATE, min_size=4, max_size=4),
    st.lists(st.integers(-(2**15), 2**15 - 1), min_size=4, max_size=4),
    st.integers(1, 2**15 - 1),
    STATE,
    st.integers(-fixed.MOST_Z, fixed.MOST_Z),
    ROUNDING,
)
def test_gated_delta(
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
    k = BASE._replace(
        when_shift=when_shift, readout_grain=grain, readout_mask=-(1 << grain), rounding=rounding
    )
    step_key = 1234567
    held = np.array([weights, weights], np.int32)
    numbers = (np.array(pair, np.int32) for pair in ([0, gate], [target, target], [z, z]))
    counters = np.zeros(len(fixed.SATURATING), np.int64)
    fixed.gated_delta(held, np.array(xc, np.int32), *numbers, norm, k, np.uint64(step_key), counters)
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
    assert counters.tolist() == [clipped * (name == "w_when") for name in fixed.SATURATING]


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_a_trace_at_its_bound_stays_a_24_bit_number_on_a_coarse_grid(rounding: str) -> None:
    """Rounded up from 2^23 - 1 it would be 2^23."""
    overrides = ("fixed.trace_bits=4", "reservoir.neurons=20", f'fixed.rounding="{rounding}"')
    config = load_preset("smoke", overrides)
    arithmetic = FixedArithmetic(config, draw_network(config))
    x, none = np.full(20, HIGHEST, np.int32), np.zeros(0, np.int64)
    counters = np.zeros(len(fixed.SATURATING), np.int64)
    for key in range(20):
        fixed.advance_traces(x, none, 0, arithmetic.constants, np.uint64(key), counters)
    assert x.max() <= HIGHEST


# The real engine.

SMALL = (
    "reservoir.neurons=12",
    "reservoir.connection_probability=0.5",
    "task.before_ms=50.0",
    "task.after_ms=200.0",
    "task.settle_ms=60.0",
    "task.pause_ms=[10.0, 30.0]",
    "task.blocks=[{trials=9, probability=[0.6, 0.4], latency_ms=[80.0, 140.0]}]",
    "readout.what_window_ms=[20.0, 120.0]",
    "readout.tau_m_ms=500.0",
)


def given_to_oracle(arithmetic: FixedArithmetic, streams: Streams) -> list[tuple[list[int], ...]]:
    """Turn what reaches the network into integers, halves up, without NumPy's help."""
    level, gate, target = (part.tolist() for part in streams)
    rate = int(arithmetic._rate)
    return [
        (
            [int(on) for on in level[row]],
            [int(value * rate + 0.5) for value in gate[row]],
            [int(value * 2**16 + 0.5) for value in target[row]],
        )
        for row in range(len(level))
    ]


def check_engine(config: Config, trials: int, constant_norm: float = 0.0) -> dict[str, int]:
    """Play learned trials and a probe in the engine and in the oracle; return the oracle's counters."""
    experiment, meet = Experiment(config), Meet(config)
    arithmetic = experiment.arithmetic("fixed")
    assert isinstance(arithmetic, FixedArithmetic)
    engine = CpuEngine(arithmetic, meet, chunk_steps=37)
    state = engine.state
    if constant_norm:
        arithmetic.set_norm(state, np.float64(constant_norm))
    engine.restore(state)
    oracle = Oracle.of(arithmetic.network, arithmetic.constants, state)
    start = copy.deepcopy(oracle.state)
    segments = [segment for trial in range(trials) for segment in meet.trial(0, trial)]
    low, high = meet.what_window
    spikes = 0
    for played in engine.play([*segments, *meet.probe(0, trials, 0, 0)]):
        segment = played.segment
        before = dict(oracle.saturations)
        oracle.begin(start if segment.reset else None)
        found = []
        for step, inputs in enumerate(given_to_oracle(arithmetic, meet.streams(segment))):
            done = oracle.step(*inputs, segment.noise_key, step, low <= step < high, segment.learning)
            found += [(step, cell) for cell in done.spikes]
            assert (played.z[step] * 2**16).tolist() == done.z
            assert (played.what_drive[step] * 2**16).tolist() == done.what_drive
            assert played.norm[step] * 2**32 == done.norm
        assert list(zip(played.spike_step.tolist(), played.spike_cell.tolist(), strict=True)) == found
        spikes += len(found)
        if segment.cue >= 0:
            assert played.p.tolist() == oracle.estimate(high - low)
        if segment.cue >= 0 and segment.learning:
            oracle.learn_outcome(high - low, segment.cue, segment.outcome, config.readout)
            if segment.outcome >= 0:
                channel = (part[:, segment.outcome].tolist() for part in meet.streams(segment)[1:])
                z = [int(value * 2**16) for value in played.z[:, segment.outcome]]
                oracle.learn_timing(segment.cue, segment.outcome, z, *channel, config.readout)
        counted = [oracle.saturations[name] - before[name] for name in COUNTED]
        assert played.saturations.tolist() == counted
    state = engine.state
    check_states(oracle, state)
    assert state.what_trials.tolist() == oracle.trials
    assert state.what_error.tolist() == oracle.error
    assert state.when_error.tolist() == oracle.when_error
    assert spikes > 5 * config.reservoir.neurons  # a silent network would agree with anything
    assert np.abs(state.w_when).max() > 1000
    assert np.abs(state.w_what).max() > 1000
    return oracle.saturations


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_engine_equals_oracle(rounding: str) -> None:
    own = ("reservoir.feedback_gain=3.0", f'fixed.rounding="{rounding}"')
    check_engine(load_preset("smoke", [*SMALL, *own]), 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("readout.centred=false", 'readout.when_norm="constant"', 'fixed.rounding="stochastic"'),
        ("readout.timing_surprise=0.01", "readout.surprise_keep=0.3", "fixed.readout_bits=16"),
        ("run.dt_ms=0.5", "task.events_drive_reservoir=true", "task.cues=2"),
        ("task.reset=true", "fixed.v_bits=18", "fixed.u_bits=20", "fixed.s_bits=16", "fixed.trace_bits=14"),
        ("fixed.readout_bits=16", "fixed.mean_bits=12", "fixed.weight_bits=3", "fixed.parameter_bits=9"),
    ],
    ids=["uncentred", "surprises", "half-steps", "reset-and-coarse-cells", "coarse-readout"],
)
def test_engine_equals_oracle_in_other_settings(overrides: tuple[str, ...]) -> None:
    check_engine(load_preset("smoke", [*SMALL, *overrides]), 2, constant_norm=0.001)


def test_engine_equals_oracle_where_everything_saturates() -> None:
    overrides = (
        "reservoir.cue_current=900.0",
        "reservoir.excitatory.bias=60.0",
        "reservoir.excitatory.b=40.0",
        "readout.tau_x_ms=2.0",
        "readout.when_rate=20.0",
        "fixed.readout_fraction_bits=23",
        "fixed.fraction_bits=17",
    )
    counted = check_engine(load_preset("smoke", [*SMALL, *overrides]), 2)
    assert {name for name, count in counted.items() if count} >= {"v", "current", "m", "xc", "w_when"}


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_engine_equals_oracle_on_the_presets_tasks(preset: str) -> None:
    overrides = ("reservoir.neurons=40", "task.settle_ms=50", "task.pause_ms=[50, 60]")
    check_engine(load_preset(preset, [*overrides, 'fixed.rounding="stochastic"']), 1)
