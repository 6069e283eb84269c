"""The core: one scan of the cells a step, then a walk of the spikes' synapses beside one of the when rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Const, Module, Mux, Signal, signed

from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.numerics.integers import FEEDBACK_FRACTION, PAYLOAD_FRACTION
from lava_predict.targets.fpga import learning, noise, traces
from lava_predict.targets.fpga.cells import CELLS, at_bounds, decayed
from lava_predict.targets.fpga.cue import CueWalk
from lava_predict.targets.fpga.flow import Flow, Value, clipped, shifted
from lava_predict.targets.fpga.memory import ColumnMemory, Walk
from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.targets.fpga.synapses import SynapseWalk

_COUNTERS = ("first", "second", "s", "current", "z", "w_when")


class Core:
    """Everything but the bus. Registers are attributes that `HostPort` reads and writes between steps.

    ``images`` are the memories' first contents by column, for synthesis.
    """

    def __init__(self, shape: CoreShape, images: Mapping[str, list[int]] | None = None) -> None:
        self.shape, self._images = shape, images or {}
        events = range(shape.events)
        self.domain = ClockDomain("sync", reset_less=True)
        self.start, self.busy, self.diverged = Signal(), Signal(), Signal()
        self.learning, self.since = Signal(), Signal(signed(32))
        self.key, self.level = Signal(64), Signal(max(shape.channels, 1))
        self.cue, self.known = Signal(signed(16)), Signal(16)
        self.row = Signal(range(max(shape.rows, 2)))
        self.constant_norm, self.norm = Signal(48), Signal(48)
        self.count, self.clocks = Signal(range(shape.cells + 1)), Signal(32)
        self.lost = {name: Signal(32, name=f"lost_{name}") for name in _COUNTERS}
        self.gate, self.target = [Signal(13) for _ in events], [Signal(signed(24)) for _ in events]
        self.z, self.drive = ([Signal(signed(24)) for _ in events] for _ in range(2))
        self.memories: dict[str, ColumnMemory] = {}

    def lay_out(self) -> Module:
        """Return the core as a module, to which a host's port is still to be added."""
        m, shape, k = Module(), self.shape, self.shape.rule
        m.domains.sync = self.domain
        for column in shape.columns:
            self.memories[column.name] = ColumnMemory(m, column, self._images.get(column.name))
        self._block, self._base = Signal(range(max(shape.blocks, 2))), Const(0)
        if shape.blocks > 1:
            self._base = Signal(range(shape.blocks * shape.cells + 1))
        self._moves, self._mean_shift = Signal(), Signal(range(k.mean_shift + 2))
        self._word = Signal(64)
        cue_walk = CueWalk(m, self.memories, shape, self.cue, self.known, self.learning)
        scan, key, totals, weight_totals, norm = self._scan(m)
        synapse_walk = SynapseWalk(m, self.memories, shape, self.count, self.row)
        ends = self._end(m, totals, weight_totals, norm)
        rule = self._rule(m, ends)
        self._steps(m, cue_walk, scan, key, synapse_walk, ends, rule, (*totals, *weight_totals, norm))
        return m

    def _scan(self, m: Module) -> Any:
        """Lay out the scan of the cells; return it, the hash of its word, and the sums it leaves."""
        shape, k, memories = self.shape, self.shape.rule, self.memories
        scan = Walk(m, memories, shape.cells)
        flow = scan.flow
        m.d.sync += self._word.eq(self._word + noise.GOLDEN)
        hashed = noise.mix(flow, Value(self._word, 0))
        steady, lost_current = self._current(scan, hashed)
        place = (
            flow.stage(lambda j: j + self.row * shape.cells, scan.number) if shape.rows > 1 else scan.number
        )
        kept_time = steady.time
        s = decayed(
            flow,
            scan.read("synapses.s", kept_time - 3),
            scan.read("synapses.arriving", kept_time - 1, place),
            shape.synapse,
            k.rounding,
        )
        arriving = Value(Const(0, signed(shape.arriving_bits)), s.time)
        scan.write("synapses.arriving", arriving, place)
        scan.write("synapses.s", s)
        cell = CELLS[shape.neuron](
            flow, lambda name, t: scan.read(f"cells.{name}", t), steady, s, shape.neurons, k.rounding
        )
        for name, state in zip(shape.states, cell.states, strict=True):
            scan.write(f"cells.{name}", state)
        lost = (*cell.lost, flow.stage(at_bounds, s), lost_current)
        for counter, value in zip(self.lost.values(), lost, strict=False):
            scan.add(counter, value)
        spike = cell.spike
        with m.If(flow.at(scan.valid, spike.time) & spike.signal):
            m.d.sync += self.count.eq(self.count + 1)
            memories["spiking"].write_at(1, self.count, flow.at(scan.number, spike.time))
        self._counts(scan, spike)
        return scan, hashed, *self._readouts(m, scan, spike)

    def _current(self, scan: Walk, hashed: Value) -> tuple[Value, Value]:
        """Sum inputs, feedback, bias and noise; return the current, and whether it was clipped."""
        shape, k, flow = self.shape, self.shape.inputs, scan.flow
        parts = []
        if k.noise_factor:
            drawn = noise.noise_sum(flow, hashed)
            product = flow.multiply(drawn, Value(Const(k.noise_factor, signed(24)), drawn.time))
            parts.append(flow.cut(product, k.noise_shift, k.rounding))
        time = max(4, parts[0].time - 3 if parts else 0)
        for c in range(shape.channels):

            def on(w: Any, c: int = c) -> Any:
                strong = Mux(w > 0, w << k.positive_shift, w << k.negative_shift)
                return Mux(self.level[c], strong, 0)

            parts.append(flow.stage(on, scan.read(f"input{c}", time)))
        if k.feedback:
            parts += self._feedback(scan, time - 2)
        parts.append(scan.read("cells.bias", time))
        wide = flow.total(parts)
        return flow.clip(wide), flow.stage(lambda a: clipped(a) != a, wide)

    def _feedback(self, scan: Walk, time: int) -> list[Value]:
        """Sum the graded spikes times their weights, each sign apart."""
        k, flow, products = self.shape.inputs, scan.flow, []
        half = 1 << (PAYLOAD_FRACTION - FEEDBACK_FRACTION - 1)
        for event, z in enumerate(self.z):
            graded = (clipped(z, 0, 1 << PAYLOAD_FRACTION) + half) >> (PAYLOAD_FRACTION - FEEDBACK_FRACTION)
            still = Signal(graded.shape())
            flow.module.d.sync += still.eq(graded)
            weight = scan.read(f"feedback{event}", max(time, 4))
            products.append(flow.stage(lambda w, q=still: w * q, weight))
        positive = flow.total([flow.stage(lambda a: Mux(a > 0, a, 0), one) for one in products])
        negative = flow.total([flow.stage(lambda a: Mux(a < 0, a, 0), one) for one in products])
        return [
            flow.stage(lambda a, n=down: shifted(a, n), total)
            for total, down in (
                (positive, k.feedback_positive_shift),
                (negative, k.feedback_negative_shift),
            )
        ]

    def _counts(self, scan: Walk, spike: Value) -> None:
        """Count a cell's spikes for the cue, for the what rule and for the mean rates."""
        k, flow = self.shape.rule, scan.flow
        windows = (
            ("when.onset", (self.since >= 0) & (self.since < k.onset)),
            ("what.x_sum", (self.since >= k.what_low) & (self.since < k.what_high)),
            ("when.spikes", self.learning),
        )
        for name, window in windows:
            bits = len(self.memories[name].data)
            before = scan.read(name, spike.time)
            first = self.since == 0 if name == "when.onset" else Const(0)
            after = flow.stage(lambda a, b, f=first, n=bits: (Mux(f, 0, a) + b)[:n], before, spike)
            scan.write(name, after, when=window)

    def _readouts(self, m: Module, scan: Walk, spike: Value) -> Any:
        shape, k, flow = self.shape, self.shape.rule, scan.flow
        r, x = scan.read("when.r", spike.time - 3), scan.read("when.x", spike.time + 1)
        r, x = traces.advanced(flow, r, x, scan.read("when.decay", spike.time - 3), spike, k, k.rounding)
        scan.write("when.r", r)
        scan.write("when.x", x)
        place = flow.stage(lambda j: j + self._base, scan.number)
        mean = scan.read("when.m", x.time, place)
        mean = traces.followed(flow, mean, x, self._mean_shift, self._moves, k, k.rounding)
        scan.write("when.m", mean, place, self._moves)
        xc = traces.centred(flow, x, mean, k.rounding)
        scan.write("when.xc", xc)
        norm, totals, weight_totals = Signal(48), [], []
        scan.add(norm, flow.multiply(xc, xc))
        for event in range(shape.events):
            totals.append(Signal(signed(56), name=f"z_total{event}"))
            scan.add(totals[-1], flow.multiply(scan.read(f"when.w{event}", xc.time, place), xc))
            weight_totals.append(Signal(signed(40), name=f"what_total{event}"))
            weight = scan.read(f"what.w{event}", spike.time, place)
            scan.add(weight_totals[-1], flow.stage(lambda w, b: Mux(b, w, 0), weight, spike))
        return totals, weight_totals, norm

    def _end(self, m: Module, totals: Any, weight_totals: Any, norm: Signal) -> Any:
        """Lay out the readouts and the rule's changes; all they depend on stands still meanwhile."""
        k, flow = self.shape.rule, Flow(m)
        divisor = norm if k.moment_norm else self.constant_norm
        shift = learning.rule_shift(flow, Value(divisor, 0), k)
        z, drive, changes = [], [], []
        for event in range(self.shape.events):
            z.append(learning.read_when(flow, Value(totals[event], 0), k))
            drive.append(learning.read_what(flow, Value(weight_totals[event], 0), k))
            static = (self.target[event], self.gate[event], self.memories[f"rate{event}"].data)
            target, gate, rate = (Value(signal, z[-1].value.time) for signal in static)
            changes.append(learning.change(flow, z[-1].value, target, gate, rate, shift, k.rounding))
        latency = max(value.time for value in (*changes, shift))
        return z, drive, changes, shift, latency

    def _rule(self, m: Module, ends: Any) -> Walk:
        """Lay out the walk in which the weights change."""
        shape, k = self.shape, self.shape.rule
        _, _, changes, shift, _ = ends
        walk = Walk(m, self.memories, shape.cells)
        flow = walk.flow
        place, lost = flow.stage(lambda j: j + self._base, walk.number), []
        xc = walk.read("when.xc", 4)
        for event in range(shape.events):
            name = f"when.w{event}"
            weight, clip = learning.taught(
                flow,
                xc,
                changes[event].signal,
                shift.signal,
                k,
                lambda t, n=name: walk.read(n, t, place),
            )
            walk.write(name, weight, place)
            lost.append(clip)
        walk.add(self.lost["w_when"], flow.total(lost))
        return walk

    def _steps(
        self,
        m: Module,
        cue_walk: Any,
        scan: Walk,
        key: Value,
        synapses: Any,
        ends: Any,
        rule: Walk,
        sums: Any,
    ) -> None:
        """Lay out what follows what in a step."""
        shape, k, memories = self.shape, self.shape.rule, self.memories
        z, drive, _, _, latency = ends
        wait, place = Signal(range(max(latency, key.time) + 8)), Mux(self.cue < 0, 0, self.cue.as_unsigned())
        settled, block = memories["when.settled"], self._block
        told = (self.since >= k.onset) & (self.cue >= 0)
        synapses_left, rule_left = Signal(), Signal()
        scan_over, rule_over = scan.finished(), rule.finished()
        moves = self.learning & (self.since[: MEAN_EVERY.bit_length() - 1] == 0)
        m.d.sync += [wait.eq(wait + 1), self.clocks.eq(self.clocks + self.busy)]
        settled.read_at(self.busy, block)
        for event in range(shape.events):
            memories[f"rate{event}"].read_at(self.busy, place)
        with m.FSM(name="step") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [wait.eq(0), self.clocks.eq(0), self.key.eq(self.key + noise.GOLDEN)]
                m.d.sync += [register.eq(0) for register in (*sums, self.count)]
                m.next = "CUE"
            with m.State("CUE"):
                with m.If(self.since == k.onset):
                    m.d.comb += cue_walk.start.eq(1)
                    m.next = "TELL"
                with m.Else():
                    m.d.sync += wait.eq(0)
                    m.next = "KEY"
            with m.State("TELL"), m.If(cue_walk.done):
                m.d.sync += wait.eq(0)
                m.next = "KEY"
            with m.State("KEY"):
                with m.If(wait == 0):
                    m.d.sync += self._word.eq(self.key)
                    if shape.blocks > 1:
                        m.d.sync += [block.eq(place), self._base.eq(place * shape.cells)]
                with m.If(wait == key.time + 1):
                    shift = bit_length_of(settled.data, k.mean_shift)
                    m.d.sync += [self._moves.eq(moves), self._mean_shift.eq(shift)]
                    m.d.sync += self._word.eq(key.signal + noise.GOLDEN)
                    m.d.comb += scan.start.eq(1)
                    settled.write_at(moves, block, settled.data + 1)
                    m.next = "SCAN"
            with m.State("SCAN"), m.If(scan_over):
                m.d.sync += wait.eq(0)
                m.next = "END"
            with m.State("END"), m.If(wait == latency):
                teach = self.learning & told & (Cat(*self.gate) != 0)
                far = Cat(*(learning.beyond(one.value.signal) for one in z)).any() & told
                m.d.sync += [self.diverged.eq(far), self.norm.eq(sums[-1])]
                for event in range(shape.events):
                    m.d.sync += [
                        self.z[event].eq(Mux(told, z[event].value.signal, 0)),
                        self.drive[event].eq(Mux(told, drive[event].value.signal, 0)),
                    ]
                clips = sum(one.lost.signal for one in z)
                m.d.sync += self.lost["z"].eq(self.lost["z"] + Mux(told, clips, 0))
                m.d.comb += [synapses.start.eq(1), rule.start.eq(teach & ~far)]
                m.d.sync += [synapses_left.eq(1), rule_left.eq(teach & ~far)]
                m.next = "WALK"
            with m.State("WALK"):
                with m.If(synapses.done):
                    m.d.sync += synapses_left.eq(0)
                with m.If(rule_over):
                    m.d.sync += rule_left.eq(0)
                with m.If(~synapses_left & ~rule_left):
                    m.d.sync += self.since.eq(self.since + 1)
                    if shape.rows > 1:
                        m.d.sync += self.row.eq(Mux(self.row == shape.rows - 1, 0, self.row + 1))
                    m.next = "IDLE"


def bit_length_of(count: Any, most: int) -> Any:
    """Return the number of bits of a count, at most ``most``."""
    length = Const(0, max(most, 1).bit_length())
    for bit in range(most):
        length = Mux(count[bit], bit + 1, length)
    return Mux(count[most:].any(), most, length)
