"""Ablated learners against the whole ones, and the gating claim on the smallest network."""

from dataclasses import replace

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk, when_inputs
from lava_predict.learning.what import Reading
from lava_predict.network.draw import draw_network
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Verdict, judge
from lava_predict.reproduction.claims import gating
from lava_predict.reproduction.studies import ablation
from lava_predict.reproduction.studies.blocks import learn_blocks
from lava_predict.reproduction.studies.own_rules import OwnRules
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment
from lava_predict.tasks.meet import Meet
from lava_predict.work.unit import Found, carry_out_unit

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["annealed_delta", "gated_delta"])
def config(request: pytest.FixtureRequest) -> Config:
    return conditions.with_blocks(load_preset("smoke", [f"readout.rule={request.param}"]), 7)


@pytest.fixture(scope="module")
def replay(config: Config) -> Replay:
    return Replay(config)


@pytest.fixture(scope="module")
def whole_error(config: Config) -> np.ndarray:
    return learn_blocks(config)["error"]


@pytest.fixture(scope="module")
def of_seeds() -> list[dict[str, Found]]:
    """Carry out what the claim asks for on two seeds, with the rule of the preset."""
    units = [gating.CLAIM.units(load_preset("smoke"), seed) for seed in (7, 8)]
    return [{name: carry_out_unit(one) for name, one in of_one.items()} for of_one in units]


def error_without(name: str, config: Config) -> np.ndarray:
    return ablation.ablated_rules(config, [name])[f"{name}: error"]


def trial_of(meet: Meet, trial: int) -> tuple[Segment, Chunk]:
    """Return a trial of the first block and all of it as one chunk, its traces random."""
    segment = meet.trial(0, trial)[-1]
    streams = meet.streams(segment)
    x = np.random.default_rng(trial).random((segment.steps, meet.config.reservoir.neurons))
    constant = when_inputs(meet.config) - x.shape[1]
    xc = np.hstack([x - 0.5, np.ones((segment.steps, constant))])
    return segment, Chunk(0, x, xc, streams.gate, streams.target, np.zeros(segment.steps, np.int64))


def shown(rule: object, segment: Segment, chunk: Chunk) -> Chunk:
    assert isinstance(rule, ablation.AlteredRules)
    return rule.shown(segment, chunk)


def test_rules_that_nothing_is_taken_from_are_those_of_the_course(
    whole_error: np.ndarray, replay: Replay
) -> None:
    whole = {"whole": OwnRules(replay.local_rules())}
    errors = [probe.error / probe.zero_error for probe in replay.run(whole)["whole"]]
    np.testing.assert_allclose(errors, whole_error, rtol=1e-9)


def test_rules_that_nothing_is_taken_from_forget_at_the_same_surprises(
    config: Config, whole_error: np.ndarray
) -> None:
    startled = with_changes(config, [("readout", "timing_surprise", 0.5)])
    replay = Replay(startled)
    whole = {"whole": OwnRules(replay.local_rules())}
    errors = [probe.error / probe.zero_error for probe in replay.run(whole)["whole"]]
    np.testing.assert_allclose(errors, learn_blocks(startled)["error"], rtol=1e-9)
    assert not np.allclose(errors, whole_error)


def test_ablations_learned_together_are_those_learned_alone(config: Config) -> None:
    names = ["shuffled error", "no centring"]
    together = ablation.ablated_rules(config, names)
    for name in names:
        alone = ablation.ablated_rules(config, [name])
        np.testing.assert_array_equal(together[f"{name}: error"], alone[f"{name}: error"])


@pytest.mark.parametrize("name", [*ablation.RULE_ABLATIONS, *ablation.NETWORK_ABLATIONS])
def test_every_ablation_changes_the_learner(config: Config, whole_error: np.ndarray, name: str) -> None:
    if name in ablation.NETWORK_ABLATIONS:
        error = learn_blocks(with_changes(config, ablation.network_changes(config, name)))["error"]
    else:
        error = error_without(name, config)
    assert error.shape == whole_error.shape
    assert not np.allclose(error, whole_error, equal_nan=True)


def test_no_centring_is_the_setting_of_that_name() -> None:
    config = conditions.with_blocks(load_preset("smoke", ["readout.rule=gated_delta"]), 7)
    uncentred = with_changes(config, [("readout", "centred", False)])
    found = error_without("no centring", config)
    np.testing.assert_allclose(found, learn_blocks(uncentred)["error"], rtol=1e-9)


@pytest.mark.parametrize(("name", "residual"), [("gate everywhere", 1.0), ("no residual gate", 0.0)])
def test_residual_gates_are_the_settings_of_that_value(config: Config, name: str, residual: float) -> None:
    rates = ["when_rate"] if config.readout.rule == "gated_delta" else ["first_rate", "least_rate"]
    factor = ablation.OWN_RATE.get((config.readout.rule, name), 1.0)
    changes = [("readout", rate, factor * getattr(config.readout, rate)) for rate in rates]
    changed = with_changes(config, [("readout", "gate_residual", residual), *changes])
    found = error_without(name, config)
    np.testing.assert_allclose(found, learn_blocks(changed)["error"], rtol=1e-9)


def test_errors_shuffled_by_nothing_teach_what_the_intact_learner_learns(replay: Replay) -> None:
    intact = replay.local_rules()
    rule = ablation.ShuffledError(replay.local_rules(), replay.task)
    rule.learn = lambda shift: ablation.ShuffledError.learn(rule, 0)  # type: ignore[method-assign]
    for trial in range(3):
        segment, chunk = trial_of(replay.task, trial)
        intact.step(segment, chunk)
        rule.step(segment, chunk)
        for learner in (intact, rule):
            learner.end(segment, Reading(chunk.x.mean(axis=0), 0, 0))
    assert np.abs(intact.w_when).max() > 0
    np.testing.assert_allclose(rule.w_when, intact.w_when, rtol=1e-9, atol=1e-12)


def test_a_shuffled_outcome_leaves_the_when_readout_alone(config: Config, replay: Replay) -> None:
    rules = {"shuffled": ablation.ablated_rule(replay, "shuffled outcome"), "whole": replay.local_rules()}
    probes = replay.run(rules)
    for shuffled, whole in zip(probes["shuffled"], probes["whole"], strict=True):
        np.testing.assert_array_equal(shuffled.z, whole.z)
    assert np.abs(probes["shuffled"][-1].p - probes["whole"][-1].p).max() > 0.01


def test_kept_share_finds_the_rows_that_shrank() -> None:
    before = np.vstack([np.random.default_rng(5).normal(size=(2, 9)), np.zeros(9)])
    after = before * np.array([[1.0], [0.25], [1.0]])
    np.testing.assert_allclose(ablation.kept_share(before, after), [1.0, 0.25, 1.0])


def test_shuffled_timing_moves_profile_and_gate_together_for_each_trial(replay: Replay) -> None:
    meet, rule = replay.task, ablation.ablated_rule(replay, "shuffled timing")
    window, latencies = meet.config.readout.gate_window_ms, []
    for trial in range(8):
        segment, chunk = trial_of(meet, trial)
        seen = shown(rule, segment, chunk)
        occurred, other = segment.outcome, 1 - segment.outcome
        peak = meet.times_ms[np.argmax(seen.target[:, occurred])]
        open_ms = meet.times_ms[seen.gate[:, occurred] == 1.0]
        assert open_ms.mean() == pytest.approx(peak, abs=1.0)
        assert np.ptp(open_ms) == pytest.approx(2 * window, abs=1.0)
        assert not seen.gate[:, other].any()
        latencies.append(peak)
    assert len(set(latencies)) == len(latencies)


def test_random_latencies_fill_the_times_whose_window_fits(replay: Replay) -> None:
    window, after = replay.config.readout.gate_window_ms, replay.config.task.after_ms
    latencies = [ablation.random_latency(replay.task, trial) for trial in range(2000)]
    assert min(latencies) >= window
    assert max(latencies) <= after - window
    counts, _ = np.histogram(latencies, bins=5, range=(window, after - window))
    # Binomial: 400 expected in each, with a deviation of 18.
    assert np.abs(counts - 400).max() < 90


def test_with_both_channels_open_the_event_that_did_not_occur_is_taught_0(replay: Replay) -> None:
    meet, rule = replay.task, ablation.ablated_rule(replay, "both channels open")
    segment, chunk = trial_of(meet, 0)
    seen = shown(rule, segment, chunk)
    occurred, other = segment.outcome, 1 - segment.outcome
    np.testing.assert_array_equal(seen.gate[:, occurred], chunk.gate[:, occurred])
    np.testing.assert_array_equal(seen.target[:, occurred], chunk.target[:, occurred])
    assert not seen.target[:, other].any()
    # Its gate is the one that it would have had if it had occurred.
    exchanged = meet.streams(replace(segment, outcome=other))
    np.testing.assert_array_equal(seen.gate[:, other], exchanged.gate[:, other])
    pause = Segment(Kind.PAUSE, segment.steps, 1, 0, 0)
    assert shown(rule, pause, chunk) is chunk


def test_shuffled_outcomes_are_those_of_the_run_but_never_the_trials_own(replay: Replay) -> None:
    meet = replay.task
    numbers = np.arange(meet.first_trials[-1])
    rule = ablation.ShuffledOutcome(replay.local_rules(), meet)
    assert set(rule.outcomes) <= {-1, 0, 1}
    # With the numbers of the trials in place of their outcomes one sees which trial is taught.
    rule.outcomes = numbers
    taught = [rule.taught(meet.trial(0, trial)[-1]).outcome for trial in numbers]
    assert not np.any(taught == numbers)
    assert len(set(taught)) > len(numbers) // 3


def test_homogeneous_cells_are_alike_and_keep_their_connections(config: Config) -> None:
    alike = draw_network(with_changes(config, ablation.network_changes(config, "homogeneous cells")))
    drawn = draw_network(config)
    excitatory = round(config.reservoir.neurons * config.reservoir.excitatory_fraction)
    for name in ("a", "b", "c", "d", "bias"):
        for part in (slice(0, excitatory), slice(excitatory, None)):
            values, same = (getattr(network.cells, name)[part] for network in (drawn, alike))
            assert np.ptp(same) == 0
            assert values.min() <= same[0] <= values.max()
    for name in ("first", "target", "weight"):
        np.testing.assert_array_equal(getattr(alike.synapses, name), getattr(drawn.synapses, name))
    np.testing.assert_array_equal(alike.input_weight, drawn.input_weight)


def test_no_recurrence_leaves_no_synapse(config: Config) -> None:
    bare = draw_network(with_changes(config, ablation.network_changes(config, "no recurrence")))
    assert bare.synapses.weight.size == 0


def test_what_alone_is_the_best_of_all_constants() -> None:
    rng = np.random.default_rng(3)
    truth, p = rng.random((2, 40, 2)), rng.random((2, 2))
    best = gating.relative_error(gating.what_alone(p, truth), truth)
    tried = [
        gating.relative_error(constant * p[:, None] * np.ones_like(truth), truth)
        for constant in np.linspace(-1, 3, 401)
    ]
    assert np.all(best <= np.min(tried, axis=0) + 1e-12)
    np.testing.assert_allclose(best, np.min(tried, axis=0), rtol=1e-3)
    assert not gating.what_alone(np.zeros((2, 2)), truth).any()


def test_when_alone_is_right_where_all_events_are_equally_likely() -> None:
    profile = np.random.default_rng(4).random((1, 30, 2))
    np.testing.assert_allclose(gating.relative_error(gating.when_alone(profile), profile / 2), 0)


def test_a_learner_that_diverges_counts_as_twice_nothing() -> None:
    found = {"block": np.array([0, 0, 0, 1, 1, 1]), "trials": np.array([0, 1, 50, 0, 1, 50])}
    error = np.array([1.0, 0.9, 0.4, 1.0, 30.0, np.nan])
    # A tenth of 50 trials is 5: only the last test of each block counts.
    assert gating.mean_error(found, error) == pytest.approx((0.4 + 2.0) / 2)
    assert gating.mean_error(found, error, np.array([True, False])) == pytest.approx(0.4)


def test_gating_claim_goes_through_on_the_smallest_network(of_seeds: list[dict[str, Found]]) -> None:
    claim = gating.CLAIM
    judged, verdict = judge(claim, claim.measured(of_seeds))
    assert len(judged) == len(claim.criteria)
    assert all(one.measured.ours.shape == (2,) for one in judged)
    assert np.isfinite([one.measured.ours for one in judged]).all()
    assert verdict in Verdict
    (picture,) = claim.pictures(load_preset("smoke"), of_seeds)
    assert picture.figure.axes


def test_the_gating_claim_fails_if_an_ablation_does_no_harm(of_seeds: list[dict[str, Found]]) -> None:
    claim, found = gating.CLAIM, of_seeds[0]
    full = found["full rule"]["error"]
    harmless = {
        name: full if name.endswith(": error") else array for name, array in found["together"].items()
    }
    seeds = [found | {"together": harmless}] * 3
    _, verdict = judge(claim, claim.measured(seeds))
    assert verdict is Verdict.FAILS
