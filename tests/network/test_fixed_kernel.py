"""The integer kernels of a whole network against the oracle in plain Python integers."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fixed_oracle import Oracle, state_of
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_integers import HIGHEST, LOWEST, ROUNDINGS
from strategies import configurations, integers, magnitudes

from lava_predict import Config, Experiment, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.learning.readouts import MOST_Z
from lava_predict.learning.when import annealed_delta
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.network.state import State, leaves
from lava_predict.network.step import Recording
from lava_predict.neurons import izhikevich
from lava_predict.settings.schema import validated
from lava_predict.tasks import Streams
from lava_predict.tasks.meet import Meet

pytestmark = pytest.mark.slow

STEPS = 20
"""More than 16, so that the slow means move wherever the steps begin."""


def scramble_cues(memory: annealed_delta.Memory, rng: random.Random) -> None:
    """Let some cues be known, maybe one that is like what has come on, and put any numbers in all counts."""
    known = rng.randint(0, len(memory.units))
    # Once all cues are known, the current one is among them.
    memory.cue[:] = rng.randint(-1 if known < len(memory.units) else 0, max(known - 1, 0)), known
    memory.onset[:] = integers(rng, memory.onset.shape, 0, rng.choice([1, 20]), 0.5)
    for unit in memory.units[:known]:
        unit[:] = rng.choice([memory.onset << 4, integers(rng, unit.shape, 0, 320, 0.5)])
    for array in (memory.settled, memory.occurrences, memory.spikes, memory.steps):
        array[:] = integers(rng, array.shape, 0, 2 ** rng.randint(1, 20), 0.1)


def scramble(state: State, arithmetic: FixedArithmetic, rng: random.Random, extreme: float) -> None:
    """Overwrite a state with any numbers that its words hold."""
    k = arithmetic.constants
    bounds = {"z": (-MOST_Z, MOST_Z), "when.x": (0, HIGHEST)}
    if arithmetic.parts.rule is annealed_delta:
        bounds |= dict.fromkeys(("when.r", "when.x", "when.m"), (0, 2**22))
        scramble_cues(state.when, rng)
    if arithmetic.parts.neuron is izhikevich:
        bounds["cells.v"] = (k.cells.lowest, k.cells.peak)
    for place, array in leaves(state):
        if place.startswith(("cells.", "synapses.s")) or place in ("when.r", "when.x", "when.m", "z"):
            array[:] = integers(rng, array.shape, *bounds.get(place, (LOWEST, HIGHEST)), extreme)
    for array in (state.when.w, state.what.w):
        size = 2 ** rng.choice([0, 8, 12, 23])
        array[:] = integers(rng, array.shape, -size, size - 1, extreme)
    # A ring gets the sums of later steps on top, at most `largest`: as in a real run, 32 bits hold them.
    largest = int(arithmetic.parts.synapse.largest(arithmetic.network.synapses, k.synapses))
    for name, later in (("a_in", 0), ("ring", largest)):
        array = getattr(state.synapses, name, np.zeros(0, np.int32))
        most = 2**40 if array.dtype == np.int64 else 2**31 - 1 - later
        array[:] = integers(rng, array.shape, -most, most, extreme) >> rng.randint(0, 40)
    if hasattr(state.synapses, "row"):
        state.synapses.row[0] = rng.randrange(state.synapses.ring.shape[0])
    state.when.norm[0] = rng.randint(0, 2 ** rng.randint(0, 50))


@st.composite
def of_rule(draw: Callable[..., Any], rule: str, networks: st.SearchStrategy[Config]) -> Config:
    """The same networks with another when rule, whose fields of the same meaning have the same values."""
    config = draw(networks)
    if rule == "gated_delta":
        return config
    chosen, own = config.to_dict(), load_preset("smoke", [f"readout.rule={rule}"]).to_dict()["readout"]
    same = {name: value for name, value in chosen["readout"].items() if name in own}
    # The formats of docs/fixed-point.md hold from 1.5 steps and one bit on.
    taus = sorted(draw(st.tuples(*[magnitudes(1.5 * config.run.dt_ms, 1e9)] * 2)))
    rates = sorted(draw(st.tuples(*[magnitudes(1e-3, 0.999)] * 2)))
    chosen["readout"] = own | same | {"rule": rule, "tau_x_ms": taus}
    chosen["readout"] |= {"least_rate": rates[0], "first_rate": rates[1]}
    chosen["fixed"]["readout_fraction_bits"] = max(1, config.fixed.readout_fraction_bits)
    chosen["readout"]["cue_weights"] = draw(st.sampled_from(["own", "shared"]))
    chosen["task"]["cues"] = draw(st.integers(1, 4))
    return validated(chosen)


def given_streams(arithmetic: FixedArithmetic, rng: random.Random, extreme: float) -> Streams:
    events = arithmetic.start.z.size
    channels = arithmetic.network.input_weight.shape[0]
    rate = int(arithmetic._scales.gate)
    bounds = rng.choice([(0, 2**16), (LOWEST, HIGHEST)])
    return Streams(
        integers(rng, (STEPS, channels), 0, 1, 0.0).astype(np.int32),
        integers(rng, (STEPS, events), 0, rate, extreme).astype(np.int32),
        integers(rng, (STEPS, events), *bounds, extreme).astype(np.int32),
    )


def check_states(oracle: Oracle, state: State) -> None:
    found = state_of(state)
    assert found.keys() == oracle.state.keys()
    for name, values in found.items():
        assert values == oracle.state[name], name
    assert state.saturations.tolist() == list(oracle.saturations.values())


def check_advance(config: Config, seed: int, extreme: float) -> Oracle:
    """Advance kernel and oracle from the same state, and compare all they leave behind."""
    rng = random.Random(seed)
    arithmetic = FixedArithmetic(config, draw_network(config))
    state = arithmetic.start.copy()
    if rng.random() < 0.8:
        scramble(state, arithmetic, rng, extreme)
    streams = given_streams(arithmetic, rng, extreme)
    key, first, learning = rng.getrandbits(64), rng.choice([0, 5, 16, 1000]), rng.random() < 0.8
    # The cue comes on, or it is recognised.
    cue_step = first + 3 - rng.choice([0, getattr(arithmetic.constants.when, "onset", 0)])
    oracle = Oracle.of(arithmetic.network, arithmetic.constants, state)
    cells, events = arithmetic.network.size, state.z.size
    recording = Recording(
        *np.zeros((2, STEPS * cells), np.uint32),
        *np.zeros((2, STEPS, events), np.int32),
        np.zeros(STEPS, int),
    )
    assert arithmetic.saturating == tuple(oracle.saturations)
    given = (arithmetic.network, arithmetic.constants, state, *streams, np.uint64(key), first, cue_step)
    room = (arithmetic.current, arithmetic._spiking, arithmetic._room)
    count, diverged = arithmetic.kernels.advance(*given, learning, recording, *room)
    spikes, stopped = [], -1
    for row in range(STEPS):
        step = first + row
        inputs = (part[row].tolist() for part in streams)
        done = oracle.step(*inputs, key, step, step - cue_step, learning)
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


OTHER_PARTS = (
    configurations("adaptive_lif") | configurations("izhikevich", 5.0) | configurations("adaptive_lif", 3.0)
)
RULES = ("gated_delta", "annealed_delta")


def check_networks(rule: str, networks: st.SearchStrategy[Config], examples: int) -> None:
    @settings(max_examples=examples)
    @given(of_rule(rule, networks), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]))
    def check(config: Config, seed: int, extreme: float) -> None:
        check_advance(config, seed, extreme)

    check()


@pytest.mark.parametrize("rule", RULES)
def test_kernel_equals_oracle(rule: str) -> None:
    check_networks(rule, configurations(), 60)


@pytest.mark.long
@pytest.mark.parametrize("networks", [configurations(), OTHER_PARTS], ids=["izhikevich", "other-parts"])
@pytest.mark.parametrize("rule", RULES)
def test_kernel_equals_oracle_in_many_more_networks(rule: str, networks: st.SearchStrategy[Config]) -> None:
    check_networks(rule, networks, 120)


@pytest.mark.long
def test_a_thousand_strong_inputs_saturate() -> None:
    """Each is at most 2^23, their sum is not; 32 bits would not hold it."""
    chosen = load_preset("smoke", ["readout.rule=gated_delta"]).to_dict()
    events = 700
    block = {"trials": 1, "probability": [1 / 1024] * events, "latency_ms": [300.0] * events}
    chosen["task"] |= {"events_drive_reservoir": True, "blocks": [block]}
    strong = {"event_current": 1000.0, "cue_current": 1000.0, "feedback_gain": 1000.0, "cue_fraction": 1.0}
    chosen["reservoir"] |= strong | {"neurons": 3}
    oracle = check_advance(validated(chosen), 0, extreme=0.3)
    assert oracle.saturations["current"] > 0


# The real engine.

SMALL = (
    "readout.rule=gated_delta",
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
    rate = int(arithmetic._scales.gate)
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
    low, high = (step - meet.cue_step for step in meet.what_window)
    spikes = 0
    for played in engine.play([*segments, *meet.probe(0, trials, 0, 0)]):
        segment = played.segment
        before = dict(oracle.saturations)
        oracle.begin(start if segment.reset else None)
        found = []
        for step, inputs in enumerate(given_to_oracle(arithmetic, meet.streams(segment))):
            done = oracle.step(*inputs, segment.noise_key, step, step - segment.cue_step, segment.learning)
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
        counted = [oracle.saturations[name] - before[name] for name in before]
        assert played.saturations.tolist() == counted
    state = engine.state
    check_states(oracle, state)
    assert state.what.trials.tolist() == oracle.trials
    assert state.what.error.tolist() == oracle.error
    assert state.when.error.tolist() == oracle.when_error
    assert spikes > 5 * config.reservoir.neurons  # a silent network would agree with anything
    assert np.abs(state.when.w).max() > 1000
    assert np.abs(state.what.w).max() > 1000
    return oracle.saturations


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_engine_equals_oracle(rounding: str) -> None:
    own = ("reservoir.feedback_gain=3.0", f'fixed.rounding="{rounding}"')
    check_engine(load_preset("smoke", [*SMALL, *own]), 3)


def cases(of: dict[str, tuple[Any, ...]], *everyday: str) -> list[Any]:
    """Make the parameters of a test of named cases; those that are not tested every day are long."""
    return [
        pytest.param(*case, id=name, marks=() if name in everyday else pytest.mark.long)
        for name, case in of.items()
    ]


OTHER_NETWORKS: dict[str, tuple[Any, ...]] = {
    "delays": ("nearest", ("reservoir.delay_ms=[0.0, 12.0]", "reservoir.feedback_gain=3.0")),
    "delays-and-reset": (
        "stochastic",
        ("reservoir.delay_ms=[2.0, 30.0]", "task.reset=true", "fixed.s_bits=18"),
    ),
    "lif": ("stochastic", ('reservoir.neuron="adaptive_lif"', "reservoir.feedback_gain=1.0")),
    "lif-and-delays": (
        "floor",
        ('reservoir.neuron="adaptive_lif"', "reservoir.delay_ms=[1.0, 9.0]", "fixed.v_bits=18"),
    ),
}


@pytest.mark.parametrize(("rounding", "overrides"), cases(OTHER_NETWORKS, "lif-and-delays"))
def test_engine_with_other_parts_equals_oracle(rounding: str, overrides: tuple[str, ...]) -> None:
    check_engine(load_preset("smoke", [*SMALL, *overrides, f'fixed.rounding="{rounding}"']), 3)


OTHER_SETTINGS: dict[str, tuple[Any, ...]] = {
    "uncentred": (("readout.centred=false", 'readout.when_norm="constant"', 'fixed.rounding="stochastic"'),),
    "surprises": (("readout.timing_surprise=0.01", "readout.surprise_keep=0.3", "fixed.readout_bits=16"),),
    "half-steps": (("run.dt_ms=0.5", "task.events_drive_reservoir=true", "task.cues=2"),),
    "reset-and-coarse-cells": (
        ("task.reset=true", "fixed.v_bits=18", "fixed.u_bits=20", "fixed.s_bits=16", "fixed.trace_bits=14"),
    ),
    "coarse-readout": (
        ("fixed.readout_bits=16", "fixed.mean_bits=12", "fixed.weight_bits=3", "fixed.parameter_bits=9"),
    ),
}


@pytest.mark.parametrize("overrides", cases(OTHER_SETTINGS, "surprises", "half-steps"))
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


@pytest.mark.long
@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_engine_equals_oracle_on_the_presets_tasks(preset: str) -> None:
    overrides = (
        "readout.rule=gated_delta",
        "reservoir.neurons=20",
        "task.settle_ms=50",
        "task.pause_ms=[50, 60]",
    )
    check_engine(load_preset(preset, [*overrides, 'fixed.rounding="stochastic"']), 1)
