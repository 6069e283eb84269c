"""The page of a run: true to its record and complete."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from pictures import pngs

from lava_predict import Config, Experiment, load_preset
from lava_predict.analysis.integer_health import check_health
from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plots
from lava_predict.reports.page import Page
from lava_predict.reports.run_page import page, run_outcome
from lava_predict.settings.files import config_from, load_config, parse_toml

pytestmark = pytest.mark.slow


class Read(HTMLParser):
    """The tables of a page (header, rows) by caption, and its other texts by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, tuple[list[str], list[list[str]]]] = {}
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.alts: list[str] = []
        self._text = ""
        self._rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attributes)["alt"] or "")
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag not in ("span", "strong"):
            self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._rows[-1].append(self._text)
        elif tag == "table":
            header, *rows = self._rows
            self.tables[self.texts["caption"][-1]] = (header, rows)
        elif tag not in ("span", "strong"):
            self.texts[tag].append(" ".join(self._text.split()))


@dataclass(frozen=True)
class Ran:
    """A run and what it left."""

    config: Config
    record: RunRecord
    summary: dict
    page: Page
    read: Read


def ran(config: Config, precision: str = "float") -> Ran:
    return _ran(config.to_toml(), precision)


@cache
def _ran(settings: str, precision: str) -> Ran:
    config = config_from(parse_toml(settings))
    experiment = Experiment(config)
    result = experiment.run(precision=precision)
    health = check_health(experiment, result) if precision == "fixed" else None
    made = run_outcome(result, health)
    shown = page(made.summary, pngs(made.figures))
    return Ran(config, RunRecord.of(result), made.summary, shown, Read(shown.html()))


BLOCKS = "Prediction after the cue alone, at the end of each block"
CHANGED = "Settings that differ from the preset"


def test_the_table_of_blocks_says_what_the_record_says(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    (header, rows), record = run.read.tables[BLOCKS], run.record
    assert header[:6] == ["block", "trials", "true p", "estimated p", "due (ms)", "peak (ms)"]
    assert header[6:] == ["error after 0", "error after 2", "error after 3"]
    rows, counting = rows[::2], rows[1::2]
    assert [row[:3] for row in rows] == [["1", "3", "0.60 / 0.30"], ["2", "2", "0.10 / 0.90"]]
    assert [row[:3] for row in counting] == [["1, counting", "3", ""], ["2, counting", "2", ""]]
    assert [row[4] for row in rows] == ["300 / 600", "500 / 200"]
    for block, row in enumerate(rows):
        of_block = record.probe_block == block
        columns = (record.probe_trials, record.error, record.error_counting, record.zero_error)
        shown = dict(zip((0, 2, 3), zip(row[6:], counting[block][6:], strict=True), strict=True))
        for trials, *errors, zero in zip(*(column[of_block] for column in columns), strict=True):
            assert list(shown[trials]) == [f"{error / zero:.2f}" for error in errors]
        estimate = np.clip(record.p[np.flatnonzero(of_block)[-1], 0], 0, 1)
        assert row[3] == " / ".join(f"{p:.2f}" for p in estimate)
    assert rows[1][8] == "–"


def test_the_lead_gives_the_errors_at_the_ends_and_the_misses(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    record, ends = run.record, [2, 4]
    assert record.probe_block[ends].tolist() == [0, 1]
    errors, counting = (
        [f"{of[n] / record.zero_error[n]:.2f}" for n in ends] for of in (record.error, record.error_counting)
    )
    true = np.array([[0.6, 0.3], [0.1, 0.9]])
    off = np.abs(np.clip(record.p[ends, 0], 0, 1) - true).mean()
    assert run.page.title == f"A run of smoke with {len(run.summary['changed'])} changed settings, seed 1"
    assert run.page.lead.startswith(
        "In float, on the cpu. At the end of the 2 blocks the error of the prediction after the cue alone "
        f"is {errors[0]} and {errors[1]} of the error of predicting nothing; a learner that only counts "
        f"outcomes gets {counting[0]} and {counting[1]}. "
    )
    assert f"off by {off:.2f} on average" in run.page.lead


def test_every_picture_of_a_run_is_shown_with_text_that_says_what_it_shows(
    tiny: Callable[..., Config],
) -> None:
    run = ran(tiny())
    alts = run.read.alts
    assert len(alts) == len(plots.FIGURES)
    assert len(set(alts)) == len(alts)
    first, last = run.record.error[[0, 2]]
    assert f"from {first:.3f} to {last:.3f} in block 1" in alts[0]
    assert "80 cells" in alts[-1]
    assert all(len(caption) > 30 for caption in run.read.texts["figcaption"])


def test_settings_that_differ_are_named_and_the_commands_give_the_same_run(
    tiny: Callable[..., Config], tmp_path: Path
) -> None:
    config = tiny(
        "run.seed=5", "reservoir.excitatory.a.stop=0.01", "fixed.rounding='floor'", "task.reset=true"
    )
    run = ran(config)
    rows = {row[0]: row[1:] for row in run.read.tables[CHANGED][1]}
    assert rows.keys() == {
        "reservoir.neurons", "run.probe_trials", "run.probe_repeats", "task.settle_ms", "task.blocks",
        "reservoir.excitatory.a.stop", "fixed.rounding", "task.reset",
    }  # fmt: skip
    assert rows["reservoir.neurons"] == ["200", "80"]
    assert rows["task.reset"] == ["false", "true"]
    from_file, from_preset = map(shlex.split, run.read.texts["code"])
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert from_file == ["lava-predict", "run", "config.toml"]
    assert load_config(tmp_path / "config.toml") == config
    assert from_preset[:6] == ["lava-predict", "run", "--preset", "smoke", "--seed", "5"]
    options, values = from_preset[6::2], from_preset[7::2]
    assert set(options) == {"--set"}
    assert load_preset("smoke", ["run.seed=5", *values]) == config


def test_a_run_as_the_preset_has_it_says_so(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    same = Read(page({**run.summary, "changed": []}, {}).html())
    assert "All settings are those of the preset smoke." in same.texts["p"]
    assert CHANGED not in same.tables


def test_fingerprints_and_versions_are_given_whole(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    shown = dict(zip(run.read.texts["dt"], run.read.texts["dd"], strict=True))
    assert shown["fingerprint, weights"] == run.summary["fingerprint"]["weights"]
    assert shown["fingerprint, network"] == run.summary["network_fingerprint"]
    assert shown["version, numpy"] == np.__version__


def test_integers_that_hold_pass_and_those_that_do_not_warn(tiny: Callable[..., Config]) -> None:
    good = ran(tiny(), "fixed").read
    assert "Integers" in good.texts["h2"]
    assert (
        "✓ Pass: Every parameter is represented accurately, and the cells spike as in float."
        in good.texts["p"]
    )
    assert not [text for text in good.texts["p"] if "Warning" in text and "bounds" in text]
    assert "No variable hit its bounds at any step." in good.texts["p"]
    assert all("--precision fixed" in code for code in good.texts["code"])
    bad = ran(tiny("fixed.fraction_bits=20"), "fixed")
    assert not [text for text in bad.read.texts["p"] if "Pass" in text]
    warnings = [f"{one['cause']}; {one['remedy']}" for one in bad.summary["warnings"]]
    shown = [text.removeprefix("! Warning: ") for text in bad.read.texts["p"] if "! Warning" in text]
    assert shown == warnings
    _, rows = bad.read.tables["How often variables hit their bounds"]
    assert dict(rows)["v"] == f"{bad.summary['saturations']['v']:,}"


def test_several_cues_have_a_row_each_and_what_cannot_occur_a_dash(tiny: Callable[..., Config]) -> None:
    statistics = "probability=[[0.8, 0.2], [0.0, 0.0], [0.5, 0.5]], latency_ms=[300, 600]"
    run = ran(tiny("task.cues=3", f"task.blocks=[{{trials=2, {statistics}, cues=[1, 2]}}]"))
    _, rows = run.read.tables[BLOCKS]
    assert [row[0] for row in rows] == ["1, cue 1", "1, cue 2", "1, cue 3", "1, all", "1, counting"]
    assert rows[1][2] == "0.00 / 0.00"
    assert rows[2][2] == "– / –"
    assert [row[6:] for row in rows[1:3]] == [["–", "–"]] * 2
    by_cue, zero = run.record.error_by_cue[-1, 0], run.record.zero_error_by_cue[-1, 0]
    assert rows[0][-1] == f"{by_cue / zero:.2f}"
    assert rows[3][-1] == f"{run.record.error[-1] / run.record.zero_error[-1]:.2f}"
    assert run.page.lead.count("At the end the error") == 1


def test_omissions_alone_have_no_relative_error(tiny: Callable[..., Config]) -> None:
    run = ran(tiny("task.blocks=[{trials=2, probability=[0.0], latency_ms=[300]}]"))
    assert run.read.tables[BLOCKS][1][0][6:] == ["–", "–"]
    assert "the error" not in run.page.lead
    assert "predicted times" not in run.page.lead


def test_another_neuron_is_listed_without_the_settings_that_it_brings() -> None:
    few = "task.blocks=[{trials=1, probability=[0.6, 0.3], latency_ms=[300, 600]}]"
    parts = ["reservoir.neuron=adaptive_lif", "reservoir.delay_ms=[1, 20]"]
    others = ["reservoir.neurons=50", "reservoir.inhibitory.v_rest=-66.0", few, "run.probe_trials=[]"]
    config = load_preset("smoke", [*parts, *others])
    changed = run_outcome(Experiment(config).run()).values["changed"]
    assert {one["setting"]: (one["preset"], one["value"]) for one in changed[:5]} == {
        "reservoir.neuron": ("izhikevich", "adaptive_lif"),
        "reservoir.neurons": (200, 50),
        "reservoir.delay_ms": ([0.0, 0.0], [1.0, 20.0]),
        "reservoir.inhibitory.v_rest.start": (-65.0, -66.0),
        "reservoir.inhibitory.v_rest.stop": (-65.0, -66.0),
    }
    assert {one["setting"] for one in changed[5:]} == {"task.blocks", "run.probe_trials"}
