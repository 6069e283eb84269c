"""Test vectors of the integer network as text, for kernel and oracle; run this file to write them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from fixed_oracle import LAG, RENAMED, STATES, Oracle, state_of
from plain_integers import ROUNDINGS

from lava_predict import Config, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.network import inputs
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import Network, draw_network
from lava_predict.network.state import State, leaves
from lava_predict.network.step import Constants, Recording, kernels
from lava_predict.neurons import izhikevich
from lava_predict.numerics.columns import join
from lava_predict.registry import RULES
from lava_predict.synapses import exponential
from lava_predict.tasks import Kind, Segment, Streams
from lava_predict.tasks.meet import Meet

FOLDER = Path(__file__).parent / "fixed_vectors"
SHOWN = (0, 5, 11)
"""Cells of which every step shows states and weights."""

NETWORK = (
    "reservoir.neurons=12",
    "reservoir.connection_probability=0.5",
    "reservoir.excitatory_fraction=0.75",
    "reservoir.feedback_gain=3.0",
    "task.events_drive_reservoir=true",
)
SETTINGS = {
    "gated_delta": (
        *NETWORK,
        "readout.rule=gated_delta",
        "reservoir.excitatory.a.stop=0.009",
        "reservoir.inhibitory.a.stop=0.009",
        "task.before_ms=40.0",
        "task.after_ms=260.0",
        "task.settle_ms=600.0",
        "task.blocks=[{trials=9, probability=[0.5, 0.5], latency_ms=[100.0, 180.0]}]",
        "readout.what_window_ms=[20.0, 150.0]",
        "readout.tau_m_ms=500.0",
        "run.seed=119",
    ),
    "annealed_delta": (
        *NETWORK,
        "reservoir.feedback_gain=2.1",
        "task.cues=4",
        "task.cue_ms=20.0",
        "task.before_ms=20.0",
        "task.after_ms=75.0",
        "task.settle_ms=300.0",
        "task.event_width_ms=15.0",
        "task.blocks=["
        + ",".join(
            f"{{trials=9, probability=[0.5, 0.5], latency_ms=[35.0, 60.0], cues=[{cue}]}}"
            for cue in (1, 2, 3)
        )
        + "]",
        "readout.what_window_ms=[5.0, 40.0]",
        "readout.gate_window_ms=20.0",
        "readout.tau_m_ms=128.0",
        "readout.first_rate=0.6",
        "fixed.trace_bits=21",
        "fixed.mean_bits=22",
        "fixed.readout_bits=20",
        "fixed.readout_fraction_bits=18",
        "run.seed=15",
    ),
}


def shown_segments(meet: Meet) -> tuple[list[Segment], list[Segment]]:
    """Lay out what is played before a file begins, and what it shows, as if it were one segment.

    With several cues that is a trial of a known one, a trial of a new one, and a probe of an unknown one.
    """
    if meet.task.cues == 1:
        *before, shown = [segment for trial in range(3) for segment in meet.trial(0, trial)]
        return before, [shown]
    before = [segment for trial in range(8) for segment in meet.trial(1 - trial % 2, trial)]
    *pause, known = meet.trial(1, 8)
    return [*before, *pause], [known, meet.trial(2, 9)[-1], meet.probe(2, 10, 3, 0)[-1]]


@dataclass
class Vectors:
    """What a file holds; arrays as lists, matrices as lists of their rows."""

    rule: str
    constants: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, list[int]]] = field(default_factory=list)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return len(self.before["z"])

    def given(self, step: int) -> tuple[int, bool, list[list[int]]]:
        """Split what a step is given: since_cue; learning; and level, gate and target."""
        (since, learning, *values), events = self.steps[step]["in"], self.events
        parts = values[: -2 * events], values[-2 * events : -events], values[-events:]
        return since, bool(learning), list(parts)


def read_vectors(rule: str, text: str) -> Vectors:
    vectors, section = Vectors(rule), ""
    for line in text.splitlines():
        name, *values = line.split("#")[0].split() or [""]
        if not name:
            continue
        if name.startswith("["):
            section = name[1:-1]
            continue
        numbers: Any = [int(value) for value in values] if name != "rounding" else values
        if section == "steps":
            if name == "in":
                vectors.steps.append({})
            assert numbers[0] == len(vectors.steps) - 1
            vectors.steps[-1][name] = numbers[1:]
        elif name.endswith("]"):
            name, row = name[:-1].split("[")
            rows = getattr(vectors, section).setdefault(name, [])
            assert int(row) == len(rows)
            rows.append(numbers)
        else:
            single = section == "constants" and len(numbers) == 1
            getattr(vectors, section)[name] = numbers[0] if single else numbers
    return vectors


def written(name: str, values: Any) -> Iterator[str]:
    """Write a number, an array or, row by row, a matrix."""
    if isinstance(values, list) and isinstance(values[0], list):
        for row, numbers in enumerate(values):
            yield from written(f"{name}[{row}]", numbers)
    else:
        yield " ".join([name, *map(str, values if isinstance(values, list) else [values])])


def seen(state: dict[str, Any], spikes: list[int], norm: int, what_drive: list[int]) -> dict[str, list[int]]:
    """Give what a file shows after a step."""
    cue, events = state.get("cue", [0])[0], len(state["z"])
    row = max(cue, 0)
    names = [name for name in ("v", "u", "s", "r", "x") if name in state]
    parts = [*(state[name] for name in names), state["m"][row] if "cue" in state else state["m"]]
    return {
        "out": spikes,
        "cells": [part[cell] for cell in SHOWN for part in parts],
        "read": [cue, norm, *state["z"], *what_drive],
        "w": [w[cell] for w in state["w_when"][row * events : (row + 1) * events] for cell in SHOWN],
    }


def config_of(rule: str, rounding: str, *more: str) -> Config:
    return load_preset("smoke", [*SETTINGS[rule], f'fixed.rounding="{rounding}"', *more])


def prepared(state: dict[str, Any]) -> dict[str, Any]:
    """Renumber the two known cues, so that a new one does not follow cue 0; let slow means move more."""
    if "cue" in state:
        state["settled"][:] = [3] * len(state["settled"])
        state["cue"][0] = 1 - state["cue"][0]
        for name in ("m", "units", "occurrences", "w_when", "w_what"):
            rows = state[name]
            of_cue = len(rows) // len(state["units"])
            rows[: 2 * of_cue] = rows[of_cue : 2 * of_cue] + rows[:of_cue]
    return state


def vectors_of(config: Config) -> Iterator[str]:
    """Let a network learn in the engine, then in the oracle; give the lines of the file."""
    arithmetic, meet = FixedArithmetic(config, draw_network(config)), Meet(config)
    engine = CpuEngine(arithmetic, meet)
    before, shown = shown_segments(meet)
    list(engine.play(before))
    trained = Oracle.of(arithmetic.network, arithmetic.constants, engine.state)
    oracle = Oracle(trained.constants, trained.network, prepared(trained.state))
    oracle.begin(None)
    key = shown[0].noise_key
    before_section = "# Test vectors of the integer network; README.md says how to read them.\n"
    sections = {
        "constants": {"key": key} | oracle.constants,
        "network": oracle.network,
        "before": oracle.state,
    }
    for section, arrays in sections.items():
        yield f"{before_section}[{section}]"
        before_section = "\n"
        for name, values in arrays.items():
            yield from written(name, values)
    yield "\n[steps]"
    rows = ((segment, row) for segment in shown for row in range(segment.steps))
    for step, (segment, row) in enumerate(rows):
        given = [part[row].tolist() for part in arithmetic.streams(meet.streams(segment))]
        since = row - segment.cue_step
        done = oracle.step(*given, key, step, since, segment.learning)
        yield from written("in", [step, since, int(segment.learning), *given[0], *given[1], *given[2]])
        for name, values in seen(oracle.state, done.spikes, done.norm, done.what_drive).items():
            yield from written(name, [step, *values])
    yield "\n[after]"
    for name, values in oracle.state.items():
        yield from written(name, values)
    yield from written("saturations", list(oracle.saturations.values()))


CASES = list(product(SETTINGS, ROUNDINGS))


def path_of(rule: str, rounding: str) -> Path:
    return FOLDER / rule / f"{rounding}.txt"


def write_vectors() -> None:
    for case in CASES:
        path = path_of(*case)
        path.write_text("\n".join(vectors_of(config_of(*case))) + "\n", encoding="ascii")
        print(path, path.stat().st_size)


@pytest.fixture(params=CASES, ids="-".join)
def vectors(request: pytest.FixtureRequest) -> Vectors:
    return read_vectors(request.param[0], path_of(*request.param).read_text(encoding="ascii"))


@pytest.mark.slow
def test_oracle_gives_the_vectors(vectors: Vectors) -> None:
    constants = dict(vectors.constants)
    key = constants.pop("key")
    oracle = Oracle(constants, vectors.network, vectors.before)
    for step, wanted in enumerate(vectors.steps):
        since, learning, given = vectors.given(step)
        done = oracle.step(*given, key, step, since, learning)
        found = seen(oracle.state, done.spikes, done.norm, done.what_drive)
        assert found | {"in": wanted["in"]} == wanted
    assert vectors.after.pop("saturations") == list(oracle.saturations.values())
    assert oracle.state == vectors.after


def kernel_of(vectors: Vectors) -> tuple[Network, Constants, State]:
    """Make the kernel's own arguments of what a file holds."""
    rounding = ROUNDINGS.index(vectors.constants["rounding"])
    held: dict[str, Any] = LAG | vectors.constants | {"rounding": rounding}

    def constants_of(section: str, kind: Any) -> Any:
        # The kernel is compiled for these very types already, for the engine.
        types = get_type_hints(kind)
        values = {name: held[RENAMED.get(f"{section}.{name}", name)] for name in kind._fields}
        return kind(
            *(
                np.array(value, np.int32) if isinstance(value, list) else types[name](value)
                for name, value in values.items()
            )
        )

    constants = Constants(
        cells=constants_of("cells", izhikevich.FixedConstants),
        synapses=constants_of("synapses", exponential.FixedConstants),
        when=constants_of("when", RULES.get(vectors.rule).FixedConstants),
        inputs=constants_of("inputs", inputs.FixedConstants),
    )
    types = dict.fromkeys(izhikevich.FixedParameters._fields, np.int32)
    types |= {"first": np.int64, "target": np.uint16}
    rows = {name: np.array(given, types.get(name, np.int16)) for name, given in vectors.network.items()}
    joined, weight = join(rows["target"])
    weight[:] = rows["weight"]
    network = Network(
        izhikevich.FixedParameters(*(rows[name] for name in izhikevich.FixedParameters._fields)),
        exponential.Connections(rows["first"], rows["target"][:0], joined),
        rows["input_weight"],
        rows["feedback_weight"],
    )
    config = config_of(vectors.rule, vectors.constants["rounding"])
    state = FixedArithmetic(config, draw_network(config)).start.copy()
    names = {place: name for name, place in STATES.items()}
    for place, array in leaves(state):
        if place in names:
            array[...] = vectors.before[names[place]]
    return network, constants, state


@pytest.mark.slow
def test_kernel_gives_the_vectors(vectors: Vectors) -> None:
    network, constants, state = kernel_of(vectors)
    rule = RULES.get(vectors.rule)
    compiled = kernels(izhikevich, exponential, rule.fixed_step, fixed=True)
    cells, events = network.size, vectors.events
    key = np.uint64(vectors.constants["key"])
    recording = Recording(
        *np.zeros((2, cells), np.uint32), *np.zeros((2, 1, events), np.int32), np.zeros(1, np.int64)
    )
    room = (np.empty(cells, np.int32), np.empty(cells, np.int64), rule.fixed_scratch(state.when))
    for step, wanted in enumerate(vectors.steps):
        since, learning, parts = vectors.given(step)
        given = (np.array([part], np.int32) for part in parts)
        moment = (key, step, step - since, learning, recording)
        count, diverged = compiled.advance(network, constants, state, *given, *moment, *room)
        assert diverged == -1
        record = (
            recording.spike_cell[:count].tolist(),
            int(recording.norm[0]),
            recording.what_drive[0].tolist(),
        )
        assert seen(state_of(state), *record) | {"in": wanted["in"]} == wanted
    assert state.saturations.tolist() == vectors.after.pop("saturations")
    assert state_of(state) == vectors.after


@pytest.mark.long
@pytest.mark.usefixtures("quickly_built")
@pytest.mark.parametrize("rounding", ["nearest", "floor"])
def test_the_fpga_core_gives_the_vectors(rounding: str) -> None:
    pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")
    from lava_predict.targets.fpga.device import Device
    from lava_predict.targets.fpga.shape import shape_of
    from lava_predict.targets.fpga.simulator import open_bus

    vectors = read_vectors("annealed_delta", path_of("annealed_delta", rounding).read_text(encoding="ascii"))
    config = config_of("annealed_delta", rounding)
    arithmetic, state = FixedArithmetic(config, draw_network(config)), kernel_of(vectors)[2]
    shape, key = shape_of(arithmetic), np.uint64(vectors.constants["key"])
    with closing(open_bus(shape)) as bus:
        device = Device(bus, shape, arithmetic)
        device.put(state)
        for first, count, since, learning in runs_of(vectors):
            given = zip(*(vectors.given(step)[2] for step in range(first, first + count)), strict=True)
            streams = Streams(*(np.array(part, np.int32) for part in given))
            segment = Segment(Kind.TRIAL, count, key, 0, 0, cue_step=first - since, learning=learning)
            z: np.ndarray = np.empty((count, shape.events), np.int32)
            nothing, norm = np.empty(0, np.uint32), np.empty(count, np.int64)
            recording = Recording(nothing, nothing, z, np.empty_like(z), norm)
            (when, cell), diverged = device.play(streams, segment, first, recording)
            assert diverged == -1
            for row, wanted in enumerate(vectors.steps[first : first + count]):
                assert cell[when == first + row].tolist() == wanted["out"]
                read = [int(norm[row]), *z[row].tolist(), *recording.what_drive[row].tolist()]
                assert read == wanted["read"][1:]
            device.take(state, count, learning)
    wanted_after = vectors.after
    assert state.saturations.tolist() == wanted_after.pop("saturations")
    assert state_of(state) == wanted_after


def runs_of(vectors: Vectors) -> Iterator[tuple[int, int, int, bool]]:
    """Yield the runs of steps that follow one cue: first step, how many, since at the first, learning."""
    first, steps = 0, [vectors.given(step)[:2] for step in range(len(vectors.steps))]
    for step in range(1, len(steps) + 1):
        since, learning = steps[first]
        if step == len(steps) or steps[step] != (since + step - first, learning):
            yield first, step - first, since, learning
            first = step


def test_the_vectors_show_what_they_are_for(vectors: Vectors) -> None:
    """A network in which a part does nothing would pass whatever that part is."""
    spikes = [cell for step in vectors.steps for cell in step["out"]]
    inhibitory = vectors.constants["first_inhibitory"]
    assert min(spikes) < inhibitory <= max(spikes)
    assert len(spikes) > 30
    given = [vectors.given(step)[2] for step in range(len(vectors.steps))]
    for part in zip(*given, strict=True):
        assert any(any(values) for values in part)
    events = vectors.events
    assert all(any(row) for name in ("w_when", "w_what") for row in vectors.before[name][: 2 * events])
    # Some z are below 0, above 1, and between: all that the fed-back spike does to them.
    z = [value for step in vectors.steps for value in step["read"][2 : 2 + events]]
    assert min(z) < 0 < 2**16 < max(z)
    assert any(value for step in vectors.steps for value in step["read"][2 + events :])
    k = vectors.constants
    assert k["feedback"] == 1
    assert k["feedback_positive_shift"] != k["feedback_negative_shift"]
    assert k["excitatory_shift"] != k["inhibitory_shift"]
    # Not of the first event alone, whose random numbers depend on the cell alone.
    assert vectors.before["w_when"][1::events] != vectors.after["w_when"][1::events]
    assert k["noise_factor"] > 0
    for name in ("m", "x_sum"):
        assert vectors.before[name] != vectors.after[name]
    assert vectors.before["w_what"] == vectors.after["w_what"]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_known_cue_a_new_one_and_an_unknown_one_are_shown(rounding: str) -> None:
    rule = "annealed_delta"
    vectors = read_vectors(rule, path_of(rule, rounding).read_text(encoding="ascii"))
    cues = [step["read"][0] for step in vectors.steps]
    assert [cue for cue, before in zip(cues, [None, *cues], strict=False) if cue != before] == [0, 1, 2, -1]
    before, after = vectors.before, vectors.after
    assert (before["cue"], after["cue"]) == ([0, 2], [-1, 3])
    changed = [one != other for one, other in zip(before["units"], after["units"], strict=True)]
    assert changed == [False, True, True, False]
    events = vectors.events
    taught = [
        before["w_when"][row : row + events] != after["w_when"][row : row + events] for row in range(0, 8, 2)
    ]
    assert taught == changed
    # The shift of the slow mean grows, up to its greatest.
    assert (
        before["settled"][1].bit_length() < vectors.constants["mean_shift"] < after["settled"][2].bit_length()
    )
    assert sum(before["occurrences"][1]) > 0 == sum(before["occurrences"][2])


@pytest.mark.slow
def test_the_files_are_what_this_module_writes() -> None:
    for case in CASES:
        lines = path_of(*case).read_text(encoding="ascii").splitlines()
        assert lines == "\n".join(vectors_of(config_of(*case))).splitlines()


if __name__ == "__main__":
    write_vectors()
