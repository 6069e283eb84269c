"""The when rule: online, three factors, gated (Yamada & Chao, arXiv:2510.14382)."""

from __future__ import annotations

import numpy as np

from lava_predict.kernels.compiled import kernel


@kernel
def gated_delta(
    w_when: np.ndarray,
    xc: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    z: np.ndarray,
    rate: float,
    divisor: float,
) -> None:
    """Change the when weights by presynaptic trace x timing error x gate.

    W_k += rate * G_k * (g_k - z_k) / divisor * xc. Dividing by |xc|^2 makes it the normalised delta
    rule: at gate 1 a step removes the share ``rate`` of the error of the moment, whatever the activity.

    Parameters
    ----------
    w_when : (K, N + 1) float64
        Weights, changed in place.
    xc : (N + 1,) float64
        Centred traces and the constant input.
    gate : (K,) float64
        0 .. 1; a channel whose gate is 0 does not change.
    target, z : (K,) float64
        What the readout should be, and is, before the change.
    rate : float
        Learning rate per step.
    divisor : float
        |xc|^2 of the moment, or its mean, plus a floor.
    """
    for k in range(z.size):
        if gate[k] != 0.0:
            step = ((rate * gate[k]) * (target[k] - z[k])) / divisor
            for j in range(xc.size):
                w_when[k, j] += step * xc[j]
