"""A unit of work: a study of one configuration, which can be carried out anywhere and kept under its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import lava_predict
from lava_predict.config import Config
from lava_predict.config_files import config_from

Found = dict[str, np.ndarray]
"""What a study gives: arrays of numbers by name. Nothing else, so that no pickle is needed to keep them."""

_LIBRARIES = ("numpy", "scipy", "numba")
_PRESENTATION = ("cli.py", "report.py", "claims/", "plots", "_report")
"""Parts of the names of modules on which no unit's result depends."""


@dataclass(frozen=True)
class Unit:
    """A study of one configuration.

    Attributes
    ----------
    study : callable
        Importable by name; called with a `Config` and the arguments, it returns `Found`, and depends on
        nothing else.
    config : dict
        Settings, plain.
    arguments : dict
        Further arguments by name; JSON values.
    """

    study: Callable[..., Found]
    config: dict[str, Any]
    arguments: dict[str, Any]

    @property
    def key(self) -> str:
        """Name of the unit and digest of all that its result depends on: settings, code, libraries."""
        said = json.dumps([self.config, self.arguments], sort_keys=True)
        digest = hashlib.sha256(f"{self.study.__module__}\n{said}\n{code_digest()}".encode())
        return f"{self.study.__name__}-{digest.hexdigest()[:32]}"


def unit(study: Callable[..., Found], config: Config, **arguments: Any) -> Unit:
    """Describe a unit of work.

    Parameters
    ----------
    study : callable
        See `Unit`.
    config : Config
        Settings, the seed among them.
    **arguments
        Passed to the study; JSON values.

    Returns
    -------
    Unit
        Units of the same study, settings and arguments have the same key.
    """
    return Unit(study, config.to_dict(), arguments)


def carry_out_unit(one: Unit) -> Found:
    """Do the work of a unit and return what it found."""
    return one.study(config_from(one.config), **one.arguments)


@cache
def code_digest() -> str:
    """Return a digest of the package's code, less what only shows results, and of the libraries' versions."""
    digest = hashlib.sha256()
    folder = Path(lava_predict.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if not any(part in name for part in _PRESENTATION):
            digest.update(f"{name}\n".encode() + path.read_bytes())
    for library in _LIBRARIES:
        digest.update(f"{library} {metadata.version(library)}\n".encode())
    return digest.hexdigest()
