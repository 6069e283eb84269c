"""What a run gives: records of trials and probes, the state of a run between two trials, results by block."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter

import numpy as np

from lava_predict.experiment import scores
from lava_predict.experiment.counting import counted
from lava_predict.experiment.fingerprint import Fingerprint
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.settings.schema import Config
from lava_predict.tasks import Task


@dataclass(frozen=True)
class TrialRecord:
    """What happened in one training trial.

    Attributes
    ----------
    block, cue, outcome : int
        Block, cue shown, event that occurred or -1.
    latency_ms : float
        When it occurred, ms after the cue; NaN if none did.
    p : (K,) float64
        What readout in this trial, before it learned from it.
    spikes, steps : int
        Spikes and time steps of the trial and of what comes before it.
    """

    block: int
    cue: int
    outcome: int
    latency_ms: float
    p: np.ndarray
    spikes: int
    steps: int


@dataclass(frozen=True)
class Probe:
    """A cue-only test, averaged over its repeats. M cues, K events.

    Attributes
    ----------
    block, trials : int
        Block, and trials of it that had been learned.
    z, o, o_causal : (M, steps, K) float64
        When readout, prediction, and prediction from what was known at each moment.
    p : (M, K) float64
        What readout, not clipped.
    truth : (M, steps, K) float64
        The true prediction object; NaN for a cue that no block has shown yet.
    error, error_causal, zero_error : float
        RMSE over (cues shown so far, times from the cue on, events) of ``o``, of ``o_causal`` and of a
        prediction of 0.
    error_by_cue, zero_error_by_cue : (M,) float64
        The same after each cue; NaN for a cue that no block has shown yet.
    spike_step, spike_cell : tuple of (spikes,) uint32
        Spikes of the first repeat, one pair of arrays a cue.
    w_when, w_what : (C K, inputs) and (C K, N) float64
        Weights at the time, as the rules have them: K rows for each of C cues that have their own.
    steps : int
        Time steps that the probe took.
    """

    block: int
    trials: int
    z: np.ndarray
    o: np.ndarray
    o_causal: np.ndarray
    p: np.ndarray
    truth: np.ndarray
    error: float
    zero_error: float
    error_by_cue: np.ndarray
    zero_error_by_cue: np.ndarray
    error_causal: float
    spike_step: tuple[np.ndarray, ...]
    spike_cell: tuple[np.ndarray, ...]
    w_when: np.ndarray
    w_what: np.ndarray
    steps: int


@dataclass
class RunState:
    """All of a run between two trials, as one value: copy it, compare it, go on from it.

    Attributes
    ----------
    network : State
        Dynamic state of network and readouts.
    fingerprint : Fingerprint
        Over the training segments so far.
    trials, probes : list of TrialRecord, list of Probe
        Of every trial and probe so far.
    saturations : (V,) int64
        How often each variable of the integer network hit its bounds, probes included; empty in float.
    """

    network: State
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    trials: list[TrialRecord] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    saturations: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def copy(self) -> RunState:
        """Return a value that this run's going on does not change."""
        return replace(
            self,
            network=self.network.copy(),
            trials=list(self.trials),
            probes=list(self.probes),
            saturations=self.saturations.copy(),
        )

    def differences(self, other: RunState) -> list[str]:
        """Name what is not the same, to the bit, in ``other``; empty if the two are equal."""
        names = self.network.differences(other.network)
        if self.fingerprint != other.fingerprint:
            names.append("fingerprint")
        if self.saturations.tolist() != other.saturations.tolist():
            names.append("saturations")
        for name in ("trials", "probes"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if len(mine) != len(theirs) or not all(map(_same, mine, theirs)):
                names.append(name)
        return names


def _same(one: object, other: object) -> bool:
    """Compare two records of one class field by field, arrays by their bits."""
    for name, mine in vars(one).items():
        theirs = getattr(other, name)
        pairs = zip(mine, theirs, strict=True) if isinstance(mine, tuple) else [(mine, theirs)]
        if not all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs):
            return False
    return True


@dataclass(frozen=True)
class BlockResult:
    """How a block went.

    Attributes
    ----------
    trials : int
        Its length.
    probability, latency_ms : tuple
        Of each event after the cue; one such tuple a cue. Of a cue that the block does not show, those of the
        block that showed it last; NaN if none has.
    error : dict of int to float
        RMSE of the prediction after so many trials of the block, over all cues shown so far.
    zero_error : float
        RMSE of a prediction of 0.
    error_by_cue, zero_error_by_cue : dict of int to (M,) float64, and (M,) float64
        The same for each cue; NaN for one that no block has shown yet.
    baseline : dict of str to dict of int to float
        The error of simpler learners, by name: "counting", see `lava_predict.experiment.counting`.
    probability_estimate : (M, K) float64
        clip(p, 0, 1) at the last probe.
    amplitude, when_amplitude, peak_ms : (M, K) float64
        At the last probe: mean of o, and of z, within 50 ms of the latency; time of the maximum of o,
        smoothed over the event's width.
    """

    trials: int
    probability: tuple[tuple[float, ...], ...]
    latency_ms: tuple[tuple[float, ...], ...]
    error: dict[int, float]
    zero_error: float
    error_by_cue: dict[int, np.ndarray]
    zero_error_by_cue: np.ndarray
    baseline: dict[str, dict[int, float]]
    probability_estimate: np.ndarray
    amplitude: np.ndarray
    when_amplitude: np.ndarray
    peak_ms: np.ndarray


@dataclass(frozen=True)
class Result:
    """All that a run gave.

    Attributes
    ----------
    config, backend, precision : Config, str, str
        What was run, and on what.
    form : str or None
        Of the Lava network; None on the cpu.
    network : Network
        The network as drawn.
    state : RunState
        At the end.
    blocks : list of BlockResult
        Block by block.
    prediction : (time, channel) float64
        The last probe's prediction, from the cue on; with several cues, after the first.
    saturations : dict of str to int
        How often each variable of the integer network hit its bounds, probes included; empty in float.
    wall_s : float
        How long the simulation took, drawing excluded; the first run on a machine includes compiling.
    """

    config: Config
    backend: str
    form: str | None
    precision: str
    network: Network
    state: RunState
    blocks: list[BlockResult]
    prediction: np.ndarray
    saturations: dict[str, int]
    wall_s: float

    @property
    def fingerprint(self) -> Fingerprint:
        """Digests over the training segments."""
        return self.state.fingerprint

    @property
    def simulated_s(self) -> float:
        """Simulated time of trials, pauses and probes, s."""
        steps = sum(trial.steps for trial in self.state.trials)
        steps += sum(probe.steps for probe in self.state.probes)
        return steps * self.config.run.dt_ms / 1000.0

    @property
    def mean_rate_hz(self) -> float:
        """Spikes per cell and second over all training segments."""
        spikes = sum(trial.spikes for trial in self.state.trials)
        steps = sum(trial.steps for trial in self.state.trials)
        return spikes / (self.network.size * steps * self.config.run.dt_ms / 1000.0)


def block_results(task: Task, trials: list[TrialRecord], probes: list[Probe]) -> list[BlockResult]:
    """Summarise every block that has been probed; probes come block by block."""
    counting = iter(counting_errors(task, trials, probes))
    by_block = ((number, list(found)) for number, found in groupby(probes, attrgetter("block")))
    return [
        _block_result(task, number, found, {probe.trials: next(counting) for probe in found})
        for number, found in by_block
    ]


def counting_errors(task: Task, trials: list[TrialRecord], probes: list[Probe]) -> list[float]:
    """Return the error of the learner at each probe, from the trials before it, measured as the network's."""
    cue, outcome = (np.array([getattr(one, name) for one in trials], int) for name in ("cue", "outcome"))
    latency_ms = np.array([one.latency_ms for one in trials])
    after, errors = slice(task.cue_step, None), []
    for probe in probes:
        seen = slice(task.first_trials[probe.block] + probe.trials)
        o = counted(task, cue[seen], outcome[seen], latency_ms[seen])
        errors.append(scores.cue_errors(o[:, after], probe.truth[:, after])[0])
    return errors


def _block_result(task: Task, number: int, probes: list[Probe], counting: dict[int, float]) -> BlockResult:
    last, width = probes[-1], task.task.event_width_ms
    rows = [task.task.statistics(number, cue) for cue in range(task.task.cues)]

    def amplitudes(read: np.ndarray) -> np.ndarray:
        pairs = zip(read, rows, strict=True)
        return np.array([scores.amplitude(o, task.times_ms, np.array(row[1])) for o, row in pairs])

    return BlockResult(
        trials=task.task.blocks[number].trials,
        probability=tuple(row[0] for row in rows),
        latency_ms=tuple(row[1] for row in rows),
        error={probe.trials: probe.error for probe in probes},
        zero_error=last.zero_error,
        error_by_cue={probe.trials: probe.error_by_cue for probe in probes},
        zero_error_by_cue=last.zero_error_by_cue,
        baseline={"counting": counting},
        probability_estimate=np.clip(last.p, 0.0, 1.0),
        amplitude=amplitudes(last.o),
        when_amplitude=amplitudes(last.z),
        peak_ms=np.array([scores.smoothed_peak(o, task.times_ms, width) for o in last.o]),
    )
