"""The grid for what library functions give, as docs/model.md has it, by mantissa and exponent."""

from __future__ import annotations

from typing import Any

import numpy as np


def on_grid(value: Any) -> Any:
    """The nearest number of 24 significant bits, ties to even."""
    mantissa, exponent = np.frexp(value)
    return np.ldexp(np.rint(mantissa * 2.0**24), exponent - 24)


def decay(dt: float, tau: Any) -> Any:
    """What is left after a step; what is lost is on the grid."""
    return 1.0 + on_grid(np.expm1(-dt / tau))
