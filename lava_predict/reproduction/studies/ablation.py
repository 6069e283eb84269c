"""Learners without one part, on the same task and probes as the whole learner.

An ablation of cells or connections needs a reservoir of its own; it is a change of settings. Ablations of the
rules share one reservoir run (`recorded_spikes`), so that they differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lava_predict.analysis.ideal_observer import observations
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.cue_units import UNKNOWN
from lava_predict.learning.on_traces import Chunk, LocalRules
from lava_predict.learning.what import Reading
from lava_predict.numerics.draws import values_of
from lava_predict.numerics.grid import on_grid
from lava_predict.numerics.noise import TASK, uniform
from lava_predict.registry import RULES
from lava_predict.reproduction.conditions import OPEN_LOOP
from lava_predict.reproduction.studies.blocks import learn_side_by_side
from lava_predict.reproduction.studies.own_rules import OwnRules, local_rules_scaled, steps_of
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config, Section
from lava_predict.tasks import NONE, Kind, Segment, Task
from lava_predict.work.unit import Found

NETWORK_ABLATIONS = ("no recurrence", "homogeneous cells")
"""No synapses between the cells; the middle values of a, b, c, d and bias in all cells of a sign."""

OWN_RATE = {("gated_delta", "gate everywhere"): 0.25}
"""Rates of the when rule in multiples of its own, where another than 1 did better.

So an ablated learner does not fail because its rate was chosen for the whole one. 1/4, 1/2 and 1 were tried
on seeds 1 to 4 for the ablations of the gate, 1/8 too for those of the rule "annealed_delta".
"""

# Numbers of this study's own draws of a trial; the task's are 0, 1 and 2.
_TIMING, _SHIFT, _OUTCOME = 3, 4, 5


def ablated_rules(config: Config, ablations: Sequence[str]) -> Found:
    """Learn blocks of one cue, in the open loop, with some of `RULE_ABLATIONS`; as `learn_side_by_side`."""
    replay = Replay(with_changes(config, [OPEN_LOOP]))
    return learn_side_by_side(replay, {name: ablated_rule(replay, name) for name in ablations})


def network_changes(config: Config, ablation: str) -> list[tuple[str, str, Any]]:
    """Return the settings, as for `with_changes`, of one of `NETWORK_ABLATIONS`."""
    if ablation == "no recurrence":
        return [("reservoir", "connection_probability", 0.0)]

    def medians(cells: Section) -> dict[str, float]:
        return {name: float(values_of(spread, np.array(0.5))) for name, spread in cells}

    signs = ("excitatory", "inhibitory")
    return [("reservoir", sign, medians(getattr(config.reservoir, sign))) for sign in signs]


def ablated_rule(replay: Replay, ablation: str) -> OwnRules:
    """Return the rules with one of `RULE_ABLATIONS`, before the first trial of a replay."""
    rules = local_rules_scaled(replay, OWN_RATE.get((replay.config.readout.rule, ablation), 1.0))
    return RULE_ABLATIONS[ablation](rules, replay.task)


class AlteredRules(OwnRules):
    """The network's own rules, the when rule ``shown`` another chunk than the one that happens."""

    def __init__(
        self, altered: Callable[[Task, Segment, Chunk], Chunk], rules: LocalRules, meet: Task
    ) -> None:
        super().__init__(rules)
        self.shown = partial(altered, meet)

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:  # noqa: D102
        return super().step(segment, self.shown(segment, chunk))


def _with_gate_everywhere(meet: Task, segment: Segment, chunk: Chunk) -> Chunk:
    """Open the gate from the cue to the trial's end, not only around the event."""
    # Not derived from the gate, which a preset without residual closes outside the window.
    after_cue = chunk.first_step + np.arange(len(chunk.gate)) >= meet.cue_step
    occurred = np.arange(meet.task.events) == segment.outcome
    return chunk._replace(gate=np.outer(after_cue, occurred).astype(np.float64))


def _with_window_alone(meet: Task, segment: Segment, chunk: Chunk) -> Chunk:
    """Close the gate outside the window around the event."""
    return chunk._replace(gate=np.where(chunk.gate >= 1.0, 1.0, 0.0))


def _without_centring(meet: Task, segment: Segment, chunk: Chunk) -> Chunk:
    """Do not subtract the slow means from the traces."""
    cells = chunk.x.shape[1]
    return chunk._replace(xc=np.hstack([chunk.x, chunk.xc[:, cells:]]))


def _with_both_open(meet: Task, segment: Segment, chunk: Chunk) -> Chunk:
    """Open the gate of the event that did not occur too, at its latency, and teach it 0."""
    if segment.kind is not Kind.TRIAL:
        return chunk
    events = range(meet.task.events)
    # The gate of an outcome is open on that event's channel alone.
    gates = [meet.streams(replace(segment, outcome=event)).gate[steps_of(chunk)] for event in events]
    occurred = np.array(events) == segment.outcome
    return chunk._replace(gate=np.sum(gates, axis=0), target=chunk.target * occurred)


def _with_random_timing(meet: Task, segment: Segment, chunk: Chunk) -> Chunk:
    """Put profile and gate around a time that is drawn for each trial."""
    if segment.kind is not Kind.TRIAL or segment.outcome == NONE:
        return chunk
    readout, steps = meet.config.readout, np.arange(meet.times_ms.size)[steps_of(chunk), None]
    away = meet.times_ms[steps] - random_latency(meet, segment.trial)
    gate = np.where(steps >= meet.cue_step, readout.gate_residual, 0.0)
    gate[np.abs(away) <= readout.gate_window_ms] = 1.0
    occurred = np.arange(meet.task.events) == segment.outcome
    profile = on_grid(np.exp(-0.5 * (away / meet.task.event_width_ms) ** 2))
    return chunk._replace(gate=gate * occurred, target=np.where(occurred, profile, chunk.target))


def random_latency(meet: Task, trial: int) -> float:
    """Draw a latency, ms, evenly from those whose gate window lies within the trial."""
    edge = min(meet.config.readout.gate_window_ms, 0.5 * meet.task.after_ms)
    return float(edge + (meet.task.after_ms - 2.0 * edge) * _draw(meet, trial, _TIMING))


def _draw(meet: Task, trial: int, number: int) -> float:
    run = meet.config.run
    return uniform(run.seed, run.draws.task, TASK, trial, number)


class ShuffledOutcome(OwnRules):
    """The network's own rules, the what readout taught the outcome of another trial of the run."""

    def __init__(self, rules: LocalRules, meet: Task) -> None:
        super().__init__(rules)
        self._meet = meet
        self.outcomes = np.array([seen.outcome for seen in observations(meet)])

    def end_what(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from another outcome."""
        return super().end_what(self.taught(segment), reading)

    def taught(self, segment: Segment) -> Segment:
        """Return the segment with the outcome that the what readout is taught."""
        trials = self.outcomes.size
        if segment.kind is not Kind.TRIAL or trials < 2:
            return segment
        # Any trial of the run: those of the same block have outcomes of the same statistics.
        step = 1 + int(_draw(self._meet, segment.trial, _OUTCOME) * (trials - 1))
        return replace(segment, outcome=int(self.outcomes[(segment.trial + step) % trials]))


def kept_share(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the factor (K,) by which each row of weights (K, n) has shrunk; 1 for a row of zeros."""
    size = np.sum(before**2, axis=1)
    along = np.sum(before * after, axis=1)
    return np.asarray(np.divide(along, size, out=np.ones_like(size), where=size > 0.0))


class ShuffledError(OwnRules):
    """The network's rules, but the errors of a trial meet the traces of another time of the trial.

    An intact learner goes through the same trials. Its errors, from the cue on, are rotated by a time that
    is drawn for each trial. They change this learner's when weights ``shuffled``, (K, inputs), with gate and
    traces in their places: as much is learned, from the same errors, at the wrong times. (If the shuffled
    learner's own errors were rotated, nothing would keep them small and the weights would diverge.) The what
    readout is the intact learner's.
    """

    def __init__(self, intact: LocalRules, meet: Task) -> None:
        super().__init__(intact)
        self.shuffled = intact.w_when.copy()
        self._meet = meet
        self._shown: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, inputs)."""
        return self.shuffled

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn when the trial is complete."""
        error = chunk.target - super().step(segment, chunk)
        if segment.kind is Kind.TRIAL:
            self._shown.append((chunk.cue.copy(), chunk.xc.copy(), chunk.gate, error))
            if chunk.first_step + len(chunk.x) == segment.steps:
                longest = segment.steps - self._meet.cue_step - 1
                self.learn(1 + int(_draw(self._meet, segment.trial, _SHIFT) * longest))
        return np.asarray(chunk.xc @ self.shuffled.T)

    def learn(self, shift: int) -> None:
        """Learn from the complete trial with its errors ``shift`` steps late."""
        cue, xc, gate, error = (np.concatenate(part) for part in zip(*self._shown, strict=True))
        self._shown = []
        after = slice(self._meet.cue_step, None)
        error[after] = np.roll(error[after], shift, axis=0)
        memory, learn_step = (
            self.when._replace(w=self.shuffled),
            RULES.get(self.config.readout.rule).learn_step,
        )
        norm = np.einsum("ij,ij->i", xc, xc)
        # The error is given, whatever the shuffled learner reads: a target beside a readout of 0.
        read = np.zeros(error.shape[1])
        for row in np.flatnonzero(gate.any(axis=1) & (cue != UNKNOWN)):
            step = (cue[row], xc[row], read, norm[row], gate[row], error[row])
            learn_step(self.constants, memory, *step)

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        before = self.when.w.copy()
        p = super().end(segment, reading)
        # What the intact learner forgets at a trial's end, this one forgets too.
        self.shuffled *= kept_share(before, self.when.w)[:, None]
        return p


RULE_ABLATIONS: dict[str, Callable[[LocalRules, Task], OwnRules]] = {
    "gate everywhere": partial(AlteredRules, _with_gate_everywhere),
    "no residual gate": partial(AlteredRules, _with_window_alone),
    "both channels open": partial(AlteredRules, _with_both_open),
    "shuffled error": ShuffledError,
    "shuffled timing": partial(AlteredRules, _with_random_timing),
    "shuffled outcome": ShuffledOutcome,
    "no centring": partial(AlteredRules, _without_centring),
}
"""Ablations of the rules by name, each made of intact rules for a task."""
