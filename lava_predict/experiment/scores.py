"""How well a prediction matches the truth.

z is a when readout and o a prediction, (steps, K); ``times_ms``, (steps,), are the times of the steps, 0 at
the cue.
"""

from __future__ import annotations

import numpy as np

FLAT = 0.02
"""A prediction that stays below this has no peak."""


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


def cue_errors(o: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """`rmse` over all cues whose truth is known, and of each cue, (M,), NaN where it is not.

    Both are (M, steps, K); the truth of a cue that has not been shown yet is NaN.
    """
    known = ~np.isnan(truth[:, 0, 0])
    return rmse(o[known], truth[known]), np.array([rmse(*one) for one in zip(o, truth, strict=True)])


def amplitude(
    o: np.ndarray, times_ms: np.ndarray, latency_ms: np.ndarray, half_width_ms: float = 50.0
) -> np.ndarray:
    """Mean of each channel, (K,), within +- ``half_width_ms``, inclusive, of its event's latency, (K,).

    It is NaN where there is no such latency.
    """
    near = np.abs(times_ms[:, None] - latency_ms) <= half_width_ms
    return np.array([o[row, k].mean() if row.any() else np.nan for k, row in enumerate(near.T)])


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


def smoothed_peak(o: np.ndarray, times_ms: np.ndarray, width_ms: float) -> np.ndarray:
    """Time of each channel's maximum after the cue, ms, (K,), smoothed by a Gaussian of ``width_ms``.

    Near the ends of the trial the smoothed value is divided by what is left of the Gaussian's norm, so that a
    profile of this width has its peak at its latency even where the trial cuts it off. NaN for a channel that
    stays below `FLAT`.
    """
    after = times_ms >= 0
    times, values = times_ms[after], o[after]
    half = np.exp(-0.5 * ((times - times[0]) / width_ms) ** 2)
    half = half[half > 1e-4]
    kernel = np.concatenate((half[:0:-1], half))
    shown = slice(half.size - 1, half.size - 1 + times.size)
    norm = np.sqrt(np.convolve(np.ones(times.size), kernel**2)[shown])
    smooth = np.array([np.convolve(column, kernel)[shown] / norm for column in values.T])
    return np.where(values.max(axis=0) < FLAT, np.nan, times[smooth.argmax(axis=1)])
