"""Other readouts on the same reservoir and the same streams, for comparing learning rules.

Without feedback the reservoir does not depend on what is read out of it. So it is played once, on the
float engine and over the segments that an experiment lays out; its spikes are turned into traces
again and shown to any number of rules, which learn in the trials and are probed on the cue alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from lava_predict import metrics
from lava_predict.arithmetic import FloatArithmetic
from lava_predict.backends import Played
from lava_predict.backends.cpu import CpuEngine
from lava_predict.config import Config
from lava_predict.errors import UserError
from lava_predict.experiment import Experiment
from lava_predict.kernels.compiled import kernel
from lava_predict.kernels.float import StepConstants, advance_means, advance_traces, centre_traces
from lava_predict.learning.merged import delta_rows
from lava_predict.learning.what import learn_outcome, read_estimate
from lava_predict.state import State
from lava_predict.task import Kind, Segment

_CHUNK_STEPS = 500
"""Steps whose traces are held at a time: 8 MB at 1,000 cells."""

AnyRule = TypeVar("AnyRule", bound="Rule")


class Chunk(NamedTuple):
    """Successive steps of a segment as a rule sees them; the arrays are overwritten by the next chunk.

    Attributes
    ----------
    first_step : int
        Step within the segment of the first row.
    x : (steps, N) float64
        Traces, spikes per ms.
    xc : (steps, N + 1) float64
        Traces less their slow means, and the constant input.
    gate, target : (steps, K) float64
        As in `lava_predict.task.Streams`; do not write to them.
    """

    first_step: int
    x: np.ndarray
    xc: np.ndarray
    gate: np.ndarray
    target: np.ndarray


class Rule(Protocol):
    """Readouts and how they learn. They learn in trials alone (`Kind.TRIAL`); all else only reads."""

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Go through a chunk of a segment and return the when readout, (steps, K)."""

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """End a trial or probe, given the mean trace (N,) over the what window, and return p, (K,)."""

    def copy(self: AnyRule) -> AnyRule:
        """Return a rule that shares no memory with this one."""


class LocalRules:
    """The package's own when and what rule as a `Rule`.

    Parameters
    ----------
    config : Config
        Its readout section and time step are used.
    state : State
        Holds weights, the constant norm and the memory of the what rule; changed in place.
    """

    def __init__(self, config: Config, state: State) -> None:
        self.state = state
        self._config = config

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        readout = self._config.readout
        z = np.empty_like(chunk.target)
        norm = -1.0 if readout.when_norm == "moment" else self.state.norm[0]
        rule = (readout.when_rate * self._config.run.dt_ms, readout.when_norm_floor, norm, segment.learning)
        delta_rows(self.state.w_when, chunk.xc, chunk.gate, chunk.target, *rule, z)
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        self.state.x_sum[:] = x_mean
        p = read_estimate(self.state, 1)
        if segment.kind is Kind.TRIAL:
            learn_outcome(self.state, 1, segment.cue, segment.outcome, p, self._config.readout)
        return p

    def copy(self) -> LocalRules:
        """Return rules that share no memory with these."""
        return LocalRules(self._config, self.state.copy())


@kernel
def trace_rows(
    constants: StepConstants,
    spike_step: np.ndarray,
    spike_cell: np.ndarray,
    first_spike: int,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    x: np.ndarray,
    m: np.ndarray,
    x_sum: np.ndarray,
    x_rows: np.ndarray,
    xc_rows: np.ndarray,
) -> int:
    """Turn the spikes of a chunk into traces, with the arithmetic of the float network's `readout_step`.

    Parameters
    ----------
    constants : StepConstants
        Decays and gains.
    spike_step, spike_cell : (spikes,) uint32
        Of the whole segment, in order of step.
    first_spike, first_step : int
        Where in the spikes and in the segment the chunk begins.
    what_window : (int, int)
        Steps of the segment, from and up to, whose traces are summed.
    learning : bool
        False freezes the slow means.
    x, m, x_sum : (N,) float64
        Traces, slow means and sum over the what window, changed in place.
    x_rows, xc_rows : (steps, N) and (steps, N + 1) float64
        Overwritten with the traces and the when readout's input in each step.

    Returns
    -------
    int
        Where in the spikes the next chunk begins.
    """
    for row in range(x_rows.shape[0]):
        step = first_step + row
        last_spike = first_spike
        while last_spike < spike_step.size and spike_step[last_spike] == step:
            last_spike += 1
        spiking = spike_cell[first_spike:last_spike]
        advance_traces(x, spiking, spiking.size, constants.trace_decay, constants.trace_gain)
        first_spike = last_spike
        if learning:
            advance_means(m, x, constants.mean_rate)
        centre_traces(x, m, constants.constant_input, constants.centred, xc_rows[row])
        in_what_window = what_window[0] <= step < what_window[1]
        for j in range(x.size):
            x_rows[row, j] = x[j]
            if in_what_window:
                x_sum[j] += x[j]
    return first_spike


@dataclass(frozen=True)
class ReplayedProbe:
    """A cue-only test of one rule, averaged over its repeats as in `lava_predict.experiment.Probe`.

    Attributes
    ----------
    block, trials : int
        Block, and trials of it that had been learned.
    z, o : (M, steps, K) float64
        When readout and prediction.
    p : (M, K) float64
        What readout, not clipped.
    error, zero_error : float
        RMSE over (cues, times from the cue on, events) of ``o`` and of a prediction of 0. Not finite if the
        rule has diverged, which a replay lets it.
    """

    block: int
    trials: int
    z: np.ndarray
    o: np.ndarray
    p: np.ndarray
    error: float
    zero_error: float


class Replay:
    """The reservoir and the streams of one configuration, for any number of rules.

    Parameters
    ----------
    config : Config
        Settings; ``reservoir.feedback_gain`` must be 0.
    seed : int, optional
        Replaces ``run.seed``.

    Raises
    ------
    UserError
        If the readout is fed back: then every rule would need a reservoir of its own.
    """

    def __init__(self, config: Config, seed: int | None = None) -> None:
        gain = config.reservoir.feedback_gain
        if gain != 0.0:
            raise UserError(
                f"reservoir.feedback_gain = {gain:g}: must be 0 to compare learning rules on one reservoir"
            )
        experiment = Experiment(config, seed)
        self.config, self.meet = experiment.config, experiment.meet
        self._arithmetic = FloatArithmetic(experiment.config, experiment.network)
        cells = self.config.reservoir.neurons
        self._x_rows = np.empty((_CHUNK_STEPS, cells))
        self._xc_rows = np.empty((_CHUNK_STEPS, cells + 1))
        self._start_over()

    def input_norms(self) -> tuple[float, float]:
        """Measure the size of both readouts' inputs in the first cue's presentation before any trial.

        Returns
        -------
        when, what : float
            Mean |xc|^2 from the cue on, and |mean trace over the what window|^2, spikes^2 per ms^2.
        """
        self._start_over()
        for played in self._engine.play([*self.meet.settling(), *self.meet.probe(0, 0, 0, 0)]):
            for _ in self._chunks(played):
                pass
        x_mean = self._x_mean()
        return float(played.norm[self.meet.cue_step :].mean()), float(x_mean @ x_mean)

    def local_rules(self) -> LocalRules:
        """Return the package's own rules before the first trial."""
        state = self._arithmetic.start.copy()
        if self.config.readout.when_norm == "constant":
            state.norm[0], _ = self.input_norms()
        return LocalRules(self.config, state)

    def run(self, rules: Mapping[str, Rule]) -> dict[str, list[ReplayedProbe]]:
        """Play the whole experiment once, from its start, and let all rules learn from it.

        Parameters
        ----------
        rules : mapping of str to Rule
            Each learns on its own, in place.

        Returns
        -------
        dict of str to list of ReplayedProbe
            Of each rule, at ``run.probe_trials`` of every block and at its end.
        """
        self._start_over()
        probes: dict[str, list[ReplayedProbe]] = {name: [] for name in rules}
        done = 0
        for block, settings in enumerate(self.config.task.blocks):
            for trials in range(settings.trials + 1):
                if trials > 0:
                    self._train(block, done, rules)
                    done += 1
                if trials in self.config.run.probe_trials or trials == settings.trials:
                    for name, probe in self._probe(block, trials, done, rules).items():
                        probes[name].append(probe)
        return probes

    def _start_over(self) -> None:
        """Put reservoir, traces and slow means to where they are before the first step."""
        self._engine = CpuEngine(self._arithmetic, self.meet)
        start = self._arithmetic.start
        self._x, self._m, self._x_sum = start.x.copy(), start.m.copy(), start.x_sum.copy()

    def _chunks(self, played: Played) -> Iterator[Chunk]:
        """Turn the spikes of a segment into traces, some steps at a time."""
        segment = played.segment
        streams = self.meet.streams(segment)
        if segment.reset:
            self._x[:] = self._arithmetic.start.x
        self._x_sum[:] = 0.0
        first_spike = 0
        for first in range(0, segment.steps, _CHUNK_STEPS):
            steps = min(_CHUNK_STEPS, segment.steps - first)
            rows = (self._x_rows[:steps], self._xc_rows[:steps])
            first_spike = trace_rows(
                self._arithmetic.constants,
                played.spike_step,
                played.spike_cell,
                first_spike,
                first,
                self.meet.what_window,
                segment.learning,
                self._x,
                self._m,
                self._x_sum,
                *rows,
            )
            yield Chunk(
                first, *rows, streams.gate[first : first + steps], streams.target[first : first + steps]
            )

    def _x_mean(self) -> np.ndarray:
        low, high = self.meet.what_window
        return self._x_sum / (high - low)

    def _train(self, block: int, trial: int, rules: Mapping[str, Rule]) -> None:
        for played in self._engine.play(self.meet.trial(block, trial)):
            for chunk in self._chunks(played):
                for rule in rules.values():
                    rule.step(played.segment, chunk)
            if played.segment.kind is Kind.TRIAL:
                for rule in rules.values():
                    rule.end(played.segment, self._x_mean())

    def _probe(
        self, block: int, trials: int, done: int, rules: Mapping[str, Rule]
    ) -> dict[str, ReplayedProbe]:
        """Present each cue alone, on copies of state and rules."""
        before, x = self._engine.state, self._x.copy()
        shown: dict[str, list[list[tuple[np.ndarray, np.ndarray]]]] = {name: [] for name in rules}
        for cue in range(self.config.task.cues):
            copies = {name: rule.copy() for name, rule in rules.items()}
            repeats = [
                self._present(block, done, cue, repeat, copies)
                for repeat in range(self.config.run.probe_repeats)
            ]
            for name in rules:
                shown[name].append([repeat[name] for repeat in repeats])
            self._engine.restore(before)
            self._x[:] = x
        return {name: self._summarise(block, trials, of_cues) for name, of_cues in shown.items()}

    def _present(
        self, block: int, done: int, cue: int, repeat: int, rules: Mapping[str, Rule]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Present a cue once; return z, (steps, K), and p, (K,), of every rule."""
        for played in self._engine.play(self.meet.probe(block, done, cue, repeat)):
            z: dict[str, list[np.ndarray]] = {name: [] for name in rules}
            for chunk in self._chunks(played):
                for name, rule in rules.items():
                    z[name].append(rule.step(played.segment, chunk))
        x_mean = self._x_mean()
        return {
            name: (np.concatenate(z[name]), rule.end(played.segment, x_mean)) for name, rule in rules.items()
        }

    def _summarise(
        self, block: int, trials: int, shown: list[list[tuple[np.ndarray, np.ndarray]]]
    ) -> ReplayedProbe:
        """Average over repeats and score; ``shown`` holds z and p by cue and repeat."""
        z = np.array([np.mean([z for z, _ in repeats], axis=0) for repeats in shown])
        p = np.array([np.mean([p for _, p in repeats], axis=0) for repeats in shown])
        o = np.array([np.mean([metrics.prediction(*one) for one in repeats], axis=0) for repeats in shown])
        truth = np.array([self.meet.truth(block, cue) for cue in range(len(shown))])
        after = slice(self.meet.cue_step, None)
        error = metrics.rmse(o[:, after], truth[:, after])
        zero_error = metrics.rmse(np.zeros_like(truth[:, after]), truth[:, after])
        return ReplayedProbe(block, trials, z, o, p, error, zero_error)
