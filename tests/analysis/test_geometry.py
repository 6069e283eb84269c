"""Angles, components and paths of weights on weights whose geometry is known."""

from itertools import permutations as orders

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lava_predict.analysis import geometry

SEEDS = st.integers(0, 2**32 - 1)


def rotation(dimensions: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]


def planes(angles: list[float], dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of orthonormal rows with these principal angles, along coordinate axes."""
    axes = np.eye(dimensions)
    first = axes[: len(angles)]
    beside = axes[len(angles) : 2 * len(angles)]
    return first, np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * beside


@pytest.mark.slow
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
    assert geometry.principal_angles(first, np.eye(4)).size == 2
    np.testing.assert_allclose(geometry.principal_angles(first, second), [np.pi / 2])
    np.testing.assert_allclose(geometry.principal_angles(first, first[:1]), [0], atol=1e-12)
    assert geometry.principal_angles(first, np.zeros((2, 4))).size == 0


def test_smallest_angles_are_of_each_pair_and_unknown_for_no_weights() -> None:
    first, second = planes([0.3, 1.0], 6)
    nothing, broken = np.zeros((2, 6)), np.full((2, 6), np.nan)
    found = geometry.smallest_angles(
        np.array([first, 2 * first, nothing, first]), np.array([second, first, second, broken])
    )
    np.testing.assert_allclose(found[:2], [np.degrees(0.3), 0], atol=1e-9)
    assert np.isnan(found[2:]).all()


def test_absolute_cosines_of_a_silent_row_are_unknown() -> None:
    found = geometry.absolute_cosines(np.array([[0.0, 0.0], [-2.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert np.isnan(found[0, 0])
    assert found[1, 0] == pytest.approx(np.sqrt(0.5))


def test_mean_cosines_of_random_rows_are_those_of_a_sphere() -> None:
    # The mean of |cos| is 2 / pi on a circle and 1 / 2 on a sphere, where cos is uniform.
    rng = np.random.default_rng(1)
    for dimensions, expected in ((2, 2 / np.pi), (3, 0.5)):
        one, other = rng.standard_normal((2, 2000, 2, dimensions))
        assert geometry.mean_cosines(one, other).mean() == pytest.approx(expected, abs=0.02)


def test_states_are_drawn_within_the_subspace_and_with_its_second_moments() -> None:
    rng = np.random.default_rng(2)
    axes = rotation(40, rng)[:5]
    moments = 3.0 * axes.T @ axes
    states = geometry.states_within(moments, (2000, 2), rng)
    assert states.shape == (2000, 2, 40)
    np.testing.assert_allclose(states - states @ axes.T @ axes, 0, atol=1e-6)
    flat = states.reshape(-1, 40)
    np.testing.assert_allclose(flat.T @ flat / 4000, moments, atol=0.3)
    assert geometry.participation_ratio(moments) == pytest.approx(5)
    assert np.isnan(geometry.participation_ratio(np.zeros((3, 3))))


def test_planes_in_three_dimensions_share_a_line() -> None:
    one, other = np.random.default_rng(4).standard_normal((2, 5, 2, 3))
    np.testing.assert_allclose(geometry.smallest_angles(one, other), 0, atol=1e-6)


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


def test_spearman_of_distinct_values_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(6)
    one, other = rng.permutation(8), rng.permutation(8)
    expected = 1 - 6 * np.sum((one - other) ** 2) / (8 * (64 - 1))
    assert geometry.spearman(np.exp(one), other**3.0) == pytest.approx(expected)
    assert np.isnan(geometry.spearman(np.ones(4), np.arange(4.0)))


def test_separation_is_all_none_or_what_the_variances_say() -> None:
    groups = np.array([0, 0, 0, 1, 1, 1])
    assert geometry.separation(np.array([2.0, 2, 2, 5, 5, 5]), groups) == pytest.approx(1)
    assert geometry.separation(np.array([1.0, 2, 3, 3, 2, 1]), groups) == pytest.approx(0)
    values = np.array([1.0, 2, 3, 7, 8, 9])
    within = np.mean([values[:3].var(), values[3:].var()])
    assert geometry.separation(values, groups) == pytest.approx(1 - within / values.var())
    assert np.isnan(geometry.separation(np.ones(6), groups))


def test_separation_by_shuffled_groups_has_the_mean_of_chance() -> None:
    rng = np.random.default_rng(7)
    values, groups = rng.normal(size=33), np.repeat([0, 1, 2], 11)
    found = geometry.shuffled(geometry.separation, values, [groups], 2000, seed=8)
    assert found.mean() == pytest.approx(2 / 32, abs=4 * found.std() / np.sqrt(2000))


@pytest.mark.slow
def test_shuffles_are_decided_by_the_seed_and_reach_every_order() -> None:
    values, labels = np.arange(4.0), np.array([0.0, 2, 1, 3])
    found = geometry.shuffled(geometry.spearman, values, [labels], 400, seed=1)
    every = {round(geometry.spearman(values, np.array(order)), 9) for order in orders(labels)}
    assert {round(one, 9) for one in found} == every
    np.testing.assert_array_equal(found, geometry.shuffled(geometry.spearman, values, [labels], 400, seed=1))


def test_components_sort_by_what_moves_the_weights() -> None:
    weights, probability, latency, directions = crossed_conditions()
    found = geometry.principal_components(weights)
    assert found.explained[0] > found.explained[1] > 0.1
    assert geometry.absolute_cosines(found.axes[:2], directions).diagonal().min() > 0.99
    assert geometry.separation(found.scores[:, 0], probability) > 0.99
    assert geometry.separation(found.scores[:, 1], latency) > 0.99


@pytest.mark.parametrize("angle", [0.4, np.pi / 2])
def test_axis_angle_is_that_of_the_directions_built_in(angle: float) -> None:
    rng = np.random.default_rng(9)
    one, other = rng.normal(size=(2, 40))
    axes = np.array([[1.0, 0, 0], [np.cos(angle), np.sin(angle), 0]])
    # Each value is read along its own axis, whatever else varies along the third.
    scores = np.column_stack([np.stack([one, other], axis=1) @ np.linalg.inv(axes[:, :2]).T, one * other])
    scores -= scores.mean(axis=0)
    assert geometry.axis_angle(scores, one, other) == pytest.approx(np.degrees(angle), abs=1e-6)


def test_distances_are_euclidean() -> None:
    found = geometry.distances(np.array([[0.0, 0], [3, 0]]), np.array([[3.0, 4], [0, 0], [3, 0]]))
    np.testing.assert_allclose(found, [[5, 0, 3], [4, 3, 0]])


def test_share_nearer_counts_the_other_endpoints() -> None:
    distance = np.array([4.0, 1.0, 2.0])
    assert [geometry.share_nearer(distance, matching) for matching in range(3)] == [1.0, 0.0, 0.5]
    assert np.isnan(geometry.share_nearer(np.array([1.0, np.nan]), 0))
