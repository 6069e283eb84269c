"""The page of a run, and of what other commands left: true to the record, complete, or refused by name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lava_predict import Config, Experiment, load_preset
from lava_predict.analysis.integer_health import check_health
from lava_predict.errors import UserError
from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plots
from lava_predict.reports.page import (
    Callout,
    Code,
    Element,
    Figure,
    KeyValues,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    to_html,
    to_json,
)
from lava_predict.reports.run_page import command_of, page, page_of, run_outcome, write_page
from lava_predict.settings.files import config_from, load_config, parse_toml


@dataclass(frozen=True)
class Ran:
    """A run and what it left."""

    config: Config
    record: RunRecord
    summary: dict
    page: Report


def ran(config: Config, precision: str = "float") -> Ran:
    return _ran(config.to_toml(), precision)


@cache
def _ran(settings: str, precision: str) -> Ran:
    config = config_from(parse_toml(settings))
    experiment = Experiment(config)
    result = experiment.run(precision=precision)
    health = check_health(experiment, result) if precision == "fixed" else None
    record, summary = RunRecord.of(result), run_outcome(result, health).summary
    return Ran(config, record, summary, page(record, summary))


def leave(folder: Path, of: Ran) -> Path:
    folder.mkdir()
    (folder / "results.h5").write_bytes(of.record.to_bytes())
    (folder / "summary.json").write_text(json.dumps(of.summary, allow_nan=False))
    (folder / "config.toml").write_text(of.config.to_toml())
    return folder


def elements(shown: Report, kind: type) -> list:
    def inside(section: Section) -> Iterator[Element]:
        for element in section.elements:
            yield element
            if isinstance(element, Section):
                yield from inside(element)

    return [e for section in shown.sections for e in inside(section) if isinstance(e, kind)]


def texts(row: list) -> list[str]:
    return [entry.text if isinstance(entry, Number) else str(entry) for entry in row]


def test_the_table_of_blocks_says_what_the_record_says(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    table, record = elements(run.page, Table)[0], run.record
    assert table.header[:6] == ["block", "trials", "true p", "estimated p", "due (ms)", "peak (ms)"]
    assert table.header[6:] == ["error after 0", "error after 2", "error after 3"]
    assert [texts(row)[:3] for row in table.rows] == [["1", "3", "0.60 / 0.30"], ["2", "2", "0.10 / 0.90"]]
    assert [texts(row)[4] for row in table.rows] == ["300 / 600", "500 / 200"]
    for block, row in enumerate(table.rows):
        of_block = record.probe_block == block
        shown = dict(zip((0, 2, 3), texts(row)[6:], strict=True))
        for trials, error, zero in zip(
            record.probe_trials[of_block], record.error[of_block], record.zero_error[of_block], strict=True
        ):
            assert shown[trials] == f"{error / zero:.2f}"
        estimate = np.clip(record.p[np.flatnonzero(of_block)[-1], 0], 0, 1)
        assert texts(row)[3] == " / ".join(f"{p:.2f}" for p in estimate)
    assert table.rows[1][8] is None


def test_the_lead_gives_the_errors_at_the_ends_and_the_misses(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    record, ends = run.record, [2, 4]
    assert record.probe_block[ends].tolist() == [0, 1]
    errors = [f"{record.error[n] / record.zero_error[n]:.2f}" for n in ends]
    true = np.array([[0.6, 0.3], [0.1, 0.9]])
    off = np.abs(np.clip(record.p[ends, 0], 0, 1) - true).mean()
    assert run.page.title == "A run of smoke, seed 1"
    assert run.page.lead.startswith(
        "In float, on the cpu. At the end of the 2 blocks the error of the prediction after the cue alone "
        f"is {errors[0]} and {errors[1]} of the error of predicting nothing. "
    )
    assert f"off by {off:.2f} on average" in run.page.lead


def test_every_picture_of_a_run_is_shown_with_text_that_says_what_it_shows(
    tiny: Callable[..., Config],
) -> None:
    run = ran(tiny())
    figures = elements(run.page, Figure)
    assert len(figures) == len(plots.FIGURES)
    alts = [figure.alt for figure in figures]
    assert len(set(alts)) == len(alts)
    first, last = run.record.error[[0, 2]]
    assert f"from {first:.3f} to {last:.3f} in block 1" in alts[0]
    assert "80 cells" in alts[-1]
    assert all(len(figure.caption) > 30 for figure in figures)


def test_settings_that_differ_are_named_and_the_commands_give_the_same_run(
    tiny: Callable[..., Config], tmp_path: Path
) -> None:
    config = tiny(
        "run.seed=5", "reservoir.excitatory.a.stop=0.01", "fixed.rounding='floor'", "task.reset=true"
    )
    run = ran(config)
    (table,) = (t for t in elements(run.page, Table) if t.header[0] == "setting")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows.keys() == {
        "reservoir.neurons", "run.probe_trials", "run.probe_repeats", "task.settle_ms", "task.blocks",
        "reservoir.excitatory.a.stop", "fixed.rounding", "task.reset",
    }  # fmt: skip
    assert rows["reservoir.neurons"] == ["200", "80"]
    assert rows["task.reset"] == ["false", "true"]
    from_file, from_preset = (shlex.split(code.text) for code in elements(run.page, Code))
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert from_file == ["lava-predict", "run", "config.toml"]
    assert load_config(tmp_path / "config.toml") == config
    assert from_preset[:6] == ["lava-predict", "run", "--preset", "smoke", "--seed", "5"]
    options, values = from_preset[6::2], from_preset[7::2]
    assert set(options) == {"--set"}
    assert load_preset("smoke", ["run.seed=5", *values]) == config


def test_a_run_as_the_preset_has_it_says_so(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    same = page(
        RunRecord(**{**vars(run.record), "config": load_preset("smoke")}), {**run.summary, "preset": "smoke"}
    )
    assert Paragraph("All as the preset smoke has them.") in elements(same, Paragraph)
    assert not [t for t in elements(same, Table) if t.header[0] == "setting"]


def test_fingerprints_and_versions_are_given_whole(tiny: Callable[..., Config]) -> None:
    run = ran(tiny())
    shown = dict(item for one in elements(run.page, KeyValues) for item in one.items)
    assert shown["fingerprint, weights"] == run.summary["fingerprint"]["weights"]
    assert shown["fingerprint, network"] == run.summary["network_fingerprint"]
    assert shown["version, numpy"] == np.__version__


@pytest.mark.slow
def test_integers_that_hold_pass_and_those_that_do_not_warn(tiny: Callable[..., Config]) -> None:
    good = ran(tiny(), "fixed").page
    assert "Integers" in [section.title for section in good.sections]
    assert [callout.kind for callout in elements(good, Callout)] == ["pass"]
    assert Paragraph("No variable hit its bounds at any step.") in elements(good, Paragraph)
    assert all("--precision fixed" in code.text for code in elements(good, Code))
    bad = ran(tiny("fixed.fraction_bits=20"), "fixed")
    warnings = [f"{one['cause']}; {one['remedy']}" for one in bad.summary["warnings"]]
    shown = [callout.text for callout in elements(bad.page, Callout)]
    assert shown[1:] == warnings
    assert f"{len(warnings)} reasons" in shown[0]
    (table,) = (t for t in elements(bad.page, Table) if t.header[0] == "variable")
    assert dict(table.rows)["v"] == bad.summary["saturations"]["v"] > 0


@pytest.mark.slow
def test_several_cues_have_a_row_each_and_what_cannot_occur_a_dash(tiny: Callable[..., Config]) -> None:
    config = tiny(
        "task.cues=2",
        "task.blocks=[{trials=2, probability=[[0.8, 0.2], [0.0, 0.0]], latency_ms=[300, 600]}]",
    )
    run = ran(config)
    rows = elements(run.page, Table)[0].rows
    assert [row[0] for row in rows] == ["1, cue 1", "1, cue 2"]
    assert rows[1][2].text == "0.00 / 0.00"
    assert run.page.lead.count("At the end the error") == 1


def test_omissions_alone_have_no_relative_error(tiny: Callable[..., Config]) -> None:
    run = ran(tiny("task.blocks=[{trials=2, probability=[0.0], latency_ms=[300]}]"))
    assert elements(run.page, Table)[0].rows[0][6:] == [None, None]
    assert "the error" not in run.page.lead
    assert "predicted times" not in run.page.lead


def test_the_page_of_a_folder_is_that_of_the_run(tiny: Callable[..., Config], tmp_path: Path) -> None:
    run = ran(tiny())
    folder = leave(tmp_path / "run", run)
    assert to_html(page_of(folder)) == to_html(run.page)
    assert command_of(folder) == "run"


def test_other_commands_are_shown_from_the_page_they_left(tmp_path: Path) -> None:
    left = Report("Compared", "So.", [Section("One", [Paragraph("Words.")])])
    (tmp_path / "summary.json").write_text('{"schema": 1, "command": "compare"}')
    (tmp_path / "page.json").write_text(to_json(left))
    assert to_html(page_of(tmp_path)) == to_html(left)
    (tmp_path / "page.json").unlink()
    with pytest.raises(UserError, match=r"page\.json: cannot be read .* page of 'compare'"):
        page_of(tmp_path)


def test_a_folder_that_holds_no_result_is_refused_with_what_is_missing(
    tiny: Callable[..., Config], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"nowhere'.*not a folder"):
        page_of(tmp_path / "nowhere")
    (tmp_path / "stopped.unfinished").mkdir()
    with pytest.raises(UserError, match=r"has not ended; go on with: lava-predict run --resume .*stopped"):
        page_of(tmp_path / "stopped")
    with pytest.raises(UserError, match=r"summary\.json: cannot be read \(No such file"):
        page_of(tmp_path)
    for text, message in (
        ("{", "is not JSON"),
        ("[]", "which command"),
        ('{"command": "run", "schema": 9}', "schema 9, this version reads 1"),
        ('{"command": "run", "schema": 1}', r"results\.h5: there is no such file"),
    ):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(UserError, match=message):
            page_of(tmp_path)
    folder = leave(tmp_path / "run", ran(tiny()))
    (folder / "summary.json").write_text('{"command": "run", "schema": 1, "preset": "smoke", "seed": 1}')
    with pytest.raises(UserError, match=r"damaged \(KeyError\('blocks'\)\); run it again"):
        page_of(folder)


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    shown = Report("Title", "Lead.", [])
    file = tmp_path / "deep" / "report.html"
    write_page(shown, file, overwrite=False)
    assert file.read_text(encoding="utf-8") == to_html(shown)
    with pytest.raises(UserError, match=r"exists already.*--overwrite"):
        write_page(Report("Other", "", []), file, overwrite=False)
    assert "Title" in file.read_text()
    write_page(Report("Other", "", []), file, overwrite=True)
    assert "Other" in file.read_text()
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(UserError, match=r"choose another file$"):
        write_page(shown, file.parent, overwrite=True)
    with pytest.raises(UserError, match="cannot be written"):
        write_page(shown, file / "report.html", overwrite=True)
