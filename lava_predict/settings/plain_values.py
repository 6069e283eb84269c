"""Checks nested plain values, as JSON has them, against a pattern that says what each must be.

A pattern is a type (``float`` takes whole numbers too, and nothing that is not finite), a dict of patterns by
key (other keys may be there), a list of one pattern for lists of any length, or one of the classes below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lava_predict.errors import UserError, one_of, short


class Maybe(NamedTuple):
    """Null, or what a pattern says."""

    inner: Any


class Each(NamedTuple):
    """A table of any keys, each with what a pattern says; so many as others whose ``length`` has the name."""

    inner: Any
    length: str = ""


class Many(NamedTuple):
    """A list whose length is that of all others of this name, each with what a pattern says."""

    inner: Any
    length: str


class Rows(NamedTuple):
    """A list of one length, or a list of another length of such lists."""

    inner: Any
    length: str
    outer: str


class Either(NamedTuple):
    """What one of some patterns says."""

    patterns: tuple[Any, ...]


class OneOf(NamedTuple):
    """One of some texts."""

    texts: tuple[str, ...]


_MOST = 1e300
"""Greatest number; JSON has whole ones that no float can hold."""

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", object: "a value"}


@dataclass
class _Check:
    """One check: the lengths that were seen, with the place where each was."""

    lengths: dict[str, tuple[int, str]] = field(default_factory=dict)

    def problems(self, value: Any, pattern: Any, place: str) -> Iterator[str]:
        """Yield what is wrong with a value, at least the first thing."""
        if isinstance(pattern, Maybe):
            if value is not None:
                yield from self.problems(value, pattern.inner, place)
        elif isinstance(pattern, Either):
            if all(any(self.problems(value, one, place)) for one in pattern.patterns):
                yield f"{place}: is {short(value)}; expected {_words(pattern)}"
        elif isinstance(pattern, Rows):
            nested = isinstance(value, list) and value and isinstance(value[0], list)
            row = Many(pattern.inner, pattern.length)
            yield from self.problems(value, Many(row, pattern.outer) if nested else row, place)
        elif isinstance(pattern, OneOf):
            if value not in pattern.texts:
                yield f"{place}: is {short(value)}; {one_of(str(value), pattern.texts)}"
        elif isinstance(pattern, Mapping | Each):
            yield from self._table(value, pattern, place)
        elif isinstance(pattern, list | Many):
            yield from self._list(value, pattern, place)
        elif not _is(value, pattern):
            yield f"{place}: is {short(value)}; expected {_words(pattern)}"

    def _table(self, value: Any, pattern: Mapping[str, Any] | Each, place: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{place}: is {short(value)}; expected a table"
            return
        if isinstance(pattern, Each):
            yield from self._length(len(value), pattern.length, place)
            pattern = dict.fromkeys(value, pattern.inner)
        for key, inner in pattern.items():
            where = f"{place}.{key}".lstrip(".")
            if key in value:
                yield from self.problems(value[key], inner, where)
            elif not isinstance(inner, Maybe):
                yield f"{where}: is missing; expected {_words(inner)}"

    def _list(self, value: Any, pattern: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place}: is {short(value)}; expected a list"
            return
        inner = pattern[0]
        if isinstance(pattern, Many):
            yield from self._length(len(value), pattern.length, place)
        for number, one in enumerate(value):
            yield from self.problems(one, inner, f"{place}[{number}]")

    def _length(self, length: int, name: str, place: str) -> Iterator[str]:
        if not name:
            return
        seen, where = self.lengths.setdefault(name, (length, place))
        if length != seen:
            yield f"{place}: has {length} entries; expected {seen}, as many as {where}"


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def _words(pattern: Any) -> str:
    if isinstance(pattern, Either):
        return " or ".join(map(_words, pattern.patterns))
    if isinstance(pattern, OneOf):
        return f"one of {', '.join(pattern.texts)}"
    if isinstance(pattern, Maybe):
        return f"null or {_words(pattern.inner)}"
    if isinstance(pattern, type):
        return _WORDS.get(pattern, pattern.__name__)
    return "a list" if isinstance(pattern, list | Many | Rows) else "a table"


def check_plain(value: Any, pattern: Any, lengths: Mapping[str, int] | None = None) -> None:
    """Raise a UserError that names the first place where a value is not what a pattern says.

    ``lengths`` are known ones by name.
    """
    known = {name: (length, "the settings ask for") for name, length in (lengths or {}).items()}
    for problem in _Check(known).problems(value, pattern, ""):
        raise UserError(problem.removeprefix(": ").lstrip("."))
