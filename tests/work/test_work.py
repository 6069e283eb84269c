"""Units of work: their keys, their keeping, and that only what is missing is done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import Config, load_preset, with_changes
from lava_predict.errors import RunError, UserError
from lava_predict.work import code
from lava_predict.work.cache import Cache
from lava_predict.work.carried_out import results_of
from lava_predict.work.digest import digest_of
from lava_predict.work.packed import packed, unpacked
from lava_predict.work.unit import Found, Unit, carry_out_unit, unit


def count_steps(config: Config, factor: int) -> Found:
    return {"steps": np.array(config.run.seed * factor), "spike": np.arange(3.0)}


def fail(config: Config, factor: int) -> Found:
    raise RunError("this study fails")


@pytest.fixture
def smoke() -> Config:
    return load_preset("smoke")


DIFFERENT: list[Any] = [
    None,
    False,
    True,
    0,
    1,
    1.0,
    0.0,
    -0.0,
    "",
    "1",
    b"1",
    [],
    [1],
    [[1]],
    [1, 2],
    [12],
    ["ab", "c"],
    ["a", "bc"],
    {},
    {"a": 1},
    {"b": 1},
    {"a": 1, "b": 2},
    np.zeros(3),
    np.zeros(3, np.float32),
    np.zeros(3, np.int64),
    np.zeros((3, 1)),
    np.zeros((1, 3)),
    np.array(["a", "b"]),
    np.array(["a", "c"]),
]


def test_different_values_have_different_digests() -> None:
    assert len({digest_of(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_a_digest_is_that_of_its_bytes_and_does_not_depend_on_how_they_lie() -> None:
    one = bytes.fromhex("01 00 00 00 00 00 00 00")
    two = bytes.fromhex("02 00 00 00 00 00 00 00")
    half = bytes.fromhex("00 00 00 00 00 00 04 40")  # 2.5
    letters = b"d" + two + b"k" + one + b"a" + b"0" + b"k" + one + b"b" + b"l" + two + b"i" + one + b"1"
    known = hashlib.sha256(letters + b"f" + half).hexdigest()
    assert digest_of({"b": [1, 2.5], "a": None}) == known
    assert digest_of({"a": None, "b": (1, 2.5)}) == known
    grid = np.arange(6, dtype="<f8").reshape(2, 3)
    for same in (grid.astype(">f8"), np.asfortranarray(grid), np.arange(12.0).reshape(2, 6)[:, ::2] / 2):
        assert digest_of(same) == digest_of(grid)


@pytest.mark.parametrize("value", [object(), np.array([None]), {1: 2}, {"a"}, np.int64(3)])
def test_a_value_without_defined_bytes_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        digest_of(value)


@pytest.mark.slow
def test_the_key_of_a_unit_is_that_of_its_study_settings_and_code(smoke: Config) -> None:
    one = unit(count_steps, smoke, factor=2)
    assert one.key == unit(count_steps, smoke, factor=2).key
    assert one.key.startswith("count_steps-")
    others = [
        unit(count_steps, smoke, factor=3),
        unit(fail, smoke, factor=2),
        unit(count_steps, with_changes(smoke, (), 2), factor=2),
        Unit(one.study, one.config, one.arguments, "other code"),
    ]
    assert len({one.key, *(other.key for other in others)}) == 5


@pytest.mark.slow
def test_the_code_of_a_study_is_what_it_imports_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of a kernel is another code, one of a report is not."""
    module = "lava_predict.reproduction.studies.blocks"
    before, read = code.code_digest(module), code._source
    for changed, same in (
        ("lava_predict.network.step", False),
        ("lava_predict.tasks.meet", False),
        ("lava_predict.neurons.izhikevich", False),
        ("lava_predict.learning.on_chip", False),
        (module, False),
        ("lava_predict", True),
        ("lava_predict.comparison.study", True),
        ("lava_predict.reproduction.page", True),
        ("lava_predict.cli.shared", True),
    ):
        code.code_digest.cache_clear()
        monkeypatch.setattr(
            code, "_source", lambda name, changed=changed: read(name) + b"#" * (name == changed)
        )
        assert (code.code_digest(module) == before) is same
    code.code_digest.cache_clear()


@pytest.mark.slow
def test_a_worker_with_other_code_refuses(smoke: Config) -> None:
    one = unit(count_steps, smoke, factor=2)
    with pytest.raises(RunError, match="another version"):
        carry_out_unit(Unit(one.study, one.config, one.arguments, "other code"))


@pytest.mark.slow
def test_the_cache_gives_back_what_was_put_and_takes_damage_for_absence(
    smoke: Config, tmp_path: Path
) -> None:
    cache, one = Cache(tmp_path / "cache"), unit(count_steps, smoke, factor=2)
    assert cache.get(one) is None
    found = carry_out_unit(one) | {"flag": np.array(True), "none": np.zeros((0, 2))}
    cache.put(one, found)
    again = cache.get(one)
    assert again is not None
    assert {name: (a.dtype, a.tolist()) for name, a in again.items()} == {
        name: (a.dtype, a.tolist()) for name, a in found.items()
    }
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"x" * 100, bytes(len(whole))):
        file.write_bytes(damaged)
        assert cache.get(one) is None


def test_no_object_is_read_from_the_cache(smoke: Config, tmp_path: Path) -> None:
    cache, one = Cache(tmp_path), unit(count_steps, smoke, factor=2)
    np.savez(tmp_path / f"{one.key}.npz", steps=np.array([{"pickled": 1}], dtype=object))
    assert cache.get(one) is None


def test_a_cache_that_cannot_be_written_is_named(smoke: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cache = .*file.*another folder"):
        Cache(tmp_path / "file").put(unit(count_steps, smoke, factor=1), {})


@dataclass
class Inner:
    count: int
    mean: float | None


@dataclass
class Outer:
    values: np.ndarray
    share: float
    scores: Mapping[str, dict[str, float | None]]
    inner: dict[str, Inner]
    none: dict[str, int]
    last: Inner


def test_a_dataclass_is_the_same_after_it_was_kept(smoke: Config, tmp_path: Path) -> None:
    value = Outer(
        np.arange(4.0).reshape(2, 2),
        np.nan,
        {"all": {"loss": 1.5, "time": None}, "last third": {"loss": -0.0, "time": 2.0}},
        {"float + 1 ulp": Inner(3, None), "float, other noise": Inner(-1, 1e-300)},
        {},
        Inner(2**40, 0.1),
    )
    cache, one = Cache(tmp_path), unit(count_steps, smoke, factor=1)
    cache.put(one, packed(value))
    found = cache.get(one)
    assert found is not None
    again = unpacked(Outer, found)
    np.testing.assert_array_equal(again.values, value.values)
    assert np.isnan(again.share)
    for name in ("scores", "inner", "none", "last"):
        assert repr(getattr(again, name)) == repr(getattr(value, name))


def test_only_what_is_missing_is_done_and_each_unit_once(smoke: Config, tmp_path: Path) -> None:
    cache, units = Cache(tmp_path), [unit(count_steps, smoke, factor=n) for n in (1, 2, 1)]
    told: list[tuple[int, int]] = []
    assert [known for _, _, known in results_of(units[:1], cache)] == [False]
    found = list(results_of(units, cache, progress=lambda done, total: told.append((done, total))))
    assert [(one.arguments["factor"], known) for one, _, known in found] == [(1, True), (2, False)]
    assert told == [(1, 2), (2, 2)]


def test_what_was_done_before_a_failure_is_kept(smoke: Config, tmp_path: Path) -> None:
    units = [unit(count_steps, smoke, factor=1), unit(fail, smoke, factor=1)]
    with pytest.raises(RunError, match="this study fails"):
        list(results_of(units, Cache(tmp_path)))
    assert [known for _, _, known in results_of(units[:1], Cache(tmp_path))] == [True]
