"""Test vectors of the integer network as text, for kernel and oracle; run this file to write them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixed_oracle import COUNTED, RENAMED, STATES, Oracle, state_of
from plain_integers import ROUNDINGS

from lava_predict import load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.learning import what
from lava_predict.learning.when import gated_delta
from lava_predict.network import inputs
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import Network, draw_network
from lava_predict.network.state import State
from lava_predict.network.step import Constants, Recording, kernels
from lava_predict.neurons import izhikevich
from lava_predict.synapses import exponential
from lava_predict.tasks.meet import Meet

FOLDER = Path(__file__).parent / "fixed_vectors"
SHOWN = (0, 5, 11)
"""Cells whose v and u are written at every step."""

SETTINGS = (
    "readout.rule=gated_delta",
    "reservoir.excitatory.a.stop=0.009",
    "reservoir.inhibitory.a.stop=0.009",
    "reservoir.neurons=12",
    "reservoir.connection_probability=0.5",
    "reservoir.excitatory_fraction=0.75",
    "reservoir.feedback_gain=3.0",
    "task.before_ms=40.0",
    "task.after_ms=260.0",
    "task.settle_ms=600.0",
    "task.blocks=[{trials=9, probability=[0.5, 0.5], latency_ms=[100.0, 180.0]}]",
    "readout.what_window_ms=[20.0, 150.0]",
    "readout.tau_m_ms=500.0",
    "task.events_drive_reservoir=true",
    "run.seed=119",
)

CONSTANTS = """
    vertex rest peak lowest square square_shift half_step v_shift a_shift b_shift synapse_decay
    trace_decay decay_bits trace_gain mean_rate mean_shift v_grain u_grain s_grain trace_grain
    mean_grain readout_grain first_inhibitory excitatory_shift inhibitory_shift input_positive_shift
    input_negative_shift feedback_positive_shift feedback_negative_shift noise_factor noise_shift
    constant_input norm_floor when_shift readout_fraction centred moment_norm feedback
"""
"""In the order of a file."""


@dataclass
class Vectors:
    """What a file holds; arrays as lists, rows of matrices as lists of lists."""

    constants: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, list[int]]] = field(default_factory=list)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return len(self.before["z"])

    def given(self, step: int) -> tuple[list[int], list[int], list[int]]:
        """Split what a step is given into level, rate_gate and target."""
        values, events = self.steps[step]["in"], self.events
        return values[: -2 * events], values[-2 * events : -events], values[-events:]

    def in_window(self, step: int) -> bool:
        return bool(self.constants["window_from"] <= step < self.constants["window_to"])


MATRICES = ("input_weight", "feedback_weight", "w_when", "w_what")


def read_vectors(text: str) -> Vectors:
    vectors, section = Vectors(), ""
    for line in text.splitlines():
        name, *values = line.split("#")[0].split() or [""]
        if name.startswith("["):
            section = name[1:-1]
        elif section == "constants" and name:
            vectors.constants[name] = values[0] if name == "rounding" else int(values[0])
        elif section == "steps" and name:
            if name == "in":
                vectors.steps.append({})
            step, *numbers = (int(value) for value in values)
            assert step == len(vectors.steps) - 1
            vectors.steps[step][name] = numbers
        elif name in MATRICES:
            row, *numbers = (int(value) for value in values)
            rows = getattr(vectors, section).setdefault(name, [])
            assert row == len(rows)
            rows.append(numbers)
        elif name:
            getattr(vectors, section)[name] = [int(value) for value in values]
    return vectors


def written(name: str, values: Any) -> Iterator[str]:
    """Write a number, an array or, row by row, a matrix."""
    if name in MATRICES:
        for row, numbers in enumerate(values):
            yield " ".join([name, str(row), *map(str, numbers)])
    else:
        yield " ".join([name, *map(str, values if isinstance(values, list) else [values])])


def vectors_of(rounding: str) -> Iterator[str]:
    """Let a network learn two trials in the engine, a third in the oracle; give the lines of the file."""
    config = load_preset("smoke", [*SETTINGS, f'fixed.rounding="{rounding}"'])
    arithmetic, meet = FixedArithmetic(config, draw_network(config)), Meet(config)
    engine = CpuEngine(arithmetic, meet)
    for trial in range(2):
        list(engine.play(meet.trial(0, trial)))
    *pause, segment = meet.trial(0, 2)
    list(engine.play(pause))
    oracle = Oracle.of(arithmetic.network, arithmetic.constants, engine.state)
    oracle.begin(None)
    low, high = meet.what_window
    yield "# Test vectors of the integer network; README.md says how to read them."
    yield "\n[constants]"
    yield f"rounding {rounding}"
    own = {"key": segment.noise_key, "window_from": low, "window_to": high}
    assert {*CONSTANTS.split(), "rounding", "what_low", "what_high"} == oracle.constants.keys()
    for name, value in (own | {name: oracle.constants[name] for name in CONSTANTS.split()}).items():
        yield f"{name} {value}"
    for section, arrays in (("network", oracle.network), ("before", oracle.state)):
        yield f"\n[{section}]"
        for name, values in arrays.items():
            yield from written(name, values)
    yield "\n[steps]"
    streams = arithmetic.streams(meet.streams(segment))
    for step in range(segment.steps):
        given = [part[step].tolist() for part in streams]
        done = oracle.step(*given, segment.noise_key, step, low <= step < high, True)
        yield from written("in", [step, *given[0], *given[1], *given[2]])
        yield from written("out", [step, *done.spikes])
        shown = [oracle.state[name][cell] for cell in SHOWN for name in "vu"]
        yield from written("vu", [step, *shown])
        yield from written("z", [step, *done.z])
        yield from written("norm", [step, done.norm])
    yield "\n[after]"
    for name, values in oracle.state.items():
        yield from written(name, values)
    yield from written("saturations", list(oracle.saturations.values()))


def write_vectors() -> None:
    for rounding in ROUNDINGS:
        path = FOLDER / f"{rounding}.txt"
        path.write_text("\n".join(vectors_of(rounding)) + "\n", encoding="ascii")
        print(path.name, path.stat().st_size)


@pytest.fixture(params=ROUNDINGS)
def vectors(request: pytest.FixtureRequest) -> Vectors:
    return read_vectors((FOLDER / f"{request.param}.txt").read_text(encoding="ascii"))


def check_step(vectors: Vectors, step: int, spikes: list[int], z: list[int], norm: int, state: Any) -> None:
    v, u = state
    wanted = vectors.steps[step]
    assert list(spikes) == wanted["out"]
    assert (list(z), [norm]) == (wanted["z"], wanted["norm"])
    assert [int(part[cell]) for cell in SHOWN for part in (v, u)] == wanted["vu"]


def test_oracle_gives_the_vectors(vectors: Vectors) -> None:
    constants = dict(vectors.constants)
    key = constants.pop("key")
    oracle = Oracle(constants, vectors.network, vectors.before)
    for step in range(len(vectors.steps)):
        done = oracle.step(*vectors.given(step), key, step, vectors.in_window(step), True)
        check_step(vectors, step, done.spikes, done.z, done.norm, (oracle.state["v"], oracle.state["u"]))
    assert vectors.after.pop("saturations") == list(oracle.saturations.values())
    assert oracle.state == vectors.after


def kernel_of(vectors: Vectors) -> tuple[Network, Constants, State]:
    """Make the kernel's own arguments of what a file holds."""
    held: dict[str, Any] = vectors.constants | {"rounding": ROUNDINGS.index(vectors.constants["rounding"])}
    # The steps of the file are counted from its window's own zero.
    held |= {"what_low": held["window_from"], "what_high": held["window_to"]}

    def constants_of(section: str, kind: Any) -> Any:
        flags = {name for name, type_ in kind.__annotations__.items() if type_ == "bool"}
        numbers = {name: held[RENAMED.get(f"{section}.{name}", name)] for name in kind._fields}
        return kind(**{name: bool(value) if name in flags else value for name, value in numbers.items()})

    constants = Constants(
        cells=constants_of("cells", izhikevich.FixedConstants),
        synapses=constants_of("synapses", exponential.FixedConstants),
        when=constants_of("when", gated_delta.FixedConstants),
        inputs=constants_of("inputs", inputs.FixedConstants),
    )
    types = dict.fromkeys(izhikevich.FixedParameters._fields, np.int32)
    types |= {"first": np.int64, "target": np.uint16}
    rows = {name: np.array(given, types.get(name, np.int16)) for name, given in vectors.network.items()}
    network = Network(
        izhikevich.FixedParameters(*(rows[name] for name in izhikevich.FixedParameters._fields)),
        exponential.Connections(rows["first"], rows["target"], rows["weight"]),
        rows["input_weight"],
        rows["feedback_weight"],
    )
    wide = ("x_sum", "norm")
    a = {name: np.array(vectors.before[name], np.int64 if name in wide else np.int32) for name in STATES}
    by_cue = (1, vectors.events)
    state = State(
        cells=izhikevich.State(a["v"], a["u"]),
        synapses=exponential.State(a["s"], a["a_in"]),
        z=a["z"],
        when=gated_delta.Memory(a["x"], a["m"], a["w_when"], a["norm"], np.ones(by_cue)),
        what=what.Memory(a["x_sum"], a["w_what"], np.zeros(1, np.int64), np.zeros(by_cue)),
        saturations=np.zeros(len(COUNTED), np.int64),
    )
    return network, constants, state


def test_kernel_gives_the_vectors(vectors: Vectors) -> None:
    network, constants, state = kernel_of(vectors)
    compiled = kernels(izhikevich, exponential, gated_delta, fixed=True)
    cells, events = network.size, vectors.events
    key = np.uint64(vectors.constants["key"])
    recording = Recording(
        *np.zeros((2, cells), np.uint32), *np.zeros((2, 1, events), np.int32), np.zeros(1, np.int64)
    )
    current, spiking = np.empty(cells, np.int32), np.empty(cells, np.int64)
    room = gated_delta.fixed_scratch(state.when)
    for step in range(len(vectors.steps)):
        given = (np.array([part], np.int32) for part in vectors.given(step))
        chunk = (key, step, 0, True, recording, current, spiking, room)
        count, diverged = compiled.advance(network, constants, state, *given, *chunk)
        assert diverged == -1
        spikes = recording.spike_cell[:count].tolist()
        check_step(vectors, step, spikes, recording.z[0].tolist(), int(recording.norm[0]), state.cells)
    assert state.saturations.tolist() == vectors.after.pop("saturations")
    assert state_of(state) == vectors.after


def test_the_vectors_show_what_they_are_for(vectors: Vectors) -> None:
    """A network in which a part does nothing would pass whatever that part is."""
    steps = range(len(vectors.steps))
    spikes = [cell for step in steps for cell in vectors.steps[step]["out"]]
    inhibitory = vectors.constants["first_inhibitory"]
    assert min(spikes) < inhibitory <= max(spikes)
    assert len(spikes) > 30
    for part in (0, 1, 2):
        assert any(any(vectors.given(step)[part]) for step in steps)
    assert all(any(row) for name in ("w_when", "w_what") for row in vectors.before[name])
    # Some z are below 0, above 1, and between: all that the fed-back spike does to them.
    z = [value for step in steps for value in vectors.steps[step]["z"]]
    assert min(z) < 0 < 2**16 < max(z)
    k = vectors.constants
    assert k["feedback"] == 1
    assert k["feedback_positive_shift"] != k["feedback_negative_shift"]
    assert k["excitatory_shift"] != k["inhibitory_shift"]
    # Not of the first event, whose random numbers depend on the cell alone.
    assert vectors.before["w_when"][1] != vectors.after["w_when"][1]
    assert k["noise_factor"] > 0
    for name in ("m", "x_sum"):
        assert vectors.before[name] != vectors.after[name]
    assert vectors.before["w_what"] == vectors.after["w_what"]


def test_the_files_are_what_this_module_writes() -> None:
    for rounding in ROUNDINGS:
        lines = (FOLDER / f"{rounding}.txt").read_text(encoding="ascii").splitlines()
        assert lines == "\n".join(vectors_of(rounding)).splitlines()


if __name__ == "__main__":
    write_vectors()
