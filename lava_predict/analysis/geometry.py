"""Geometry of readout weights: angles between what and when, what they sort by, and where they go.

Nothing here knows how the weights were learned. Random vectors of many dimensions are nearly orthogonal
already, so compare every angle with its nulls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import orth, svdvals
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from lava_predict.analysis.spike_statistics import pearson


def principal_angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Principal angles between the row spaces of weights (K, N) and (L, N): radians, ascending, (min(r, q),).

    r and q are the numerical ranks. Cosines lose small angles to rounding, sines those near 90 degrees; each
    angle is taken from the one that is exact for it (Knyazev & Argentati 2002, algorithm 3.1).
    `scipy.linalg.subspace_angles` confuses them where small and large angles occur together (scipy 1.15),
    and is then off by 1e-8.
    """
    second, first = sorted((orth(one.T), orth(other.T)), key=lambda basis: basis.shape[1])
    if second.shape[1] == 0:
        return np.zeros(0)
    overlap = first.T @ second
    cosine = np.clip(svdvals(overlap), 0.0, 1.0)
    sine = np.clip(svdvals(second - first @ overlap)[::-1], 0.0, 1.0)
    return np.asarray(np.where(cosine**2 < 0.5, np.arccos(cosine), np.arcsin(sine)))


def absolute_cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Absolute cosine between every row of (K, N) and of (L, N) weights, (K, L); NaN where a row is all 0."""
    norms = np.outer(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))
    cosine = np.divide(one @ other.T, norms, out=np.full(norms.shape, np.nan), where=norms > 0.0)
    return np.asarray(np.minimum(np.abs(cosine), 1.0))


def smallest_angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Smallest of the `principal_angles` of each of S pairs, (S, K, N) and (S, L, N): degrees, (S,).

    NaN where either set is all 0 or not finite.
    """
    found = np.full(len(one), np.nan)
    for place, pair in enumerate(zip(one, other, strict=True)):
        if all(np.isfinite(weights).all() and weights.any() for weights in pair):
            found[place] = np.degrees(principal_angles(*pair)[0])
    return found


def mean_cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean of the `absolute_cosines` of each of S pairs, (S, K, N) and (S, L, N): 0 .. 1, (S,).

    NaN where any row is all 0 or not finite.
    """
    return np.array([absolute_cosines(*pair).mean() for pair in zip(one, other, strict=True)])


def participation_ratio(covariance: np.ndarray) -> float:
    """Effective number of dimensions of states, tr(C)^2 / tr(C^2), 1 .. N; NaN if C is all 0.

    C, (N, N) float64, is the covariance of the states, or their second moments (uncentred traces).
    """
    total, squares = float(np.trace(covariance)), float(np.sum(covariance**2))
    return total**2 / squares if squares > 0.0 else float("nan")


def states_within(second_moments: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw random vectors inside the state subspace that a network visits, (*shape, N) float64.

    They are normal, of mean 0, with the second moments (N, N) of the states, given up to a factor. Local
    rules add up states times errors; with random errors these sums are such vectors.
    """
    # Not checked: rounding makes the least eigenvalues of a singular matrix a little negative.
    mean = np.zeros(len(second_moments))
    return rng.multivariate_normal(mean, second_moments, shape, check_valid="ignore", method="eigh")


@dataclass(frozen=True)
class Components:
    """Principal components of weights over C conditions; r = min(C, D).

    The directions ``axes``, (r, D), are orthonormal, the greatest entry by size of each positive.
    ``scores``, (C, r), say where each condition lies along them, from the mean over conditions;
    ``explained``, (r,), is the share of the variance, descending, or NaN if the weights are all alike.
    """

    axes: np.ndarray
    scores: np.ndarray
    explained: np.ndarray


def principal_components(weights: np.ndarray) -> Components:
    """Principal components of weight vectors over conditions; (C, D) float64, one flattened set each."""
    centred = weights - weights.mean(axis=0)
    left, size, axes = np.linalg.svd(centred, full_matrices=False)
    peak = axes[np.arange(size.size), np.abs(axes).argmax(axis=1)]
    # The decomposition leaves the sign open; fixed so that two machines agree.
    sign = np.where(peak < 0.0, -1.0, 1.0)
    variance = size**2
    total = variance.sum()
    explained = variance / total if total > 0.0 else np.full(size.size, np.nan)
    return Components(axes * sign[:, None], left * size * sign, explained)


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two (n,) quantities, -1 .. 1; NaN where `pearson` of the ranks is."""
    return pearson(rankdata(one), rankdata(other))


def separation(values: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance of (n,) values that lies between groups (eta squared), 0 .. 1.

    It is (groups - 1) / (n - 1) on average if the groups mean nothing, and NaN if all values are alike.
    """
    total = float(np.sum((values - values.mean()) ** 2))
    members = [values[groups == group] for group in np.unique(groups)]
    between = sum(part.size * float(part.mean() - values.mean()) ** 2 for part in members)
    return between / total if total > 0.0 else float("nan")


def shuffled(
    statistic: Callable[..., float], values: np.ndarray, labels: Sequence[np.ndarray], count: int, seed: int
) -> np.ndarray:
    """Sample a statistic of (C, ...) values and (C,) labels, each label permuted on its own, (count,)."""
    rng = np.random.default_rng(seed)
    return np.array([statistic(values, *(rng.permutation(each) for each in labels)) for _ in range(count)])


def axis_angle(scores: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Angle, degrees, between the directions along which two quantities (C,) are read by least squares.

    There are more weights than conditions, so an unrestricted fit is exact for any values. The axes are
    therefore sought among a few principal components (principal component regression), which turns no angle.
    ``scores``, (C, n), are those of the first n components, n well below C. NaN if either axis is all 0.
    """
    values = np.stack([one - np.mean(one), other - np.mean(other)], axis=1)
    axes = np.linalg.lstsq(scores, values, rcond=None)[0].T
    return float(smallest_angles(axes[None, :1], axes[None, 1:])[0])


def distances(weights: np.ndarray, endpoints: np.ndarray) -> np.ndarray:
    """Euclidean distance (P, E) of P probes' weights, (P, D), to those at the end of E runs, (E, D)."""
    return np.asarray(cdist(weights, endpoints))


def share_nearer(distance: np.ndarray, matching: int) -> float:
    """Share of the other endpoints, of E > 1, that are nearer to a probe than the ``matching`` one.

    ``distance``, (E,), is a row of `distances`. The share is 0 if the matching endpoint is the nearest, 1/2
    on average for a random one, and NaN if a distance is.
    """
    if not np.isfinite(distance).all():
        return float("nan")
    return float(np.sum(distance < distance[matching])) / (distance.size - 1)
