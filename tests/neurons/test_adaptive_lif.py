"""Adaptive LIF cells: float against Brian2, integers against plain Python integers and against float."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_cells import AdaptiveLifCells
from plain_integers import HIGHEST, LOWEST, ROUNDINGS, field_of
from strategies import STATE, wild_lif_cells

from lava_predict import load_preset
from lava_predict.errors import UserError
from lava_predict.network import fixed_step, float_step, inputs
from lava_predict.network.step import Constants
from lava_predict.neurons import adaptive_lif
from lava_predict.neurons.adaptive_lif import Parameters, State
from lava_predict.numerics.integers import to_state
from lava_predict.numerics.plan import ROUNDINGS as NUMBER_OF
from lava_predict.numerics.plan import Planner
from lava_predict.settings.schema import FixedSettings
from lava_predict.synapses import exponential

WORDS = load_preset("robust").fixed

ON_GRID = 1e-5
"""mV by which a cell may differ from the exact solution: of a decay in a step 24 bits are kept."""


class Trace(NamedTuple):
    """v and h after every step, (steps, N), and the (step, cell) pairs of the spikes."""

    v: np.ndarray
    h: np.ndarray
    spikes: list[tuple[int, int]]


def cells_of(count: int, seed: int) -> Parameters:
    """Cells of many kinds: fast and slow, with and without adaptation, some whose threshold falls."""
    rng = np.random.default_rng(seed)
    threshold = rng.uniform(-55.0, -45.0, count)
    step = rng.uniform(0.5, 12.0, count)
    step[::5], step[1::7] = 0.0, -0.2
    return Parameters(
        tau_v_ms=np.exp(rng.uniform(np.log(2.0), np.log(200.0), count)),
        v_rest=rng.uniform(-75.0, -60.0, count),
        v_threshold=threshold,
        v_reset=threshold - rng.uniform(1.0, 30.0, count),
        tau_h_ms=np.exp(rng.uniform(np.log(5.0), np.log(1000.0), count)),
        threshold_step=step,
        bias=rng.uniform(0.0, 1.0, count),
    )


def currents_of(kind: str, steps: int, count: int) -> np.ndarray:
    """Currents beside the bias, (steps, cells), mV / ms: constant ones, or ten levels each, some below 0."""
    rng = np.random.default_rng(11)
    if kind == "constant":
        return np.tile(rng.uniform(-0.5, 4.0, count), (steps, 1))
    return np.repeat(rng.uniform(-3.0, 8.0, (10, count)), math.ceil(steps / 10), axis=0)[:steps]


def simulate(parameters: Parameters, current: np.ndarray, dt: float) -> Trace:
    """Advance unconnected cells without noise by the network's own kernels."""
    count = parameters.bias.size
    advance, reset = float_step.population_kernels(adaptive_lif, exponential)
    constants = adaptive_lif.constants(parameters, dt)
    k = Constants(constants, exponential.Constants(0.0), (), inputs.Constants(0.0, False))
    cells, synapses = adaptive_lif.start(parameters), exponential.State(*np.zeros((2, count)))
    spiking = np.zeros(count, np.int64)
    no_counters = np.zeros(0, np.int64)
    v, h, spikes = [], [], []
    for step, injected in enumerate(current):
        advance(cells, synapses, parameters, k, injected.copy(), np.uint64(0), no_counters)
        fired = reset(cells, parameters, k, np.empty_like(spiking), spiking, no_counters)
        spikes += [(step, cell) for cell in spiking[:fired].tolist()]
        v.append(cells.v.copy())
        h.append(cells.h.copy())
    return Trace(np.array(v), np.array(h), spikes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("dt", "kind"),
    [
        pytest.param(1.0, "constant", marks=pytest.mark.long),
        (1.0, "stepped"),
        pytest.param(0.5, "constant", marks=pytest.mark.long),
        pytest.param(0.1, "stepped", marks=pytest.mark.long),
    ],
)
def test_spikes_and_traces_equal_brian2(dt: float, kind: str) -> None:
    """Brian2 solves the two differential equations itself, with its exact method."""
    brian2 = pytest.importorskip(
        "brian2", reason="Brian2 2.9 does not import beside NumPy 2.4; Python 3.10 has an older NumPy"
    )
    count, steps = 40, round(400 / dt)
    parameters, injected = cells_of(count, seed=3), currents_of(kind, steps, count)
    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        ms = brian2.ms
        names = ("v_rest", "v_threshold", "v_reset", "threshold_step", "bias")
        cells = brian2.NeuronGroup(
            count,
            "dv/dt = (v_rest - v) / tau_v + (bias + injected(t, i)) / ms : 1\n"
            "dh/dt = -h / tau_h : 1\n"
            "tau_v : second (constant)\ntau_h : second (constant)\n"
            + "\n".join(f"{name} : 1 (constant)" for name in names),
            method="exact",
            threshold="v >= v_threshold + h",
            reset="v = v_reset; h += threshold_step",
            dt=dt * ms,
            namespace={"injected": brian2.TimedArray(injected, dt=dt * ms)},
        )
        for name in names:
            setattr(cells, name, getattr(parameters, name))
        cells.tau_v, cells.tau_h = parameters.tau_v_ms * ms, parameters.tau_h_ms * ms
        cells.v = parameters.v_rest
        spikes = brian2.SpikeMonitor(cells)
        states = brian2.StateMonitor(cells, ("v", "h"), record=True, when="end", dt=dt * ms)
        brian2.Network(cells, spikes, states).run(steps * dt * ms)
        fired = zip(np.rint(spikes.t / (dt * ms)).astype(int).tolist(), spikes.i[:].tolist(), strict=True)
        v, h = np.array(states.v).T, np.array(states.h).T
    finally:
        brian2.prefs.codegen.target = target
    found = simulate(parameters, injected, dt)
    assert len(found.spikes) > 5 * count
    assert len({cell for _, cell in found.spikes}) > count / 2
    assert found.spikes == sorted(fired)
    np.testing.assert_allclose(found.v, v, rtol=0.0, atol=ON_GRID)
    np.testing.assert_allclose(found.h, h, rtol=0.0, atol=ON_GRID)


@pytest.mark.slow
def test_a_constant_current_is_solved_exactly_whatever_the_step() -> None:
    """Below the threshold v = rest + tau I (1 - exp(-t / tau)), and 100 short steps are one long."""
    parameters = cells_of(10, seed=1)._replace(v_threshold=np.full(10, 1e6))
    coarse, fine = (simulate(parameters, np.full((round(50 / dt), 10), 2.0), dt) for dt in (1.0, 0.01))
    np.testing.assert_allclose(coarse.v, fine.v[99::100], rtol=0.0, atol=ON_GRID)
    times = np.arange(1.0, 51.0)[:, None]
    drive = parameters.tau_v_ms * (2.0 + parameters.bias)
    wanted = parameters.v_rest + drive * (1.0 - np.exp(-times / parameters.tau_v_ms))
    np.testing.assert_allclose(coarse.v, wanted, rtol=0.0, atol=ON_GRID)


def test_a_raised_threshold_slows_a_cell_down() -> None:
    """That is what the cell is for: the intervals of an adapting cell grow, those of another do not."""
    one = cells_of(2, seed=2)
    parameters = Parameters(*(np.full(2, array[0]) for array in one))._replace(
        tau_v_ms=np.full(2, 20.0), tau_h_ms=np.full(2, 200.0), threshold_step=np.array([0.0, 5.0])
    )
    spikes = simulate(parameters, np.full((1000, 2), 4.0), 1.0).spikes
    plain, adapting = (np.diff([step for step, cell in spikes if cell == which]) for which in (0, 1))
    assert len(set(plain.tolist())) == 1
    assert adapting[-1] > 2 * adapting[0]
    assert np.all(np.diff(adapting) >= -1)


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("reservoir.excitatory.tau_v_ms=0.0", "tau_v_ms"),
        ("reservoir.inhibitory.tau_h_ms=-1.0", "tau_h_ms"),
        ("reservoir.excitatory.v_reset=-50.0", "v_reset"),
    ],
)
def test_cells_beyond_the_models_range_are_refused(override: str, part: str) -> None:
    with pytest.raises(UserError, match=part):
        load_preset("smoke", ["reservoir.neuron=adaptive_lif", override])


# In integers.


def quantised(settings: FixedSettings, parameters: Parameters, dt: float) -> tuple[Any, Any, Planner]:
    planner = Planner(settings)
    return (*adaptive_lif.quantise(planner, parameters, dt), planner)


@st.composite
def words(draw: Any) -> FixedSettings:
    changes = {"fraction_bits": draw(st.integers(0, 23)), "parameter_bits": draw(st.integers(2, 16))}
    changes |= {name: draw(st.just(24) | st.integers(2, 24)) for name in ("v_bits", "u_bits")}
    return WORDS.model_copy(update=changes)


@st.composite
def one_cell(draw: Any) -> Parameters:
    spreads = draw(wild_lif_cells(0.01))
    return Parameters(*(np.array([spreads[name]["start"]]) for name in Parameters._fields))


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDINGS)
@settings(max_examples=200)
@given(
    word=words(),
    parameters=one_cell(),
    dt=st.sampled_from([1.0, 0.5, 0.1, 0.01]),
    v=STATE,
    h=STATE,
    current=st.integers(2 * LOWEST, 2 * HIGHEST) | st.sampled_from([2 * LOWEST, -1, 0, 1, 2 * HIGHEST]),
    bits=st.integers(0, 2**64 - 1),
)
def test_a_step_equals_plain_integers(
    rounding: str,
    word: FixedSettings,
    parameters: Parameters,
    dt: float,
    v: int,
    h: int,
    current: int,
    bits: int,
) -> None:
    held, k, _ = quantised(word, parameters, dt)
    v, h = v >> k.v_grain << k.v_grain, h >> k.h_grain << k.h_grain
    cells = State(np.array([v], np.int32), np.array([h], np.int32))
    state = {"v": [v], "h": [h]}
    network = {name: array.tolist() for name, array in held._asdict().items()}
    plain = {**k._asdict(), "rounding": rounding}
    fields = [field_of(bits, lowest) for lowest in (16, 32, 48)]
    number, lost = NUMBER_OF[rounding], np.zeros(2, np.int64)
    for _ in range(3):
        cuts = adaptive_lif.fixed_cuts(k, number, np.uint64(bits), adaptive_lif.fixed_whole(k))
        nothing = adaptive_lif.fixed_nothing_seen()
        seen = adaptive_lif.fixed_advance(cells, held, k, cuts, 0, np.int32(current), nothing)
        seen = adaptive_lif.fixed_adapt(cells, held, k, cuts, 0, seen)
        adaptive_lif.fixed_count(cells, k, seen, lost)
        AdaptiveLifCells.advance(plain, network, state, 0, current, fields)
        assert (cells.v[0], cells.h[0]) == (state["v"][0], state["h"][0])
        assert LOWEST <= cells.v[0] <= HIGHEST
        assert LOWEST <= cells.h[0] <= HIGHEST
        assert lost.tolist() == [AdaptiveLifCells.at_bounds(plain, state)["v"], 0]
        lost[:] = 0
        spikes = AdaptiveLifCells.at_threshold(plain, network, state, 0)
        assert adaptive_lif.fixed_at_threshold(cells, held, k, 0) == spikes
        if spikes:
            adaptive_lif.fixed_reset(cells, held, k, 0, lost)
            _, raised = AdaptiveLifCells.reset(network, state, 0)
            state["h"][0] = min(max(raised, LOWEST), HIGHEST)
            assert (cells.v[0], cells.h[0]) == (state["v"][0], state["h"][0])
            assert lost.tolist() == [0, int(raised != state["h"][0])]
            lost[:] = 0


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_a_threshold_at_its_bound_stays_a_24_bit_number_on_a_coarse_grid(rounding: str) -> None:
    """Rounded up from 2^23 - 1 it would be 2^23."""
    word = WORDS.model_copy(update={"u_bits": 4})
    held, k, _ = quantised(word, cells_of(1, seed=1)._replace(tau_h_ms=np.array([1e4])), 1.0)
    cells = State(held.v_rest.copy(), np.full(1, HIGHEST, np.int32))
    for bits in (0, 2**64 - 1):
        cuts = adaptive_lif.fixed_cuts(k, NUMBER_OF[rounding], np.uint64(bits), False)
        adaptive_lif.fixed_adapt(cells, held, k, cuts, 0, adaptive_lif.fixed_nothing_seen())
        assert cells.h[0] <= HIGHEST


@pytest.mark.slow
@given(words(), one_cell(), st.sampled_from([1.0, 0.5, 0.01]))
def test_parameters_are_the_nearest_that_their_words_hold(
    word: FixedSettings, parameters: Parameters, dt: float
) -> None:
    held, k, planner = quantised(word, parameters, dt)
    physical = {**parameters._asdict(), **adaptive_lif.constants(parameters, dt)._asdict()}
    F, bits = word.fraction_bits, word.parameter_bits - 1
    formats = {
        "v_rest": (F, 23, k.v_grain),
        "v_threshold": (F, 23, 0),
        "v_reset": (F, 23, k.v_grain),
        "threshold_step": (F, 23, k.h_grain),
        "bias": (F, 23, 0),
        "v_decay": (k.v_shift, bits, 0),
        "h_decay": (k.h_shift, bits, 0),
        "gain": (k.gain_shift, bits, 0),
    }
    assert formats.keys() == set(held._fields)
    entries = {"v_decay": "decay of v", "h_decay": "decay of h", "gain": "gain of v"}
    for name, (fraction, size, grain) in formats.items():
        exact = Fraction(float(physical[name][0])) * Fraction(2) ** (fraction - grain)
        nearest = math.floor(exact + Fraction(1, 2)) << grain
        most = (2**size - 1) >> grain << grain
        assert int(getattr(held, name)[0]) == min(max(nearest, -(2**size)), most), name
        assert planner.plan.entry(entries.get(name, name)).fraction_bits == fraction
    for fraction, value, least in (
        (k.v_shift, physical["v_decay"][0], bits),
        (k.h_shift, physical["h_decay"][0], bits),
        (k.gain_shift, physical["gain"][0], 0),
    ):
        one_more = math.floor(Fraction(float(value)) * 2 ** (fraction + 1) + Fraction(1, 2))
        assert least <= fraction <= 32
        assert value == 0.0 or fraction == 32 or one_more > 2**bits - 1


@pytest.mark.slow
@given(words(), one_cell(), st.sampled_from([1.0, 0.5, 0.01]))
def test_the_plan_tells_how_far_off_the_time_constants_are(
    word: FixedSettings, parameters: Parameters, dt: float
) -> None:
    """A decay near 1 looks exact where its time constant is far off: the plan must not be content."""
    held, k, planner = quantised(word, parameters, dt)
    for name, tau, shift in (("v", parameters.tau_v_ms, k.v_shift), ("h", parameters.tau_h_ms, k.h_shift)):
        kept = int(getattr(held, f"{name}_decay")[0]) / 2**shift
        off = abs(-dt / math.log(kept) / tau[0] - 1.0) if kept else 1.0
        assert planner.plan.entry(f"decay of {name}").error == pytest.approx(off, rel=1e-9)


def test_a_time_constant_that_the_words_cannot_hold_is_warned_of() -> None:
    slow = cells_of(3, seed=1)._replace(tau_h_ms=np.array([60.0, 100.0, 250.0]))
    *_, planner = quantised(WORDS, slow, 1.0)
    assert planner.plan.entry("decay of h").warning() is None
    *_, planner = quantised(WORDS, slow, 0.01)
    warning = planner.plan.entry("decay of h").warning()
    assert warning is not None
    assert "relative error 31" in warning.cause


def simulate_fixed(parameters: Parameters, current: np.ndarray, rounding: str, dt: float) -> Trace:
    """Advance unconnected cells as `simulate` does, in integers; v and h in mV."""
    count, word = parameters.bias.size, WORDS.model_copy(update={"rounding": rounding})
    held, cell_constants, planner = quantised(word, parameters, dt)
    advance, reset = fixed_step.population_kernels(adaptive_lif, exponential)
    synaptic = exponential.FixedConstants(planner.decay("decay of s", 20.0, dt), 12, 0, 0, 0, 0)
    outside = inputs.FixedConstants(0, 0, 0, 0, 0, 0, False, NUMBER_OF[rounding])
    k = Constants(cell_constants, synaptic, (), outside)
    cells = adaptive_lif.fixed_start(held, cell_constants, word.fraction_bits)
    synapses = exponential.State(*np.zeros((2, count), np.int32))
    spiking, lost, unit = np.zeros(count, np.int64), np.zeros(4, np.int64), 2.0**-word.fraction_bits
    v, h, spikes = [], [], []
    for step, injected in enumerate(to_state(current, word.fraction_bits, 0)):
        advance(cells, synapses, held, k, injected.copy(), np.uint64(step), lost)
        fired = reset(cells, held, k, np.empty_like(spiking), spiking, lost)
        spikes += [(step, cell) for cell in spiking[:fired].tolist()]
        v.append(cells.v * unit)
        h.append(cells.h * unit)
    assert not lost.any()
    return Trace(np.array(v), np.array(h), spikes)


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_below_the_threshold_integers_stay_within_what_their_words_lose(rounding: str) -> None:
    """A step loses at most a unit at each of two shifts, and what rounding decay, gain and rest loses."""
    tau = cells_of(30, seed=5).tau_v_ms
    parameters = cells_of(30, seed=5)._replace(v_threshold=np.full(30, 100.0), bias=10.0 / tau)
    current = 5.0 / tau * currents_of("stepped", 1000, 30)
    exact, held = simulate(parameters, current, 1.0), simulate_fixed(parameters, current, rounding, 1.0)
    assert exact.spikes == held.spikes == []
    k = adaptive_lif.constants(parameters, 1.0)
    integers, shifts, _ = quantised(WORDS, parameters, 1.0)
    unit = 2.0**-WORDS.fraction_bits
    off_decay = np.abs(integers.v_decay * 2.0**-shifts.v_shift - k.v_decay)
    off_gain = np.abs(integers.gain * 2.0**-shifts.gain_shift - k.gain)
    away = np.abs(exact.v - parameters.v_rest).max(axis=0)
    driving = np.abs(current + parameters.bias).max(axis=0)
    # Rest, bias and injected current are off by half a unit each; the gain is below 1.
    lost = 2 * unit + away * off_decay + driving * off_gain + unit
    bound = lost / (1.0 - k.v_decay - off_decay) + unit
    assert np.all(np.abs(held.v - exact.v).max(axis=0) <= bound)
    assert bound.max() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_integers_spike_as_often_and_nearly_when_float_does(rounding: str) -> None:
    parameters, current = cells_of(30, seed=7), currents_of("constant", 1000, 30)
    exact, held = simulate(parameters, current, 1.0), simulate_fixed(parameters, current, rounding, 1.0)
    assert len(exact.spikes) > 300
    for cell in range(30):
        one, other = ([step for step, which in t.spikes if which == cell] for t in (exact, held))
        assert abs(len(one) - len(other)) <= 1 + 0.01 * len(one)
        shared = min(len(one), len(other))
        lag = np.abs(np.array(one[:shared]) - other[:shared])
        assert lag.max(initial=0) <= 2 + 0.01 * 1000
