"""Units of work: studies of one configuration each, which can run anywhere and are kept under their key."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from lava_predict import registry
from lava_predict.errors import RunError
from lava_predict.settings.files import config_from
from lava_predict.settings.schema import Config
from lava_predict.work.digest import digest_of

Found = dict[str, np.ndarray]
"""What a study gives: arrays of numbers by name, which can be kept without pickle."""

_PARTS = (registry.NEURONS, registry.SYNAPSES, registry.RULES, registry.TASKS)
_LIBRARIES = ("numpy", "scipy", "numba")
_PACKAGE = __name__.split(".")[0]


@dataclass(frozen=True)
class Unit:
    """A study of one configuration; see `unit`, and for the digest `code_digest`."""

    study: Callable[..., Found]
    config: dict[str, Any]
    arguments: dict[str, Any]
    code: str

    @cached_property
    def key(self) -> str:
        """Name of the study, and digest of all that its result depends on: settings, code, libraries."""
        digest = digest_of([self.study.__module__, self.config, self.arguments, self.code])
        return f"{self.study.__name__}-{digest[:32]}"


def unit(study: Callable[..., Found], config: Config, **arguments: Any) -> Unit:
    """Describe a unit of work: a study, called with a `Config` and further arguments.

    The study is importable by name and depends on nothing else; the same of all three give the same key. The
    arguments are values that `digest_of` knows.
    """
    return Unit(study, config.to_dict(), arguments, code_digest(study.__module__))


def carry_out_unit(one: Unit) -> Found:
    """Do the work of a unit and return what it found.

    Raises a RunError if the unit was made for other code than is installed here, as may be on a cluster.
    """
    if one.code != code_digest(one.study.__module__):
        raise RunError(
            "a worker has another version of lava_predict, numpy, scipy or numba than this machine; "
            "install the same versions on all machines; otherwise the figures would differ"
        )
    return one.study(config_from(one.config), **one.arguments)


@cache
def code_digest(module: str) -> str:
    """Return a digest of the code that the results of an imported module depend on.

    It covers the module's source, that of all modules of this package which it imports, directly or not,
    that of all parts that settings can name, and the versions of the libraries that compute.
    """
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = _source(name)
            waiting += _imports(sources[name])
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
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_bytes()


def _imports(source: bytes) -> Iterator[str]:
    """Yield the modules of this package that a source imports anywhere."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == _PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _PACKAGE:
            assert node.module is not None
            yield node.module
            spec = importlib.util.find_spec(node.module)
            if spec is not None and spec.submodule_search_locations is not None:
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in names if importlib.util.find_spec(name) is not None)
