"""A supervised Lava run ends whatever happens, says why, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest
from shared_segments import nothing_new, segments, wait_until

from lava_predict.engines.lava import supervised
from lava_predict.engines.lava.supervised import SupervisedRun, import_lava
from lava_predict.errors import RunError, UserError

pytestmark = pytest.mark.slow

pytest.importorskip("lava", reason="lava-nc is not installed")

PEERS = pytest.mark.parametrize(
    "peers", [pytest.param(0, id="alone", marks=pytest.mark.long), pytest.param(2, id="connected")]
)
PLACES = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


def network(fault: str = "", step: int = 3, peers: int = 2):
    """A faulty Process, what it tells about itself, and a chain of steady ones that wait for it."""
    import_lava()
    from lava_failures.faulty.process import Faulty
    from lava_failures.steady.process import Steady

    told = multiprocessing.get_context("fork").RawArray("q", 2)
    faulty = Faulty(fault, step, told)
    chain = [Steady() for _ in range(peers)]
    port = faulty.number_out
    for steady in chain:
        port.connect(steady.number_in)
        port = steady.sum_out
    return faulty, told, chain


def supervise(process, **options) -> SupervisedRun:
    from lava.magma.core.run_configs import Loihi2SimCfg

    return SupervisedRun(process, Loihi2SimCfg(), **options)


def children() -> set[int]:
    """Return all descendants but Python's tracker of shared memory, which plain Lava starts for good."""
    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)
    return {child.pid for child in psutil.Process().children(recursive=True)} - {tracker}


@pytest.fixture(autouse=True)
def nothing_left():
    """No child, shared memory, thread or log handler more than before; and the next run works."""
    import_lava()
    before, threads, handlers = children(), set(threading.enumerate()), list(logging.getLogger().handlers)
    shared = segments()
    yield
    assert children() == before
    # Threads of a test before may still be ending, so none may be new.
    assert set(threading.enumerate()) <= threads
    assert [handler for handler in logging.getLogger().handlers if handler not in handlers] == []
    assert nothing_new(shared)
    run_and_check()
    assert children() == before


def run_and_check() -> None:
    faulty, told, chain = network()
    with supervise(faulty, patience_s=100) as run:
        run.run(4)
        run.run(6)
        assert told[1] == 10
        # Sums of 1..10, and sums of those: nothing was lost or sent twice.
        assert [steady.total.get()[0] for steady in chain] == [55, 220]


def check_failure(fault: str, peers: int, kind: type[Exception], text: str, **options):
    faulty, told, _ = network(fault, peers=peers)
    with supervise(faulty, **options) as run:
        with pytest.raises(kind, match=text) as caught:
            run.run(5)
        assert children() == set(), "everything is gone when the error arrives"
        with pytest.raises(RunError, match="has failed"):
            run.run(1)
    assert type(caught.value) is kind
    return caught.value, told


@PEERS
@pytest.mark.parametrize("place", ["init", "before send", "after send", "management"])
def test_exception_in_a_model_arrives_with_its_traceback(place, peers, capfd):
    error, _ = check_failure(f"{place}: lookup", peers, KeyError, "no such cell")
    told = str(error.__cause__)
    assert "(Faulty)" in told
    assert 'raise KeyError("no such cell")' in told
    assert ("__init__" if place == "init" else "run_") in told
    assert capfd.readouterr() == ("", ""), "the children print nothing besides"


@PEERS
def test_run_error_keeps_its_message(peers):
    error, _ = check_failure("after send: run error", peers, RunError, "weights")
    assert str(error) == "the weights are not finite"


def test_exception_that_cannot_travel_becomes_a_run_error():
    error, _ = check_failure("before send: untransportable", 2, RunError, "UntransportableError: a word")
    assert "raise UntransportableError" in str(error.__cause__)


def test_exit_in_a_model_does_not_end_the_main_process():
    check_failure("before send: exit", 2, RunError, "SystemExit: 3")


@PEERS
@pytest.mark.parametrize("place", ["init", "before send", "after send", "management"])
def test_killed_child_is_reported(place, peers):
    check_failure(f"{place}: kill", peers, RunError, r"\(Faulty\) was killed by SIGKILL")


def test_child_that_just_ends_is_reported():
    check_failure("after send: hard exit", 2, RunError, r"\(Faulty\) ended unexpectedly with exit code 0")


def test_killed_runtime_service_is_reported():
    faulty, _, _ = network()
    with supervise(faulty) as run:
        run.run(1)
        # Lava builds its service after all models.
        os.kill(max(children()), signal.SIGKILL)
        with pytest.raises(RunError, match="runtime service was killed by SIGKILL"):
            run.run(1)


def test_child_killed_between_two_runs_is_reported():
    faulty, told, _ = network()
    with supervise(faulty) as run:
        run.run(1)
        os.kill(told[0], signal.SIGKILL)
        with pytest.raises(RunError, match=r"\(Faulty\) was killed"):
            run.run(1)


def test_reading_a_variable_of_dead_children_does_not_hang():
    faulty, _, chain = network()
    with supervise(faulty) as run:
        run.run(2)
        for child in children():
            os.kill(child, signal.SIGKILL)
        with pytest.raises(RunError, match="was killed"):
            chain[0].total.get()


@PEERS
@pytest.mark.parametrize("place", ["init", "before send"])
def test_hang_ends_when_patience_does(place, peers):
    check_failure(f"{place}: sleep", peers, RunError, "hangs: nothing has moved for 0.5 s", patience_s=0.5)


def test_progress_earns_patience():
    looks = 0

    def progress() -> int:
        nonlocal looks
        looks += 1
        if looks == 40:  # long after patience would have ended
            os.kill(max(children()), signal.SIGKILL)
        return looks

    faulty, _, _ = network("before send: sleep")
    killed = pytest.raises(RunError, match="was killed")
    with supervise(faulty, progress=progress, patience_s=0.2) as run, killed:
        run.run(5)
    assert looks >= 40


@PEERS
@pytest.mark.parametrize("steps", [20, 3], ids=["early", "in the last step"])
def test_model_that_pauses_goes_on_with_the_next_run(steps, peers):
    faulty, told, chain = network("pause", step=3, peers=peers)
    with supervise(faulty, patience_s=100) as run:
        run.run(steps)
        assert told[1] == 3
        for steady in chain[:1]:
            assert steady.total.get()[0] == 6
        run.run(4)
        assert told[1] == 7
        run.run(1)
        assert told[1] == 8


def test_model_that_asks_to_stop_ends_the_run():
    faulty, told, _ = network("ask to stop", step=3)
    with supervise(faulty) as run:
        run.run(20)
        assert told[1] == 3
        assert children() == set()
        with pytest.raises(RunError, match="has been stopped"):
            run.run(1)


def test_stop_is_idempotent_and_final():
    faulty, _, chain = network()
    run = supervise(faulty)
    run.stop()
    with pytest.raises(RunError, match="has been stopped"):
        run.run(1)

    faulty, _, chain = network()
    run = supervise(faulty)
    run.run(2)
    run.stop()
    run.stop()
    with pytest.raises(RunError, match="has been stopped"):
        run.run(1)
    faulty.stop()
    with pytest.raises(RuntimeError, match="not started"):
        chain[0].total.get()


def test_stop_that_hangs_becomes_a_kill(monkeypatch):
    monkeypatch.setattr(supervised, "_STOP_S", 0.3)
    faulty, _, _ = network("stop: sleep")
    run = supervise(faulty)
    run.run(2)
    run.stop()
    assert children() == set()


def test_run_that_is_dropped_without_stop_leaves_nothing():
    faulty, told, chain = network()
    run = supervise(faulty)
    run.run(2)
    del run, faulty, told, chain
    # Lava's servers hold every Process until a run ends.
    run_and_check()
    gc.collect()
    assert children() == set()


def test_steps_must_be_positive():
    with (
        supervise(network()[0]) as run,
        pytest.raises(UserError, match="steps = 0: must be a whole number from 1"),
    ):
        run.run(0)


def test_two_runs_side_by_side():
    first, first_told, _ = network()
    with supervise(first) as one:
        one.run(2)
        run_and_check()
        one.run(3)
        assert first_told[1] == 5


def test_waiting_costs_no_cpu():
    faulty, _, _ = network("before send: sleep")
    with supervise(faulty, patience_s=2.0) as run:
        run.run(2)
        before = time.process_time()
        with pytest.raises(RunError, match="hangs"):
            run.run(5)
    assert time.process_time() - before < 0.5


# What follows needs an interpreter of its own.

SCRIPT = """
import sys
sys.path[:0] = {places!r}
from test_supervised import *
faulty, told, _ = network({fault!r})
with supervise(faulty) as run:
    run.run(2)
    print(*children(), flush=True)
    run.run(10**9)
"""


@contextlib.contextmanager
def script(fault: str = "before send: sleep", prelude: str = ""):
    """Run SCRIPT as a terminal would, in a group of its own; give it and its children's ids."""
    code = prelude + SCRIPT.format(places=PLACES, fault=fault)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            ids = [int(word) for word in process.stdout.readline().split()]
            assert len(ids) == 4, process.stderr.read()
            time.sleep(0.2)  # into the second run()
            yield process, ids
        finally:
            process.kill()


def all_gone(ids) -> bool:
    """A zombie is gone: it waits for init to bury it, which is not ours to hasten."""
    return not any(alive(number) for number in ids)


def alive(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_everything_quietly():
    with script() as (process, ids):
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=200)
        assert process.returncode == -signal.SIGINT  # how Python ends on an unhandled KeyboardInterrupt
        assert told.count("Traceback") == 1, told
        assert told.rstrip().endswith("KeyboardInterrupt")
        assert wait_until(lambda: all_gone(ids)), "no child outlives the main process"


@pytest.mark.parametrize(
    "fault",
    ["before send: sleep", pytest.param("", marks=pytest.mark.long)],
    ids=["hanging", "busy"],
)
def test_children_die_with_a_killed_main_process(fault):
    with script(fault) as (process, ids):
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until(lambda: all_gone(ids))


@pytest.mark.parametrize(
    ("prelude", "code"),
    [
        ("", -signal.SIGTERM),
        ("import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n", 143),
    ],
    ids=["default", "handler"],
)
def test_children_die_with_a_terminated_main_process(prelude, code):
    with script(prelude=prelude) as (process, ids):
        process.terminate()
        assert process.wait(200) == code
        assert wait_until(lambda: all_gone(ids))


def test_children_die_with_a_main_process_that_forgets_to_stop_them():
    code = SCRIPT.replace("with supervise(faulty) as run:", "if run := supervise(faulty):").replace(
        "    run.run(10**9)\n", ""
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(places=PLACES, fault="")],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert done.stderr == ""
    assert wait_until(lambda: all_gone([int(word) for word in done.stdout.split()]))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_lava_can_be_imported_after_multiprocessing_was_used(method):
    code = textwrap.dedent(
        f"""
        import multiprocessing, sys
        multiprocessing.set_start_method({method!r})
        multiprocessing.Queue()
        sys.path[:0] = {PLACES!r}
        from test_supervised import *
        run_and_check()
        assert multiprocessing.get_start_method() == {method!r}
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


def test_runs_in_a_daemonic_process():
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=run_and_check, daemon=True)
    worker.start()
    worker.join(200)
    assert worker.exitcode == 0


def test_library_imports_without_lava():
    code = "import lava_predict.engines.lava.supervised, sys; sys.exit('lava' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


@pytest.mark.long
def test_memory_stays_over_many_runs():
    def megabytes() -> float:
        return psutil.Process().memory_info().rss / 2**20

    for _ in range(3):
        run_and_check()
    before = megabytes()
    for _ in range(25):
        run_and_check()
    assert megabytes() - before < 10
