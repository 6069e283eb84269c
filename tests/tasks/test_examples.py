"""Streams to learn: what is said of them, against long streams and plain sums."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import product
from math import log2

import numpy as np
import pytest

from lava_predict.errors import UserError
from lava_predict.events import best_possible, draw_statistics
from lava_predict.events.examples import JITTER, KINDS
from lava_predict.tasks import Example, example, grammar, markov, spikes, switch, tunes


def surprise(labels: list[int], order: int) -> float:
    """Bits an event of who knows how often each label follows the last ones in this very stream."""
    after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for i in range(2, len(labels)):
        after[tuple(labels[i - order : i])][labels[i]] += 1
    counts = [(n, sum(following.values())) for following in after.values() for n in following.values()]
    return sum(n * log2(total / n) for n, total in counts) / (len(labels) - 2)


def residuals(found: Example) -> np.ndarray:
    """Deviation of each gap from the mean of its pair of labels, ms."""
    events, away = found.events, []
    pair = events.label[:-1] * 4 + events.label[1:]
    for which in np.unique(pair):
        gaps = events.gap_ms[1:][pair == which]
        away.append(gaps - gaps.mean())
    return np.concatenate(away)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [100, 101])
@pytest.mark.parametrize(("make", "order"), [(markov, 1), (grammar, 2)])
def test_the_best_possible_scores_are_those_of_a_long_stream(
    make: Callable[..., Example], order: int, seed: int
) -> None:
    found = make(40_000, seed)
    labels = found.events.label.tolist()
    best = found.best_possible
    assert surprise(labels, order) == pytest.approx(best["log2_loss"], abs=0.02)
    assert np.median(np.abs(residuals(found))) == pytest.approx(best["time_error_ms"], rel=0.03)
    bounds = KINDS[make.__name__].bounds
    for read, (low, high) in zip((0, 1, 2), bounds, strict=True):
        assert low - 0.02 < surprise(labels, read) < high + 0.02
    if order == 1:
        assert surprise(labels, 2) > best["log2_loss"] - 0.02


def test_statistics_are_those_of_the_chain_by_plain_sums() -> None:
    found = draw_statistics(np.random.default_rng(1), KINDS["grammar"], (200.0, 800.0))
    assert found.after.sum(2) == pytest.approx(np.ones((4, 4)))
    for b, c in product(range(4), repeat=2):
        came = sum(found.often[a, b] * found.after[a, b, c] for a in range(4))
        assert found.often[b, c] == pytest.approx(came, abs=1e-12)
    two = sum(
        found.often[a, b] * p * -log2(p)
        for a, b in product(range(4), repeat=2)
        for p in found.after[a, b]
        if p > 0
    )
    assert found.entropies()[2] == pytest.approx(two)
    assert found.often.sum() == pytest.approx(1.0)


def test_the_best_possible_error_of_time_is_the_median_of_a_normal_mixture() -> None:
    parts = [draw_statistics(np.random.default_rng(seed), KINDS["switch"], (200.0, 800.0)) for seed in (1, 2)]
    rng, drawn = np.random.default_rng(3), []
    for part in parts:
        gaps = rng.choice(part.gap_ms.ravel(), 400_000, p=part.often.ravel())
        drawn.append(np.abs(JITTER * gaps * rng.standard_normal(gaps.size)))
    assert best_possible(parts)["time_error_ms"] == pytest.approx(np.median(drawn), rel=0.01)


def test_switch_has_new_statistics_every_500_events() -> None:
    found = switch(1500, 7)
    labels = found.events.label.tolist()
    parts = [surprise(labels[start : start + 500], 1) for start in (0, 500, 1000)]
    assert np.mean(parts) < surprise(labels, 1) - 0.3
    assert np.mean(parts) == pytest.approx(found.best_possible["log2_loss"], abs=0.1)
    assert np.median(np.abs(residuals(found))) > 2 * found.best_possible["time_error_ms"]


@pytest.mark.parametrize("make", [markov, grammar, switch])
def test_the_seed_decides_all_and_gaps_keep_to_their_range(make: Callable[..., Example]) -> None:
    one, again, other = (
        make(600, 5, (150.0, 400.0)),
        make(600, 5, (150.0, 400.0)),
        make(600, 6, (150.0, 400.0)),
    )
    np.testing.assert_array_equal(one.events.step, again.events.step)
    np.testing.assert_array_equal(one.events.label, again.events.label)
    assert one.best_possible == again.best_possible != other.best_possible
    gaps = one.events.gap_ms[1:]
    assert 150 * 0.75 < gaps.min() < 200
    assert 350 < gaps.max() < 400 * 1.25
    assert len(one.events) == 600
    assert one.events.ms_per_unit == 1.0


def test_an_example_is_chosen_by_name() -> None:
    np.testing.assert_array_equal(example("switch", 50, 3).events.step, switch(50, 3).events.step)
    with pytest.raises(UserError, match=r"--example 'grammer': .*did you mean 'grammar'\? allowed: markov"):
        example("grammer")


@pytest.mark.slow
def test_tunes_are_50_with_4862_notes_of_14_names() -> None:
    pytest.importorskip("music21")
    events = tunes().events
    assert len(events) == 4862
    assert len(events.labels) == 14
    assert events.sequence[-1] == 49
    assert events.ms_per_unit == 800.0  # The median gap is an eighth, half a quarter.


def test_spikes_are_two_trains_of_10_s() -> None:
    pytest.importorskip("nitime")
    events = spikes().events
    assert np.bincount(events.sequence).tolist() == [929, 868]
    assert events.labels == ("spike",)
    assert events.time[[0, 1, -1]].tolist() == [6.7, 9.9, 9977.6]


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("tunes", "music21", "music"), ("spikes", "nitime", "data")]
)
def test_a_missing_package_names_its_extra(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"package {package}, .* with `uv sync --extra {extra}`"):
        example(name)
