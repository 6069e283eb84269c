"""What decides the claims that fail as written: the figures that docs/reproduction.md gives for them.

Seeds and settings are those of `lava-predict reproduce`.

    python benchmarks/claims.py geometry --seeds 100-104
    python benchmarks/claims.py gate --seeds 100-104
    python benchmarks/claims.py loop --seeds 100-104
"""

from __future__ import annotations

import argparse

import numpy as np
from frame import carry_out_study, header, means, over_units, relative_errors, run_each, seeds_of

from lava_predict import load_preset
from lava_predict.analysis.geometry import principal_components
from lava_predict.reproduction.claims.geometry import joined, size_of_correlation, sizes
from lava_predict.reproduction.conditions import CLOSED_LOOP, FOUR_BLOCKS, LATENCIES_MS, LEVELS, with_blocks
from lava_predict.reproduction.studies.closed_loop import REPEATS, Learned, variability
from lava_predict.reproduction.studies.geometry import endpoints

SHARES = (0.1, 0.25, 0.5, 1.0, 2.0)
RESIDUALS = (0.0, 0.05, 0.1, 0.3, 0.5, 1.0)
LOOPS = ("drawn", "against the readout", "along the readout")
FROM = (10, 25, 50, 100)


def sorted_by_probability(unit: tuple[str, int]) -> list[float]:
    """Return the what weights' share of variance, and how PC1 sorts by probability, raw and at `SHARES`."""
    preset, seed = unit
    latencies_ms = [list(pair) for pair in LATENCIES_MS]
    ends = endpoints(with_blocks(load_preset(preset), seed), LEVELS.tolist(), latencies_ms)
    what, when = sizes(ends)
    scaled = [(1.0, 1.0), *((what / np.sqrt(share), when) for share in SHARES)]
    scores = [principal_components(joined(ends, size)).scores[:, 0] for size in scaled]
    return [(what / when) ** 2, *(size_of_correlation(one, ends["probability"]) for one in scores)]


def geometry(arguments: argparse.Namespace) -> None:
    """How PC1 sorts by probability, over the variance of the what weights in that of the when weights."""
    units = [(arguments.preset, seed) for seed in arguments.seeds]
    found = np.array(over_units(sorted_by_probability, units, arguments.jobs))
    print(
        f"{arguments.preset}, {seeds_of(arguments)}: variance of what / of when weights {means(found[:, :1])}"
    )
    print(f"what weights scaled to a share of the when weights' variance\n{header(('raw', *SHARES))}")
    print(f"{means(found[:, 1:])}  |rank correlation| of PC1 and probability", flush=True)


def gate(arguments: argparse.Namespace) -> None:
    """Error over the four blocks, by the gate outside the window."""
    print(f"{arguments.preset}, four blocks, {seeds_of(arguments)}; mean over blocks, trials {header(FROM)}")
    for residual in RESIDUALS:
        results = run_each(arguments.preset, [(f"readout.gate_residual={residual}",)], arguments)
        errors = [relative_errors(results, number, FROM) for number in range(len(results[0].blocks))]
        print(f"residual gate {residual:4}  {means(np.mean(errors, axis=0))}", flush=True)


def looped(unit: tuple[str, int]) -> list[float]:
    """Return the traces' variability, loop closed / mean signal played in, for each of `LOOPS`."""
    preset, seed = unit
    learned = Learned(with_blocks(load_preset(preset), seed, CLOSED_LOOP, blocks=FOUR_BLOCKS[:1]))
    drawn = learned.feedback_weight
    read = learned.after.when.w[: len(drawn), : drawn.shape[1]]
    along = read * (np.linalg.norm(drawn) / np.linalg.norm(read))
    ratios = []
    for weights in (drawn, -along, along):
        loop = learned.with_feedback(weights)
        mean = np.mean([loop.present(number).fed_back for number in range(REPEATS, 2 * REPEATS)], axis=0)
        closed, played = (
            variability(loop.present(number, played_in=signal) for number in range(REPEATS))[0]
            for signal in (None, mean)
        )
        ratios.append(
            (closed.over_presentations.mean() / closed.over_time)
            / (played.over_presentations.mean() / played.over_time)
        )
    return ratios


def loop(arguments: argparse.Namespace) -> None:
    """Whether a loop through other weights than drawn ones holds the traces better than its mean signal."""
    units = [(arguments.preset, seed) for seed in arguments.seeds]
    found = np.array(over_units(looped, units, arguments.jobs))
    print(f"{arguments.preset}, {seeds_of(arguments)}: variance of the traces, loop closed / mean played in")
    print(f"{header(LOOPS)}\n{means(found)}", flush=True)


if __name__ == "__main__":
    carry_out_study(__doc__, geometry, gate, loop, preset="robust")
