"""What can be predicted at all, by an ideal observer, from the outcomes of MEET seen so far.

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

from lava_predict.experiment.scores import cue_errors
from lava_predict.tasks import NONE, Task


class Observation(NamedTuple):
    """What a trial shows: cue, event or -1, latency, ms (NaN if none). No observer looks at the block."""

    block: int
    cue: int
    outcome: int
    latency_ms: float


def observations(meet: Task) -> list[Observation]:
    """List what every training trial of a task shows; the seed decides it, no network is needed."""
    seen = []
    first = meet.first_trials
    for block in range(len(meet.task.blocks)):
        for number in range(first[block], first[block + 1]):
            trial = meet.trial(block, number)[-1]
            seen.append(Observation(block, trial.cue, trial.outcome, meet.occurrence_ms(trial)))
    return seen


@dataclass(frozen=True)
class Expectation:
    """What the observer assumes before it has seen anything. K events.

    ``prior``, (K + 1,), are Dirichlet counts of the events and, last, of an omission. All 1: all
    probabilities are equally likely (Laplace's rule). 0 for an outcome that is known never to occur. The
    ``latencies_ms``, (L,), of a new run are equally likely; ``width_ms`` is the standard deviation of an
    event's timing profile; ``times_ms``, (steps,), are the times after the cue that are predicted.
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


def expectation(meet: Task) -> Expectation:
    """Return what the observer of a task may know: the number of events, and whether omissions occur at all.

    It is flat over probabilities; an event may come at any step from the cue on.
    """
    rows = [block.of_cue(cue)[0] for block in meet.task.blocks for cue in range(meet.task.cues)]
    omissions = any(sum(row) < 1.0 - 1e-9 for row in rows)
    prior = np.append(np.ones(meet.task.events), 1.0 if omissions else 0.0)
    after = meet.times_ms[meet.cue_step :]
    return Expectation(prior, after, meet.task.event_width_ms, after)


@dataclass(frozen=True)
class Beliefs:
    """What the observer believes before each of T trials and after the last. M cues, K events.

    ``probability``, (T + 1, M, K), is the posterior mean of each event's probability after each cue.
    ``latency_ms``, of the same shape, says when the event was last seen, ms after the cue; NaN if it never
    was. ``settled`` is the part of the probability that goes with this latency; the rest is the probability
    that the event has moved to another latency since a change. ``run_length``, (T + 1,), is the posterior
    mean of how many trials the statistics have held.
    """

    probability: np.ndarray
    latency_ms: np.ndarray
    settled: np.ndarray
    run_length: np.ndarray


def _last_seen(trials: list[Observation], cues: int, known: Expectation) -> np.ndarray:
    """Return when each event was last seen before each trial and after the last, ms, (T + 1, M, K)."""
    latency_ms = np.full((len(trials) + 1, cues, known.prior.size - 1), np.nan)
    for trial, observed in enumerate(trials):
        latency_ms[trial + 1] = latency_ms[trial]
        if observed.outcome != NONE:
            latency_ms[trial + 1, observed.cue, observed.outcome] = observed.latency_ms
    return latency_ms


def count_outcomes(trials: list[Observation], cues: int, known: Expectation) -> Beliefs:
    """Observe without change points: all outcomes count alike, an event is expected when it came last.

    ``probability`` is (n_k + prior_k) / (n + sum of prior), Laplace's rule for a prior of 1.
    """
    occurred = np.zeros((len(trials) + 1, cues, known.prior.size))
    for trial, observed in enumerate(trials):
        # An omission, -1, is the last of the outcomes.
        occurred[trial + 1, observed.cue, observed.outcome] = 1.0
    probability, latency_ms = _mean(known.prior + occurred.cumsum(axis=0)), _last_seen(trials, cues, known)
    # An event never seen has no latency to be settled on.
    settled = np.where(np.isnan(latency_ms), 0.0, probability)
    return Beliefs(probability, latency_ms, settled, np.arange(len(trials) + 1.0))


def detect_changes(
    trials: list[Observation], cues: int, known: Expectation, hazard: float, latency_kept: float
) -> Beliefs:
    """Observe with Bayesian online change-point detection (Adams & MacKay 2007, algorithm 1).

    Keeps, for each trial at which the present run may have begun, its posterior probability and the counts
    since. The run's predictive probability of what a trial shows is Dirichlet-categorical for the outcome,
    times that of the latency: 1 or 0 where the event has been seen in the run, else ``latency_kept`` * (the
    same as last seen) + (1 - ``latency_kept``) / L. The beliefs before a trial include that it begins a new
    run.

    A trial begins a new run with probability ``hazard``, above 0 and below 1; 1 / trials of a block suits
    MEET. An event keeps its latency in a new run with probability ``latency_kept``, from 0 to below 1.
    Raises a ValueError if either is out of range, or if an outcome occurs whose prior is 0.
    """
    if not 0.0 < hazard < 1.0:
        raise ValueError(f"hazard = {hazard:g}: must lie between 0 and 1")
    if not 0.0 <= latency_kept < 1.0:
        raise ValueError(f"latency_kept = {latency_kept:g}: must be at least 0 and below 1")
    events = known.prior.size - 1
    latency_ms = _last_seen(trials, cues, known)
    probability, settled = np.empty_like(latency_ms), np.empty_like(latency_ms)
    run_length = np.empty(len(trials) + 1)
    # Rows are the trials at which the present run may have begun; row n is made before trial n.
    weight = np.ones(0)
    counts = np.empty((0, cues, events + 1))
    seen = np.empty((0, cues, events), bool)
    for trial in range(len(trials) + 1):
        weight = np.append((1.0 - hazard) * weight, hazard if trial else 1.0)
        counts = np.concatenate((counts, np.tile(known.prior, (1, cues, 1))))
        seen = np.concatenate((seen, np.zeros((1, cues, events), bool)))
        last_seen = latency_ms[trial]
        mean = _mean(counts)
        kept = np.where(np.isnan(last_seen), 0.0, latency_kept)
        probability[trial] = np.tensordot(weight, mean, 1)
        settled[trial] = np.tensordot(weight, mean * np.where(seen, 1.0, kept), 1)
        run_length[trial] = weight @ (trial - np.arange(trial + 1))
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
    return Beliefs(probability, latency_ms, settled, run_length)


def _mean(counts: np.ndarray) -> np.ndarray:
    """Mean of Dirichlet distributions over (..., K + 1) outcomes, for the K events."""
    return np.asarray((counts / counts.sum(axis=-1, keepdims=True))[..., :-1])


def predicted_object(beliefs: Beliefs, trial: int, known: Expectation) -> np.ndarray:
    """Form the prediction o_k(t) = E[p_k g_k(t)] after each cue from so many trials, (M, steps, K).

    The settled part of each probability is at the latency last seen, the rest spread over all latencies.
    ``known`` is what the beliefs were formed with.
    """
    settled, latency = beliefs.settled[trial], beliefs.latency_ms[trial]
    o = (beliefs.probability[trial] - settled)[:, None] * known.unknown_profile[:, None]
    for cue, event in np.argwhere(np.isfinite(latency)):
        o[cue, :, event] += settled[cue, event] * known.profile(latency[cue, event])
    return np.asarray(o)


def prediction_error(beliefs: Beliefs, trial: int, known: Expectation, meet: Task, block: int) -> float:
    """RMSE of the `predicted_object` in a block over cues shown so far, times from the cue on, and events."""
    after = slice(meet.cue_step, None)
    truth = np.array([meet.truth(block, cue)[after] for cue in range(meet.task.cues)])
    return cue_errors(predicted_object(beliefs, trial, known), truth)[0]
