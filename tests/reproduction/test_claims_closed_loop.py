"""Trajectories with the loop closed and cut, and the closed-loop claim on the smallest network."""

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.learning.readouts import graded
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Verdict, judge
from lava_predict.reproduction.claims.closed_loop import CLAIM
from lava_predict.reproduction.studies import closed_loop
from lava_predict.reproduction.studies.closed_loop import CONDITIONS, KICK_MS, KICKED, Learned, Presentation
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, carry_out_unit


def config_of(gain: float, *changes: tuple[str, str, object], rule: str = "annealed_delta") -> Config:
    feedback, preset = ("reservoir", "feedback_gain", gain), load_preset("smoke", [f"readout.rule={rule}"])
    return conditions.with_blocks(preset, 5, feedback, *changes, blocks=conditions.FOUR_BLOCKS[:1])


@pytest.fixture(scope="module", params=["annealed_delta", "gated_delta"])
def learned(request: pytest.FixtureRequest) -> Learned:
    return Learned(config_of(2.0, rule=request.param))


@pytest.mark.slow
def test_a_presentations_own_signal_played_in_gives_its_very_trajectory(learned: Learned) -> None:
    closed = learned.present(3)
    played = learned.present(3, played_in=closed.fed_back)
    assert closed.fed_back.max() > 0.1
    for one, other in zip(closed, played, strict=True):
        np.testing.assert_array_equal(one, other)
    silent = learned.present(3, played_in=np.zeros_like(closed.fed_back))
    assert np.abs(closed.x - silent.x).max() > 0.001


@pytest.mark.slow
def test_presentations_do_not_depend_on_those_before_and_differ_by_their_number(learned: Learned) -> None:
    first = learned.present(0)
    other = learned.present(1)
    np.testing.assert_array_equal(learned.present(0).x, first.x)
    assert np.abs(first.x - other.x).max() > 0


@pytest.mark.slow
def test_traces_are_those_of_the_network(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    states, advance = [], learned._advance

    def keep_state(arithmetic, state, *rest):
        states.append(state)
        return advance(arithmetic, state, *rest)

    monkeypatch.setattr(learned, "_advance", keep_state)
    shown, state = learned.present(2), states[-1]
    np.testing.assert_allclose(shown.x[-1], state.when.x, rtol=1e-10, atol=1e-15)
    np.testing.assert_array_equal(shown.z[-1], state.z)
    xc = state.when.x - state.when.m
    if learned._config.readout.rule == "gated_delta":
        xc = np.append(xc, learned._config.readout.constant_input)
    np.testing.assert_allclose(state.when.w @ xc.ravel(), shown.z[-1], atol=1e-9)


@pytest.mark.slow
def test_what_is_fed_back_is_the_graded_readout_of_the_step_before(learned: Learned) -> None:
    shown = learned.present(4)
    expected = [[graded(value) for value in row] for row in shown.z[:-1]]
    np.testing.assert_array_equal(shown.fed_back[1:], expected)


def test_variability_is_the_variance_over_presentations_and_over_time() -> None:
    rng = np.random.default_rng(2)
    x, z = rng.normal(2.0, 1.0, (5, 30, 7)), rng.normal(size=(5, 30, 2))
    found = closed_loop.variability(Presentation(*parts, parts[1]) for parts in zip(x, z, strict=True))
    for variability, values in zip(found, (x, z), strict=True):
        expected = np.var(values, axis=0, ddof=1).sum(axis=1)
        np.testing.assert_allclose(variability.over_presentations, expected)
        assert variability.over_time == pytest.approx(np.var(values.mean(axis=0), axis=0).sum())


@pytest.mark.slow
def test_a_kick_reaches_a_tenth_of_the_cells_and_acts_from_its_time_on(learned: Learned) -> None:
    before, after = learned.after, learned.after.copy()
    closed_loop.kick(after, 5, 0)
    changed = after.cells.v - before.cells.v
    assert set(np.round(changed, 9)) == {0.0, 10.0}
    assert 0.02 < np.mean(changed > 0) < 0.2
    assert before.differences(after) == ["cells.v"]
    x = learned.distances(0)
    assert x.shape == (len(KICKED), 1000)
    assert not x[:, : int(KICK_MS)].any()
    assert x[:, int(KICK_MS) + 50].min() > 0


@pytest.mark.slow
def test_with_no_gain_the_loop_makes_no_difference_after_a_kick() -> None:
    closed, played = Learned(config_of(0.0)).distances(1)
    np.testing.assert_array_equal(closed, played)


@pytest.mark.slow
def test_the_loop_through_other_weights_is_the_same_network() -> None:
    learned = Learned(config_of(0.3))
    same = learned.with_feedback(learned.feedback_weight).present(1)
    np.testing.assert_array_equal(same.z, learned.present(1).z)
    other = learned.with_feedback(-learned.feedback_weight).present(1)
    assert not np.array_equal(other.z, same.z)


@pytest.mark.slow
def test_a_network_that_diverges_gives_nan() -> None:
    wild = config_of(0.3, ("readout", "when_rate", 100.0), rule="gated_delta")
    found = closed_loop.trajectories(wild)
    assert found["x_variability"].shape == found["z_variability"].shape == (len(CONDITIONS), 1000)
    assert found["x_distance"].shape == (len(KICKED), 1000)
    assert found["x_loops"].shape == (2, 2, 1000)
    assert all(np.isnan(found[name]).all() for name in found if name != "time_ms")


def planted(closed: float, opened: float, played: float) -> dict[str, Found]:
    """Return results of a seed with these variabilities, and the same distances."""
    rows = np.array([closed, opened, played, played, opened])[:, None] * np.ones(1000)
    distance = np.array([closed, played])[:, None] * np.ones(1000)
    course = {"block": np.array([0, 0]), "error": np.array([1.0, 0.3])}
    trajectories = {
        "time_ms": np.arange(1000.0),
        "x_variability": rows,
        "z_variability": rows,
        "x_distance": distance,
        "x_loops": np.array([distance, distance]),
    }
    return {"trajectories": trajectories, "closed": course, "open": course}


@pytest.mark.parametrize(
    ("closed", "opened", "played", "verdict"),
    [
        (0.5, 1.0, 1.0, Verdict.HOLDS),
        # The drive does it, not the loop.
        (0.5, 1.0, 0.5, Verdict.FAILS),
        (1.0, 1.0, 1.0, Verdict.FAILS),
    ],
)
def test_claim_judges_planted_trajectories(
    closed: float, opened: float, played: float, verdict: Verdict
) -> None:
    seeds = [planted(closed * factor, opened, played) for factor in (0.99, 1.0, 1.01)]
    _, found = judge(CLAIM, CLAIM.measured(seeds))
    assert found is verdict


@pytest.mark.long
def test_closed_loop_claim_goes_through_on_the_smallest_network() -> None:
    preset = load_preset("smoke")
    units = [CLAIM.units(preset, seed) for seed in (5, 6)]
    seeds = [{name: carry_out_unit(one) for name, one in of_seed.items()} for of_seed in units]
    judged, verdict = judge(CLAIM, CLAIM.measured(seeds))
    assert len(judged) == len(CLAIM.criteria)
    assert np.isfinite([one.measured.ours for one in judged]).all()
    assert np.isfinite([one.measured.null for one in judged]).all()
    assert verdict in Verdict
    (picture,) = CLAIM.pictures(preset, seeds)
    assert picture.figure.axes
