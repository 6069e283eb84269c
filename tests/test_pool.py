"""Units of work: the same results however many processes."""

import os
import subprocess
import sys
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


def is_imported(module: str) -> bool:
    return module in sys.modules


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_processes_begin_with_the_modules_they_are_given() -> None:
    with pool.local_processes(2, ["wave"]) as executor:
        assert dict(as_completed(is_imported, ["wave", "turtle"], executor)) == {0: True, 1: False}


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
from lava_predict.pool import carry_out
def sleep(name):
    Path(name).touch()
    time.sleep(3600)
if __name__ == "__main__":
    carry_out(sleep, ["one", "two"], 2)
"""


@pytest.mark.slow
def test_no_process_outlives_a_caller_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sleep.py").write_text(SLEEP)
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
