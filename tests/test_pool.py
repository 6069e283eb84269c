"""Units of work: the same results however many processes."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lava_predict import RunError, UserError, pool
from lava_predict.pool import as_completed, carry_out, processors


def square(number: int) -> int:
    return number * number


def own_process(_: int) -> int:
    return os.getpid()


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError(f"unit {number} fails")
    return number


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_results_come_in_the_order_of_the_units(jobs: int) -> None:
    told: list[tuple[int, int]] = []
    assert carry_out(square, range(9), jobs, lambda done, total: told.append((done, total))) == [
        n * n for n in range(9)
    ]
    assert told == [(n, 9) for n in range(1, 10)]


@pytest.mark.slow
def test_one_job_stays_in_this_process_and_two_do_not() -> None:
    assert set(carry_out(own_process, range(4), 1)) == {os.getpid()}
    assert os.getpid() not in carry_out(own_process, range(4), 2)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.usefixtures("nothing_left")
def test_an_exception_in_a_unit_is_raised_here(jobs: int) -> None:
    with pytest.raises(ValueError, match="unit 3 fails"):
        carry_out(fail_on_three, range(6), jobs)


def test_a_scheduler_that_cannot_read_the_work_is_named() -> None:
    there = pool._same_environment
    with pytest.raises(UserError, match="'tcp://a:1': the scheduler cannot read"), there("tcp://a:1"):
        raise RuntimeError("Error during deserialization of the task graph.")
    with pytest.raises(RuntimeError, match="another"), there("tcp://a:1"):
        raise RuntimeError("another")


def test_no_units_and_some_processors() -> None:
    assert carry_out(square, [], 2) == []
    assert processors() >= 1


SEEN = ["by all"]


def seen(module: str) -> list[str]:
    return SEEN + [module] * (module in sys.modules)


WAYS = [pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="no fork")), False]
"""Whether a command's process is forked."""


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("forked", WAYS)
def test_processes_begin_with_the_modules_they_are_given(
    forked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_can_be_forked", lambda: forked)
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    monkeypatch.setattr(sys.modules[__name__], "SEEN", ["by this process"])
    with pool.local_processes(2, ["wave"]) as executor:
        # Only a copy of this process has what this test did.
        before = ["by this process" if forked else "by all"]
        found = dict(as_completed(seen, ["wave", "turtle"], executor))
    assert found == {0: [*before, "wave"], 1: before}


def test_a_process_with_a_thread_is_not_forked() -> None:
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    assert not pool._can_be_forked()
    waiting.set()
    thread.join()


def interrupt_this_process(_: int) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "goes on"


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("forked", WAYS)
def test_only_the_caller_answers_a_ctrl_c(forked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_can_be_forked", lambda: forked)
    with pool.local_processes(2, ["wave"]) as executor:
        assert dict(as_completed(interrupt_this_process, [1], executor)) == {0: "goes on"}


def log_and_wait(name: str) -> None:
    logging.getLogger("lava_predict.log_and_wait").error("at work")
    Path(name).touch()
    time.sleep(20)


def fail_while_units_run(names: list[str]) -> None:
    with pool.local_processes(2, ["wave"]) as executor:
        assert executor is not None
        waiting = [executor.submit(log_and_wait, name) for name in names]
        while sum(Path(name).exists() for name in names) < 2:
            assert not any(one.done() for one in waiting)
            time.sleep(0.05)
        raise ValueError("the command fails")


def leave(signum: int, frame: object) -> None:
    raise SystemExit(f"signal {signum}")


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("forked", WAYS)
def test_a_command_that_fails_ends_its_processes_whoever_answers_its_signals(
    forked: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool, "_can_be_forked", lambda: forked)
    logger, handler = logging.getLogger("lava_predict"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("by the caller: %(message)s"))
    logger.addHandler(handler)
    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(ValueError, match="fails"):
            fail_while_units_run([str(tmp_path / str(number)) for number in range(4)])
    finally:
        signal.signal(signal.SIGTERM, before)
        logger.removeHandler(handler)
    assert len(list(tmp_path.iterdir())) == 2, "a process went on with the next unit"
    assert "by the caller" not in capfd.readouterr().err


def end_the_process(number: int) -> int:
    os._exit(number)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_a_process_that_is_ended_from_outside_is_said() -> None:
    with pytest.raises(RunError, match="ended from outside"):
        carry_out(end_the_process, [1, 2], 2)


UNGUARDED = """
from lava_predict.pool import as_completed, processes
with processes({executor!r}, 2) as executor:
    list(as_completed(str, [1, 2], executor))
"""


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local", "dask"])
def test_a_script_without_a_main_guard_is_told_to_add_it(executor: str, tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(UNGUARDED.format(executor=executor))
    done = subprocess.run([sys.executable, "unguarded.py"], cwd=tmp_path, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert "UserError: " in last
    assert all(part in last for part in ("unguarded.py", 'if __name__ == "__main__":'))
    # Its processes stop before they start any of their own, so that they leave no semaphore behind.
    assert "An attempt has been made to start a new process" not in done.stderr
    assert "resource_tracker" not in done.stderr


SLEEP = """
import time
from pathlib import Path
from lava_predict.pool import as_completed, local_processes
def sleep(name):
    Path(name).touch()
    time.sleep(3600)
if __name__ == "__main__":
    with local_processes(2, {modules}) as executor:
        list(as_completed(sleep, ["one", "two"], executor))
"""


@pytest.mark.slow
@pytest.mark.parametrize("modules", [[], ["wave"]])
def test_no_process_outlives_a_caller_that_is_killed(modules: list[str], tmp_path: Path) -> None:
    (tmp_path / "sleep.py").write_text(SLEEP.format(modules=modules))
    caller = subprocess.Popen([sys.executable, "sleep.py"], cwd=tmp_path)
    try:
        while not all((tmp_path / name).exists() for name in ("one", "two")):
            assert caller.poll() is None
            time.sleep(0.05)
        children = psutil.Process(caller.pid).children(recursive=True)
    finally:
        caller.kill()
        caller.wait()
    _, left = psutil.wait_procs(children, timeout=200)
    for child in left:
        child.kill()
    assert left == []
