"""Digests of values, over bytes of defined types, so that they are the same on every machine."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def digest_of(value: Any) -> str:
    """Return a SHA-256 digest of a value as hexadecimal text.

    A value is None, bool, int, float, str, bytes, an array of numbers or of texts, or a list, tuple or dict
    (whose keys are texts, in any order) of values. Lists and tuples count as the same; 1, 1.0 and True do
    not. Raises a TypeError for anything else.
    """
    digest = hashlib.sha256()
    for piece in _pieces(value):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """Yield the bytes of a value: a letter for its type, its length where it varies, and its content."""
    if value is None:
        yield b"0"
    elif isinstance(value, bool):
        yield b"b1" if value else b"b0"
    elif isinstance(value, int):
        yield from _sized(b"i", str(int(value)).encode())
    elif isinstance(value, float):
        yield b"f" + struct.pack("<d", value)
    elif isinstance(value, str):
        yield from _sized(b"s", value.encode())
    elif isinstance(value, bytes):
        yield from _sized(b"y", value)
    elif isinstance(value, np.ndarray):
        yield from _of_array(value)
    elif isinstance(value, list | tuple):
        yield b"l" + struct.pack("<q", len(value))
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, Mapping):
        yield b"d" + struct.pack("<q", len(value))
        for key in sorted(value):
            if not isinstance(key, str):
                raise TypeError(f"{key!r}: the keys of a dict must be texts")
            yield from _sized(b"k", key.encode())
            yield from _pieces(value[key])
    else:
        raise TypeError(f"{type(value).__name__}: no digest is defined for this type")


def _sized(kind: bytes, content: bytes) -> Iterator[bytes]:
    yield kind + struct.pack("<q", len(content))
    yield content


def _of_array(array: np.ndarray) -> Iterator[bytes]:
    if array.dtype.kind not in "biufcU":
        raise TypeError(f"array of {array.dtype}: no digest is defined for this type")
    little = array.dtype.newbyteorder("<")
    yield from _sized(b"a", little.str.encode())
    yield struct.pack(f"<{array.ndim + 1}q", array.ndim, *array.shape)
    yield np.ascontiguousarray(array, little).tobytes()
