"""How near a network with CubaLIF cells (`lava-predict export --to nir --cells cubalif`) is to the original.

For each seed, of the network before it has learned, while its cue is presented (see docs/export.md):

- rate of the network, median error of a cell's rate, and its correlation over the cells;
- error of the population rate in bins of 100 ms after the cue, as a share of the mean rate;
- distance of the cells' smoothed spike trains (0: the same, 1: as far as a constant rate), that of CubaLIF
  cells under the original's currents;
- error of the time since the cue, ms, as a linear readout of traces finds it: trained on 8 of 12
  presentations, tested on the others.

Beside it stand the original with another draw of its noise, and the same CubaLIF cells dealt out at random.

    python benchmarks/cubalif.py [--seeds 5] [--preset robust]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from frame import parser_of
from numpy.typing import NDArray

from lava_predict import draw_network, load_preset
from lava_predict.analysis import Raster
from lava_predict.targets import CubaCells, Responses, approximate, play_cuba, respond

FIRST_SEED = 100
BIN_MS, TRACE_MS, READ_MS = 100, 100.0, 1000
EVERY_MS, DRAWS, TRAINED_ON = 1500, 3, 8
RIDGE = 10.0


def traces(raster: Raster) -> NDArray[np.float64]:
    """Return exponential traces of the spikes, (T, N); a step is 1 ms."""
    found = np.zeros((raster.steps, raster.cells))
    found[raster.step, raster.cell] = 1.0
    for t in range(1, raster.steps):
        found[t] += np.exp(-1.0 / TRACE_MS) * found[t - 1]
    return found


def after_cue(raster: Raster, settled: int) -> NDArray[np.float64]:
    """Average the population rate in bins after the cue over its presentations, Hz."""
    late = raster.step[raster.step >= settled].astype(int) - settled
    bins = EVERY_MS // BIN_MS
    shown = (raster.steps - settled) // EVERY_MS
    counts = np.bincount(late % EVERY_MS // BIN_MS, minlength=bins)
    return counts / (shown * raster.cells * BIN_MS / 1000.0)


def distance(one: Raster, other: Raster, settled: int) -> float:
    """Return the median squared distance of the cells' traces, as a share of the first's variance."""
    mine, theirs = traces(one)[settled:], traces(other)[settled:]
    spread = mine.var(axis=0)
    return float(np.median(((mine - theirs) ** 2).mean(axis=0)[spread > 0] / spread[spread > 0]))


def time_error_ms(rasters: Sequence[Raster], settled: int) -> float:
    """Return the error with which a linear readout of the traces tells the time since the cue."""
    times = np.arange(0, READ_MS, 10)
    shown = []
    for raster in rasters:
        rows = traces(raster)
        starts = range(settled, raster.steps, EVERY_MS)
        shown += [np.column_stack((rows[start + times], np.ones(times.size))) for start in starts]
    x = np.concatenate(shown[:TRAINED_ON])
    gram = x @ x.T + RIDGE * np.eye(len(x))
    weights = x.T @ np.linalg.solve(gram, np.tile(times, TRAINED_ON))
    errors = [each @ weights - times for each in shown[TRAINED_ON:12]]
    return float(np.sqrt(np.mean(np.square(errors))))


def row(raster: Raster, original: Responses, rasters: Sequence[Raster], apart: float) -> list[float]:
    """Measure a network beside the original."""
    wanted, found = original.rates_hz(original.raster), original.rates_hz(raster)
    course, target = after_cue(raster, original.settled), after_cue(original.raster, original.settled)
    return [
        found.mean(),
        float(np.median(np.abs(found - wanted))),
        float(np.corrcoef(found, wanted)[0, 1]),
        float(np.sqrt(np.mean((course - target) ** 2)) / target.mean()),
        apart,
        time_error_ms(rasters, original.settled),
    ]


def measure(preset: str, seed: int) -> dict[str, list[float]]:
    """Return the measures of original, another draw of its noise, approximation and null."""
    config = load_preset(preset, [f"run.seed={seed}"])
    network = draw_network(config)
    found = approximate(config, network, 1)
    original = found.responses
    draws = [respond(config, network, 1, draw).raster for draw in range(2 * DRAWS)]
    longer = np.concatenate([original.level] + [original.level[original.settled :]] * (DRAWS - 1))
    dealt = np.random.default_rng(seed).permutation(network.size)
    others = CubaCells(*(values[dealt] for values in found.fit.cells))
    rows = {
        "original": row(original.raster, original, draws[:DRAWS], 0.0),
        "another draw of its noise": row(
            draws[1], original, draws[DRAWS:], distance(original.raster, draws[1], original.settled)
        ),
    }
    apart = {"CubaLIF": float(np.nanmedian(found.fit.distance)), "CubaLIF dealt at random": float("nan")}
    for name, cells in (("CubaLIF", found.fit.cells), ("CubaLIF dealt at random", others)):
        played = play_cuba(cells, network, longer, 1.0, config.reservoir.tau_s_ms)
        early = played.step < len(original.level)
        same = Raster(played.step[early], played.cell[early], played.cells, len(original.level))
        rows[name] = row(same, original, [played], apart[name])
    return rows


def main() -> None:
    """Print mean and standard deviation over the seeds."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="robust")
    chosen = parser.parse_args()
    found = [measure(chosen.preset, FIRST_SEED + number) for number in range(chosen.seeds)]
    heads = ("rate Hz", "cell's error Hz", "correlation", "course", "distance", "time error ms")
    print(f"{'':28}" + "".join(f"{head:>18}" for head in heads))
    for name in found[0]:
        values = np.array([each[name] for each in found])
        shown = zip(values.mean(axis=0), values.std(axis=0), strict=True)
        print(f"{name:28}" + "".join(f"{mean:10.3g} +- {spread:4.2g}" for mean, spread in shown))


if __name__ == "__main__":
    main()
