from __future__ import annotations

import numpy as np
import pytest

from lava_predict.events import course
from lava_predict.events.course import Course


@pytest.mark.parametrize("events", [1, 7, 8, 9, 100, 6000])
def test_running_means_are_those_of_the_last_events(events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "BLOCKS", 8)
    scores = np.random.default_rng(events).uniform(0.1, 3.0, (events, 2, 6))
    scores[: events // 2, 1, 4:] = 0.0
    made = Course(["network", "order0"])
    for one in scores:
        made.add(one)
    found = made.running()
    assert len(found.events) <= 8
    assert found.events[-1] == events
    width = int(found.events[0])
    for place, end in enumerate(found.events.tolist()):
        over = max(1, found.over // width) * width
        some = scores[max(0, -(-end // width) * width - over) : end]
        np.testing.assert_allclose(found.log2_loss[:, place], some[:, :, 0].mean(0))
        with np.errstate(invalid="ignore"):
            ratio = some[:, :, 4].sum(0) / some[:, :, 5].sum(0)
        np.testing.assert_allclose(found.expectation_error[:, place], ratio)


def test_memory_does_not_grow_and_a_copy_goes_on_to_the_same_bits() -> None:
    scores = np.random.default_rng(0).uniform(size=(3000, 1, 6))
    whole = Course(["network"])
    for one in scores[:1100]:
        whole.add(one)
    other = Course(["network"])
    other.from_arrays(whole.to_arrays())
    for one in scores[1100:]:
        whole.add(one)
        other.add(one)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(array, other.to_arrays()[name])
    assert whole.to_arrays()["sums"].shape == (1, course.BLOCKS, 3)
    assert whole.running().over == 100
    assert len(whole.running().events) == 375
