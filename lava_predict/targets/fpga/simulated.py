"""The core in Amaranth's own simulator, for tiny networks where Verilator is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.sim import Simulator

from lava_predict.targets.fpga import bus
from lava_predict.targets.fpga.core import Core
from lava_predict.targets.fpga.shape import CoreShape


class SimulatedBus:
    """Registers of a core in the simulator, as `lava_predict.targets.fpga.device.Bus`."""

    def __init__(self, shape: CoreShape) -> None:
        self._port = bus.HostPort(Core(shape))
        self._waiting: list[tuple[int, int, bool]] = []
        self._answers: list[int] = []
        self._simulator = Simulator(self._port.lay_out())
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._serve, background=True)

    async def _serve(self, context: Any) -> None:
        port = self._port
        while True:
            if self._waiting:
                address, data, write = self._waiting.pop(0)
                for signal, value in (
                    (port.adr, address),
                    (port.dat_w, data),
                    (port.we, write),
                    (port.stb, 1),
                ):
                    context.set(signal, value)
                await context.tick().until(port.ack)
                self._answers.append(context.get(port.dat_r))
                context.set(port.stb, 0)
            await context.tick()

    def _transfer(self, address: int, data: int, write: bool) -> int:
        self._waiting.append((address, data, write))
        while not self._answers:
            self._simulator.advance()
        return self._answers.pop()

    def write(self, register: int, words: np.ndarray) -> None:  # noqa: D102
        for word in words:
            self._transfer(register, int(word) & 0xFFFFFFFF, True)

    def read(self, register: int, count: int) -> np.ndarray:  # noqa: D102
        return np.array([self._transfer(register, 0, False) for _ in range(count)], np.uint32)

    def steps(  # noqa: D102
        self, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
    ) -> int:
        return play_steps(self, events, spiking, inputs, outputs, spikes)

    def close(self) -> None:
        """Do nothing: the simulator holds nothing."""


def play_steps(
    to: Any, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
) -> int:
    """Play steps through the plain reads and writes of a bus, as harness.cpp does it."""
    recorded = 0
    results = (bus.NORM, bus.NORM + 1, bus.CLOCKS, bus.COUNT)
    read = [bus.EVENTS + 4 * event + field for event in range(events) for field in (bus.Z, bus.DRIVE)]
    taught = [bus.EVENTS + 4 * event + field for event in range(events) for field in (bus.GATE, bus.TARGET)]
    to.write(bus.MEMORY, np.array([spiking]))
    for step in range(len(inputs)):
        for register, word in zip([bus.LEVEL, *taught], inputs[step], strict=True):
            to.write(register, np.array([word]))
        to.write(bus.STATUS, np.array([1]))
        while (status := int(to.read(bus.STATUS, 1)[0])) & bus.BUSY:
            pass
        outputs[step] = status, *(int(to.read(register, 1)[0]) for register in (*results, *read))
        count = int(outputs[step, 4])
        to.write(bus.ADDRESS, np.array([0]))
        spikes[recorded : recorded + count] = to.read(bus.DATA, count)
        recorded += count
        if status & bus.DIVERGED:
            return step + 1
    return len(inputs)
