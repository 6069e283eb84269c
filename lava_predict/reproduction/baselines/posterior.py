"""Confidence: an auxiliary readout that reports the Beta posterior of each event's probability.

After n_k occurrences of an event in n trials, a flat prior makes the posterior of its probability
Beta(n_k + 1, n - n_k + 1). The auxiliary readout (Yamada & Chao, arXiv:2510.14382) is linear in what the what
readout has at the end of a trial - the mean traces and its estimate - and learns by a local delta rule to
report two numbers an event: the log-odds of the posterior's mean, and the logarithm of its concentration. The
published text does not give its form; features, targets and rate are choices of this project.

What changes slowly can be followed by the weights alone, trial by trial, with features that say nothing. That
is why `recovery` comes with a null in which the features belong to other trials, and why `read_reports`
reads trials that were not learned from with weights that do not change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.analysis.spike_statistics import pearson

_LEAST_PROBABILITY = 0.01
"""Estimates are kept this far from 0 and 1, where log-odds are infinite."""


def beta_mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean of Beta(a, b), a / (a + b), element by element; a, b > 0."""
    return np.asarray(a / (a + b))


def beta_variance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Variance of Beta(a, b), a b / ((a + b)^2 (a + b + 1)), element by element; a, b > 0."""
    return np.asarray(a * b / ((a + b) ** 2 * (a + b + 1.0)))


class BetaPosterior(NamedTuple):
    """Beta distributions of the events' probabilities.

    Attributes
    ----------
    a, b : (T, K) float64
        Counts for and against each event, the prior's included.
    """

    a: np.ndarray
    b: np.ndarray


def beta_posterior(
    outcomes: np.ndarray, blocks: np.ndarray, events: int, prior: tuple[float, float] = (1.0, 1.0)
) -> BetaPosterior:
    """Count outcomes into the posterior before each trial, from the prior anew in each block.

    Parameters
    ----------
    outcomes, blocks : (T,) int64
        Event that occurred in each trial or -1, and its block, ascending; of trials with one cue.
    events : int
        K.
    prior : (float, float)
        a and b before the first trial of a block; (1, 1) is flat.

    Returns
    -------
    BetaPosterior
        Row t counts the trials of its block before t.
    """
    occurred = np.asarray(outcomes)[:, None] == np.arange(events)
    before = np.cumsum(occurred, axis=0) - occurred
    start = np.searchsorted(blocks, blocks, side="left")
    count = (before - before[start]).astype(np.float64)
    trials = (np.arange(len(blocks)) - start)[:, None]
    return BetaPosterior(prior[0] + count, prior[1] + trials - count)


def confidence_targets(posterior: BetaPosterior) -> np.ndarray:
    """Put Beta posteriors into the numbers that the auxiliary readout is taught.

    Parameters
    ----------
    posterior : BetaPosterior
        T trials, K events.

    Returns
    -------
    (T, 2 K) float64
        First ln(a / b) of each event, the log-odds of the mean; then ln(a + b), the log concentration.
    """
    a, b = posterior
    return np.concatenate((np.log(a / b), np.log(a + b)), axis=1)


def reported_posterior(reports: np.ndarray) -> BetaPosterior:
    """Read the reports of the auxiliary readout as Beta posteriors; undoes `confidence_targets`.

    Parameters
    ----------
    reports : (T, 2 K) float64
        Log-odds of the mean, then log concentration.

    Returns
    -------
    BetaPosterior
        Of positive counts, whatever was reported.
    """
    log_odds, log_concentration = np.split(reports, 2, axis=1)
    # ln(1 + exp(x)) without overflow: a share of the concentration for, another against the event.
    share_for = np.exp(-np.logaddexp(0.0, -log_odds))
    share_against = np.exp(-np.logaddexp(0.0, log_odds))
    concentration = np.exp(log_concentration)
    return BetaPosterior(concentration * share_for, concentration * share_against)


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
    features : (F,) float64
        Of one trial.
    target : (R,) float64
        What was to be reported.
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


class Learned(NamedTuple):
    """What the auxiliary readout reported and learned.

    Attributes
    ----------
    reports : (T, R) float64
        Of each trial, made before learning from it.
    weights : (R, F) float64
        After the last trial.
    """

    reports: np.ndarray
    weights: np.ndarray


def learn_reports(features: np.ndarray, targets: np.ndarray, rate: float) -> Learned:
    """Train the auxiliary readout trial by trial, from weights of 0.

    Parameters
    ----------
    features : (T, F) float64
        From `confidence_features`.
    targets : (T, R) float64
        From `confidence_targets`.
    rate : float
        As for `confidence_delta`.

    Returns
    -------
    Learned
        See there.
    """
    weights = np.zeros((targets.shape[1], features.shape[1]))
    reports = np.empty(targets.shape)
    for trial, (seen, target) in enumerate(zip(features, targets, strict=True)):
        reports[trial] = weights @ seen
        weights += confidence_delta(weights, seen, target, rate)
    return Learned(reports, weights)


def read_reports(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Read trials that the auxiliary readout did not learn from.

    Parameters
    ----------
    weights : (R, F) float64
        From `learn_reports`.
    features : (T, F) float64
        Of other trials.

    Returns
    -------
    (T, R) float64
        Reports.
    """
    return np.asarray(features @ weights.T)


class Recovery(NamedTuple):
    """How well reports match the posterior beside what chance gives. R reports.

    Attributes
    ----------
    correlation, rmse : (R,) float64
        Pearson's correlation over trials, and root of the mean squared difference, of each report.
    null_correlation, null_rmse : (shuffles, R) float64
        The same of readouts that were trained on the features of other trials.
    """

    correlation: np.ndarray
    rmse: np.ndarray
    null_correlation: np.ndarray
    null_rmse: np.ndarray


def recovery(
    features: np.ndarray, targets: np.ndarray, rate: float, learned_from: int, shuffles: int, seed: int
) -> Recovery:
    """Train the auxiliary readout, and measure its reports on later trials with its weights held fixed.

    Parameters
    ----------
    features : (T, F) float64
        From `confidence_features`.
    targets : (T, R) float64
        From `confidence_targets`.
    rate : float
        As for `confidence_delta`.
    learned_from : int
        Trials that teach, fewer than T - 1; the reports of the others are measured.
    shuffles : int
        Readouts of the null. Their targets keep their order, features come from trials in shuffled order.
    seed : int
        Of the shuffles.

    Returns
    -------
    Recovery
        See there.
    """
    rng = np.random.default_rng(seed)
    correlation, error = _held_out(features, targets, rate, learned_from)
    null = [_held_out(rng.permutation(features), targets, rate, learned_from) for _ in range(shuffles)]
    shape = (shuffles, targets.shape[1])
    return Recovery(
        correlation,
        error,
        np.array([shuffled[0] for shuffled in null]).reshape(shape),
        np.array([shuffled[1] for shuffled in null]).reshape(shape),
    )


def _held_out(
    features: np.ndarray, targets: np.ndarray, rate: float, learned_from: int
) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and RMSE of each report over the trials after the first ``learned_from``, (R,) both."""
    weights = learn_reports(features[:learned_from], targets[:learned_from], rate).weights
    return agreement(read_reports(weights, features[learned_from:]), targets[learned_from:])


def agreement(reports: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare reports with what was to be reported, over trials.

    Parameters
    ----------
    reports, targets : (T, R) float64
        For instance `Learned.reports`, for those made while learning.

    Returns
    -------
    correlation, rmse : (R,) float64
        Of each report; a correlation is NaN where either does not vary.
    """
    correlation = [pearson(one, other) for one, other in zip(reports.T, targets.T, strict=True)]
    return np.array(correlation), np.sqrt(np.mean((reports - targets) ** 2, axis=0))
