"""How well a prediction matches the truth.

z is a when readout and o a prediction, (steps, K); ``times_ms``, (steps,), are the times of the steps, 0 at
the cue.
"""

from __future__ import annotations

import numpy as np


def prediction(z: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Form the predicted object o = clip(p, 0, 1) * max(z, 0): the expectation of each event at each moment.

    The what readout ``p`` is one for the trial, (K,), or one a step, (steps, K) (causal).
    """
    return np.asarray(np.clip(p, 0.0, 1.0) * np.maximum(z, 0.0))


def causal_estimate(what_drive: np.ndarray, p_end: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Estimate the probabilities at each moment, (steps, K), from no more than has been seen by then.

    ``what_drive``, (steps, K), is W_what . x; ``p_end``, (K,), the what readout; ``window`` are the steps,
    from and up to, that it averages. The estimate is 0 before them, the running mean inside, and p after.
    """
    low, high = window
    p = np.zeros_like(what_drive)
    running = np.cumsum(what_drive[low:high], axis=0) / np.arange(1, high - low + 1)[:, None]
    # The difference at the end does not depend on the trial: it is what slow means take away.
    p[low:high] = running + (p_end - running[-1])
    p[high:] = p_end
    return p


def rmse(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared difference over all entries."""
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))


def amplitude(
    o: np.ndarray, times_ms: np.ndarray, latency_ms: np.ndarray, half_width_ms: float = 50.0
) -> np.ndarray:
    """Mean of each channel, (K,), within +- ``half_width_ms``, inclusive, of its event's latency, (K,)."""
    near = np.abs(times_ms[:, None] - latency_ms) <= half_width_ms
    return np.array([o[near[:, k], k].mean() for k in range(o.shape[1])])


def peak_time(o: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
    """Centroid of each channel, ms, over the moments after the cue at which it is above half its maximum.

    It is NaN for a channel that never rises above 0.
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
