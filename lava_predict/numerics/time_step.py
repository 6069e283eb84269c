"""What a time step makes of time constants and of noise."""

from __future__ import annotations

import numpy as np


def decay_of_step(dt: float, tau: float) -> float:
    """Return what is left after a step of ``dt`` of what decays with ``tau``, both in ms: exp(-dt / tau)."""
    return float(np.exp(-dt / tau))


def noise_of_step(noise: float, dt: float) -> float:
    """Return the noise's deviation in a step of ``dt`` ms, given that of a 1 ms step."""
    return noise * float(np.sqrt(1.0 / dt))
