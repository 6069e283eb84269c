"""Other readouts on the same reservoir and the same streams, for comparing learning rules.

Without feedback the reservoir does not depend on what is read out of it. So it is played once, in float64
and over the segments that an experiment lays out; its traces are shown to any number of rules, which learn
in the trials and are probed on the cue alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.experiment import scores as metrics
from lava_predict.experiment.experiment import Experiment
from lava_predict.learning.what import learn_outcome, read_estimate
from lava_predict.learning.when.gated_delta import add_timing_error, learn_timing
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.float_step import (
    Z_LIMIT,
    StepConstants,
    advance_means,
    advance_traces,
    centre_traces,
    reservoir_step,
)
from lava_predict.network.segment_borders import check_finite, enter
from lava_predict.network.state import State
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.noise import fold
from lava_predict.reproduction.baselines.merged import delta_rows
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Kind, Segment

_CHUNK_STEPS = 500
"""Steps whose traces are held at a time: 8 MB at 1,000 cells."""

AnyRule = TypeVar("AnyRule", bound="Rule")

_Read = tuple[np.ndarray, np.ndarray]
"""When readout of a segment, (steps, K), and what readout, (K,)."""


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
        As in `lava_predict.tasks.meet.Streams`; do not write to them.
    """

    first_step: int
    x: np.ndarray
    xc: np.ndarray
    gate: np.ndarray
    target: np.ndarray


class Rule(Protocol):
    """Readouts and how they learn. They learn in trials alone (`Kind.TRIAL`); all else only reads."""

    @property
    def w_when(self) -> np.ndarray:
        """Weights that are read against ``xc`` in every step, (K, N + 1)."""

    @property
    def w_what(self) -> np.ndarray:
        """Weights from which the probabilities are read, (K, N)."""

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
        self._timing_errors: np.ndarray = np.zeros((2, state.z.size))

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return self.state.w_when

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.state.w_what

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        readout = self._config.readout
        z = np.empty_like(chunk.target)
        norm = -1.0 if readout.when_norm == "moment" else self.state.norm[0]
        rule = (readout.when_rate * self._config.run.dt_ms, readout.when_norm_floor, norm, segment.learning)
        delta_rows(self.state.w_when, chunk.xc, chunk.gate, chunk.target, *rule, z)
        if segment.kind is Kind.TRIAL:
            if chunk.first_step == 0:
                self._timing_errors[:] = 0.0
            add_timing_error(z, chunk.gate, chunk.target, self._timing_errors)
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome and from its time."""
        self.state.x_sum[:] = x_mean
        p = read_estimate(self.state, 1)
        if segment.kind is Kind.TRIAL:
            readout = self._config.readout
            learn_outcome(self.state, 1, segment.cue, segment.outcome, p, readout)
            learn_timing(self.state, segment.cue, segment.outcome, self._timing_errors, readout)
        return p

    def copy(self) -> LocalRules:
        """Return rules that share no memory with these."""
        return LocalRules(self._config, self.state.copy())


@kernel
def trace_rows(
    network: Network,
    constants: StepConstants,
    state: State,
    level: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    x_rows: np.ndarray,
    xc_rows: np.ndarray,
) -> None:
    """Advance reservoir and traces by a chunk of steps, as the float network's `advance`, with no readout.

    Parameters
    ----------
    network, constants, state
        What is simulated; ``state`` is changed in place, but for its readouts.
    level : (steps, C) float64
        Input channels, cues then events.
    noise_key : uint64
        Key of the segment; step and cell are folded in here.
    first_step : int
        Step of the segment at which the chunk begins.
    what_window : (int, int)
        Steps of the segment, from and up to, whose traces are summed.
    learning : bool
        False freezes the slow means.
    x_rows, xc_rows : (steps, N) and (steps, N + 1) float64
        Overwritten with the traces and the when readout's input in each step.
    """
    cells = state.x.size
    i_in = np.empty(cells)
    spiking = np.empty(cells, np.int64)
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(network, constants, state, level[row], step_key, i_in, spiking)
        advance_traces(state.x, spiking, count, constants.trace_decay, constants.trace_gain)
        if learning:
            advance_means(state.m, state.x, constants.mean_rate)
        centre_traces(state.x, state.m, constants.constant_input, constants.centred, xc_rows[row])
        in_what_window = what_window[0] <= step < what_window[1]
        for j in range(cells):
            x_rows[row, j] = state.x[j]
            if in_what_window:
                state.x_sum[j] += state.x[j]


@dataclass(frozen=True)
class ReplayedProbe:
    """A cue-only test of one rule, averaged over its repeats as in `Probe`.

    Attributes
    ----------
    block, trials : int
        Block, and trials of it that had been learned.
    z, o : (M, steps, K) float64
        When readout and prediction.
    p : (M, K) float64
        What readout, not clipped.
    error, zero_error : float
        RMSE over (cues, times from the cue on, events) of ``o`` and of a prediction of 0.
    w_when, w_what : (K, N + 1) and (K, N) float64
        Weights at the time; those of the rule's `Rule.w_when` and `Rule.w_what`.

    Notes
    -----
    All but block, trials and ``zero_error`` are NaN once the rule has diverged.
    """

    block: int
    trials: int
    z: np.ndarray
    o: np.ndarray
    p: np.ndarray
    error: float
    zero_error: float
    w_when: np.ndarray
    w_what: np.ndarray


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
        self._state = self._arithmetic.start.copy()

    def input_norms(self) -> tuple[float, float]:
        """Measure the size of both readouts' inputs in the first cue's presentation before any trial.

        Returns
        -------
        when, what : float
            Mean |xc|^2 from the cue on, and |mean trace over the what window|^2, spikes^2 per ms^2.
        """
        engine = CpuEngine(self._arithmetic, self.meet)
        *_, probe = engine.play([*self.meet.settling(), *self.meet.probe(0, 0, 0, 0)])
        x_mean = self._x_mean(engine.state)
        return float(probe.norm[self.meet.cue_step :].mean()), float(x_mean @ x_mean)

    def local_rules(self) -> LocalRules:
        """Return the package's own rules before the first trial."""
        state = self._arithmetic.start.copy()
        if self.config.readout.when_norm == "constant":
            state.norm[0], _ = self.input_norms()
        return LocalRules(self.config, state)

    def run(self, rules: Mapping[str, Rule]) -> dict[str, list[ReplayedProbe]]:
        """Play the whole experiment once, from its start, and let all rules learn from it.

        A rule whose when readout is not finite, or beyond +-`Z_LIMIT`, is stopped; the others go on.

        Parameters
        ----------
        rules : mapping of str to Rule
            Each learns on its own, in place.

        Returns
        -------
        dict of str to list of ReplayedProbe
            Of each rule, at ``run.probe_trials`` of every block and at its end.
        """
        self._state = self._arithmetic.start.copy()
        probes: dict[str, list[ReplayedProbe]] = {name: [] for name in rules}
        going = dict(rules)
        done = 0
        for block, settings in enumerate(self.config.task.blocks):
            for trials in range(settings.trials + 1):
                if trials > 0:
                    self._train(block, done, going)
                    done += 1
                if trials in self.config.run.probe_trials or trials == settings.trials:
                    shown = self._probe(block, done, going)
                    for name, rule in rules.items():
                        probes[name].append(self._summarise(block, trials, rule, shown.get(name)))
        return probes

    def _chunks(self, segment: Segment) -> Iterator[Chunk]:
        """Play a segment and give its traces, some steps at a time."""
        arithmetic, state = self._arithmetic, self._state
        enter(segment, state, arithmetic.start)
        level, gate, target = self.meet.streams(segment)
        for first in range(0, segment.steps, _CHUNK_STEPS):
            part = slice(first, min(first + _CHUNK_STEPS, segment.steps))
            rows = (self._x_rows[: part.stop - first], self._xc_rows[: part.stop - first])
            trace_rows(
                arithmetic.network,
                arithmetic.constants,
                state,
                level[part],
                np.uint64(segment.noise_key),
                first,
                self.meet.what_window,
                segment.learning,
                *rows,
            )
            check_finite(segment, first, False, state.v, self.config)
            yield Chunk(first, *rows, gate[part], target[part])

    def _x_mean(self, state: State) -> np.ndarray:
        low, high = self.meet.what_window
        return state.x_sum / (high - low)

    def _train(self, block: int, trial: int, going: dict[str, Rule]) -> None:
        for segment in self.meet.trial(block, trial):
            self._play(segment, going, going)

    def _play(self, segment: Segment, rules: dict[str, Rule], going: dict[str, Rule]) -> dict[str, _Read]:
        """Play a segment to the rules and return what they read; one that diverges leaves both mappings."""
        z: dict[str, list[np.ndarray]] = {name: [] for name in rules}
        for chunk in self._chunks(segment):
            for name, rule in list(rules.items()):
                z[name].append(rule.step(segment, chunk))
                if not np.abs(z[name][-1]).max() <= Z_LIMIT:
                    rules.pop(name)
                    going.pop(name, None)
        if segment.kind is Kind.PAUSE:
            return {}
        x_mean = self._x_mean(self._state)
        return {name: (np.concatenate(z[name]), rule.end(segment, x_mean)) for name, rule in rules.items()}

    def _probe(self, block: int, done: int, going: dict[str, Rule]) -> dict[str, list[list[_Read]]]:
        """Present each cue alone, on copies of state and rules; return what was read by cue and repeat."""
        before = self._state.copy()
        shown: dict[str, list[list[_Read]]] = {name: [] for name in going}
        for cue in range(self.config.task.cues):
            copies = {name: rule.copy() for name, rule in going.items()}
            for repeats in shown.values():
                repeats.append([])
            for repeat in range(self.config.run.probe_repeats):
                for segment in self.meet.probe(block, done, cue, repeat):
                    for name, read in self._play(segment, copies, going).items():
                        shown[name][cue].append(read)
            self._state.restore(before)
        return {name: shown[name] for name in going}

    def _summarise(
        self, block: int, trials: int, rule: Rule, shown: list[list[_Read]] | None
    ) -> ReplayedProbe:
        """Average over repeats and score; without anything read, because of divergence, all is NaN."""
        truth = np.array([self.meet.truth(block, cue) for cue in range(self.config.task.cues)])
        nothing = np.full_like(truth, np.nan)
        z, p, o = nothing, nothing[:, 0], nothing
        weights = (np.full_like(rule.w_when, np.nan), np.full_like(rule.w_what, np.nan))
        if shown is not None:
            z = np.array([np.mean([z for z, _ in repeats], axis=0) for repeats in shown])
            p = np.array([np.mean([p for _, p in repeats], axis=0) for repeats in shown])
            o = np.array(
                [np.mean([metrics.prediction(*one) for one in repeats], axis=0) for repeats in shown]
            )
            weights = (rule.w_when.copy(), rule.w_what.copy())
        after = slice(self.meet.cue_step, None)
        error = metrics.rmse(o[:, after], truth[:, after])
        zero_error = metrics.rmse(np.zeros_like(truth[:, after]), truth[:, after])
        return ReplayedProbe(block, trials, z, o, p, error, zero_error, *weights)
