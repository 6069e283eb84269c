"""How long an update of recursive least squares takes: BLAS in place against numpy's outer product.

On one thread, as an update is too short to share. The two are timed in turn, so that whatever else the
machine does meets both; medians over the rounds.

    python benchmarks/rls.py
    python benchmarks/rls.py --neurons 200 --rounds 50
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

# Read by the libraries when they are imported.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

from lava_predict.learning.rls import inverse_correlation, least_squares, update


def plain_update(p: np.ndarray, w: np.ndarray, x: np.ndarray, target: np.ndarray, forgetting: float) -> None:
    """Do as `update` does, as one would write it down; p (n, n) and w (C, n) change."""
    k = p @ x
    gain = k / (forgetting + x @ k)
    w += np.outer(target - w @ x, gain)
    p -= np.outer(gain, k)
    p /= forgetting


def milliseconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return 1000.0 * (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--neurons", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=300)
    arguments = parser.parse_args()
    inputs = arguments.neurons + 1
    rng = np.random.default_rng(1)
    print(f"N = {arguments.neurons}, {arguments.rounds} rounds; ms per update, median (5 .. 95 %)")
    for forgetting in (1.0, 0.999):
        state = least_squares(1, inputs, 1.0)
        p, w = inverse_correlation(state), np.zeros((1, inputs))
        found = []
        for x in rng.normal(size=(arguments.rounds, inputs)):
            target = np.ones(1)
            blas = milliseconds(partial(update, state, x, target, forgetting=forgetting))
            plain = milliseconds(partial(plain_update, p, w, x, target, forgetting))
            found.append((blas, plain))
        apart = np.abs(w - state.weights).max()
        low, middle, high = np.percentile(found, [5, 50, 95], axis=0)
        for column, name in enumerate(("BLAS in place", "numpy outer product")):
            spread = f"{middle[column]:6.3f} ({low[column]:.3f} .. {high[column]:.3f})"
            print(f"forgetting {forgetting:<5g}  {name:20} {spread}")
        print(f"{'':17} ratio {middle[1] / middle[0]:.2f}, weights apart by {apart:.1e}")


if __name__ == "__main__":
    main()
