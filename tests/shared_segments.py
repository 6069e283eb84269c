"""Shared-memory segments that nothing uses any more, told from those of other programs and test workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

SHARED_MEMORY = Path("/dev/shm")


def wait_until(condition: Callable[[], bool], seconds: float = 200.0) -> bool:
    """Return whether the condition holds soon; the limit is for a busy machine."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(0.02)
    return True


def segments() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()} if SHARED_MEMORY.is_dir() else set()


def mapped_elsewhere() -> set[str]:
    """Name the segments that processes other than this one and its descendants have mapped."""
    own = psutil.Process()
    ours = {own.pid, *(child.pid for child in own.children(recursive=True))}
    found: set[str] = set()
    for process in psutil.process_iter():
        if process.pid not in ours:
            try:
                found |= {Path(region.path).name for region in process.memory_maps()}
            except (psutil.Error, OSError):
                continue
    return found


def nothing_new(before: set[str], seconds: float = 200.0) -> bool:
    """Return whether, soon, no segment is left but those of ``before`` and other programs.

    That of a program that was killed stays until Python's tracker of it has found out.
    """
    return wait_until(lambda: segments() <= before or segments() <= before | mapped_elsewhere(), seconds)
