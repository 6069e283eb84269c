"""The synapse walk: from the list of spiking cells to what arrives at their targets."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal

from lava_predict.targets.fpga.flow import Flow, Value
from lava_predict.targets.fpga.memory import ColumnMemory
from lava_predict.targets.fpga.shape import CoreShape

_MOST_WAIT = 31


class SynapseWalk:
    """Adds the weights of the ``count`` cells that spike to what arrives, a synapse a clock.

    ``start`` begins; ``done`` is high for a clock. ``row`` is the ring's row that arrives in this step. The
    targets of a cell differ, and its next neighbour in the list comes some clocks later, so that no sum is
    read before the last one is written.
    """

    def __init__(
        self, m: Module, memories: dict[str, ColumnMemory], shape: CoreShape, count: Signal, row: Signal
    ) -> None:
        self.start, self.done = Signal(), Signal()
        listed, first, synapse = memories["spiking"], memories["first"], memories["synapse"]
        index, wait = Signal(range(shape.cells + 1)), Signal(range(_MOST_WAIT + 1))
        address, end = Signal(range(shape.synapses + 1)), Signal(range(shape.synapses + 1))
        inhibitory, base = Signal(), Signal(range(2 * shape.rows * shape.cells + 1))
        walking = Signal()
        flow = Flow(m)
        valid = Value(walking, 0)
        synapse.read_at(walking, address)
        word, bits = Value(synapse.data, synapse.clocks), shape.weight_bits
        goal = flow.stage(lambda a: a[bits:] + base, word)
        arriving = memories["synapses.arriving"]
        arriving.read_at(flow.at(valid, goal.time), goal.signal)
        value = flow.stage(lambda a: self._current(a[:bits], inhibitory, shape), word)
        there = Value(arriving.data, goal.time + arriving.clocks)
        total = flow.stage(lambda a, b: (a + b)[: shape.arriving_bits].as_signed(), there, value)
        arriving.write_at(flow.at(valid, total.time), flow.at(goal, total.time), total.signal)
        latency = total.time + 1
        m.d.sync += wait.eq(Mux(wait == _MOST_WAIT, _MOST_WAIT, wait + 1))
        spiking, known = listed.data, listed.clocks
        with m.FSM(name="synapses"):
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [index.eq(0), wait.eq(0)]
                m.next = "CELL"
            with m.State("CELL"):
                listed.read_at(index < shape.cells, index)
                # First its two addresses in the list of synapses, while what is on its way arrives.
                first.read_at(wait >= known, spiking + (wait > known))
                with m.If(index == count), m.If(wait >= latency):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
                with m.Elif(wait == known + first.clocks):
                    m.d.sync += address.eq(first.data)
                with m.Elif(wait == known + first.clocks + 1):
                    m.d.sync += [end.eq(first.data), inhibitory.eq(spiking >= shape.synapse.first_inhibitory)]
                    self._ring(m, memories, shape, spiking, row, base)
                with m.Elif(wait == max(latency, known + first.clocks + 4)):
                    m.next = "SYNAPSES"
                if shape.rows > 1:
                    memories["delay"].read_at(wait >= known, spiking)
            with m.State("SYNAPSES"):
                m.d.comb += walking.eq(address != end)
                with m.If(walking):
                    m.d.sync += address.eq(address + 1)
                with m.If((address + 1 == end) | ~walking):
                    m.d.sync += [index.eq(index + 1), wait.eq(0)]
                    m.next = "CELL"

    def _ring(self, m: Module, memories: Any, shape: CoreShape, spiking: Any, row: Any, base: Any) -> None:
        """Set where the row begins in which the cell's spike arrives."""
        if shape.rows > 1:
            later = row + memories["delay"].data
            m.d.sync += base.eq(Mux(later >= shape.rows, later - shape.rows, later) * shape.cells)

    @staticmethod
    def _current(weight: Any, inhibitory: Any, shape: CoreShape) -> Any:
        k = shape.synapse
        shifts = (k.excitatory_shift, k.inhibitory_shift)
        values = [sign * (weight << shift) for sign, shift in zip(shape.signs, shifts, strict=True)]
        return Mux(inhibitory, values[1], values[0])
