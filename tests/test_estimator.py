"""The estimator learns what the experiment and the stream learner learn, to the bit, and keeps the habits."""

from typing import Any

import numpy as np
import pytest

from lava_predict import Experiment, PredictionNetwork, StreamLearner, UserError, load_preset
from lava_predict.settings import with_changes

SMALL = {"reservoir.neurons": 80, "task.settle_ms": 400.0, "run.probe_repeats": 2}
STREAM = {"reservoir.neurons": 60, "stream.settle_ms": 200.0}
EVENTS = [(300 * n, "AAB"[n % 3]) for n in range(60)]


def small(**others: Any) -> PredictionNetwork:
    return PredictionNetwork(**{"preset": "smoke", "seed": 4, "settings": SMALL} | others)


def trials(number: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    cues, event = random.integers(1, 3, number), random.integers(-1, 2, number)
    times = np.full((number, 2), np.nan)
    times[event >= 0, event[event >= 0]] = 300.0 + 200.0 * event[event >= 0]
    return cues, times


def bits(network: PredictionNetwork) -> Any:
    return network.learner_.state.network


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
def test_trials_that_meet_drew_teach_what_the_experiment_learns(precision: str) -> None:
    block = {"trials": 6, "probability": [[0.6, 0.3], [0.2, 0.8]], "latency_ms": [300.0, 600.0]}
    changes = [("reservoir", "neurons", 80), ("task", "settle_ms", 400.0), ("run", "probe_repeats", 2)]
    changes += [("task", "cues", 2), ("task", "blocks", [block])]
    session = Experiment(with_changes(load_preset("smoke"), changes, 4)).start(precision=precision)
    session.advance(6)
    state, times = session.state, np.full((6, 2), np.nan)
    for trial, record in enumerate(state.trials):
        if record.outcome >= 0:
            times[trial, record.outcome] = record.latency_ms
    cues = [record.cue + 1 for record in state.trials]
    network = small(precision=precision).fit(cues, times)
    assert network.learner_.state.fingerprint == state.fingerprint
    assert state.network.differences(bits(network)) == []
    probe = state.probes[-1]
    np.testing.assert_array_equal(network.predict([1, 2]), probe.o[:, session.task.cue_step :])
    np.testing.assert_array_equal(network.predict_proba(["2"]), np.clip(probe.p[1:], 0, 1))


@pytest.mark.slow
def test_learning_in_parts_is_learning_at_once_and_predicting_changes_nothing() -> None:
    cues, times = trials(6)
    whole = small().fit(cues, times)
    parts = small().partial_fit(cues[:4], times[:4])
    parts.predict([1])
    parts.score(cues, times)
    parts.partial_fit(cues[4:], times[4:])
    assert bits(whole).differences(bits(parts)) == []
    assert bits(whole.fit(cues, times)).differences(bits(parts)) == []


@pytest.mark.slow
def test_the_score_is_that_of_the_events_that_came() -> None:
    cues, times = np.ones(12, int), np.full((12, 1), 300.0)
    network = small().fit(cues, times)
    o, t = network.predict([1])[0, :, 0], np.arange(1000)
    came = np.exp(-0.5 * ((t - 300.0) / 40.0) ** 2)
    expected = 1.0 - np.sum((o - came) ** 2) / np.sum(came**2)
    assert network.score([1, 1], [[300.0], [300.0]]) == pytest.approx(expected)
    assert expected > 0.3
    assert network.score([1], [[700.0]]) < 0.0


@pytest.mark.slow
def test_a_stream_is_that_of_the_learner_and_prediction_leaves_it_alone() -> None:
    network = PredictionNetwork("events", seed=3, settings=STREAM).fit(EVENTS[:40]).partial_fit(EVENTS[40:])
    changes = [(*name.split("."), value) for name, value in STREAM.items()]
    learner = StreamLearner(config=with_changes(load_preset("stream"), changes, 3))
    for time, label in EVENTS:
        learner.learn_one(time, label, "learned")
    assert network.learner_.fingerprint() == learner.fingerprint()
    p = network.predict_proba(EVENTS[:20])
    assert network.learner_.fingerprint() == learner.fingerprint()
    expected = [learner.learn_one(time, label, "predicted") for time, label in EVENTS[:20]]
    assert np.isnan(p[0]).all()
    np.testing.assert_array_equal(p[1:], [one.p[:2] for one in expected[1:]])
    assert network.predict(EVENTS[:20])[0] is None
    assert network.predict(EVENTS[:20])[5] == "AB"[p[5].argmax()]
    losses = -np.log2([one["AB".index(label)] for one, (_, label) in zip(p[1:], EVENTS[1:20], strict=True)])
    assert network.score(EVENTS[:20]) == pytest.approx(-losses.mean())


def test_parameters_are_those_of_scikit_learn() -> None:
    base = pytest.importorskip("sklearn.base")
    network = small()
    twin = base.clone(network.set_params(reservoir__neurons=70, seed=9))
    assert twin is not network
    assert twin.get_params() == network.get_params()
    assert twin.get_params()["settings"] == SMALL | {"reservoir.neurons": 70}
    assert SMALL["reservoir.neurons"] == 80
    assert base.clone(PredictionNetwork()).get_params() == PredictionNetwork().get_params()
    with pytest.raises(UserError, match="did you mean 'seed'"):
        network.set_params(sead=1)


@pytest.mark.slow
def test_cross_validation_takes_it() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    cues, times = trials(8)
    found = selection.cross_val_score(small(), cues, times, cv=2)
    halves = [(slice(4, 8), slice(0, 4)), (slice(0, 4), slice(4, 8))]
    expected = [small().fit(cues[a], times[a]).score(cues[b], times[b]) for a, b in halves]
    np.testing.assert_array_equal(found, expected)
    rows = np.array(EVENTS, object)
    split = selection.TimeSeriesSplit(2)
    streams = selection.cross_val_score(PredictionNetwork("events", seed=1, settings=STREAM), rows, cv=split)
    assert np.isfinite(streams).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small().predict([1]), "learned nothing yet"),
        (lambda: small(data="trail").fit([1], [[1.0]]), "did you mean 'trials'"),
        (lambda: small().fit([1]), "y is missing"),
        (lambda: small().fit([1], [[1.0, 2.0]]), "at most one event in a row"),
        (lambda: small().fit([1], [[5000.0]]), "from 0 to below task.after_ms = 1000"),
        (lambda: small().fit([1], [[300.0]]).predict([2]), "cue 2: must be a number from 1 to 1"),
        (lambda: small(settings={"neurons": 3}).fit([1], [[1.0]]), "'neurons': must be section.key"),
        (lambda: small(settings={"reservoir.": 3}).fit([1], [[1.0]]), "'reservoir.': must be section.key"),
        (lambda: small(settings={3: 3}).fit([1], [[1.0]]), "must be section.key, such as"),
        (lambda: small(seed=-1).fit([1], [[1.0]]), "seed = -1"),
        (lambda: PredictionNetwork("events").fit([1, 2]), "must have a time, a label"),
    ],
)
def test_what_it_cannot_take_is_named(call: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call()
