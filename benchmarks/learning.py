"""How well the network learns MEET: the figures that docs/learning.md gives, over several seeds.

Each study prints a table with the mean and the standard deviation over seeds. Errors are RMSE of the
cue-only prediction divided by that of predicting nothing, so that the null is 1. Settings were tuned
on seeds 1-99; report on seeds from 100 up.

    python benchmarks/learning.py atlas --seeds 100-109
    python benchmarks/learning.py curve --seeds 100-109
    python benchmarks/learning.py curve --preset paper --seeds 100-104
    python benchmarks/learning.py counting --seeds 100-109
    python benchmarks/learning.py peaks --seeds 100-109
    python benchmarks/learning.py amplitude --seeds 100-104
    python benchmarks/learning.py switches --seeds 100-104
    python benchmarks/learning.py gate --seeds 100-104
    python benchmarks/learning.py events --seeds 100-104
    python benchmarks/learning.py cues --seeds 100-104
    python benchmarks/learning.py causal --seeds 100-104
    python benchmarks/learning.py parts --seeds 100-109
    python benchmarks/learning.py time-step --seeds 100-104
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from atlas import atlas, sampled_pairs
from frame import PROBES, block, carry_out_study, header, means, relative_errors, run_each, seeds_of

from lava_predict.experiment import Result
from lava_predict.registry import TASKS

SILENT_SYNAPSES = "reservoir.connection_probability=0.0"
ONE_BLOCK = block(100, [0.7, 0.3], [300, 600])


def run_seeds(arguments: argparse.Namespace, *settings: str, precision: str = "float") -> list[Result]:
    """Run the preset with some settings on every seed."""
    return run_each(arguments.preset, [settings], arguments, precision)


def of_events(outcomes: Sequence[Result], field: str, cue: int = 0) -> np.ndarray:
    """Return a field of the first block after a cue, (seeds, events)."""
    return np.array([getattr(outcome.blocks[0], field)[cue] for outcome in outcomes])


def print_events(outcomes: Sequence[Result], width: int, indent: str, cue: int = 0, **fields: str) -> None:
    """Print fields of the first block after a cue, a row each with the name that it is given."""
    for field, name in fields.items():
        print(f"{indent}{name:{width}}{means(of_events(outcomes, field, cue))}")


def mean_rate(outcomes: Sequence[Result]) -> float:
    return float(np.mean([outcome.mean_rate_hz for outcome in outcomes]))


def curve(arguments: argparse.Namespace) -> None:
    """Learning within a block, with and without the recurrent synapses, paired over seeds."""
    found = run_seeds(arguments, ONE_BLOCK)
    without = run_seeds(arguments, ONE_BLOCK, SILENT_SYNAPSES)
    errors, ablated = relative_errors(found), relative_errors(without)
    print(f"{arguments.preset}, p = 0.7, 300/600 ms, {seeds_of(arguments)}; trial")
    print(f"{'':26}{header(PROBES)}")
    print(f"{'error / predicting nothing':26}{means(errors)}")
    print(f"{'ratio to trial 1':26}{means(errors / errors[:, :1])}")
    print(f"{'without recurrence':26}{means(ablated)}")
    print(f"{'without - with, paired':26}{means(ablated - errors)}")
    difference = (ablated - errors)[:, -1]
    seeds = len(difference)
    standard_error = difference.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else float("nan")
    print(
        f"at trial {PROBES[-1]}: worse without recurrence by {difference.mean():.3f} "
        f"(standard error {standard_error:.3f}, in {np.count_nonzero(difference > 0)} of {seeds} seeds)"
    )
    print(f"mean rate {mean_rate(found):.1f} Hz, without recurrence {mean_rate(without):.1f} Hz")


def counting(arguments: argparse.Namespace) -> None:
    """Compare the network, with and without recurrence, and counting, at certain and uncertain times."""
    for sd in (0, 60):
        jitter = f"task.latency_sd_ms={sd}"
        found = run_seeds(arguments, ONE_BLOCK, jitter)
        without = run_seeds(arguments, ONE_BLOCK, jitter, SILENT_SYNAPSES)
        blocks = [result.blocks[0] for result in found]
        counted = np.array([[b.baseline["counting"][n] / b.zero_error for n in PROBES] for b in blocks])
        print(f"{arguments.preset}, p = 0.7, 300/600 ms, deviation {sd} ms, {seeds_of(arguments)}; trial")
        print(f"{'':20}{header(PROBES)}")
        for name, errors in (
            ("network", relative_errors(found)),
            ("without recurrence", relative_errors(without)),
            ("counting", counted),
        ):
            print(f"{name:20}{means(errors)}", flush=True)


def peaks(arguments: argparse.Namespace) -> None:
    """How far a peak is from its event's time, of events of all probabilities and at all times."""
    trials, cases = 200, ((120, 400, 900), (250, 450, 700), (150, 550, 950), (100, 300, 800))
    probed = ("run.probe_trials=[]",)
    settings = [(block(trials, [0.5, 0.25, 0.1], list(case)), *probed) for case in cases]
    found = run_each(arguments.preset, settings, arguments)
    peak = of_events(found, "peak_ms").reshape(-1, len(cases), 3)
    off = np.abs(peak - np.array(cases))
    print(
        f"{arguments.preset}, p = 0.5/0.25/0.1, {trials} trials, {seeds_of(arguments)}: ms from the latency"
    )
    print(f"{'':20}{header(('of 0.5', 'of 0.25', 'of 0.1'))}   largest")
    for number, case in enumerate(cases):
        print(f"{'/'.join(map(str, case)):20}{means(off[:, number])}   {np.nanmax(off[:, number]):.0f}")


def amplitude(arguments: argparse.Namespace) -> None:
    """Amplitude against probability; every level has its own task draw."""
    levels = np.arange(11) / 10
    settings = [
        (block(100, [p, round(1 - p, 1)], [300, 600]), f"run.draws.task={n}")
        for n, p in enumerate(levels.tolist())
    ]
    outcomes = run_each(arguments.preset, settings, arguments)
    output, when, estimate, peak = (
        of_events(outcomes, field).reshape(-1, levels.size, 2)
        for field in ("amplitude", "when_amplitude", "probability_estimate", "peak_ms")
    )
    print(f"{arguments.preset}, 11 levels, 100 trials, {seeds_of(arguments)}")
    print("  p(A)   output A  output B   estimate A  B     z of A   z of B   peak A   peak B")
    for n, p in enumerate(levels):
        row = [array[:, n].mean(axis=0) for array in (output, estimate, when, peak)]
        print(f"  {p:.1f} " + "  ".join(f"{a:8.3f} {b:8.3f}" for a, b in row))
    for name, values in (("output", output), ("estimate", estimate)):
        r = np.array([[np.corrcoef(levels, one[:, k])[0, 1] for k in (0, 1)] for one in values])
        print(f"r of the {name} against p(A), A and B, mean over seeds: {means(r)}")
    shares = np.stack((levels, 1 - levels), axis=1)
    taught = shares > 0.2 - 1e-9
    due = np.array([300.0, 600.0])
    off = np.abs(peak.mean(axis=0) - due)[taught]
    print(f"largest distance of a peak (mean over seeds) from its latency where p >= 0.2: {off.max():.1f} ms")
    single = np.abs(peak - due)[:, taught]
    median = np.nanmedian(single)
    print(f"  and of any single seed's peak: {np.nanmax(single):.1f} ms; median {median:.1f} ms")
    mean = when.mean(axis=0)
    for k, name in enumerate("AB"):
        values = mean[taught[:, k], k]
        flat = np.abs(values / values.mean() - 1).max()
        print(f"z of {name} where p >= 0.2: mean {values.mean():.3f}, at most {100 * flat:.1f} % from it")


def switches(arguments: argparse.Namespace) -> None:
    """Re-learning after a probability, a timing and a joint switch: the preset's own blocks."""
    probes = (0, *PROBES)
    outcomes = run_seeds(arguments)
    print(f"{arguments.preset}, default blocks, {seeds_of(arguments)}; trials after")
    print(f"{'':20}{header(probes)}   below half after")
    for number, name in enumerate(("first block", "probability switch", "timing switch", "both switch")):
        errors = relative_errors(outcomes, number, probes)
        mean = errors.mean(axis=0)
        below = [n for n, value in zip(probes, mean, strict=True) if value < mean[0] / 2]
        print(f"{name:20}{means(errors)}   {min(below) if below else 'never'}")


def gate(arguments: argparse.Namespace) -> None:
    """Error over the preset's blocks, by the gate outside the window."""
    probes = PROBES[1:]
    print(f"{arguments.preset}, default blocks, {seeds_of(arguments)}; mean over blocks, after trials")
    print(f"{'':20}{header(probes)}")
    for residual in (0.0, 0.05, 0.1, 0.3, 0.5, 1.0):
        found = run_seeds(arguments, f"readout.gate_residual={residual}")
        errors = [relative_errors(found, number, probes) for number in range(len(found[0].blocks))]
        print(f"residual gate {residual:<6}{means(np.mean(errors, axis=0))}", flush=True)


def events(arguments: argparse.Namespace) -> None:
    """Three events and omissions."""
    due = [250, 450, 700]
    probed = "run.probe_trials=[0, 1, 10, 25, 50, 100, 200]"
    outcomes = run_seeds(arguments, block(200, [0.5, 0.2, 0.1], due), probed)
    print(f"{arguments.preset}, p = 0.5/0.2/0.1 (omission 0.2) at {due} ms, 200 trials")
    print(f"{'':28}{header('ABC')}")
    named = {"amplitude": "amplitude of o", "probability_estimate": "estimate", "peak_ms": "peak (ms)"}
    print_events(outcomes, 28, "", **named)
    print(f"error after 200 trials      {means(relative_errors(outcomes, 0, (200,)))}")


def cues(arguments: argparse.Namespace) -> None:
    """Two cues with different statistics, interleaved, against probabilities swapped between them."""
    probability = [[0.8, 0.2], [0.2, 0.8]]
    latency = [[300, 600], [450, 750]]
    probed = "run.probe_trials=[0, 10, 50, 100, 200]"
    outcomes = run_seeds(arguments, "task.cues=2", block(200, probability, latency), probed)
    print(f"{arguments.preset}, two cues interleaved, p = {probability}, latencies {latency} ms, 200 trials")
    for cue in (0, 1):
        print(f"cue {cue + 1}: {header('AB')}")
        print_events(outcomes, 12, "  ", cue, probability_estimate="estimate", peak_ms="peak (ms)")
    print(f"error at 10/50/100/200  {means(relative_errors(outcomes, 0, (10, 50, 100, 200)))}")
    config = outcomes[0].config
    after = slice(config.steps(config.task.before_ms), None)
    probes = [one.state.probes[-1] for one in outcomes]
    last = [(probe.o[:, after], probe.truth[:, after]) for probe in probes]
    for name, of_cue in (("its own", slice(None)), ("the other", slice(None, None, -1))):
        errors = [np.sqrt(np.mean((o - truth[of_cue]) ** 2) / np.mean(truth**2)) for o, truth in last]
        print(f"after 200 trials, against the truth of {name} cue: {means(np.array(errors)[:, None])}")


def when_errors(results: Sequence[Result], probes: Sequence[int]) -> np.ndarray:
    """Errors of max(z, 0) in the first block, relative to a silent readout's, (runs, probes)."""
    task = TASKS.get("meet")(results[0].config)
    profiles = task.profiles(0, 0)[task.cue_step :]
    read = [{one.trials: one.z[0, task.cue_step :] for one in r.state.probes} for r in results]
    errors = [[np.sqrt(np.mean((np.maximum(z[n], 0) - profiles) ** 2)) for n in probes] for z in read]
    return np.array(errors) / np.sqrt(np.mean(profiles**2))


def causal(arguments: argparse.Namespace) -> None:
    """Learning that lags until it is known what has come, beside a gate that knows it before."""
    ways = {"gate before the event": "readout.causal=false", "lag of 150 ms": "readout.causal=true"}
    for first, second, p in [(300, 600, 0.7), *sampled_pairs()[::7]]:
        print(f"{arguments.preset}, p = {p}, {first}/{second} ms, {seeds_of(arguments)}; when / o, trials")
        print(f"{'':24}{header([*PROBES[1:], *PROBES[1:]])}")
        last = []
        for name, way in ways.items():
            found = run_seeds(arguments, block(100, [p, round(1 - p, 1)], [first, second]), way)
            errors = np.hstack([when_errors(found, PROBES[1:]), relative_errors(found, probes=PROBES[1:])])
            last.append(errors.mean(axis=0)[[len(PROBES) - 2, -1]])
            print(f"{name:24}{means(errors)}", flush=True)
        when, o = last[1] / last[0]
        print(f"after 100 trials, with the lag / without: when {when:.2f}, o {o:.2f}")
    print(f"{arguments.preset}, default blocks, {seeds_of(arguments)}; o, mean over blocks, trials")
    print(f"{'':24}{header((0, *PROBES[1:]))}")
    for name, way in ways.items():
        found = run_seeds(arguments, way)
        blocks = range(len(found[0].blocks))
        errors = np.mean([relative_errors(found, number, (0, *PROBES[1:])) for number in blocks], axis=0)
        print(f"{name:24}{means(errors)}", flush=True)


def parts(arguments: argparse.Namespace) -> None:
    """Error at the end of the blocks with other cells, and with axonal delays."""
    lif = "reservoir.neuron=adaptive_lif"
    for name, settings, precision in (
        ("izhikevich", (), "float"),
        ("adaptive_lif", (lif,), "float"),
        ("adaptive_lif, integers", (lif,), "fixed"),
        ("adaptive_lif, without recurrence", (lif, SILENT_SYNAPSES), "float"),
        ("izhikevich, delays of 1-20 ms", ("reservoir.delay_ms=[1, 20]",), "float"),
    ):
        found = run_seeds(arguments, *settings, precision=precision)
        blocks = range(len(found[0].blocks))
        last = np.hstack([relative_errors(found, number, PROBES[-1:]) for number in blocks])
        columns = np.column_stack([last.mean(axis=1), last[:, 0]])
        print(f"{name:34}{means(columns)}  (all blocks, first block)", flush=True)


def time_step(arguments: argparse.Namespace) -> None:
    """Learning of one block at 1 ms and at 0.1 ms, with and without recurrence."""
    for dt in (1.0, 0.1):
        for name, more in (("recurrent", ()), ("without recurrence", (SILENT_SYNAPSES,))):
            outcomes = run_seeds(arguments, ONE_BLOCK, f"run.dt_ms={dt}", *more)
            print(f"{arguments.preset}, dt {dt} ms, {name}; trial")
            print(f"  {'':18}{header(PROBES)}")
            print(f"  {'error':18}{means(relative_errors(outcomes))}")
            named = {"probability_estimate": "estimate A, B", "peak_ms": "peak A, B (ms)"}
            print_events(outcomes, 18, "  ", **named, when_amplitude="z of A, B")
            print(f"  mean rate {mean_rate(outcomes):.2f} Hz", flush=True)


if __name__ == "__main__":
    carry_out_study(
        __doc__,
        atlas,
        curve,
        counting,
        peaks,
        amplitude,
        switches,
        gate,
        events,
        cues,
        causal,
        parts,
        time_step,
        preset="robust",
    )
