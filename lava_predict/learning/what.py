"""The what rule: at the end of a trial, two factors (Yamada & Chao, arXiv:2510.14382)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lava_predict.numerics.compiled import kernel

if TYPE_CHECKING:
    from lava_predict.network.state import State
    from lava_predict.settings.schema import ReadoutSettings


@kernel
def estimate(w_what: np.ndarray, x_mean: np.ndarray, p: np.ndarray) -> float:
    """Read the probability of each event from the mean traces, summed in ascending order of cells.

    Parameters
    ----------
    w_what : (K, N) float64
        Weights of the what readout.
    x_mean : (N,) float64
        Mean trace of each cell over the what window, spikes per ms.
    p : (K,) float64
        Overwritten with W_what . x_mean, not clipped.

    Returns
    -------
    float
        |x_mean|^2.
    """
    norm = 0.0
    for j in range(x_mean.size):
        norm += x_mean[j] * x_mean[j]
    for k in range(p.size):
        total = 0.0
        for j in range(x_mean.size):
            total += w_what[k, j] * x_mean[j]
        p[k] = total
    return norm


@kernel
def outcome_delta(
    w_what: np.ndarray, x_mean: np.ndarray, outcome: int, p: np.ndarray, rate: float, norm: float
) -> None:
    """Change the what weights by mean trace x outcome error.

    W_k += rate * (y_k - p_k) * x_mean / |x_mean|^2, y one-hot. With a rate of 1 / (n + 1) the estimate
    is the running mean of the outcomes; a floor on the rate makes it forget.

    Parameters
    ----------
    w_what : (K, N) float64
        Weights, changed in place.
    x_mean : (N,) float64
        Mean trace of each cell over the what window.
    outcome : int
        The event that occurred, or -1 for none (an omission: y = 0).
    p : (K,) float64
        The estimate that `estimate` made from the same ``x_mean``.
    rate : float
        Learning rate of this trial, 0 .. 1.
    norm : float
        |x_mean|^2. Nothing is learned where it is 0 (a silent reservoir).
    """
    if norm <= 0.0:
        return
    for k in range(p.size):
        y = 1.0 if k == outcome else 0.0
        step = rate * (y - p[k]) / norm
        for j in range(x_mean.size):
            w_what[k, j] += step * x_mean[j]


def read_estimate(state: State, steps: int) -> np.ndarray:
    """Read the probability of each event at the end of a trial or probe.

    Parameters
    ----------
    state : State
        Its ``x_sum`` holds the traces' sum over the what window.
    steps : int
        Length of the what window in time steps.

    Returns
    -------
    (K,) float64
        W_what . mean trace, not clipped.
    """
    p = np.empty(state.z.size)
    estimate(state.w_what, state.x_sum / steps, p)
    return p


def learn_outcome(
    state: State, steps: int, cue: int, outcome: int, p: np.ndarray, readout: ReadoutSettings
) -> None:
    """Apply the what rule at the end of a trial, in place.

    The rate is 1 / (n + 1), n trials with this cue, but at least ``what_rate``. The outcome's error also
    moves a running mean; while the estimate is right the mean stays near 0, after a switch it does
    not. Where it passes the threshold, that surprise sets n back, so that the estimate is soon made
    of outcomes since the switch. What it needs is known where the rule acts, at the readout.

    Parameters
    ----------
    state : State
        ``w_what``, ``what_trials`` and ``what_error`` change.
    steps : int
        Length of the what window in time steps.
    cue, outcome : int
        The cue shown, and the event that occurred or -1.
    p : (K,) float64
        As `read_estimate` gave it for this trial.
    readout : ReadoutSettings
        Its ``what_rate`` and the three ``surprise_*`` settings.
    """
    error = state.what_error[cue]
    for k in range(p.size):
        y = 1.0 if k == outcome else 0.0
        error[k] += readout.surprise_rate * ((y - p[k]) - error[k])
    if np.abs(error).max() > readout.surprise_threshold:
        error[:] = 0.0
        state.what_trials[cue] = readout.surprise_trials
    rate = max(readout.what_rate, 1.0 / (int(state.what_trials[cue]) + 1))
    x_mean = state.x_sum / steps
    norm = estimate(state.w_what, x_mean, np.empty_like(p))
    outcome_delta(state.w_what, x_mean, outcome, p, rate, norm)
    state.what_trials[cue] += 1
