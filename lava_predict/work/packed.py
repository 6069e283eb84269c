"""Dataclasses of numbers as arrays by name, and back, so that a unit of work can give one as its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from lava_predict.work.unit import Found

Kind = TypeVar("Kind")

_BETWEEN = "/"


def packed(value: Any) -> Found:
    """Return the arrays of a dataclass whose fields are arrays, numbers, None, dataclasses, or dicts of such.

    An array in a field or dict within has the name of the outer one, a slash and its own. None becomes NaN.
    """
    return dict(_leaves("", value))


def unpacked(kind: type[Kind], found: Found) -> Kind:
    """Return the dataclass of a kind that `packed` made arrays of; NaN is None where its fields allow it."""
    hints = get_type_hints(kind)
    return kind(**{one.name: _of(hints[one.name], one.name, found) for one in fields(kind)})  # type: ignore[arg-type]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    if is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}{_BETWEEN}{key}" if name else key, inner)
    else:
        yield name, np.asarray(np.nan if value is None else value)


def _of(hint: Any, name: str, found: Found) -> Any:
    """Return the value of a type whose arrays have this name, or one that begins with it and a slash."""
    if hint is np.ndarray:
        return found[name]
    if hint in (int, float):
        return found[name].item()
    if hint == float | None:
        return None if np.isnan(found[name]) else found[name].item()
    begin = name + _BETWEEN
    inner = {key[len(begin) :]: array for key, array in found.items() if key.startswith(begin)}
    if is_dataclass(hint):
        return unpacked(hint, inner)  # type: ignore[arg-type]
    assert get_origin(hint) in (dict, Mapping), hint
    _, of_values = get_args(hint)
    keys = dict.fromkeys(key.split(_BETWEEN)[0] for key in inner)
    return {key: _of(of_values, key, inner) for key in keys}
