"""One block of the core in Amaranth's own simulator: rows of numbers in, a clock apart, and rows out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

from lava_predict.targets.fpga.flow import Flow, Value


def through(
    block: Callable[..., Sequence[Value]], inputs: Mapping[str, np.ndarray], unsigned: Sequence[str] = ()
) -> list[np.ndarray]:
    """Send rows through ``block(flow, read)``; ``read(name, time=0)`` gives a column of ``inputs``."""
    m = Module()
    flow = Flow(m)
    bits = {name: max(int(abs(n)).bit_length() for n in values) for name, values in inputs.items()}
    shapes = {name: bits[name] if name in unsigned else signed(bits[name] + 1) for name in inputs}
    signals = {name: Signal(shapes[name]) for name in inputs}

    def read(name: str, time: int = 0) -> Value:
        return Value(flow.at(Value(signals[name], 0), time), time)

    outputs = block(flow, read)
    latency = max(value.time for value in outputs)
    aligned = [flow.at(value, latency) for value in outputs]
    rows, got = len(next(iter(inputs.values()))), []

    async def play(context: Any) -> None:
        for row in range(rows + latency):
            for name, values in inputs.items():
                context.set(signals[name], int(values[min(row, rows - 1)]))
            if row >= latency:
                got.append([context.get(signal) for signal in aligned])
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(play)
    simulator.run()
    return [np.array(column, object) for column in zip(*got, strict=True)]
