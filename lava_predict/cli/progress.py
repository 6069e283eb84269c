"""Shows how far a command is: a bar on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
"""Called with the number done and the total."""

_FIRST_AFTER_S, _THEN_EVERY_S = 10.0, 30.0


@contextmanager
def progress_bar(silent: bool, doing: str, counted: str) -> Iterator[Progress | None]:
    """Show progress on stderr, unless the command is silent; yields the function to call with it.

    Parameters
    ----------
    silent : bool
        Show nothing, and yield None.
    doing, counted : str
        What the command does, and what is counted, as in "sweeping: 3 of 12 runs".
    """
    if silent:
        yield None
    elif sys.stderr.isatty():
        with _bar(doing, counted) as progress:
            yield progress
    else:
        with _lines(doing, counted) as progress:
            yield progress


@contextmanager
def _bar(doing: str, counted: str) -> Iterator[Progress]:
    from rich import progress
    from rich.console import Console

    shown = ("{task.description}", progress.BarColumn(), progress.MofNCompleteColumn(), counted)
    columns = (*shown, progress.TimeElapsedColumn(), "left", progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _lines(doing: str, counted: str) -> Iterator[Progress]:
    count, ended = Count(doing, counted), threading.Event()

    def print_now_and_then() -> None:
        wait_s = _FIRST_AFTER_S
        while not ended.wait(wait_s):
            print(count.line(), file=sys.stderr, flush=True)
            wait_s = _THEN_EVERY_S

    thread = threading.Thread(target=print_now_and_then, daemon=True)
    thread.start()
    try:
        yield count.tell
    finally:
        ended.set()
        thread.join()


class Count:
    """How far a command is, in a line.

    Parameters
    ----------
    doing, counted : str
        As for `progress_bar`.
    clock : callable
        Gives the time, s.
    """

    def __init__(self, doing: str, counted: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._doing, self._counted, self._clock = doing, counted, clock
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, int, float] | None = None

    def tell(self, done: int, total: int) -> None:
        """Take note of the number done and the total."""
        now = self._clock()
        # What was known before takes no time: a stopped command begins with a number above 0.
        self._first = self._first or (done, now)
        self._last = (done, total, now)

    def line(self) -> str:
        """Return a line with the time left, if that can be told from what has been done so far."""
        if self._first is None or self._last is None:
            return f"{self._doing}: getting ready"
        (before, begun), (done, total, told) = self._first, self._last
        text = f"{self._doing}: {done:,} of {total:,} {self._counted}"
        if done == before or done >= total:
            return text
        left_s = (told - begun) / (done - before) * (total - done) - (self._clock() - told)
        return f"{text}, about {_in_words(max(left_s, 1.0))} left"


def _in_words(seconds: float) -> str:
    """Write a time in the largest unit of which there are at least two."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
