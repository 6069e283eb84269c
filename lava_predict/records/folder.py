"""Files and folders that appear whole or not at all: written aside first, then renamed.

Every name has one owner (`lava_predict.records.owner`), and a kill at any moment leaves only what the same
command, or one that its message names, can go on from.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lava_predict.errors import UserError, path_of
from lava_predict.records.leftovers import (
    PARTIAL,
    clear,
    discard,
    put_back,
    room_beside,
    set_aside,
    temporary_room,
)
from lava_predict.records.owner import cannot_be_written, owned, owner_file

_LOG = logging.getLogger(__name__)

CHECKPOINT, PREDICTIONS = "checkpoint.h5", "predictions.csv"
"""Names of the files in the folder of a run, or of a learned stream, that are written while it goes on."""

SCHEMA = 1
"""Version of the layout of summary.json."""


Content = bytes | str | Callable[[BinaryIO], None]
"""What a file holds: bytes, text that becomes UTF-8, or what writes it to the open empty file."""


class Folder:
    """A folder being written, ``aside``, under another name until it is complete."""

    def __init__(self, aside: Path) -> None:
        self._aside = aside

    def write(self, name: str, data: Content) -> None:
        """Write a file of the folder; ``name`` is its path inside the folder."""
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            if callable(data):
                data(file)
            else:
                file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        _LOG.debug("wrote %s, %d bytes", path, path.stat().st_size)


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Folder]:
    """Write a folder aside and give it its final name, ``path``, when all went well.

    Where it does not go well, what was there before stays, and what was written aside is removed. Raises a
    UserError if the name is taken (``overwrite`` allows it to be that of an earlier command's folder),
    another process is writing it, or the disk is full or cannot be written.
    """
    with _writing(path), owned(path):
        _check_free(path, overwrite)
        with temporary_room(path) as room:
            aside = room / path.name
            aside.mkdir()
            yield Folder(aside)
            _put_in_place(aside, path)


def write_file(path: str | Path, data: Content, overwrite: bool) -> None:
    """Write a file aside and give it its final name, ``path``.

    Raises a UserError if the name is taken (``overwrite`` allows it to be that of a file), another process is
    writing it, or the disk is full or cannot be written.
    """
    path = path_of("path", path)
    with _writing(path), owned(path):
        if path.is_dir() or (os.path.lexists(path) and not overwrite):
            ways = "choose another file" if path.is_dir() else "choose another file or add --overwrite"
            raise UserError(f"--out {str(path)!r}: exists already; {ways}")
        with temporary_room(path) as room:
            Folder(room).write(path.name, data)
            (room / path.name).replace(path)
    _LOG.info("wrote %s", path)


def unfinished_folder(path: Path) -> Path:
    """Return the folder of a run, with final name ``path``, while it has not ended."""
    return path.parent / f"{path.name}.unfinished"


class UnfinishedRun(Folder):
    """The folder of a run that has not ended: hidden until its first checkpoint, then `unfinished_folder`.

    Attributes
    ----------
    checkpoint : Path
        The last one, where there is one.
    started : bool
        Whether it may have a trial in it. A run that stops before its first trial leaves nothing.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self._path, self._folder = path, unfinished_folder(path)
        super().__init__(self._folder if resume else room_beside(path) / self._folder.name)
        self._aside.mkdir(exist_ok=resume)
        self.checkpoint, self.started = self._folder / CHECKPOINT, resume

    def write(self, name: str, data: Content) -> None:
        """Write a file at once, as after a kill the folder is used again."""
        aside = f"{PARTIAL}{uuid.uuid4().hex}"
        super().write(aside, data)
        (self._aside / name).parent.mkdir(exist_ok=True)
        (self._aside / aside).replace(self._aside / name)

    def appended(self, name: str, size: int) -> BinaryIO:
        """Open a file of the folder to append to, cut to the ``size`` that it had at the last checkpoint."""
        path = self._aside / name
        if size and (not path.is_file() or path.stat().st_size < size):
            raise UserError(f"{path}: is shorter than at the last checkpoint, or missing; use another copy")
        file = path.open("r+b" if size else "wb")
        file.truncate(size)
        file.seek(size)
        return file

    def keep(self, checkpoint: Content, started: bool) -> None:
        """Replace the last checkpoint, at once; ``started`` says whether any trial has been done."""
        self.write(CHECKPOINT, checkpoint)
        if self._aside != self._folder:
            room = self._aside.parent
            self._aside = self._aside.rename(self._folder)
            room.rmdir()
        self.started = self.started or started
        _LOG.debug("kept a checkpoint of %s/", self._path)

    def end(self) -> None:
        """Give the folder its final name."""
        _put_in_place(self._aside, self._path)

    def drop(self) -> None:
        """Delete the folder."""
        if self._aside.exists():
            discard(self._aside, self._path)


@contextmanager
def unfinished_run(
    path: Path, overwrite: bool, resume: bool, command: str = "run"
) -> Iterator[UnfinishedRun]:
    """Begin a run, or ``resume`` the unfinished one, and give its folder its final name when all went well.

    A run that is stopped leaves its unfinished folder, unless no trial was done; a KeyboardInterrupt then
    says how the ``command`` goes on. ``overwrite`` allows to replace a run that is there, finished or not.
    Raises a UserError if a name is taken, there is nothing to resume, another process is writing there, or
    the disk is full or cannot be written.
    """
    if resume and not path.parent.is_dir():
        raise _nothing_to_resume(path)
    with _writing(path), owned(path, "--resume" if resume else "--out"):
        if resume and not has_stopped(path):
            raise _nothing_to_resume(path)
        if resume:
            _check_free(path, overwrite=True)
            clear(unfinished_folder(path))
        else:
            _check_unfinished(path, overwrite)
            _check_free(path, overwrite)
            if unfinished_folder(path).exists():
                discard(unfinished_folder(path), path)
        run = UnfinishedRun(path, resume)
        try:
            yield run
            run.end()
        except KeyboardInterrupt:
            if not run.started:
                raise
            raise KeyboardInterrupt(how_to_go_on(command, path)) from None
        finally:
            if not run.started:
                run.drop()


def has_stopped(path: Path) -> bool:
    """Whether there is a run with final name ``path`` that can go on: one with a checkpoint."""
    return (unfinished_folder(path) / CHECKPOINT).is_file()


def is_taken(path: Path) -> bool:
    """Whether something has this name, or is about to."""
    return any(map(os.path.lexists, (path, unfinished_folder(path), owner_file(path))))


def how_to_go_on(command: str, path: Path) -> str:
    """Say how an interrupted command goes on."""
    return f"interrupted; continue with: lava-predict {command} --resume {path}"


def _nothing_to_resume(path: Path) -> UserError:
    folder = unfinished_folder(path)
    if folder.exists():
        return UserError(
            f"--resume {str(path)!r}: the run stopped before its first checkpoint ({folder}/ holds none); "
            f"start it again with --out {path} --overwrite"
        )
    return UserError(
        f"--resume {str(path)!r}: there is no stopped run ({folder}/ does not exist); give the folder that "
        f"--out named, or, if the run stopped before its first checkpoint, start it again with --out {path}"
    )


def _check_unfinished(path: Path, overwrite: bool) -> None:
    """Raise a UserError if the name of the unfinished folder is taken, or has to be replaced."""
    folder = unfinished_folder(path)
    if not os.path.lexists(folder):
        return
    if not (has_stopped(path) or _holds_no_work(folder)):
        raise UserError(
            f"--out {str(path)!r}: {folder} is in the way, and not of lava-predict; move it, or choose "
            "another folder"
        )
    if overwrite:
        return
    if has_stopped(path):
        raise UserError(
            f"--out {str(path)!r}: this is an unfinished run ({folder}); continue it with "
            f"--resume {path}, or add --overwrite to start again"
        )
    raise UserError(
        f"--out {str(path)!r}: a run stopped here before its first checkpoint ({folder}); add --overwrite "
        "to start again"
    )


def _holds_no_work(folder: Path) -> bool:
    """Whether a folder is what a run leaves that has no checkpoint."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()} - {PREDICTIONS, f".{CHECKPOINT}.partial"}
    return all(name.startswith(PARTIAL) for name in names)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError while a path is written into a UserError that names it."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written("--out", path, error) from None


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
    old = set_aside(path) if path.exists() else None
    try:
        aside.rename(path)
    except OSError:
        if old is not None:
            put_back(old, path)
        raise
    if old is not None:
        discard(old, path)
    _LOG.info("wrote %s/", path)
