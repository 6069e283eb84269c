"""NEST as a peer of `peers.py`, with its own model `izhikevich`."""

from __future__ import annotations

import nest
import numpy as np
from contest import Peer, Problem
from frame import timed

_AT_A_TIME = 1_000_000


class Nest(Peer):
    """The model that comes with NEST, in the form of Izhikevich's paper, two half steps of v and one of u.

    It has no synaptic current that decays: a spike's whole charge arrives in one step. And u follows v
    before it is cut off at the peak. So rates can only be near ours. A window follows the one before.
    """

    def __init__(self, problem: Problem) -> None:
        if problem.learning:
            raise NotImplementedError("its own models have no rule like ours for a readout that learns")
        self._steps, self._dt = problem.steps, problem.numbers["dt_ms"]
        arrays = problem.arrays
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.SetKernelStatus({"resolution": self._dt, "local_num_threads": 1, "print_time": False})
        cells = nest.Create("izhikevich", arrays["a"].size)
        cells.set({name: arrays[name] for name in "abcd"})
        cells.set(I_e=arrays["bias"], U_m=arrays["b"] * -65.0)
        cells.set(V_m=-65.0, V_min=-128.0, V_th=30.0, consistent_integration=False)
        self._connect(arrays, problem.numbers["decay"])
        self._drive(cells, arrays, problem.windows)
        self._recorder = nest.Create("spike_recorder")
        nest.Connect(cells, self._recorder)
        nest.Prepare()
        nest.Run(self._dt)  # NEST sorts the synapses as it begins.

    def _connect(self, arrays: dict[str, np.ndarray], decay: float) -> None:
        charge = arrays["weight"] / (1.0 - decay)
        for first in range(0, charge.size, _AT_A_TIME):
            part = slice(first, first + _AT_A_TIME)
            some = {"weight": charge[part], "delay": np.full(charge[part].size, self._dt)}
            nest.Connect(arrays["source"][part] + 1, arrays["target"][part] + 1, "one_to_one", some)

    def _drive(self, cells: object, arrays: dict[str, np.ndarray], windows: int) -> None:
        level = np.tile(arrays["level"], windows)
        changes = np.flatnonzero(np.diff(level, prepend=0.0))
        times = (changes + 1) * self._dt
        drive = nest.Create(
            "step_current_generator", params={"amplitude_times": times, "amplitude_values": level[changes]}
        )
        reached = np.flatnonzero(arrays["w_in"])
        weight = arrays["w_in"][reached, None]
        nest.Connect(drive, cells[reached], "all_to_all", {"weight": weight, "delay": self._dt})

    def play(self) -> tuple[float, int]:  # noqa: D102
        wall_s, _ = timed(lambda: nest.Run(self._steps * self._dt))
        if not self.found:
            events = self._recorder.get("events")
            step = np.rint(np.asarray(events["times"]) / self._dt).astype(np.int64) - 1
            self.found = {"step": step, "cell": np.asarray(events["senders"]) - 1}
        return wall_s, self._steps


PEERS = {"nest": Nest}
