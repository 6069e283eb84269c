"""A grid for what library functions give, so that networks have the same bits wherever they are drawn.

The last bit of pow, exp, log and the like differs between versions of NumPy and of the C library, and between
processors. Sums, products, quotients and square roots do not differ: IEEE 754 prescribes all of their bits.
So what a library function gives is put on a coarser grid before the state or the constants of a network
depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.numerics.compiled import lean_kernel


def on_grid(value: Any) -> Any:
    """Round to 24 significant bits, those of single precision, and return that as float64.

    Two numbers that differ in the last bit of float64 become the same number, unless a border of the grid
    lies between them, as for about one pair in 2^28.

    Parameters
    ----------
    value : float or ndarray
        What a library function gave, below 2^128.

    Returns
    -------
    float64 or ndarray of float64
        The nearest number on the grid: at most a part in 2^24 away, or 2^-150 where that is more.
    """
    return np.float64(np.float32(value))


kernel_on_grid = lean_kernel(on_grid)
"""`on_grid` of one float, for kernels."""
