"""A bridge from a serial line to the core's bus, for boards: 8 bits, no parity, one stop bit."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal

from lava_predict.targets.fpga.bus import REGISTER_BITS, HostPort
from lava_predict.targets.fpga.core import Core
from lava_predict.targets.fpga.shape import CoreShape

WRITE = 1 << REGISTER_BITS
"""Bit of the first byte that makes a message write; the other bits are the register."""


class Serial:
    """Receives and sends bytes; ``clocks`` is how many clocks a bit lasts.

    ``received`` is high for a clock when ``byte_in`` is there; ``send`` begins with ``byte_out`` if ``idle``.
    """

    def __init__(self, m: Module, rx: Signal, tx: Signal, clocks: int) -> None:
        self.received, self.byte_in = Signal(), Signal(8)
        self.send, self.byte_out, self.idle = Signal(), Signal(8), Signal()
        synchronised, level = Signal(init=1), Signal(init=1)
        m.d.sync += [synchronised.eq(rx), level.eq(synchronised)]
        timer, bits, got = Signal(range(2 * clocks)), Signal(range(11)), Signal(8)
        m.d.sync += self.received.eq(0)
        with m.If(bits == 0), m.If(~level):
            m.d.sync += [bits.eq(9), timer.eq(clocks + clocks // 2 - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(clocks - 1), bits.eq(bits - 1), got.eq(Cat(got[1:], level))]
            with m.If(bits == 1):
                m.d.sync += [self.received.eq(level), self.byte_in.eq(got), got.eq(got)]
        shift, left, beat = Signal(10, init=-1), Signal(range(11)), Signal(range(clocks))
        m.d.comb += [tx.eq(shift[0]), self.idle.eq(left == 0)]
        with m.If(left == 0), m.If(self.send):
            m.d.sync += [shift.eq(Cat(Const(0, 1), self.byte_out, Const(1, 1))), left.eq(10), beat.eq(0)]
        with m.Elif(beat == clocks - 1):
            m.d.sync += [beat.eq(0), left.eq(left - 1), shift.eq(Cat(shift[1:], Const(1, 1)))]
        with m.Else():
            m.d.sync += beat.eq(beat + 1)


class SerialCore:
    """The core behind a serial line.

    A message is two bytes, register (plus `WRITE`) and how many words less 1, and to write the words follow,
    each of four bytes, lowest first. To read, the core sends the words.
    """

    def __init__(self, shape: CoreShape, clocks: int, images: Mapping[str, list[int]] | None = None) -> None:
        self._clocks = clocks
        self.port = HostPort(Core(shape, images))
        self.rx, self.tx = Signal(init=1, name="rx"), Signal(init=1, name="tx")

    @property
    def ports(self) -> list[Signal]:
        """The clock and both ends of the line."""
        return [self.port.core.domain.clk, self.rx, self.tx]

    def lay_out(self) -> Module:
        """Return core, bus and bridge as a module."""
        m, port = self.port.lay_out(), self.port
        line = Serial(m, self.rx, self.tx, self._clocks)
        left, byte, word = Signal(9), Signal(range(5)), Signal(32)
        m.d.comb += port.dat_w.eq(word)
        with m.FSM(name="serial"):
            with m.State("REGISTER"), m.If(line.received):
                m.d.sync += Cat(port.adr, port.we).eq(line.byte_in)
                m.next = "COUNT"
            with m.State("COUNT"), m.If(line.received):
                m.d.sync += [left.eq(line.byte_in + 1), byte.eq(0)]
                with m.If(port.we):
                    m.next = "RECEIVE"
                with m.Else():
                    m.next = "TRANSFER"
            with m.State("RECEIVE"), m.If(line.received):
                m.d.sync += [word.eq(Cat(word[8:], line.byte_in)), byte.eq(byte + 1)]
                with m.If(byte == 3):
                    m.next = "TRANSFER"
            with m.State("TRANSFER"):
                m.d.comb += port.stb.eq(1)
                with m.If(port.ack):
                    m.d.sync += [left.eq(left - 1), byte.eq(0)]
                    with m.If(~port.we):
                        m.d.sync += word.eq(port.dat_r)
                        m.next = "SEND"
                    with m.Elif(left == 1):
                        m.next = "REGISTER"
                    with m.Else():
                        m.next = "RECEIVE"
            with m.State("SEND"):
                m.d.comb += [line.send.eq(byte != 4), line.byte_out.eq(word[:8])]
                with m.If(line.idle & (byte != 4)):
                    m.d.sync += [word.eq(word >> 8), byte.eq(byte + 1)]
                with m.If(line.idle & (byte == 4)):
                    m.next = "NEXT"
            with m.State("NEXT"):
                with m.If(left == 0):
                    m.next = "REGISTER"
                with m.Else():
                    m.next = "TRANSFER"
        return m
