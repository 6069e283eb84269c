"""Hidden folders beside what is being written, and what to do with those of processes that were killed.

A command writes into ``.NAME.partial-XXXXXXXX/`` beside NAME, and moves a folder that it replaces into
``.NAME.old-XXXXXXXX/``. Their names are unique. A process that is killed leaves them; the next one that
owns NAME (`lava_predict.records.owner`) clears them with `clear`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"
"""How the name of a temporary file or folder inside an owned folder begins."""


def room_beside(path: Path) -> Path:
    """Make a hidden folder beside a path, on the same file system."""
    return Path(tempfile.mkdtemp(prefix=_prefix(path, "partial"), dir=path.parent))


@contextmanager
def temporary_room(path: Path) -> Iterator[Path]:
    """Make a hidden folder beside a path, and remove it at the end."""
    room = room_beside(path)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Move a complete folder into a hidden one beside it; return its path.

    Until that is given to `discard`, `clear` moves it back where nothing has its name.
    """
    hidden = Path(tempfile.mkdtemp(prefix=_prefix(path, "old"), dir=path.parent))
    return path.rename(hidden / path.name)


def put_back(aside: Path, path: Path) -> None:
    """Undo `set_aside`."""
    aside.rename(path)
    aside.parent.rmdir()


def discard(folder: Path, path: Path) -> None:
    """Delete a folder that stands beside a path, or what `set_aside` returned.

    It is renamed first: a kill in the middle leaves no half of it under its name.
    """
    with temporary_room(path) as room:
        folder.rename(room / "discarded")
        if folder.parent != path.parent:
            folder.parent.rmdir()


def clear(path: Path) -> None:
    """Clear what dead owners of a path left: what was to be replaced goes back, the rest is deleted."""
    for hidden in _left(path, "old"):
        aside = hidden / path.name
        if aside.exists() and not os.path.lexists(path):
            aside.rename(path)
    inside = path.glob(f"{PARTIAL}*") if path.is_dir() else ()
    for left in (*left_beside(path), *inside):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def left_beside(path: Path) -> list[Path]:
    """List the hidden folders beside a path that its owners made."""
    return [*_left(path, "old"), *_left(path, "partial")]


def _prefix(path: Path, kind: str) -> str:
    return f".{path.name}.{kind}-"


def _left(path: Path, kind: str) -> list[Path]:
    """List the hidden folders of a kind that belong to a path; their names end as `tempfile` ends them."""
    name = re.compile(re.escape(_prefix(path, kind)) + "[a-z0-9_]{8}")
    return [entry for entry in path.parent.iterdir() if name.fullmatch(entry.name) and entry.is_dir()]
