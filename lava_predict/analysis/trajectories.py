"""How alike the courses of two networks' states are, and how many dimensions each has.

A course is (samples, N): the cells' traces, sampled in time. Nothing here knows how the spikes were produced.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from lava_predict.analysis.geometry import principal_angles
from lava_predict.analysis.spike_statistics import Raster


def traces(raster: Raster, tau_ms: float, every_ms: float) -> np.ndarray:
    """Let each spike leave a trace that decays with ``tau_ms``; return samples ``every_ms``, (samples, N)."""
    spikes = np.zeros((raster.steps, raster.cells))
    spikes[raster.step, raster.cell] = 1.0
    decay = np.exp(-raster.dt_ms / tau_ms)
    every = max(1, round(every_ms / raster.dt_ms))
    return np.asarray(lfilter([1.0], [1.0, -decay], spikes, axis=0)[every - 1 :: every])


def linear_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Centred kernel alignment with a linear kernel, of courses (samples, N) and (samples, M): 0 .. 1.

    1 if the courses differ by a rotation, a scale and a shift (Kornblith et al. 2019, equation 4 with their
    section 3); NaN if either stands still.
    """
    x, y = (course - course.mean(axis=0) for course in (one, other))
    # In samples, which are fewer than pairs of cells: |Y' X|^2 is the product of both Gram matrices.
    left, right = x @ x.T, y @ y.T
    size = np.linalg.norm(left) * np.linalg.norm(right)
    return float(np.sum(left * right) / size) if size > 0 else np.nan


def components(course: np.ndarray, share: float) -> np.ndarray:
    """Return the fewest principal directions that hold a share of the variance, (directions, N)."""
    _, singular, directions = np.linalg.svd(course - course.mean(axis=0), full_matrices=False)
    variance = np.cumsum(singular**2)
    if variance[-1] == 0:
        return np.zeros((0, course.shape[1]))
    return np.asarray(directions[: int(np.searchsorted(variance, share * variance[-1])) + 1])


def mean_angle(one: np.ndarray, other: np.ndarray, share: float) -> float:
    """Return the mean principal angle between two courses' main directions, in degrees.

    Main are the fewest `components` that hold a share of the variance; of the larger set so many are taken as
    the smaller one has. NaN if either course stands still.
    """
    sets = [components(course, share) for course in (one, other)]
    count = min(map(len, sets))
    if count == 0:
        return np.nan
    angles = principal_angles(sets[0][:count], sets[1][:count])
    return float(np.degrees(angles.mean()))


def dimension(course: np.ndarray) -> float:
    """Return the participation ratio of a course's variances: 1 on a line, N if all directions are alike.

    The square of the sum of the covariance's eigenvalues over the sum of their squares (Gao et al. 2017).
    """
    centred = course - course.mean(axis=0)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    return float(variance.sum() ** 2 / np.sum(variance**2)) if variance.any() else np.nan
