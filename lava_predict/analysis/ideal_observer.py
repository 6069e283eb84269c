"""The ideal observer of MEET: what can be predicted at all from the outcomes seen so far.

The observer knows the form of the task: an event's timing profile is a Gaussian of known width, and outcomes
are independent within a block. It sees which event occurs after which cue, and when. It does not know the
probabilities and latencies. One observer counts all outcomes; the other infers, by Bayesian online
change-point detection (Adams & MacKay 2007, arXiv:0710.3742), how long the statistics have held, and counts
since then. Its prediction has the least mean squared error of all that can be made from the same outcomes,
on average over the statistics that it considers possible; in a single run another may be luckier.

The generative model: trial 0 begins a run of constant statistics, and each later trial begins a new one with
probability h (the hazard), for all cues at once. A new run draws the probabilities after each cue from a
Dirichlet distribution. Each event keeps its last seen latency with some probability; otherwise it gets a new
one, drawn evenly from a set of latencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lava_predict.experiment.scores import rmse
from lava_predict.tasks.meet import NONE, Kind, Meet


class Observation(NamedTuple):
    """What one trial shows: cue, event or -1 for none, and its latency, ms (NaN without an event).

    The observer does not look at the block.
    """

    block: int
    cue: int
    outcome: int
    latency_ms: float


def observations(meet: Meet) -> list[Observation]:
    """List what every training trial of a task shows; the seed decides it, no network is needed."""
    seen = []
    first = meet.first_trials
    for block, settings in enumerate(meet.task.blocks):
        for number in range(first[block], first[block + 1]):
            trial = meet.trial(block, number)[-1]
            assert trial.kind is Kind.TRIAL
            _, latency = settings.of_cue(trial.cue)
            when = latency[trial.outcome] if trial.outcome != NONE else float("nan")
            seen.append(Observation(block, trial.cue, trial.outcome, when))
    return seen


@dataclass(frozen=True)
class Expectation:
    """What the observer assumes before it has seen anything. K events.

    Attributes
    ----------
    prior : (K + 1,) float64
        Dirichlet counts of the events and, last, of an omission. All 1: all probabilities are equally likely
        (Laplace's rule). 0 for an outcome that is known never to occur.
    latencies_ms : (L,) float64
        The latencies that a new run may bring, all equally likely.
    width_ms : float
        Standard deviation of an event's timing profile.
    times_ms : (steps,) float64
        Times after the cue that are predicted.
    """

    prior: np.ndarray
    latencies_ms: np.ndarray
    width_ms: float
    times_ms: np.ndarray

    def profile(self, latency_ms: float) -> np.ndarray:
        """Return the timing profile at a latency, exp(-(t - latency)^2 / (2 width^2)), (steps,)."""
        return np.asarray(np.exp(-0.5 * ((self.times_ms - latency_ms) / self.width_ms) ** 2))

    @cached_property
    def unknown_profile(self) -> np.ndarray:
        """The mean timing profile over all possible latencies, (steps,)."""
        return np.asarray(np.mean([self.profile(latency) for latency in self.latencies_ms], axis=0))


def expectation(meet: Meet) -> Expectation:
    """Return what the observer of a task may know before the first trial.

    Of the task's blocks it knows only the number of events, and whether omissions occur at all. It is flat
    over probabilities; an event may come at any step from the cue on.
    """
    rows = [block.of_cue(cue)[0] for block in meet.task.blocks for cue in range(meet.task.cues)]
    omissions = any(sum(row) < 1.0 - 1e-9 for row in rows)
    prior = np.append(np.ones(meet.task.events), 1.0 if omissions else 0.0)
    after = meet.times_ms[meet.cue_step :]
    return Expectation(prior, after, meet.task.event_width_ms, after)


@dataclass(frozen=True)
class Beliefs:
    """What the observer believes before each of T trials and after the last. M cues, K events.

    Attributes
    ----------
    probability : (T + 1, M, K) float64
        Posterior mean of each event's probability after each cue.
    latency_ms : (T + 1, M, K) float64
        When the event was last seen, ms after the cue; NaN if it never was.
    settled : (T + 1, M, K) float64
        Part of ``probability`` that goes with this latency; the rest is the probability that the event has
        moved to another latency since a change.
    run_length : (T + 1,) float64
        Posterior mean of the number of trials that the statistics have held.
    """

    probability: np.ndarray
    latency_ms: np.ndarray
    settled: np.ndarray
    run_length: np.ndarray


def _blank(trials: int, cues: int, events: int) -> Beliefs:
    shape = (trials + 1, cues, events)
    return Beliefs(np.empty(shape), np.full(shape, np.nan), np.empty(shape), np.empty(trials + 1))


def _see_latency(latency_ms: np.ndarray, trial: int, observed: Observation) -> None:
    """Carry the latencies over to the next trial, with that of the event that occurred."""
    latency_ms[trial + 1] = latency_ms[trial]
    if observed.outcome != NONE:
        latency_ms[trial + 1, observed.cue, observed.outcome] = observed.latency_ms


def count_outcomes(trials: list[Observation], cues: int, known: Expectation) -> Beliefs:
    """Observe without change points: all outcomes count alike, an event is expected when it came last.

    ``probability`` is (n_k + prior_k) / (n + sum of prior), Laplace's rule for a prior of 1.
    """
    beliefs = _blank(len(trials), cues, known.prior.size - 1)
    counts = np.tile(known.prior, (cues, 1))
    beliefs.probability[0] = _mean(counts)
    for trial, observed in enumerate(trials):
        # An omission, -1, is the last of the counts.
        counts[observed.cue, observed.outcome] += 1.0
        beliefs.probability[trial + 1] = _mean(counts)
        _see_latency(beliefs.latency_ms, trial, observed)
    beliefs.run_length[:] = np.arange(len(trials) + 1)
    # An event never seen has no latency to be settled on.
    beliefs.settled[:] = np.where(np.isnan(beliefs.latency_ms), 0.0, beliefs.probability)
    return beliefs


def detect_changes(
    trials: list[Observation], cues: int, known: Expectation, hazard: float, latency_kept: float
) -> Beliefs:
    """Observe with Bayesian online change-point detection.

    Keeps, for each trial at which the present run may have begun, its posterior probability and the counts
    since (Adams & MacKay 2007, algorithm 1). The run's predictive probability of what a trial shows is
    Dirichlet-categorical for the outcome, times that of the latency: 1 or 0 where the event has been seen in
    the run, else ``latency_kept`` * (the same as last seen) + (1 - ``latency_kept``) / L.

    Parameters
    ----------
    trials : list of Observation
        T of them.
    cues : int
        M.
    known : Expectation
        What is known beforehand.
    hazard : float
        Probability that a trial begins a new run, above 0 and below 1; 1 / trials of a block suits MEET.
    latency_kept : float
        Probability that an event keeps its latency in a new run, 0 .. below 1.

    Returns
    -------
    Beliefs
        Before each trial, including the possibility that it begins a new run.

    Raises
    ------
    ValueError
        If ``hazard`` or ``latency_kept`` is out of range, or an outcome occurs whose prior is 0.
    """
    if not 0.0 < hazard < 1.0:
        raise ValueError(f"hazard = {hazard:g}: must lie between 0 and 1")
    if not 0.0 <= latency_kept < 1.0:
        raise ValueError(f"latency_kept = {latency_kept:g}: must be at least 0 and below 1")
    events = known.prior.size - 1
    beliefs = _blank(len(trials), cues, events)
    # Rows are the trials at which the present run may have begun; row n is made before trial n.
    weight = np.ones(0)
    counts = np.empty((0, cues, events + 1))
    seen = np.empty((0, cues, events), bool)
    for trial in range(len(trials) + 1):
        weight = np.append((1.0 - hazard) * weight, hazard if trial else 1.0)
        counts = np.concatenate((counts, np.tile(known.prior, (1, cues, 1))))
        seen = np.concatenate((seen, np.zeros((1, cues, events), bool)))
        last_seen = beliefs.latency_ms[trial]
        mean = _mean(counts)
        kept = np.where(np.isnan(last_seen), 0.0, latency_kept)
        beliefs.probability[trial] = np.tensordot(weight, mean, 1)
        beliefs.settled[trial] = np.tensordot(weight, mean * np.where(seen, 1.0, kept), 1)
        beliefs.run_length[trial] = weight @ (trial - np.arange(trial + 1))
        if trial < len(trials):
            observed = trials[trial]
            cue, outcome = observed.cue, observed.outcome
            if known.prior[outcome] == 0.0:
                raise ValueError(f"trial {trial}: outcome {outcome} occurs, but its prior count is 0")
            likelihood = counts[:, cue, outcome] / counts[:, cue].sum(axis=1)
            if outcome != NONE:
                same = float(observed.latency_ms == last_seen[cue, outcome])
                moved = (1.0 - kept[cue, outcome]) / known.latencies_ms.size
                fresh = kept[cue, outcome] * same + moved
                likelihood = likelihood * np.where(seen[:, cue, outcome], same, fresh)
                seen[:, cue, outcome] = True
            weight = weight * likelihood
            weight /= weight.sum()
            counts[:, cue, outcome] += 1.0
            _see_latency(beliefs.latency_ms, trial, observed)
    return beliefs


def _mean(counts: np.ndarray) -> np.ndarray:
    """Mean of Dirichlet distributions over (..., K + 1) outcomes, for the K events."""
    return np.asarray((counts / counts.sum(axis=-1, keepdims=True))[..., :-1])


def predicted_object(beliefs: Beliefs, trial: int, known: Expectation) -> np.ndarray:
    """Form the observer's prediction after each cue once it has seen so many trials, (M, steps, K).

    It is o_k(t) = E[p_k g_k(t)]: the settled part of each probability at the latency last seen, the rest
    spread over all latencies. ``known`` is what the beliefs were formed with.
    """
    settled, latency = beliefs.settled[trial], beliefs.latency_ms[trial]
    o = (beliefs.probability[trial] - settled)[:, None] * known.unknown_profile[:, None]
    for cue, event in np.argwhere(np.isfinite(latency)):
        o[cue, :, event] += settled[cue, event] * known.profile(latency[cue, event])
    return np.asarray(o)


def prediction_error(beliefs: Beliefs, trial: int, known: Expectation, meet: Meet, block: int) -> float:
    """Score the `predicted_object` against the truth of a block of the task, as a `Probe` is scored.

    Returns
    -------
    float
        RMSE over cues, times from the cue on, and events.
    """
    after = slice(meet.cue_step, None)
    truth = np.array([meet.truth(block, cue)[after] for cue in range(meet.task.cues)])
    return rmse(predicted_object(beliefs, trial, known), truth)
