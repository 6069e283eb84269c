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

from lava_predict import UserError
from lava_predict.network.layout import Expected, like_tree
from lava_predict.records import hdf5
from lava_predict.records.hdf5 import (
    DIGEST,
    Places,
    Reader,
    attribute,
    content_digest,
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


WITH_NAN = Inner(Expected(("n",), missing=True), Expected((2, "m"), ("int32",), low=0))


def test_a_tree_reads_back_to_the_bit() -> None:
    tree = Outer(inner(), np.zeros((0, 4)), Empty(), inner()._replace(v=np.zeros(0)))
    with new_file() as file:
        write_tree(file, tree)
        assert set(file) == {"first", "weight", "nothing", "second"}
        assert set(file["first"]) == {"v", "count"}
        assert same(Reader({}).tree(file, like_tree(tree)._replace(first=WITH_NAN)), tree)


VECTOR = Expected(("n",))


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        ({}, VECTOR, "group/v: is missing; expected float64 of shape (n,) = (3,)"),
        ({"v/inside": 1.0}, VECTOR, "group/v: is a group; expected float64 of shape (n,)"),
        (
            {"v": np.zeros(4)},
            VECTOR,
            "group/v: holds float64 of shape (4,); expected float64 of shape (n,) = (3,)",
        ),
        ({"v": np.zeros((3, 1))}, VECTOR, "group/v: holds float64 of shape (3, 1)"),
        ({"v": np.zeros(3, np.float32)}, VECTOR, "holds float32 of shape (3,); expected float64"),
        ({"v": "text"}, VECTOR, "holds object of shape (); expected float64"),
        ({"v": h5py.Empty("f8")}, VECTOR, "group/v: holds float64 of shape ()"),
        ({"v": np.array([0.0, np.nan, 1.0])}, VECTOR, "holds a number that is not finite"),
        ({"v": np.array([0.0, np.inf, 1.0])}, VECTOR, "holds a number that is not finite"),
        (
            {"v": np.array([0, 3, 1])},
            Expected(("n",), ("int64",), low=0, high="n"),
            "allowed are those from 0 to 2",
        ),
        ({"v": np.array([0, -2, 1])}, Expected(("n",), ("int64",), low=-1), "allowed are those from -1 on"),
    ],
)
def test_an_array_that_is_not_what_it_must_be_is_named(content, expected: Expected, said: str) -> None:
    with new_file() as file:
        group = file.create_group("group")
        for name, value in content.items():
            group[name] = value
        with pytest.raises(UserError) as refused:
            Reader({"n": 3}).array(group, "v", expected)
    assert said in str(refused.value)


def test_a_length_is_learned_from_the_first_array_that_has_it() -> None:
    with new_file() as file:
        file["one"], file["two"] = np.zeros(2), np.zeros(3)
        reader = Reader({})
        reader.array(file, "one", VECTOR)
        with pytest.raises(UserError, match=r"two: .*expected float64 of shape \(n,\) = \(2,\)"):
            reader.array(file, "two", VECTOR)


@pytest.mark.parametrize("bad", [None, np.zeros(2), 1.5, "text", np.nan, b"\xff"])
def test_an_attribute_that_is_not_what_it_must_be_is_named(bad) -> None:
    with new_file() as file:
        if bad is not None:
            file.attrs["wall"] = bad
        for kind, ours in ((int, int), (float, float), (str, str | bytes)):
            if isinstance(bad, ours) and bad == bad:
                assert attribute(file, "wall", kind) is not None
            else:
                with pytest.raises(UserError, match="attribute wall: is "):
                    attribute(file, "wall", kind)


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
        columns = {"number": Expected((), ("int64",)), "share": Expected(()), "p": Expected((2,))}
        columns["spikes"] = Places("places", Expected((), ("uint32", "int64")))
        found = Reader({"places": 2}).records(file, Record, columns)
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


def test_a_digest_does_not_depend_on_how_much_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(BytesIO(), "w") as file:
        for kind in ("<f8", ">i4", "u2", "?", "S3"):
            file[f"a/{kind.strip('<>')}"] = np.arange(60).reshape(12, 5).astype(kind)
        file["one"], file["none"] = np.array([7.0]), np.zeros((0, 4))
        whole = content_digest(file)
        for size in (1, 64, 100):
            monkeypatch.setattr(hdf5, "_BLOCK", size)
            assert content_digest(file) == whole
