"""Angles, components and paths of weights on weights whose geometry is known."""

from itertools import permutations as orders

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lava_predict import geometry

SEEDS = st.integers(0, 2**32 - 1)


def rotation(dimensions: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]


def planes(angles: list[float], dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of orthonormal rows with these principal angles, along coordinate axes."""
    axes = np.eye(dimensions)
    first = axes[: len(angles)]
    beside = axes[len(angles) : 2 * len(angles)]
    return first, np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * beside


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.lists(st.floats(0, np.pi / 2), min_size=1, max_size=3))
def test_principal_angles_are_those_built_in_whatever_basis_and_rotation(
    seed: int, angles: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    turn = rotation(7, rng)
    # Rows mixed by a well-conditioned matrix span the same space.
    mixed = [
        (rotation(len(angles), rng) * rng.uniform(0.5, 2, len(angles))) @ rows @ turn
        for rows in planes(angles, 7)
    ]
    np.testing.assert_allclose(geometry.principal_angles(*mixed), sorted(angles), atol=1e-9)
    np.testing.assert_allclose(geometry.principal_angles(*mixed[::-1]), sorted(angles), atol=1e-9)


@pytest.mark.parametrize("angle", [1e-10, 1e-5, 0.3, np.pi / 2 - 1e-10])
def test_principal_angles_keep_their_precision_at_both_ends(angle: float) -> None:
    first, second = planes([angle], 5)
    assert geometry.principal_angles(first, second)[0] == pytest.approx(angle, rel=1e-5)
    assert np.pi / 2 - geometry.principal_angles(first, second)[0] == pytest.approx(
        np.pi / 2 - angle, rel=1e-5
    )


def test_principal_angles_count_dimensions_not_rows() -> None:
    first = np.array([[1.0, 0, 0, 0], [2.0, 0, 0, 0], [0, 1.0, 0, 0]])
    second = np.array([[0, 0, 3.0, 0]])
    assert geometry.row_basis(first).shape == (2, 4)
    np.testing.assert_allclose(geometry.principal_angles(first, second), [np.pi / 2])
    np.testing.assert_allclose(geometry.principal_angles(first, first[:1]), [0], atol=1e-12)
    assert geometry.principal_angles(first, np.zeros((2, 4))).size == 0


def test_readout_angles_leave_out_the_constant_input() -> None:
    w_what = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    w_when = np.array([[0, 0, 1.0, 50.0], [1.0, 0, 1.0, -50.0]])
    found = geometry.readout_angles(w_what, w_when)
    np.testing.assert_allclose(found.cosine, [[0, np.sqrt(0.5)], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(found.principal, [0, np.pi / 2], atol=1e-7)


def test_absolute_cosines_of_a_silent_row_are_unknown() -> None:
    found = geometry.absolute_cosines(np.array([[0.0, 0.0], [-2.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert np.isnan(found[0, 0])
    assert found[1, 0] == pytest.approx(np.sqrt(0.5))


def test_expected_cosine_against_integrals_and_its_limit() -> None:
    assert geometry.expected_cosine(1) == pytest.approx(1)
    assert geometry.expected_cosine(2) == pytest.approx(2 / np.pi)  # mean of |cos| over a circle
    assert geometry.expected_cosine(3) == pytest.approx(1 / 2)  # cos is uniform on a sphere
    assert geometry.expected_cosine(1000) == pytest.approx(np.sqrt(2 / (np.pi * 1000)), rel=1e-3)


def test_sampled_null_meets_the_analytic_one() -> None:
    sampled = geometry.null_cosines(geometry.isotropic_vectors(100, 4000, seed=1))
    assert sampled.shape == (2000,)
    standard_error = sampled.std() / np.sqrt(sampled.size)
    assert sampled.mean() == pytest.approx(geometry.expected_cosine(100), abs=4 * standard_error)


def test_null_inside_a_subspace_is_that_of_its_dimensions() -> None:
    rng = np.random.default_rng(2)
    axes = rotation(40, rng)[:5]
    covariance = 3.0 * axes.T @ axes
    states = geometry.states_within(covariance, 4000, seed=3)
    np.testing.assert_allclose(states - states @ axes.T @ axes, 0, atol=1e-6)
    np.testing.assert_allclose(states.T @ states / 4000, covariance, atol=0.3)
    assert geometry.participation_ratio(covariance) == pytest.approx(5)
    found = geometry.null_cosines(states)
    assert found.mean() == pytest.approx(geometry.expected_cosine(5), rel=0.05)


def test_null_angles_of_more_rows_than_dimensions_can_hold_apart() -> None:
    vectors = geometry.isotropic_vectors(3, 20, seed=4)
    found = geometry.null_angles(vectors, (2, 2))
    assert found.shape == (5, 2)
    # Two planes in three dimensions share a line.
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-9)
    assert (found[:, 1] > 0).all()


def test_nulls_are_decided_by_the_seed() -> None:
    for draw in (
        lambda seed: geometry.isotropic_vectors(3, 4, seed),
        lambda seed: geometry.states_within(np.eye(3), 4, seed),
        lambda seed: geometry.rank_test(np.arange(5.0), np.arange(5.0), 6, seed).null,
    ):
        np.testing.assert_array_equal(draw(1), draw(1))
        assert not np.array_equal(draw(1), draw(2))


def crossed_conditions() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights that probability moves most and latency second, probability, latency, their directions."""
    rng = np.random.default_rng(5)
    probability, latency = (grid.ravel() for grid in np.meshgrid([0.1, 0.3, 0.6, 0.9], [300.0, 450.0, 600.0]))
    directions = rotation(30, rng)[:2]
    weights = np.outer(probability, 10 * directions[0]) + np.outer(latency, 0.01 * directions[1])
    return weights + 0.01 * rng.normal(size=weights.shape) + 7.0, probability, latency, directions


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_components_rebuild_the_weights_and_do_not_turn_with_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(6, 9))
    found = geometry.principal_components(weights)
    np.testing.assert_allclose(found.scores @ found.axes, weights - weights.mean(axis=0), atol=1e-9)
    variance = np.linalg.eigvalsh(np.cov(weights))[::-1]
    assert variance.size == found.explained.size
    assert found.explained.sum() == pytest.approx(1)
    np.testing.assert_allclose(
        found.explained * np.sum(np.var(weights, axis=0)), np.var(found.scores, axis=0), atol=1e-9
    )
    turned = geometry.principal_components(weights @ rotation(9, rng))
    np.testing.assert_allclose(np.abs(turned.scores), np.abs(found.scores), atol=1e-7)
    np.testing.assert_allclose(turned.explained, found.explained, atol=1e-9)


def test_ranks_share_ties() -> None:
    np.testing.assert_array_equal(geometry.ranks(np.array([3.0, 1.0, 3.0, 2.0])), [3.5, 1, 3.5, 2])


def test_spearman_of_distinct_values_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(6)
    one, other = rng.permutation(8), rng.permutation(8)
    expected = 1 - 6 * np.sum((one - other) ** 2) / (8 * (64 - 1))
    assert geometry.spearman(np.exp(one), other**3.0) == pytest.approx(expected)
    assert np.isnan(geometry.spearman(np.ones(4), np.arange(4.0)))


def test_p_value_approaches_that_of_all_orders() -> None:
    one, other = np.arange(5.0), np.array([0.0, 2, 1, 3, 4])
    rho = geometry.spearman(one, other)
    every = [abs(geometry.spearman(one, np.array(order))) for order in orders(other)]
    exact = np.mean(np.array(every) >= rho - 1e-9)
    found = geometry.rank_test(one, other, 1000, seed=7)
    assert found.rho == rho
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 1000))


def test_components_sort_by_what_moves_the_weights() -> None:
    weights, probability, latency, _ = crossed_conditions()
    found = geometry.component_sorting(weights, probability, latency, 99, seed=8)
    assert found.components.explained[0] > found.components.explained[1] > 0.1
    # Conditions of equal probability differ in rank of the scores, so that |rho| cannot reach 1.
    assert abs(found.probability[0].rho) > 0.9
    assert abs(found.latency[1].rho) > 0.9
    assert abs(found.probability[1].rho) < 0.3
    assert abs(found.latency[0].rho) < 0.3
    assert found.probability[0].p_value == found.latency[1].p_value == 0.01
    assert found.latency[0].p_value > 0.05


def test_regression_axes_are_the_directions_built_in() -> None:
    weights, probability, latency, directions = crossed_conditions()
    for values, direction in zip((probability, latency), directions, strict=True):
        axis = geometry.regression_axis(weights, values, 2)
        assert geometry.absolute_cosines(axis[None], direction[None])[0, 0] > 0.99
        np.testing.assert_allclose(
            geometry.held_out_values(weights, values, 2), values, atol=0.05 * np.ptp(values)
        )
    found = geometry.axis_angle(weights, probability, latency, 2, 19, seed=9)
    assert found.angle == pytest.approx(np.pi / 2, abs=0.05)
    assert found.null.shape == (19,)
    assert ((found.null >= 0) & (found.null <= np.pi / 2)).all()


def test_held_out_values_do_not_find_what_is_not_there() -> None:
    weights, probability, *_ = crossed_conditions()
    noise = np.random.default_rng(10).normal(size=weights.shape)
    found = geometry.held_out_values(noise, probability, 4)
    assert abs(geometry.spearman(found, probability)) < 0.6


def test_path_along_a_straight_line() -> None:
    start, end, beside = np.zeros(3), np.array([2.0, 0, 0]), np.array([0, 5.0, 0])
    path = np.array([start, 0.25 * end, 0.5 * end + [0, 0, 1.0], end])
    found = geometry.endpoint_path(path, np.array([end, beside, start]))
    np.testing.assert_allclose(found.fraction[:, 0], [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(found.fraction[:, 1], 0)
    assert np.isnan(found.fraction[:, 2]).all()
    np.testing.assert_allclose(found.distance[:, 0], [2, 1.5, np.sqrt(2), 0])
    np.testing.assert_array_equal(found.closest, [2, 2, 0, 0])


def test_match_is_ranked_among_the_other_endpoints() -> None:
    found = geometry.endpoint_match(np.array([4.0, 1.0, 2.0]), matching=2)
    assert (found.distance, found.rank) == (2.0, 1)
    np.testing.assert_array_equal(found.null, [4, 1])
    assert found.ratio == pytest.approx(0.8)
