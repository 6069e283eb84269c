"""The live view of a stream: what it says, that it fits, and that it is for terminals alone."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from lava_predict import StreamLearner, load_preset
from lava_predict.cli import app
from lava_predict.events import Row
from lava_predict.reports.stream_view import Seen, bars, view, watching
from lava_predict.streams import ScoredLearner

SMALL = ["reservoir.neurons=60", "stream.settle_ms=100", "run.seed=3"]
CONFIG = load_preset("stream", SMALL)
EVENTS = [(300 * n + 7 * (n % 5), "ABAC"[n % 4]) for n in range(30)]


def scored(total: int | None, labels: int) -> ScoredLearner:
    return ScoredLearner(StreamLearner(config=CONFIG), labels, total)


def shown(height: int, width: int = 90) -> tuple[str, ScoredLearner]:
    file, one = io.StringIO(), scored(len(EVENTS) - 1, 3)
    console = Console(file=file, force_terminal=True, width=width, height=height, color_system=None)
    with watching(console, len(EVENTS), np.inf) as watch:
        for time, label in EVENTS:
            row = Row(time, label)
            watch.add(one, row, one.add(row))
    assert file.getvalue().count("events") == 2  # After the first event, and once more when it is wiped.
    seen = [Seen(time, label, 0.25, np.nan, 2.0) for time, label in EVENTS]
    with console.capture() as captured:
        console.print(view(one, seen, len(EVENTS)))
    return captured.get(), one


@pytest.mark.slow
@pytest.mark.parametrize(("height", "events"), [(60, 8), (24, 7), (16, 1)])
def test_the_view_fits_and_says_what_is_expected(height: int, events: int) -> None:
    text, one = shown(height)
    lines = text.rstrip().splitlines()
    assert len(lines) < height
    assert all(len(line) <= 90 for line in lines)
    assert lines[0] == "30 of 30 events"
    expected = one.learner.predict()
    found = dict(re.findall(r"^([ABC]) +(\d+)%", text, re.M))
    assert found.items() <= {(label, f"{100 * expected.p[n]:.0f}") for n, label in enumerate("ABC")}
    assert len(found) == (2 if height < 20 else 3)
    assert len(re.findall(r"^ *\d+ +[ABC] +25%", text, re.M)) == events
    assert re.search(r"^ *8728 +B +25% +2.00 +–", text, re.M)
    for name, scores in {"network": one.scores.summary(), **one.baselines.summary()}.items():
        if not name.startswith("hazard"):
            assert re.search(rf"^{name} .* {scores['all']['log2_loss']:.3f} ", text, re.M)


@pytest.mark.parametrize("columns", [1, 10, 30, 100])
def test_bars_are_as_high_as_the_highest_of_their_share(columns: int) -> None:
    heights = np.random.default_rng(1).uniform(-0.2, 1.2, 100)
    levels = [" ▁▂▃▄▅▆▇█".index(letter) for letter in bars(heights, columns)]
    shares = np.array_split(heights, columns)
    np.testing.assert_allclose(levels, [8 * np.clip(share.max(), 0, 1) for share in shares], atol=0.5)


@pytest.mark.slow
def test_where_labels_are_not_known_counting_expects_those_that_came_and_one_more() -> None:
    known, live = scored(len(EVENTS) - 1, 3), scored(None, 64)
    loss, count, seen = 0.0, {}, {EVENTS[0][1]}
    for number, (time, label) in enumerate(EVENTS):
        for one in (known, live):
            one.add(Row(time, label))
        if number:
            loss -= np.log2((count.get(label, 0) + 0.5) / (number - 1 + 0.5 * (len(seen) + 1)))
            count[label] = count.get(label, 0) + 1
            seen.add(label)
    found = live.baselines.summary()["order0"]["all"]["log2_loss"]
    assert found == pytest.approx(loss / (len(EVENTS) - 1))


def on_a_terminal(arguments: list[str], lines: str, folder: Path) -> tuple[list[str], str]:
    """Run the command with stderr on a terminal and stdout in a pipe; return the lines of both."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lava_predict", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=theirs, cwd=folder) as process:
        os.close(theirs)
        heard = bytearray()

        def hear() -> None:
            try:
                while some := os.read(ours, 65536):
                    heard.extend(some)
            except OSError:  # The other end is closed.
                pass

        listening = threading.Thread(target=hear)
        listening.start()
        stdout = process.communicate(lines.encode())[0].decode()
        listening.join()
    os.close(ours)
    assert process.returncode == 0, heard.decode()
    return stdout.splitlines(), heard.decode()


@pytest.mark.slow
def test_a_live_stream_is_watched_on_stderr_and_answers_on_stdout(tmp_path: Path) -> None:
    lines = "time,label\n" + "".join(f"{time},{label}\n" for time, label in EVENTS) + "99"
    settings = [part for text in SMALL for part in ("--set", text)]
    arguments = ["learn", "-", "--ms-per-unit", "1", *settings]
    answers, drawn = on_a_terminal([*arguments, "--watch"], lines, tmp_path)
    quiet = CliRunner().invoke(app, [*arguments, "--watch"], input=lines)
    assert quiet.exit_code == 0
    assert "order2" not in quiet.output
    assert answers == [line for line in quiet.stdout.splitlines() if line.startswith("{")]
    assert [json.loads(answer)["label"] for answer in answers] == [label for _, label in EVENTS]
    assert "order2" in drawn
    assert "30 events" in drawn
    assert "the last line was cut off" in drawn
    assert drawn.endswith("\x1b[?25h")  # The cursor is back.


@pytest.mark.slow
def test_a_watched_stream_leaves_the_same_bits(tmp_path: Path) -> None:
    settings = [part for text in SMALL for part in ("--set", text)]
    arguments = ["learn", "--example", "grammar", "--events", "30", *settings]
    stdout, drawn = on_a_terminal([*arguments, "--watch", "--json", "--out", "a"], "", tmp_path)
    alone = CliRunner().invoke(app, [*arguments, "--json", "--out", str(tmp_path / "b")])
    assert json.loads("\n".join(stdout))["fingerprint"] == json.loads(alone.stdout)["fingerprint"]
    assert " of 30 events" in drawn
    assert (tmp_path / "a" / "predictions.csv").read_bytes() == (tmp_path / "b/predictions.csv").read_bytes()


def test_watch_and_quiet_exclude_each_other() -> None:
    found = CliRunner().invoke(app, ["learn", "--example", "grammar", "--watch", "--quiet"])
    assert found.exit_code == 2
    assert "--watch and --quiet exclude each other" in found.output
