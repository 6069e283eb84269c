"""Loads a package's public names when they are first used, so that importing the package is quick.

A package lists its names once, as imports that only type checkers and editors carry out::

    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from lava_predict.settings.files import load_config, load_preset
    else:
        __all__, __getattr__, __dir__ = public_face(__name__)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def public_face(package: str, *own: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Make the names that a package imports under ``if TYPE_CHECKING`` load on first use (PEP 562).

    ``package`` is the name of the package whose `__init__` is being executed; ``own`` are public names that
    it defines itself. Returns ``__all__``, sorted; ``__getattr__``, which imports the module that a name
    comes from and keeps the name in the package; and ``__dir__``. What has been loaded refuses arguments that
    it does not have by `named_arguments`.
    """
    module = sys.modules[package]
    homes = imports_for_type_checkers(module.__spec__.loader.get_source(package))  # type: ignore[union-attr]

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        from lava_predict.errors import named_arguments

        home = import_module(homes[name])
        value = named_arguments(getattr(home, name))
        for place in (home, module):  # In both the same object, or it could not be pickled.
            setattr(place, name, value)
        return value

    return sorted([*homes, *own]), load, lambda: sorted({*vars(module), *homes})


def imports_for_type_checkers(source: str) -> dict[str, str]:
    """Return the module that each name comes from."""
    return {
        alias.name: statement.module
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }
