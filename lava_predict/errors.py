"""The two errors that end a command early, its warnings, and checks of what a caller gives."""

from __future__ import annotations

import difflib
import errno
import functools
import os
from abc import ABCMeta
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import CO_VARKEYWORDS
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

DAMAGED = "the file is damaged, or of another program; use another copy"
"""Ends a message about a file whose content cannot be."""

MOST_SEED = 2**63 - 1
"""Greatest seed."""


class UserError(ValueError):
    """Something the user gave is bad: option, key, value, file or place; exit code 2.

    The message names the key, the value, what is allowed and what to do.
    """


class UnknownArgumentError(UserError, TypeError):
    """An argument that does not exist was given by its name; a TypeError, too, as Python itself raises."""


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
    near = likely(given, allowed)
    hint = "" if near is None else f"did you mean {near!r}? "
    return f"{hint}allowed: {', '.join(allowed)}"


def likely(given: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that was probably meant, or None."""
    scored = [(_likeness(given, name), name) for name in allowed]
    likeness, name = max(scored, default=(0.0, ""))
    return name if likeness >= 2 / 3 else None


def _likeness(given: str, name: str) -> float:
    """Return how likely a name was meant, 0 to 1; words that both share say little: jitter_ms, after_ms."""
    ours, theirs = given.lower().split("_"), name.lower().split("_")
    if ours == theirs[: len(ours)]:
        return 1.0 - 0.01 * (len(theirs) - len(ours))  # A unit was left out: dt for dt_ms.
    for end in (-1, 0):
        while len(ours) > 1 and len(theirs) > 1 and ours[end] == theirs[end]:
            ours.pop(end), theirs.pop(end)
    return difflib.SequenceMatcher(None, "_".join(theirs), "_".join(ours)).ratio()


def refuse_unknown(whose: str, given: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raise an UnknownArgumentError for an argument given by a name that ``whose`` arguments do not have."""
    for name, value in given.items():
        if name not in allowed:
            raise UnknownArgumentError(
                f"{whose}({name}={short(value)}): there is no such argument; {one_of(name, allowed)}"
            )


Public = TypeVar("Public")


def named_arguments(public: Public) -> Public:
    """Let a function, or a class's constructor and public methods, refuse unknown arguments by name.

    Python's own TypeError suggests no name. A class is changed in place. What takes any argument checks its
    own, and settings are checked by pydantic.
    """
    if isinstance(public, FunctionType):
        return _checked(public, public.__name__)  # type: ignore[return-value]
    if type(public) not in (type, ABCMeta) or public.__module__.split(".")[0] != __name__.split(".")[0]:
        return public
    for name, member in list(vars(public).items()):
        constructs = name in _CONSTRUCTORS
        function = member.__func__ if isinstance(member, staticmethod) else member
        if isinstance(function, FunctionType) and (constructs or not name.startswith("_")):
            whose = public.__name__ if constructs else f"{public.__name__}.{name}"  # type: ignore[attr-defined]
            setattr(public, name, _checked(function, whose))
    return public


_CONSTRUCTORS = ("__init__", "__new__")


def _checked(function: Any, whose: str) -> Callable[..., Any]:
    code = function.__code__
    if code.co_flags & CO_VARKEYWORDS:
        return function  # type: ignore[no-any-return]
    every = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    allowed = [name for name in every if name not in ("self", "_cls")]
    known = frozenset(allowed)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not known.issuperset(kwargs):
            refuse_unknown(whose, kwargs, allowed)
        return function(*args, **kwargs)

    return checked


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


def path_of(key: str, value: Any) -> Path:
    """Return a path that a caller gave; raises a UserError for what can't be the name of a file here."""
    check_kind(key, value, str | os.PathLike, "a path: a text or a Path")  # type: ignore[arg-type]
    path = Path(os.fsdecode(value))
    try:
        path.lstat()
    except ValueError as error:  # A null character, or one that file names cannot have here.
        raise UserError(f"{key} = {short(str(path))}: is no name of a file ({error}); give another") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(
                f"{key} = {short(str(path))}: is longer than names of files may be; give another"
            ) from None
    return path
