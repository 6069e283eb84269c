"""Time the compiled engine, float and fixed, beside the same network in NumPy, on training trials of MEET.

All play the same segments of the `robust` preset in turn; float's and NumPy's spikes are compared. The
connection probability is the preset's at every size, so a spike reaches N / 10 cells; the charges
scale so that a cell's mean input, and with it the rate, stays about the same. Above 4,000 cells all
times of the task are a quarter of the preset's, to save waiting. Compilation and the drawing of the
network are not timed. Run it with ``python benchmarks/engine.py``.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

# The engine is single-threaded; NumPy's BLAS must not have more. It reads these when it is loaded.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
)

import numba
import numpy as np
from numpy_network import NumpyNetwork

from lava_predict import Config, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.network.arithmetic import FixedArithmetic, FloatArithmetic
from lava_predict.network.draw import Network, draw_network
from lava_predict.tasks.meet import Meet, Segment

LARGEST_AT_FULL_TIMES = 4000
SHARE_OF_TIMES = 0.25
Z_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over the repeats.

    Attributes
    ----------
    cells : int
        N.
    noise : float
        Deviation of the private current.
    learning : bool
        Whether slow means and when weights change during the timed segments.
    rate_hz : float
        Spikes per cell and second.
    engine_us, fixed_us, numpy_us : float
        Wall time of a step in float, in integers and in NumPy, microseconds.
    real_time : float
        Simulated over wall time of the engine.
    ratio, fixed_ratio : float
        Medians of ``numpy_us`` and of ``fixed_us`` over ``engine_us``, paired.
    steps : int
        Steps timed, over all repeats.
    same_spikes : bool
        Whether engine and NumPy gave the same spikes in every segment.
    z_difference : float
        Largest difference of z between the two, relative to the segment's largest absolute z.
    """

    cells: int
    noise: float
    learning: bool
    rate_hz: float
    engine_us: float
    real_time: float
    fixed_us: float
    fixed_ratio: float
    numpy_us: float
    ratio: float
    steps: int
    same_spikes: bool
    z_difference: float


def scaled_config(cells: int, noise: bool) -> Config:
    """Return the `robust` preset at another size, in about the same regime.

    Parameters
    ----------
    cells : int
        N.
    noise : bool
        False switches the private noise off.

    Returns
    -------
    Config
        Above `LARGEST_AT_FULL_TIMES` cells all times of the task shortened.
    """
    values: dict[str, Any] = load_preset("robust").to_dict()
    reservoir, task = values["reservoir"], values["task"]
    reservoir["neurons"] = cells
    if not noise:
        reservoir["noise"] = 0.0
    if cells > LARGEST_AT_FULL_TIMES:
        for key in ("cue_ms", "before_ms", "after_ms", "settle_ms"):
            task[key] *= SHARE_OF_TIMES
        for holder, key in ((task, "pause_ms"), *((block, "latency_ms") for block in task["blocks"])):
            holder[key] = [SHARE_OF_TIMES * time_ms for time_ms in holder[key]]
    return Config.model_validate(values)


class Contest:
    """Both engines and NumPy network, playing the same segments in turn.

    Parameters
    ----------
    config : Config
        Settings.
    network : Network
        As drawn from them.
    """

    def __init__(self, config: Config, network: Network) -> None:
        self._config = config
        self.meet = Meet(config)
        self._engine = CpuEngine(FloatArithmetic(config, network), self.meet)
        self._fixed = CpuEngine(FixedArithmetic(config, network), self.meet)
        self._numpy = NumpyNetwork(config, network, self.meet)
        self.same_spikes = True
        self.z_difference = 0.0

    def play(self, segments: Sequence[Segment]) -> tuple[float, float, float, int]:
        """Play segments on all and compare what float and NumPy gave.

        Parameters
        ----------
        segments : sequence of Segment
            Of `meet`.

        Returns
        -------
        engine_s, fixed_s, numpy_s : float
            Wall time of each, s.
        spikes : int
            How many spikes the engine gave.
        """
        engine_s, played = _timed(lambda: list(self._engine.play(segments)))
        fixed_s, _ = _timed(lambda: list(self._fixed.play(segments)))
        numpy_s, expected = _timed(lambda: [self._numpy.play(segment) for segment in segments])
        for mine, theirs in zip(played, expected, strict=True):
            self.same_spikes &= np.array_equal(mine.spike_step, theirs.spike_step)
            self.same_spikes &= np.array_equal(mine.spike_cell, theirs.spike_cell)
            largest = np.abs(theirs.z).max() or 1.0
            self.z_difference = max(self.z_difference, float(np.abs(mine.z - theirs.z).max() / largest))
        return engine_s, fixed_s, numpy_s, sum(mine.spike_step.size for mine in played)


def measure(config: Config, network: Network, learning: bool, repeats: int) -> Row:
    """Time one row of the table.

    Parameters
    ----------
    config : Config
        Settings.
    network : Network
        As drawn from them.
    learning : bool
        False freezes slow means and when weights in the timed segments, after a first, learned trial.
    repeats : int
        How often to measure, each time on the next trials of the run.

    Returns
    -------
    Row
        See there.
    """
    contest = Contest(config, network)
    contest.play(contest.meet.trial(0, 0))  # compiles, fills the caches and gives the readout weights
    trials = max(1, LARGEST_AT_FULL_TIMES // network.a.size)
    engine_us, fixed_us, numpy_us = [], [], []
    all_steps = all_spikes = 0
    for repeat in range(repeats):
        first = 1 + repeat * trials
        laid_out = [segment for n in range(first, first + trials) for segment in contest.meet.trial(0, n)]
        segments = [replace(segment, learning=learning) for segment in laid_out]
        steps = sum(segment.steps for segment in segments)
        engine_s, fixed_s, numpy_s, spikes = contest.play(segments)
        engine_us.append(engine_s / steps * 1e6)
        fixed_us.append(fixed_s / steps * 1e6)
        numpy_us.append(numpy_s / steps * 1e6)
        all_steps += steps
        all_spikes += spikes
    engine, numpy = statistics.median(engine_us), statistics.median(numpy_us)
    dt_ms = config.run.dt_ms
    return Row(
        cells=network.a.size,
        noise=config.reservoir.noise,
        learning=learning,
        rate_hz=all_spikes / (network.a.size * all_steps * dt_ms / 1000.0),
        engine_us=engine,
        real_time=dt_ms * 1000.0 / engine,
        fixed_us=statistics.median(fixed_us),
        fixed_ratio=statistics.median(map(operator.truediv, fixed_us, engine_us)),
        numpy_us=numpy,
        ratio=statistics.median(map(operator.truediv, numpy_us, engine_us)),
        steps=all_steps,
        same_spikes=contest.same_spikes,
        z_difference=contest.z_difference,
    )


def rows(sizes: Sequence[int], repeats: int) -> Iterator[Row]:
    """Measure every size with and without noise and learning, one row at a time."""
    for cells in sizes:
        network = draw_network(scaled_config(cells, True))  # noise is no part of it
        for noise in (True, False):
            for learning in (True, False):
                yield measure(scaled_config(cells, noise), network, learning, repeats)


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def _machine() -> dict[str, Any]:
    """Describe what the numbers were measured on; a load above 0 means that they are too high."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if engine and NumPy do not agree."""
    parser = argparse.ArgumentParser(description="Time the engine beside the same network in NumPy.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 16000], help="cells")
    parser.add_argument("--repeats", type=int, default=5, help="medians are over so many (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file, too")
    options = parser.parse_args(arguments)
    if options.repeats < 1 or min(options.sizes) < 1:
        parser.error("--repeats and --sizes must be 1 or more")

    machine = _machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print("robust preset; one thread; compilation excluded")
    print(f"median of {options.repeats} repeats; times of the task / 4 above N = {LARGEST_AT_FULL_TIMES:,}")
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
    done = []
    for row in rows(options.sizes, options.repeats):
        done.append(row)
        values = (
            f"{row.cells:,}",
            f"{row.noise:g}",
            "on" if row.learning else "off",
            f"{row.rate_hz:.2f}",
            f"{row.engine_us:.2f}",
            f"{row.real_time:.1f}",
            f"{row.fixed_us:.2f}",
            f"{row.fixed_ratio:.2f}",
            f"{row.numpy_us:.1f}",
            f"{row.ratio:.1f}",
        )
        print(
            "  ".join(value.rjust(len(head)) for head, value in zip(heads, values, strict=True)), flush=True
        )
    same = all(row.same_spikes for row in done)
    z_difference = max(row.z_difference for row in done)
    print(f"same spikes: {'yes' if same else 'no'}")
    print(f"largest difference of z, relative: {z_difference:.1e} (allowed {Z_TOLERANCE:g})")
    if options.json is not None:
        report = {"machine": machine, "repeats": options.repeats, "rows": [asdict(row) for row in done]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if same and z_difference <= Z_TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
