"""Time the compiled engine, float and fixed, beside the same network in NumPy, or beside another checkout.

All play trials of the `robust` preset in turn. The connection probability is the preset's at every size, so a
spike reaches N / 10 cells; the charges scale so that a cell's mean input, and with it the rate, stays about
the same. Compilation and the drawing of the network are not timed. A machine with other work to do
slows all of them, so rely on the ratios.

    python benchmarks/engine.py [--sizes 1000 4000]
    python benchmarks/engine.py --against FOLDER --repeats 7

The first compares float's spikes and z with NumPy's on the same segments. The second runs FOLDER, a checkout of
another commit with its own .venv, beside this one, and compares the weights that they learn bit by bit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from frame import parser_of, timed
from threadpoolctl import threadpool_limits

from lava_predict import Experiment, UserError, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.tasks.meet import Segment

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "network"))
from numpy_network import NumpyNetwork

Z_TOLERANCE = 1e-9
CELL_TRIALS = 36_000
"""Trials of a measurement against another checkout, times the cells: some tenths of a second."""


class Contest:
    """The engine in float and in integers, and the NumPy network, which play the same segments in turn."""

    def __init__(self, cells: int, noise: bool) -> None:
        experiment = Experiment(load_preset("robust", size_and_noise(cells, noise)))
        self.config, self.meet = experiment.config, experiment.meet
        self._float, self._fixed = (
            CpuEngine(experiment.arithmetic(precision), self.meet) for precision in ("float", "fixed")
        )
        self._numpy = NumpyNetwork(self.config, experiment.network, self.meet)
        self.same_spikes = True
        self.z_difference = 0.0
        self.spikes = self.steps = 0

    def play(self, segments: Sequence[Segment]) -> np.ndarray:
        """Play segments on all and compare float with NumPy; return the s per step of float, fixed, NumPy."""
        float_s, played = timed(lambda: list(self._float.play(segments)))
        fixed_s, _ = timed(lambda: list(self._fixed.play(segments)))
        numpy_s, expected = timed(lambda: [self._numpy.play(segment) for segment in segments])
        for mine, theirs in zip(played, expected, strict=True):
            self.same_spikes &= np.array_equal(mine.spike_step, theirs.spike_step)
            self.same_spikes &= np.array_equal(mine.spike_cell, theirs.spike_cell)
            largest = np.abs(theirs.z).max() or 1.0
            self.z_difference = max(self.z_difference, float(np.abs(mine.z - theirs.z).max() / largest))
        steps = sum(segment.steps for segment in segments)
        self.steps += steps
        self.spikes += sum(mine.spike_step.size for mine in played)
        return np.array([float_s, fixed_s, numpy_s]) / steps


def size_and_noise(cells: int, noise: bool) -> list[str]:
    return [f"reservoir.neurons={cells}", *([] if noise else ["reservoir.noise=0.0"])]


def beside_numpy(sizes: Sequence[int], repeats: int) -> bool:
    """Print the table, a row at a time; return whether engine and NumPy agree."""
    print(f"robust preset; one thread; compilation excluded; medians of {repeats} repeats")
    heads = (
        "     N",
        "noise",
        "learning",
        "rate Hz",
        "engine us/step",
        "real-time factor",
        "fixed us/step",
        "fixed/float",
        "numpy us/step",
        "ratio",
    )
    print("  ".join(heads))
    same_spikes, z_difference = True, 0.0
    for cells, noise, learning in itertools.product(sizes, (True, False), (True, False)):
        contest = Contest(cells, noise)
        # Compiles, fills the caches and gives the readout weights.
        contest.play(contest.meet.trial(0, 0))
        contest.spikes = contest.steps = 0
        trials = max(1, 4000 // cells)
        per_step = []
        for first in range(1, 1 + repeats * trials, trials):
            segments = [part for n in range(first, first + trials) for part in contest.meet.trial(0, n)]
            # Frozen, slow means and when weights do not change.
            per_step.append(contest.play([replace(part, learning=learning) for part in segments]))
        found = np.array(per_step).T
        float_us, fixed_us, numpy_us = 1e6 * np.median(found, axis=1)
        dt_ms = contest.config.run.dt_ms
        values = (
            f"{cells:,}",
            f"{contest.config.reservoir.noise:g}",
            "on" if learning else "off",
            f"{contest.spikes / (cells * contest.steps * dt_ms / 1000.0):.2f}",
            f"{float_us:.2f}",
            f"{dt_ms * 1000.0 / float_us:.1f}",
            f"{fixed_us:.2f}",
            f"{np.median(found[1] / found[0]):.2f}",
            f"{numpy_us:.1f}",
            f"{np.median(found[2] / found[0]):.1f}",
        )
        pairs = zip(heads, values, strict=True)
        print("  ".join(value.rjust(len(head)) for head, value in pairs), flush=True)
        same_spikes &= contest.same_spikes
        z_difference = max(z_difference, contest.z_difference)
    print(f"same spikes: {'yes' if same_spikes else 'no'}")
    print(f"largest difference of z, relative: {z_difference:.1e} (allowed {Z_TOLERANCE:g})")
    return same_spikes and z_difference <= Z_TOLERANCE


class Advanced(NamedTuple):
    """What a checkout answers: wall time of a step, microseconds, and the fingerprint of the weights."""

    us: float
    fingerprint: str


@dataclass(frozen=True)
class Case:
    """What both checkouts are asked for; learning off is as in a probe, whose repeats are what takes time."""

    cells: int
    precision: str
    noise: bool
    learning: bool

    def request(self, repeats: int) -> str:
        """Write the line for `one_case.py`; all measurements of a case have the same settings."""
        trials = max(1, CELL_TRIALS // self.cells)
        block = f"task.blocks=[{{trials={trials * (repeats + 2)}, probability=[0.7, 0.3], latency_ms=[300, 600]}}]"
        probed = [] if self.learning else list(range(1, repeats + 2))
        settings = [
            *size_and_noise(self.cells, self.noise),
            block,
            f"run.probe_trials={probed}",
            f"run.probe_repeats={trials}",
        ]
        return json.dumps([settings, self.precision, trials if self.learning else 1])


class Checkout:
    """A checkout, advancing cases in a process of its own.

    Parameters
    ----------
    folder : Path
        Holds the package and its environment, .venv.
    """

    def __init__(self, folder: Path) -> None:
        interpreter = folder / ".venv" / "bin" / "python"
        if not interpreter.exists():
            raise UserError(f"--against {folder}: has no .venv/bin/python; run uv sync in it")
        self._process = subprocess.Popen(
            [interpreter, Path(__file__).with_name("one_case.py")],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        imported = self._read()
        if Path(imported) != folder.resolve():
            raise UserError(
                f"--against {folder}: its .venv has lava_predict from {imported}; run uv sync in it"
            )

    def advance(self, request: str) -> Advanced:
        """Have a case advanced by one measurement."""
        self._process.stdin.write(f"{request}\n")
        self._process.stdin.flush()
        wall_s, steps, fingerprint = json.loads(self._read())
        return Advanced(1e6 * wall_s / steps, fingerprint)

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args[0]}: ended with exit code {self._process.wait()}")
        return line.strip()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def against(folder: Path, sizes: Sequence[int], repeats: int) -> bool:
    """Print the ratio of both checkouts' medians, case by case; return whether their weights are the same."""
    print(f"robust preset; medians of {repeats}, in alternation; the old one is {folder}")
    print("     N  precision  noise  learning  old us/step  new us/step  new/old  same weights")
    same = True
    checkouts = [Checkout(folder), Checkout(ROOT)]
    for values in itertools.product(sizes, ("float", "fixed"), (True, False), (True, False)):
        case = Case(*values)
        request = case.request(repeats)
        found: list[list[Advanced]] = [[], []]
        for repeat in range(repeats):
            # Each is first as often as the other.
            for which in (0, 1) if repeat % 2 == 0 else (1, 0):
                found[which].append(checkouts[which].advance(request))
        old, new = (statistics.median(one.us for one in each) for each in found)
        equal = found[0][-1].fingerprint == found[1][-1].fingerprint
        same &= equal
        on_off = ["on" if each else "off" for each in (case.noise, case.learning)]
        print(
            f"{case.cells:6,}  {case.precision:>9}  {on_off[0]:>5}  {on_off[1]:>8}  {old:11.2f}  {new:11.2f}  "
            f"{new / old:7.3f}  {'yes' if equal else 'NO':>12}",
            flush=True,
        )
    for checkout in checkouts:
        checkout.close()
    return same


def machine() -> str:
    """Describe what the numbers were measured on; a load above 0 means that the times are too high."""
    described: dict[str, Any] = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }
    return ", ".join(f"{key} {value}" for key, value in described.items())


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def options() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000], help="cells")
    parser.add_argument("--repeats", type=int, default=5, help="medians are over so many (default 5)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout with a .venv")
    chosen = parser.parse_args()
    if chosen.repeats < 1 or min(chosen.sizes) < 1:
        parser.error("--repeats and --sizes must be 1 or more")
    return chosen


@threadpool_limits.wrap(limits=1)
def main() -> int:
    """Print a table; return 1 if what it compares does not agree."""
    chosen = options()
    print(machine())
    if chosen.against is not None:
        return 0 if against(chosen.against, chosen.sizes, chosen.repeats) else 1
    return 0 if beside_numpy(chosen.sizes, chosen.repeats) else 1


if __name__ == "__main__":
    sys.exit(main())
