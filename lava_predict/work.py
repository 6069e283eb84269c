"""Carries out independent units of work in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

Unit = TypeVar("Unit")
Found = TypeVar("Found")


def carry_out(
    function: Callable[[Unit], Found],
    units: Sequence[Unit],
    jobs: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Found]:
    """Apply a function to every unit.

    Parameters
    ----------
    function : callable
        Importable by name; depends on its unit alone, so that the result does not depend on ``jobs``.
    units : sequence
        What to apply it to; picklable.
    jobs : int
        Processes at a time; with 1, or one unit, everything runs in this process.
    progress : callable, optional
        Told the units done and in all after each.

    Returns
    -------
    list
        Results, in the order of the units. An exception in a unit is raised here; units that have not
        begun are dropped.
    """
    found: dict[int, Found] = {}
    for number, result in _as_completed(function, units, min(jobs, len(units))):
        found[number] = result
        if progress is not None:
            progress(len(found), len(units))
    return [found[number] for number in range(len(units))]


def _as_completed(
    function: Callable[[Unit], Found], units: Sequence[Unit], jobs: int
) -> Iterator[tuple[int, Found]]:
    """Yield the number and the result of every unit, as they end."""
    if jobs <= 1:
        for number, unit in enumerate(units):
            yield number, function(unit)
        return
    # Not forked: this process may have threads, such as that of a progress bar.
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting: dict[Future[Found], int] = {pool.submit(function, u): n for n, u in enumerate(units)}
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
