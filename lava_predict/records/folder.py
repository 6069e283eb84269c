"""Files and folders that appear whole or not at all: written aside first, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lava_predict.errors import UserError


class Folder:
    """A folder being written, under another name until it is complete.

    Parameters
    ----------
    aside : Path
        Where it is written.
    """

    def __init__(self, aside: Path) -> None:
        self._aside = aside

    def write(self, name: str, data: bytes | str) -> None:
        """Write a file of the folder.

        Parameters
        ----------
        name : str
            Path inside the folder.
        data : bytes or str
            The content; str as UTF-8.
        """
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Folder]:
    """Write a folder aside and put it in place when all went well.

    Parameters
    ----------
    path : Path
        The final name.
    overwrite : bool
        Whether a folder that an earlier command left there may be replaced.

    Yields
    ------
    Folder
        To write files to.

    Raises
    ------
    UserError
        If the name is taken, or the disk is full or cannot be written. What was there before is
        left as it was, and what was written aside is removed.
    """
    check_free(path, overwrite)
    with _room_beside(path) as room:
        aside = room / path.name
        aside.mkdir()
        yield Folder(aside)
        put_in_place(aside, path)


def write_file(path: Path, data: bytes | str, overwrite: bool) -> None:
    """Write a file aside and put it in place.

    Parameters
    ----------
    path : Path
        The final name.
    data : bytes or str
        The content; str as UTF-8.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UserError
        If the name is taken, or the disk is full or cannot be written.
    """
    if path.is_dir() or (os.path.lexists(path) and not overwrite):
        ways = "choose another file" if path.is_dir() else "choose another file or add --overwrite"
        raise UserError(f"--out {str(path)!r}: exists already; {ways}")
    with _room_beside(path) as room:
        Folder(room).write(path.name, data)
        (room / path.name).replace(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError while a path is written into a UserError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"--out {str(path)!r}: cannot be written ({reason}); choose a place with room that you can "
            "write to"
        ) from None


@contextmanager
def _room_beside(path: Path) -> Iterator[Path]:
    """Make a hidden folder beside a path and remove it at the end."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial-", dir=path.parent) as room:
            yield Path(room)


def check_free(path: Path, overwrite: bool) -> None:
    """Raise a UserError if a folder cannot be put there: something else is, or it may not be replaced."""
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"--out {str(path)!r}: exists already; choose another folder or add --overwrite")
    ours = path.is_dir() and not path.is_symlink()
    if not ours or (any(path.iterdir()) and not (path / "summary.json").is_file()):
        raise UserError(
            f"--out {str(path)!r}: --overwrite replaces only a folder that lava-predict wrote (it holds a "
            "summary.json) or an empty one; choose another folder"
        )


def put_in_place(aside: Path, path: Path) -> None:
    """Give a complete folder its final name, in place of a folder that has it."""
    old = hide(path) if path.exists() else None
    try:
        aside.rename(path)
    except OSError:
        if old is not None:
            old.rename(path)
            old.parent.rmdir()
        raise
    if old is not None:
        shutil.rmtree(old.parent)


def hide(folder: Path) -> Path:
    """Move a folder into a hidden one beside it, so that nobody uses what is left of it; return its path."""
    hidden = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old-", dir=folder.parent))
    return folder.rename(hidden / folder.name)
