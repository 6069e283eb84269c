"""Confidence: an auxiliary readout that reports the Beta posterior of each event's probability.

After n_k occurrences of an event in n trials, a flat prior makes the posterior of its probability Beta(n_k +
1, n - n_k + 1). The auxiliary readout (Yamada & Chao, arXiv:2510.14382) is linear in what the what readout
has at the end of a trial - the mean traces and its estimate - and learns by a local delta rule to report two
numbers an event: the log-odds of the posterior's mean, and the logarithm of its concentration. The published
text does not give its form; features, targets and rate are choices of this project.

Weights alone can follow what changes slowly, trial by trial, with features that say nothing. That is why
`recovery` comes with a null in which the features belong to other trials, and why reports are measured on
trials that were not learned from, with weights that do not change.

Shapes: T trials, K events, N cells, F features, R reports.
"""

from __future__ import annotations

import numpy as np

from lava_predict.analysis.spike_statistics import pearson

_LEAST_PROBABILITY = 0.01
"""Estimates are kept this far from 0 and 1, where log-odds are infinite."""


def beta_posterior(outcomes: np.ndarray, blocks: np.ndarray, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Count outcomes into the posterior before each trial, from a flat prior in each block.

    Trials have one cue. ``outcomes``, (T,), are events or -1; ``blocks``, (T,), ascend. Returns the
    counts for and against each event, (T, K) each, the prior's included.
    """
    occurred = np.asarray(outcomes)[:, None] == np.arange(events)
    before = np.cumsum(occurred, axis=0) - occurred
    start = np.searchsorted(blocks, blocks, side="left")
    count = (before - before[start]).astype(np.float64)
    trials = (np.arange(len(blocks)) - start)[:, None]
    return 1.0 + count, 1.0 + trials - count


def confidence_targets(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Turn Beta posteriors, (T, K) each, into what the auxiliary readout is taught, (T, 2 K).

    First ln(a / b) of each event, the log-odds of the mean; then ln(a + b), the log concentration.
    """
    return np.concatenate((np.log(a / b), np.log(a + b)), axis=1)


def confidence_features(x_mean: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Gather what the auxiliary readout sees at the end of each trial, (T, N + K).

    The mean traces over the what window ``x_mean``, (T, N), are scaled to norm 1 (0 for a silent reservoir).
    The estimates of the what readout before it learned from the trial, ``p``, (T, K), become log-odds.
    """
    norm = np.linalg.norm(x_mean, axis=1, keepdims=True)
    direction = np.divide(x_mean, norm, out=np.zeros(x_mean.shape), where=norm > 0.0)
    likely = np.clip(p, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    return np.concatenate((direction, np.log(likely / (1.0 - likely))), axis=1)


def learn_reports(features: np.ndarray, targets: np.ndarray, rate: float) -> np.ndarray:
    """Train the auxiliary readout trial by trial, from weights of 0 to those after the last, (R, F).

    Features, (T, F), and targets, (T, R), are from `confidence_features` and `confidence_targets`. A trial
    adds rate * (target - report) * features / |features|^2, where the report is weights @ features, or 0 for
    features of 0. So the rate, above 0 and below 2, is the share of the error that one trial removes.
    """
    weights = np.zeros((targets.shape[1], features.shape[1]))
    for seen, target in zip(features, targets, strict=True):
        norm = float(seen @ seen)
        if norm > 0.0:
            weights += np.outer(rate * (target - weights @ seen) / norm, seen)
    return weights


def recovery(
    features: np.ndarray, targets: np.ndarray, rate: float, learned_from: int, shuffles: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train the auxiliary readout, and measure its reports on later trials with its weights held fixed.

    The first ``learned_from`` trials teach, fewer than T - 1; the rest is as for `learn_reports`. In the
    null the targets keep their order, and features come from trials in shuffled order. Returns the
    correlations over trials of each report with its target, (R,), and those of the null, (shuffles, R).
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
