"""Brian2, C++ standalone, as a peer of `peers.py`: our equations, operation by operation, in its language."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import brian2
import numpy as np
from brian2.devices.device import get_device
from contest import Peer, Problem, peak_mib_of
from frame import timed

CELLS = """
v : 1
u : 1
s : 1
arrived : 1
current : 1
a : 1 (constant)
b : 1 (constant)
c : 1 (constant)
d : 1 (constant)
bias : 1 (constant)
w_in : 1 (constant)
"""
STEP = """
s = s * decay + arrived
arrived = 0
current = ((bias + s) + level(t) * w_in) {noise}
{first_half}
v = clip(v + half * first_sum, -128, inf)
{second_half}
v = clip(v + half * second_sum, -128, 30)
u_share = dt_ms * a
u_way = b * v - u
u = u + u_share * u_way
"""
# Brian2 puts the terms of a sum into an order of its own; single statements keep ours.
HALF = """
{0}_linear = 0.04 * v
{0}_square = {0}_linear * v
{0}_both = {0}_square + 5.0 * v
{0}_plus = {0}_both + 140.0
{0}_minus = {0}_plus - u
{0}_sum = {0}_minus + current
"""
TRACES = """
x : 1
m : 1
xc : 1
"""
READOUT = """
z : 1
z_cells : 1
w_constant : 1
norm : 1
moved : 1
"""
READ = """
z = z_cells + w_constant * constant_input
moved = rate * gate(t, i) * (target_z(t, i) - z) / (norm_floor + (norm + constant_input * constant_input))
w_constant = w_constant + moved * constant_input
"""
EXACT_FLAGS = ["-w", "-O3", "-march=native", "-ffp-contract=off", "-std=c++11"]


class Brian2(Peer):
    """The project that Brian2 writes is compiled once, and its program runs once a window, from the start.

    Only the loop over time steps is timed, as Brian2 itself times it; the rest of the program's time, in
    which it reads the network, is the set-up of another run.
    """

    exact = False

    def __init__(self, problem: Problem) -> None:
        self._folder = Path(problem.folder) / type(self).__name__
        self._steps, self._numbers = problem.steps, problem.numbers
        arrays = problem.arrays
        if self.exact:
            brian2.prefs.codegen.cpp.extra_compile_args_gcc = EXACT_FLAGS
        brian2.set_device("cpp_standalone", directory=str(self._folder), build_on_run=False)
        self._dt = problem.numbers["dt_ms"] * brian2.ms
        brian2.defaultclock.dt = self._dt
        cells = self._cells(arrays, problem.learning)
        synapses = brian2.Synapses(cells, cells, "w : 1 (constant)", on_pre="arrived_post += w")
        synapses.connect(i=arrays["source"], j=arrays["target"])
        synapses.w = arrays["weight"]
        self._spikes = brian2.SpikeMonitor(cells)
        parts = [cells, synapses, self._spikes]
        self._z = None
        if problem.learning:
            parts += self._readout(cells, arrays)
        brian2.Network(parts).run(self._steps * self._dt, namespace=self._names(arrays))
        device = get_device()
        device.build(str(self._folder), compile=True, run=False)
        self._peak = 0.0

    def _names(self, arrays: dict[str, np.ndarray]) -> dict[str, object]:
        timed_arrays = {
            name: brian2.TimedArray(arrays[name], dt=self._dt) for name in ("level", "gate", "target_z")
        }
        return {**self._numbers, "half": 0.5 * self._numbers["dt_ms"], **timed_arrays}

    def _cells(self, arrays: dict[str, np.ndarray], learning: bool) -> brian2.NeuronGroup:
        noise = "+ noise * randn()" if self._numbers["noise"] > 0 else ""
        cells = brian2.NeuronGroup(
            arrays["a"].size,
            CELLS + (TRACES if learning else ""),
            threshold="v >= 30",
            reset="v = c; u += d" + ("; x += gain" if learning else ""),
        )
        cells.run_regularly(
            STEP.format(noise=noise, first_half=HALF.format("first"), second_half=HALF.format("second"))
            + ("x = x * trace_decay" if learning else ""),
            when="groups",
            dt=self._dt,
        )
        for name in ("a", "b", "c", "d", "bias", "w_in"):
            setattr(cells, name, arrays[name])
        cells.v = -65
        cells.u = arrays["b"] * -65.0
        return cells

    def _readout(self, cells: brian2.NeuronGroup, arrays: dict[str, np.ndarray]) -> list[object]:
        """The rule `gated_delta`: after the cells, traces, then z and |xc|^2, then the weights."""  # noqa: D401
        cells.run_regularly("m = m + (x - m) * mean_share\nxc = x - m", when="end", order=0, dt=self._dt)
        readout = brian2.NeuronGroup(arrays["gate"].shape[1], READOUT)
        weights = brian2.Synapses(
            cells,
            readout,
            "w : 1\nz_cells_post = w * xc_pre : 1 (summed)\nnorm_post = xc_pre * xc_pre : 1 (summed)",
        )
        weights.connect()
        for updater in weights.summed_updaters.values():
            updater.when, updater.order = "end", 1
        readout.run_regularly(READ, when="end", order=2, dt=self._dt)
        weights.run_regularly("w = w + moved_post * xc_pre", when="end", order=3, dt=self._dt)
        self._z = brian2.StateMonitor(readout, "z", record=True, when="end", order=4)
        return [readout, weights, self._z]

    def play(self) -> tuple[float, int]:  # noqa: D102
        wall_s, _ = timed(self._run_program)
        run_s = float((self._folder / "results" / "last_run_info.txt").read_text().split()[0])
        self.again_s = wall_s - run_s
        if not self.found:
            get_device().has_been_run = True  # So that the monitors read what the program has left.
            step = np.rint(np.asarray(self._spikes.t / self._dt)).astype(np.int64)
            order = np.lexsort((np.asarray(self._spikes.i), step))
            self.found = {"step": step[order], "cell": np.asarray(self._spikes.i)[order]}
            if self._z is not None:
                self.found["z"] = np.asarray(self._z.z).T
        return run_s, self._steps

    def _run_program(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(["./main"], cwd=self._folder, env=environment) as program:
            while program.poll() is None:
                self._peak = max(self._peak, peak_mib_of(program.pid))
                time.sleep(0.02)
        if program.returncode:
            raise RuntimeError(f"Brian2's program ended with exit code {program.returncode}")

    def peak_mib(self) -> float:  # noqa: D102
        return self._peak


class Brian2Exact(Brian2):
    """Without -ffast-math and fused products, so that each operation is rounded as ours are."""

    exact = True


PEERS = {"brian2": Brian2, "brian2-exact": Brian2Exact}
