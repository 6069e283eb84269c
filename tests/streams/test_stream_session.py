from __future__ import annotations

import csv
import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from lava_predict import StreamLearner, UserError, load_preset
from lava_predict.cli import app
from lava_predict.events import Baselines, Row, events_of
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.records.folder import CHECKPOINT, unfinished_folder, unfinished_run
from lava_predict.streams import ScoredLearner, StreamSession, recent, session
from lava_predict.tasks import grammar

SMALL = ["reservoir.neurons=60", "stream.settle_ms=100", "run.seed=3"]
CONFIG = load_preset("stream", SMALL)
STREAM = grammar(25, 3, (80.0, 400.0)).events
SET = [part for text in SMALL for part in ("--set", text)]


@pytest.fixture(scope="module", params=PRECISIONS)
def left(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[StreamSession, bytes]:
    folder = tmp_path_factory.mktemp("whole") / "run"
    with unfinished_run(folder, False, False) as files:
        one = StreamSession(CONFIG, STREAM, {}, request.param)
        one.run(files)
    return one, (folder / "predictions.csv").read_bytes()


@pytest.fixture(scope="module")
def whole(left: tuple[StreamSession, bytes]) -> tuple[dict, bytes]:
    return left[0].summary(), left[1]


def drawn(session: StreamSession) -> dict[str, np.ndarray]:
    parts = (session.scored.course, session.scored.calibration, session.scored.recent)
    return {f"{type(part).__name__} {name}": a for part in parts for name, a in part.to_arrays().items()}


@pytest.mark.slow
@pytest.mark.parametrize("cut", [pytest.param(1, marks=pytest.mark.long), 24])
def test_a_stopped_session_goes_on_to_the_same_bits(
    left: tuple[StreamSession, bytes],
    whole: tuple[dict, bytes],
    cut: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "KEEP_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TOGETHER", 1)
    monkeypatch.setattr(session, "TELL_EVERY_S", -1.0)

    def stop(done: int, total: int) -> None:
        assert total == len(STREAM)
        if done == cut:
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), unfinished_run(folder, False, False) as files:
        StreamSession(CONFIG, STREAM, {}, whole[0]["precision"]).run(files, stop)
    with (unfinished_folder(folder) / "predictions.csv").open("ab") as table:
        table.write(b"half a li")  # Written after the last checkpoint.
    with unfinished_run(folder, False, True) as files:
        second = StreamSession(CONFIG, STREAM, {})
        second.restore(unfinished_folder(folder) / CHECKPOINT)
        assert second.done == cut
        second.run(files)
    summary = second.summary()
    for key in ("precision", "fingerprint", "saturations", "scores", "baselines"):
        assert summary[key] == whole[0][key]
    for name, array in drawn(left[0]).items():
        np.testing.assert_array_equal(drawn(second)[name], array, err_msg=name)
    assert (folder / "predictions.csv").read_bytes() == whole[1]


@pytest.mark.slow
def test_another_stream_is_refused(tmp_path: Path) -> None:
    with unfinished_run(tmp_path / "run", False, False) as files:
        StreamSession(CONFIG, STREAM, {}).run(files)
    other = StreamSession(CONFIG, grammar(25, 4, (80.0, 400.0)).events, {})
    with pytest.raises(UserError, match="not those of the stopped run"):
        other.restore(tmp_path / "run" / CHECKPOINT)


@pytest.mark.slow
def test_a_checkpoint_that_was_altered_is_refused(tmp_path: Path) -> None:
    with unfinished_run(tmp_path / "run", False, False) as files:
        StreamSession(CONFIG, STREAM, {}).run(files)
    path = tmp_path / "run" / CHECKPOINT
    with h5py.File(path, "r+") as file:
        file["learned/label_w"][0, 3] += 1e-12
    for read in (StreamSession(CONFIG, STREAM, {}).restore, StreamLearner.load):
        with pytest.raises(UserError, match="was altered or damaged"):
            read(path)


def test_the_digest_of_the_events_is_over_defined_bytes() -> None:
    some = events_of([Row(0, "µ", "x"), Row(300, "a", "x")], ms_per_unit=1.0)
    numbers = struct.pack("<6q", *some.step, *some.label, *some.sequence)
    expected = hashlib.sha256(b'["\\u00b5", "a"]' + numbers).hexdigest()
    assert session._digest(some) == expected


@pytest.mark.slow
def test_event_by_event_from_python_gives_the_same_bits(whole: tuple[dict, bytes]) -> None:
    one = StreamLearner(config=CONFIG, precision=whole[0]["precision"])
    for time, label in zip(STREAM.time.tolist(), STREAM.label.tolist(), strict=True):
        one.learn_one(time, STREAM.labels[label])
    assert one.fingerprint() == whole[0]["fingerprint"]


@pytest.mark.slow
def test_predictions_and_scores_agree(whole: tuple[dict, bytes]) -> None:
    summary, table = whole
    rows = list(csv.DictReader(table.decode().splitlines()))
    assert [row["label"] for row in rows] == [STREAM.labels[n] for n in STREAM.label[1:]]
    p = np.array([float(row[f"p_{row['label']}"]) for row in rows])
    losses = np.array([float(row["log2_loss"]) for row in rows])
    np.testing.assert_allclose(losses, -np.log2(p), rtol=1e-12)
    assert summary["scores"]["all"]["log2_loss"] == pytest.approx(losses.mean())
    assert all(sum(float(row[f"p_{label}"]) for label in STREAM.labels) < 1 + 1e-9 for row in rows)
    alone = Baselines(len(STREAM.labels), 1000.0, len(rows))
    alone.begin(0)
    for label, gap_ms in zip(STREAM.label[1:].tolist(), STREAM.gap_ms[1:].tolist(), strict=True):
        alone.add(label, gap_ms)
    assert summary["baselines"] == alone.summary()


@pytest.mark.slow
def test_bins_count_what_predictions_csv_has(left: tuple[StreamSession, bytes]) -> None:
    rows = list(csv.DictReader(left[1].decode().splitlines()))
    p = np.array([[float(row[f"p_{label}"]) for label in STREAM.labels] for row in rows])
    came = np.array([[row["label"] == label for label in STREAM.labels] for row in rows])
    found = left[0].scored.calibration
    for n in range(20):
        inside = (p >= n / 20) & ((p < (n + 1) / 20) | (n == 19))
        np.testing.assert_allclose(found.p[:, n], [p[inside].sum(), came[inside].sum(), inside.sum()])
    true, late = (
        STREAM.gap_ms[1:],
        [float(row["predicted_time"] or "nan") - float(row["time"]) for row in rows],
    )
    stated, known = (true + late).round(6), np.isfinite(late)
    expected = np.histogram2d(true[known], stated[known], 50, ((0, 1000), (0, 1000)))[0]
    np.testing.assert_array_equal(found.gaps, expected)
    assert 0 < found.gaps.sum() < len(rows)


@pytest.mark.slow
def test_the_last_seconds_are_those_of_the_whole_stream(
    left: tuple[StreamSession, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = left[0].scored.recent
    monkeypatch.setattr(recent, "SPAN_MS", 1e6)
    learner = StreamLearner(config=CONFIG, precision=left[0].summary()["precision"])
    one = ScoredLearner(learner, len(STREAM.labels), baselines=False)
    rows = [
        Row(t, STREAM.labels[n]) for t, n in zip(STREAM.time.tolist(), STREAM.label.tolist(), strict=True)
    ]
    found = [one.add(row) for row in rows]
    every = one.recent
    digest = b""
    assert every.events[:, 1:].tolist() == list(map(list, zip(STREAM.label, STREAM.gap, strict=True)))
    for (step, _, gap), event in zip(every.events.tolist(), found, strict=True):
        if event is not None:
            now = (every.spikes[0] >= step - gap) & (every.spikes[0] < step)
            digest = hashlib.sha256(digest + every.spikes[:, now].T.astype("<u4").tobytes()).digest()
            shown = (every.o_step > step - gap) & (every.o_step <= step)
            np.testing.assert_array_equal(every.o[shown][: len(event.expected.o)], event.expected.o)
    assert digest.hex() == one.learner.fingerprint()["spikes"]
    since = every.events[-1, 0] - 3000
    np.testing.assert_array_equal(some.events, every.events[every.events[:, 0] >= since])
    np.testing.assert_array_equal(some.spikes, every.spikes[:, every.spikes[0] >= since])
    np.testing.assert_array_equal(some.o, every.o[every.o_step >= since])
    assert len(some.events) < len(every.events)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_file_and_a_pipe_give_the_same_predictions(precision: str, tmp_path: Path) -> None:
    times, labels = STREAM.time.tolist(), [STREAM.labels[n] for n in STREAM.label]
    lines = "".join(f"{time},{label}\n" for time, label in zip(times, labels, strict=True))
    text = "time,label\n" + lines
    (tmp_path / "events.csv").write_text(text)
    run = CliRunner().invoke
    options = ["--ms-per-unit", "1", "--precision", precision, *SET]
    left = run(app, ["learn", str(tmp_path / "events.csv"), *options, "--out", str(tmp_path / "a"), "--json"])
    assert left.exit_code == 0, left.output
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert summary["command"] == "learn"
    assert summary["precision"] == precision
    assert {"events", "labels", "ms_per_unit", "scores", "baselines", "fingerprint"} <= summary.keys()
    loaded = StreamLearner.load(tmp_path / "a" / CHECKPOINT)
    assert loaded.fingerprint() == summary["fingerprint"]
    piped = run(app, ["learn", "-", *options], input=text + "99")
    assert piped.exit_code == 0, piped.output
    answers = [json.loads(line) for line in piped.stdout.splitlines() if line.startswith("{")]
    rows = list(csv.DictReader((tmp_path / "a" / "predictions.csv").read_text().splitlines()))
    assert [answer["log2_loss"] for answer in answers[1:]] == [float(row["log2_loss"]) for row in rows]
    for answer, row in zip(answers, rows, strict=False):
        assert all(float(row[f"p_{label}"]) == p for label, p in answer["p"].items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "EVENTS and --example: give one"),
        (["-"], "needs --ms-per-unit"),
        (["-", "--ms-per-unit", "1", "--out", "x"], "leaves no folder"),
        (["missing.csv"], "cannot be read"),
        (["--events", "presses.csv"], "a file is given without --events: lava-predict learn presses.csv"),
        (["--example", "grammar", "--events", "1"], "--events 1: must be a whole number from 2"),
        (["--example", "grammar", "--number", "1"], "--events 1: must be a whole number from 2"),
        (["--example", "grammer"], "did you mean 'grammar'"),
        (
            ["--example", "grammar", "--backend", "lava", "--form", "graph"],
            "--form graph: in Lava a stream is",
        ),
        (["--example", "grammar", "--form", "fused"], "form = 'fused': backend 'cpu' has threads"),
        (["-", "--ms-per-unit", "1", "--backend", "lava"], "--backend lava: a live stream (-) is learned on"),
        (["--resume", "nowhere"], "there is no stopped run"),
        (["--resume", "nowhere", "--seed", "3"], "leave out --seed"),
        (["--resume", "nowhere", "--seed", "0"], "leave out --seed"),
        (
            ["--resume", "nowhere", "--events", "3", "--time", "t", "--label", "l"],
            "--events, --time, --label",
        ),
        (["--resume", "nowhere", "--sequence", "s", "--ms-per-unit", "1"], "--sequence, --ms-per-unit"),
        (["--resume", "nowhere", "--precision", "fixed"], "leave out --precision"),
        (["--example", "grammar", "--preset", "paper"], "readout.rule = 'gated_delta'"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["learn", *arguments])
    assert found.exit_code == 2
    assert message in found.output
    assert not list(tmp_path.rglob("*.*"))


KILLED = """
from lava_predict.streams import session
from lava_predict.cli import app
session.KEEP_EVERY_S = {every_s}
app()
"""


@pytest.mark.slow
@pytest.mark.parametrize("every_s", [0.0, pytest.param(1000.0, marks=pytest.mark.long)])
def test_a_killed_command_goes_on_to_the_same_bits(every_s: float, tmp_path: Path) -> None:
    """SIGKILL leaves no time to write anything, and may come before anything learned was kept."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    command = ["learn", "--example", "grammar", "--events", "400", *SET]
    found = CliRunner().invoke(app, [*command, "--out", str(whole)])
    assert found.exit_code == 0, found.output
    with subprocess.Popen(
        [sys.executable, "-c", KILLED.format(every_s=every_s), *command, "--out", str(stopped)]
    ) as process:
        table = unfinished_folder(stopped) / "predictions.csv"
        limit = monotonic() + 300
        while not (table.exists() and table.read_bytes().count(b"\n") > 40):
            assert process.poll() is None
            assert monotonic() < limit
            sleep(0.01)
        process.kill()
    assert not stopped.exists()
    found = CliRunner().invoke(app, ["learn", "--resume", str(stopped)])
    assert found.exit_code == 0, found.output
    ends = [json.loads((folder / "summary.json").read_text()) for folder in (whole, stopped)]
    for key in ("fingerprint", "scores", "baselines"):
        assert ends[0][key] == ends[1][key]
    assert (whole / "predictions.csv").read_bytes() == (stopped / "predictions.csv").read_bytes()
