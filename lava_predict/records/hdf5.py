"""HDF5 files: kinds of file, trees of arrays, lists of records, and the digest of the content."""

from __future__ import annotations

import hashlib
import io
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import h5py
import numpy as np

from lava_predict.errors import DAMAGED, UserError, path_of, plain, short
from lava_predict.network.layout import Expected
from lava_predict.settings.files import config_from, parse_toml
from lava_predict.settings.schema import Config

_LOG = logging.getLogger(__name__)

DIGEST = "sha256"
"""Attribute of a file that holds its `content_digest`."""

_BAD_CONTENT = (AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
_PLAIN = "biufcS"
"""Kinds of types whose values are as many bytes each."""

_BLOCK = 2**22
"""Bytes that are read at a time."""

_KINDS = {str: "text", int: "whole number", float: "finite number"}
Record = TypeVar("Record")
Plain = TypeVar("Plain", str, int, float)


@contextmanager
def reading(path: str | Path, name: str, source: str) -> Iterator[h5py.File]:
    """Open a file to read it.

    Raises a UserError if there is no such file, or it or what is done with its content raises an error. The
    message says what it should be, ``name``, and which file to give, ``source``.
    """
    path = path_of("path", path)
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

    def write(self, target: BinaryIO, config: Config, fill: Callable[[h5py.File], None]) -> None:
        """Write a new file with these settings, and with what ``fill`` writes to it, to an open empty one."""
        with h5py.File(target, "w") as file:
            file.attrs.update(format=self.format, schema=self.schema)
            file["config"] = config.to_toml()
            fill(file)

    def to_bytes(self, config: Config, fill: Callable[[h5py.File], None]) -> bytes:
        """Return the bytes of what `write` writes."""
        buffer = io.BytesIO()
        self.write(buffer, config, fill)
        return buffer.getvalue()

    @contextmanager
    def opened(self, path: str | Path) -> Iterator[h5py.File]:
        """Open a file as `reading` does; it must be of this kind and schema."""
        with reading(path, self.name, self.source) as file:
            if plain(file.attrs.get("format")) != self.format:
                raise UserError(f"is not {self.name} of lava-predict; give {self.source}")
            check_schema(plain(file.attrs.get("schema")), self.schema)
            _LOG.debug("reading %s, %s", path, self.name)
            yield file

    @contextmanager
    def unaltered(self, path: str | Path) -> Iterator[h5py.File]:
        """Open a file as `opened` does; its content must match its digest, which `sign` wrote."""
        with self.opened(path) as file:
            if plain(file.attrs.get(DIGEST)) != content_digest(file):
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
            if plain(file.attrs.get("format")) == kind.format:
                return kind
        raise UserError(f"is not {name} of lava-predict; give {source}")


def read_config(file: h5py.File) -> Config:
    """Return the settings that a file holds."""
    return config_from(parse_toml(text(file, "config")))


def write_tree(group: h5py.Group, tree: Any) -> None:
    """Write a named tuple of arrays and of further such tuples: arrays as datasets, tuples as groups.

    What is None is left out.
    """
    for name, value in tree._asdict().items():
        if isinstance(value, tuple):
            write_tree(group.create_group(name), value)
        elif value is not None:
            group[name] = value


class Reader:
    """Reads arrays, trees and records, and checks each by what it must be.

    Parameters
    ----------
    lengths : mapping of str to int
        Those that are known; others are learned from the first array that has them.
    """

    def __init__(self, lengths: Mapping[str, int]) -> None:
        self.lengths = dict(lengths)

    def array(self, group: h5py.Group, name: str, expected: Expected) -> np.ndarray:
        """Return an array; raises a UserError that says what was found and what is expected."""
        return self.rows(self.dataset(group, name, expected), slice(None), expected)

    def dataset(self, group: h5py.Group, name: str, expected: Expected) -> h5py.Dataset:
        """Return the dataset of an array, of which only shape and type have been checked."""
        item, place = group.get(name), f"{group.name.rstrip('/')}/{name}".lstrip("/")
        if not isinstance(item, h5py.Dataset):
            found = "is missing" if item is None else "is a group"
            raise UserError(f"{place}: {found}; expected {self._words(expected)}; {DAMAGED}")
        shape, kind = item.shape, item.dtype.name
        if shape is None or kind not in expected.kinds or not self._fits(shape, expected.shape):
            raise UserError(
                f"{place}: holds {kind} of shape {_shape(shape or ())}; expected {self._words(expected)}; "
                f"{DAMAGED}"
            )
        return item

    def rows(self, item: h5py.Dataset, rows: slice, expected: Expected) -> np.ndarray:
        """Return some rows of what `dataset` gave, checked as `array` does."""
        array: np.ndarray = np.asarray(item[rows] if item.ndim else item[()])
        self._check_values(item.name.lstrip("/"), array, expected)
        return array

    def tree(self, group: h5py.Group, layout: Any) -> Any:
        """Read a tree that `write_tree` wrote, into named tuples of the layout's classes.

        What is None in the layout is not read.
        """

        def branch(name: str, part: Any) -> Any:
            if part is None:
                return None
            if isinstance(part, Expected):
                return self.array(group, name, part)
            return self.tree(group_of(group, name), part)

        return type(layout)(*map(branch, layout._fields, layout))

    def records(
        self, group: h5py.Group, kind: type[Record], columns: Mapping[str, Expected | Places]
    ) -> list[Record]:
        """Read a list of records, all of class ``kind``, that `write_records` wrote."""
        count = attribute(group, "count", int)
        if count == 0:
            return []
        rows = group.name.split("/")[-1]
        self.lengths[rows] = count
        read = {name: self._column(group, name, rows, one, count) for name, one in columns.items()}
        return [kind(**dict(zip(read, values, strict=True))) for values in zip(*read.values(), strict=True)]

    def _column(
        self, group: h5py.Group, name: str, rows: str, one: Expected | Places, count: int
    ) -> list[Any]:
        """Return one field of all records; plain numbers as Python's own."""
        if isinstance(one, Expected):
            whole = one._replace(shape=(rows, *(one.shape or ())))
            array = self.array(group, name, whole)
            return array.tolist() if array.ndim == 1 else list(array)
        inner, places = group_of(group, name), []
        for place in range(self.lengths[one.number]):
            lengths = self.array(inner, f"{place}_lengths", Expected((rows,), ("int64",), low=0))
            array = self.array(inner, f"{place}", one.each._replace(shape=(int(lengths.sum()),)))
            places.append(np.split(array, np.cumsum(lengths)[:-1]))
        return list(zip(*places, strict=True))

    def _fits(self, shape: tuple[int, ...], wanted: tuple[int | str, ...] | None) -> bool:
        """Tell whether a shape is the one that is wanted, and note the lengths that it tells."""
        if wanted is None:
            return True
        if len(shape) != len(wanted):
            return False
        lengths = (
            self.lengths.setdefault(one, n) if isinstance(one, str) else one
            for n, one in zip(shape, wanted, strict=True)
        )
        return shape == tuple(lengths)

    def _check_values(self, place: str, array: np.ndarray, expected: Expected) -> None:
        if array.size == 0:
            return
        low, high = array.min(), array.max()
        known = np.isfinite([low, high]).all() or (expected.missing and not np.isinf(array).any())
        if not known:
            raise UserError(f"{place}: holds a number that is not finite; all must be; {DAMAGED}")
        most = self.lengths[expected.high] - 1 if isinstance(expected.high, str) else expected.high
        if (expected.low is not None and low < expected.low) or (most is not None and high > most):
            allowed = f"from {expected.low} on" if most is None else f"from {expected.low} to {most}"
            raise UserError(
                f"{place}: holds values from {low} to {high}; allowed are those {allowed}; {DAMAGED}"
            )

    def _words(self, expected: Expected) -> str:
        """Say what an array must be, with the lengths that are known."""
        kinds = " or ".join(expected.kinds)
        if expected.shape is None:
            return f"an array of {kinds}"
        numbers = _shape(
            tuple(self.lengths.get(one, one) if isinstance(one, str) else one for one in expected.shape)
        )
        names = _shape(expected.shape)
        return f"{kinds} of shape {names}" + (f" = {numbers}" if names != numbers else "")


class Places(NamedTuple):
    """What a field of records must be that is a tuple of arrays: their number, a length, and each of them."""

    number: str
    each: Expected


def _shape(lengths: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, lengths))}{',' * (len(lengths) == 1)})"


def group_of(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group of a group."""
    item = group.get(name)
    if not isinstance(item, h5py.Group):
        found = "is missing" if item is None else "is a dataset"
        place = f"{group.name.rstrip('/')}/{name}".lstrip("/")
        raise UserError(f"{place}: {found}; expected a group; {DAMAGED}")
    return item


def attribute(item: Any, name: str, kind: type[Plain]) -> Plain:
    """Return an attribute, a str, an int or a float; raises a UserError for anything else."""
    value = plain(item.attrs.get(name))
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        where = f"{item.name.strip('/')}, " if item.name.strip("/") else ""
        raise UserError(f"{where}attribute {name}: is {short(value)}; expected a {_KINDS[kind]}; {DAMAGED}")
    return value


def number(item: Any, name: str) -> int | float:
    """Return an attribute that is a whole number or a float, as it was written."""
    value = plain(item.attrs.get(name))
    return attribute(item, name, int) if type(value) is int else attribute(item, name, float)


def text(group: h5py.Group, name: str) -> str:
    """Return a text that a dataset holds; raises a UserError for anything else."""
    item = group.get(name)
    value = item[()] if isinstance(item, h5py.Dataset) and item.shape == () else None
    if not isinstance(value, bytes):
        raise UserError(f"{name}: is not a text, as is expected; {DAMAGED}")
    return value.decode()


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
        if (
            isinstance(item, h5py.Dataset)
            and item.ndim
            and item.nbytes > _BLOCK
            and item.dtype.kind in _PLAIN
        ):
            kind, shape = _little(item[:0]).dtype.str, ",".join(map(str, item.shape))
            add(b"data", kind.encode(), shape.encode())
            digest.update(item.nbytes.to_bytes(8, "little"))
            for rows in row_blocks(item):
                digest.update(_little(item[rows]).tobytes())
        elif isinstance(item, h5py.Dataset):
            add(b"data", *_pieces(item[()]))
    return digest.hexdigest()


def row_blocks(item: h5py.Dataset) -> Iterator[slice]:
    """Yield the rows of a dataset some at a time, so that a large one needs no room in memory."""
    rows = max(1, _BLOCK // max(1, item.nbytes // len(item)))
    return (slice(start, start + rows) for start in range(0, len(item), rows))


def _little(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _pieces(value: Any) -> Iterator[bytes]:
    """Yield type, shape and content of a value."""
    if isinstance(value, str | bytes):
        yield from (b"text", b"", _text(value))
        return
    array = np.asarray(value)
    shape = ",".join(map(str, array.shape)).encode()
    if array.dtype.hasobject:  # Texts of any lengths; the bytes of such an array are addresses.
        yield from (b"texts", shape, *map(_text, array.ravel()))
    elif array.dtype.kind in _PLAIN:
        little = _little(array)
        yield from (little.dtype.str.encode(), shape, little.tobytes())
    else:
        raise TypeError(f"no digest is defined for values of type {array.dtype}")


def _text(value: Any) -> bytes:
    if not isinstance(value, str | bytes):
        raise TypeError(f"no digest is defined for values of type {type(value).__name__}")
    # h5py reads bytes that are no UTF-8 as text with a stand-in for each; this gives the bytes again.
    return value.encode(errors="surrogateescape") if isinstance(value, str) else bytes(value)
