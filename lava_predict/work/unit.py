"""Units of work: studies of one configuration each, which can run anywhere and are kept under their key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lava_predict.errors import RunError
from lava_predict.settings.files import config_from
from lava_predict.settings.schema import Config
from lava_predict.work.code import code_digest
from lava_predict.work.digest import digest_of

Found = dict[str, np.ndarray]
"""What a study gives: arrays of numbers by name, which can be kept without pickle."""


@dataclass(frozen=True)
class Unit:
    """A study of one configuration; see `unit`, and for the code's digest `code_digest`."""

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
