"""Baseline rules against closed forms and against the session whose streams they replay."""

from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest

from lava_predict import Config, Experiment, UserError
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk, Rule, when_inputs
from lava_predict.learning.what import Reading
from lava_predict.learning.when import annealed_delta
from lava_predict.numerics.noise import key_of
from lava_predict.reproduction.baselines.broadcast import BroadcastReadout, broadcast_rows
from lava_predict.reproduction.baselines.merged import MergedReadout
from lava_predict.reproduction.baselines.rls import EVERY_MS, LeastSquares, MergedRlsReadout, RlsReadout
from lava_predict.reproduction.studies.own_rules import local_rules_at
from lava_predict.tasks import Kind

Tiny = Callable[..., Config]

SAMPLES, INPUTS = 40, 12


@pytest.fixture
def samples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets of two channels, and gates."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(SAMPLES, INPUTS))
    return x, rng.normal(size=(SAMPLES, 2)), rng.uniform(0.1, 1.0, SAMPLES)


def inverse_correlation(state: LeastSquares) -> np.ndarray:
    """P in full; only its lower triangle is kept up to date."""
    lower = np.tril(state.inverse)
    return np.asarray(state.scale * (lower + np.tril(lower, -1).T))


def ridge_regression(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """Weights that minimise sum weight (y - w . x)^2 + ridge |w|^2, by lstsq on the stacked problem."""
    root = np.sqrt(weight)[:, None]
    rows = np.vstack((root * x, np.sqrt(ridge) * np.eye(x.shape[1])))
    targets = np.vstack((root * y, np.zeros((x.shape[1], y.shape[1]))))
    return np.asarray(np.linalg.lstsq(rows, targets, rcond=None)[0].T)


@pytest.mark.parametrize("ridge", [1e-6, 0.5, 20.0])
def test_rls_is_ridge_regression_weighted_by_the_gate(samples: tuple[np.ndarray, ...], ridge: float) -> None:
    x, y, gate = samples
    state = LeastSquares(2, INPUTS, ridge)
    state.update(x, y, gate)
    np.testing.assert_allclose(state.weights, ridge_regression(x, y, gate, ridge), rtol=1e-6, atol=1e-8)
    correlation = (gate[:, None] * x).T @ x + ridge * np.eye(INPUTS)
    np.testing.assert_allclose(inverse_correlation(state), np.linalg.inv(correlation), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("forgetting", [0.9, 1e-9])
def test_rls_forgets_exponentially(samples: tuple[np.ndarray, ...], forgetting: float) -> None:
    x, y, _ = samples
    state = LeastSquares(2, INPUTS, 0.5)
    # So strong a forgetting drives the scale of P past its bound; four samples keep the problem solvable.
    count = SAMPLES if forgetting > 0.5 else 4
    for n in range(count):
        state.update(x[n : n + 1], y[n : n + 1], np.ones(1), forgetting)
    weight = forgetting ** np.arange(count - 1, -1, -1.0)
    expected = ridge_regression(x[:count], y[:count], weight, 0.5 * forgetting**count)
    found = state.weights
    if forgetting < 0.5:
        # Of the rest of the weights only rounding would be compared.
        found, expected = found @ x[count - 1], expected @ x[count - 1]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def one_by_one(
    x: np.ndarray, y: np.ndarray, gate: np.ndarray, ridge: float, forgetting: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights before the first and after each sample, and P at the end, by the formula as it is printed."""
    w, p = np.zeros((y.shape[1], x.shape[1])), np.eye(x.shape[1]) / ridge
    history = [w]
    for n in range(len(x)):
        k = p @ x[n] / (forgetting / gate[n] + x[n] @ p @ x[n])
        w = w + np.outer(y[n] - w @ x[n], k)
        p = (p - np.outer(k, p @ x[n])) / forgetting
        history.append(w)
    return np.array(history), p


@pytest.mark.parametrize("forgetting", [1.0, 0.95])
def test_rls_taught_in_blocks_is_rls_taught_one_by_one(
    samples: tuple[np.ndarray, ...], forgetting: float
) -> None:
    x, y, gate = samples
    expected, p = one_by_one(x, y, gate, 0.3, forgetting)
    state = LeastSquares(2, INPUTS, 0.3)
    found = [
        state.update(x[part], y[part], gate[part], forgetting)
        for part in (slice(0, 1), slice(1, 18), slice(18, None))
    ]
    np.testing.assert_allclose(np.concatenate([found[0], found[1][1:], found[2][1:]]), expected, rtol=1e-8)
    np.testing.assert_allclose(inverse_correlation(state), p, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(state.weights, found[-1][-1])


def test_rls_gives_nan_rather_than_nonsense_where_p_is_no_longer_positive() -> None:
    state = LeastSquares(1, 3, 1.0)
    state.inverse[:] = -np.eye(3)
    assert np.isnan(state.update(np.full((2, 3), 5.0), np.ones((2, 1)), np.ones(2))).all()
    assert np.isnan(state.weights).all()


def test_rls_keeps_p_symmetric_and_positive_and_forgetting_within_range() -> None:
    rng = np.random.default_rng(4)
    state = LeastSquares(1, INPUTS, 1.0)
    for _ in range(3000):
        state.update(rng.normal(size=(1, INPUTS)), np.ones((1, 1)), np.ones(1), 0.8)
    p = inverse_correlation(state)
    np.testing.assert_array_equal(p, p.T)
    assert np.linalg.eigvalsh(p).min() > 0
    assert np.isfinite(p).all()
    assert state.scale < 1e101


def test_rls_changes_its_arrays_in_place_and_a_copy_keeps_its_own(samples: tuple[np.ndarray, ...]) -> None:
    x, y, _ = samples
    state = LeastSquares(2, INPUTS, 1.0)
    kept = deepcopy(state)
    state.update(x[:1], y[:1], np.ones(1))
    assert np.abs(inverse_correlation(state) - np.eye(INPUTS)).max() > 0.01
    np.testing.assert_array_equal(inverse_correlation(kept), np.eye(INPUTS))
    twin = deepcopy(state)
    for one in (state, twin):
        one.update(x[1:2], y[1:2], np.ones(1))
    np.testing.assert_array_equal(inverse_correlation(twin), inverse_correlation(state))
    weights = state.weights.copy()
    state.reset()
    np.testing.assert_array_equal(state.weights, weights)
    np.testing.assert_array_equal(inverse_correlation(state), np.eye(INPUTS))


def toy_trial(config: Config, outcome: int) -> tuple[SimpleNamespace, Chunk]:
    """A trial in which the cells are active one after the other, each event being due in its own half."""
    cue = config.steps(config.task.before_ms)
    steps, cells = cue + 100, config.reservoir.neurons
    xc = np.zeros((steps, when_inputs(config)))
    xc[np.arange(cue, steps), np.arange(100) // 10] = 0.1
    target = np.zeros((steps, 2))
    target[cue + 20 : cue + 40, 0] = target[cue + 60 : cue + 80, 1] = 1.0
    segment = SimpleNamespace(kind=Kind.TRIAL, outcome=outcome, block=0, noise_key=1, learning=True)
    return segment, Chunk(0, xc[:, :cells], xc, np.zeros_like(target), target, np.zeros(steps, np.int64))


def rows(chunk: Chunk, xc: np.ndarray, part: slice) -> Chunk:
    """A part of a chunk, with other inputs."""
    x, gate, target, cue = (of[part] for of in (chunk.x, chunk.gate, chunk.target, chunk.cue))
    return Chunk(part.start, x, xc[part], gate, target, cue)


@pytest.mark.slow
def test_merged_readout_learns_probability_times_timing(tiny: Tiny) -> None:
    config = tiny("readout.when_norm_floor=1e-9")
    merged = MergedReadout(config, rate=0.005)
    for outcome in [0, 1, 0, -1] * 100:
        segment, chunk = toy_trial(config, outcome)
        merged.step(segment, chunk)  # type: ignore[arg-type]
    segment.kind = Kind.PROBE
    kept = merged.w.copy()
    z = merged.step(segment, chunk)  # type: ignore[arg-type]
    np.testing.assert_array_equal(merged.w, kept)
    np.testing.assert_allclose(z, chunk.target * [0.5, 0.25], atol=0.05)
    np.testing.assert_array_equal(merged.end(segment, Reading(np.zeros(80), 0, 0)), 1.0)  # type: ignore[arg-type]


def broadcast_errors(key: int, steps: int) -> tuple[float, float]:
    """Squared error of a regression on 5 inputs and 2 channels, before and after learning by reward."""
    rng = np.random.default_rng(5)
    x, true = rng.normal(size=(steps, 5)), rng.normal(size=(2, 5))
    w, y, read = np.zeros((2, 5)), x @ true.T, np.empty((steps, 2))
    gate = np.ones_like(y)
    rates = (0.3, 0.01, 0.1, 0.0)
    broadcast_rows(w, np.full(1, np.nan), x, gate, y, key_of(key), 0, *rates, read)
    return float(np.sum(true**2)), float(np.sum((w - true) ** 2))


@pytest.mark.slow
def test_broadcast_reward_improves_a_regression() -> None:
    errors = np.array([broadcast_errors(key, 4000) for key in range(10)])
    assert errors[:, 1].mean() < 0.05 * errors[0, 0]


def test_broadcast_depends_on_its_key_alone_and_follows_the_gradient() -> None:
    x, y = np.array([[0.3, -0.2]]), np.array([[1.0, 0.4]])
    changes = []
    for key in range(4000):
        w = np.zeros((2, 2))
        # The mean reward is what the unperturbed readout gets; the second channel's gate is half open.
        reward = np.array([-(1.0**2) - 0.5 * 0.4**2])
        gate = np.array([[1.0, 0.5]])
        broadcast_rows(w, reward, x, gate, y, key_of(key), 0, 0.1, 1.0, 0.1, 0.0, np.empty((1, 2)))
        changes.append(w)
    delta = np.outer(gate[0] * y[0], x[0]) / (x[0] @ x[0])
    error = np.std(changes, axis=0) / np.sqrt(len(changes))
    assert (np.abs(np.mean(changes, axis=0) - delta) < 4 * error).all()
    assert broadcast_errors(1, 50) == broadcast_errors(1, 50) != broadcast_errors(2, 50)


GATED = "readout.rule=gated_delta"
TWO_CUES = (
    "task.cues=2",
    "task.blocks=[{trials=6, probability=[0.6, 0.3], latency_ms=[300, 600]},"
    "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
)
VARIANTS = {
    "plain": [],
    "half steps": ["run.dt_ms=0.5"],
    "reset": ["task.reset=true", "task.pause_ms=[0, 0]"],
    "constant norm": ["readout.when_norm='constant'"],
    "events drive": ["task.events_drive_reservoir=true"],
    "surprises": ["readout.timing_surprise=0.5"],
    "two cues": TWO_CUES,
    "two cues, shared weights": [*TWO_CUES, "readout.cue_weights='shared'"],
    "gated": [GATED],
    "gated, reset": [GATED, "task.reset=true", "task.pause_ms=[0, 0]"],
    "gated, constant norm": [GATED, "readout.when_norm='constant'"],
    "gated, two cues": [GATED, *TWO_CUES],
    "gated, uncentred": [GATED, "readout.centred=false", "run.dt_ms=0.5"],
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_replayed_own_rules_give_the_bits_of_the_session(tiny: Tiny, variant: str) -> None:
    config = tiny(*VARIANTS[variant])
    expected = Experiment(config, seed=7).run().state.probes
    replay = Replay(config, seed=7)
    found = replay.run({"own": replay.local_rules()})["own"]
    assert len(found) == len(expected) == 5
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.block, mine.trials) == (theirs.block, theirs.trials)
        assert (mine.error, mine.zero_error) == (theirs.error, theirs.zero_error)
        for name in ("z", "o", "p", "w_when", "w_what"):
            assert getattr(mine, name).tobytes() == getattr(theirs, name).tobytes(), name
    assert found[-1].w_when.any()


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["annealed_delta", "gated_delta"])
def test_rules_learn_side_by_side_as_they_do_alone(tiny: Tiny, rule: str) -> None:
    config = tiny(f"readout.rule={rule}")
    replay = Replay(config)
    when, what = replay.input_norms()

    def rules() -> dict[str, Rule]:
        return {
            "kept": RlsReadout(config, (when / 10, what / 10)),
            "reset": RlsReadout(config, (when / 10, what / 10), reset_at_switch=True),
            "merged": MergedReadout(config, 0.05),
            "merged rls": MergedRlsReadout(config, when / 10, forgetting=0.999, reset_at_switch=True),
            "broadcast": BroadcastReadout(config, key=1, when_rate=0.002, what_rate=0.05),
        }

    together = replay.run(rules())
    for name, rule in rules().items():
        (alone,) = replay.run({name: rule}).values()
        for mine, theirs in zip(together[name], alone, strict=True):
            np.testing.assert_array_equal(mine.z, theirs.z)
            np.testing.assert_array_equal(mine.p, theirs.p)
    # The reset comes with the first trial of the second block.
    for n, same in enumerate((True, True, True, True, False)):
        assert np.array_equal(together["kept"][n].z, together["reset"][n].z) == same


@pytest.mark.slow
def test_a_rule_that_diverges_is_stopped_and_the_others_go_on(tiny: Tiny) -> None:
    config = tiny("task.cues=2")
    replay = Replay(config)

    def broadcast(rate: float) -> BroadcastReadout:
        return BroadcastReadout(config, key=1, when_rate=rate, what_rate=0.05)

    alone = replay.run({"calm": broadcast(0.002)})["calm"]
    wild = broadcast(1e4)
    together = replay.run({"wild": wild, "calm": broadcast(0.002)})
    for mine, theirs in zip(together["calm"], alone, strict=True):
        assert (mine.error, mine.w_when.tobytes()) == (theirs.error, theirs.w_when.tobytes())
    first, *later = together["wild"]
    assert first.error == first.zero_error
    assert not first.w_when.any()
    for probe, other in zip(later, alone[1:], strict=True):
        assert (probe.block, probe.trials, probe.zero_error) == (other.block, other.trials, other.zero_error)
        assert np.isnan(probe.error)
        for name in ("z", "o", "p", "w_when", "w_what"):
            assert getattr(probe, name).shape == getattr(other, name).shape
            assert np.isnan(getattr(probe, name)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "inputs"), [("annealed_delta", 80), ("gated_delta", 81)])
def test_replayed_probes_hold_the_weights_of_their_time(tiny: Tiny, rule: str, inputs: int) -> None:
    config = tiny(f"readout.rule={rule}")
    merged = Replay(config).run({"merged": MergedReadout(config, 0.05)})["merged"]
    assert merged[-1].w_when.shape == (2, inputs)
    np.testing.assert_array_equal(merged[-1].w_what, merged[-1].w_when[:, :80])
    assert not np.array_equal(merged[-1].w_when, merged[-2].w_when)


def test_rls_readout_in_a_trial_is_least_squares_on_what_it_was_taught(tiny: Tiny) -> None:
    config = tiny()
    rls = RlsReadout(config, (1e-3, 1e-3))
    segment, chunk = toy_trial(config, 0)
    rng = np.random.default_rng(6)
    xc = rng.normal(size=chunk.xc.shape)
    gate = np.zeros_like(chunk.gate)
    gate[50:, 0] = 0.3
    gate[80:120, 0] = 1.0
    for first, last in ((0, 130), (130, len(xc))):
        rls.step(segment, rows(chunk._replace(gate=gate), xc, slice(first, last)))  # type: ignore[arg-type]
    taught = slice(50, None, int(EVERY_MS))
    expected = ridge_regression(xc[taught], chunk.target[taught, :1], gate[taught, 0], 1e-3)
    np.testing.assert_allclose(rls.when[0].weights, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(rls.when[1].weights, 0.0)
    x_mean = rng.uniform(size=80)
    rls.end(segment, Reading(x_mean, 0, 0))  # type: ignore[arg-type]
    np.testing.assert_allclose(rls.what.weights @ x_mean, [1, 0], atol=1e-3)


@pytest.mark.parametrize("outcome", [1, -1])
def test_merged_rls_is_least_squares_on_what_occurred(tiny: Tiny, outcome: int) -> None:
    config = tiny()
    rls = MergedRlsReadout(config, 1e-3)
    rng = np.random.default_rng(6)
    x, y = [], []
    for occurred in (0, outcome):
        segment, chunk = toy_trial(config, occurred)
        xc = rng.normal(size=chunk.xc.shape)
        for part in (slice(0, 230), slice(230, len(xc))):
            rls.step(segment, rows(chunk, xc, part))  # type: ignore[arg-type]
        x.append(xc[200 :: int(EVERY_MS)])
        y.append(chunk.target[200 :: int(EVERY_MS)] * (np.arange(2) == occurred))
    expected = ridge_regression(np.vstack(x), np.vstack(y), np.ones(len(x[0]) * 2), 1e-3)
    np.testing.assert_allclose(rls.w_when, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(rls.w_what, rls.w_when[:, :80])


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["annealed_delta", "gated_delta"])
def test_own_rules_at_a_constant_rate_take_that_share_of_the_error_away(tiny: Tiny, rule: str) -> None:
    config = tiny(f"readout.rule={rule}", "run.dt_ms=0.5", "readout.when_norm_floor=1e-12")
    own = local_rules_at(Replay(config), 0.02)
    segment, _ = toy_trial(config, 0)
    xc, one = np.random.default_rng(8).normal(size=(1, when_inputs(config))), np.ones((1, 2))
    step = Chunk(0, xc[:, :80], xc, one, one, np.zeros(1, np.int64))
    read = []
    for _ in range(3):
        read.append(own.step(segment, step)[0])  # type: ignore[arg-type]
        if rule == "annealed_delta":
            own.when.occurrences[:] += 7
    np.testing.assert_allclose(1.0 - np.array(read), np.repeat([[1.0], [0.99], [0.99**2]], 2, axis=1))


def test_replay_refuses_feedback(tiny: Tiny) -> None:
    with pytest.raises(UserError, match=r"feedback_gain = 0\.3"):
        Replay(tiny("reservoir.feedback_gain=0.3"))


def test_replay_refuses_a_rule_that_keeps_no_traces_apart(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(annealed_delta, "trace_step")
    with pytest.raises(UserError, match=r"readout\.rule = 'annealed_delta': has no trace_step"):
        Replay(tiny())


@pytest.mark.slow
def test_rls_is_as_good_as_the_own_rules_but_needs_a_reset_after_a_switch(tiny: Tiny) -> None:
    config = tiny(
        # Below 100 inputs OpenBLAS starts no threads, which would wait for other tests' processes.
        "reservoir.neurons=95",
        "run.probe_trials=[]",
        "task.settle_ms=10000",
        "task.blocks=[{trials=40, probability=[0.7, 0.3], latency_ms=[300, 600]},"
        "{trials=30, probability=[0.2, 0.8], latency_ms=[600, 300]}]",
    )
    replay = Replay(config)
    when, what = replay.input_norms()
    rules: dict[str, Rule] = {
        "own": replay.local_rules(),
        "kept": RlsReadout(config, (when / 10, what / 10)),
        "reset": RlsReadout(config, (when / 10, what / 10), reset_at_switch=True),
    }
    error = {name: [p.error / p.zero_error for p in probes] for name, probes in replay.run(rules).items()}
    assert error["kept"][0] == error["reset"][0] < 0.6
    assert error["kept"][0] < 1.3 * error["own"][0]
    assert error["reset"][1] < 0.85 * error["kept"][1]
