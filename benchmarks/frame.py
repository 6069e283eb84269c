"""What the benchmarks share: options, runs over seeds, rows of means and deviations, and a stopwatch."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

from lava_predict import Config, Experiment, load_preset
from lava_predict.experiment import Result
from lava_predict.pool import carry_out, processors

Study = Callable[[argparse.Namespace], None]
Unit = TypeVar("Unit")
Found = TypeVar("Found")

PROBES = (1, 10, 25, 50, 100)
"""Trials of a block after which the tables show its error."""


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring as it is."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def carry_out_study(doc: str | None, *studies: Study, preset: str = "") -> None:
    """Carry out the study over seeds that the command line names; it can choose a preset if there is one."""
    parser = parser_of(doc)
    named = {study.__name__.replace("_", "-"): study for study in studies}
    parser.add_argument("study", choices=named)
    parser.add_argument("--seeds", type=_seed_range, default=_seed_range("100-104"), help="as 100-109")
    parser.add_argument("--jobs", type=int, default=processors(), help="processes at a time")
    if preset:
        parser.add_argument("--preset", default=preset)
    arguments = parser.parse_args()
    named[arguments.study](arguments)


def _seed_range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def over_units(function: Callable[[Unit], Found], units: Sequence[Unit], jobs: int) -> list[Found]:
    """Apply a function to units in processes of their own, and show on a terminal how many are done."""

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            end = "\r" if done < total else "\r\033[K"
            print(f"\r{done} of {total}", end=end, file=sys.stderr, flush=True)

    return carry_out(function, units, jobs, show)


def run_each(
    preset: str, settings: Sequence[Sequence[str]], arguments: argparse.Namespace, precision: str = "float"
) -> list[Result]:
    """Run a preset with each of some --set texts on the seeds that the command line names, seed by seed."""
    units = [
        (preset, (*each, f"run.seed={seed}"), precision) for seed in arguments.seeds for each in settings
    ]
    return over_units(run_one, units, arguments.jobs)


def run_one(unit: tuple[str, Sequence[str], str]) -> Result:
    """Carry out one run: a preset, --set texts and a precision."""
    preset, settings, precision = unit
    return Experiment(load_preset(preset, settings)).run(precision=precision)


def relative_errors(results: Sequence[Result], number: int = 0, probes: Sequence[int] = PROBES) -> np.ndarray:
    """Errors of one block relative to predicting nothing, (runs, probes)."""
    found = [result.blocks[number] for result in results]
    return np.array([[b.error[n] / b.zero_error for n in probes] for b in found])


def seeds_of(arguments: argparse.Namespace) -> str:
    """Write the first and the last seed."""
    return f"seeds {arguments.seeds[0]}-{arguments.seeds[-1]}"


def block(trials: int, probability: object, latency_ms: object) -> str:
    """Write the --set text for a task of one block."""
    return f"task.blocks=[{{trials={trials}, probability={probability}, latency_ms={latency_ms}}}]"


def with_steps(config: Config, steps: int) -> Config:
    """Let a Lava time step of a configuration advance so many steps of the model."""
    return config.model_copy(update={"run": config.run.model_copy(update={"steps_per_lava_step": steps})})


def means(values: np.ndarray, most: float = np.inf) -> str:
    """Write mean and standard deviation of each column of (seeds, columns); "above" for a mean of `most`."""
    deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
    pairs = zip(values.mean(axis=0), deviation, strict=True)
    return "  ".join(f"{m:6.3f} +-{d:5.3f}" if m < most else f"{f'above {most:g}':>14}" for m, d in pairs)


def header(names: Iterable[object]) -> str:
    """Write the names of the columns of `means`."""
    return "  ".join(f"{name!s:>14}" for name in names)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Call a function and return the wall time in s, and its result."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def machine() -> str:
    """Describe what the numbers were measured on; a load above 0 means that wall times are too high."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return (
        f"processor {processor}, cores {os.cpu_count()}, load {os.getloadavg()[0]:.2f}, "
        f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}"
    )
