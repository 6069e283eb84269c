"""Time the Lava Processes beside the reference engine, on one 100-trial block of robust, in one run.

Engine and fused forms play the whole block, in turn; the forms that advance one step per Lava step play
a few trials and are given per step. Building the network and compiling kernels are not timed: each
engine plays a trial before its clock starts. Medians of some repeats. Run it with
``python benchmarks/lava.py``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Python puts this folder first on the path, and there this file would stand for Lava itself.
sys.path = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from lava_predict import Config, Experiment, load_preset
from lava_predict.engines import Engine
from lava_predict.engines.cpu import CpuEngine
from lava_predict.engines.lava.engine import LavaEngine
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.tasks.meet import Segment

WAYS = {
    "cpu": ("cpu", 0, 100),
    "fused, default": ("fused", 0, 100),
    "fused, 50": ("fused", 50, 100),
    "fused, 10": ("fused", 10, 100),
    "fused, 1": ("fused", 1, 5),
    "graph": ("graph", 1, 5),
}
"""Of each way: form, steps per Lava step (0: as configured), trials."""


def build(config: Config, precision: str, form: str, steps: int) -> tuple[Experiment, Engine]:
    """Make the engine of one way."""
    if steps:
        run = config.run.model_copy(update={"steps_per_lava_step": steps})
        config = config.model_copy(update={"run": run})
    experiment = Experiment(config)
    arithmetic = experiment.arithmetic(precision)
    if form == "cpu":
        return experiment, CpuEngine(arithmetic, experiment.meet)
    return experiment, LavaEngine(arithmetic, experiment.meet, form)


def timed(engine: Engine, segments: Sequence[Segment]) -> tuple[float, int]:
    """Play segments; return the wall time in s and the steps."""
    started = time.perf_counter()
    steps = sum(played.segment.steps for played in engine.play(segments))
    return time.perf_counter() - started, steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--precision", choices=PRECISIONS, default="float")
    arguments = parser.parse_args()
    block = "task.blocks=[{trials=10000, probability=[0.7, 0.3], latency_ms=[300, 600]}]"
    config = load_preset("robust", [f"reservoir.neurons={arguments.cells}", block])
    precision = arguments.precision
    engines = {name: build(config, precision, form, steps) for name, (form, steps, _) in WAYS.items()}
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in WAYS}
    done = dict.fromkeys(WAYS, 1)
    for experiment, engine in engines.values():
        timed(engine, experiment.meet.trial(0, 0))
    for _ in range(arguments.repeats):
        for name, (_, _, trials) in WAYS.items():
            experiment, engine = engines[name]
            numbers = range(done[name], done[name] + trials)
            done[name] += trials
            segments = [segment for number in numbers for segment in experiment.meet.trial(0, number)]
            found[name].append(timed(engine, segments))
    for _, engine in engines.values():
        engine.close()
    print(f"robust, {precision}, {arguments.cells} cells, noise and learning; medians of {arguments.repeats}")
    print(f"fused, default: {config.run.steps_per_lava_step} steps per Lava step")
    print(f"{'':16}{'trials':>8}{'wall s':>9}{'us/step':>9}{'x cpu':>8}")
    per_step = {name: statistics.median(wall / steps for wall, steps in runs) for name, runs in found.items()}
    for name, (_, _, trials) in WAYS.items():
        wall = statistics.median(wall for wall, _ in found[name])
        ratio = per_step[name] / per_step["cpu"]
        print(f"{name:16}{trials:8}{wall:9.2f}{1e6 * per_step[name]:9.1f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
