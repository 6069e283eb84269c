"""Standard output and error as they are: open, closed, a full disk, or a pipe that nobody reads any more."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class OutputLost(Exception):  # noqa: N818 - that nobody reads on is no error
    """Standard output takes no more; the message says why, and is empty where its reader has left."""


class _Output:
    """Standard output that raises `OutputLost` and nothing else."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is None:
            raise OutputLost("it is closed")
        with _lost():
            return self._stream.write(text)

    def flush(self) -> None:
        if self._stream is not None:
            with _lost():
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Errors(_Output):
    """Standard error, on which nothing can be said of its own failure."""

    def write(self, text: str) -> int:
        try:
            super().write(text)
        except OutputLost:
            _give_up(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OutputLost:
            _give_up(self._stream)


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise OutputLost("") from None
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from None


@contextmanager
def standard_streams() -> Iterator[None]:
    """Say in one sentence on stderr, with exit code 1, if stdout cannot take what is printed.

    Where its reader has left, as `head` does, nothing is said. What is still in a buffer is written first.
    """
    _fill_gaps()
    out, errors = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Output(out), _Errors(errors)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputLost as lost:
        if str(lost):
            print(
                f"error: standard output cannot be written ({lost}); give it a place with room, or redirect "
                "it to a file; what the command writes to a folder is complete",
                file=sys.stderr,
            )
        _give_up(out)
        raise SystemExit(1) from None
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = out, errors


def _fill_gaps() -> None:
    """Open what is closed of the first three descriptors, or the next file would be taken for one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _give_up(out: TextIO | None) -> None:
    """Drop what is in the buffer, so that Python does not try again at its end."""
    if out is None:
        return
    with suppress(OSError, io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
