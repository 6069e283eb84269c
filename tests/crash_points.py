"""Actions that end, as if killed, before each of their operations on files."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

KILLED = 137
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate", "fcntl.lockf"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def in_a_fork(action: Callable[[], object], before: int = 0) -> bool:
    """Carry out an action in a fork, which ends before its n-th change of a file here; whether it got there.

    Python tells each change before it is made. What is outside of the current folder does not count, such as
    compiled code that is kept.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if before:
                sys.addaudithook(_death(before))
            action()
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def _death(before: int) -> Callable[[str, tuple[Any, ...]], None]:
    here, left = str(Path.cwd()), [before]

    def hear(event: str, details: tuple[Any, ...]) -> None:
        if event not in CHANGES and not (event == "open" and details[2] & WRITING):
            return
        place = details[0]
        if isinstance(place, str | os.PathLike) and not str(Path.cwd() / place).startswith(here):
            return
        left[0] -= 1
        if left[0] == 0:
            os._exit(KILLED)

    return hear


def states(action: Callable[[], object], begin: Path, into: Path, every: int = 1) -> Iterator[Path]:
    """Yield each different folder, as the current one, that a kill leaves of an action begun in a folder.

    The kills come before every n-th operation.
    """
    seen = set()
    for number in count(1, every):
        place = into / str(number)
        shutil.copytree(begin, place)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            killed = in_a_fork(action, number)
        looks = frozenset(_looks(place))
        if not killed:
            return
        if looks not in seen:
            seen.add(looks)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(place)
                yield place
        shutil.rmtree(place, ignore_errors=True)


def _looks(place: Path) -> Iterator[tuple[str, int]]:
    """Name all files with their sizes, without what is drawn at random or is another process's id."""
    for path in place.rglob("*"):
        parts = [
            part.split("-")[0] if part.startswith(".") else part for part in path.relative_to(place).parts
        ]
        size = 0 if path.is_dir() else path.stat().st_size
        yield "/".join(parts), min(size, 1) if path.name.endswith(".owner") else size
