"""What a time step makes of time constants and of noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.numerics.grid import on_grid


def decay_of_step(dt: float, tau: Any) -> Any:
    """Return what is left after a step of what decays exponentially: exp(-dt / tau).

    The share that is lost, 1 - exp(-dt / tau), is put on the grid of `on_grid`: so a time constant is held to
    a part in 2^24, however long it is.

    Parameters
    ----------
    dt : float
        Length of the step, ms.
    tau : float or ndarray
        Time constants, ms.
    """
    return 1.0 - on_grid(-np.expm1(-dt / tau))


def noise_of_step(noise: float, dt: float) -> float:
    """Return the noise's deviation in a step of ``dt`` ms, given that of a 1 ms step."""
    return noise * float(np.sqrt(1.0 / dt))
