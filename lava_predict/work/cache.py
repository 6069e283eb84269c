"""Keeps the results of units of work, so that a stopped command continues where it was."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from lava_predict.errors import UserError, path_of
from lava_predict.work.unit import Found, Unit

_LOG = logging.getLogger(__name__)

_DIGEST = "sha256 of the arrays"
_BAD_CONTENT = (OSError, ValueError, EOFError, RuntimeError, AttributeError, KeyError)


class Cache:
    """A folder with one file a unit, under the unit's key, made when the first result is kept."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = path_of("cache", folder)

    def get(self, unit: Unit) -> Found | None:
        """Return the result of a unit, or None if it is not known; a damaged file counts as unknown."""
        try:
            with np.load(self._path(unit), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
                told = found.pop(_DIGEST)
        except (*_BAD_CONTENT, zipfile.BadZipFile, zlib.error):
            return None
        if not np.array_equal(told, _digest(found)):
            return None
        _LOG.debug("reused %s", self._path(unit))
        return found

    def put(self, unit: Unit, found: Found) -> None:
        """Keep the result of a unit, all of it or nothing.

        Raises a UserError if the folder cannot be written, and a TypeError if an array holds objects, which
        could not be read back without pickle.
        """
        if any(array.dtype.hasobject for array in found.values()):
            raise TypeError(f"{unit.key}: an array holds objects")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=self._folder) as aside:
                complete = Path(aside) / "found.npz"
                np.savez(complete, **found, **{_DIGEST: _digest(found)})
                complete.replace(self._path(unit))
                _LOG.debug("kept %s", self._path(unit))
        except OSError as error:
            raise UserError(
                f"cache = {str(self._folder)!r}: cannot be written ({error.strerror}); choose another folder"
            ) from None

    def _path(self, unit: Unit) -> Path:
        return self._folder / f"{unit.key}.npz"


def _digest(found: Found) -> np.ndarray:
    """Return a SHA-256, (32,) uint8, over the names, types, shapes and values of arrays.

    Which arrays a study gives is known to that study alone; so a file holds those that were kept, or counts
    as unknown.
    """
    digest = hashlib.sha256()
    for name, array in sorted(found.items()):
        little = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {little.dtype.str} {','.join(map(str, little.shape))}\n".encode())
        digest.update(little.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
