"""A grid for what library functions give, so that networks have the same bits wherever they are drawn.

The last bit of pow, exp, log and the like differs between versions of NumPy and of the C library, and between
processors. Sums, products, quotients and square roots do not differ: IEEE 754 prescribes all of their bits.
So what a library function gives is put on a coarser grid before the state or the constants of a network
depend on it.
"""

from __future__ import annotations

from typing import Any

from lava_predict.numerics.compiled import lean_kernel

SIGNIFICANT_BITS = 24
"""Of a number on the grid; float64 has 53."""

_SPLITTER = 2.0 ** (53 - SIGNIFICANT_BITS) + 1.0


def on_grid(value: Any) -> Any:
    """Round to the nearest number of `SIGNIFICANT_BITS`.

    Two numbers that differ in the last bit of float64 become the same number, unless a border of the grid
    lies between them, as for about one pair in 2^28. This is the first half of Veltkamp's splitting (Dekker
    1971, doi 10.1007/BF01397083), so it needs no library function itself.

    Parameters
    ----------
    value : float or ndarray of float64
        What a library function gave, within +-2^990.

    Returns
    -------
    float or ndarray of float64
        At most a part in 2^24 away.
    """
    wide = value * _SPLITTER
    return wide - (wide - value)


kernel_on_grid = lean_kernel(on_grid)
"""`on_grid` of one float, for kernels."""
