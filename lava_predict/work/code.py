"""Digests of the code that results depend on, so that results of other code are not reused."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from lava_predict import registry
from lava_predict.lazy import imports_for_type_checkers

_PARTS = (registry.NEURONS, registry.SYNAPSES, registry.RULES, registry.TASKS)
_LIBRARIES = ("numpy", "scipy", "numba")
_PACKAGE = __name__.split(".")[0]
_ROOT = Path(__file__).resolve().parents[1]


@cache
def code_digest(module: str) -> str:
    """Return a digest of the code that the results of a module depend on.

    It covers the module's source, that of all modules of this package which it imports or names, directly or
    not, that of all parts that settings can name, and the versions of the libraries that compute. What a
    package's ``__init__`` only shows (`lava_predict.lazy`) counts where it is used.
    """
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = _source(name)
            waiting += _needed(name, sources[name])
            if name == registry.__name__:
                # Parts are found by name, so no import shows them.
                waiting += [module for kind in _PARTS for module in kind.modules()]
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name} {len(sources[name])}\n".encode() + sources[name])
    for library in _LIBRARIES:
        digest.update(f"{library} {metadata.version(library)}\n".encode())
    return digest.hexdigest()


def _source(module: str) -> bytes:
    path = _path(module)
    assert path is not None, module
    return path.read_bytes()


@cache
def _path(module: str) -> Path | None:
    """Return the file of a module; None if there is no such module. Modules of ours are not imported."""
    package, *parts = module.split(".")
    if package == _PACKAGE and parts[:1] != ["processes"]:
        place = _ROOT.joinpath(*parts)
        files = (place / "__init__.py", place.with_suffix(".py")) if parts else (place / "__init__.py",)
        return next((file for file in files if file.is_file()), None)
    spec = importlib.util.find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _needed(module: str, source: bytes) -> Iterator[str]:
    """Yield the modules of this package that a source imports or names when it is executed."""
    for node in _executed(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == _PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _PACKAGE:
            assert node.module is not None
            for alias in node.names:
                yield from _homes_of(node.module, alias.name)
        elif isinstance(node, ast.Constant) and _is_module(node.value):
            yield str(node.value)  # It is loaded by its name.


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, in any order, without what only type checkers read."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _is_module(value: Any) -> bool:
    """Say whether a constant is the name of a module of this package."""
    if not isinstance(value, str) or not value.startswith(f"{_PACKAGE}."):
        return False
    return value.replace(".", "").isidentifier() and _path(value) is not None


def _homes_of(module: str, name: str) -> Iterator[str]:
    """Yield the modules that ``from module import name`` needs."""
    if _path(f"{module}.{name}") is not None:
        yield f"{module}.{name}"
    elif name in (shown := _shown(module)):
        yield shown[name]
    else:
        yield module


@cache
def _shown(package: str) -> dict[str, str]:
    """Return the module of each name that a package shows and loads when it is used."""
    path = _path(package)
    if path is None or path.name != "__init__.py":
        return {}
    return imports_for_type_checkers(path.read_text())
