"""Files and folders that appear whole or not at all: written aside first, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lava_predict.errors import UserError

CHECKPOINT = "checkpoint.h5"
"""Name of the checkpoint in the folder of a run."""


class Folder:
    """A folder being written, ``aside``, under another name until it is complete."""

    def __init__(self, aside: Path) -> None:
        self._aside = aside

    def write(self, name: str, data: bytes | str) -> None:
        """Write a file of the folder, text as UTF-8; ``name`` is its path inside the folder."""
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Folder]:
    """Write a folder aside and give it its final name, ``path``, when all went well.

    Where it does not go well, what was there before stays, and what was written aside is removed. Raises a
    UserError if the name is taken (``overwrite`` allows it to be that of an earlier command's folder), or the
    disk is full or cannot be written.
    """
    _check_free(path, overwrite)
    with _room_beside(path) as room:
        aside = room / path.name
        aside.mkdir()
        yield Folder(aside)
        _put_in_place(aside, path)


def write_file(path: Path, data: bytes | str, overwrite: bool) -> None:
    """Write a file, text as UTF-8, aside and give it its final name, ``path``.

    Raises a UserError if the name is taken (``overwrite`` allows it to be that of a file), or the disk is
    full or cannot be written.
    """
    if path.is_dir() or (os.path.lexists(path) and not overwrite):
        ways = "choose another file" if path.is_dir() else "choose another file or add --overwrite"
        raise UserError(f"--out {str(path)!r}: exists already; {ways}")
    with _room_beside(path) as room:
        Folder(room).write(path.name, data)
        (room / path.name).replace(path)


def unfinished_folder(path: Path) -> Path:
    """Return the folder of a run, with final name ``path``, while it has not ended."""
    return path.with_name(f"{path.name}.unfinished")


class UnfinishedRun(Folder):
    """The folder of a run that has not ended, from `unfinished_folder`.

    ``started`` says whether its checkpoint has a trial in it. A run that stops before its first trial leaves
    nothing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._checkpoint = folder / CHECKPOINT
        self.started = self._checkpoint.exists()

    def appended(self, name: str, size: int) -> BinaryIO:
        """Open a file of the folder to append to, cut to the ``size`` that it had at the last checkpoint."""
        path = self._aside / name
        if size and (not path.is_file() or path.stat().st_size < size):
            raise UserError(
                f"{path}: is shorter than at the last checkpoint, or missing; what is left cannot be "
                "continued: begin again with --overwrite"
            )
        file = path.open("r+b" if size else "wb")
        file.truncate(size)
        file.seek(size)
        return file

    def keep(self, checkpoint: bytes, started: bool) -> None:
        """Replace the last checkpoint, at once; ``started`` says whether any trial has been done."""
        aside = f".{CHECKPOINT}.partial"
        self.write(aside, checkpoint)
        self._checkpoint.with_name(aside).replace(self._checkpoint)
        self.started = self.started or started


@contextmanager
def unfinished_run(path: Path, overwrite: bool, resume: bool) -> Iterator[UnfinishedRun]:
    """Begin a run, or ``resume`` the unfinished one, and give its folder its final name when all went well.

    A run that is stopped leaves its unfinished folder, unless no trial was done. ``overwrite`` allows to
    replace a run that is there, finished or not. Raises a UserError if a name is taken, or the disk is full
    or cannot be written.
    """
    folder = unfinished_folder(path)
    _check_free(path, overwrite or resume)
    with _writing(path):
        if not resume:
            _begin(folder, path, overwrite)
        run = UnfinishedRun(folder)
        try:
            yield run
            _put_in_place(folder, path)
        finally:
            if not run.started:
                shutil.rmtree(folder, ignore_errors=True)


def _begin(folder: Path, path: Path, overwrite: bool) -> None:
    """Make the folder of a new run, in place of an unfinished one that may be replaced."""
    if overwrite and (folder / CHECKPOINT).exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(_hide(folder).parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise UserError(
            f"--out {str(path)!r}: this is an unfinished run ({folder}); continue it with "
            f"--resume {path}, or add --overwrite to start again"
        ) from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError while a path is written into a UserError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"--out {str(path)!r}: cannot be written ({reason}); choose a folder with free space and write "
            "permission"
        ) from None


@contextmanager
def _room_beside(path: Path) -> Iterator[Path]:
    """Make a hidden folder beside a path and remove it at the end."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial-", dir=path.parent) as room:
            yield Path(room)


def _check_free(path: Path, overwrite: bool) -> None:
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


def _put_in_place(aside: Path, path: Path) -> None:
    """Give a complete folder its final name, in place of a folder that has it."""
    old = _hide(path) if path.exists() else None
    try:
        aside.rename(path)
    except OSError:
        if old is not None:
            old.rename(path)
            old.parent.rmdir()
        raise
    if old is not None:
        shutil.rmtree(old.parent)


def _hide(folder: Path) -> Path:
    """Move a folder into a hidden one beside it, so that nobody uses what is left of it; return its path."""
    hidden = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old-", dir=folder.parent))
    return folder.rename(hidden / folder.name)
