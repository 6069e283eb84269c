"""Hebbian orthogonal projection against plain NumPy and plain integers."""

from __future__ import annotations

import numpy as np
import pytest
from plain_projection import ONE, dot, first_units, fixed_learned, fixed_projected, learned, projected

from lava_predict.learning.projection import (
    UNITS,
    Memory,
    fixed_learn_units,
    fixed_project,
    fixed_remember,
    learn_units,
    project,
    remember,
    start,
)

CELLS, CUES = 200, 4


def traces(seed: int, number: int, directions: int = 5) -> np.ndarray:
    """Centred traces, (number, CELLS), which vary in few directions and a little in all."""
    rng = np.random.default_rng(seed)
    main = rng.normal(size=(number, directions)) @ rng.normal(size=(directions, CELLS))
    return np.clip(0.1 * main + 0.005 * rng.normal(size=(number, CELLS)), -0.99, 0.99)


def integers(x: np.ndarray) -> np.ndarray:
    return np.floor(x * ONE + 0.5).astype(np.int32)


def taught(cues: int = 3, fixed: bool = False, steps: int = 300) -> Memory:
    """Memory after the first ``cues`` cues, of which each has directions of its own."""
    memory = start(CELLS, CUES, fixed)
    for cue in range(cues):
        for x in traces(cue, steps):
            if fixed:
                fixed_learn_units(memory, cue, integers(x))
            else:
                learn_units(memory, cue, x)
        (fixed_remember if fixed else remember)(memory, cue)
    return memory


def project_into(memory: Memory, cue: int, x: np.ndarray) -> tuple[np.ndarray, float]:
    d = np.empty_like(x)
    product = project(memory, cue, x, d)
    return d, product


@pytest.mark.parametrize("cells", [1, 7, 60])
def test_at_the_start_every_cell_is_on_one_unit_and_units_are_orthonormal(cells: int) -> None:
    units = start(cells, 2).units
    assert (np.count_nonzero(units, axis=1) == 1).all()
    used = min(cells, UNITS)
    for one in units:
        np.testing.assert_allclose(one @ one.T, np.diag([1.0] * used + [0.0] * (UNITS - used)), atol=1e-12)
    np.testing.assert_allclose(start(cells, 2, True).units / ONE, units, atol=1 / ONE)


@pytest.mark.slow
def test_units_learn_by_ojas_subspace_rule() -> None:
    memory = start(CELLS, CUES)
    h = first_units(CELLS)
    for n, x in enumerate(traces(1, 250)):
        h = learned(h, n, x)
        learn_units(memory, 1, x)
    np.testing.assert_allclose(memory.units[1], h, atol=1e-9)
    assert memory.counts.tolist() == [0, 250, 0, 0]
    np.testing.assert_array_equal(memory.units[2], start(CELLS, CUES).units[2])


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
def test_units_come_to_span_the_directions_in_which_the_traces_vary(fixed: bool) -> None:
    units = taught(1, fixed, 600).units[0] / (ONE if fixed else 1)
    x = traces(0, 600)
    _, _, main = np.linalg.svd(x, full_matrices=False)
    left = main[:5] - main[:5] @ np.linalg.pinv(units) @ units
    assert np.abs(left).max() < 0.05
    np.testing.assert_allclose(units @ units.T, np.eye(UNITS), atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
def test_products_of_units_are_kept_for_the_cue_that_ended(fixed: bool) -> None:
    memory = taught(3, fixed)
    units = memory.units.reshape(-1, CELLS).astype(object if fixed else float)
    products = units @ units.T
    if fixed:
        products = (products + ONE // 2) // ONE
    known = slice(0, 3 * UNITS)
    np.testing.assert_allclose(memory.overlap[known].astype(float), products[known].astype(float), atol=1e-9)
    np.testing.assert_array_equal(memory.overlap, memory.overlap.T)


@pytest.mark.slow
@pytest.mark.parametrize("cue", range(CUES))
def test_what_is_left_is_orthogonal_to_the_units_of_all_other_known_cues(cue: int) -> None:
    memory, x = taught(), traces(9, 1)[0]
    d, product = project_into(memory, cue, x)
    v = np.concatenate([memory.units[other] for other in range(3) if other != cue])
    np.testing.assert_allclose(d, projected(v, x), atol=1e-9)
    assert np.abs(v @ d).max() < 0.05 * np.abs(v @ x).max()
    assert product == pytest.approx(x @ d)
    assert 0 < product < x @ x


@pytest.mark.slow
def test_alone_a_cue_learns_as_without_projection() -> None:
    x = traces(9, 1)[0]
    d, product = project_into(taught(1), 0, x)
    np.testing.assert_array_equal(d, x)
    assert product == pytest.approx(x @ x)


@pytest.mark.slow
def test_what_another_cue_reads_hardly_changes() -> None:
    memory, w = taught(), np.zeros(CELLS)
    plain = w.copy()
    wanted = np.random.default_rng(8).normal(size=CELLS)
    for x in traces(2, 300)[:200]:
        d, product = project_into(memory, 2, x)
        w += (wanted - w) @ x / (product + 0.05) * d
        plain += (wanted - plain) @ x / (x @ x + 0.05) * x
    own, others = traces(2, 300)[200:], np.concatenate([traces(0, 300)[200:], traces(1, 300)[200:]])
    assert np.std(own @ (wanted - w)) < 0.1 * np.std(own @ wanted)
    assert np.std(others @ w) < 0.1 * np.std(others @ plain)


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
def test_units_of_many_cues_settle_on_a_direction_that_all_share(fixed: bool) -> None:
    memory = start(CELLS, 20, fixed)
    memory.units[:] = memory.units[0]
    memory.counts[:] = 1
    for cue in range(20):
        (fixed_remember if fixed else remember)(memory, cue)
    x = 0.5 * start(CELLS, 1).units[0].sum(axis=0)
    if fixed:
        d = np.empty(CELLS, np.int32)
        fixed_project(memory, 3, integers(x), d)
        assert np.abs(d).max() < 20
    else:
        np.testing.assert_allclose(project_into(memory, 3, x)[0], 0.0, atol=1e-9)


@pytest.mark.parametrize("fixed", [False, True])
def test_nothing_is_learned_from_a_silent_network(fixed: bool) -> None:
    memory = start(CELLS, CUES, fixed)
    (fixed_learn_units if fixed else learn_units)(memory, 0, np.zeros(CELLS, memory.units.dtype))
    np.testing.assert_array_equal(memory.units, start(CELLS, CUES, fixed).units)
    assert memory.counts[0] == 0


# In integers.


@pytest.mark.slow
def test_integer_units_learn_as_plain_integers_do() -> None:
    memory = start(CELLS, CUES, True)
    h = memory.units[0].tolist()
    memory.counts[0] = 90
    for n, x in enumerate(integers(traces(1, 20)), 90):
        h = fixed_learned(h, n, x.tolist())
        fixed_learn_units(memory, 0, x)
    assert memory.units[0].tolist() == h


@pytest.mark.slow
def test_integers_project_as_plain_integers_do() -> None:
    memory, x = taught(3, True), integers(traces(9, 1)[0])
    d = np.empty_like(x)
    product = fixed_project(memory, 1, x, d)
    assert d.tolist() == fixed_projected(memory.units[[0, 2]].reshape(-1, CELLS).tolist(), x.tolist())
    assert product == max(0, dot(x.tolist(), d.tolist()))
