"""One owner a name: the second is refused, the dead are cleared after, and the lock dies with its process."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lava_predict import UserError
from lava_predict.records import owner
from lava_predict.records.owner import Owner, owned, owner_file

HOLD = """
import os, sys, time
from pathlib import Path
from lava_predict.records.owner import owned
with owned(Path(sys.argv[1])):
    {then}
    print("ready", flush=True)
    sys.stdin.read()
"""

Hold = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "PATIENCE_S", 0.0)


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start processes that own a path until their input ends."""
    started: list[subprocess.Popen[str]] = []

    def begin(path: Path, then: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(then=then or "pass"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(path: Path) -> str:
    with pytest.raises(UserError, match="is writing it") as caught, owned(path):
        pytest.fail("must not begin")
    return str(caught.value)


def test_the_second_process_is_refused_with_the_first_ones_host_and_id(hold: Hold, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    first = hold(out)
    assert f"--out {str(out)!r}: process {first.pid} on {socket.gethostname()} (since 2" in refused(out)
    with owned(tmp_path / "deep" / "other"):
        assert names(out.parent) == [".other.owner", ".out.owner"]
    first.communicate()
    with owned(out):
        assert json.loads(owner_file(out).read_text())["process"] == os.getpid()
    assert names(out.parent) == []


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lock_dies_with_its_process_and_not_before(
    signum: signal.Signals, hold: Hold, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = hold(out)
    first.send_signal(signum)
    if signum == signal.SIGSTOP:
        assert f"process {first.pid}" in refused(out)
        return
    first.wait()
    assert names(tmp_path) == [".out.owner"]
    with owned(out):
        pass
    assert names(tmp_path) == []


def test_a_child_that_outlives_the_owner_keeps_no_lock(hold: Hold, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = hold(out, "if not os.fork(): os.closerange(0, 3), time.sleep(30), os._exit(0)")
    first.kill()
    first.wait()
    with owned(out):
        pass


def test_one_process_owns_a_name_once(tmp_path: Path) -> None:
    out, found = tmp_path / "out", []
    (tmp_path / "link").symlink_to(tmp_path)
    with owned(out):
        for path in (out, tmp_path / "link" / "out"):
            assert f"process {os.getpid()}" in refused(path)
        thread = threading.Thread(target=lambda: found.append(refused(out)))
        thread.start()
        thread.join()
    assert len(found) == 1
    with pytest.raises(RuntimeError, match="cause"), owned(out):
        raise RuntimeError("cause")
    with owned(out):
        pass


def test_owning_another_name_does_not_give_up_the_first(tmp_path: Path) -> None:
    """Closing a file gives up every lock that a process has on it."""
    script = (
        "import sys; from pathlib import Path; from lava_predict.records import owner\n"
        "owner.PATIENCE_S = 0.0\n"
        "with owner.owned(Path(sys.argv[1])): pass\n"
    )
    out = tmp_path / "out"
    with owned(out), owned(tmp_path / "cache"):
        done = subprocess.run([sys.executable, "-c", script, str(out)], capture_output=True, text=True)
    assert f"process {os.getpid()} on" in done.stderr


def left_by_a_killed_process(folder: Path, name: str, hold: Hold) -> None:
    """Leave what a process leaves that is killed while it replaces NAME, before the new one has its place."""
    process = hold(folder / name)
    for kind in ("partial", "old"):
        hidden = folder / f".{name}.{kind}-abcdefgh" / name
        hidden.mkdir(parents=True)
        (hidden / "summary.json").write_text(kind)
    process.kill()
    process.wait()


@pytest.mark.parametrize("next_one", ["out", "another"])
def test_what_dead_owners_left_is_cleared_and_what_was_there_before_goes_back(
    next_one: str, hold: Hold, tmp_path: Path
) -> None:
    left_by_a_killed_process(tmp_path, "out", hold)
    alive = hold(tmp_path / "alive")
    (tmp_path / ".alive.partial-abcdefgh").mkdir()
    (tmp_path / ".mine.owner").write_text("a file of somebody else")
    (tmp_path / ".out.partial-of-mine").mkdir()
    with owned(tmp_path / next_one):
        assert (tmp_path / "out" / "summary.json").read_text() == "old"
    assert names(tmp_path) == [
        ".alive.owner",
        ".alive.partial-abcdefgh",
        ".mine.owner",
        ".out.partial-of-mine",
        "out",
    ]
    assert alive.poll() is None


def test_half_written_files_in_an_owned_folder_are_cleared(tmp_path: Path) -> None:
    (tmp_path / "cache" / ".partial-1").mkdir(parents=True)
    (tmp_path / "cache" / ".partial-2").touch()
    (tmp_path / "cache" / "kept.npz").touch()
    with owned(tmp_path / "cache"):
        assert names(tmp_path / "cache") == ["kept.npz"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache, message = tmp_path / "file" / "deep" / "cache", r"--cache '.*file/deep/cache': cannot be written"
    with pytest.raises(UserError, match=message), owned(cache, "--cache"):
        pytest.fail("must not begin")


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file systems seem to have no locks, as some of clusters have none."""

    def lockf(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def written(path: Path, **changes: Any) -> None:
    owner_file(path).write_text(json.dumps({**vars(Owner.here()), **changes}))


@pytest.mark.usefixtures("no_locks")
def test_without_locks_the_file_itself_is_the_lock(hold: Hold, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = hold(out)
    assert f"process {first.pid}" in (message := refused(out))
    assert message.endswith(f"; if that process has ended, delete {owner_file(out)}")
    first.kill()
    first.wait()
    with owned(out):
        assert json.loads(owner_file(out).read_text())["process"] == os.getpid()
    written(out, started="another process had this id before")
    with owned(out):
        pass
    assert names(tmp_path) == []
    written(out, host="elsewhere", process=first.pid)
    assert f"process {first.pid} on elsewhere" in refused(out)
    owner_file(out).write_text("")
    assert "another process is writing it" in refused(out)


@pytest.mark.usefixtures("no_locks")
def test_the_file_of_a_dead_owner_is_not_taken_from_who_was_faster(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dead = Owner("here", 1, "", "")
    written(out)
    owner._take_away(out, dead)
    assert json.loads(owner_file(out).read_text())["process"] == os.getpid()
    assert names(tmp_path) == [".out.owner"]


@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name_of_its_own_is_refused(path: str) -> None:
    with pytest.raises(UserError, match="is no name for something new"), owned(Path(path)):
        pytest.fail("must not begin")
