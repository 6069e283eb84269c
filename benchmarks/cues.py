"""What is left of a cue when others have been learned after it: the figures that docs/cues.md gives.

Cues are shown one after the other, 70 trials each, and all are tested at the end. Errors are those of the
when readout, scaled by the true probabilities, relative to predicting nothing, so that the null is 1.
Settings were tuned on seeds 1-99; report on seeds from 100 up.

    python benchmarks/cues.py two --seeds 100-109
    python benchmarks/cues.py eight --seeds 100-104
    python benchmarks/cues.py sixteen --seeds 100-101
    python benchmarks/cues.py swap --seeds 100-104
    python benchmarks/cues.py similar --seeds 100-104
    python benchmarks/cues.py cost --seeds 100
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from frame import carry_out_study, header, means, over_units, relative_errors, run_each, run_one, seeds_of

from lava_predict import Config, Experiment, load_preset
from lava_predict.experiment import Probe, Result

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
    ("own, interleaved", (), False, "float"),
)
OVERLAPS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
FIGURE = Path("similar_cues.png")


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


def when_errors(probe: Probe, config: Config) -> np.ndarray:
    """Return the error of the when readout after each cue at a probe, (M,)."""
    after = slice(config.steps(config.task.before_ms), None)
    truth = probe.truth[:, after]
    off = np.maximum(probe.z[:, after], 0.0) * truth.max(axis=1, keepdims=True) - truth
    return np.asarray(np.sqrt((off**2).sum(axis=(1, 2)) / (truth**2).sum(axis=(1, 2))))


def last_errors(result: Result) -> np.ndarray:
    """Return the error of the when readout after each cue at the end of the run, (M,)."""
    return when_errors(result.state.probes[-1], result.config)


def forgetting(arguments: argparse.Namespace, cues: int) -> None:
    print(f"{cues} cues, {TRIALS} trials each, {seeds_of(arguments)}: when error at the end")
    print(f"{'':22}{header(('mean of cues', 'first', 'last', 'whole'))}   worst cue, run")
    for name, settings, in_turn, precision in VARIANTS:
        texts = (*task(cues, in_turn), *settings)
        units = [(arguments.preset, (*texts, f"run.seed={seed}"), precision) for seed in arguments.seeds]
        results = over_units(run_one, units, arguments.jobs)
        errors = np.array([last_errors(result) for result in results])
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


def swap(arguments: argparse.Namespace) -> None:
    """Eight cues one after the other, then other times after the third; each has its own weights."""
    cues, swapped = 8, 2
    name, texts = task(cues, True)[:2]
    p, latency = (pairs(text, cues) for text in (PROBABILITY, LATENCY_MS))
    latency[swapped] = latency[swapped][::-1]
    again = f"{{trials={TRIALS}, cues=[{swapped + 1}], probability={p}, latency_ms={latency}}}"
    texts = texts.removesuffix("]") + f", {again}]"
    probed = "run.probe_trials=[10, 25]"
    errors, untouched, recognised = [], 0, 0
    for seed in arguments.seeds:
        experiment = Experiment(load_preset(arguments.preset, (name, texts, probed, f"run.seed={seed}")))
        session = experiment.start()
        session.advance(cues * TRIALS)
        before = session.state.network.when.w.copy()
        known = session.state.network.when.cue[1]
        session.advance(TRIALS)
        after = session.state.network.when.w
        rows = np.arange(len(after)) // 2 != swapped
        untouched += np.array_equal(before[rows], after[rows]) and not np.array_equal(before, after)
        recognised += known == session.state.network.when.cue[1] == cues
        errors.append([when_errors(probe, experiment.config)[swapped] for probe in session.state.probes[-3:]])
    print(f"{seeds_of(arguments)}: when error of the swapped cue after 10, 25, {TRIALS} of its trials")
    print(f"  {means(np.array(errors))}")
    print(
        f"  all other weights the same bits in {untouched}, eight cues known in {recognised} runs", flush=True
    )


def similar(arguments: argparse.Namespace) -> None:
    """Show what one cue has taught after another that shares some of its cells; then teach that one."""
    texts = task(2, True)
    found = {}
    for name, own in (("own weights", ()), ("shared weights", SHARED)):
        settings = [(*texts, *own, f"task.cue_overlap={overlap}") for overlap in OVERLAPS]
        results = run_each(arguments.preset, settings, arguments)
        rows = []
        for result in results:
            taught = [probe for probe in result.state.probes if probe.trials == TRIALS]
            z = np.maximum(taught[0].z[:, result.config.steps(result.config.task.before_ms) :], 0.0)
            shown = float((z[0] * z[1]).sum() / (z[0] ** 2).sum())
            rows.append([shown, *last_errors(result)])
        found[name] = np.array(rows).reshape(len(arguments.seeds), len(OVERLAPS), 3)
        print(f"{name}, {seeds_of(arguments)}; overlap {header(OVERLAPS)}")
        for row, text in enumerate(("first's z after second", "error of first", "error of second")):
            print(f"  {text:24}{means(found[name][:, :, row])}", flush=True)
    draw_similar(found)


def draw_similar(found: dict[str, np.ndarray]) -> None:
    """Draw what `similar` found, (seeds, overlaps, 3) for each arrangement."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, (name, rows) in enumerate(found.items()):
        mean, sd = rows.mean(axis=0).T, rows.std(axis=0).T
        axes[0].errorbar(OVERLAPS, mean[0], sd[0], color=f"C{number}", marker="o", label=name)
        for cue, look in ((1, "-"), (2, ":")):
            label = f"{name}, {('first', 'second')[cue - 1]} cue"
            axes[1].errorbar(
                OVERLAPS, mean[cue], sd[cue], color=f"C{number}", marker="o", linestyle=look, label=label
            )
    axes[0].set(ylabel="first cue's z that the second calls up", title="only the first cue has been taught")
    axes[1].set(ylabel="when error / predicting nothing", title="then the second cue has been taught")
    for one in axes:
        one.set(xlabel="share of cells that both cues drive", ylim=(0, None))
        one.legend(fontsize=8)
    figure.savefig(FIGURE, dpi=150)
    plt.close(figure)


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
    carry_out_study(__doc__, two, eight, sixteen, swap, similar, cost, preset="robust")
