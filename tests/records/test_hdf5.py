"""Trees and lists of records read back to the bit, and the digest is the same on every machine."""

from __future__ import annotations

import hashlib
import struct
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import h5py
import numpy as np
import pytest

from lava_predict.records.hdf5 import (
    DIGEST,
    content_digest,
    read_records,
    read_tree,
    write_records,
    write_tree,
)


class Inner(NamedTuple):
    v: np.ndarray
    count: np.ndarray


class Empty(NamedTuple):
    pass


class Outer(NamedTuple):
    first: Inner
    weight: np.ndarray
    nothing: Empty
    second: Inner


def new_file() -> AbstractContextManager[h5py.File]:
    return h5py.File(BytesIO(), "w")


def same(one: object, other: object) -> bool:
    if isinstance(one, tuple):
        return type(one) is type(other) and all(map(same, one, other))
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def inner() -> Inner:
    return Inner(np.array([1.5, np.nan, -0.0]), np.arange(6, dtype=np.int32).reshape(2, 3))


def test_a_tree_reads_back_to_the_bit_by_its_classes_alone() -> None:
    tree = Outer(inner(), np.zeros((0, 4)), Empty(), inner()._replace(v=np.zeros(0)))
    with new_file() as file:
        write_tree(file, tree)
        assert set(file) == {"first", "weight", "nothing", "second"}
        assert set(file["first"]) == {"v", "count"}
        assert same(read_tree(file, Outer(Inner, np.ndarray, Empty, Inner)), tree)
        assert same(read_tree(file, tree), tree)
        assert same(read_tree(file["first"], Inner), tree.first)


def test_a_tree_of_other_classes_is_not_read() -> None:
    with new_file() as file:
        write_tree(file, Outer(inner(), np.zeros(1), Empty(), inner()))
        with pytest.raises(KeyError, match="doesn't exist"):
            read_tree(file, Inner)
        with pytest.raises(AttributeError):
            read_tree(file, Outer)


@dataclass(frozen=True)
class Record:
    number: int
    share: float
    p: np.ndarray
    spikes: tuple[np.ndarray, ...]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_records_read_back_to_the_bit(count: int) -> None:
    records = [
        Record(n, n / 3, np.arange(2.0) + n, (np.arange(n, dtype=np.uint32), np.arange(3 - n)))
        for n in range(count)
    ]
    with new_file() as file:
        write_records(file, records)
        found = read_records(file, Record)
        assert file.attrs["count"] == count
    assert len(found) == count
    for one, other in zip(found, records, strict=True):
        assert (one.number, one.share) == (other.number, other.share)
        assert (type(one.number), type(one.share)) == (int, float)
        assert same((one.p, *one.spikes), (other.p, *other.spikes))


def test_the_digest_is_the_same_on_every_machine_and_with_every_numpy() -> None:
    # Whoever changes this digest has to change the schema of the files that hold one.
    for order in "<>":
        with new_file() as file:
            file["weights"] = np.array([[0.5, -1.25, np.inf]], f"{order}f8")
            file["group/count"] = np.array(7, f"{order}i4")
            file["config"] = "seed = 1  # Übung"
            file.attrs.update(number=np.int64(1), share=np.float64(0.1), text="µs", flag=True, empty="")
            file["group"].attrs["bits"] = np.array([1, 2, 3], f"{order}u2")
            file.attrs[DIGEST] = "not part of itself"
            assert content_digest(file) == "d7938b1218481fa4d4531e2fc3bcc8f293a06bb2f9754f91e3cdd2200c383ba8"


def test_the_digest_of_a_tiny_file_is_made_of_these_bytes() -> None:
    """Written out, among it what is a pointer in memory: a list of texts."""
    with new_file() as file:
        file["labels"] = np.array(["A", "µ"], h5py.string_dtype())
        file.attrs["names"] = ["one", "two"]
        file.attrs["share"] = np.float32(0.5)
        found = content_digest(file)
    pieces = [b"item", b"/"]
    pieces += [b"attribute", b"names", b"texts", b"2", b"one", b"two"]
    pieces += [b"attribute", b"share", b"<f4", b"", struct.pack("<f", 0.5)]
    pieces += [b"item", b"labels", b"data", b"texts", b"2", b"A", "µ".encode()]
    data = b"".join(struct.pack("<q", len(piece)) + piece for piece in pieces)
    assert found == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("dtype", [[("a", "i4"), ("b", "f8")], h5py.ref_dtype, h5py.vlen_dtype("i4")])
def test_there_is_no_digest_of_what_has_no_defined_bytes(dtype: object) -> None:
    with new_file() as file:
        file.create_dataset("odd", (2,), dtype)
        with pytest.raises(TypeError, match="no digest is defined"):
            content_digest(file)


def test_the_digest_sees_every_name_type_shape_and_byte() -> None:
    def digest(make) -> str:
        with new_file() as file:
            make(file)
            return content_digest(file)

    def make(name="a", data=(1, 2), dtype="i4", attribute=1):
        def fill(file):
            file["group/" + name] = np.array(data, dtype)
            file["group"].attrs["n"] = attribute

        return fill

    variants = [
        make(),
        make(name="b"),
        make(data=(1, 3)),
        make(dtype="i8"),
        make(data=((1, 2),)),
        make(attribute=2),
    ]
    digests = [digest(one) for one in variants]
    assert len(set(digests)) == len(variants)
    assert digest(make()) == digests[0]
