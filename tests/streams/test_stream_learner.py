from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from lava_predict import StreamLearner, UserError, load_preset
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.tasks import grammar, markov

pytestmark = pytest.mark.slow

SMALL = load_preset("stream", ["reservoir.neurons=100", "stream.settle_ms=200"])
EVENTS = [(120, "x"), (500, "y"), (530, "x"), (530, "z"), (1200, "y"), (1500, "x"), (4000, "w"), (4300, "v")]


def learner(precision: str = "float") -> StreamLearner:
    return StreamLearner(config=SMALL, precision=precision)


@pytest.fixture(scope="module", params=PRECISIONS)
def whole(request: pytest.FixtureRequest) -> StreamLearner:
    one = learner(request.param)
    for time, label in EVENTS:
        one.learn_one(time, label)
    return one


def test_what_is_predicted_in_between_changes_nothing(whole: StreamLearner) -> None:
    other = learner(whole.network.precision)
    for time, label in EVENTS:
        other.learn_one(time, label)
        other.predict_one()
        other.expectation(500)
    assert other.fingerprint() == whole.fingerprint()


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_learner_that_is_saved_and_loaded_goes_on_to_the_same_bits(
    whole: StreamLearner, cut: int, tmp_path: Path
) -> None:
    first = learner(whole.network.precision)
    for time, label in EVENTS[:cut]:
        first.learn_one(time, label)
    first.save(tmp_path / "stream.h5")
    second = StreamLearner.load(tmp_path / "stream.h5")
    for time, label in EVENTS[cut:]:
        second.learn_one(time, label)
    assert second.fingerprint() == whole.fingerprint()
    assert second.intake.labels == whole.intake.labels
    assert second.network.saturations == whole.network.saturations


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("gap", [20, 60, 100, 101, 400])
def test_p_is_known_before_the_event_comes(gap: int, precision: str) -> None:
    one = learner(precision)
    for time, label in EVENTS:
        one.learn_one(time, label)
    before = one.predict_proba_one()
    expected = one.learn_one(EVENTS[-1][0] + gap, "x")
    assert expected is not None
    assert expected.p[: len(before)].tolist() == list(before.values())
    assert len(expected.o) == gap // 10


def test_times_and_labels_change_nothing_before_they_come() -> None:
    """Nothing that is expected of an event depends on what comes later."""
    found = []
    for last in ((2000, "x"), (2600, "z")):
        one = learner()
        for time, label in EVENTS[:6]:
            one.learn_one(time, label)
        found.append(one.learn_one(*last))
    early, late = found
    assert early is not None
    assert late is not None
    assert early.p.tolist() == late.p.tolist()
    assert early.o.tolist() == late.o[: len(early.o)].tolist()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_labels_are_accepted_up_to_the_most(precision: str) -> None:
    config = load_preset("stream", ["reservoir.neurons=50", "stream.labels_max=5", "stream.settle_ms=0"])
    one = StreamLearner(config=config, precision=precision)
    for number in range(5):
        one.learn_one(150 * number, f"label {number}")
        assert sum(one.predict().p) == pytest.approx(1.0)
    assert one.predict().p.size == 5
    before = copy.deepcopy(one.fingerprint())
    with pytest.raises(UserError, match="label 'label 5' is number 6; at most 5"):
        one.learn_one(900, "label 5")
    assert one.fingerprint() == before
    with pytest.raises(UserError, match="time 3 is before the 600"):
        one.learn_one(3, "label 1")
    one.learn_one(900, "label 1")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_prediction_reaches_across_the_border_of_a_sequence(precision: str) -> None:
    one, other = learner(precision), learner(precision)
    for time, label in EVENTS:
        one.learn_one(time, label, "a")
        other.learn_one(time, label, "a")
    for time, label in EVENTS[:3]:
        one.learn_one(time, label, "b")
    assert one.learn_one(0, "x", "c") is None
    # What was learned stays; the cells are as settled, whatever was played before.
    settled = one.network.settled.state.cells.v
    one.network._settle()
    assert one.network.moment.state.cells.v.tolist() == settled.tolist()
    assert one.network.learned.label_w.any()
    assert other.network.settled.state.cells.v.tolist() == settled.tolist()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_another_parameterless_learner_is_equal(precision: str) -> None:
    one = StreamLearner(["A", "B"], seed=7, config=SMALL, precision=precision)
    other = StreamLearner(["A", "B"], **one.get_params())
    for time in (0, 300, 600):
        one.learn_one(time, "B")
        other.learn_one(time, "B")
    assert one.fingerprint() == other.fingerprint()
    assert list(one.predict_proba_one()) == ["A", "B"]


def test_bad_questions_are_refused() -> None:
    one = learner()
    with pytest.raises(UserError, match="before the first event"):
        one.predict_one()
    one.learn_one(0, "x")
    with pytest.raises(UserError, match="horizon_ms = 2000"):
        one.expectation(2000)
    with pytest.raises(UserError, match=r"readout.rule = 'gated_delta'"):
        StreamLearner(preset="paper")
    with pytest.raises(UserError, match="precision = 'half': must be one of float, fixed"):
        learner("half")
    on_chip = load_preset("stream", ["fixed.learning=on_chip"])
    with pytest.raises(UserError, match=r"fixed.learning = 'on_chip': streams are learned by"):
        StreamLearner(config=on_chip, precision="fixed")


def test_integers_that_saturate_are_counted_and_stay_counted() -> None:
    """With three bits before the point no membrane potential fits."""
    config = load_preset("stream", ["reservoir.neurons=30", "stream.settle_ms=50", "fixed.fraction_bits=20"])
    one = StreamLearner(config=config, precision="fixed")
    one.learn_one(0, "x", "a")
    one.learn_one(200, "y", "a")
    before = one.network.saturations
    one.predict()
    assert one.network.saturations == before
    assert list(before) == ["v", "u", "s", "current", "z", "w_when", "w_what"]
    assert before["v"] > 0
    one.learn_one(0, "x", "b")
    assert all(now >= before[name] for name, now in one.network.saturations.items())
    assert any("exceed the range" in str(warning) for warning in one.network.warnings)
    assert learner("fixed").network.warnings == learner().network.warnings == []
    assert learner().network.saturations == {}


def test_it_learns_what_depends_on_one_label_and_on_two() -> None:
    """Both streams have 4 labels, 2 bits; the null of order 1 on `grammar` is about 1.6."""
    config = load_preset("stream", ["reservoir.neurons=500"])
    for make, most in ((markov, 1.25), (grammar, 1.45)):
        stream = make(1200, 1, (150.0, 400.0)).events
        one, losses = StreamLearner(config=config), []
        for time, label in zip(stream.time.tolist(), stream.label.tolist(), strict=True):
            expected = one.learn_one(time, stream.labels[label])
            if expected is not None:
                losses.append(-np.log2(expected.p[label]))
        assert np.mean(losses[-400:]) < most


@pytest.mark.parametrize("gap", [30, 0])
def test_bursts_and_labels_at_once_are_learned(gap: int) -> None:
    """Ten labels follow each other 30 ms apart, or at one time, and then nothing comes for 300 ms."""
    one, now, found = StreamLearner(config=load_preset("stream", ["reservoir.neurons=500"])), 0, []
    for repeat in range(40):
        for number in range(10):
            expected = one.learn_one(now, f"label {number}")
            if repeat >= 30 and expected is not None:
                found.append((expected.p[number], expected.time_ms[number], number))
            now += gap
        now += 300
    p, time_ms, number = np.array(found).T
    assert p.min() > 0.8
    assert np.median(abs(time_ms[number == 0] - (300 + gap))) < 20
    assert gap == 0 or np.median(abs(time_ms[number > 1] - gap)) < 20


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_time_of_what_comes_is_that_which_was_predicted(precision: str) -> None:
    """It is stated before the event, so it is the same whenever the event comes."""
    config = load_preset("stream", ["reservoir.neurons=100", "stream.settle_ms=100"])
    learner = StreamLearner(config=config, precision=precision)
    times = np.cumsum(np.random.default_rng(4).integers(150, 300, 120))
    stated = []
    for number, time in enumerate(times.tolist()):
        before = learner.predict().time_ms if number > 60 else None
        came = learner.learn_one(time, "ABC"[number % 3])
        if before is not None and came is not None:
            label = number % 3
            assert (
                before[label] == came.time_ms[label] or np.isnan([before[label], came.time_ms[label]]).all()
            )
            assert np.isnan(np.delete(came.time_ms, label)).all()
            stated.append(before[label])
    assert np.isfinite(stated).sum() > 50
    assert abs(np.nanmedian(stated) - 225) < 40
