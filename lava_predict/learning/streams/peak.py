"""When a label is expected: the peak of its when readout, smoothed."""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.grid import on_grid

LEAST_PEAK = 0.02
"""A label whose smoothed z stays below this is expected at no time."""


def smoothing(width: float) -> np.ndarray:
    """Return the weights of a running mean: a normal density whose deviation is so many samples."""
    place = np.arange(-int(3 * width), int(3 * width) + 1)
    weight = on_grid(np.exp(-0.5 * (place / width) ** 2))
    return np.asarray(weight / weight.sum())


@kernel
def peak_sample(z: np.ndarray, unit: float, weight: np.ndarray) -> float:
    """Return where z, (S,), is greatest, in samples from the first one; NaN if it is never high.

    ``unit`` is what the last bit of z is worth. z is cut to 0 .. 1, is 0 outside, and is smoothed by
    ``weight``, of odd length. A parabola through the greatest value and its neighbours tells the place
    between samples.
    """
    reach = weight.size // 2
    smooth = np.zeros(z.size + 2 * reach)
    for i in range(z.size):
        value = min(max(z[i] * unit, 0.0), 1.0)
        for j in range(weight.size):
            smooth[i + j] += value * weight[j]
    peak = min(max(int(smooth.argmax()), 1), smooth.size - 2)
    before, top, after = smooth[peak - 1], smooth[peak], smooth[peak + 1]
    if top < LEAST_PEAK:
        return np.nan
    bend = before - 2.0 * top + after
    return peak - reach + (0.5 * (before - after) / bend if bend < 0.0 else 0.0)
