"""What a command found: the files it becomes, and what is printed of it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lava_predict import load_config, load_preset
from lava_predict.errors import Caution
from lava_predict.records.folder import Folder
from lava_predict.reports import plot_style
from lava_predict.reports.outcome import Outcome, leave, plain, sheet, show
from lava_predict.reports.page import Number, Page
from lava_predict.reports.print_style import render
from lava_predict.targets.loihi2.readiness import Verdict

FIGURE = plot_style.new_figure(1, 1)


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    return Page(f"On {summary['command']}", f"Shows {', '.join(figures)}.", "page.html.j2", figures)


WARNINGS = (Caution("it is small", "raise it"), Caution("it is odd"))


def whole() -> Outcome:
    return Outcome(
        "try",
        {"preset": "smoke", "rates": np.array([1.0, np.nan])},
        sheet(["cell", "rate"], [["one", 1.5]]),
        ["below the table"],
        WARNINGS,
        load_preset("smoke"),
        {"curve": FIGURE},
        page,
        {"results.h5": b"data"},
    )


def test_an_outcome_leaves_its_files(tmp_path: Path) -> None:
    leave(whole(), Folder(tmp_path))
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {
        "config.toml", "summary.json", "results.h5", "figures/curve.png", "report.html",
    }  # fmt: skip
    assert load_config(tmp_path / "config.toml") == load_preset("smoke")
    assert (tmp_path / "figures/curve.png").read_bytes() == render(FIGURE)["png"]
    assert (tmp_path / "results.h5").read_bytes() == b"data"
    html = (tmp_path / "report.html").read_text()
    assert "<h1>On try</h1>" in html
    assert "Shows curve." in html
    assert json.loads((tmp_path / "summary.json").read_text()) == {
        "schema": 1,
        "command": "try",
        "warnings": [
            {"cause": "it is small", "remedy": "raise it"},
            {"cause": "it is odd", "remedy": ""},
        ],
        "preset": "smoke",
        "rates": [1.0, None],
        "figures": ["curve"],
    }


def test_what_an_outcome_lacks_leaves_no_file(tmp_path: Path) -> None:
    leave(Outcome("try", {}), Folder(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_the_table_goes_to_stdout_and_warnings_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show(whole(), Path("there"))
    printed = capsys.readouterr()
    assert printed.err == "warning: it is small; raise it\nwarning: it is odd\n"
    assert "one" in printed.out
    assert printed.out.endswith("below the table\ntable, figures and page: there/ (open there/report.html)\n")


def test_json_is_alone_on_stdout_and_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show(whole(), Path("there"), as_json=True)
    assert json.loads(capsys.readouterr().out) == whole().summary
    show(whole(), Path("there"), quiet=True)
    assert capsys.readouterr() == ("", "")
    show(whole(), quiet=True, as_json=True)
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == (whole().summary, "")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"page": page}, "table and page: there/ (open there/report.html)\n"),
        ({"figures": {"a": FIGURE}}, "table, records and pictures: there/ (look at there/figures/)\n"),
        ({}, ""),
    ],
)
def test_the_last_line_says_where_the_files_are(
    changes: dict, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(Outcome("try", {}, **changes), Path("there"))
    assert capsys.readouterr().out == line


def test_in_a_pipe_no_line_of_a_table_ends_in_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    show(Outcome("try", {}, table=sheet(["what", "many"], [["a", 1], ["longer", None]], "title", "caption")))
    lines = capsys.readouterr().out.splitlines()
    assert "longer" in "".join(lines)
    assert lines == [line.rstrip() for line in lines]


def test_values_become_plain() -> None:
    found = plain(
        {
            1: (np.int64(2), np.float32(0.5), np.bool_(True)),
            "array": np.array([[1.0, np.inf]]),
            "enum": Verdict.READY,
            "record": Caution("a", "b"),
            "nothing": None,
        }
    )
    assert found == {
        "1": [2, 0.5, True],
        "array": [[1.0, None]],
        "enum": "ready",
        "record": {"cause": "a", "remedy": "b"},
        "nothing": None,
    }
    assert [type(value) for value in found["1"]] == [int, float, bool]


def test_columns_of_numbers_stand_on_the_right_and_an_empty_row_is_a_line() -> None:
    laid_out = sheet(
        ["what", "many", "said", "words"], [["a", 10**6, Number("1 ± 2"), "b"], [], ["c", 1, None, ""]]
    )
    assert [column.justify for column in laid_out.columns] == ["left", "right", "right", "left"]
    assert laid_out.row_count == 2
    assert laid_out.rows[0].end_section
    written = io.StringIO()
    Console(width=80, file=written).print(laid_out)
    assert "1,000,000" in written.getvalue()
    assert "–" in written.getvalue()
