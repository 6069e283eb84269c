"""The command as it is typed: killed in the middle and started again, it ends with the table of one run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from shared_segments import SHARED_MEMORY
from typer.testing import CliRunner

from lava_predict import pool
from lava_predict.cli import app
from lava_predict.reports import second_process
from lava_predict.reports.second_process import SecondProcess

SMOKE = ["sweep", "--preset", "smoke"]
SWEEP = [*SMOKE, "--set", "readout.when_rate=0.02,0.05", "--seeds", "3", "--jobs", "2"]
SEARCH = [*SMOKE, "--set", "readout.when_rate=0.01..0.1:log", "--seeds", "2", "--jobs", "1"]
SEARCH += ["--search", "optuna", "--trials", "3", "--batch", "2"]
needs_optuna = pytest.mark.skipif(find_spec("optuna") is None, reason="optuna is not installed")


def group(leader: int) -> list[psutil.Process]:
    """Return the processes of a process group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill_in_the_middle(arguments: list[str], cwd: Path, runs: int) -> None:
    """Start a sweep, and kill it and all its processes when so many runs are kept."""
    command = [sys.executable, "-m", "lava_predict", *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, start_new_session=True)
    mapped: set[Path] = set()
    try:
        while len(list(cwd.glob("runs/cache/*.npz"))) < runs:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        mapped = shared_memory_of(group(process.pid))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Python's tracker, which would remove them, was killed as well.
        for segment in mapped:
            segment.unlink(missing_ok=True)
    assert process.returncode == -signal.SIGKILL
    psutil.wait_procs(group(process.pid), timeout=100)
    assert group(process.pid) == []


def shared_memory_of(processes: list[psutil.Process]) -> set[Path]:
    """Return the segments that some processes have mapped."""
    found: set[Path] = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {Path(region.path) for region in process.memory_maps()}
    return {path for path in found if path.parent == SHARED_MEMORY}


def finished(
    arguments: list[str], cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], list[str]]:
    """Run a sweep to its end; return its summary and the lines of its table, sorted."""
    with monkeypatch.context() as there:
        there.chdir(cwd)
        done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    (out,) = cwd.glob("runs/sweep-smoke-*")
    return json.loads(done.stdout), sorted((out / "sweep.csv").read_text().splitlines())


@pytest.mark.long
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(SWEEP, id="local"),
        pytest.param([*SWEEP, "--executor", "dask"], id="dask"),
        pytest.param(SEARCH, id="optuna", marks=needs_optuna),
    ],
)
def test_a_killed_sweep_ends_with_the_table_of_one_without_a_stop(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one without a stop runs in one process."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    alone = command[: command.index("--executor")] if "--executor" in command else command
    summary, whole = finished([*alone, "--jobs", "1"], tmp_path / "whole", monkeypatch)
    assert summary["runs"] == {"total": 6, "reused": 0}
    kill_in_the_middle(command, tmp_path / "killed", 2)
    summary, lines = finished(command, tmp_path / "killed", monkeypatch)
    assert summary["runs"]["reused"] >= 2
    assert lines == whole


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["sweep", "--preset", "smoke", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1"], "nothing to sweep"),
        (["--set", "readout.what_rat=0.02,0.05"], "did you mean 'what_rate'"),
        (["--set", "reservoir.noise=1,2", "--trials", "3"], "--trials: only a search has them"),
        (["--set", "reservoir.noise=1..2", "--search", "optuna"], "add --trials N"),
        (["--set", "reservoir.noise=1..2", "--search", "optun"], "did you mean 'optuna'"),
        (["--set", "reservoir.noise=1,2", "--executor", "dsk"], "did you mean 'dask'"),
        (["--set", "reservoir.noise=1,2", "--out", "."], "exists already and holds no sweep"),
    ],
)
def test_bad_options_are_named_and_leave_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("")
    result = invoke(*arguments)
    assert (result.exit_code, message in " ".join(result.stderr.split())) == (2, True), result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_the_package_a_search_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.chdir(tmp_path)
    result = invoke("--set", "reservoir.noise=1..2", "--search", "optuna", "--trials", "3", "--jobs", "1")
    assert result.exit_code == 2
    assert "pip install '.[search]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_shows_a_table_and_does_nothing_twice(tmp_path: Path) -> None:
    short = ["--set", "reservoir.neurons=60", "--set", "task.cues=1,2", "--seeds", "2", "--jobs", "1"]
    places = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    first = invoke(*short, *places)
    assert first.exit_code == 0, first.output
    assert "2 combinations, seeds 1 to 2" in first.stdout
    assert "4 runs, 0 of them reused" in first.stdout
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"config.toml", "figures", "report.html", "summary.json", "sweep.csv", "sweep.json"}
    again = invoke(*short, *places)
    assert "this sweep is complete; there is nothing to do" in again.stdout
    other = invoke(*short[:-4], "--seeds", "3", "--jobs", "1", *places)
    assert other.exit_code == 2
    assert "holds another sweep (seeds there: [1, 2], here: [1, 2, 3])" in " ".join(other.stderr.split())
    replaced = invoke(*short[:-4], "--seeds", "3", "--jobs", "1", *places, "--overwrite", "--json")
    assert json.loads(replaced.stdout)["runs"] == {"total": 6, "reused": 4}
    report = CliRunner().invoke(app, ["report", str(tmp_path / "out")])
    assert report.exit_code == 0, report.output


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_where_a_processor_is_free_a_second_process_draws_the_same_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(second: SecondProcess, *modules: str) -> None:
        start_it(second, *modules)
        second.wait()  # So it is ready before the runs end.
        monkeypatch.setattr(second, "wait", lambda: None)

    def draw_here(*picture: object) -> None:
        raise AssertionError("the picture is drawn in the process of the command")

    start_it = SecondProcess.start
    monkeypatch.setattr(SecondProcess, "start", start)
    short = ["--set", "reservoir.neurons=60", "--set", "task.cues=1,2", "--seeds", "2", "--jobs", "1"]
    drawn = []
    for processors in (1, 2):
        monkeypatch.setattr(pool, "processors", lambda number=processors: number)
        if processors > 1:
            monkeypatch.setattr(second_process, "_files_of", draw_here)
        out = tmp_path / f"{processors}"
        done = invoke(*short, "--out", str(out), "--cache", str(tmp_path / "cache"))
        assert done.exit_code == 0, done.output
        drawn.append((out / "figures" / "effects.png").read_bytes())
    assert drawn[0] == drawn[1]
