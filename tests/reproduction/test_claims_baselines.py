"""Claims 5 and 6: their measures on planted predictions, and both claims on the smallest network."""

from collections.abc import Mapping

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Measured, Verdict, judge
from lava_predict.reproduction.claims import force, merged
from lava_predict.reproduction.studies.baselines import baselines
from lava_predict.reproduction.studies.blocks import learn_blocks, of_rule
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, carry_out_unit

RULES = (
    "local",
    "rls kept",
    "rls reset",
    "rls forgetting",
    "merged",
    "merged fast",
    "local slow",
    "local fast",
    "merged rls reset",
    "merged rls forgetting",
    "broadcast",
)

TRIALS = (0, 1, 10, 25, 50, 100)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["annealed_delta", "gated_delta"])
def config(request: pytest.FixtureRequest) -> Config:
    return load_preset("smoke", [f"readout.rule={request.param}"])


@pytest.fixture(scope="module")
def found(config: Config) -> Found:
    return baselines(conditions.with_blocks(config, 7))


@pytest.fixture(scope="module")
def seeds(config: Config, found: Found) -> list[dict[str, Found]]:
    """Both claims ask for the same unit."""
    units = [claim.units(config, 8) for claim in (force.CLAIM, merged.CLAIM)]
    assert {name: one.key for name, one in units[0].items()} == {n: one.key for n, one in units[1].items()}
    return [{"baselines": found}, {name: carry_out_unit(one) for name, one in units[0].items()}]


def planted(probability_of: Mapping[str, np.ndarray], shift: Mapping[str, int]) -> Found:
    """Predictions of each rule: the true shape, so many steps late, at a level for each probe."""
    time = np.arange(1000.0)
    latency = np.array([conditions.LATENCIES_MS[n] for n in (0, 0, 1, 2)])
    probability = np.array([pair for pair, _ in conditions.FOUR_BLOCKS])
    block = np.repeat(np.arange(4), len(TRIALS))
    profile = np.exp(-0.5 * ((time[:, None] - latency[:, None, :]) / 40.0) ** 2)
    truth = (profile * probability[:, None, :])[block]
    found = {
        "block": block,
        "trials": np.tile(TRIALS, 4),
        "truth": truth,
        "time_ms": time,
        "probability": probability,
        "latency_ms": latency,
    }
    for rule in RULES:
        level = probability_of.get(rule, np.ones(len(block)))
        o = np.roll(truth, shift.get(rule, 0), axis=1) * level[:, None, None]
        found[f"{rule}: o"] = o
        error = np.sqrt(np.mean((o - truth) ** 2, axis=(1, 2)) / np.mean(truth**2, axis=(1, 2)))
        found[f"{rule}: error"] = error
    return found


def measured(claim: Claim, config: Config, one: Found) -> Mapping[str, Measured]:
    return claim.measured([{"baselines": one}] * 3)


def test_rules_of_the_study_are_found_under_their_names(config: Config, found: Found) -> None:
    expected = learn_blocks(conditions.with_blocks(config, 7))
    local = of_rule(found, "local")
    assert set(local) <= set(expected)
    for name, array in local.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    for rule in RULES:
        assert np.isfinite(of_rule(found, rule)["error"]).all(), rule
    np.testing.assert_array_equal(
        found["merged: w_what"], found["merged: w_when"][:, :, : config.reservoir.neurons]
    )


def test_reset_is_all_that_parts_the_two_rls_and_comes_with_the_second_block(found: Found) -> None:
    kept, reset = of_rule(found, "rls kept"), of_rule(found, "rls reset")
    same = (kept["block"] == 0) | ((kept["block"] == 1) & (kept["trials"] == 0))
    np.testing.assert_array_equal(kept["o"][same], reset["o"][same])
    assert (kept["error"][~same] != reset["error"][~same]).all()


def test_study_opens_the_closed_loop(config: Config, found: Found) -> None:
    closed = conditions.with_blocks(config, 7, ("reservoir", "feedback_gain", 0.3))
    np.testing.assert_array_equal(baselines(closed)["local: error"], found["local: error"])


def test_force_measures_the_probes_that_it_says(config: Config) -> None:
    # 1 - level is the relative error.
    level = np.tile([0.1, 0.2, 0.3, 0.4, 0.6, 0.9], 4)
    late = level.copy()
    late[6:] = 0.2
    found = measured(force.CLAIM, config, planted({"local": level, "rls kept": late}, {}))
    np.testing.assert_allclose(found["kept"].ours, 0.8)
    np.testing.assert_allclose(found["kept"].null, 0.6)  # type: ignore[arg-type]
    np.testing.assert_allclose(found["first_block"].ours, 0.1)
    np.testing.assert_allclose(found["reset"].ours, 0.0, atol=1e-12)
    np.testing.assert_allclose(found["broadcast_ends"].null, 0.1)  # type: ignore[arg-type]


def test_departure_of_timing_knows_nothing_of_size() -> None:
    truth = np.zeros((2, 50, 2))
    truth[:, 10:20, 0] = truth[:, 30:40, 1] = 1.0
    assert merged.timing_departure(truth * [0.2, 3.0], truth) == pytest.approx(0.0)
    assert merged.timing_departure(truth[:, :, ::-1], truth) == 1.0
    half = truth.copy()
    half[:, :, 1] = 0.0
    assert merged.timing_departure(half, truth) == pytest.approx(0.5)
    # A third of the time in common: cosine of 5 / 10.
    late = np.roll(truth, 5, axis=1)
    assert merged.timing_departure(late, truth) == pytest.approx(0.5)


def test_change_of_amount_knows_nothing_of_timing() -> None:
    profile = np.zeros((50, 2))
    profile[10:20] = 1.0
    before = profile * [0.2, 0.8]
    o = np.array([before, np.roll(before, 25, axis=0), before + 0.1 * profile, before * 0.0])
    assert merged.amount_change(o[:2], profile) == pytest.approx(0.0)
    assert merged.amount_change(o[[0, 2]], profile) == pytest.approx(0.1)
    assert merged.amount_change(o[[0, 1, 3]], profile) == pytest.approx(0.25)


def test_merged_claim_holds_where_interference_is_planted_and_fails_where_none_is(config: Config) -> None:
    level = {rule: np.full(24, 0.8) for rule in RULES}
    alike = measured(merged.CLAIM, config, planted(level, dict.fromkeys(RULES, 10)))
    assert judge(merged.CLAIM, alike)[1] is Verdict.FAILS
    late = {"local": 5, "local slow": 5, "local fast": 5, "merged": 60, "merged fast": 60}
    apart = measured(merged.CLAIM, config, planted(level, late))
    assert judge(merged.CLAIM, apart)[1] is Verdict.HOLDS
    np.testing.assert_allclose(apart["amount"].ours, 0.0, atol=1e-9)


@pytest.mark.parametrize("claim", [force.CLAIM, merged.CLAIM], ids=lambda claim: claim.name)
def test_claims_go_through_on_the_smallest_network(
    claim: Claim, config: Config, seeds: list[dict[str, Found]]
) -> None:
    judged, verdict = judge(claim, claim.measured(seeds))
    assert verdict in Verdict
    assert {one.criterion.key for one in judged} == {criterion.key for criterion in claim.criteria}
    for one in judged:
        assert np.isfinite(one.measured.ours).all(), one.criterion.key
        assert one.measured.null is not None
        assert one.measured.null.shape == (2,)
    for picture in claim.pictures(config, seeds):
        assert picture.figure.axes
        assert picture.alt
        assert picture.caption


def test_a_diverged_rule_leaves_the_claims_undecided(config: Config) -> None:
    one = planted({}, dict.fromkeys(RULES, 5))
    for name in ("error", "o"):
        one[f"rls kept: {name}"] = np.full_like(one[f"rls kept: {name}"], np.nan)
    _, verdict = judge(force.CLAIM, measured(force.CLAIM, config, one))
    assert verdict is Verdict.UNDECIDED
    assert force.CLAIM.pictures(config, [{"baselines": one}])
