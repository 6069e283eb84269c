"""Time the Lava Processes beside the reference engine, on one 100-trial block of robust, in one run.

Engine and fused forms play the whole block, in turn; the forms that advance one step per Lava step play
a few trials, so compare them per step. Building the network and compiling kernels are not timed.

    python benchmarks/lava_speed.py [--precision fixed] [--cells 20]
"""

from __future__ import annotations

import statistics

from frame import block, parser_of, timed, with_steps

from lava_predict import Config, CpuEngine, Experiment, LavaEngine, load_preset
from lava_predict.engines import Engine
from lava_predict.network import PRECISIONS
from lava_predict.tasks import Task

WAYS = {
    "cpu": ("cpu", 0, 100),
    "fused, default": ("fused", 0, 100),
    "fused, 50": ("fused", 50, 100),
    "fused, 10": ("fused", 10, 100),
    "fused, 1": ("fused", 1, 5),
    "graph": ("graph", 1, 5),
}
"""Of each way: form, steps per Lava step (0: as configured), trials."""


def build(config: Config, precision: str, form: str, steps: int) -> tuple[Task, Engine]:
    """Make the engine of one way."""
    experiment = Experiment(with_steps(config, steps) if steps else config)
    arithmetic, task = experiment.arithmetic(precision), experiment.task
    if form == "cpu":
        return task, CpuEngine(arithmetic, task)
    return task, LavaEngine(arithmetic, task, LavaEngine.Options(form))


def play(task: Task, engine: Engine, trials: range) -> tuple[float, int]:
    """Play trials; return the wall time in s and the steps."""
    segments = [segment for number in trials for segment in task.trial(0, number)]
    wall_s, played = timed(lambda: list(engine.play(segments)))
    return wall_s, sum(record.segment.steps for record in played)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--precision", choices=PRECISIONS, default="float")
    arguments = parser.parse_args()
    cells, repeats, precision = arguments.cells, arguments.repeats, arguments.precision
    settings = [f"reservoir.neurons={cells}", block(10_000, [0.7, 0.3], [300, 600])]
    config = load_preset("robust", settings)
    engines = {name: build(config, precision, form, steps) for name, (form, steps, _) in WAYS.items()}
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in WAYS}
    for way in engines.values():
        play(*way, range(1))  # compiles
    for repeat in range(repeats):
        for name, (_, _, trials) in WAYS.items():
            first = 1 + repeat * trials
            found[name].append(play(*engines[name], range(first, first + trials)))
    for _, engine in engines.values():
        engine.close()
    print(f"robust, {precision}, {cells} cells, noise and learning; medians of {repeats}")
    print(f"fused, default: {config.run.steps_per_lava_step} steps per Lava step")
    print(f"{'':16}{'trials':>8}{'wall s':>9}{'us/step':>9}{'x cpu':>8}")
    per_step = {name: statistics.median(wall / steps for wall, steps in runs) for name, runs in found.items()}
    for name, (_, _, trials) in WAYS.items():
        wall = statistics.median(wall for wall, _ in found[name])
        ratio = per_step[name] / per_step["cpu"]
        print(f"{name:16}{trials:8}{wall:9.2f}{1e6 * per_step[name]:9.1f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
