"""Lets Lava run on Python 3.11 and newer, with NumPy 2; importing `lava_predict` installs this.

Lava 0.10.0 is archived. Eight fields of its dataclasses have an object as their default, which all instances
would share: since 3.11 Python refuses that, and so refuses all of Lava. NumPy 2.4 no longer knows the keyword
with which Lava's ports reshape, and takes no array for a number, as two of Lava's own Processes do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

_MENDS = {
    "lava.magma.compiler.var_model": {
        "import dataclass, InitVar": "import dataclass, field, InitVar",
        ": ByteEncoder = ByteEncoder()": ": ByteEncoder = field(default_factory=ByteEncoder)",
    },
    "lava.magma.core.process.ports.ports": {"np.reshape, newshape=": "np.reshape, shape="},
    "lava.proc.clp.nsm.models": {"alloc_signal[0] = ": "alloc_signal[:1] = "},
    "lava.proc.graded.models": {
        "int(np.log2(val))": "int(np.log2(val).item())",
        "int(s_fp)": "int(np.squeeze(s_fp))",
    },
}


class _Mended(SourceFileLoader):
    """Loads a module from its source with other words; the file and its cache stay as they are."""

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_source(fullname) or ""
        for text, mend in _MENDS[fullname].items():
            source = source.replace(text, mend)
        return self.source_to_code(source.encode(), self.path)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in _MENDS else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Mended(name, spec.origin)
        return spec


def mend_lava() -> None:
    """Let later imports of Lava succeed; on Python 3.10, which needs no mend, do nothing. Repeatable."""
    if sys.version_info >= (3, 11) and _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def lava_is_missing() -> str:
    """Say what gets Lava on this Python, to follow the name of what needs it."""
    major, minor = sys.version_info[:2]
    if (major, minor) < (3, 11):
        return "needs lava-nc, which is not installed; get it with `pip install lava-nc==0.10.0`"
    packages = "--no-deps lava-nc==0.10.0 asteval==0.9.33 networkx==2.8.7"
    return (
        f"needs lava-nc, whose metadata make pip refuse it on Python {major}.{minor}; get it with "
        f"`pip install --ignore-requires-python {packages}` or `uv pip install {packages}`"
    )
