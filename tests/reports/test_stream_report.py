"""What a learned stream leaves to look at: pictures true to the records, a page that needs no other file."""

from __future__ import annotations

import json
import re
import shlex
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import pngs
from typer.testing import CliRunner

from lava_predict import StreamLearner, load_preset
from lava_predict.cli import app
from lava_predict.cli.report import page_of
from lava_predict.errors import UserError
from lava_predict.events import Events, Row, events_of
from lava_predict.reports import stream_plots
from lava_predict.reports.outcome import Outcome
from lava_predict.reports.page import shown_label
from lava_predict.reports.stream_page import stream_outcome
from lava_predict.streams import ScoredLearner, StreamSession

SMALL = ["reservoir.neurons=60", "stream.settle_ms=100", "run.seed=3"]
NASTY = ("<script>$x_{", "$\\alpha", "_hidden", "a\nb\tc", "鐘 🎵", "x" * 100)


def stream(*labels: str) -> Events:
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(60, 400, 40)).tolist()
    rows = [Row(t, labels[n % len(labels)], str(n // 15), n) for n, t in enumerate(times)]
    return events_of(rows, ms_per_unit=1.0)


@cache
def learned(*labels: str, times: bool = True, few: bool = False) -> StreamSession:
    config = load_preset("stream", [*SMALL, f"stream.times={str(times).lower()}"])
    events = stream(*labels)
    if few:
        events = events_of([Row(n, labels[0], str(n), n) for n in range(3)], ms_per_unit=1.0)
    session = StreamSession(config, events, {"path": None, "example": "made", "number": 40})
    for number in range(len(events)):
        session.scored.add(session.events.row(number))
    return session


def outcome(session: StreamSession) -> Outcome:
    return stream_outcome(session, {"log2_loss": 0.5})


@pytest.mark.slow
@pytest.mark.parametrize("labels", [("a",), ("a", "b", "c"), NASTY, tuple(f"label {n}" for n in range(30))])
def test_every_stream_has_its_pictures_and_nothing_is_complained_of(labels: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pngs(outcome(learned(*labels)).figures)
    assert list(found) == ["course", *(["reliability"] if len(labels) > 1 else []), "gaps", "last_seconds"]
    assert all(png.startswith(b"\x89PNG") for png in found.values())


@pytest.mark.slow
def test_without_stated_times_or_predicted_events_there_is_less_to_show() -> None:
    assert list(outcome(learned("a", "b", times=False)).figures) == ["course", "reliability", "last_seconds"]
    nothing = outcome(learned("a", few=True))
    assert list(nothing.figures) == ["last_seconds"]
    assert "No event could be predicted" in nothing.page(nothing.summary, pngs(nothing.figures)).html()


@pytest.mark.slow
def test_the_course_is_drawn_beside_counting() -> None:
    scored = learned("a", "b", "c").scored
    figure = stream_plots.course(scored.course, "order1, memory 30", {"log2_loss": 0.5})
    running = scored.course.running()
    rows = {name: number for number, name in enumerate(scored.course.names)}
    rows["forgetting"] = rows["order1, memory 30"]
    for axes, values in zip(figure.axes, (running.log2_loss, running.expectation_error), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert {"network", "order0", "order1"} <= lines.keys()
        for name in lines.keys() & rows.keys():
            np.testing.assert_array_equal(lines[name].get_ydata(), values[rows[name]])
            np.testing.assert_array_equal(lines[name].get_xdata(), running.events)
    assert {"order2", "forgetting", "best possible"} <= {line.get_label() for line in figure.axes[0].lines}
    assert {"hazard1", "hazard2"} <= {line.get_label() for line in figure.axes[1].lines}
    assert len(stream_plots.course(scored.course, "order1, memory 30", {}, False).axes) == 1


@pytest.mark.slow
def test_the_last_seconds_show_every_spike_event_and_expectation() -> None:
    session = learned("a", "b", "c")
    recent = session.scored.recent
    upper, lower = stream_plots.last_seconds(recent, session.events.labels, 1.0).axes
    seconds, cells = upper.lines[0].get_data()
    np.testing.assert_allclose(seconds, (recent.spikes[0] - recent.events[-1, 0]) / 1000)
    np.testing.assert_array_equal(cells, recent.spikes[1])
    came = [len(c.get_segments()) for c in lower.collections if hasattr(c, "get_segments")]
    assert came == np.bincount(recent.events[:, 1]).tolist()[::-1]
    hills = [c.get_paths()[0].vertices[:, 1] for c in lower.collections if not hasattr(c, "get_segments")]
    full = np.ceil(10 * recent.o.max()) / 10
    for base, (hill, o) in enumerate(zip(hills, recent.o.T[::-1], strict=True)):
        assert hill.max() == pytest.approx(base + 0.92 * o.max() / full)
    assert [text.get_text() for text in lower.get_yticklabels()] == ["c", "b", "a"]


@pytest.mark.slow
def test_the_last_seconds_are_shown_though_nothing_was_expected_in_them() -> None:
    one = ScoredLearner(StreamLearner(config=load_preset("stream", SMALL)), 1)
    for time in (0, 300, 8000):
        one.add(Row(time, "a"))
    assert one.recent.o_step.size == 0
    axes = stream_plots.last_seconds(one.recent, ["a"], 1.0).axes[0]
    assert axes.get_xlim()[0] == pytest.approx(-3.0, abs=0.1)
    assert axes.lines[0].get_xdata().size == one.recent.spikes.shape[1] > 0


@pytest.mark.slow
def test_bins_are_drawn_as_counted() -> None:
    calibration = learned("a", "b", "c").scored.calibration
    upper, lower = stream_plots.reliability(calibration).axes
    x, y = upper.containers[0].lines[0].get_data()
    stated, came, count = calibration.p[:, calibration.p[2] >= 10]
    np.testing.assert_allclose(x, stated / count)
    np.testing.assert_allclose(y, came / count)
    np.testing.assert_array_equal(lower.patches[0].get_data().values, calibration.p[2])
    mesh = stream_plots.gaps(calibration).axes[0].collections[0].get_array()
    np.testing.assert_array_equal(np.nan_to_num(np.asarray(mesh)).reshape(50, 50).T, calibration.gaps)


def test_a_label_is_shown_on_one_short_line() -> None:
    assert [shown_label(label) for label in ("a\nb\tc", "x" * 16, "x" * 17)] == [
        "a b c",
        "x" * 16,
        "x" * 15 + "…",
    ]


@pytest.mark.slow
def test_learn_leaves_a_page_that_needs_no_other_file_and_report_makes_it_again(tmp_path: Path) -> None:
    settings = [part for text in SMALL[:2] for part in ("--set", text)]
    stream = ["learn", "--example", "grammar", "--events", "30", "--seed", "3", *settings]
    done = CliRunner().invoke(app, [*stream, "--out", str(tmp_path / "a")])
    assert done.exit_code == 0, done.output
    assert "table, figures and page" in done.output
    html = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert page_of(tmp_path / "a") == ("learn", page_of(tmp_path / "a")[1], html)
    assert html.count('src="data:image/png;base64,') == len(summary["figures"]) == 4
    assert not re.search(r"<script|https?://|src=\"(?!data:)|href=\"(?!#|data:)", html)
    for name in summary["figures"]:
        assert (tmp_path / "a" / "figures" / f"{name}.png").exists()
    network = summary["scores"]["all"]["log2_loss"]
    assert f"The network lost {network:.2f} bits an event" in html
    assert f"{summary['baselines']['order2']['last_third']['brier']:.4g}" in html
    code = re.sub("</?span>", "", re.search(r"<code>(.*?)</code>", html)[1])
    again = shlex.split(code.removeprefix("lava-predict ").replace("&#34;", '"'))
    done = CliRunner().invoke(app, [*again, "--json", "--out", str(tmp_path / "b")])
    assert json.loads(done.stdout)["fingerprint"] == summary["fingerprint"]


@pytest.mark.slow
def test_a_page_of_a_file_escapes_what_the_user_wrote(tmp_path: Path) -> None:
    made = stream_outcome(learned(*NASTY))
    values = {**made.summary, "notes": [NASTY[0]]}
    values["source"] = {"path": "/a/<b>&.csv", "columns": ["t", None, "s <i>"], "ms_per_unit": 2.5}
    html = made.page(values, pngs(made.figures)).html()
    assert "A stream learned: &lt;b&gt;&amp;.csv" in html
    assert "--time t --sequence &#39;s &lt;i&gt;&#39; --ms-per-unit 2.5" in re.sub("</?span>", "", html)
    assert "<script" not in html


@pytest.mark.slow
def test_the_page_fits_a_screen_and_a_phone(browser: Any, tmp_path: Path) -> None:
    made, file = stream_outcome(learned(*NASTY)), tmp_path / "page.html"
    file.write_text(made.page(made.summary, pngs(made.figures)).html(), encoding="utf-8")
    browser.check_that_it_fits(file)


@pytest.mark.slow
def test_an_unfinished_stream_is_continued_with_learn(tmp_path: Path) -> None:
    (tmp_path / "x.unfinished").mkdir()
    (tmp_path / "x.unfinished" / "predictions.csv").touch()
    with pytest.raises(UserError, match="lava-predict learn --resume"):
        page_of(tmp_path / "x")
