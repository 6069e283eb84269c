"""Block memories of the core: columns of numbers, which walks and the host read and write in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib.memory import Memory

from lava_predict.targets.fpga.flow import Flow, Value

READ_CLOCKS = 3
"""From an address to its number: registers before the memory (as before its writes), in it and behind it."""

BANK = 8192
"""Words of a bank of a deep memory."""

BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2))
"""Words and bits that a block memory of an ECP5 can have."""

_WHOLE = 2048
"""Up to so many words a memory is one, as wide as its numbers; Yosys chooses the shape of its blocks."""

_FANIN = 16


def slices(words: int, bits: int) -> list[tuple[int, int]]:
    """Return lowest bit and number of bits of the memories that a bank is made of.

    Of more than 2,048 words each is one block: wide words would need a multiplexer before every bit, and
    the wires to it are what makes a core hard to route.
    """
    width = bits if words <= _WHOLE else next(b for w, b in BLOCKS if words <= w)
    return [(low, min(width, bits - low)) for low in range(0, bits, width)]


_BANK_BITS = BANK.bit_length() - 1


@dataclass(frozen=True)
class Column:
    """A memory's name, words, bits, and whether these have a sign."""

    name: str
    depth: int
    bits: int
    signed: bool = True

    @property
    def shape(self) -> Shape:
        """The numbers' shape."""
        return signed(self.bits) if self.signed else unsigned(self.bits)


class ColumnMemory:
    """A column in a module: one port to read, one to write; whoever asks last in the source goes first.

    ``data`` is there ``clocks`` after the address: `READ_CLOCKS`, or more if the memory has many banks. Each
    of these has its own registers before it, as they lie far from each other.
    """

    def __init__(self, module: Module, column: Column, image: list[int] | None = None) -> None:
        self.column = column
        address = range(max(column.depth, 2))
        self.read_address, self.write_address = Signal(address), Signal(address)
        self.write_enable, self.write_data = Signal(), Signal(column.shape)
        self._module = module
        self.clocks = READ_CLOCKS
        # Memories lie far from what asks for them.
        asked = (self.read_address, self.write_enable, self.write_address, self.write_data)
        asked = tuple(map(self._delayed, asked))
        banks = range(-(-column.depth // BANK))
        number = asked[0][_BANK_BITS:]
        outputs = []
        for bank in banks:
            words = (image or [])[bank * BANK : (bank + 1) * BANK]
            depth = min(BANK, column.depth - bank * BANK)
            ports = asked if len(banks) == 1 else self._gated(asked, bank)
            outputs.append(self._bank(f"{column.name.replace('.', '_')}_{bank}", depth, ports, words))
        if len(banks) > 1:
            self.clocks += 1
            number = self._delayed(number)
        self.data = self._select(outputs, number)

    def _gated(self, asked: Any, bank: int) -> Any:
        """Lead what is asked of a bank to registers that hold 0 while another bank is asked.

        The gate of its own keeps Yosys from merging these registers with those of another bank.
        """
        reads, writes = ((asked[at][_BANK_BITS:] == bank) for at in (0, 2))
        gates = zip(asked, (reads, writes, writes, writes), strict=True)
        return tuple(self._delayed(Mux(gate, value, 0)) for value, gate in gates)

    def _bank(self, name: str, depth: int, asked: Any, image: list[int]) -> Signal:
        """Lay out the memories of a bank; return its output."""
        m, outputs = self._module, []
        read_address, enable, write_address, data = asked
        for low, bits in slices(depth, self.column.bits):
            init = [word >> low & (1 << bits) - 1 for word in image]
            memory = Memory(shape=unsigned(bits), depth=max(depth, 2), init=init)
            m.submodules[f"{name}_{low}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(read_address),
                read.en.eq(1),
                write.addr.eq(write_address),
                write.data.eq(data[low : low + bits]),
                write.en.eq(enable),
            ]
            outputs.append(read.data)
        output = Signal(self.column.shape)
        m.d.sync += output.eq(Cat(*outputs))
        return output

    def _select(self, outputs: list[Signal], number: Any) -> Signal:
        """Choose among the banks' outputs, a register behind every sixteen."""
        m, step = self._module, _FANIN.bit_length() - 1
        for _ in range(READ_CLOCKS - 1 if len(outputs) > 1 else 0):
            number = self._delayed(number)
        while len(outputs) > 1:
            chosen = []
            for first in range(0, len(outputs), _FANIN):
                group, result = outputs[first : first + _FANIN], Signal(self.column.shape)
                with m.Switch(number[:step]):
                    for index, output in enumerate(group):
                        with m.Case(index):
                            m.d.sync += result.eq(output)
                chosen.append(result)
            outputs, number = chosen, self._delayed(number[step:])
            self.clocks += 1
        return outputs[0]

    def _delayed(self, value: Any) -> Signal:
        delayed = Signal(max(len(value), 1))
        self._module.d.sync += delayed.eq(value)
        return delayed

    def read_at(self, enable: Any, address: Any) -> None:
        """Put an address to the port where enabled."""
        with self._module.If(enable):
            self._module.d.comb += self.read_address.eq(address)

    def write_at(self, enable: Any, address: Any, data: Any) -> None:
        """Write where enabled."""
        with self._module.If(enable):
            self._module.d.comb += [
                self.write_enable.eq(1),
                self.write_address.eq(address),
                self.write_data.eq(data),
            ]


class Walk:
    """Cells one after the other: a number a clock, and what is read and written on its way.

    ``going`` is high while cells are issued and on their way; ``start`` begins.
    """

    def __init__(self, module: Module, memories: dict[str, ColumnMemory], cells: int) -> None:
        self._memories, self._module = memories, module
        self.flow = Flow(module)
        self.start, self.issuing = Signal(), Signal()
        number = Signal(range(max(cells, 2)))
        self.number, self.valid = Value(number, 0), Value(self.issuing, 0)
        self._last = 0
        module.d.sync += number.eq(Mux(self.issuing, number + 1, 0))
        with module.If(self.start):
            module.d.sync += self.issuing.eq(1)
        with module.Elif(number == cells - 1):
            module.d.sync += self.issuing.eq(0)

    def read(self, name: str, time: int, address: Value | None = None) -> Value:
        """Read a column so that the number is there at a time, or as soon after it as can be."""
        memory, address = self._memories[name], address or self.number
        time = max(time, memory.clocks + address.time)
        asked = time - memory.clocks
        memory.read_at(self.flow.at(self.valid, asked), self.flow.at(address, asked))
        return Value(memory.data, time)

    def write(self, name: str, value: Value, address: Value | None = None, when: Any = 1) -> None:
        """Write a column as soon as its value is there, in walks in which ``when`` is true."""
        flow, time, address = self.flow, value.time, address or self.number
        here = flow.at(self.valid, time) & when
        self._memories[name].write_at(here, flow.at(address, time), value.signal)
        self._last = max(self._last, time)

    def add(self, register: Any, value: Value) -> None:
        """Add a value to a register, where a cell is."""
        with self._module.If(self.flow.at(self.valid, value.time)):
            self._module.d.sync += register.eq(register + value.signal)
        self._last = max(self._last, value.time)

    def finished(self) -> Any:
        """Tell, in the clock after the last write, that the walk is over; call it when all is laid out."""
        before, after = (self.flow.at(self.valid, self._last + n) for n in range(2))
        return after & ~before
