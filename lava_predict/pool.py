"""Carries out independent units of work in processes of their own, here or on a cluster."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, spawn
from multiprocessing.synchronize import Event
from typing import TypeVar

from threadpoolctl import threadpool_limits

from lava_predict.errors import RunError, UserError, named_arguments, needs_package, one_of, whole

_LOG = logging.getLogger(__name__)

Unit = TypeVar("Unit")
Found = TypeVar("Found")

_ANSWERS_WITHIN = "10s"
MOST_JOBS = 1024
"""Most processes at a time."""

EXECUTORS = ("local", "dask")
"""Where units can be carried out."""


@named_arguments
def carry_out(
    function: Callable[[Unit], Found],
    units: Sequence[Unit],
    jobs: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Found]:
    """Apply a function to every unit on this machine and return the results in the order of the units.

    With one job, or one unit, all runs in this process. ``progress`` is called after each unit with the
    number of units done and the total. The rest is as for `as_completed`.
    """
    found: dict[int, Found] = {}
    jobs = whole("jobs", jobs, 1, MOST_JOBS)
    with local_processes(min(jobs, len(units))) as executor:
        for number, result in as_completed(function, units, executor):
            found[number] = result
            if progress is not None:
                progress(len(found), len(units))
    return [found[number] for number in range(len(units))]


def as_completed(
    function: Callable[[Unit], Found], units: Sequence[Unit], executor: Executor | None
) -> Iterator[tuple[int, Found]]:
    """Apply a function to every unit and yield number and result of each as it ends, in any order.

    An exception in a unit is raised here. Units that have not begun are dropped when a unit fails or the
    caller stops iterating. Units are picklable. The function is importable by name and depends on its unit
    alone, so that the result does not depend on the executor; None is this process.
    """
    if executor is None:
        for number, unit in enumerate(units):
            yield number, _on_one_thread(function, unit)
        return
    waiting: dict[Future[Found], int] = {
        executor.submit(_on_one_thread, function, unit): number for number, unit in enumerate(units)
    }
    try:
        for future in futures.as_completed(waiting):
            yield waiting.pop(future), future.result()
    finally:
        for future in waiting:
            future.cancel()


def _on_one_thread(function: Callable[[Unit], Found], unit: Unit) -> Found:
    # One unit per processor; and the order in which BLAS sums, hence the bits, depends on its threads.
    with threadpool_limits(limits=1, user_api="blas"):
        return function(unit)


@contextmanager
def local_processes(jobs: int, modules: Sequence[str] = ()) -> Iterator[Executor | None]:
    """Start processes on this machine for `as_completed`; yield None for one job or less.

    ``modules`` are for a command, whose process is its own: all processes start at once with these modules
    imported. If the command can be forked, it imports them for all. Raises a UserError if no process can
    start, because the script that is run does its work when it is imported, and a RunError if one was ended
    from outside.
    """
    if jobs <= 1:
        yield None
        return
    forked = bool(modules) and _can_be_forked()
    if forked:
        _import(modules)
    else:
        _expect_a_main_guard()
    context = multiprocessing.get_context("fork" if forked else "spawn")
    started = context.Event()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(started, modules))
    try:
        for _ in range(jobs if modules else 0):
            pool.submit(_nothing)  # A process starts with its first piece of work.
        yield pool
    except BrokenProcessPool:
        if started.is_set():
            raise RunError(
                "a process that was carrying out units of work was ended from outside, maybe for want of "
                "memory; give it fewer jobs or more memory"
            ) from None
        raise UserError(_main_guard()) from None
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _can_be_forked() -> bool:
    """Say whether this process can be copied as it is, where the system's own libraries allow it.

    A thread, such as that of a progress bar, would be missing in the copy, with its locks held for ever.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def _expect_a_main_guard() -> None:
    """Raise a UserError in a process of a pool that is still importing the script of its caller.

    Nothing has been made then that could outlive this process, which the caller's pool is about to end.
    """
    try:
        spawn.get_preparation_data("")
    except RuntimeError:
        raise UserError(_main_guard()) from None


def _main_guard() -> str:
    """Say why a script needs a main guard, and what that is."""
    script = getattr(sys.modules["__main__"], "__file__", None) or sys.argv[0] or "the script"
    return (
        f"{script}: the processes of a pool import this file, and it then starts a pool itself; put what "
        'it does under  if __name__ == "__main__":  or give jobs = 1'
    )


def _begin(started: Event, modules: Sequence[str]) -> None:
    """Let this process end when the one that started it is gone, even if it was killed; import modules."""
    started.set()
    _leave_to_the_caller()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    _import(modules)


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _leave_to_the_caller() -> None:
    """Let the caller answer a Ctrl-C, end this process with SIGTERM, and show what is logged.

    A unit would be told of a signal as an exception, and a forked process would go on with the next unit.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.getLogger(__package__).handlers.clear()


def _nothing() -> None:
    pass


@contextmanager
def dask_processes(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    """Connect to a Dask cluster for `as_completed`.

    Without the address of a running ``scheduler``, such as "tcp://10.0.0.1:8786", it is a cluster of so many
    jobs on this machine. The scheduler's workers need this package in the same version. Raises a UserError
    if distributed is not installed or no scheduler answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UserError(
            f"executor = 'dask': {needs_package('distributed', 'dask')}; or choose executor 'local'"
        ) from None
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_ANSWERS_WITHIN)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                f"scheduler = {scheduler!r}: no Dask scheduler answers there ({error}); "
                "give the address that dask-scheduler printed, such as tcp://10.0.0.1:8786"
            ) from None
        with client, client.get_executor(pure=False) as executor, _same_environment(scheduler):
            yield executor
        return
    _expect_a_main_guard()
    options = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    try:
        started = LocalCluster(silence_logs="ERROR", **options)
    except RuntimeError as error:
        raise UserError(
            f"executor = 'dask': {error} Maybe {_main_guard()}; or choose executor 'local'"
        ) from error
    with started as cluster, Client(cluster) as client, client.get_executor(pure=False) as executor:
        yield executor


@contextmanager
def _same_environment(scheduler: str) -> Iterator[None]:
    """Explain what Dask raises where its scheduler cannot read the units."""
    try:
        yield
    except RuntimeError as error:
        if "deserialization" not in str(error):
            raise
        raise UserError(
            f"scheduler = {scheduler!r}: the scheduler cannot read the work; start it in an environment that "
            "has lava-predict and the same versions of its libraries"
        ) from None


@contextmanager
def processes(
    executor: str, jobs: int, scheduler: str | None = None, modules: Sequence[str] = ()
) -> Iterator[Executor | None]:
    """Open one of the `EXECUTORS` for `as_completed`.

    Jobs and scheduler are as for `dask_processes`, modules as for `local_processes`. Raises a UserError if
    there is no such executor, or a scheduler is given for the local one.
    """
    if executor not in EXECUTORS:
        raise UserError(f"executor = {executor!r}: there is no such executor; {one_of(executor, EXECUTORS)}")
    if executor == "local" and scheduler is not None:
        raise UserError(f"scheduler = {scheduler!r}: only executor 'dask' has one; add --executor dask")
    jobs = whole("jobs", jobs, 1, MOST_JOBS)
    opened = dask_processes(jobs, scheduler) if executor == "dask" else local_processes(jobs, modules)
    _LOG.info("%d processes, executor %s", jobs, executor)
    with opened as pool:
        yield pool


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
