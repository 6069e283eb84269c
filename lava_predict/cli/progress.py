"""Shows what a command does and how far it is: on a terminal, or as a line now and then in a pipe."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

Progress = Callable[[int, int], None]
"""Called with the number done and the total."""

_FIRST_AFTER_S, _THEN_EVERY_S = 10.0, 30.0
_DRAWN = "synapses of %d of %d cells"
"""As `lava_predict.numerics.columns` logs it."""
_COMPILING = "compiling, the first time only"


@contextmanager
def waiting(silent: bool, doing: str) -> Iterator[None]:
    """Say on stderr, unless the command is silent, what it does where there is nothing to count."""
    if silent:
        yield
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(doing) as status, _when_compiling(lambda: status.update(_COMPILING)):
            yield
    else:
        _print(doing)
        with _compiling_printed():
            yield


def _compiling_printed() -> AbstractContextManager[None]:
    """Print once that kernels are compiled, if they are."""
    return _when_compiling(cache(lambda: _print(_COMPILING)))


def _print(doing: str) -> None:
    print(f"{doing} ...", file=sys.stderr, flush=True)


def _when_compiling(call: Callable[[], None]) -> AbstractContextManager[None]:
    """Call a function when the library logs that it begins to compile, as it does kernel by kernel."""
    return _when_logged("lava_predict.numerics.compiled", logging.INFO, lambda record: call())


@contextmanager
def drawing(silent: bool) -> Iterator[None]:
    """Show how many cells' synapses have been drawn, unless the command is silent."""
    with progress_bar(silent, "drawing", "cells") as tell:
        if tell is None:
            yield
            return

        def pass_on(record: logging.LogRecord) -> None:
            if record.msg == _DRAWN and isinstance(record.args, tuple):
                tell(*record.args)  # type: ignore[arg-type]

        with _when_logged("lava_predict.numerics.columns", logging.DEBUG, pass_on):
            yield


@contextmanager
def _when_logged(name: str, lowest: int, call: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Call a function with what a logger of the library logs, from some level on."""
    logger, handler = logging.getLogger(name), logging.Handler(lowest)
    handler.emit = lambda record: call(record)  # type: ignore[method-assign]
    level = logger.level
    logger.setLevel(min(logger.getEffectiveLevel(), lowest))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


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
    from rich.text import Text

    count = Count(doing, counted)

    class Times(progress.ProgressColumn):
        # Rich's own estimate looks at the last moments only, in which several runs may have ended at once.
        def render(self, task: progress.Task) -> Text:
            return Text(count.times())

    columns = ("{task.description}", progress.BarColumn(), "{task.fields[count]}", Times())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None, count="")

        def tell(done: int, total: int) -> None:
            count.tell(done, total)
            shown = f"{done:,} of {total:,} {counted}"
            bar.update(task, description=doing, completed=done, total=total, count=shown)

        with _when_compiling(lambda: bar.update(task, description=_COMPILING)):
            yield tell


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
        with _compiling_printed():
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
        self._started = clock()
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, int, float] | None = None
        self._longest_s = 0.0

    def tell(self, done: int, total: int) -> None:
        """Take note of the number done and the total."""
        now = self._clock()
        # What was known before takes no time: a stopped command begins with a number above 0.
        self._first = self._first or (done, now)
        self._longest_s = max(self._longest_s, now - self._last[2] if self._last else 0.0)
        self._last = (done, total, now)

    def line(self) -> str:
        """Return a line with the time left, if that can be told from what has been done so far."""
        if self._last is None:
            return f"{self._doing}: getting ready, {self.times()}"
        done, total, _ = self._last
        text = f"{self._doing}: {done:,} of {total:,} {self._counted}"
        return text if (left := self._left()) is None else f"{text}, {left}"

    def times(self) -> str:
        """Return the time so far, and the time left if that can be told."""
        so_far = f"{_in_words(self._clock() - self._started)} so far"
        return so_far if (left := self._left()) is None else f"{so_far}, {left}"

    def _left(self) -> str | None:
        if self._first is None or self._last is None:
            return None
        (before, begun), (done, total, told) = self._first, self._last
        if done == before or done >= total:
            return None
        each_s, since_s = (told - begun) / (done - before), self._clock() - told
        left_s = each_s * (total - done) - since_s
        if since_s > self._longest_s:
            # The next one takes longer than those before, and counts as if it ended now; of the last one
            # nothing can be told.
            if done + 1 == total:
                return None
            left_s = (told - begun + since_s) / (done - before + 1) * (total - done - 1)
        return f"about {_in_words(max(left_s, 1.0))} left"


def _in_words(seconds: float) -> str:
    """Write a time in the largest unit of which there are at least two."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
