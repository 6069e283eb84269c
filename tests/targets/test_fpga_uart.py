"""The serial bridge, bit by bit in Amaranth's simulator."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from amaranth.sim import Simulator

from lava_predict import load_preset
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.targets.fpga import bus
from lava_predict.targets.fpga.shape import shape_of
from lava_predict.targets.fpga.uart import WRITE, SerialCore

CLOCKS = 4  # A bit.


def test_words_that_a_serial_line_writes_are_read_back_from_registers_and_memories() -> None:
    config = load_preset("smoke", ["reservoir.neurons=12"])
    core = SerialCore(shape_of(FixedArithmetic(config, draw_network(config))), CLOCKS)
    got: list[int] = []

    async def send(context: Any, *message: int) -> None:
        for byte in message:
            for bit in (0, *(byte >> n & 1 for n in range(8)), 1):
                context.set(core.rx, bit)
                await context.tick().repeat(CLOCKS)

    async def receive(context: Any, count: int) -> bytes:
        message = []
        for _ in range(count):
            while context.get(core.tx):
                await context.tick()
            await context.tick().repeat(CLOCKS // 2)
            bits = []
            for _ in range(9):
                await context.tick().repeat(CLOCKS)
                bits.append(context.get(core.tx))
            message.append(sum(bit << n for n, bit in enumerate(bits[:8])))
            assert bits[8] == 1
        return bytes(message)

    async def talk(context: Any) -> None:
        await context.tick().repeat(10 * CLOCKS)
        await send(context, WRITE | bus.SINCE, 0, *(-7).to_bytes(4, "little", signed=True))
        await send(context, WRITE | bus.MEMORY, 0, 0, 0, 0, 0)
        await send(context, WRITE | bus.ADDRESS, 0, 3, 0, 0, 0)
        await send(context, WRITE | bus.DATA, 1, 1, 2, 3, 0, 4, 5, 6, 0)
        await send(context, bus.SINCE, 0)
        got.append(int.from_bytes(await receive(context, 4), "little", signed=True))
        await send(context, WRITE | bus.ADDRESS, 0, 3, 0, 0, 0)
        await send(context, bus.DATA, 1)
        words = await receive(context, 8)
        got.extend(int.from_bytes(words[n : n + 4], "little") for n in (0, 4))

    simulator = Simulator(core.lay_out())
    simulator.add_clock(1e-6)
    simulator.add_testbench(talk)
    simulator.run()
    assert got == [-7, 0x030201, 0x060504]
