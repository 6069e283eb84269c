"""Confidence: an auxiliary readout that reports the Beta posterior of each event's probability.

After n_k occurrences of an event in n trials, a flat prior makes the posterior of its probability
Beta(n_k + 1, n - n_k + 1). The auxiliary readout (Yamada & Chao, arXiv:2510.14382) is linear in what the what
readout has at the end of a trial - the mean traces and its estimate - and learns by a local delta rule to
report two numbers an event: the log-odds of the posterior's mean, and the logarithm of its concentration. The
published text does not give its form; features, targets and rate are choices of this project.

Weights alone can follow what changes slowly, trial by trial, with features that say nothing. That is why
`recovery` comes with a null in which the features belong to other trials, and why reports are measured on
trials that were not learned from, with weights that do not change.
"""

from __future__ import annotations

import numpy as np

from lava_predict.analysis.spike_statistics import pearson

_LEAST_PROBABILITY = 0.01
"""Estimates are kept this far from 0 and 1, where log-odds are infinite."""


def beta_posterior(outcomes: np.ndarray, blocks: np.ndarray, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Count outcomes into the posterior before each trial, from a flat prior in each block.

    Parameters
    ----------
    outcomes, blocks : (T,) int64
        Event that occurred in each trial or -1, and its block, ascending; of trials with one cue.
    events : int
        K.

    Returns
    -------
    a, b : (T, K) float64
        Counts for and against each event, the prior's included.
    """
    occurred = np.asarray(outcomes)[:, None] == np.arange(events)
    before = np.cumsum(occurred, axis=0) - occurred
    start = np.searchsorted(blocks, blocks, side="left")
    count = (before - before[start]).astype(np.float64)
    trials = (np.arange(len(blocks)) - start)[:, None]
    return 1.0 + count, 1.0 + trials - count


def confidence_targets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Turn Beta posteriors, (T, K) each, into the numbers that the auxiliary readout is taught.

    Returns
    -------
    (T, 2 K) float64
        First ln(a / b) of each event, the log-odds of the mean; then ln(a + b), the log concentration.
    """
    return np.concatenate((np.log(a / b), np.log(a + b)), axis=1)


def confidence_features(x_mean: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Gather what the auxiliary readout sees at the end of each trial.

    Parameters
    ----------
    x_mean : (T, N) float64
        Mean trace of each cell over the what window, spikes per ms.
    p : (T, K) float64
        Estimate of the what readout, before it learned from the trial.

    Returns
    -------
    (T, N + K) float64
        The mean traces, scaled to norm 1 (0 for a silent reservoir), and the log-odds of the estimates.
    """
    norm = np.linalg.norm(x_mean, axis=1, keepdims=True)
    direction = np.divide(x_mean, norm, out=np.zeros(x_mean.shape), where=norm > 0.0)
    likely = np.clip(p, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    return np.concatenate((direction, np.log(likely / (1.0 - likely))), axis=1)


def confidence_delta(
    weights: np.ndarray, features: np.ndarray, target: np.ndarray, rate: float
) -> np.ndarray:
    """Change of the auxiliary readout's weights by feature x error of its report.

    Parameters
    ----------
    weights : (R, F) float64
        Weights of R reports.
    features, target : (F,) and (R,) float64
        What is seen in one trial, and what was to be reported.
    rate : float
        Share of the error that one trial removes, above 0 and below 2, or learning diverges.

    Returns
    -------
    (R, F) float64
        rate * (target - report) * features / |features|^2; 0 for features of 0.
    """
    norm = float(features @ features)
    if norm == 0.0:
        return np.zeros_like(weights)
    return np.asarray(np.outer(rate * (target - weights @ features) / norm, features))


def learn_reports(features: np.ndarray, targets: np.ndarray, rate: float) -> np.ndarray:
    """Train the auxiliary readout trial by trial, from weights of 0.

    Parameters
    ----------
    features, targets : (T, F) and (T, R) float64
        From `confidence_features` and `confidence_targets`.
    rate : float
        As for `confidence_delta`.

    Returns
    -------
    (R, F) float64
        Weights after the last trial; features @ weights.T are reports.
    """
    weights = np.zeros((targets.shape[1], features.shape[1]))
    for seen, target in zip(features, targets, strict=True):
        weights += confidence_delta(weights, seen, target, rate)
    return weights


def recovery(
    features: np.ndarray, targets: np.ndarray, rate: float, learned_from: int, shuffles: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train the auxiliary readout, and measure its reports on later trials with its weights held fixed.

    Parameters
    ----------
    features, targets, rate
        As for `learn_reports`.
    learned_from : int
        Trials that teach, fewer than T - 1; the reports of the others are measured.
    shuffles : int
        Readouts of the null. Their targets keep their order, features come from trials in shuffled order.
    seed : int
        Of the shuffles.

    Returns
    -------
    correlation, null_correlation : (R,) and (shuffles, R) float64
        Of each report with its target, over trials; the same of the null.
    """

    def on_later_trials(seen: np.ndarray) -> np.ndarray:
        weights = learn_reports(seen[:learned_from], targets[:learned_from], rate)
        return correlations(seen[learned_from:] @ weights.T, targets[learned_from:])

    rng = np.random.default_rng(seed)
    null = [on_later_trials(rng.permutation(features)) for _ in range(shuffles)]
    return on_later_trials(features), np.array(null).reshape(shuffles, targets.shape[1])


def correlations(reports: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Correlation over trials of each report with its target, (T, R) each; NaN where either is constant."""
    return np.array([pearson(one, other) for one, other in zip(reports.T, targets.T, strict=True)])
