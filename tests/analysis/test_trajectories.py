"""Similarity and dimension of courses, against their definitions and courses whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from lava_predict.analysis.spike_statistics import Raster
from lava_predict.analysis.trajectories import components, dimension, linear_cka, mean_angle, traces


def course(seed: int, samples: int = 60, cells: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, cells))


def test_traces_are_sums_over_earlier_spikes() -> None:
    raster = Raster(np.array([0, 2, 7], np.uint32), np.array([1, 1, 0], np.uint32), 2, 10, 0.5)
    found = traces(raster, tau_ms=3.0, every_ms=1.0)
    for sample, row in enumerate(found):
        step = 2 * sample + 1
        for cell in range(2):
            past = [t for t, c in zip(raster.step.tolist(), raster.cell.tolist(), strict=True) if c == cell]
            wanted = sum(np.exp(-(step - t) * 0.5 / 3.0) for t in past if t <= step)
            assert row[cell] == pytest.approx(wanted)
    assert found.shape == (5, 2)


def test_cka_is_the_ratio_of_its_definition() -> None:
    x, y = (one - one.mean(axis=0) for one in (course(1), course(2, cells=7)))
    wanted = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(course(1), course(2, cells=7)) == pytest.approx(wanted)


def test_cka_sees_no_rotation_scale_or_shift() -> None:
    one = course(3)
    turned = 2.5 * one @ ortho_group.rvs(12, random_state=1) + 4.0
    assert linear_cka(one, turned) == pytest.approx(1.0)
    assert linear_cka(one, course(4)) < 0.4
    assert np.isnan(linear_cka(one, np.ones((60, 5))))


def test_the_dimension_counts_directions_that_are_alike() -> None:
    base = ortho_group.rvs(60, random_state=2)[:, 1:6]
    base = base - base.mean(axis=0)
    plane = np.linalg.qr(base)[0] @ ortho_group.rvs(5, random_state=3)
    assert dimension(plane) == pytest.approx(5.0)
    assert dimension(np.outer(np.arange(9.0), [1.0, 2.0])) == pytest.approx(1.0)
    assert np.isnan(dimension(np.ones((4, 3))))


def test_angles_lie_between_the_main_directions() -> None:
    time = np.linspace(0, 6, 50)
    line = np.outer(np.sin(time), [1.0, 0.0, 0.0])
    tilted = np.outer(np.sin(time), [np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0])
    assert mean_angle(line, tilted, 0.95) == pytest.approx(30.0)
    assert mean_angle(line, 3 * line + 1, 0.95) == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(mean_angle(line, np.zeros((50, 3)), 0.95))


def test_components_hold_the_share_and_no_fewer_do() -> None:
    one = course(5)
    centred = one - one.mean(axis=0)
    found = components(one, 0.8)
    held = [np.sum((centred @ found[:n].T) ** 2) / np.sum(centred**2) for n in (len(found) - 1, len(found))]
    assert held[0] < 0.8 <= held[1]
