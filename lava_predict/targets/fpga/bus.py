"""The core's registers on a Wishbone bus, and the window through which the memories are read and written."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal

from lava_predict.targets.fpga.core import Core

STATUS, LEARNING, SINCE, KEY, LEVEL, CUE, KNOWN, ROW = 0, 1, 2, 3, 5, 6, 7, 8
CONSTANT_NORM, COUNT, CLOCKS, NORM, MEMORY, ADDRESS, DATA = 9, 11, 12, 13, 15, 16, 17
LOST = 18
EVENTS = 32
GATE, TARGET, Z, DRIVE = range(4)
REGISTER_BITS = 7
"""Of a register's number. KEY, CONSTANT_NORM, NORM are two words, low first; `EVENTS` + 4 k is of event k."""

BUSY, DIVERGED = 1, 2
"""Bits of STATUS, which a write of 1 makes the core step."""

_READ_CLOCKS, _REGISTER_CLOCKS = 15, 2
_TOGETHER = 8


class HostPort:
    """The core behind a classic Wishbone bus: ``adr``, ``dat_w`` and ``dat_r``, ``we``, ``stb``, ``ack``."""

    def __init__(self, core: Core) -> None:
        self.core = core
        # Names of their own, as Amaranth finds none in an assignment to several.
        self.adr = Signal(REGISTER_BITS, name="adr")
        self.dat_w, self.dat_r = Signal(32, name="dat_w"), Signal(32, name="dat_r")
        self.we, self.stb, self.ack = (Signal(name=name) for name in ("we", "stb", "ack"))

    @property
    def ports(self) -> list[Signal]:
        """Signals of the bus, and the clock."""
        return [self.core.domain.clk, self.adr, self.dat_w, self.dat_r, self.we, self.stb, self.ack]

    def lay_out(self) -> Module:
        """Return core and bus as a module."""
        core = self.core
        m = core.lay_out()
        memory, address, wait = Signal(8), Signal(32), Signal(range(_READ_CLOCKS + 1))
        last = Signal(32)
        fresh = self.stb & ~self.ack
        data = self.adr == DATA
        ready = Mux(self.we, 1, wait == Mux(data, _READ_CLOCKS, _REGISTER_CLOCKS))
        with m.If(fresh):
            m.d.sync += [self.ack.eq(ready), wait.eq(wait + 1)]
            with m.If(data & ready):
                m.d.sync += address.eq(address + 1)
        with m.Else():
            m.d.sync += [self.ack.eq(0), wait.eq(0)]
        plain = self._registers()
        plain |= {MEMORY: (memory, True), ADDRESS: (address, True)}
        with m.If(fresh & self.we), m.Switch(self.adr):
            for number, (register, writable) in plain.items():
                if writable:
                    with m.Case(number):
                        m.d.sync += register.eq(self.dat_w)
        m.d.comb += core.start.eq(fresh & self.we & (self.adr == STATUS) & self.dat_w[0])
        readable = {number: register for number, (register, _) in plain.items()}
        self._read(m, {**readable, STATUS: core.busy | core.diverged << 1, DATA: last})
        self._window(m, memory, address, fresh & self.we & data, last)
        return m

    def _read(self, m: Module, readable: dict[int, Any]) -> None:
        """Lead a register to ``dat_r``: first eight of them to one, then these together."""
        total: Any = Const(0, 32)
        numbers = sorted(readable)
        for first in range(0, len(numbers), _TOGETHER):
            group = Signal(32)
            with m.Switch(self.adr):
                for number in numbers[first : first + _TOGETHER]:
                    with m.Case(number):
                        m.d.sync += group.eq(readable[number])
                with m.Default():
                    m.d.sync += group.eq(0)
            total = total | group
        m.d.sync += self.dat_r.eq(total)

    def _registers(self) -> dict[int, tuple[Any, bool]]:
        """Return the registers by number, each with whether the host may write it."""
        core = self.core
        registers: dict[int, tuple[Any, bool]] = {
            LEARNING: (core.learning, True),
            SINCE: (core.since, True),
            KEY: (core.key[:32], True),
            KEY + 1: (core.key[32:], True),
            LEVEL: (core.level, True),
            CUE: (core.cue, True),
            KNOWN: (core.known, True),
            ROW: (core.row, True),
            CONSTANT_NORM: (core.constant_norm[:32], True),
            CONSTANT_NORM + 1: (core.constant_norm[32:], True),
            COUNT: (core.count, False),
            CLOCKS: (core.clocks, False),
            NORM: (core.norm[:32], False),
            NORM + 1: (core.norm[32:], False),
        }
        for number, counter in enumerate(core.lost.values()):
            registers[LOST + number] = (counter, True)
        for event in range(core.shape.events):
            fields = (core.gate[event], core.target[event], core.z[event], core.drive[event])
            for offset, register in enumerate(fields):
                registers[EVENTS + 4 * event + offset] = (register, offset != DRIVE)
        return registers

    def _window(self, m: Module, memory: Any, address: Any, write: Any, last: Any) -> None:
        """Give the host all memories; those that the core uses are overridden in their own steps."""
        outputs = []
        place, enable, word, idle = Signal(32), Signal(), Signal(32), Signal()
        m.d.sync += [place.eq(address), enable.eq(write), word.eq(self.dat_w), idle.eq(~self.core.busy)]
        for number, column in enumerate(self.core.memories.values()):
            chosen, register = Signal(), Signal(32)
            m.d.sync += [chosen.eq(memory == number), register.eq(Mux(chosen, column.data, 0))]
            here = chosen & idle
            column.read_at(here, place)
            column.write_at(here & enable, place, word)
            outputs.append(register)
        while len(outputs) > 1:
            merged = []
            for first in range(0, len(outputs), 4):
                register = Signal(32)
                total: Any = Const(0, 32)
                for one in outputs[first : first + 4]:
                    total = total | one
                m.d.sync += register.eq(total)
                merged.append(register)
            outputs = merged
        m.d.comb += last.eq(outputs[0])
