"""Scores, against their definitions in plain Python and numpy."""

from __future__ import annotations

from math import exp, log2

import numpy as np
import pytest

from lava_predict.events import Prediction, Scores

HORIZON = 300.0
Case = tuple[Prediction, int, float]


def cases(events: int, seed: int = 0, labels: int = 3) -> list[Case]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(events):
        p = rng.dirichlet(np.ones(labels))
        o = rng.random((30, labels)) * rng.integers(0, 2)
        prediction = Prediction(p, o, rng.uniform(0, 350, labels))
        found.append((prediction, int(rng.integers(labels)), float(rng.integers(0, 340))))
    return found


def by_hand(given: list[Case]) -> dict[str, float]:
    loss, at_time, brier, hits, squares, zeros, errors = 0.0, 0.0, 0.0, 0, 0.0, 0.0, []
    for (p, o, time_ms), label, gap in given:
        loss -= log2(p[label])
        brier += sum((p[k] - (k == label)) ** 2 for k in range(len(p)))
        hits += max(p) == p[label]
        samples = [t for t in range(10, 301, 10) if t <= gap]
        for t in samples:
            came = exp(-(((t - gap) / 40) ** 2) / 2)
            zeros += came**2
            squares += sum((o[t // 10 - 1, k] - came * (k == label)) ** 2 for k in range(len(p)))
        last = o[samples[-1] // 10 - 1] if samples and gap < 310 else np.zeros(len(p))
        at_time -= log2((last[label] + 0.01 * p[label]) / (sum(last) + 0.01))
        errors += [abs(time_ms[label] - gap)] if gap <= 300 else []
    n = len(given)
    means = {
        "log2_loss": loss / n,
        "log2_loss_at_time": at_time / n,
        "brier": brier / n,
        "accuracy": hits / n,
    }
    return means | {"time_error_ms": float(np.median(errors)), "expectation_error": squares / zeros}


def assert_same(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # Errors of time are counted in bins of half a ms.
        assert found[name] == pytest.approx(value, rel=1e-9, abs=0.5 if name == "time_error_ms" else 1e-12)


@pytest.mark.parametrize("total", [None, 61])
def test_scores_follow_their_definitions(total: int | None) -> None:
    given = cases(61)
    scores = Scores(HORIZON, total)
    for case in given:
        scores.add(*case)
    assert_same(scores.summary()["all"], by_hand(given))
    assert_same(scores.summary()["last_third"], by_hand(given[-21:]))


def test_one_event_returns_its_own_scores() -> None:
    (prediction, label, gap) = cases(1, 8)[0]
    expected = by_hand([(prediction, label, gap)])
    found = Scores(HORIZON).add(prediction, label, gap)
    np.testing.assert_allclose(found[:4], list(expected.values())[:4])
    assert found[4] / found[5] == pytest.approx(expected["expectation_error"])


def test_a_perfect_and_an_empty_expectation() -> None:
    gap, perfect = 200.0, np.zeros((30, 2))
    perfect[:, 1] = np.exp(-0.5 * ((np.arange(10, 301, 10) - gap) / 40) ** 2)
    for o, error, at_time in ((perfect, 0.0, log2(1.01 / 1.0025)), (np.zeros((30, 2)), 1.0, 2.0)):
        scores = Scores(HORIZON)
        scores.add(Prediction(np.array([0.75, 0.25]), o, np.array([0.0, gap])), 1, gap)
        found = scores.summary()["all"]
        assert found["expectation_error"] == pytest.approx(error, abs=1e-12)
        assert found["log2_loss_at_time"] == pytest.approx(at_time)
        assert found["log2_loss"] == 2.0
        assert found["accuracy"] == 0.0
        assert found["time_error_ms"] <= 0.5


def test_only_samples_up_to_the_event_are_read() -> None:
    prediction, label, _ = cases(1)[0]
    late, short = prediction.o.copy(), prediction.o[:14]
    late[14:] = np.nan
    for o in (late, short):
        np.testing.assert_array_equal(
            Scores(HORIZON).add(prediction._replace(o=o), label, 149.0),
            Scores(HORIZON).add(prediction, label, 149.0),
        )


def test_who_names_no_time_has_no_median() -> None:
    scores = Scores(HORIZON)
    for time_ms in (np.nan, np.nan, 100.0):
        scores.add(Prediction(np.ones(1), np.zeros((30, 1)), np.array([time_ms])), 0, 100.0)
    assert scores.summary()["all"]["time_error_ms"] is None


def test_impossible_labels_cost_40_bits_and_nothing_at_all_is_none() -> None:
    scores = Scores(HORIZON)
    assert set(scores.summary()["last_third"].values()) == {None}
    scores.add(Prediction(np.array([1.0, 0.0]), np.zeros((30, 2)), np.zeros(2)), 1, 5.0)
    found = scores.summary()["all"]
    assert found["log2_loss"] == found["log2_loss_at_time"] == 40.0
    assert found["brier"] == 2.0
    assert found["expectation_error"] is None


def test_the_last_third_of_a_stream_of_unknown_length_is_near_and_memory_bounded() -> None:
    """With a loss that grows evenly, its mean over the last part tells where that begins."""
    scores, kept = Scores(HORIZON), []
    for number in range(5000):
        p = 2.0 ** -(number / 1000)
        scores.add(Prediction(np.array([p, 1 - p]), np.zeros((30, 2)), np.zeros(2)), 0, 100.0)
        if number % 50 == 49:
            begin = 2000 * scores.summary()["last_third"]["log2_loss"] - number
            assert abs(begin - number * 2 / 3) < number / 64 + 2
            kept.append(sum(array.nbytes for array in scores.to_arrays().values()))
    assert max(kept[10:]) <= 2 * max(kept[:10])


def test_sums_go_on_from_a_checkpoint() -> None:
    whole, first, second = Scores(HORIZON), Scores(HORIZON), Scores(HORIZON)
    given = cases(200)
    for case in given[:130]:
        first.add(*case)
    second.from_arrays(first.to_arrays())
    for case in given[130:]:
        first.add(*case)
        second.add(*case)
    for case in given:
        whole.add(*case)
    assert whole.summary() == first.summary() == second.summary()
