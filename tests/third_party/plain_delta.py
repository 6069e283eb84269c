"""A plain normalised delta rule without a gate (Widrow & Hoff 1960), in float64 only.

    z_k = sum_j w_kj x_j,    w_kj += rate dt (g_k - z_k) x_j / (|x|^2 + floor)    in every step of a trial

As no gate says which event has occurred, it learns the time of every event in every trial.
`lava_predict.learning.when` says what each name below is for.
"""

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from lava_predict.learning.readouts import diverged, read_out
from lava_predict.learning.traces import advance_traces, centre_traces
from lava_predict.learning.when.gated_delta import scratch  # noqa: F401  Room for x and a constant.
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Config, Positive, ReadoutSettings, TimeConstant

FLOOR = 1e-3  # Spikes^2 per ms^2.
DEFAULTS = {"trace_ms": 40.0, "rate": 0.02}
RESET = ("x",)


class Settings(ReadoutSettings):
    trace_ms: TimeConstant = Field(description="trace of a cell's spikes, ms")
    rate: Positive = Field(description="rate of the rule, per ms")


Memory = NamedTuple("Memory", [(name, np.ndarray) for name in ("x", "w")])  # 1/ms (N,), ms (K, N + 1)
Constants = NamedTuple("Constants", [(name, float) for name in ("decay", "gain", "rate", "low", "high")])


def constants(config: Config) -> Constants:
    decay = decay_of_step(config.run.dt_ms, config.readout.trace_ms)
    dt, window = config.run.dt_ms, config.readout.what_window_ms
    return Constants(decay, (1.0 - decay) / dt, config.readout.rate * dt, *map(config.steps, window))


def start(config: Config) -> Memory:
    cells, events = config.reservoir.neurons, config.task.events
    return Memory(np.zeros(cells), np.zeros((events, cells + 1)))


@kernel
def step(k, memory, what, z, spiking, count, gate, target, since_cue, learning, xc, what_drive):
    advance_traces(memory.x, spiking, count, k.decay, k.gain)
    centre_traces(memory.x, memory.x, 0.0, False, xc)
    norm = read_out(memory.w, what.w, xc, memory.x, z, what_drive)
    if k.low <= since_cue < k.high:
        what.x_sum[:] += memory.x
    for event in range(z.size if learning else 0):
        memory.w[event] += k.rate * (target[event] - z[event]) / (norm + FLOOR) * xc
    return np.nan if diverged(z) else norm


def end_of_trial(memory: Memory, *trial: Any) -> bool:
    return False
