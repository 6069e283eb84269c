"""Turns what is wrong with a configuration into messages that name key, value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lava_predict.errors import likely, one_of, short
from lava_predict.settings.schema import Block, Section, Spread

Sections = dict[tuple[str, ...], type[Section]]
"""Sections of a configuration by the path of their keys."""

_MOST_MISSING = 3
"""Most missing settings that have a line each."""


def sections(section: type[Section], path: tuple[str, ...] = ()) -> Sections:
    """Return a section, which may be a whole configuration, and every section in it."""
    found = {path: section}
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section) and inner is not Spread:
            found |= sections(inner, (*path, name))
    return found


def explain(invalid: ValidationError, schema: type[Section], example: Mapping[str, Any]) -> str:
    """Explain, with a line for each error, why a configuration is not valid for a schema.

    The values of ``example``, a valid configuration, are shown as a way out.
    """
    known = sections(schema)
    # An unknown name first: its value may be what is missing under the right one.
    errors = sorted(invalid.errors(include_url=False), key=lambda error: error["type"] != "extra_forbidden")
    missing = [_key(error["loc"]) for error in errors if error["type"] == "missing"]
    if len(missing) > _MOST_MISSING:
        errors = [error for error in errors if error["type"] != "missing"]
    lines = [_explain_one(error, known, example) for error in errors]
    if len(missing) > _MOST_MISSING:
        lines.append(f"{', '.join(missing)}: are missing; give them values")
    return "\n".join(dict.fromkeys(lines))


def _key(place: Sequence[Any]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _fields(known: Sections, place: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of the section at a place."""
    names = tuple(part for part in place if isinstance(part, str))
    return known.get(names, Block if names == ("task", "blocks") else Spread).model_fields


def _explain_one(error: Any, known: Sections, example: Mapping[str, Any]) -> str:
    """Say of one validation error which key, which value, what is allowed."""
    place = tuple(part for part in error["loc"] if part != "Spread")
    siblings = _fields(known, place[:-1])
    field = siblings.get(str(place[-1])) if place else None
    meaning = f" ({field.description})" if field is not None and field.description else ""
    key = _key(place)
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        allowed = f"allowed: {', '.join(siblings)}"
        near = _elsewhere(place, known) or likely(str(place[-1]), siblings)
        hint = f"did you mean {near!r}? {allowed}" if near else allowed
        return f"{key} = {short(given)}: there is no such setting; {hint}"
    if kind == "missing":
        return f"{key}: is missing{meaning}; give it a value"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if kind == "value_error":
        # A message that begins with a dot goes on from the section's key; any other names its key itself.
        return f"{key}{message}" if message.startswith(".") else message
    if kind in ("model_type", "model_attributes_type"):
        return (
            f"{key} = {short(given)}: must be a table of settings; {one_of('', list(_fields(known, place)))}"
        )
    return f"{key} = {short(given)}: {message}{meaning}{_example(place, example)}"


def _elsewhere(place: Sequence[Any], known: Sections) -> str | None:
    """Return the key of the setting of this name in a block, or in a section further in or beside."""
    *above, name = map(str, place)
    if above == ["task"] and name in Block.model_fields:
        return f"task.blocks = [{{{name} = ...}}]"
    if not above and not likely(name, known[()].model_fields):
        known = {path: one for path, one in known.items() if len(path) == 1}
        name = likely(name, [field for one in known.values() for field in one.model_fields]) or name
    for path, section in known.items():
        if name in section.model_fields and (len(path) == 1 or [*path[: len(above)]] == above):
            return ".".join((*path, name))
    return None


def _example(place: Sequence[Any], example: Mapping[str, Any]) -> str:
    """Give the example's value as a way out."""
    value: Any = example
    for part in place:
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = value[part]
    return f"; robust has {short(value)}"
