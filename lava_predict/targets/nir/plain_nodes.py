"""NIR's own nodes and their numbers. Needs the package nir."""

from __future__ import annotations

import nir
import numpy as np

from lava_predict.errors import UserError


def leaky(tau_ms: float, r: float, v_leak: np.ndarray) -> nir.LI:
    """Return leaky integrators with one time constant."""
    return nir.LI(np.full(v_leak.size, tau_ms / 1000.0), np.full(v_leak.size, r), v_leak)


def common_tau_ms(node: nir.LI, name: str) -> float:
    """Return the time constant, ms, that all cells share."""
    if np.ptp(node.tau) != 0.0 or not node.tau[0] > 0.0:
        raise UserError(f"node {name!r}: tau must be above 0 and the same for all cells")
    # 15 digits: the number of ms that was divided by 1000, and not its neighbour.
    return float(f"{node.tau[0] * 1000.0:.15g}")


def floats(values: np.ndarray) -> np.ndarray:
    """Return an array as float64."""
    return np.asarray(values, np.float64)
