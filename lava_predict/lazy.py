"""Loads a package's public names when they are first used, so that importing the package is quick.

A package lists its names once, as imports that only type checkers and editors carry out::

    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from lava_predict.settings.files import load_config, load_preset
    else:
        __all__, __getattr__, __dir__ = public_face(__name__)

In a clone it also finds `lava_predict.processes`, which stands beside the package there.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
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


_PLACE = Path(__file__).parents[1] / "processes"


class _Beside:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "lava_predict.processes" or not (_PLACE / "base.py").is_file():
            return None
        return spec_from_file_location(name, _PLACE / "__init__.py", submodule_search_locations=[str(_PLACE)])


def find_processes() -> None:
    """Let `lava_predict.processes` be imported also where Python takes this package from a clone. Repeatable.

    In an installed package they are a part of it, and are found before; so it is in uv's environment.
    """
    if _Beside not in sys.meta_path:
        sys.meta_path.append(_Beside)
