"""The when rule: online, three factors, gated (Yamada & Chao, arXiv:2510.14382).

What a surprise about the time of an event does to its weights, between trials, is this project's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lava_predict.network.state import UNTAUGHT_ERROR
from lava_predict.numerics.compiled import kernel

if TYPE_CHECKING:
    from lava_predict.network.state import State
    from lava_predict.settings.schema import ReadoutSettings


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


@kernel
def add_timing_error(z: np.ndarray, gate: np.ndarray, target: np.ndarray, sums: np.ndarray) -> None:
    """Add up each channel's squared error where its gate is open, in ascending order of steps.

    Parameters
    ----------
    z, gate, target : (steps, K) float64
        Readout, gate and taught value in successive steps of a trial.
    sums : (2, K) float64
        Sums of (g - z)^2, and of g^2, which is the squared error of a silent readout; added to.
    """
    for row in range(z.shape[0]):
        for k in range(z.shape[1]):
            if gate[row, k] != 0.0:
                error = target[row, k] - z[row, k]
                sums[0, k] += error * error
                sums[1, k] += target[row, k] * target[row, k]


def learn_timing(state: State, cue: int, outcome: int, sums: np.ndarray, readout: ReadoutSettings) -> bool:
    """Let the readout of the event that occurred forget if the time of the event was a surprise.

    Its squared error in the trial, divided by a silent readout's, moves a running mean. An error far above
    the mean is a surprise: the weights shrink, since new timing is learned faster from small weights than
    against those of the old timing, and the mean starts anew. What this needs is known where the
    when rule acts, at the readout.

    Parameters
    ----------
    state : State
        ``when_error`` of this cue and event changes and, after a surprise, ``w_when`` of this event.
    cue, outcome : int
        The cue shown, and the event that occurred or -1; then nothing changes.
    sums : (2, K) float64
        As `add_timing_error` has summed them over the trial.
    readout : ReadoutSettings
        Its ``surprise_rate``, ``timing_surprise`` and ``surprise_keep``.

    Returns
    -------
    bool
        Whether it was a surprise.
    """
    if outcome < 0 or sums[1, outcome] <= 0.0:
        return False
    error, usual = sums[0, outcome] / sums[1, outcome], state.when_error[cue]
    if error <= readout.timing_surprise * usual[outcome]:
        usual[outcome] += readout.surprise_rate * (error - usual[outcome])
        return False
    usual[outcome] = UNTAUGHT_ERROR
    state.w_when[outcome] *= readout.surprise_keep
    return True
