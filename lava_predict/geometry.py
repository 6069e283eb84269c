"""Geometry of readout weights: angles between what and when, what they sort by, and where they go.

Nothing here knows how the weights were learned. Random vectors of many dimensions are nearly orthogonal
already, so every angle comes with nulls to be read beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, pi, sqrt

import numpy as np

from lava_predict.spike_statistics import pearson

_ROUNDING = 1e-12
"""Correlations closer than this are equal but for rounding."""


def row_basis(weights: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the space that the rows span.

    Parameters
    ----------
    weights : (K, N) float64
        Weights of K readouts from N cells.

    Returns
    -------
    (r, N) float64
        Orthonormal rows; r is the numerical rank of ``weights``, 0 for weights of 0.
    """
    _, size, basis = np.linalg.svd(np.asarray(weights, np.float64), full_matrices=False)
    # The tolerance of numpy.linalg.matrix_rank.
    floor = size.max(initial=0.0) * max(weights.shape) * np.finfo(np.float64).eps
    return np.asarray(basis[size > floor])


def principal_angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Principal angles between the row spaces of two sets of weights.

    Cosines lose small angles to rounding, sines lose those near 90 degrees; each angle is taken from
    the one that is exact for it (Bjorck & Golub 1973; Knyazev & Argentati 2002, algorithm 3.1).

    Parameters
    ----------
    one, other : (K, N), (L, N) float64
        Weights of two sets of readouts from the same N cells.

    Returns
    -------
    (min(r, q),) float64
        Angles in radians, 0 .. pi / 2, ascending; r and q are the ranks.
    """
    first, second = row_basis(one), row_basis(other)
    if first.shape[0] < second.shape[0]:
        first, second = second, first
    if second.shape[0] == 0:
        return np.zeros(0)
    overlap = second @ first.T
    cosine = np.linalg.svd(overlap, compute_uv=False)
    sine = np.linalg.svd(second - overlap @ first, compute_uv=False)[::-1]
    cosine, sine = np.clip(cosine, 0.0, 1.0), np.clip(sine, 0.0, 1.0)
    return np.asarray(np.where(cosine**2 < 0.5, np.arccos(cosine), np.arcsin(sine)))


def absolute_cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Size of the cosine between every row of one matrix and every row of the other.

    Parameters
    ----------
    one, other : (K, N), (L, N) float64
        Weights of two sets of readouts from the same N cells.

    Returns
    -------
    (K, L) float64
        0 .. 1; NaN where either row is 0 throughout.
    """
    norms = np.outer(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))
    cosine = np.divide(one @ other.T, norms, out=np.full(norms.shape, np.nan), where=norms > 0.0)
    return np.asarray(np.minimum(np.abs(cosine), 1.0))


@dataclass(frozen=True)
class ReadoutAngles:
    """How the what and the when weights of K events lie to each other.

    Attributes
    ----------
    principal : (r,) float64
        Principal angles of the two row spaces, radians, ascending.
    cosine : (K, K) float64
        |cos| of each row of the what weights and each row of the when weights.
    """

    principal: np.ndarray
    cosine: np.ndarray


def readout_angles(w_what: np.ndarray, w_when: np.ndarray) -> ReadoutAngles:
    """Compare the what with the when weights over the cells that both read.

    Parameters
    ----------
    w_what : (K, N) float64
        What weights.
    w_when : (K, N + 1) float64
        When weights; the last is that of the constant input, which the what readout lacks, and is left out.

    Returns
    -------
    ReadoutAngles
        See there.
    """
    of_cells = w_when[:, :-1]
    return ReadoutAngles(principal_angles(w_what, of_cells), absolute_cosines(w_what, of_cells))


def expected_cosine(dimensions: int) -> float:
    """Mean |cos| of two random vectors without a preferred direction.

    gamma(N / 2) / (sqrt(pi) gamma((N + 1) / 2)), which for many dimensions is sqrt(2 / (pi N)).

    Parameters
    ----------
    dimensions : int
        N, at least 1.

    Returns
    -------
    float
        The mean, 1 for one dimension.
    """
    return exp(lgamma(dimensions / 2) - lgamma((dimensions + 1) / 2)) / sqrt(pi)


def participation_ratio(covariance: np.ndarray) -> float:
    """Effective number of dimensions of states, tr(C)^2 / tr(C^2).

    Parameters
    ----------
    covariance : (N, N) float64
        Of the states, or their second moments (uncentred traces).

    Returns
    -------
    float
        1 .. N; NaN for a covariance of 0. `expected_cosine` of it approximates that of `states_within`.
    """
    total, squares = float(np.trace(covariance)), float(np.sum(covariance**2))
    return total**2 / squares if squares > 0.0 else float("nan")


def isotropic_vectors(dimensions: int, count: int, seed: int) -> np.ndarray:
    """Draw random vectors without a preferred direction.

    Parameters
    ----------
    dimensions, count : int
        N, and how many.
    seed : int
        Of the draw.

    Returns
    -------
    (count, N) float64
        Standard normal entries.
    """
    return np.random.default_rng(seed).standard_normal((count, dimensions))


def states_within(covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw random vectors inside the state subspace that a network visits.

    Local rules build weights as sums of states times errors; with random errors they are such vectors.

    Parameters
    ----------
    covariance : (N, N) float64
        Of the states, or their second moments (uncentred traces).
    count : int
        How many.
    seed : int
        Of the draw.

    Returns
    -------
    (count, N) float64
        Normal, of mean 0 and this covariance.
    """
    size, axes = np.linalg.eigh(covariance)
    # Rounding makes the least eigenvalues of a singular covariance a little negative.
    scale = np.sqrt(np.maximum(size, 0.0))
    drawn = np.random.default_rng(seed).standard_normal((count, size.size))
    return np.asarray((drawn * scale) @ axes.T)


def null_cosines(vectors: np.ndarray) -> np.ndarray:
    """|cos| of random vectors: the first with the second, the third with the fourth, and so on.

    Parameters
    ----------
    vectors : (2 S, N) float64
        From `isotropic_vectors` or `states_within`.

    Returns
    -------
    (S,) float64
        Independent samples of |cos|.
    """
    one, other = vectors[0::2], vectors[1::2]
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.abs(np.sum(one * other, axis=1)) / norms)


def null_angles(vectors: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
    """Principal angles between the spaces that successive groups of random vectors span.

    Parameters
    ----------
    vectors : (S * (K + L), N) float64
        From `isotropic_vectors` or `states_within`.
    rows : (int, int)
        K and L, the rows of the two sets of weights to compare with; their ranks, if those are less.

    Returns
    -------
    (S, min(K, L)) float64
        Independent samples of `principal_angles`, radians.
    """
    groups = vectors.reshape(-1, sum(rows), vectors.shape[1])
    return np.array([principal_angles(group[: rows[0]], group[rows[0] :]) for group in groups])


@dataclass(frozen=True)
class Components:
    """Principal components of weights over C conditions. r = min(C, D).

    Attributes
    ----------
    axes : (r, D) float64
        Orthonormal directions in weight space; the greatest entry by size of each is positive.
    scores : (C, r) float64
        Where each condition lies along them, from the mean over conditions.
    explained : (r,) float64
        Share of the variance, descending; NaN if the weights are all alike.
    """

    axes: np.ndarray
    scores: np.ndarray
    explained: np.ndarray


def principal_components(weights: np.ndarray) -> Components:
    """Principal components of weight vectors over conditions.

    Parameters
    ----------
    weights : (C, D) float64
        One flattened set of weights a condition.

    Returns
    -------
    Components
        See there.
    """
    centred = weights - weights.mean(axis=0)
    left, size, axes = np.linalg.svd(centred, full_matrices=False)
    peak = axes[np.arange(size.size), np.abs(axes).argmax(axis=1)]
    # The decomposition leaves the sign open; fixed so that two machines agree.
    sign = np.where(peak < 0.0, -1.0, 1.0)
    variance = size**2
    total = variance.sum()
    explained = variance / total if total > 0.0 else np.full(size.size, np.nan)
    return Components(axes * sign[:, None], left * size * sign, explained)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs.

    Parameters
    ----------
    values : (n,) float64
        Any.

    Returns
    -------
    (n,) float64
        Ranks.
    """
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - 0.5 * (count - 1))[where])


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation; NaN where `pearson` of the ranks is.

    Parameters
    ----------
    one, other : (n,) float64
        Two quantities of the same conditions.

    Returns
    -------
    float
        -1 .. 1.
    """
    return pearson(ranks(one), ranks(other))


@dataclass(frozen=True)
class RankTest:
    """A rank correlation beside what chance gives.

    Attributes
    ----------
    rho : float
        Spearman's.
    null : (permutations,) float64
        Of one quantity against the other in shuffled order.
    p_value : float
        Share of shuffles with as great a |rho|, the order found counted as one of them
        (Phipson & Smyth 2010), so never 0.
    """

    rho: float
    null: np.ndarray
    p_value: float


def rank_test(one: np.ndarray, other: np.ndarray, permutations: int, seed: int) -> RankTest:
    """Test a rank correlation, of either sign, by permutation.

    Parameters
    ----------
    one, other : (n,) float64
        Two quantities of the same conditions.
    permutations : int
        Shuffles of the null.
    seed : int
        Of the shuffles.

    Returns
    -------
    RankTest
        See there; its ``p_value`` is NaN where ``rho`` is.
    """
    rng = np.random.default_rng(seed)
    first, second = ranks(one), ranks(other)
    rho = pearson(first, second)
    null = np.array([pearson(first, rng.permutation(second)) for _ in range(permutations)])
    as_great = int(np.sum(np.abs(null) >= abs(rho) - _ROUNDING))
    p_value = (1 + as_great) / (1 + permutations) if np.isfinite(rho) else float("nan")
    return RankTest(rho, null, p_value)


@dataclass(frozen=True)
class ComponentSorting:
    """What the first two components of the weights sort the conditions by.

    Attributes
    ----------
    components : Components
        Of the weights.
    probability, latency : tuple of two RankTest
        Of the first and of the second component's scores against the conditions' values. The claim needs
        the first of ``probability`` and the second of ``latency`` great, the other two small.
    """

    components: Components
    probability: tuple[RankTest, RankTest]
    latency: tuple[RankTest, RankTest]


def component_sorting(
    weights: np.ndarray, probability: np.ndarray, latency_ms: np.ndarray, permutations: int, seed: int
) -> ComponentSorting:
    """Test whether the first two components sort the conditions by probability and by latency.

    Parameters
    ----------
    weights : (C, D) float64
        One flattened set of weights a condition, C > 2, D > 1.
    probability, latency_ms : (C,) float64
        Of one event in each condition; best crossed, since what is confounded cannot be told apart.
    permutations : int
        Shuffles of each null.
    seed : int
        Of the shuffles.

    Returns
    -------
    ComponentSorting
        See there. The sign of a component has no meaning, hence no more has that of rho.
    """
    components = principal_components(weights)
    first, second = components.scores[:, 0], components.scores[:, 1]
    by_probability, by_latency = (
        (rank_test(first, values, permutations, seed), rank_test(second, values, permutations, seed + 1))
        for values in (probability, latency_ms)
    )
    return ComponentSorting(components, by_probability, by_latency)


def regression_axis(weights: np.ndarray, values: np.ndarray, components: int) -> np.ndarray:
    """Direction in weight space along which a condition's value is read by least squares.

    There are more weights than conditions, so that an unrestricted fit is exact for any values; the
    axis is sought among the first principal components (principal component regression).

    Parameters
    ----------
    weights : (C, D) float64
        One flattened set of weights a condition.
    values : (C,) float64
        Probability or latency of each condition.
    components : int
        How many components the axis may use, well below C.

    Returns
    -------
    (D,) float64
        Change of the predicted value per change of each weight.
    """
    found = principal_components(weights)
    scores = found.scores[:, :components]
    slope = np.linalg.lstsq(scores, values - np.mean(values), rcond=None)[0]
    return np.asarray(slope @ found.axes[:components])


def held_out_values(weights: np.ndarray, values: np.ndarray, components: int) -> np.ndarray:
    """Predict each condition's value by the axis fitted to all other conditions.

    Parameters
    ----------
    weights, values, components
        As for `regression_axis`.

    Returns
    -------
    (C,) float64
        Predicted values; compare with ``values`` to see whether the axis means anything.
    """
    predicted = np.empty(len(values))
    for left_out in range(len(values)):
        kept = np.arange(len(values)) != left_out
        axis = regression_axis(weights[kept], values[kept], components)
        offset = weights[left_out] - weights[kept].mean(axis=0)
        predicted[left_out] = values[kept].mean() + offset @ axis
    return predicted


@dataclass(frozen=True)
class AxisAngle:
    """Angle between the axes of probability and latency beside what chance gives.

    Attributes
    ----------
    angle : float
        Radians, 0 .. pi / 2; NaN if either axis is 0.
    null : (permutations,) float64
        Between the axes of the same values, each in shuffled order.
    """

    angle: float
    null: np.ndarray


def axis_angle(
    weights: np.ndarray,
    probability: np.ndarray,
    latency_ms: np.ndarray,
    components: int,
    permutations: int,
    seed: int,
) -> AxisAngle:
    """Angle between the regression axes of probability and of latency.

    Parameters
    ----------
    weights : (C, D) float64
        One flattened set of weights a condition.
    probability, latency_ms : (C,) float64
        Of each condition.
    components : int
        As for `regression_axis`.
    permutations : int
        Shuffles of the null.
    seed : int
        Of the shuffles.

    Returns
    -------
    AxisAngle
        See there.
    """
    rng = np.random.default_rng(seed)

    def angle(first: np.ndarray, second: np.ndarray) -> float:
        axes = [regression_axis(weights, values, components)[None] for values in (first, second)]
        found = principal_angles(*axes)
        return float(found[0]) if found.size else float("nan")

    shuffled = [angle(rng.permutation(probability), rng.permutation(latency_ms)) for _ in range(permutations)]
    return AxisAngle(angle(probability, latency_ms), np.array(shuffled))


@dataclass(frozen=True)
class EndpointPath:
    """Weights on their way after a switch, against where single-block runs end. P probes, E endpoints.

    Attributes
    ----------
    distance : (P, E) float64
        Euclidean distance of the weights to each endpoint.
    fraction : (P, E) float64
        Fraction of the way from the first probe to each endpoint, along the straight line: 0 at the first
        probe, 1 level with the endpoint, more beyond it; NaN for an endpoint that is the first probe.
    closest : (P,) int64
        Which endpoint is closest.
    """

    distance: np.ndarray
    fraction: np.ndarray
    closest: np.ndarray


def endpoint_path(weights: np.ndarray, endpoints: np.ndarray) -> EndpointPath:
    """Follow weights over probes towards the endpoints of single-block runs.

    Parameters
    ----------
    weights : (P, D) float64
        One flattened set of weights a probe; the first is that of the switch.
    endpoints : (E, D) float64
        Weights at the end of runs of one block, on the same network.

    Returns
    -------
    EndpointPath
        See there.
    """
    distance = np.linalg.norm(weights[:, None] - endpoints, axis=2)
    way = endpoints - weights[0]
    length = np.sum(way**2, axis=1)
    done = (weights - weights[0]) @ way.T
    fraction = np.divide(done, length, out=np.full(done.shape, np.nan), where=length > 0.0)
    return EndpointPath(distance, fraction, distance.argmin(axis=1))


@dataclass(frozen=True)
class EndpointMatch:
    """How near the weights end to the endpoint of the same statistics.

    Attributes
    ----------
    distance : float
        To the matching endpoint.
    null : (E - 1,) float64
        To the endpoints of other statistics.
    ratio : float
        Distance over the mean of the null: below 1 if the weights return to the matching endpoint.
    rank : int
        How many endpoints are closer than the matching one: 0 if it is the closest.
    """

    distance: float
    null: np.ndarray
    ratio: float
    rank: int


def endpoint_match(distance: np.ndarray, matching: int) -> EndpointMatch:
    """Compare the distance to the matching endpoint with those to the others.

    Parameters
    ----------
    distance : (E,) float64
        Of one probe to every endpoint, E > 1, a row of ``EndpointPath.distance``.
    matching : int
        The endpoint of the statistics that held at the probe.

    Returns
    -------
    EndpointMatch
        See there.
    """
    null = np.delete(distance, matching)
    own = float(distance[matching])
    return EndpointMatch(own, null, own / float(null.mean()), int(np.sum(null < own)))
