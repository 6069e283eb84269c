"""The learners that count, against the same from their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from plain_counting import contexts, predicted

from lava_predict.events import Baselines, Counting, Prediction

LABELS, HORIZON = 3, 300
LEARNERS = [(order, memory, False) for order in (0, 1, 2) for memory in (np.inf, 5.0)]
LEARNERS += [(order, memory, True) for order in (1, 2) for memory in (np.inf, 5.0)]


def sequences(seed: int, lengths: tuple[int, ...] = (25, 1, 2, 20)) -> list[list[tuple[int, float]]]:
    """Labels and gaps in ms, some beyond the horizon, some 0."""
    rng = np.random.default_rng(seed)
    gaps = [0.0, 5.0, 10.0, 57.0, 120.5, 299.0, 300.0, 301.0, 5000.0]
    return [[(int(rng.integers(LABELS)), float(rng.choice(gaps))) for _ in range(n)] for n in lengths]


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_predictions_follow_their_definitions(learner: tuple[int, float, bool]) -> None:
    order, memory, hazard = learner
    counting = Counting(LABELS, order, HORIZON, memory, hazard)
    given = sequences(1)
    flat = [event for sequence in given for event in sequence]
    past = []
    for context, (label, gap) in zip(contexts(given, order, LABELS), flat, strict=True):
        if context is None:
            counting.begin(label)
            continue
        expected = predicted(past, context, LABELS, HORIZON, memory, hazard)
        for found, wanted in zip(counting.predict(), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        counting.learn(label, gap)
        past.append((context, label, gap))
    assert len(past) == 44


def told(baselines: Baselines, given: list[list[tuple[int, float]]]) -> Baselines:
    for (first, _), *others in given:
        baselines.begin(first)
        for event in others:
            baselines.add(*event)
    return baselines


def test_no_score_depends_on_what_comes_later() -> None:
    """The scores of a stream's beginning are those of the whole stream at that moment."""
    events = sequences(2, (60,))[0]
    whole, seen = Baselines(LABELS, HORIZON), []
    whole.begin(events[0][0])
    for event in events[1:]:
        whole.add(*event)
        seen.append(whole.summary())
    for end in (2, 20, 41):
        assert told(Baselines(LABELS, HORIZON), [events[:end]]).summary() == seen[end - 2]


def test_the_best_that_forgets_is_chosen_by_loss_and_named() -> None:
    """In a stream that changes its mind short memory is better, in a constant one long memory is."""
    changing = [(k, 100.0) for k in (0, 1, 2, 0, 1, 2) for _ in range(40)]
    alternating = [(int(k), 100.0) for k in np.random.default_rng(3).integers(0, 2, 400)]
    for events, chosen in ((changing, "memory 10"), (alternating, "order0, memory 100")):
        found = told(Baselines(LABELS, HORIZON), [events]).summary()
        assert set(found) == {"order0", "order1", "order2", "hazard1", "hazard2", "forgetting"}
        assert chosen in found["forgetting"]["chosen_in_hindsight"]
    assert found["hazard1"]["all"]["log2_loss"] == found["order1"]["all"]["log2_loss"]


def test_where_no_label_tells_them_apart_the_expectation_chooses() -> None:
    """Of one label all know the name, and who forgets slowly knows a constant mean gap best."""
    gaps = np.random.default_rng(1).uniform(50.0, 250.0, 500)
    found = told(Baselines(1, HORIZON), [[(0, gap) for gap in gaps]]).summary()
    assert found["forgetting"]["all"]["log2_loss"] == 0.0
    assert "memory 100" in found["forgetting"]["chosen_in_hindsight"]


def test_what_was_counted_goes_on_from_a_checkpoint() -> None:
    before, after = sequences(4), sequences(5)
    whole = told(Baselines(LABELS, HORIZON, total=90), [*before, *after])
    first = told(Baselines(LABELS, HORIZON, total=90), before)
    second = Baselines(LABELS, HORIZON, total=90)
    second.from_arrays(first.to_arrays())
    told(first, after)  # What was handed over is a copy.
    assert told(second, after).summary() == whole.summary() == first.summary()


@pytest.mark.slow
def test_memory_is_that_of_the_contexts_that_occur() -> None:
    counting = Counting(64, 2, 1000.0)
    counting.begin(0)
    for number in range(3000):
        counting.learn(number % 5, 400.0)
        if number == 100:
            then = {name: array.nbytes for name, array in counting.to_arrays().items()}
    assert {name: array.nbytes for name, array in counting.to_arrays().items()} == then
    assert then["gaps"] < 50_000
    assert isinstance(counting.predict(), Prediction)
