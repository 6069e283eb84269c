"""The cpu engine, in float64 or in integers, and its reservoir alone, as peers of `peers.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from contest import Peer, Problem
from frame import timed

from lava_predict import CpuEngine, load_preset
from lava_predict.engines import Engine
from lava_predict.network import Arithmetic, arithmetic_of
from lava_predict.numerics import bind, part
from lava_predict.registry import TASKS
from lava_predict.tasks import Task

# It stands for the kernel of the network's parts.
reservoir_step = part


class Cpu(Peer):
    """Reservoir and readouts; without learning the readouts run all the same, with weights that stay 0."""

    precision = "float"
    shorter = 1
    """Trials of the problem over those that are played."""

    def __init__(self, problem: Problem) -> None:
        config = load_preset("robust", problem.settings)
        task = TASKS.get(config.task.name)(config)
        self._engine = self._made(arithmetic_of(config, problem.drawn, self.precision), task)
        self._start = self._engine.state
        trials = max(1, problem.trials // self.shorter)
        segments = [part for number in range(trials) for part in task.trial(0, 1 + number)]
        self._segments = [replace(part, learning=problem.learning) for part in segments]
        list(self._engine.play(self._segments[:2]))  # compiles

    def _made(self, arithmetic: Arithmetic, task: Task) -> Engine:
        return CpuEngine(arithmetic, task)

    def play(self) -> tuple[float, int]:  # noqa: D102
        self._engine.restore(self._start)
        wall_s, played = timed(lambda: list(self._engine.play(self._segments)))
        first, steps = 0, []
        for each in played:
            steps.append(each.spike_step.astype(np.int64) + first)
            first += each.segment.steps
        if not self.found:
            cells = np.concatenate([each.spike_cell for each in played])
            z = np.concatenate([each.z for each in played])
            self.found = {"step": np.concatenate(steps), "cell": cells, "z": z}
        return wall_s, first

    def close(self) -> None:  # noqa: D102
        self._engine.close()


class CpuIntegers(Cpu):
    """The same in integers."""

    precision = "fixed"


def play_reservoir(
    network: Any,
    k: Any,
    state: Any,
    level: np.ndarray,
    key: np.uint64,
    current: np.ndarray,
    spiking: np.ndarray,
    spike_step: np.ndarray,
    spike_cell: np.ndarray,
) -> int:
    """Advance the reservoir by a chunk of steps and record its spikes; return how many there were."""
    recorded = 0
    for step in range(level.shape[0]):
        count = reservoir_step(network, k, state, level[step], key, current, spiking)
        for index in range(count):
            spike_step[recorded] = step
            spike_cell[recorded] = spiking[index]
            recorded += 1
    return recorded


class CpuReservoir(Peer):
    """The engine's kernels without the readouts: what simulators without a readout do."""

    chunk = 1000

    def __init__(self, problem: Problem) -> None:
        if problem.learning:
            raise NotImplementedError("it has no readout")
        config = load_preset("robust", problem.settings)
        self._arithmetic = arithmetic = arithmetic_of(config, problem.drawn, "float")
        self._advance = bind(play_reservoir, reservoir_step=arithmetic.kernels.reservoir_step)
        self._level = problem.arrays["level"][:, None]
        size = arithmetic.network.size
        self._spiking = np.empty(size, np.int64)
        self._spikes = np.empty((2, self.chunk * size), np.uint32)
        self._run(self._level[:10])  # compiles

    def _run(self, level: np.ndarray) -> list[np.ndarray]:
        arithmetic, state, found = self._arithmetic, self._arithmetic.start.copy(), []
        room = (arithmetic.current, self._spiking, *self._spikes)
        for first in range(0, len(level), self.chunk):
            rows = level[first : first + self.chunk]
            count = self._advance(arithmetic.network, arithmetic.constants, state, rows, np.uint64(0), *room)
            found.append(self._spikes[:, :count] + np.array([[first], [0]]))
        return found

    def play(self) -> tuple[float, int]:  # noqa: D102
        wall_s, found = timed(lambda: self._run(self._level))
        if not self.found:
            self.found = dict(zip(("step", "cell"), np.concatenate(found, axis=1), strict=True))
        return wall_s, len(self._level)


PEERS = {"cpu": Cpu, "cpu-integers": CpuIntegers, "cpu-reservoir": CpuReservoir}
