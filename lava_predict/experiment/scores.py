"""How well a prediction matches the truth."""

from __future__ import annotations

import numpy as np


def prediction(z: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Form the predicted object o = clip(p, 0, 1) * max(z, 0).

    Parameters
    ----------
    z : (steps, K) float64
        When readout.
    p : (K,) or (steps, K) float64
        What readout; one for the trial, or one a step (causal).

    Returns
    -------
    (steps, K) float64
        Expectation of each event at each moment.
    """
    return np.asarray(np.clip(p, 0.0, 1.0) * np.maximum(z, 0.0))


def causal_estimate(what_drive: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Estimate the probabilities at each moment from no more than has been seen by then.

    Parameters
    ----------
    what_drive : (steps, K) float64
        W_what . x at each step.
    window : (int, int)
        Steps, from and up to, that the what readout averages.

    Returns
    -------
    (steps, K) float64
        0 before the window, its running mean inside, and its mean (the what readout p) after it.
    """
    low, high = window
    p = np.zeros_like(what_drive)
    running = np.cumsum(what_drive[low:high], axis=0) / np.arange(1, high - low + 1)[:, None]
    p[low:high] = running
    p[high:] = running[-1]
    return p


def rmse(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared difference over all entries."""
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))


def amplitude(
    o: np.ndarray, times_ms: np.ndarray, latency_ms: np.ndarray, half_width_ms: float = 50.0
) -> np.ndarray:
    """Mean of each channel near its event.

    Parameters
    ----------
    o : (steps, K) float64
        Prediction (or when readout).
    times_ms : (steps,) float64
        Time of each step, 0 at the cue.
    latency_ms : (K,) float64
        When each event is due.
    half_width_ms : float
        The mean is over +- this, inclusive.

    Returns
    -------
    (K,) float64
        Amplitudes.
    """
    near = np.abs(times_ms[:, None] - latency_ms) <= half_width_ms
    return np.array([o[near[:, k], k].mean() for k in range(o.shape[1])])


def peak_time(o: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
    """Centroid of each channel over the moments after the cue at which it is above half its maximum.

    Parameters
    ----------
    o : (steps, K) float64
        Prediction.
    times_ms : (steps,) float64
        Time of each step, 0 at the cue.

    Returns
    -------
    (K,) float64
        Peak times, ms; NaN for a channel that never rises above 0.
    """
    after = times_ms >= 0
    times, values = times_ms[after], o[after]
    peaks = np.full(o.shape[1], np.nan)
    for k in range(o.shape[1]):
        high = values[:, k] > 0.5 * values[:, k].max()
        weight = values[high, k]
        if weight.sum() > 0:
            peaks[k] = float((times[high] * weight).sum() / weight.sum())
    return peaks
