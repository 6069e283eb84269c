"""A run's folder until the run has ended: beside its final name, with a checkpoint to go on from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lava_predict.errors import UserError
from lava_predict.records.folder import Folder, check_free, hide, put_in_place, writing

CHECKPOINT = "checkpoint.h5"
"""Name of the checkpoint in the folder of a run."""


def unfinished_folder(path: Path) -> Path:
    """Return the folder of a run, with final name ``path``, while it has not ended."""
    return path.with_name(f"{path.name}.unfinished")


class UnfinishedRun(Folder):
    """The folder of a run that has not ended.

    Parameters
    ----------
    folder : Path
        From `unfinished_folder`.

    Attributes
    ----------
    started : bool
        Whether it holds a trial to go on from.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._checkpoint = folder / CHECKPOINT
        self.started = self._checkpoint.exists()

    def keep(self, checkpoint: bytes, started: bool) -> None:
        """Replace the last checkpoint, at once.

        Parameters
        ----------
        checkpoint : bytes
            The file.
        started : bool
            Whether any trial has been done; a run that stops before its first trial leaves nothing.
        """
        aside = f".{CHECKPOINT}.partial"
        self.write(aside, checkpoint)
        self._checkpoint.with_name(aside).replace(self._checkpoint)
        self.started = self.started or started


@contextmanager
def unfinished_run(path: Path, overwrite: bool, resume: bool) -> Iterator[UnfinishedRun]:
    """Begin a run or go on with one, and give its folder the final name when all went well.

    Parameters
    ----------
    path : Path
        The final name.
    overwrite : bool
        Whether a run that is there, finished or not, may be replaced.
    resume : bool
        Whether to go on in the folder of the unfinished run.

    Yields
    ------
    UnfinishedRun
        To keep checkpoints in and write files to. A run that is stopped leaves it, unless no trial was done.

    Raises
    ------
    UserError
        If a name is taken, or the disk is full or cannot be written.
    """
    folder = unfinished_folder(path)
    check_free(path, overwrite or resume)
    with writing(path):
        if not resume:
            _begin(folder, path, overwrite)
        run = UnfinishedRun(folder)
        try:
            yield run
            put_in_place(folder, path)
        finally:
            if not run.started:
                shutil.rmtree(folder, ignore_errors=True)


def _begin(folder: Path, path: Path, overwrite: bool) -> None:
    """Make the folder of a new run, in place of an unfinished one that may be replaced."""
    if overwrite and (folder / CHECKPOINT).exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(hide(folder).parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise UserError(
            f"--out {str(path)!r}: a run that has not ended is there ({folder}); go on with it by "
            f"--resume {path}, or add --overwrite to start again"
        ) from None
