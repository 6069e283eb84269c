"""Time the compiled engine, float and fixed, beside the same network in NumPy, or beside another checkout.

All play trials of the `robust` preset in turn. The connection probability is the preset's at every size, so a
spike reaches N / 10 cells; the charges scale so that a cell's mean input, and with it the rate, stays about
the same. Compilation and the drawing of the network are not timed.

    python benchmarks/engine.py [--sizes 1000 4000]
    python benchmarks/engine.py --against FOLDER --repeats 7

The first compares float's spikes and z with NumPy's on the same segments. The second runs FOLDER, a checkout
of another commit with its own .venv, beside this one, and compares the learned weights bit by bit; its times
are CPU times, so that other load on the machine changes them little.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from frame import block, machine, parser_of, timed
from threadpoolctl import threadpool_limits

from lava_predict import CpuEngine, Experiment, Segment, load_preset

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "network")]
from numpy_network import NumpyNetwork

Z_TOLERANCE = 1e-9
CELL_TRIALS = 36_000
"""Trials of a measurement against another checkout, times the cells: some tenths of a second."""


class Contest:
    """The engine in float and in integers, and the NumPy network, which play the same segments in turn."""

    def __init__(self, cells: int, noise: bool) -> None:
        # The NumPy network has the plain rule.
        settings = ["readout.rule=gated_delta", *size_and_noise(cells, noise)]
        experiment = Experiment(load_preset("robust", settings))
        self.config, self.meet = experiment.config, experiment.task
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
    print(f"robust preset with gated_delta; one thread; compilation excluded; medians of {repeats} repeats")
    print(
        "     N  noise  learning  rate Hz  engine us/step  real-time factor"
        "  fixed us/step  fixed/float  numpy us/step  ratio"
    )
    same_spikes, z_difference = True, 0.0
    for cells, noise, learning in itertools.product(sizes, (True, False), (True, False)):
        contest = Contest(cells, noise)
        contest.play(contest.meet.trial(0, 0))  # compiles, fills the caches and gives the readout weights
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
        fixed_ratio, numpy_ratio = np.median(found[1:] / found[0], axis=1)
        rate_hz = contest.spikes / (cells * contest.steps * dt_ms / 1000.0)
        print(
            f"{cells:6,}  {contest.config.reservoir.noise:5g}  {'on' if learning else 'off':>8}"
            f"  {rate_hz:7.2f}  {float_us:14.2f}  {dt_ms * 1000.0 / float_us:16.1f}"
            f"  {fixed_us:13.2f}  {fixed_ratio:11.2f}  {numpy_us:13.1f}  {numpy_ratio:5.1f}",
            flush=True,
        )
        same_spikes &= contest.same_spikes
        z_difference = max(z_difference, contest.z_difference)
    print(f"same spikes: {'yes' if same_spikes else 'no'}")
    print(f"largest difference of z, relative: {z_difference:.1e} (allowed {Z_TOLERANCE:g})")
    return same_spikes and z_difference <= Z_TOLERANCE


class Checkout:
    """A checkout, with its environment in .venv, that advances cases in its own process."""

    def __init__(self, folder: Path) -> None:
        folder = folder.resolve()
        interpreter = folder / ".venv" / "bin" / "python"
        if not interpreter.exists():
            sys.exit(f"error: --against {folder}: has no .venv/bin/python; run uv sync there")
        self._process = subprocess.Popen(
            [interpreter, Path(__file__).with_name("one_case.py")],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        imported = self._read()
        if Path(imported) != folder:
            sys.exit(f"error: --against {folder}: its .venv imports {imported}; run uv sync there")

    def advance(self, request: str) -> tuple[float, str]:
        """Measure a case once; return the CPU time of a step, us, and the fingerprint of the weights."""
        print(request, file=self._process.stdin, flush=True)
        cpu_s, steps, fingerprint = json.loads(self._read())
        return 1e6 * cpu_s / steps, fingerprint

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"error: {self._process.args[0]}: ended with exit code {self._process.wait()}")
        return line.strip()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def request(cells: int, precision: str, noise: bool, learning: bool, repeats: int) -> str:
    """Write a case for `one_case.py`. Learning is off in probes, so there a trial has many of them."""
    trials = max(1, CELL_TRIALS // cells)
    settings = [
        *size_and_noise(cells, noise),
        block(2 + trials * repeats, [0.7, 0.3], [300, 600]),
        f"run.probe_trials={[] if learning else list(range(2, repeats + 2))}",
        f"run.probe_repeats={trials}",
    ]
    return json.dumps([settings, precision, trials if learning else 1])


def against(folder: Path, sizes: Sequence[int], repeats: int) -> bool:
    """Print the ratio of both checkouts' medians, case by case; return whether their weights are the same."""
    print(f"robust preset; medians of {repeats}, in alternation; the old one is {folder}")
    print("     N  precision  noise  learning  old us/step  new us/step  new/old  same weights")
    same = True
    checkouts = [Checkout(folder), Checkout(ROOT)]
    for case in itertools.product(sizes, ("float", "fixed"), (True, False), (True, False)):
        line = request(*case, repeats)
        times: list[list[float]] = [[], []]
        fingerprints = ["", ""]
        for repeat in range(repeats):
            # Each comes first as often as the other.
            for which in (0, 1) if repeat % 2 == 0 else (1, 0):
                time_us, fingerprints[which] = checkouts[which].advance(line)
                times[which].append(time_us)
        old, new = map(statistics.median, times)
        equal = fingerprints[0] == fingerprints[1]
        same &= equal
        cells, precision, *switches = case
        noise, learning = ("on" if each else "off" for each in switches)
        print(
            f"{cells:6,}  {precision:>9}  {noise:>5}  {learning:>8}  {old:11.2f}  {new:11.2f}"
            f"  {new / old:7.3f}  {'yes' if equal else 'NO':>12}",
            flush=True,
        )
    for checkout in checkouts:
        checkout.close()
    return same


@threadpool_limits.wrap(limits=1)
def main() -> int:
    """Print a table; return 1 if what it compares does not agree."""
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000], help="cells")
    parser.add_argument("--repeats", type=int, default=5, help="medians are over so many (default 5)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout with a .venv")
    chosen = parser.parse_args()
    if chosen.repeats < 1 or min(chosen.sizes) < 1:
        parser.error("--repeats and --sizes must be 1 or more")
    print(machine())
    if chosen.against is None:
        alike = beside_numpy(chosen.sizes, chosen.repeats)
    else:
        alike = against(chosen.against, chosen.sizes, chosen.repeats)
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
