"""The two errors that end a command early, and its warnings."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


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
