"""MEET: what happens when, gates, targets, and draws that nothing disturbs."""

import numpy as np
import pytest

from lava_predict import Config, load_preset
from lava_predict.tasks import NONE, Kind, Segment
from lava_predict.tasks.meet import Meet

BLOCK = "task.blocks=[{trials=2000, probability=[0.5, 0.2, 0.1], latency_ms=[250, 450, 700]}]"


def trials(meet: Meet, count: int) -> list[Segment]:
    return [meet.trial(0, n)[-1] for n in range(count)]


@pytest.mark.slow
def test_outcomes_have_their_probabilities_and_omissions_the_rest() -> None:
    meet = Meet(load_preset("robust", [BLOCK]))
    outcomes = np.array([segment.outcome for segment in trials(meet, 2000)])
    for outcome, p in ((0, 0.5), (1, 0.2), (2, 0.1), (NONE, 0.2)):
        assert abs((outcomes == outcome).mean() - p) < 4 * np.sqrt(p * (1 - p) / 2000)


def test_certain_and_impossible_events() -> None:
    meet = Meet(load_preset("smoke", ["task.blocks=[{trials=9, probability=[0, 1], latency_ms=[300, 600]}]"]))
    assert {segment.outcome for segment in trials(meet, 300)} == {1}


def test_pauses_are_spread_evenly_over_their_range() -> None:
    meet = Meet(load_preset("robust"))
    steps = np.array([meet.trial(0, n)[0].steps for n in range(1, 1001)])
    assert steps.min() >= 300
    assert steps.max() <= 700
    assert abs(steps.mean() - 500) < 4 * 400 / np.sqrt(12 * 1000)


def test_cues_are_interleaved_evenly() -> None:
    meet = Meet(load_preset("smoke", ["task.cues=2"]))
    cues = np.array([segment.cue for segment in trials(meet, 1000)])
    assert abs(cues.mean() - 0.5) < 4 * 0.5 / np.sqrt(1000)
    assert np.count_nonzero(np.diff(cues)) > 400


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_streams_of_a_trial(dt: float) -> None:
    config = load_preset("robust", [f"run.dt_ms={dt}"])
    meet = Meet(config)
    segment = next(s for s in trials(meet, 50) if s.outcome == 0)
    level, gate, target = meet.streams(segment)
    t = meet.times_ms
    assert t[0] == -200
    assert t[-1] == 1000 - dt
    np.testing.assert_array_equal(level[:, 0], (t >= 0) & (t < 50))
    for row, time in enumerate(t):
        if time < 0:
            expected = 0.0
        else:
            residual = config.readout.gate_residual
            expected = 1.0 if abs(time - 300) <= config.readout.gate_window_ms else residual
        assert gate[row, 0] == expected
    np.testing.assert_array_equal(gate[:, 1], 0)
    assert t[np.argmax(target[:, 0])] == 300
    assert target[np.flatnonzero(t == 340)[0], 0] == pytest.approx(np.exp(-0.5))


def test_an_omission_opens_no_gate() -> None:
    meet = Meet(load_preset("robust", [BLOCK]))
    segment = next(s for s in trials(meet, 100) if s.outcome == NONE)
    assert not meet.streams(segment).gate.any()


def test_a_probe_shows_the_cue_alone() -> None:
    meet = Meet(load_preset("robust", ["task.events_drive_reservoir=true"]))
    *_, probe = meet.probe(0, 5, 0, 0)
    streams = meet.streams(probe)
    assert probe.kind is Kind.PROBE
    assert not probe.learning
    assert streams.level[:, 0].any()
    assert not streams.level[:, 1:].any()
    assert not streams.gate.any()


def test_events_reach_the_reservoir_only_if_asked() -> None:
    meet = Meet(load_preset("robust", ["task.events_drive_reservoir=true"]))
    segment = next(s for s in trials(meet, 50) if s.outcome == 1)
    level = meet.streams(segment).level
    on = meet.times_ms[level[:, 2] > 0]
    assert (on[0], on[-1], on.size) == (600, 649, 50)
    assert not level[:, 1].any()
    assert Meet(load_preset("robust")).streams(segment).level.shape[1] == 1


def occurrences(meet: Meet, count: int) -> np.ndarray:
    return np.array([meet.occurrence_ms(segment) for segment in trials(meet, count)])


@pytest.mark.slow
def test_an_event_occurs_around_its_latency_and_jitter_changes_no_other_draw() -> None:
    certain = "task.blocks=[{trials=3000, probability=[1, 0], latency_ms=[450, 700]}]"
    plain, jittered = (Meet(load_preset("robust", [certain, f"task.latency_sd_ms={sd}"])) for sd in (0, 60))
    assert set(occurrences(plain, 100)) == {450.0}
    assert [meet.trial(0, 7) for meet in (plain, jittered)] == [plain.trial(0, 7)] * 2
    away = (occurrences(jittered, 3000) - 450) / 60
    assert abs(away.mean()) < 4 / np.sqrt(3000)
    assert abs(away.std() - 1) < 4 / np.sqrt(2 * 3000)
    # A normal distribution has these shares within one and beyond two deviations.
    for share, expected in ((np.mean(np.abs(away) < 1), 0.6827), (np.mean(np.abs(away) > 2), 0.0455)):
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 3000)


def test_an_event_occurs_within_the_trial() -> None:
    late = "task.blocks=[{trials=300, probability=[1], latency_ms=[990]}]"
    times = occurrences(Meet(load_preset("smoke", [late, "task.latency_sd_ms=60"])), 300)
    assert times.max() == 999
    assert times.min() < 900


def test_gate_target_and_event_are_where_the_event_occurs_and_a_probe_knows_no_jitter() -> None:
    drive = ["task.events_drive_reservoir=true", "task.latency_sd_ms=80"]
    config = load_preset("robust", drive)
    meet = Meet(config)
    for segment in (s for s in trials(meet, 40) if s.outcome == 1):
        when, (level, gate, target) = meet.occurrence_ms(segment), meet.streams(segment)
        open_at = meet.times_ms[gate[:, 1] == 1]
        assert open_at.min() - (when - 150) == pytest.approx(0, abs=1)
        assert open_at.max() - (when + 150) == pytest.approx(0, abs=1)
        wanted = np.exp(-((meet.times_ms - when) ** 2) / (2 * 40**2))
        np.testing.assert_allclose(target[:, 1], wanted, atol=1e-38)
        assert meet.times_ms[level[:, 2] > 0][0] == pytest.approx(when, abs=0.5)
    plain = Meet(load_preset("robust", drive[:1]))
    *_, probe = meet.probe(0, 5, 0, 0)
    np.testing.assert_array_equal(meet.streams(probe).target, plain.streams(probe).target)


@pytest.mark.slow
def test_the_truth_is_the_mean_of_what_is_taught() -> None:
    certain = "task.blocks=[{trials=2000, probability=[1], latency_ms=[500]}]"
    meet = Meet(load_preset("smoke", [certain, "task.latency_sd_ms=60"]))
    taught = np.mean([meet.streams(segment).target[:, 0] for segment in trials(meet, 2000)], axis=0)
    np.testing.assert_allclose(taught, meet.truth(0, 0)[:, 0], atol=4 * 0.35 / np.sqrt(2000))
    assert meet.truth(0, 0).max() == pytest.approx(40 / np.sqrt(40**2 + 60**2))


def test_a_block_shows_its_cues_alone_and_the_others_keep_their_truth() -> None:
    rows = "probability=[[0.9, 0.1], [{}, 0.5], [0.0, 1.0]], latency_ms=[300, 600]"
    blocks = [f"{{trials=50, {rows.format(p)}, cues={cues}}}" for p, cues in ((0.5, "[2]"), (0.2, "[3, 1]"))]
    meet = Meet(load_preset("smoke", ["task.cues=3", f"task.blocks=[{', '.join(blocks)}]"]))
    shown = [{meet.trial(block, 50 * block + n)[-1].cue for n in range(50)} for block in (0, 1)]
    assert shown == [{1}, {0, 2}]
    assert np.isnan(meet.truth(0, 0)).all()
    np.testing.assert_allclose(meet.truth(0, 1).max(axis=0), [0.5, 0.5])
    np.testing.assert_array_equal(meet.truth(1, 1), meet.truth(0, 1))
    np.testing.assert_allclose(meet.truth(1, 2).max(axis=0), [0.0, 1.0])


def test_truth_is_probability_times_profile() -> None:
    truth = Meet(load_preset("robust")).truth(1, 0)
    np.testing.assert_allclose(truth.max(axis=0), [0.2, 0.8])


def keys(config: Config) -> dict[str, set[int]]:
    meet = Meet(config)
    found = {
        "train": {s.noise_key for n in range(50) for s in meet.trial(0, n)},
        "probe": {
            s.noise_key
            for n in (0, 10, 50)
            for cue in (0, 1)
            for r in (0, 1)
            for s in meet.probe(0, n, cue, r)
        },
    }
    assert len(found["train"]) == 101  # a pause and a trial each, and the settling
    assert len(found["probe"]) == 24
    return found


def test_no_two_segments_share_their_noise() -> None:
    found = keys(load_preset("robust", ["task.cues=2"]))
    assert not found["train"] & found["probe"]


def test_streams_of_the_seed_are_independent() -> None:
    one, other = (Meet(load_preset("robust", [f"run.draws.task={n}"])) for n in (0, 1))
    assert [s.outcome for s in trials(one, 50)] != [s.outcome for s in trials(other, 50)]
    assert [s.noise_key for s in trials(one, 50)] == [s.noise_key for s in trials(other, 50)]
    one, other = (Meet(load_preset("robust", [f"run.draws.noise={n}"])) for n in (0, 1))
    assert [s.outcome for s in trials(one, 50)] == [s.outcome for s in trials(other, 50)]
    assert {s.noise_key for s in trials(one, 50)}.isdisjoint(s.noise_key for s in trials(other, 50))


def test_statistics_of_other_blocks_change_no_outcome() -> None:
    short = "task.blocks=[{trials=10, probability=[0.5, 0.5], latency_ms=[300, 600]}"
    one = Meet(load_preset("robust", [short + "]"]))
    two = Meet(load_preset("robust", [short + ", {trials=9, probability=[1, 0], latency_ms=[100, 200]}]"]))
    assert trials(one, 10) == trials(two, 10)


def test_the_slow_means_settle_before_the_first_trial_only() -> None:
    meet = Meet(load_preset("robust", ["task.settle_ms=1234"]))
    assert [s.kind for s in meet.trial(0, 0)] == [Kind.PAUSE, Kind.PAUSE, Kind.TRIAL]
    assert meet.trial(0, 0)[0].steps == 1234
    assert [s.kind for s in meet.trial(0, 1)] == [Kind.PAUSE, Kind.TRIAL]
    none = Meet(load_preset("robust", ["task.settle_ms=0", "task.pause_ms=[0, 0]"]))
    assert [s.kind for s in none.trial(0, 0)] == [Kind.TRIAL]
