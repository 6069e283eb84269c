"""How long an update of recursive least squares takes: in blocks, one by one, and with numpy's outer product.

On one thread, as when several seeds run side by side. The ways are timed in turn, so that other load on the
machine affects all of them; medians over the rounds. A block is as many samples as the replay teaches
at a time: one every 10 ms of a chunk of 500 ms.

    python benchmarks/rls.py
    python benchmarks/rls.py --neurons 200 --rounds 50
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from frame import parser_of, timed
from scipy.linalg.blas import dsymv, dsyr
from threadpoolctl import threadpool_limits

from lava_predict.reproduction import LeastSquares

Array = np.ndarray


def single_update(p: Array, w: Array, x: Array, target: Array, forgetting: float) -> None:
    """Do as `update` does with one sample, by BLAS on the lower triangle of p (n, n); w (C, n) changes."""
    k = dsymv(1.0, p, x, lower=1)
    divisor = forgetting + x @ k
    w += np.outer(target - w @ x, k / divisor)
    dsyr(-1.0 / divisor, k, lower=1, a=p, overwrite_a=1)
    if forgetting != 1.0:
        p /= forgetting


def plain_update(p: Array, w: Array, x: Array, target: Array, forgetting: float) -> None:
    """Do as `update` does with one sample, as one would write it down; p (n, n) and w (C, n) change."""
    k = p @ x
    gain = k / (forgetting + x @ k)
    w += np.outer(target - w @ x, gain)
    p -= np.outer(gain, k)
    p /= forgetting


def each(way: Callable[..., None], p: Array, w: Array, x: Array, target: Array, forgetting: float) -> None:
    """Teach samples one by one."""
    for one, wanted in zip(x, target, strict=True):
        way(p, w, one, wanted, forgetting)


@threadpool_limits.wrap(limits=1)
def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--neurons", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20, help="blocks of samples")
    parser.add_argument("--samples", type=int, default=50, help="in a block")
    arguments = parser.parse_args()
    inputs, samples = arguments.neurons + 1, arguments.samples
    rng = np.random.default_rng(1)
    print(
        f"N = {arguments.neurons}, {arguments.rounds} rounds of {samples}; ms per update, median (5 .. 95 %)"
    )
    for forgetting in (1.0, 0.999):
        state = LeastSquares(1, inputs, 1.0)
        singly, plainly = np.eye(inputs, order="F"), np.eye(inputs)
        w_singly, w_plainly = np.zeros((1, inputs)), np.zeros((1, inputs))
        found = []
        for _ in range(arguments.rounds):
            x, target = rng.normal(size=(samples, inputs)), np.ones((samples, 1))
            ways = (
                partial(state.update, x, target, np.ones(samples), forgetting),
                partial(each, single_update, singly, w_singly, x, target, forgetting),
                partial(each, plain_update, plainly, w_plainly, x, target, forgetting),
            )
            found.append([1000.0 * timed(way)[0] / samples for way in ways])
        apart = max(np.abs(w - state.weights).max() for w in (w_singly, w_plainly))
        low, middle, high = np.percentile(found, [5, 50, 95], axis=0)
        for column, name in enumerate(("in blocks", "one by one, BLAS", "numpy outer product")):
            spread = f"{middle[column]:6.3f} ({low[column]:.3f} .. {high[column]:.3f})"
            print(f"forgetting {forgetting:<5g}  {name:20} {spread}")
        print(f"{'':17} weights apart by {apart:.1e}")


if __name__ == "__main__":
    main()
