"""The ideal observer against Bayes' rule written out, and against what must hold whatever its code."""

from itertools import product
from math import isnan, lgamma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lava_predict import load_preset
from lava_predict.analysis import ideal_observer as observer
from lava_predict.analysis.ideal_observer import Expectation, Observation
from lava_predict.experiment import scores as metrics
from lava_predict.tasks.meet import Meet

HAZARD, KEPT = 0.15, 0.4
GRID = np.arange(0.0, 1000.0, 10.0)
CHOICES = [(0, 300.0), (0, 500.0), (1, 600.0), (-1, float("nan"))]


def known(prior: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Expectation:
    return Expectation(np.array(prior), GRID, 40.0, GRID)


def seen(*shown: tuple[int, int]) -> list[Observation]:
    """Observations from pairs of a cue and the place of what it brought among the choices."""
    return [Observation(0, cue, *CHOICES[choice]) for cue, choice in shown]


def sequence(outcomes: list[int]) -> list[Observation]:
    """Trials with one cue; event 0 comes at 300 ms, event 1 at 600 ms."""
    return seen(*((0, {0: 0, 1: 2, -1: 3}[outcome]) for outcome in outcomes))


def by_enumeration(trials: list[Observation], cues: int, expected: Expectation) -> tuple[np.ndarray, ...]:
    """Probability, settled part and run length after the last trial, from all places that changes can take.

    The evidence of a run is the Dirichlet-multinomial one in closed form, times that of its latencies.
    """
    prior, events = expected.prior, expected.prior.size - 1
    total = 0.0
    probability, settled, length = np.zeros((cues, events)), np.zeros((cues, events)), 0.0
    for changes in product((False, True), repeat=len(trials)):
        # changes[t] says whether a run begins before trial t + 1; the last one, before what is predicted.
        weight = np.prod([HAZARD if change else 1 - HAZARD for change in changes])
        bounds = [0, *(t + 1 for t, change in enumerate(changes) if change)]
        for start, stop in zip(bounds, [*bounds[1:], len(trials)], strict=True):
            counts = np.zeros((cues, events + 1))
            for trial in trials[start:stop]:
                counts[trial.cue, trial.outcome] += 1
            for row in counts:
                weight *= np.exp(
                    lgamma(prior.sum())
                    - lgamma(prior.sum() + row.sum())
                    + sum(lgamma(a + n) - lgamma(a) for a, n in zip(prior, row, strict=True))
                )
            for cue, event in product(range(cues), range(events)):
                times = [t.latency_ms for t in trials[start:stop] if (t.cue, t.outcome) == (cue, event)]
                earlier = [t.latency_ms for t in trials[:start] if (t.cue, t.outcome) == (cue, event)]
                if times:
                    drawn = 1 / expected.latencies_ms.size
                    if earlier:
                        drawn = KEPT * (times[0] == earlier[-1]) + (1 - KEPT) * drawn
                    weight *= drawn * (len(set(times)) == 1)
        # counts are now those of the run that the predicted trial belongs to.
        mean = ((prior + counts) / (prior + counts).sum(axis=1, keepdims=True))[:, :events]
        ever = np.array([[any((t.cue, t.outcome) == (c, k) for t in trials) for k in range(events)]
                         for c in range(cues)])  # fmt: skip
        share = np.where(counts[:, :events] > 0, 1.0, KEPT * ever)
        total += weight
        probability += weight * mean
        settled += weight * mean * share
        length += weight * (len(trials) - bounds[-1])
    return probability / total, settled / total, np.array(length / total)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=6))
def test_change_points_are_those_of_all_partitions(shown: list[tuple[int, int]]) -> None:
    trials, expected = seen(*shown), known((1.0, 2.0, 0.5))
    found = observer.detect_changes(trials, 2, expected, HAZARD, KEPT)
    probability, settled, length = by_enumeration(trials, 2, expected)
    np.testing.assert_allclose(found.probability[-1], probability, rtol=1e-9)
    np.testing.assert_allclose(found.settled[-1], settled, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.run_length[-1], length, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@given(st.lists(st.integers(-1, 1), max_size=30))
def test_without_change_points_it_is_the_rule_of_succession(outcomes: list[int]) -> None:
    found = observer.count_outcomes(sequence(outcomes), 1, known())
    expected = [(outcomes.count(k) + 1) / (len(outcomes) + 3) for k in (0, 1)]
    np.testing.assert_allclose(found.probability[-1, 0], expected)
    assert [isnan(time) for time in found.latency_ms[-1, 0]] == [k not in outcomes for k in (0, 1)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-1, 1), max_size=20))
def test_a_world_that_hardly_changes_leaves_the_counts(outcomes: list[int]) -> None:
    trials = sequence(outcomes)
    rarely = observer.detect_changes(trials, 1, known(), 1e-13, KEPT)
    counted = observer.count_outcomes(trials, 1, known())
    for name in ("probability", "settled", "run_length"):
        np.testing.assert_allclose(getattr(rarely, name), getattr(counted, name), atol=1e-5)


def test_after_a_switch_of_probability_it_moves_faster() -> None:
    trials = sequence([0, 0, 1, 0] * 15 + [1] * 10)
    changing = observer.detect_changes(trials, 1, known(), 0.01, KEPT)
    counting = observer.count_outcomes(trials, 1, known())
    assert changing.probability[60, 0, 0] == pytest.approx(counting.probability[60, 0, 0], abs=0.05)
    assert changing.probability[-1, 0, 1] > 0.7
    assert counting.probability[-1, 0, 1] < 0.4
    assert changing.run_length[-1] < 20


def test_one_event_at_a_new_time_tells_of_a_switch() -> None:
    before = [(0, 0), (0, 2)] * 20
    same, new = (observer.detect_changes(seen(*before, (0, last)), 1, known(), 0.01, KEPT) for last in (0, 1))
    assert same.run_length[-1] > 35
    assert new.run_length[-1] < 2
    assert new.latency_ms[-1, 0].tolist() == [500, 600]
    # Whether the other event has moved too is open until it is seen, unless the switch was a trial earlier.
    share = new.settled[-1, 0] / new.probability[-1, 0]
    assert share[0] == pytest.approx(1, abs=0.02)
    assert KEPT < share[1] < 0.6
    assert same.settled[-1, 0, 1] / same.probability[-1, 0, 1] > 0.95


def test_cues_share_their_changes_but_not_their_counts() -> None:
    before = [(0, 0), (1, 2)] * 20
    found = observer.detect_changes(seen(*before, (0, 1)), 2, known(), 0.01, KEPT)
    assert found.probability[-2, 1, 1] > 0.9
    assert found.probability[-1, 1, 1] < 0.5
    assert found.latency_ms[-1, 0, 0] == 500
    assert np.isnan(found.latency_ms[-1, 1, 0])


def test_prediction_is_probability_times_profile_and_flat_for_an_event_never_seen() -> None:
    expected = known()
    beliefs = observer.count_outcomes(sequence([0, 0, -1]), 1, expected)
    o = observer.predicted_object(beliefs, 3, expected)[0]
    np.testing.assert_allclose(o[:, 0], 3 / 6 * np.exp(-((GRID - 300) ** 2) / (2 * 40**2)))
    every = np.exp(-((GRID[:, None] - GRID) ** 2) / (2 * 40**2)).mean(axis=0)
    np.testing.assert_allclose(o[:, 1], 1 / 6 * every)


def test_an_outcome_that_never_occurs_is_left_out_of_the_counts() -> None:
    found = observer.count_outcomes(sequence([0, 0]), 1, known((1.0, 1.0, 0.0)))
    np.testing.assert_allclose(found.probability[-1, 0], [3 / 4, 1 / 4])
    with pytest.raises(ValueError, match="trial 1: outcome -1"):
        observer.detect_changes(sequence([0, -1]), 1, known((1.0, 1.0, 0.0)), 0.1, KEPT)


@pytest.mark.parametrize(("hazard", "kept"), [(0.0, 0.5), (1.0, 0.5), (0.1, 1.0), (0.1, -0.1)])
def test_impossible_settings_are_refused(hazard: float, kept: float) -> None:
    with pytest.raises(ValueError, match="must"):
        observer.detect_changes([], 1, known(), hazard, kept)


def test_it_finds_the_truth_of_meet_and_finds_it_again_after_a_switch() -> None:
    blocks = (
        "[{trials=60, probability=[0.7, 0.3], latency_ms=[300, 600]},"
        "{trials=60, probability=[0.2, 0.8], latency_ms=[600, 300]}]"
    )
    meet = Meet(load_preset("smoke", ["task.cues=1", f"task.blocks={blocks}", "run.seed=3"]))
    trials, expected = observer.observations(meet), observer.expectation(meet)
    assert [trial.block for trial in trials] == [0] * 60 + [1] * 60
    assert {(t.block, t.outcome, t.latency_ms) for t in trials} == {
        (0, 0, 300.0), (0, 1, 600.0), (1, 0, 600.0), (1, 1, 300.0),
    }  # fmt: skip
    assert expected.prior.tolist() == [1, 1, 0]
    changing = observer.detect_changes(trials, 1, expected, 1 / 60, 0.5)
    counting = observer.count_outcomes(trials, 1, expected)
    zero = metrics.rmse(np.zeros(1), meet.truth(0, 0)[meet.cue_step :])
    errors = np.array(
        [
            [
                observer.prediction_error(beliefs, n, expected, meet, seen.block)
                for n, seen in enumerate(trials)
            ]
            for beliefs in (changing, counting)
        ]
    )
    assert errors[0][59] < 0.25 * zero
    assert errors[0][60] > zero
    assert errors[0][80:].mean() < 0.6 * errors[1][80:].mean()
    last = observer.prediction_error(changing, 120, expected, meet, 1)
    share = changing.probability[120, 0] - [0.2, 0.8]
    # The latencies are known by then, so that only the probabilities are wrong.
    assert last == pytest.approx(
        metrics.rmse(meet.profiles(1, 0)[meet.cue_step :] * share, 0 * share), rel=0.1
    )


def test_omissions_of_a_task_are_expected() -> None:
    blocks = "[{trials=5, probability=[0.5, 0.3], latency_ms=[300, 600]}]"
    meet = Meet(load_preset("smoke", [f"task.blocks={blocks}"]))
    assert observer.expectation(meet).prior.tolist() == [1, 1, 1]
