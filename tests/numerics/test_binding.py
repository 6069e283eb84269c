"""Templates that are compiled for chosen parts."""

from __future__ import annotations

import pytest

from lava_predict.numerics import binding
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.compiled import kernel

change = part
times = 0


def changed_often(value: int) -> int:
    """Apply a part some times."""
    for _ in range(times):
        value = change(value)
    return value


@kernel
def double(value: int) -> int:
    return 2 * value


@kernel
def increase(value: int) -> int:
    return value + 1


def test_a_template_takes_the_parts_that_it_is_given() -> None:
    assert bind(changed_often, change=double, times=5)(3) == 96
    assert bind(changed_often, change=increase, times=5)(3) == 8
    assert bind(changed_often, change=increase, times=2)(3) == 5


def test_a_bound_template_can_be_a_part() -> None:
    inner = bind(changed_often, change=double, times=2)
    assert bind(changed_often, change=inner, times=3)(1) == 64


def test_the_same_parts_give_the_same_function_and_others_another_name_on_disk() -> None:
    one = bind(changed_often, change=double, times=5)
    assert bind(changed_often, times=5, change=double) is one
    others = [
        bind(changed_often, change=increase, times=5),
        bind(changed_often, change=double, times=4),
        bind(changed_often, change=bind(changed_often, change=double, times=1), times=5),
        bind(changed_often, change=bind(changed_often, change=double, times=2), times=5),
    ]
    names = {function.py_func.__qualname__ for function in (one, *others)}  # type: ignore[attr-defined]
    assert len(names) == 5
    assert one.__doc__ == changed_often.__doc__


def test_a_change_of_a_parts_source_changes_the_name_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    name = binding._identity(double)
    monkeypatch.setattr(binding, "_source_digest", lambda path: "another")
    assert binding._identity(double) != name


def test_a_template_that_is_not_bound_says_so() -> None:
    with pytest.raises(NotImplementedError, match="compiled by `bind` only"):
        change(1)
