"""Learners from which one thing is taken away, on the task and the probes of the whole ones.

What is taken from cells or connections needs a reservoir of its own. What is taken from the rules does not:
such learners share one reservoir run (`recorded_spikes`), so that they differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lava_predict.experiment.recorded_spikes import Chunk, LocalRules, Replay, ReplayedProbe, Rule
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.noise import TASK, uniform
from lava_predict.reproduction.studies.course import course, probe_arrays
from lava_predict.reproduction.unit import Found
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import CellSettings, Config
from lava_predict.tasks.meet import NONE, Kind, Meet, Segment

RULE_ABLATIONS = {
    "gate everywhere": "the gate is 1 from the cue to the trial's end, not only around the event",
    "no residual gate": "the gate is 0 outside the window around the event",
    "both channels open": "the gate of the event that did not occur opens at its time too, and 0 is taught",
    "shuffled error": "an intact learner's errors are applied at other times of their trial",
    "shuffled timing": "profile and gate stand around a time that is drawn anew in each trial",
    "shuffled outcome": "the what readout is taught the outcome of another trial of the run",
    "no centring": "the slow means are not subtracted from the traces",
}
"""Taken from the rules: name and what it means."""

NETWORK_ABLATIONS = {
    "no recurrence": "no synapses between the cells",
    "homogeneous cells": "a, b, c, d and bias of all cells of a sign are those at the middle of their spread",
}
"""Taken from the network."""

ABLATIONS = RULE_ABLATIONS | NETWORK_ABLATIONS
"""Everything that `ablated` knows."""

OWN_RATE = {"gate everywhere": 0.25}
"""Rate of the when rule in multiples of ``readout.when_rate``, where another than 1 did better.

An ablated learner is not to fail for a rate that was chosen for the whole one. 1/4, 1/2 and 1 were tried on
seeds 1 to 4 for the ablations of the gate.
"""

# Numbers of this study's own draws of a trial; the task's are 0, 1 and 2.
_TIMING, _SHIFT, _OUTCOME = 3, 4, 5


def ablated(config: Config, ablation: str) -> Found:
    """Learn the configuration's blocks without one thing.

    Parameters
    ----------
    config : Config
        Of one cue. For an ablation of the rules the loop from readout to reservoir is opened.
    ablation : str
        One of `ABLATIONS`.

    Returns
    -------
    Found
        As `lava_predict.reproduction.studies.course.probe_arrays`.
    """
    if ablation in NETWORK_ABLATIONS:
        found = course(with_changes(config, network_changes(config, ablation)))
        return {name: found[name] for name in found if name not in _BESIDE_PROBES}
    meet, probes = _replayed(config, [ablation])
    return probe_arrays(meet, probes[ablation])


_BESIDE_PROBES = ("w_when", "w_what", "trial_block", "outcome", "trial_p")


def ablated_rules(config: Config, ablations: Sequence[str]) -> Found:
    """Learn the configuration's blocks with several ablations of the rules on one reservoir run.

    Parameters
    ----------
    config : Config
        Of one cue; the loop from readout to reservoir is opened.
    ablations : sequence of str
        A of `RULE_ABLATIONS`.

    Returns
    -------
    Found
        ``error`` (A, probes) and ``p`` (A, probes, K) in the order of ``ablations``; ``block``, ``trials``
        (probes,), as `ablated` gives them one by one.
    """
    meet, probes = _replayed(config, ablations)
    each = [probe_arrays(meet, probes[ablation]) for ablation in ablations]
    stacked = {name: np.array([found[name] for found in each]) for name in ("error", "p")}
    return stacked | {name: each[0][name] for name in ("block", "trials")}


def network_changes(config: Config, ablation: str) -> list[tuple[str, str, Any]]:
    """Return the settings, as for `with_changes`, that take something from the network."""
    if ablation == "no recurrence":
        return [("reservoir", "connection_probability", 0.0)]
    return [
        (
            "reservoir",
            sign,
            {name: middle(getattr(config.reservoir, sign), name) for name in _CELL_PARAMETERS},
        )
        for sign in ("excitatory", "inhibitory")
    ]


_CELL_PARAMETERS = tuple(CellSettings.model_fields)


def middle(settings: CellSettings, name: str) -> float:
    """Return the median over cells of a parameter."""
    return float(getattr(settings, name).values(np.array(0.5)))


def _replayed(config: Config, ablations: Sequence[str]) -> tuple[Meet, dict[str, list[ReplayedProbe]]]:
    replay = Replay(with_changes(config, [("reservoir", "feedback_gain", 0.0)]))
    return replay.meet, replay.run({ablation: ablated_rule(replay, ablation) for ablation in ablations})


def ablated_rule(replay: Replay, ablation: str) -> Rule:
    """Return both rules before the first trial, without one thing.

    Parameters
    ----------
    replay : Replay
        What they are to learn from.
    ablation : str
        One of `RULE_ABLATIONS`.
    """
    meet = replay.meet
    rate = OWN_RATE.get(ablation, 1.0) * meet.config.readout.when_rate
    rules = LocalRules(
        with_changes(meet.config, [("readout", "when_rate", rate)]), replay.local_rules().state
    )
    if ablation == "shuffled error":
        return ShuffledError(rules, meet)
    if ablation == "shuffled outcome":
        return ShuffledOutcome(rules, rules.copy(), partial(_with_another_outcome, outcomes_of(meet), meet))
    changes: dict[str, Callable[[Segment, Chunk], Chunk]] = {
        "gate everywhere": partial(_with_gate_everywhere, meet),
        "no residual gate": _with_window_alone,
        "both channels open": partial(_with_both_open, meet),
        "shuffled timing": partial(_with_random_timing, meet),
        "no centring": partial(_without_centring, meet.config.readout.constant_input),
    }
    return AlteredRules(rules, chunk=changes[ablation])


def _same_chunk(segment: Segment, chunk: Chunk) -> Chunk:
    return chunk


@dataclass(frozen=True)
class AlteredRules:
    """The package's own rules, shown something other than what happens; a `recorded_spikes.Rule`.

    Attributes
    ----------
    rules : LocalRules
        Learn in place.
    chunk : callable
        Segment and `Chunk` -> the chunk that the when rule is shown instead.
    """

    rules: LocalRules
    chunk: Callable[[Segment, Chunk], Chunk] = _same_chunk

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return self.rules.w_when

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.rules.w_what

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn from what is shown."""
        return self.rules.step(segment, self.chunk(segment, chunk))

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        return self.rules.end(segment, x_mean)

    def copy(self) -> AlteredRules:
        """Return rules that share no memory with these."""
        return replace(self, rules=self.rules.copy())


@dataclass(frozen=True)
class ShuffledOutcome:
    """The package's own rules, the what readout taught another outcome; a `recorded_spikes.Rule`.

    Attributes
    ----------
    when, what : LocalRules
        Of the first only the when readout is used, of the second only the what readout.
    other : callable
        Segment -> the segment whose outcome the what readout is taught.
    """

    when: LocalRules
    what: LocalRules
    other: Callable[[Segment], Segment]

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return self.when.w_when

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.what.w_what

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        return self.when.step(segment, chunk)

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from another outcome."""
        self.when.end(segment, x_mean)
        return self.what.end(self.other(segment), x_mean)

    def copy(self) -> ShuffledOutcome:
        """Return rules that share no memory with these."""
        return replace(self, when=self.when.copy(), what=self.what.copy())


def _with_gate_everywhere(meet: Meet, segment: Segment, chunk: Chunk) -> Chunk:
    # Not read off the gate, which a preset without residual closes outside the window.
    after_cue = chunk.first_step + np.arange(len(chunk.gate)) >= meet.cue_step
    occurred = np.arange(meet.task.events) == segment.outcome
    return chunk._replace(gate=np.outer(after_cue, occurred).astype(np.float64))


def _with_window_alone(segment: Segment, chunk: Chunk) -> Chunk:
    return chunk._replace(gate=np.where(chunk.gate >= 1.0, 1.0, 0.0))


def _without_centring(constant_input: float, segment: Segment, chunk: Chunk) -> Chunk:
    constant = np.full((len(chunk.x), 1), constant_input)
    return chunk._replace(xc=np.hstack([chunk.x, constant]))


def gate_around(meet: Meet, latency_ms: np.ndarray) -> np.ndarray:
    """Return the gates that events at these latencies, (K,), would open in a trial, (steps, K)."""
    readout = meet.config.readout
    gate = np.zeros((meet.times_ms.size, len(latency_ms)))
    gate[meet.cue_step :] = readout.gate_residual
    gate[np.abs(meet.times_ms[:, None] - latency_ms) <= readout.gate_window_ms] = 1.0
    return gate


def _with_both_open(meet: Meet, segment: Segment, chunk: Chunk) -> Chunk:
    if segment.kind is not Kind.TRIAL:
        return chunk
    _, latency = meet.task.blocks[segment.block].of_cue(segment.cue)
    rows = slice(chunk.first_step, chunk.first_step + len(chunk.target))
    occurred = np.arange(len(latency)) == segment.outcome
    return chunk._replace(gate=gate_around(meet, np.array(latency))[rows], target=chunk.target * occurred)


def random_latency(meet: Meet, trial: int) -> float:
    """Draw a latency, ms, evenly from those whose gate window lies within the trial."""
    edge = min(meet.config.readout.gate_window_ms, 0.5 * meet.task.after_ms)
    return edge + (meet.task.after_ms - 2.0 * edge) * _draw(meet, trial, _TIMING)


def _with_random_timing(meet: Meet, segment: Segment, chunk: Chunk) -> Chunk:
    if segment.kind is not Kind.TRIAL or segment.outcome == NONE:
        return chunk
    latency = random_latency(meet, segment.trial)
    rows = slice(chunk.first_step, chunk.first_step + len(chunk.target))
    occurred = np.arange(meet.task.events) == segment.outcome
    gate = gate_around(meet, np.full(meet.task.events, latency))[rows] * occurred
    deviation = (meet.times_ms[rows, None] - latency) / meet.task.event_width_ms
    profile = np.exp(-0.5 * deviation**2)
    return chunk._replace(gate=gate, target=np.where(occurred, profile, chunk.target))


def outcomes_of(meet: Meet) -> np.ndarray:
    """Return the outcome of every trial of the run, (trials,)."""
    return np.array(
        [
            meet.trial(block, trial)[-1].outcome
            for block in range(len(meet.task.blocks))
            for trial in range(*meet.first_trials[block : block + 2])
        ]
    )


def _with_another_outcome(outcomes: np.ndarray, meet: Meet, segment: Segment) -> Segment:
    if segment.kind is not Kind.TRIAL or outcomes.size < 2:
        return segment
    # Within a block the outcomes of other trials have the same statistics; those of the whole run have not.
    step = 1 + int(_draw(meet, segment.trial, _OUTCOME) * (outcomes.size - 1))
    return replace(segment, outcome=int(outcomes[(segment.trial + step) % outcomes.size]))


def _draw(meet: Meet, trial: int, number: int) -> float:
    run = meet.config.run
    return uniform(run.seed, run.draws.task, TASK, trial, number)


@kernel
def apply_errors(
    w: np.ndarray, xc: np.ndarray, gate: np.ndarray, error: np.ndarray, rate: float, divisor: np.ndarray
) -> None:
    """Change when weights by given errors: W_k += rate * G_k(t) * e_k(t) * xc(t) / divisor(t) for all t.

    Parameters
    ----------
    w : (K, N + 1) float64
        Weights, changed in place.
    xc : (steps, N + 1) float64
        Centred traces and the constant input.
    gate, error : (steps, K) float64
        Gate, and error whatever the readout is.
    rate : float
        Learning rate per step.
    divisor : (steps,) float64
        |xc|^2 and the floor.
    """
    for row in range(xc.shape[0]):
        for k in range(w.shape[0]):
            step = rate * gate[row, k] * error[row, k] / divisor[row]
            if step != 0.0:
                for j in range(xc.shape[1]):
                    w[k, j] += step * xc[row, j]


def kept_share(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the factor (K,) by which each row of weights (K, n) has shrunk; 1 for a row of zeros."""
    size = np.sum(before**2, axis=1)
    along = np.sum(before * after, axis=1)
    return np.asarray(np.divide(along, size, out=np.ones_like(size), where=size > 0.0))


class ShuffledError:
    """The package's rules, but the errors of a trial meet the traces of another time of it.

    An intact learner goes through the same trials. The errors it makes, from the cue on, are shifted round
    by a time that is drawn for each trial, and change the weights of this one, with gate and traces where
    they are: as much is learned, of the same errors, at the wrong times. (If the shuffled learner's own
    errors are shifted, nothing keeps them small and the weights diverge.) A `recorded_spikes.Rule`.

    Parameters
    ----------
    intact : LocalRules
        The intact learner, changed in place; the what readout is its own.
    meet : Meet
        The task.

    Attributes
    ----------
    w_when : (K, N + 1) float64
        When weights of the shuffled learner.
    """

    def __init__(self, intact: LocalRules, meet: Meet) -> None:
        self.w_when = intact.w_when.copy()
        self._intact = intact
        self._meet = meet
        self._held: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self._intact.w_what

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn when the trial is complete."""
        error = chunk.target - self._intact.step(segment, chunk)
        if segment.kind is Kind.TRIAL:
            self._held.append((chunk.xc.copy(), chunk.gate, error))
            if chunk.first_step + len(chunk.x) == segment.steps:
                cue = self._meet.cue_step
                longest = segment.steps - cue - 1
                self.learn(1 + int(_draw(self._meet, segment.trial, _SHIFT) * longest))
        return np.asarray(chunk.xc @ self.w_when.T)

    def learn(self, shift: int) -> None:
        """Learn from the trial that has been gone through, its errors coming ``shift`` steps late."""
        xc, gate, error = (np.concatenate(part) for part in zip(*self._held, strict=True))
        self._held = []
        cue, config = self._meet.cue_step, self._meet.config
        error[cue:] = np.roll(error[cue:], shift, axis=0)
        if config.readout.when_norm == "moment":
            norm = np.einsum("ij,ij->i", xc, xc)
        else:
            norm = np.full(len(xc), self._intact.state.norm[0])
        rate = config.readout.when_rate * config.run.dt_ms
        apply_errors(self.w_when, xc, gate, error, rate, config.readout.when_norm_floor + norm)

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        before = self._intact.w_when.copy()
        p = self._intact.end(segment, x_mean)
        # What the intact learner forgets at a trial's end, this one forgets too.
        self.w_when *= kept_share(before, self._intact.w_when)[:, None]
        return p

    def copy(self) -> ShuffledError:
        """Return rules that share no memory with these."""
        twin = ShuffledError(self._intact.copy(), self._meet)
        twin.w_when = self.w_when.copy()
        return twin
