"""How many bits a variable needs."""

from __future__ import annotations

import numpy as np


def knee(bits: np.ndarray, error: np.ndarray, reference_error: float, tolerance: float) -> int | None:
    """Return the smallest word length that keeps the error at the level of the reference, or None.

    A width counts only if every larger width that was tried is good as well, not by chance below a bad one.
    The ``bits``, (widths,), were tried, in any order, none twice; ``error``, (widths,), is that at each, and
    NaN is never good. ``tolerance`` is the largest good ratio of an error to ``reference_error``, that
    without rounding, for instance in float.

    Examples
    --------
    >>> knee(np.array([4, 6, 8, 10]), np.array([0.9, 0.31, 0.4, 0.3]), 0.3, 1.05)
    10
    """
    order = np.argsort(bits)[::-1]
    good = np.asarray(error)[order] <= tolerance * reference_error
    reached = int(np.sum(np.cumprod(good)))
    return int(bits[order[reached - 1]]) if reached else None
