"""Commands that are interrupted, and commands where another process works: what they say and leave."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared_segments import wait_until
from typer.testing import CliRunner

from lava_predict import UserError
from lava_predict.cli import app
from lava_predict.records import owner
from lava_predict.records.folder import write_file

SMALL = {
    "run": [
        *("run", "--preset", "smoke", "--set", "reservoir.neurons=60", "--set", "run.probe_trials=[0]"),
        *("--set", "task.settle_ms=100", "--set", "run.probe_repeats=1"),
        *("--set", "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[300, 600]}]"),
    ],
    "learn": [
        *("learn", "--example", "grammar", "--events", "6"),
        *("--set", "reservoir.neurons=60", "--set", "stream.settle_ms=100"),
    ],
}


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module", params=SMALL)
def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Interrupt a command before it writes what it found; return its name and where it ran."""
    place = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("lava_predict.reports.outcome.leave", interrupt)
        done = CliRunner().invoke(app, [*SMALL[request.param], "--out", "out", "--quiet"])
    assert done.exit_code == 130
    assert done.stderr == f"interrupted; continue with: lava-predict {request.param} --resume out\n"
    assert [path.name for path in place.iterdir()] == ["out.unfinished"]
    return request.param, place


@pytest.mark.slow
@pytest.mark.parametrize(
    "at",
    [
        "lava_predict.cli.shared.printed",
        "lava_predict.records.hdf5.config_from",
        "lava_predict.records.folder.UnfinishedRun.keep",
        "lava_predict.reports.outcome.leave",
    ],
)
def test_wherever_a_resume_is_interrupted_it_says_how_to_go_on(
    at: str, stopped: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, place = stopped
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(at, interrupt)
        done = CliRunner().invoke(app, [name, "--resume", "out"])
    assert done.exit_code == 130
    assert done.stderr == f"interrupted; continue with: lava-predict {name} --resume out\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.unfinished"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_an_interruption_before_anything_is_kept_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lava_predict.records.folder.UnfinishedRun.keep", interrupt)
    done = CliRunner().invoke(app, [*SMALL[name], "--out", "out"])
    assert (done.exit_code, done.stderr) == (130, "interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_reproduction_says_where_its_units_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lava_predict.reproduction.reproduce.reproduce", lambda *_: None)
    monkeypatch.setattr("lava_predict.reproduction.page.outcome", interrupt)
    done = CliRunner().invoke(app, ["reproduce", "--preset", "smoke", "--out", "out", "--jobs", "1"])
    assert done.exit_code == 130
    assert "kept in runs/cache/: give the same command again" in done.stderr


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Start a process that owns a folder out; return its id and where."""
    place = tmp_path_factory.mktemp("working")
    script = (
        "import sys; from pathlib import Path; from lava_predict.records.owner import owned\n"
        "with owned(Path('out')): print('ready', flush=True); sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], cwd=place, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid, place
        process.kill()


@pytest.mark.parametrize(
    "arguments",
    [
        [*SMALL["run"], "--out", "out"],
        [*SMALL["run"], "--out", "out", "--overwrite"],
        ["run", "--resume", "out"],
        [*SMALL["learn"], "--out", "out"],
        ["learn", "--resume", "out"],
        ["compare", "--preset", "smoke", "--out", "out", "--overwrite"],
        ["reproduce", "--preset", "smoke", "--out", "out"],
        ["reproduce", "--preset", "smoke", "--out", "free", "--cache", "out"],
        ["check", "--preset", "smoke", "--out", "out"],
        ["plan", "--preset", "smoke", "--out", "out"],
    ],
    ids=lambda arguments: " ".join([arguments[0], *arguments[-3:]]),
)
def test_a_command_where_another_process_works_is_refused(
    arguments: list[str], working: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, place = working
    monkeypatch.chdir(place)
    monkeypatch.setattr(owner, "PATIENCE_S", 0.0)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert f"'out': process {process} on {socket.gethostname()}" in done.stderr
    assert [path.name for path in place.iterdir()] == [".out.owner"]


@pytest.mark.parametrize("path", [".", "/", ""])
@pytest.mark.parametrize("arguments", [SMALL["run"], SMALL["learn"], ["check", "--preset", "smoke"]])
def test_a_folder_without_a_name_of_its_own_is_refused(
    path: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = [[*arguments, "--out", path]]
    calls += [[arguments[0], "--resume", path]] if arguments[0] in SMALL else []
    for call in calls:
        done = CliRunner().invoke(app, call)
        assert (done.exit_code, "--out" in done.stderr or "--resume" in done.stderr) == (2, True), done.output
    assert list(tmp_path.iterdir()) == []


def test_export_and_report_are_refused_where_another_process_writes_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "PATIENCE_S", 0.0)
    with owner.owned(tmp_path / "network.nir"), pytest.raises(UserError, match="is writing it"):
        write_file(tmp_path / "network.nir", b"", overwrite=True)


def owner_is_known(file: Path) -> bool:
    """Tell whether the owner has written who it is; the file is there a moment earlier."""
    return file.exists() and file.stat().st_size > 0


@pytest.mark.long
def test_of_two_resumes_one_is_refused_and_the_other_ends_as_if_alone(
    stopped: tuple[str, Path], tmp_path: Path
) -> None:
    name, place = stopped
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    command = [sys.executable, "-m", "lava_predict", name]
    resume = [*command, "--resume", "out", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(resume, cwd=tmp_path, **pipes) as first:
        try:
            assert wait_until(lambda: owner_is_known(tmp_path / ".out.owner") or first.poll() is not None)
            first.send_signal(signal.SIGSTOP)
            again = [*SMALL[name][1:], "--out", "out"]
            for second in (resume, [*command, *again], [*command, *again, "--overwrite"]):
                done = subprocess.run(second, cwd=tmp_path, capture_output=True, text=True, check=False)
                assert done.returncode == 2
                assert f"process {first.pid} on {socket.gethostname()}" in done.stderr
            first.send_signal(signal.SIGCONT)
            stdout, stderr = first.communicate(timeout=600)
        finally:
            first.kill()
    assert first.returncode == 0, stderr
    whole = CliRunner().invoke(app, [*SMALL[name], "--out", str(tmp_path / "whole"), "--json"])
    assert json.loads(stdout)["fingerprint"] == json.loads(whole.stdout)["fingerprint"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]
