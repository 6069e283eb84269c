"""Lava as a peer of `peers.py`: its own Sparse and Dense around our cells, and our engine for Lava."""

from __future__ import annotations

import numpy as np
from contest import Peer, Problem
from frame import timed
from peer_cpu import Cpu
from scipy.sparse import csr_matrix

from lava_predict import LavaEngine
from lava_predict.engines import Engine
from lava_predict.network import Arithmetic
from lava_predict.tasks import Task

from lava_predict.processes import Izhikevich  # isort: skip  Before Lava, from Python 3.11 on.
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io import sink, source
from lava.proc.sparse.process import Sparse


class Lava(Peer):
    """Lava's own RingBuffer, Dense and Sparse around our cells, as it has no Izhikevich neuron of its own.

    Synapses and currents are those of the network; a window follows the one before.
    """

    shorter = 20
    """Steps of the problem over the steps that are run: Sparse visits every synapse in every step."""

    def __init__(self, problem: Problem) -> None:
        if problem.learning:
            raise NotImplementedError("its own Processes have no rule like ours for a readout that learns")
        arrays = problem.arrays
        size = arrays["a"].size
        self._steps = max(100, problem.steps // self.shorter)
        weights = csr_matrix((arrays["weight"], (arrays["target"], arrays["source"])), shape=(size, size))
        parameters = {name: arrays[name] for name in ("a", "b", "c", "d", "bias")}
        times = {name: problem.numbers[name] for name in ("dt_ms", "tau_s_ms")}
        self._cells = Izhikevich(shape=(size,), **parameters, noise=0.0, **times)
        # What reaches a Dense acts a step later.
        level = source.RingBuffer(data=np.roll(arrays["level"], -1)[None])
        # Any number above 0 makes Dense multiply by what it receives.
        inputs = Dense(weights=arrays["w_in"][:, None], num_message_bits=24)
        synapses = Sparse(weights=weights)
        self._sink = sink.RingBuffer(shape=(size,), buffer=self._steps)
        level.s_out.connect(inputs.s_in)
        inputs.a_out.connect(self._cells.i_in)
        self._cells.s_out.connect(synapses.s_in)
        synapses.a_out.connect(self._cells.a_in)
        self._cells.s_out.connect(self._sink.a_in)
        self._run(1)

    def _run(self, steps: int) -> None:
        self._cells.run(RunSteps(num_steps=steps), Loihi2SimCfg(select_tag="floating_pt"))

    def play(self) -> tuple[float, int]:  # noqa: D102
        wall_s, _ = timed(lambda: self._run(self._steps))
        if not self.found:
            # The first step was run before, and the buffer begins anew where it is full.
            raster = np.roll(self._sink.data.get(), -1, axis=1)
            step, cell = np.nonzero(raster.T)
            self.found = {"step": step + 1, "cell": cell}
        return wall_s, self._steps

    def close(self) -> None:  # noqa: D102
        self._cells.stop()


class LavaFused(Cpu):
    """Our engine for Lava: reservoir and readouts in one kernel, some steps a Lava time step."""

    form = "fused"

    def _made(self, arithmetic: Arithmetic, task: Task) -> Engine:
        return LavaEngine(arithmetic, task, LavaEngine.Options(self.form))


class LavaGraph(LavaFused):
    """Our engine for Lava: a graph of Processes, as for a chip, a step a Lava time step."""

    form = "graph"
    shorter = 8


PEERS = {"lava": Lava, "lava-graph": LavaGraph, "lava-fused": LavaFused}
