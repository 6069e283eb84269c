"""A stream in float and in integers: the comparison's runs are a learner's own, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lava_predict import StreamLearner, load_preset
from lava_predict.cli import app
from lava_predict.cli.report import page_of
from lava_predict.comparison import streams
from lava_predict.comparison.streams import StreamComparison, compare_streams
from lava_predict.comparison.study import FIXED, FLOAT, NOISE, NULLS, ULP
from lava_predict.network.state import State
from lava_predict.settings.files import with_changes
from lava_predict.tasks import grammar

SMALL = ["reservoir.neurons=60", "stream.settle_ms=100", "stream.times=false"]
SET = [part for text in SMALL for part in ("--set", text)]
CONFIG = load_preset("stream", SMALL)
SEEDS = (3, 4)


@pytest.fixture(scope="module")
def found() -> StreamComparison:
    return compare_streams(CONFIG, SEEDS, lambda seed: grammar(40, seed, (80.0, 300.0)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), [(FLOAT, "float"), (FIXED, "fixed"), (NOISE, "float")])
def test_a_variant_is_a_learner_with_its_settings(name: str, precision: str, found: StreamComparison) -> None:
    changes = [("run", "draws", {"noise": CONFIG.run.draws.noise + 1})] if name == NOISE else []
    stream = grammar(40, 4, (80.0, 300.0)).events
    learner = StreamLearner(config=with_changes(CONFIG, changes, 4), precision=precision)
    lost, spikes, begin = [], [], learner.network.step
    learner.network.heard = lambda heard: spikes.extend(heard[:, 1].tolist())
    for time, label in zip(stream.time.tolist(), stream.label.tolist(), strict=True):
        expected = learner.learn_one(time, stream.labels[label])
        if expected is not None:
            known = min(label, len(expected.p) - 1)
            lost.append(-np.log2(expected.p[known]))
    outcome = found.outcomes[name][1]
    np.testing.assert_allclose(outcome.log2_loss, lost, rtol=1e-12)
    assert outcome.scores["all"]["log2_loss"] == pytest.approx(np.mean(lost))
    assert outcome.rate_hz == pytest.approx(len(spikes) / (60 * (learner.network.step - begin) / 1000))
    assert list(found.outcomes) == [FLOAT, FIXED, *NULLS]


@pytest.mark.slow
def test_the_first_null_begins_with_other_potentials(
    found: StreamComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    def further(state: State) -> State:  # One unit in the last place takes long to reach a spike.
        return state._replace(cells=state.cells._replace(v=state.cells.v + 5.0))

    monkeypatch.setattr(streams, "disturbed", further)
    moved = compare_streams(CONFIG, SEEDS[:1], lambda seed: grammar(40, seed, (80.0, 300.0))).outcomes
    for name in (FLOAT, FIXED, NOISE):
        assert np.array_equal(moved[name][0].log2_loss, found.outcomes[name][0].log2_loss)
    assert not np.array_equal(moved[ULP][0].log2_loss, found.outcomes[ULP][0].log2_loss)


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.long
def test_the_command_leaves_table_figure_and_page(
    from_file: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file, out = tmp_path / "events.csv", tmp_path / "out"
    file.write_text("when,what\n" + "".join(f"{0.2 * n},{'ab'[n % 2]}\n" for n in range(12)))
    stream = ["--example", "markov", "--number", "12"]
    if from_file:
        stream = ["--events", str(file), "--time", "when", "--label", "what"]
    places = ["--out", str(out), "--cache", str(tmp_path / "cache")]
    done = CliRunner().invoke(app, ["compare", *stream, *SET, "--seeds", "2", "--jobs", "1", *places])
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"config.toml", "summary.json", "report.html", "figures"}
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["command"], summary["preset"], summary["seeds"]) == ("compare", "stream", [100, 101])
    assert (summary["best_possible"] is None) == from_file
    fixed = summary["variants"]["fixed"]
    more = np.subtract(
        *(summary["variants"][name]["all"]["log2_loss"]["seeds"] for name in ("fixed", "float"))
    )
    assert fixed["more_bits_than_float"]["all"]["seeds"] == pytest.approx(more.tolist())
    assert set(summary["baselines"]) >= {"order0", "order1", "order2"}
    assert page_of(out)[2] == (out / "report.html").read_text(encoding="utf-8")
    assert ("median gap is 400 ms" in done.stdout) == from_file
    if not from_file:
        assert len(list((tmp_path / "cache").iterdir())) == 2 * len(summary["variants"])
    # Last, as it skips the rest of the test where there is no browser.
    request.getfixturevalue("browser").check_that_it_fits(out / "report.html")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--events", "a.csv", "--example", "markov"], "--events 'a.csv' and --example 'markov': give one"),
        (["--label", "key"], "--label: say how a file is read; give it with --events"),
        (["--example", "markov", "--ms-per-unit", "2"], "--ms-per-unit: say how a file is read"),
        (["--example", "tune"], "--example 'tune': there is none; did you mean 'tunes'?"),
        (["--events", "none.csv"], "none.csv"),
        (["--events", "500"], "the number of an example's events is --number 500"),
        (
            ["presses.csv"],
            "CONFIG = 'presses.csv': is no TOML file; events are given as --events presses.csv",
        ),
    ],
)
def test_a_stream_that_cannot_be_had_is_refused(options: list[str], message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["compare", *options, *SET, "--jobs", "1", "--out", str(out)])
    assert done.exit_code == 2
    assert message in done.stderr
    assert not out.exists()
