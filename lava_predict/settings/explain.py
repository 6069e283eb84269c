"""Turns what is wrong with a configuration into messages that name key, value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lava_predict.errors import one_of, short
from lava_predict.settings.schema import Block, Config, Section, Spread


def sections(schema: type[Config]) -> dict[tuple[str, ...], type[Section]]:
    """Return every section of a configuration by the path of its keys."""
    return dict(_sections(schema, ()))


def _sections(
    section: type[Section], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], type[Section]]]:
    yield path, section
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section) and inner is not Spread:
            yield from _sections(inner, (*path, name))


def explain(invalid: ValidationError, schema: type[Config], example: Mapping[str, Any]) -> str:
    """Explain, with a line for each error, why a configuration is not valid for a schema.

    The values of ``example``, a valid configuration, are shown as a way out.
    """
    fields = _Fields(sections(schema))
    lines = [_explain_one(error, fields, example) for error in invalid.errors(include_url=False)]
    return "\n".join(dict.fromkeys(lines))


class _Fields:
    """The fields of a configuration by their place."""

    def __init__(self, by_path: dict[tuple[str, ...], type[Section]]) -> None:
        self._by_path = by_path

    def at(self, path: Sequence[Any]) -> dict[str, Any]:
        names = tuple(part for part in path if isinstance(part, str))
        inside = Block if names == ("task", "blocks") else Spread
        return dict(self._by_path.get(names, inside).model_fields)

    def meaning(self, place: Sequence[Any]) -> str:
        field = self.at(place[:-1]).get(str(place[-1])) if place else None
        return f" ({field.description})" if field is not None and field.description else ""


def _explain_one(error: Any, fields: _Fields, example: Mapping[str, Any]) -> str:
    """Say of one validation error which key, which value, what is allowed."""
    place = tuple(part for part in error["loc"] if part not in ("Spread",))
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        allowed = list(fields.at(place[:-1]))
        return f"{key} = {short(given)}: there is no such setting; {one_of(str(place[-1]), allowed)}"
    if kind == "missing":
        return f"{key}: is missing{fields.meaning(place)}; give it a value"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if kind == "value_error":
        # A message that begins with a dot goes on from the section's key; any other names its key itself.
        return f"{key}{message}" if message.startswith(".") else message
    if kind in ("model_type", "model_attributes_type"):
        return f"{key} = {short(given)}: must be a table of settings; {one_of('', list(fields.at(place)))}"
    return f"{key} = {short(given)}: {message}{fields.meaning(place)}{_example(place, example)}"


def _example(place: Sequence[Any], example: Mapping[str, Any]) -> str:
    """Give the example's value as a way out."""
    value: Any = example
    for part in place:
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = value[part]
    return f"; robust has {short(value)}"
