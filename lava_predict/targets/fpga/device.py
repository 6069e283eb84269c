"""A core and its host: loads a network and its state, plays steps, and reads everything back."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.numerics.columns import columns as wide_columns
from lava_predict.synapses import delayed
from lava_predict.targets.fpga import bus
from lava_predict.targets.fpga.noise import GOLDEN
from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.tasks import NO_CUE, Segment, Streams

_FIXED_WORDS = 5
_LONG_BEFORE = 2**30  # Stands for "no cue"; a multiple of 16, as the slow mean needs it.


class Bus(Protocol):
    """Whatever leads to a core's registers: a simulator, or a board."""

    def write(self, register: int, words: np.ndarray) -> None:
        """Write words to a register, one after the other."""

    def read(self, register: int, count: int) -> np.ndarray:
        """Read a register so many times, (count,) uint32."""

    def steps(
        self, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
    ) -> int:
        """Play steps; the rows are those of harness.cpp. Returns how many were done."""

    def close(self) -> None:
        """Give back what it holds."""


class Device:
    """A network on a core.

    Parameters
    ----------
    bus : Bus
        Leads to a core of ``shape``.
    shape : CoreShape
        As `shape_of` gives it.
    arithmetic : FixedArithmetic
        The network.
    """

    def __init__(self, bus: Bus, shape: CoreShape, arithmetic: FixedArithmetic) -> None:
        self._bus, self.shape = bus, shape
        self._numbers = {column.name: number for number, column in enumerate(shape.columns)}
        self._columns = {column.name: column for column in shape.columns}
        self._rates = arithmetic.constants.when.rates
        self._loaded: dict[str, np.ndarray] = {}
        self.clocks = np.zeros(0, np.uint32)
        for name, values in network_columns(arithmetic).items():
            self.load(name, values)

    def set(self, register: int, *words: int) -> None:
        """Write consecutive registers."""
        for offset, word in enumerate(words):
            self._bus.write(register + offset, np.array([word], np.int64))

    def get(self, register: int) -> int:
        """Read one register as a number without sign."""
        return int(self._bus.read(register, 1)[0])

    def load(self, name: str, values: np.ndarray) -> None:
        """Write a column, unless it is known to hold these values."""
        before = self._loaded.get(name)
        if before is None or not np.array_equal(before, values):
            self.set(bus.MEMORY, self._numbers[name], 0)
            self._bus.write(bus.DATA, values.ravel())
        self._loaded[name] = values.copy()

    def fetch(self, name: str) -> np.ndarray:
        """Read a column, int64."""
        column = self._columns[name]
        self.set(bus.MEMORY, self._numbers[name], 0)
        words = self._bus.read(bus.DATA, column.depth).astype(np.int64)
        words &= (1 << column.bits) - 1
        values = words - ((words >> (column.bits - 1)) << column.bits if column.signed else 0)
        self._loaded[name] = values
        return values

    def put_reservoir(self, state: State) -> None:
        """Load cells and synapses of a state; no cue is known."""
        for name, values in reservoir_columns(state).items():
            self.load(name, values)
        self.set(bus.CUE, -1, 0, *getattr(state.synapses, "row", [0]))
        self.set(bus.LOST, *[0] * _LOST)

    def take_reservoir(self, state: State) -> None:
        """Overwrite cells and synapses of a state with the core's."""
        shape = self.shape
        for name in shape.states:
            getattr(state.cells, name)[:] = self.fetch(f"cells.{name}")
        state.synapses.s[:] = self.fetch("synapses.s")
        arriving = state.synapses.ring if shape.rows > 1 else state.synapses.a_in
        arriving[...] = self.fetch("synapses.arriving").reshape(arriving.shape)
        if shape.rows > 1:
            state.synapses.row[0] = self.get(bus.ROW)
        state.saturations[:_LOST] += [self.get(bus.LOST + number) for number in range(_LOST)]

    def put(self, state: State) -> None:
        """Load a state."""
        when = state.when
        self.put_reservoir(state)
        for name, values in state_columns(state).items():
            self.load(name, values)
        rates = self._rates[np.minimum(when.occurrences, self._rates.size - 1)]
        for event in range(self.shape.events):
            self.load(f"rate{event}", rates[:, event])
            self.set(bus.EVENTS + 4 * event + bus.Z, int(state.z[event]))
        self.set(bus.CUE, int(when.cue[0]), int(when.cue[1]))
        norm = int(when.norm[0])
        self.set(bus.CONSTANT_NORM, norm & 0xFFFFFFFF, norm >> 32)

    def take(self, state: State, steps: int, learning: bool) -> None:
        """Overwrite a state, which was `put` so many steps ago, with the core's."""
        when, what, shape = state.when, state.what, self.shape
        self.take_reservoir(state)
        for name in ("r", "x", "onset", "settled", "spikes"):
            getattr(when, name)[:] = self.fetch(f"when.{name}")
        when.m[:] = self.fetch("when.m").reshape(when.m.shape)
        when.units[:] = self.fetch("when.units").reshape(when.units.shape)
        what.x_sum[:] = self.fetch("what.x_sum")
        for event in range(shape.events):
            when.w[event :: shape.events] = self.fetch(f"when.w{event}").reshape(shape.blocks, shape.cells)
            state.z[event] = _signed(self.get(bus.EVENTS + 4 * event + bus.Z))
        when.cue[:] = _signed(self.get(bus.CUE)), self.get(bus.KNOWN)
        when.steps[0] += steps if learning else 0

    def play(
        self, streams: Streams, segment: Segment, first_step: int, recording: Recording
    ) -> tuple[Any, int]:
        """Play steps; returns spikes, (2, spikes) uint32 as the engine gives them, and the one that diverged.

        The arguments are those of `Arithmetic.advance`; z, what_drive and the norm go into ``recording``.
        """
        rows, events = streams.level.shape[0], self.shape.events
        before = -_LONG_BEFORE if segment.cue_step == NO_CUE else -segment.cue_step
        key = (int(segment.noise_key) + GOLDEN * first_step) % 2**64
        self.set(bus.LEARNING, int(segment.learning), before + first_step, key & 0xFFFFFFFF, key >> 32)
        taught = np.stack((streams.gate, streams.target), axis=2).reshape(rows, -1)
        level = (streams.level != 0) @ (1 << np.arange(streams.level.shape[1]))
        inputs = np.ascontiguousarray(np.column_stack((level, taught)) & 0xFFFFFFFF, np.uint32)
        outputs = np.zeros((rows, _FIXED_WORDS + 2 * events), np.uint32)
        spikes = np.empty(rows * self.shape.cells, np.uint32)
        done = self._bus.steps(events, self._numbers["spiking"], inputs, outputs, spikes)
        read = outputs[:, _FIXED_WORDS:].astype(np.int32).reshape(rows, events, 2)
        recording.z[:], recording.what_drive[:] = read[..., 0], read[..., 1]
        recording.norm[:] = outputs[:, 1].astype(np.int64) | outputs[:, 2].astype(np.int64) << 32
        self.clocks = outputs[:done, 3]
        counts = outputs[:done, 4]
        step = np.repeat(np.arange(first_step, first_step + done, dtype=np.uint32), counts)
        diverged = first_step + done - 1 if outputs[done - 1, 0] & bus.DIVERGED else -1
        return np.stack((step, spikes[: step.size])), diverged


_LOST = 6
"""Counters of the core; that of the what rule's weights is the host's."""


def _signed(word: int) -> int:
    return word - (word >> 31 << 32)


def network_columns(arithmetic: FixedArithmetic) -> dict[str, np.ndarray]:
    """Return the columns that never change."""
    network = arithmetic.network
    connections = network.synapses
    columns = {f"cells.{name}": values for name, values in network.cells._asdict().items()}
    columns["when.decay"] = arithmetic.constants.when.decay
    columns |= {f"input{c}": weight for c, weight in enumerate(network.input_weight)}
    if arithmetic.constants.inputs.feedback:
        columns |= {f"feedback{k}": weight for k, weight in enumerate(network.feedback_weight)}
    if isinstance(connections, delayed.Connections) and connections.delay.max() > 1:
        columns["delay"] = connections.delay
    bits = arithmetic.config.fixed.weight_bits
    first, target, weight = wide_columns(connections)
    columns["synapse"] = np.abs(weight) | target.astype(np.int64) << bits
    return columns | {"first": first}


def reservoir_columns(state: State) -> dict[str, np.ndarray]:
    """Return the columns of cells and synapses that change."""
    columns = {f"cells.{name}": values for name, values in state.cells._asdict().items()}
    columns["synapses.s"] = state.synapses.s
    columns["synapses.arriving"] = getattr(state.synapses, "ring", getattr(state.synapses, "a_in", None))
    return {name: np.asarray(values).ravel() for name, values in columns.items()}


def state_columns(state: State) -> dict[str, np.ndarray]:
    """Return the columns that change."""
    when, events = state.when, state.z.size
    columns = reservoir_columns(state)
    names = ("r", "x", "m", "onset", "units", "settled", "spikes")
    columns |= {f"when.{name}": getattr(when, name) for name in names}
    columns["what.x_sum"] = state.what.x_sum
    for event in range(events):
        columns[f"when.w{event}"] = when.w[event::events]
        columns[f"what.w{event}"] = state.what.w[event::events]
    return {name: np.asarray(values).ravel() for name, values in columns.items()}
