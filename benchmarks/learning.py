"""How well the network learns MEET: the figures that docs/learning.md gives, over several seeds.

Each study prints a table with the mean and the standard deviation over seeds. Errors are RMSE of the
cue-only prediction divided by that of predicting nothing, so that the null is 1. Settings were tuned
on seeds 1-99; report on seeds from 100 up.

    python benchmarks/learning.py curve --seeds 100-109
    python benchmarks/learning.py curve --preset paper --seeds 100-104
    python benchmarks/learning.py amplitude --seeds 100-104
    python benchmarks/learning.py switches --seeds 100-104
    python benchmarks/learning.py events --seeds 100-104
    python benchmarks/learning.py cues --seeds 100-104
    python benchmarks/learning.py time-step --seeds 100-104
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from lava_predict import Experiment, load_preset
from lava_predict.experiment.experiment import BlockResult

PROBES = (1, 10, 25, 50, 100)
SILENT_SYNAPSES = "reservoir.connection_probability=0.0"


@dataclass(frozen=True)
class Job:
    """One run: preset, seed and --set texts."""

    preset: str
    seed: int
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What the tables need of a run; last prediction and truth are (cues, times from the cue, events)."""

    blocks: list[BlockResult]
    mean_rate_hz: float
    prediction: np.ndarray
    truth: np.ndarray


def block(trials: int, probability: object, latency_ms: object) -> str:
    """Write one block as TOML."""
    return f"{{trials={trials}, probability={probability}, latency_ms={latency_ms}}}"


def blocks(*texts: str) -> str:
    """Write the --set text for a list of blocks."""
    return f"task.blocks=[{', '.join(texts)}]"


ONE_BLOCK = blocks(block(100, [0.7, 0.3], [300, 600]))


def run(job: Job) -> Outcome:
    """Carry out one run."""
    experiment = Experiment(load_preset(job.preset, job.settings), seed=job.seed)
    result = experiment.run()
    last, from_cue = result.state.probes[-1], slice(experiment.meet.cue_step, None)
    return Outcome(result.blocks, result.mean_rate_hz, last.o[:, from_cue], last.truth[:, from_cue])


def run_all(jobs: Sequence[Job], workers: int) -> list[Outcome]:
    """Carry out all runs, in processes of their own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(run, jobs))


def relative_errors(
    outcomes: Sequence[Outcome], number: int = 0, probes: Sequence[int] = PROBES
) -> np.ndarray:
    """Errors of one block relative to predicting nothing, (seeds, probes)."""
    found = [outcome.blocks[number] for outcome in outcomes]
    return np.array([[b.error[n] / b.zero_error for n in probes] for b in found])


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation of each column."""
    deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
    return "  ".join(f"{m:6.3f} +-{d:5.3f}" for m, d in zip(values.mean(axis=0), deviation, strict=True))


def header(names: Sequence[object], width: int = 14) -> str:
    """Column names above a row of `spread`."""
    return "  ".join(f"{name!s:>{width}}" for name in names)


def curve(arguments: argparse.Namespace) -> None:
    """Learning within a block, with and without the recurrent synapses, paired over seeds."""
    preset, seeds = arguments.preset, arguments.seeds
    jobs = [Job(preset, seed, (ONE_BLOCK, *more)) for more in ((), (SILENT_SYNAPSES,)) for seed in seeds]
    outcomes = run_all(jobs, arguments.jobs)
    found, without = outcomes[: len(seeds)], outcomes[len(seeds) :]
    errors, ablated = relative_errors(found), relative_errors(without)
    print(f"{preset}, p = 0.7, 300/600 ms, seeds {seeds[0]}-{seeds[-1]}; trial")
    print(f"{'':26}{header(PROBES)}")
    print(f"{'error / predicting nothing':26}{spread(errors)}")
    print(f"{'ratio to trial 1':26}{spread(errors / errors[:, :1])}")
    print(f"{'without recurrence':26}{spread(ablated)}")
    print(f"{'without - with, paired':26}{spread(ablated - errors)}")
    difference = (ablated - errors)[:, -1]
    standard_error = difference.std(ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else float("nan")
    print(
        f"at trial {PROBES[-1]}: worse without recurrence by {difference.mean():.3f} "
        f"(standard error {standard_error:.3f}, in {np.count_nonzero(difference > 0)} of {len(seeds)} seeds)"
    )
    rates = [np.mean([o.mean_rate_hz for o in group]) for group in (found, without)]
    print(f"mean rate {rates[0]:.1f} Hz, without recurrence {rates[1]:.1f} Hz")


def amplitude(arguments: argparse.Namespace) -> None:
    """Amplitude against probability; every level has a task draw of its own."""
    levels = np.arange(11) / 10
    jobs = [
        Job(
            arguments.preset,
            seed,
            (blocks(block(100, [p, round(1 - p, 1)], [300, 600])), f"run.draws.task={n}"),
        )
        for seed in arguments.seeds
        for n, p in enumerate(levels.tolist())
    ]
    last = [outcome.blocks[0] for outcome in run_all(jobs, arguments.jobs)]
    shape = (len(arguments.seeds), levels.size, 2)
    output = np.array([b.amplitude[0] for b in last]).reshape(shape)
    when = np.array([b.when_amplitude[0] for b in last]).reshape(shape)
    estimate = np.array([b.probability_estimate[0] for b in last]).reshape(shape)
    peak = np.array([b.peak_ms[0] for b in last]).reshape(shape)
    print(f"{arguments.preset}, 11 levels, 100 trials, seeds {arguments.seeds[0]}-{arguments.seeds[-1]}")
    print("  p(A)   output A  output B   estimate A  B     z of A   z of B   peak A   peak B")
    for n, p in enumerate(levels):
        row = [array[:, n].mean(axis=0) for array in (output, estimate, when, peak)]
        print(f"  {p:.1f} " + "  ".join(f"{a:8.3f} {b:8.3f}" for a, b in row))
    for name, values in (("output", output), ("estimate", estimate)):
        r = np.array([[np.corrcoef(levels, one[:, k])[0, 1] for k in (0, 1)] for one in values])
        print(f"r of the {name} against p(A), A and B, mean over seeds: {spread(r)}")
    shares = np.stack((levels, 1 - levels), axis=1)
    taught = shares > 0.2 - 1e-9
    due = np.array([300.0, 600.0])
    off = np.abs(peak.mean(axis=0) - due)[taught]
    print(f"largest distance of a peak (mean over seeds) from its latency where p >= 0.2: {off.max():.1f} ms")
    single = np.abs(peak - due)[:, taught]
    print(
        f"  and of any single seed's peak: {np.nanmax(single):.1f} ms; median {np.nanmedian(single):.1f} ms"
    )
    mean = when.mean(axis=0)
    for k, name in enumerate("AB"):
        values = mean[taught[:, k], k]
        flat = np.abs(values / values.mean() - 1).max()
        print(f"z of {name} where p >= 0.2: mean {values.mean():.3f}, at most {100 * flat:.1f} % from it")


def switches(arguments: argparse.Namespace) -> None:
    """Re-learning after a probability, a timing and a joint switch: the preset's own blocks."""
    probes = (0, *PROBES)
    outcomes = run_all([Job(arguments.preset, seed) for seed in arguments.seeds], arguments.jobs)
    print(
        f"{arguments.preset}, default blocks, seeds {arguments.seeds[0]}-{arguments.seeds[-1]}; trials after"
    )
    print(f"{'':20}{header(probes)}   below half after")
    for number, name in enumerate(("first block", "probability switch", "timing switch", "both switch")):
        errors = relative_errors(outcomes, number, probes)
        mean = errors.mean(axis=0)
        below = [n for n, value in zip(probes, mean, strict=True) if value < mean[0] / 2]
        print(f"{name:20}{spread(errors)}   {min(below) if below else 'never'}")


def events(arguments: argparse.Namespace) -> None:
    """Three events and omissions."""
    due = [250, 450, 700]
    settings = (blocks(block(200, [0.5, 0.2, 0.1], due)), "run.probe_trials=[0, 1, 10, 25, 50, 100, 200]")
    outcomes = run_all([Job(arguments.preset, seed, settings) for seed in arguments.seeds], arguments.jobs)
    last = [outcome.blocks[0] for outcome in outcomes]
    print(f"{arguments.preset}, p = 0.5/0.2/0.1 (omission 0.2) at {due} ms, 200 trials")
    print(f"{'':28}{header('ABC')}")
    for name, field in (
        ("amplitude of o", "amplitude"),
        ("estimate", "probability_estimate"),
        ("peak (ms)", "peak_ms"),
    ):
        print(f"{name:28}{spread(np.array([getattr(b, field)[0] for b in last]))}")
    print(f"error after 200 trials      {spread(relative_errors(outcomes, 0, (200,)))}")


def cues(arguments: argparse.Namespace) -> None:
    """Two cues with different statistics, interleaved, against probabilities swapped between them."""
    probability = [[0.8, 0.2], [0.2, 0.8]]
    latency = [[300, 600], [450, 750]]
    settings = (
        "task.cues=2",
        blocks(block(200, probability, latency)),
        "run.probe_trials=[0, 10, 50, 100, 200]",
    )
    outcomes = run_all([Job(arguments.preset, seed, settings) for seed in arguments.seeds], arguments.jobs)
    last = [outcome.blocks[0] for outcome in outcomes]
    print(f"{arguments.preset}, two cues interleaved, p = {probability}, latencies {latency} ms, 200 trials")
    for cue in (0, 1):
        print(f"cue {cue + 1}: {header('AB')}")
        for name, field in (("estimate", "probability_estimate"), ("peak (ms)", "peak_ms")):
            print(f"  {name:12}{spread(np.array([getattr(b, field)[cue] for b in last]))}")
    print(f"error at 10/50/100/200  {spread(relative_errors(outcomes, 0, (10, 50, 100, 200)))}")
    for name, of_cue in (("its own", slice(None)), ("the other", slice(None, None, -1))):
        errors = [
            np.sqrt(np.mean((o.prediction - o.truth[of_cue]) ** 2) / np.mean(o.truth**2)) for o in outcomes
        ]
        print(f"after 200 trials, against the truth of {name} cue: {spread(np.array(errors)[:, None])}")


def time_step(arguments: argparse.Namespace) -> None:
    """Learning of one block at 1 ms and at 0.1 ms, with and without recurrence."""
    for dt in (1.0, 0.1):
        for name, more in (("recurrent", ()), ("without recurrence", (SILENT_SYNAPSES,))):
            settings = (ONE_BLOCK, f"run.dt_ms={dt}", *more)
            outcomes = run_all([Job(arguments.preset, s, settings) for s in arguments.seeds], arguments.jobs)
            last = [outcome.blocks[0] for outcome in outcomes]
            print(f"{arguments.preset}, dt {dt} ms, {name}; trial")
            print(f"  {'':18}{header(PROBES)}")
            print(f"  {'error':18}{spread(relative_errors(outcomes))}")
            for label, field in (
                ("estimate A, B", "probability_estimate"),
                ("peak A, B (ms)", "peak_ms"),
                ("z of A, B", "when_amplitude"),
            ):
                print(f"  {label:18}{spread(np.array([getattr(b, field)[0] for b in last]))}")
            print(f"  mean rate {np.mean([o.mean_rate_hz for o in outcomes]):.2f} Hz", flush=True)


STUDIES = {
    "curve": curve,
    "amplitude": amplitude,
    "switches": switches,
    "events": events,
    "cues": cues,
    "time-step": time_step,
}


def seed_range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--preset", default="robust")
    parser.add_argument("--seeds", type=seed_range, default=seed_range("100-104"), help="as 100-109")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    arguments = parser.parse_args()
    STUDIES[arguments.study](arguments)


if __name__ == "__main__":
    main()
