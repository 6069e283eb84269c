"""`lava-predict report`: the page of what any command left, or a refusal that names what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lava_predict import Config, Experiment
from lava_predict.cli import app
from lava_predict.cli.report import page_of
from lava_predict.errors import UserError
from lava_predict.records.folder import Folder
from lava_predict.reports.outcome import Outcome, leave
from lava_predict.reports.run_page import page, run_outcome
from lava_predict.targets.loihi2.page import outcome as check_outcome
from lava_predict.targets.loihi2.readiness import check_readiness


@pytest.fixture
def run(tiny: Callable[..., Config]) -> Outcome:
    return run_outcome(Experiment(tiny()).run())


@pytest.fixture
def folder(run: Outcome, tmp_path: Path) -> Path:
    made = tmp_path / "run"
    leave(run, Folder(made))
    return made


def invoke(*arguments: str | Path):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.mark.slow
def test_the_page_of_a_folder_is_that_of_the_run(run: Outcome, folder: Path) -> None:
    shown = page(run.summary, {name: (folder / f"figures/{name}.png").read_bytes() for name in run.figures})
    assert page_of(folder) == ("run", shown.lead, shown.html())
    done = invoke(folder)
    assert done.exit_code == 0
    assert done.stdout == f"{shown.lead}\npage: {folder}/report.html\n"
    assert (folder / "report.html").read_text(encoding="utf-8") == shown.html()
    found = json.loads(invoke(folder, "--json").stdout)
    assert [found[key] for key in ("schema", "command", "of")] == [1, "report", "run"]
    assert found["file"] == f"{folder}/report.html"


@pytest.mark.slow
def test_the_pictures_of_a_finished_run_are_drawn_again(folder: Path) -> None:
    figures = folder / "figures"
    before = {file.name: file.read_bytes() for file in figures.iterdir()}
    assert invoke(folder, "--figures", "svg").exit_code == 0
    drawn = {file.name: file.read_bytes() for file in figures.iterdir()}
    assert {name: drawn[name] for name in before} == before
    assert set(drawn) - set(before) == {name.replace(".png", ".svg") for name in before}
    assert invoke(folder, "--width-mm", "85").exit_code == 0
    assert (figures / "raster.png").read_bytes() != before["raster.png"]


@pytest.mark.slow
def test_pictures_of_other_commands_are_not_drawn_again(tiny: Callable[..., Config], tmp_path: Path) -> None:
    leave(check_outcome(check_readiness(tiny())), Folder(tmp_path))
    done = invoke(tmp_path, "--figures", "pdf")
    assert (done.exit_code, "give them to check itself" in done.output) == (2, True)


@pytest.mark.slow
def test_the_page_of_another_command_is_the_one_that_it_left(
    tiny: Callable[..., Config], tmp_path: Path
) -> None:
    leave(check_outcome(check_readiness(tiny())), Folder(tmp_path))
    left = (tmp_path / "report.html").read_text(encoding="utf-8")
    command, _, html = page_of(tmp_path)
    assert (command, html) == ("check", left)


def test_a_folder_that_holds_no_result_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere'.*not a folder"):
        page_of(tmp_path / "nowhere")
    (tmp_path / "stopped.unfinished").mkdir()
    with pytest.raises(UserError, match=r"is unfinished; continue it with: .* --resume .*stopped"):
        page_of(tmp_path / "stopped")
    with pytest.raises(UserError, match=r"summary\.json: cannot be read \(No such file"):
        page_of(tmp_path)
    for text, message in (
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "which command"),
        ('{"command": "run", "schema": 9}', "schema 9, this version reads 1"),
        ('{"command": "plan", "schema": 1}', "'plan' has no page; give a folder of run, learn, compare"),
    ):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(UserError, match=message):
            page_of(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["figures", "blocks", "reservoir", "versions"])
def test_a_damaged_summary_is_refused(folder: Path, key: str) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    for damaged in ({k: v for k, v in summary.items() if k != key}, {**summary, key: 3}):
        (folder / "summary.json").write_text(json.dumps(damaged))
        wrong = (
            rf"summary.json: {key}: is .*; expected a (list|table).*; run it again: lava-predict run config"
        )
        with pytest.raises(UserError, match=wrong):
            page_of(folder)


@pytest.mark.slow
def test_a_missing_picture_is_named(folder: Path) -> None:
    (folder / "figures" / "raster.png").unlink()
    with pytest.raises(UserError, match=r"figures/raster.png: cannot be read \(No such file.*run it again"):
        page_of(folder)
    shutil.rmtree(folder / "figures")
    assert invoke(folder).exit_code == 2


@pytest.mark.slow
def test_a_page_is_written_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "page.html"
    assert invoke(folder, "--out", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == page_of(folder)[2]
    file.write_text("mine")
    done = invoke(folder, "--out", file)
    assert done.exit_code == 2
    assert "exists already; choose another file or add --overwrite" in done.stderr
    assert file.read_text() == "mine"
    assert invoke(folder, "--out", file, "--overwrite").exit_code == 0
    assert list(file.parent.iterdir()) == [file]
    assert "choose another file\n" in invoke(folder, "--out", file.parent, "--overwrite").stderr
    assert "cannot be written" in invoke(folder, "--out", file / "page.html", "--overwrite").stderr
