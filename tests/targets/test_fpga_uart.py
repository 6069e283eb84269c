"""The serial line's two ends, the core's bit by bit in Amaranth's simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from amaranth.sim import Simulator

from lava_predict import load_preset
from lava_predict.errors import RunError
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.targets.fpga import bus
from lava_predict.targets.fpga.serial_bus import SerialBus
from lava_predict.targets.fpga.shape import shape_of
from lava_predict.targets.fpga.uart import SerialCore

CLOCKS = 4  # A bit.


class SimulatedPort:
    """A serial line to a core in the simulator."""

    def __init__(self, core: SerialCore) -> None:
        self._core, self._sent, self._received = core, bytearray(), bytearray()
        self._simulator = Simulator(core.lay_out())
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._send, background=True)
        self._simulator.add_testbench(self._receive, background=True)

    def write(self, data: bytes) -> None:
        self._sent += data

    def read(self, size: int) -> bytes:
        while len(self._received) < size:
            self._simulator.advance()
        answer, self._received = bytes(self._received[:size]), self._received[size:]
        return answer

    def close(self) -> None:
        pass

    async def _send(self, context: Any) -> None:
        await context.tick().repeat(10 * CLOCKS)
        while True:
            if self._sent:
                byte = self._sent.pop(0)
                for bit in (0, *(byte >> n & 1 for n in range(8)), 1):
                    context.set(self._core.rx, bit)
                    await context.tick().repeat(CLOCKS)
            await context.tick()

    async def _receive(self, context: Any) -> None:
        while True:
            while context.get(self._core.tx):
                await context.tick()
            await context.tick().repeat(CLOCKS // 2)
            bits = []
            for _ in range(9):
                await context.tick().repeat(CLOCKS)
                bits.append(context.get(self._core.tx))
            self._received.append(sum(bit << n for n, bit in enumerate(bits[:8])))
            assert bits[8] == 1


@pytest.mark.long
def test_words_that_the_host_writes_are_read_back_from_registers_and_memories() -> None:
    config = load_preset("smoke", ["reservoir.neurons=12"])
    core = SerialCore(shape_of(FixedArithmetic(config, draw_network(config))), CLOCKS)
    line = SerialBus(SimulatedPort(core))
    line.write(bus.SINCE, np.array([-7]))
    line.write(bus.MEMORY, np.array([0]))
    line.write(bus.ADDRESS, np.array([3]))
    line.write(bus.DATA, np.array([0x030201, 0x060504]))
    assert line.read(bus.SINCE, 1).astype(np.int32).tolist() == [-7]
    line.write(bus.ADDRESS, np.array([3]))
    assert line.read(bus.DATA, 2).tolist() == [0x030201, 0x060504]


class Echo:
    """A line whose far end keeps what is written to register 17 and sends it again, by the documentation."""

    def __init__(self, silent: bool = False) -> None:
        self.words, self._answer, self._silent = bytearray(), bytearray(), silent

    def write(self, data: bytes) -> None:
        count = data[1] + 1
        if data[0] == 17 + 128:
            assert len(data) == 2 + 4 * count
            self.words += data[2:]
        else:
            assert data[0] == 17
            self._answer += self.words[: 4 * count]
            del self.words[: 4 * count]

    def read(self, size: int) -> bytes:
        answer = bytes(self._answer[: size - 1 if self._silent else size])
        self._answer.clear()
        return answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
def test_messages_hold_at_most_256_words(count: int) -> None:
    line, words = SerialBus(Echo()), np.arange(count) * 12345 - 7
    line.write(17, words)
    np.testing.assert_array_equal(line.read(17, count).astype(np.int32), words)


def test_a_core_that_does_not_answer_is_an_error() -> None:
    line = SerialBus(Echo(silent=True))
    line.write(17, np.array([1]))
    with pytest.raises(RunError, match="sent 3 of 4 bytes of register 17"):
        line.read(17, 1)
