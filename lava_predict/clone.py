"""Finds the Processes in a clone, where they stand beside this package; importing it installs this."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

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
