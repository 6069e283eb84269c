"""HDF5 files: kinds of file, trees of arrays, lists of records, and the digest of the content."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from lava_predict.errors import UserError
from lava_predict.settings.files import config_from, parse_toml
from lava_predict.settings.schema import Config

_LOG = logging.getLogger(__name__)

DIGEST = "sha256"
"""Attribute of a file that holds its `content_digest`."""

_BAD_CONTENT = (AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
Record = TypeVar("Record")


@contextmanager
def reading(path: str | Path, name: str, source: str) -> Iterator[h5py.File]:
    """Open a file to read it.

    Raises a UserError if there is no such file, or it or what is done with its content raises an error. The
    message says what it should be, ``name``, and which file to give, ``source``.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; give {source}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except _BAD_CONTENT as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: cannot be read as {name} ({reason}); it may be incomplete or another kind of file; "
            f"give {source}"
        ) from None


def check_schema(found: Any, read: int) -> None:
    """Raise a UserError if a file's layout has another version than the one that can be read."""
    if found != read:
        raise UserError(
            f"has schema {found}, this version reads {read}; read it with the version of lava-predict that "
            "wrote it"
        )


@dataclass(frozen=True)
class FileKind:
    """A kind of file that holds settings, and in attributes its format and the version of its layout.

    ``name`` and ``source`` are for messages, as for `reading`.
    """

    format: str
    schema: int
    name: str
    source: str

    def to_bytes(self, config: Config, fill: Callable[[h5py.File], None]) -> bytes:
        """Return the bytes of a new file with these settings, and with what ``fill`` writes to it."""
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs.update(format=self.format, schema=self.schema)
            file["config"] = config.to_toml()
            fill(file)
        return buffer.getvalue()

    @contextmanager
    def opened(self, path: str | Path) -> Iterator[h5py.File]:
        """Open a file as `reading` does; it must be of this kind and schema."""
        with reading(path, self.name, self.source) as file:
            if file.attrs.get("format") != self.format:
                raise UserError(f"is not {self.name} of lava-predict; give {self.source}")
            check_schema(file.attrs.get("schema"), self.schema)
            _LOG.debug("reading %s, %s", path, self.name)
            yield file

    @contextmanager
    def unaltered(self, path: str | Path) -> Iterator[h5py.File]:
        """Open a file as `opened` does; its content must match its digest, which `sign` wrote."""
        with self.opened(path) as file:
            if file.attrs.get(DIGEST) != content_digest(file):
                raise UserError(
                    "its content does not match its digest, so it was altered or damaged; use another copy"
                )
            yield file


def sign(file: h5py.File) -> None:
    """Write the digest of a file's content to it; nothing is written to it after that."""
    file.attrs[DIGEST] = content_digest(file)


def kind_of(path: str | Path, kinds: Sequence[FileKind]) -> FileKind:
    """Say of which of some kinds a file is; raises a UserError if of none."""
    name, source = (" or ".join(getattr(kind, key) for kind in kinds) for key in ("name", "source"))
    with reading(path, name, source) as file:
        for kind in kinds:
            if file.attrs.get("format") == kind.format:
                return kind
        raise UserError(f"is not {name} of lava-predict; give {source}")


def read_config(file: h5py.File) -> Config:
    """Return the settings that a file holds."""
    return config_from(parse_toml(file["config"].asstr()[()]))


def write_tree(group: h5py.Group, tree: Any) -> None:
    """Write a named tuple of arrays and of further such tuples: arrays as datasets, tuples as groups."""
    for name, value in tree._asdict().items():
        if isinstance(value, tuple):
            write_tree(group.create_group(name), value)
        else:
            group[name] = value


def read_tree(group: h5py.Group, template: Any) -> Any:
    """Read a tree that `write_tree` wrote, into named tuples of the template's classes.

    The template is a class of named tuples where all fields are arrays, else a named tuple: the field of a
    part holds the template of the part, the field of an array holds anything. So a tree is its own template.
    """
    if isinstance(group, h5py.Dataset):
        return group[()]
    kind: Any = template if isinstance(template, type) else type(template)
    parts = kind._fields if isinstance(template, type) else template
    return kind(*(read_tree(group[name], part) for name, part in zip(kind._fields, parts, strict=True)))


def column(records: Sequence[Any], name: str) -> np.ndarray:
    """Return one field of all records as an array, the records along its first axis."""
    return np.array([getattr(record, name) for record in records])


def write_records(group: h5py.Group, records: Sequence[Any]) -> None:
    """Write a list of records of one class: a dataset a field, and their number as the attribute "count".

    A field that is a tuple of arrays of any lengths becomes a group: of each place in the tuple, "0", "1",
    ..., the arrays of all records end to end, and their lengths ("0_lengths", ...).
    """
    group.attrs["count"] = len(records)
    for name in vars(records[0]) if records else ():
        if not isinstance(getattr(records[0], name), tuple):
            group[name] = column(records, name)
            continue
        places = group.create_group(name)
        for place, arrays in enumerate(zip(*(getattr(record, name) for record in records), strict=True)):
            places[f"{place}"] = np.concatenate(arrays)
            places[f"{place}_lengths"] = np.array([array.size for array in arrays])


def read_records(group: h5py.Group, kind: type[Record]) -> list[Record]:
    """Read a list of records, all of class ``kind``, that `write_records` wrote."""
    columns = [_read_column(group[name]) for name in group]
    return [kind(**dict(zip(group, values, strict=True))) for values in zip(*columns, strict=True)]


def _read_column(item: h5py.Dataset | h5py.Group) -> list[Any]:
    """Return one field of all records; plain numbers as Python's own."""
    if isinstance(item, h5py.Dataset):
        return item[()].tolist() if item.ndim == 1 else list(item[()])
    places = [
        np.split(item[f"{place}"][()], np.cumsum(item[f"{place}_lengths"][()])[:-1])
        for place in range(len(item) // 2)
    ]
    return list(zip(*places, strict=True))


def content_digest(file: h5py.File) -> str:
    """Return the SHA-256 of all names, attributes, types, shapes and values in a file, but for `DIGEST`.

    Items come in the order of their full names, and the attributes of each in the order of theirs. Numbers
    are little-endian and text is UTF-8, so the digest depends neither on the machine nor on versions of
    libraries. Every piece is preceded by its length as 8 bytes. Raises a TypeError for a value of another
    type, for which no bytes are defined.
    """
    digest = hashlib.sha256()

    def add(*pieces: bytes) -> None:
        for piece in pieces:
            digest.update(len(piece).to_bytes(8, "little") + piece)

    names: list[str] = []
    file.visit(names.append)
    for name in ("/", *sorted(names)):
        item = file[name]
        add(b"item", name.encode())
        for key in sorted(set(item.attrs) - {DIGEST}):
            add(b"attribute", key.encode(), *_pieces(item.attrs[key]))
        if isinstance(item, h5py.Dataset):
            add(b"data", *_pieces(item[()]))
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """Yield type, shape and content of a value."""
    if isinstance(value, str | bytes):
        yield from (b"text", b"", _text(value))
        return
    array = np.asarray(value)
    shape = ",".join(map(str, array.shape)).encode()
    if array.dtype.hasobject:  # Texts of any lengths; the bytes of such an array are addresses.
        yield from (b"texts", shape, *map(_text, array.ravel()))
    elif array.dtype.kind in "biufcS":
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        yield from (little.dtype.str.encode(), shape, little.tobytes())
    else:
        raise TypeError(f"no digest is defined for values of type {array.dtype}")


def _text(value: Any) -> bytes:
    if not isinstance(value, str | bytes):
        raise TypeError(f"no digest is defined for values of type {type(value).__name__}")
    return value.encode() if isinstance(value, str) else bytes(value)
