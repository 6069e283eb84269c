"""What is left of a cue when others have been learned after it: the figures that docs/cues.md gives.

Cues are shown one after the other, 70 trials each, and all are tested at the end. Errors are those of the
when readout, scaled by the true probabilities, relative to predicting nothing, so that the null is 1.
Settings were tuned on seeds 1-99; report on seeds from 100 up.

    python benchmarks/cues.py two --seeds 100-109
    python benchmarks/cues.py eight --seeds 100-104
    python benchmarks/cues.py sixteen --seeds 100-101
    python benchmarks/cues.py cost --seeds 100
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from frame import carry_out_study, header, means, over_units, relative_errors, run_one, seeds_of

from lava_predict import Experiment, load_preset
from lava_predict.experiment import Result

TRIALS = 70
LATENCY_MS = """300/600 450/750 150/850 600/250 400/900 200/500 700/350 550/150
250/650 500/800 350/150 850/450 750/550 100/700 900/300 650/200"""
PROBABILITY = ".8/.2 .2/.8 .6/.4 .3/.7 .5/.5 .7/.3 .4/.6 .9/.1"
SHARED = ("readout.cue_weights=shared",)
PROJECTED = (*SHARED, "readout.protect=hebbian", "readout.first_rate=0.2")
VARIANTS = (
    ("shared, unprotected", SHARED, True, "float"),
    ("shared, interleaved", SHARED, False, "float"),
    ("shared, projection", PROJECTED, True, "float"),
    ("the same in integers", PROJECTED, True, "fixed"),
    ("own", (), True, "float"),
)


def pairs(text: str, cues: int) -> list[list[float]]:
    """Read the two numbers of each cue; the list starts again where it ends."""
    read = [[float(number) for number in one.split("/")] for one in text.split()]
    return [read[cue % len(read)] for cue in range(cues)]


def task(cues: int, in_turn: bool) -> tuple[str, ...]:
    """Write the --set texts of so many cues, a block for each or one for all."""
    what = f"probability={pairs(PROBABILITY, cues)}, latency_ms={pairs(LATENCY_MS, cues)}"
    blocks = [f"{{trials={TRIALS}, cues=[{cue + 1}], {what}}}" for cue in range(cues)]
    blocks = blocks if in_turn else [f"{{trials={cues * TRIALS}, {what}}}"]
    return f"task.cues={cues}", f"task.blocks=[{', '.join(blocks)}]", "run.probe_trials=[]"


def when_errors(result: Result) -> np.ndarray:
    """Return the error of the when readout after each cue at the end of the run, (M,)."""
    probe, config = result.state.probes[-1], result.config
    after = slice(config.steps(config.task.before_ms), None)
    truth = probe.truth[:, after]
    off = np.maximum(probe.z[:, after], 0.0) * truth.max(axis=1, keepdims=True) - truth
    return np.asarray(np.sqrt((off**2).sum(axis=(1, 2)) / (truth**2).sum(axis=(1, 2))))


def forgetting(arguments: argparse.Namespace, cues: int) -> None:
    print(f"{cues} cues, {TRIALS} trials each, {seeds_of(arguments)}: when error at the end")
    print(f"{'':22}{header(('mean of cues', 'first', 'last', 'whole'))}   worst cue, run")
    for name, settings, in_turn, precision in VARIANTS:
        texts = (*task(cues, in_turn), *settings)
        units = [(arguments.preset, (*texts, f"run.seed={seed}"), precision) for seed in arguments.seeds]
        results = over_units(run_one, units, arguments.jobs)
        errors = np.array([when_errors(result) for result in results])
        whole = relative_errors(results, len(results[0].blocks) - 1, (results[0].blocks[-1].trials,))
        rows = np.column_stack((errors.mean(axis=1), errors[:, 0], errors[:, -1], whole))
        worst = f"{errors.mean(axis=0).max():.3f}  {errors.mean(axis=1).max():.3f}"
        print(f"{name:22}{means(rows)}   {worst}", flush=True)


def two(arguments: argparse.Namespace) -> None:
    """Two cues."""
    forgetting(arguments, 2)


def eight(arguments: argparse.Namespace) -> None:
    """Eight cues."""
    forgetting(arguments, 8)


def sixteen(arguments: argparse.Namespace) -> None:
    """Sixteen cues."""
    forgetting(arguments, 16)


def cost(arguments: argparse.Namespace) -> None:
    """Processor time of a whole run per step, all cues interleaved."""
    print("interleaved; processor time, us a step")
    for cues in (2, 8, 16):
        for name, settings in (("shared", SHARED), ("projection", PROJECTED), ("own", ())):
            texts = (*task(cues, False), *settings, f"run.seed={arguments.seeds[0]}")
            times = []
            for _ in range(3):
                experiment = Experiment(load_preset(arguments.preset, texts))
                started = time.process_time()
                result = experiment.run()
                times.append(time.process_time() - started)
            steps = result.simulated_s * 1000 / experiment.config.run.dt_ms
            print(f"{cues:3} cues, {name:12}{min(times) / steps * 1e6:7.2f}", flush=True)


if __name__ == "__main__":
    carry_out_study(__doc__, two, eight, sixteen, cost, preset="robust")
