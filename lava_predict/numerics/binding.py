"""Kernels that are made for the parts of a network.

A template is an ordinary function that calls names for which its module has a stand-in only (`part`).
`bind` compiles a copy of it in which these names are the kernels of chosen parts. They are bound as
globals, since numba cannot keep the machine code of closures on disk, and inlines both alike.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

from lava_predict.numerics.compiled import note_origin, step_kernel

Template = TypeVar("Template", bound=Callable[..., Any])


def part(*arguments: Any) -> Any:
    """Stand for a part's kernel in a template; `bind` puts a kernel in its place."""
    raise NotImplementedError("a template is compiled by `bind` only")


def bind(template: Template, **parts: Any) -> Template:
    """Compile a template for chosen parts; the same ones give the same compiled function, kept on disk.

    Parameters
    ----------
    template : function
        In numba's nopython subset but for the names that stand for the parts.
    **parts : compiled function or int
        What the names stand for: functions of `kernel` or `bind`, or whole numbers.
    """
    bound: Template = _bound(template, tuple(sorted(parts.items())))
    return bound


@cache
def _bound(template: Any, parts: tuple[tuple[str, Any], ...]) -> Any:
    names = {**template.__globals__, **dict(parts)}
    copy = FunctionType(template.__code__, names, template.__name__, template.__defaults__)
    copy.__kwdefaults__ = template.__kwdefaults__
    copy.__doc__, copy.__module__ = template.__doc__, template.__module__
    # The machine code is kept under this name, so that it must tell all parts apart, and their sources.
    digest = hashlib.sha256("\n".join(f"{name}={_identity(part)}" for name, part in parts).encode())
    copy.__qualname__ = f"{template.__qualname__}_{digest.hexdigest()[:16]}"
    return step_kernel(copy)


def _identity(part: Any) -> str:
    """Name a part so that another one, or another version of it, has another name."""
    function = getattr(part, "py_func", None)
    if function is None:
        return str(int(part))
    note_origin(function)
    return f"{function.__module__}.{function.__qualname__} {_source_digest(inspect.getfile(function))}"


@cache
def _source_digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
