"""The two errors that end a command early, its warnings, and checks of what a caller gives."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DAMAGED = "the file is damaged, or of another program; use another copy"
"""Ends a message about a file whose content cannot be."""

MOST_SEED = 2**63 - 1
"""Greatest seed."""


class UserError(ValueError):
    """Something the user gave is bad: option, key, value, file or place; exit code 2.

    The message names the key, the value, what is allowed and what to do.
    """


class RunError(RuntimeError):
    """A run failed while running; exit code 1. The message names the cause."""


@dataclass(frozen=True)
class Caution:
    """A warning: something that the user should know, but that does not end a command.

    Attributes
    ----------
    cause : str
        What is wrong, without a full stop.
    remedy : str
        What to do; empty where nothing can be done.
    """

    cause: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}" if self.remedy else self.cause


def one_of(given: str, allowed: Sequence[str]) -> str:
    """Say what is allowed, with the likely name for a near miss."""
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}allowed: {', '.join(allowed)}"


def needs_package(package: str, extra: str) -> str:
    """Say that a package of an extra is missing, and how to get it; no index needs to have lava-predict."""
    return (
        f"needs the package {package}, which is not installed; in a clone of lava-predict get it with "
        f"`uv sync --extra {extra}` or `pip install '.[{extra}]'`, elsewhere with `pip install {package}`"
    )


def short(value: Any) -> str:
    """Show a value in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def digits(number: float) -> str:
    """Show a number with so many digits that it is not taken for another one, and 1 for 1.0."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


def pair(low: float, high: float) -> str:
    """Show two numbers as a list, with `digits`."""
    return f"[{digits(low)}, {digits(high)}]"


def plain(value: Any) -> Any:
    """Return a value with NumPy's numbers and arrays in it, at any depth, turned into Python's."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = map(plain, value)
        return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)
    # Both have this method; NumPy itself is not imported for it.
    return value.tolist() if type(value).__module__ == "numpy" and hasattr(value, "tolist") else value


def whole(key: str, value: Any, least: int = 0, most: int = MOST_SEED) -> int:
    """Return a whole number that a caller gave, a NumPy one too; raises a UserError for anything else."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise UserError(f"{key} = {short(number)}: must be a whole number from {least} to {most}")
    return int(number)


def real(key: str, value: Any, above: float, most: float) -> float:
    """Return a number above one bound and up to the other; raises a UserError for anything else."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not above < number <= most:
        raise UserError(
            f"{key} = {short(number)}: must be a number above {digits(above)} and at most {digits(most)}"
        )
    return float(number)


def seeds_of(given: Any) -> tuple[int, ...]:
    """Return seeds that a caller gave: some different whole numbers; raises a UserError for anything else."""
    many = plain(given)
    if not isinstance(many, Iterable) or isinstance(many, str | bytes | Mapping):
        raise UserError(f"seeds = {short(given)}: must be a list of whole numbers, such as range(100, 105)")
    seeds = tuple(whole("seeds", seed) for seed in many)
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds = {short(given)}: must be at least one, and all different")
    return seeds


def check_kind(key: str, value: Any, kind: type, remedy: str) -> None:
    """Raise a UserError if a value that a caller gave is not of a kind; the remedy says what to give."""
    if not isinstance(value, kind):
        raise UserError(f"{key} = {short(value)}: must be {remedy}")
