"""Standard output that is closed, full or left by its reader; standard error; paths without a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lava_predict.cli import app
from lava_predict.cli.standard_streams import standard_streams

# What prints more than any buffer holds, by way of print and of rich, without the time that a command takes.
PRINTING = """
import sys
from rich.console import Console
from lava_predict.cli.standard_streams import standard_streams
with standard_streams():
    if "quiet" not in sys.argv:
        Console().print("a table")
        for number in range(int(sys.argv[1])):
            print(number)
    print("done", file=sys.stderr)
"""
LOST = "error: standard output cannot be written"


def printed(
    shell: str, lines: int, unbuffered: bool, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, "-c", PRINTING, str(lines), *(["quiet"] if quiet else [])]
    environment = os.environ | {"PYTHONUNBUFFERED": "1" if unbuffered else ""}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$@" {shell}', "bash", *script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", [True, False])
@pytest.mark.parametrize("lines", [1, 30_000])
@pytest.mark.parametrize(("shell", "why"), [(">&-", "closed"), (">/dev/full", "No space left on device")])
def test_output_that_takes_nothing_is_said_once(shell: str, why: str, lines: int, unbuffered: bool) -> None:
    done = printed(shell, lines, unbuffered)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line != "done"]
    assert len(said) == 1
    assert said[0].startswith(f"{LOST} (")
    assert why in said[0]


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", [True, False])
def test_a_reader_that_leaves_is_nothing_to_speak_of(unbuffered: bool) -> None:
    done = printed("| head -n 1", 30_000, unbuffered)
    assert (done.returncode, done.stdout, done.stderr) == (1, "a table\n", "")


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full"])
def test_nothing_stops_because_stderr_is_lost(shell: str) -> None:
    done = printed(shell, 3, False)
    assert (done.returncode, done.stdout.split()[-1]) == (0, "2")


@pytest.mark.slow
def test_who_prints_nothing_needs_no_output() -> None:
    done = printed(">&-", 0, False, quiet=True)
    assert (done.returncode, done.stderr) == (0, "done\n")


def test_a_file_that_is_opened_is_not_taken_for_a_closed_stream(tmp_path: Path) -> None:
    script = (
        "from lava_predict.cli.standard_streams import standard_streams\n"
        "with standard_streams(), open('data', 'wb') as file:\n    assert file.fileno() > 2"
    )
    run = ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", script]
    assert subprocess.run(run, cwd=tmp_path, check=False).returncode == 0


def test_the_streams_are_put_back() -> None:
    before = sys.stdout, sys.stderr
    with standard_streams():
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("path", ["/", "", "/..", "a" * 300, "a\0b"])
@pytest.mark.parametrize(
    "arguments", [["report", "PATH"], ["run", "--resume", "PATH"], ["run", "--out", "PATH"]]
)
def test_a_path_that_names_no_folder_is_refused(path: str, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [path if part == "PATH" else part for part in arguments])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert "Invalid value" in done.output


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    for path in (".", ".."):
        done = CliRunner().invoke(app, ["report", path])
        assert done.exit_code == 2
        assert str((tmp_path / "inside" / path).resolve() / "summary.json") in done.output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--resume", "there", "--seed", "0"], "--seed"),
        (["learn", "--resume", "there", "--ms-per-unit", "0"], "--ms-per-unit"),
        (["run", "--precision", ""], "precision = ''"),
        (["run", "--backend", ""], "backend = ''"),
        (["learn", "--preset", "", "--example", "markov"], "preset = ''"),
        (["learn", "--backend", "", "--example", "markov"], "backend = ''"),
        (["run", "--figures", ""], "--figures ''"),
    ],
)
def test_0_and_nothing_are_values_too(arguments: list[str], named: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert named in done.output
