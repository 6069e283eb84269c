"""What this engine needs of the machine, each missing thing refused with how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from lava_predict.errors import UserError
from lava_predict.newer_python import lava_is_missing


def check_lava() -> None:
    """Raise a UserError, which says how to get Lava, where it cannot be imported."""
    if find_spec("lava") is None:
        raise UserError(f"backend = 'lava': {lava_is_missing()}, or use --backend cpu")


def check_hardware() -> None:
    """Raise a UserError, which says what is missing, where Intel's extension of Lava is not installed."""
    from lava.utils import loihi

    if not loihi.is_installed():
        raise UserError(
            "target = 'loihi2-hw': needs Lava-Loihi, Intel's extension, and a Loihi 2 system; both are "
            "available only to members of the Intel Neuromorphic Research Community "
            "(inrc_interest@intel.com). "
            "docs/loihi2.md says what else is needed; --target loihi2-sim runs the same integers here"
        )
