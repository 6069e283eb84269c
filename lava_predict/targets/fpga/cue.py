"""Which cue it is: walks over the units of known cues before the step in which it is told."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed

from lava_predict.learning.cue_units import UNIT_FRACTION, UNIT_SHIFT
from lava_predict.numerics.integers import bit_length
from lava_predict.targets.fpga.memory import ColumnMemory, Walk
from lava_predict.targets.fpga.shape import CoreShape

_BITS = 64


class CueWalk:
    """Compares the counted spikes with every unit, then moves or opens one, as `fixed_find_cue`.

    ``start`` begins; ``done`` is high for a clock. ``cue`` and ``known`` are the core's registers.
    """

    def __init__(
        self,
        m: Module,
        memories: dict[str, ColumnMemory],
        shape: CoreShape,
        cue: Signal,
        known: Signal,
        learning: Signal,
    ) -> None:
        self.start, self.done = Signal(), Signal()
        n, blocks = shape.cells, shape.blocks
        unit, found, source = (
            Signal(range(shape.cues + 1)),
            Signal(signed(len(cue))),
            Signal(range(shape.cues + 1)),
        )
        product, size, counts = Signal(_BITS), Signal(_BITS), Signal(_BITS)
        compared = Walk(m, memories, n)
        flow, base = compared.flow, Signal(range(shape.cues * n + 1))
        place = flow.stage(lambda j: j + base, compared.number)
        u, count = compared.read("when.units", 4, place), compared.read("when.onset", 4)
        for register, pair in ((product, (u, count)), (size, (u, u)), (counts, (count, count))):
            compared.add(register, flow.multiply(*pair))
        compared_all = compared.finished()

        changed = Walk(m, memories, n)
        new, copies = Signal(), Signal()
        flow, goal, origin = changed.flow, Signal.like(base), Signal.like(base)
        place = flow.stage(lambda j: j + goal, changed.number)
        before, count = changed.read("when.units", 4, place), changed.read("when.onset", 4)
        moved = flow.stage(
            lambda u, c: (u + (((c << UNIT_FRACTION) - u + (1 << (UNIT_SHIFT - 1))) >> UNIT_SHIFT))[: len(u)],
            before,
            count,
        )
        unit_after = flow.stage(lambda a, c: Mux(new, c << UNIT_FRACTION, a)[: len(a)], moved, count)
        changed.write("when.units", unit_after, place)
        if blocks > 1:
            first = flow.stage(lambda j: j + origin, changed.number)
            changed.write("when.m", changed.read("when.m", unit_after.time, first), place, copies)
        changed_all = changed.finished()

        times = Product(m)
        cut = max(0, bit_length(n) + 10 + UNIT_FRACTION - 20)
        over, under, square, left = (Signal(_BITS) for _ in range(4))
        small = Signal(_BITS)
        settled, copied = memories["when.settled"], Signal(range(8))
        with m.FSM(name="cue"):
            with m.State("IDLE"):
                m.d.sync += [unit.eq(0), base.eq(0), found.eq(-1), counts.eq(0), product.eq(0), size.eq(0)]
                with m.If(self.start):
                    m.next = "COUNT"
            with m.State("COUNT"):
                # Also with no known cue: then only the counts' own square is used, by nobody.
                m.d.comb += compared.start.eq(1)
                m.next = "COMPARE"
            with m.State("COMPARE"), m.If(compared_all):
                m.next = "SQUARE"
            with m.State("SQUARE"):
                with m.If(unit == 0):
                    m.d.sync += [over.eq(63 * counts), under.eq(128)]
                m.d.sync += small.eq(size >> 2 * cut)
                m.d.comb += times.begin(product >> cut, product >> cut)
                m.next = "SQUARED"
            with m.State("SQUARED"), m.If(times.done):
                m.d.sync += square.eq(times.result)
                m.next = "LEFT"
            with m.State("LEFT"):
                m.d.comb += times.begin(square, under)
                m.next = "LEFT DONE"
            with m.State("LEFT DONE"), m.If(times.done):
                m.d.sync += left.eq(times.result)
                m.next = "RIGHT"
            with m.State("RIGHT"):
                m.d.comb += times.begin(small, over)
                m.next = "RIGHT DONE"
            with m.State("RIGHT DONE"), m.If(times.done):
                with m.If((left.as_signed() > times.result.as_signed()) & (unit < known)):
                    m.d.sync += [found.eq(unit), over.eq(square), under.eq(small)]
                m.d.sync += [unit.eq(unit + 1), base.eq(base + n), product.eq(0), size.eq(0), counts.eq(0)]
                with m.If(unit + 1 < known):
                    m.next = "COUNT"
                with m.Else():
                    m.next = "OPEN"
            with m.State("OPEN"):
                last = Mux(cue < 0, 0, cue)
                m.d.sync += [new.eq(0), source.eq(last), copies.eq(0), cue.eq(found)]
                with m.If(~learning):
                    m.next = "DONE"
                with m.Elif(found >= 0):
                    m.next = "PLACE"
                with m.Elif(known < shape.cues):
                    m.d.sync += [new.eq(1), copies.eq(known > 0), cue.eq(known), known.eq(known + 1)]
                    m.next = "PLACE"
                with m.Else():
                    m.d.sync += cue.eq(last)
                    m.next = "DONE"
            with m.State("PLACE"):
                m.d.sync += [goal.eq(cue.as_unsigned() * n), origin.eq(source * n), copied.eq(0)]
                m.next = "CHANGE"
            with m.State("CHANGE"):
                m.d.comb += changed.start.eq(1)
                m.next = "CHANGING"
            with m.State("CHANGING"):
                m.d.sync += copied.eq(Mux(copied == 7, 7, copied + 1))
                if blocks > 1:
                    settled.read_at(~copied[2], source)
                    settled.write_at((copied == settled.clocks) & copies, cue.as_unsigned(), settled.data)
                with m.If(changed_all):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"


class Product:
    """Multiplies two numbers of 64 bits, modulo 2^64, a bit a clock."""

    def __init__(self, m: Module) -> None:
        self.result, self.done = Signal(_BITS), Signal()
        self._start, self._left, self._right = Signal(), Signal(_BITS), Signal(_BITS)
        left, right, busy = Signal(_BITS), Signal(_BITS), Signal()
        m.d.comb += self.done.eq(busy & (right == 0))
        with m.If(self._start):
            m.d.sync += [left.eq(self._left), right.eq(self._right), self.result.eq(0), busy.eq(1)]
        with m.Elif(busy):
            m.d.sync += [left.eq(left << 1), right.eq(right >> 1), busy.eq(right != 0)]
            with m.If(right[0]):
                m.d.sync += self.result.eq(self.result + left)

    def begin(self, left: Any, right: Any) -> list[Any]:
        """Return the statements that begin a product."""
        return [self._start.eq(1), self._left.eq(left), self._right.eq(right)]
