"""How well the when readout learns on Lava's learning engine: the figures that docs/on-chip.md gives.

Errors are RMSE of the cue-only prediction divided by that of predicting nothing. Settings were tuned on seeds
1-99; report on seeds from 100 up. Progress goes to stderr.

    python benchmarks/on_chip.py atlas --seeds 100-101
    python benchmarks/on_chip.py switches --seeds 100-104
    python benchmarks/on_chip.py ranges --seeds 1-2
    python benchmarks/on_chip.py speed
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from frame import block, carry_out_study, over_units, seeds_of, timed

from lava_predict import CpuEngine, Experiment, load_preset
from lava_predict.learning import on_chip
from lava_predict.tasks import Segment

CHIP = ("fixed.learning='on_chip'",)
VARIANTS = {
    "float": ("float", ()),
    "integers": ("fixed", ()),
    "on-chip, 8 groups": ("fixed", CHIP),
    "on-chip, one group": ("fixed", (*CHIP, "fixed.on_chip_groups=1")),
}
PAIRS = 20
PROBES = (10, 25, 100)


class Unit(NamedTuple):
    """A run: a seed, --set texts, a precision and the largest weight, as `on_chip.WEIGHT_RANGE`."""

    seed: int
    settings: tuple[str, ...]
    precision: str
    weight_range: float = on_chip.WEIGHT_RANGE


def errors_of(unit: Unit) -> np.ndarray:
    """Errors after `PROBES` trials of each block, (blocks, probes)."""
    on_chip.WEIGHT_RANGE = unit.weight_range
    settings = (*unit.settings, f"run.probe_trials={list(PROBES)}")
    result = Experiment(load_preset("robust", settings), seed=unit.seed).run(precision=unit.precision)
    return np.array([[b.error[n] / b.zero_error for n in PROBES] for b in result.blocks])


def atlas_blocks() -> list[str]:
    """Draw latencies of 100, 150 .. 950 ms that are at least 150 ms apart, with a probability."""
    rng = np.random.default_rng(12)
    times = np.arange(100, 1000, 50)
    drawn = ((*rng.choice(times, 2, replace=False), rng.choice([0.5, 0.7, 0.9])) for _ in iter(int, 1))
    kept = islice(((a, b, p) for a, b, p in drawn if abs(a - b) >= 150), PAIRS)
    return [block(100, [p, round(1.0 - p, 1)], [float(a), float(b)]) for a, b, p in kept]


def show(title: str, names: Sequence[str], errors: np.ndarray) -> None:
    """Print errors and their ratios to the first variant's, (variants, cases, probes): mean / worst case."""
    print(title)
    print(f"{'':24}" + "".join(f"{f'after {n}':>14}" for n in PROBES) + "   ratio to the first")
    ratios = errors / errors[0]
    for name, error, ratio in zip(names, errors, ratios, strict=True):
        pairs = [
            [f"{rows.mean(0)[i]:.3f}/{rows.max(0)[i]:.3f}" for i in range(len(PROBES))]
            for rows in (error, ratio)
        ]
        print(f"{name:24}" + "".join(f"{text:>14}" for text in pairs[0]) + "   " + "  ".join(pairs[1]))


def atlas(arguments: argparse.Namespace) -> None:
    """Every variant on pairs of latencies; means over seeds, then mean and worst over pairs."""
    cases = atlas_blocks()
    units = [
        Unit(seed, (case, *more), precision)
        for precision, more in VARIANTS.values()
        for case in cases
        for seed in arguments.seeds
    ]
    found = np.array(over_units(errors_of, units, arguments.jobs))
    errors = found.reshape(len(VARIANTS), len(cases), len(arguments.seeds), len(PROBES)).mean(axis=2)
    show(f"{len(cases)} pairs of latencies, {seeds_of(arguments)}", list(VARIANTS), errors)


def switches(arguments: argparse.Namespace) -> None:
    """Every variant on the preset's four blocks: means over seeds, then over the last three blocks."""
    units = [Unit(seed, more, precision) for precision, more in VARIANTS.values() for seed in arguments.seeds]
    found = np.array(over_units(errors_of, units, arguments.jobs))
    errors = found.reshape(len(VARIANTS), len(arguments.seeds), -1, len(PROBES)).mean(axis=1)
    show(f"after three switches, {seeds_of(arguments)}", list(VARIANTS), errors[:, 1:])


def ranges(arguments: argparse.Namespace) -> None:
    """Largest weights, on eight of the pairs."""
    cases, tried = atlas_blocks()[:8], (10.0, 6.0, 8.0, 14.0, 20.0)
    units = [
        Unit(seed, (case, *CHIP), "fixed", each)
        for each in tried
        for case in cases
        for seed in arguments.seeds
    ]
    found = np.array(over_units(errors_of, units, arguments.jobs))
    errors = found.reshape(len(tried), len(cases), len(arguments.seeds), len(PROBES)).mean(axis=2)
    show(f"largest weight, {seeds_of(arguments)}", [f"{each:g}" for each in tried], errors)


def _play(engine: CpuEngine, segments: Sequence[Segment]) -> None:
    for _ in engine.play(segments):
        pass


def speed(arguments: argparse.Namespace) -> None:
    """Time of a step of the network by each variant."""
    for name, (precision, more) in VARIANTS.items():
        experiment = Experiment(load_preset("robust", more), seed=arguments.seeds[0])
        engine = CpuEngine(experiment.arithmetic(precision), experiment.task)
        trials = [segment for n in range(10) for segment in experiment.task.trial(0, n)]
        play = partial(_play, engine, trials)
        play()
        took = min(timed(play)[0] for _ in range(3))
        print(f"{name:24}{1e6 * took / sum(segment.steps for segment in trials):8.2f} us per step")


if __name__ == "__main__":
    carry_out_study(__doc__, atlas, switches, ranges, speed)
