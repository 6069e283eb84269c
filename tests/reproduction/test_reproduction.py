"""Rules; that a reproduction goes on, and is the same wherever it is run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from lava_predict import Config, load_preset
from lava_predict.cli import app
from lava_predict.errors import RunError, UserError
from lava_predict.pool import as_completed, processes
from lava_predict.reproduction import conditions, reproduce
from lava_predict.reproduction.claim import (
    Claim,
    Criterion,
    Measured,
    Rule,
    Verdict,
    interval,
    judge,
)
from lava_predict.reproduction.claims import CLAIMS
from lava_predict.reproduction.studies import blocks
from lava_predict.work.cache import Cache
from lava_predict.work.unit import Found, carry_out_unit, unit

GOOD, NULL = np.array([0.9, 1.1, 1.0, 0.95]), np.array([0.5, 0.6, 0.45, 0.55])


@pytest.mark.parametrize(
    ("rule", "verdict", "text"),
    [
        (Rule("at least", 0.5), Verdict.HOLDS, "at least 0.5"),
        (Rule("at most", 0.5), Verdict.FAILS, "at most 0.5"),
        (Rule("at least", 0.98), Verdict.UNDECIDED, "at least 0.98"),
        (Rule("at least", 0.3, "difference"), Verdict.HOLDS, "at least 0.3 above the null"),
        (Rule("at most", 0.3, "difference"), Verdict.FAILS, "at most 0.3 above the null"),
        (Rule("at most", -0.3, "difference"), Verdict.FAILS, "at least 0.3 below the null"),
        (Rule("at least", -0.3, "difference"), Verdict.HOLDS, "at most 0.3 below the null"),
        (Rule("at least", 1.5, "ratio"), Verdict.HOLDS, "at least 1.5 times the null"),
        (Rule("at most", 1.5, "ratio"), Verdict.FAILS, "at most 1.5 times the null"),
    ],
)
def test_a_rule_says_what_it_bounds(rule: Rule, verdict: Verdict, text: str) -> None:
    assert rule.judge(GOOD, NULL) is verdict
    assert str(rule) == text


def test_the_interval_is_that_of_a_t_test() -> None:
    expected = stats.ttest_1samp(GOOD, 0.0).confidence_interval(0.95)
    assert interval(GOOD) == pytest.approx((expected.low, expected.high))


def test_one_seed_or_a_seed_without_a_value_decides_nothing() -> None:
    rule = Rule("at least", 0.0)
    assert rule.judge(np.array([100.0])) is Verdict.UNDECIDED
    assert rule.judge(np.array([1.0, 1.0, np.nan])) is Verdict.UNDECIDED
    assert rule.judge(np.array([1.0, 1.0])) is Verdict.HOLDS


@pytest.mark.slow
def test_seeds_decide_as_often_wrongly_as_the_confidence_allows() -> None:
    """With the true mean at the bound, one seed in forty errs on either side."""
    rng = np.random.default_rng(5)
    verdicts = [Rule("at least", 0.0).judge(rng.normal(size=5)) for _ in range(4000)]
    for verdict in (Verdict.HOLDS, Verdict.FAILS):
        assert verdicts.count(verdict) / len(verdicts) == pytest.approx(0.025, abs=0.008)


def count_steps(config: Config, factor: int) -> Found:
    return {"steps": np.array(config.run.seed * factor), "spike": np.arange(3.0)}


def fail(config: Config) -> Found:
    raise RunError("this study fails")


def a_claim(study=count_steps, number: int = 1, **arguments: int) -> Claim:
    return Claim(
        number=number,
        name="steps",
        statement="Steps are counted.",
        criteria=(Criterion("steps", "steps", rule=Rule("at least", 1.0)), Criterion("shown", "steps")),
        units=lambda config, seed: {"one": unit(study, conditions.with_blocks(config, seed), **arguments)},
        measure=lambda found, place: dict.fromkeys(("steps", "shown"), float(found["one"]["steps"])),
        draw=lambda config, seeds: {},
        texts={},
    )


def test_a_claim_holds_only_if_all_its_rules_do() -> None:
    def verdict(*values: float) -> Verdict:
        claim = replace(
            a_claim(),
            criteria=tuple(Criterion(str(n), "", rule=Rule("at least", 0.0)) for n in range(len(values))),
        )
        measured = {str(n): Measured(np.array([v, v])) for n, v in enumerate(values)}
        return judge(claim, measured)[1]

    assert verdict(1.0, 1.0) is Verdict.HOLDS
    assert verdict(1.0, -1.0) is Verdict.FAILS
    assert verdict(1.0, np.nan) is Verdict.UNDECIDED
    assert verdict(-1.0, np.nan) is Verdict.FAILS


@pytest.fixture
def smoke() -> Config:
    return load_preset("smoke")


@pytest.mark.slow
def test_a_stopped_reproduction_goes_on_where_it_was(smoke: Config, tmp_path: Path) -> None:
    """The second claim's study fails after the first's results were kept; with it mended, only it is run."""
    cache = Cache(tmp_path)
    good, bad = a_claim(factor=3), a_claim(fail, number=2)
    with pytest.raises(RunError, match="this study fails"):
        reproduce.reproduce(smoke, [good, bad], [4, 5], cache)
    told: list[tuple[int, int]] = []
    mended = a_claim(number=2, factor=4)
    found = reproduce.reproduce(
        smoke, [good, mended], [4, 5], cache, progress=lambda done, all_: told.append((done, all_))
    )
    assert (found.units, found.reused) == (4, 2)
    assert told == [(2, 4), (3, 4), (4, 4)]
    assert [one.criteria[0].measured.ours.tolist() for one in found.claims] == [[12, 15], [16, 20]]
    assert reproduce.reproduce(smoke, [good, mended], [4, 5], cache).reused == 4


@pytest.mark.slow
def test_claims_of_the_same_unit_share_it(smoke: Config, tmp_path: Path) -> None:
    found = reproduce.reproduce(smoke, [a_claim(factor=3), a_claim(factor=3, number=2)], [4], Cache(tmp_path))
    assert (found.units, found.reused) == (1, 0)


def test_claims_are_chosen_by_name() -> None:
    assert [claim.number for claim in reproduce.chosen_claims("all")] == list(range(1, 11))
    chosen = reproduce.chosen_claims("anticipation, learning-curve")
    assert [claim.name for claim in chosen] == ["learning-curve", "anticipation"]
    with pytest.raises(UserError, match=r"learning-curv'.*did you mean 'learning-curve'"):
        reproduce.chosen_claims("learning-curv")
    with pytest.raises(UserError, match="names no claim"):
        reproduce.chosen_claims(" ,")


def test_another_task_than_the_papers_is_refused(tmp_path: Path) -> None:
    three = load_preset(
        "smoke", ["task.blocks=[{trials=2, probability=[0.2,0.3,0.5], latency_ms=[100,200,300]}]"]
    )
    with pytest.raises(UserError, match="3 events"):
        reproduce.reproduce(three, [a_claim(factor=1)], [1], Cache(tmp_path))


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.name)
def test_every_rule_stands_in_the_document(claim: Claim) -> None:
    """What is judged was written down beforehand: the document states every rule as the code has it."""
    text = (Path(__file__).parents[2] / "docs" / "reproduction.md").read_text()
    (section,) = (part for part in text.split("\n### ") if part.startswith(f"{claim.number} {claim.name}\n"))
    section = section.split("\n## ")[0]
    for criterion in claim.criteria:
        (row,) = (line for line in section.splitlines() if line.startswith(f"| `{criterion.key}` "))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        rule = "–" if criterion.rule is None else str(criterion.rule)
        assert cells[1:] == [criterion.quantity, criterion.paper, criterion.null or "–", rule]


@pytest.mark.long
@pytest.mark.usefixtures("nothing_left")
def test_here_in_two_processes_and_on_a_dask_cluster_the_figures_are_the_same(smoke: Config) -> None:
    """And a failure there is raised here."""
    units = list(CLAIMS["learning-curve"].units(smoke, 1).values())
    alone = dict(as_completed(carry_out_unit, units, None))
    for name in ("local", "dask"):
        with processes(name, 2) as pool:
            found = dict(as_completed(carry_out_unit, units, pool))
            with pytest.raises(RunError, match="this study fails"):
                list(as_completed(carry_out_unit, [unit(fail, smoke)], pool))
        for number, one in alone.items():
            assert {key: value.tobytes() for key, value in one.items()} == {
                key: value.tobytes() for key, value in found[number].items()
            }


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lava_predict.pool._ANSWERS_WITHIN", "1s")
    message = r"scheduler = 'tcp://127.0.0.1:9': no Dask scheduler answers"
    with pytest.raises(UserError, match=message), processes("dask", 2, "tcp://127.0.0.1:9"):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--executor", "dusk"], "executor = 'dusk'"),
        (["--scheduler", "tcp://1.2.3.4:5"], "add --executor dask"),
        (["--claims", "geometri"], "did you mean 'geometry'"),
    ],
)
def test_bad_options_are_named(options: list[str], message: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["reproduce", "--preset", "smoke", "--out", str(tmp_path / "out"), *options]
    )
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_writes_table_figures_and_page_and_goes_on_from_its_cache(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def invoke(out: str, *options: str):
        base = ["reproduce", "--preset", "smoke", "--claims", "learning-curve,anticipation", "--seeds", "2"]
        places = ["--out", str(tmp_path / out), "--cache", str(tmp_path / "cache"), "--jobs", "1"]
        return CliRunner().invoke(app, [*base, *places, *options])

    first = invoke("first")
    assert first.exit_code == 0, first.output
    assert "4 units of work, 0 of them reused" in first.stdout
    again = invoke("again", "--json")
    summary = json.loads(again.stdout)
    assert summary["units"] == {"total": 4, "reused": 4}
    assert (summary["schema"], summary["command"], summary["seeds"]) == (1, "reproduce", [100, 101])
    assert [claim["name"] for claim in summary["claims"]] == ["learning-curve", "anticipation"]
    for claim in summary["claims"]:
        assert claim["verdict"] in {verdict.value for verdict in Verdict}
        for criterion in claim["criteria"]:
            assert len(criterion["ours"]["seeds"]) == 2
    assert summary == json.loads((tmp_path / "again/summary.json").read_text())
    before = json.loads((tmp_path / "first/summary.json").read_text())
    assert summary["claims"] == before["claims"]
    assert (tmp_path / "first/figures/learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "learning-curve" in (tmp_path / "first/report.html").read_text()
    # Last, as it skips the rest of the test where there is no browser.
    request.getfixturevalue("browser").check_that_it_fits(tmp_path / "first/report.html")


@pytest.mark.slow
@pytest.mark.parametrize(("probes", "judged"), [([0, 1, 10, 12], False), ([0, 1, 10, 100], True)])
def test_the_first_trial_of_a_short_block_is_not_judged_by_itself(probes: list[int], judged: bool) -> None:
    """A tenth of 12 trials is the first one, so there is nothing to compare."""
    found = {"block": np.zeros(4, int), "trials": np.array(probes), "error": np.array([1.0, 0.8, 0.3, 0.2])}
    null = (
        dict.fromkeys(blocks._SHARED, np.zeros(4))
        | found
        | {"shuffled timing: error": np.array([1.0, 1.0, 0.9, 1.0])}
    )
    measured = CLAIMS["learning-curve"].measure({"blocks": found, "shuffled timing": null}, 0)
    assert np.isnan(measured["tenth"]).all() != judged
    assert measured["end"] == pytest.approx((0.25, 1.0))
