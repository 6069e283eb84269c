"""Runs the task on a network: blocks of training trials with cue-only probes between them.

Nothing here knows what the network runs on; an `Engine` plays the segments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from lava_predict.engines import Engine, Played
from lava_predict.engines.cpu import CpuEngine
from lava_predict.engines.lava.engine import FORMS, TARGETS, LavaEngine, check_hardware, check_lava
from lava_predict.errors import UserError, one_of
from lava_predict.experiment import scores as metrics
from lava_predict.experiment.fingerprint import Fingerprint
from lava_predict.network.arithmetic import PRECISIONS, Arithmetic, arithmetic_of
from lava_predict.network.draw import Network, draw_network
from lava_predict.network.state import State
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Kind, Meet, Segment

BACKENDS = ("cpu", "lava")
"""What a network can run on."""


def check_available(backend: str, precision: str, form: str | None, target: str | None = None) -> None:
    """Raise a UserError if there is no such backend, precision, form or target, or not here.

    Parameters
    ----------
    backend, precision, form, target : str
        As for `Experiment.run`.

    Raises
    ------
    UserError
        It names what there is.
    """
    for key, value, allowed in (("backend", backend, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in allowed:
            raise UserError(f"{key} = {value!r}: not available; {one_of(value, allowed)}")
    if target is not None:
        _check_target(target, backend, precision, form)
    if form is not None and backend != "lava":
        raise UserError(f"form = {form!r}: only backend 'lava' has forms, not {backend!r}; leave it out")
    if form is not None and form not in FORMS:
        raise UserError(f"form = {form!r}: there is no such form; {one_of(form, FORMS)}")
    if backend == "lava":
        check_lava()
    if target == "loihi2-hw":
        check_hardware()


def _check_target(target: str, backend: str, precision: str, form: str | None) -> None:
    if target not in TARGETS:
        raise UserError(f"target = {target!r}: there is no such target; {one_of(target, TARGETS)}")
    given = {"backend": backend, "precision": precision, "form": form}
    for key, needed in (("backend", "lava"), ("precision", "fixed"), ("form", "graph")):
        if given[key] != needed:
            raise UserError(f"target = {target!r}: needs {key} = {needed!r}, not {given[key]!r}")


Progress = Callable[[int, int], None]
"""Called after every trial with the trials done and the trials in all."""

KEEP_EVERY_S = 2.0
"""How much work a run that keeps its state can lose, in seconds."""


@dataclass(frozen=True)
class TrialRecord:
    """What happened in one training trial.

    Attributes
    ----------
    block, cue, outcome : int
        Block, cue shown, event that occurred or -1.
    p : (K,) float64
        What readout in this trial, before it learned from it.
    spikes, steps : int
        Spikes and time steps of the trial and of what comes before it.
    """

    block: int
    cue: int
    outcome: int
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
        The true prediction object.
    error, zero_error : float
        RMSE over (cues, times from the cue on, events) of ``o`` and of a prediction of 0.
    error_causal : float
        RMSE of ``o_causal``.
    spike_step, spike_cell : tuple of (spikes,) uint32
        Spikes of the first repeat, one pair of arrays a cue.
    w_when, w_what : (K, N + 1) and (K, N) float64
        Weights at the time.
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
    trials : list of TrialRecord
        Of every trial so far.
    probes : list of Probe
        Of every probe so far.
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


Keep = Callable[[RunState], None]
"""Called with the state of a run between two trials."""


@dataclass(frozen=True)
class BlockResult:
    """How a block went.

    Attributes
    ----------
    trials : int
        Its length.
    probability, latency_ms : tuple
        Of each event after the cue; with several cues, one such tuple a cue.
    error : dict of int to float
        RMSE of the prediction after so many trials of the block.
    zero_error : float
        RMSE of a prediction of 0.
    probability_estimate : (M, K) float64
        clip(p, 0, 1) at the last probe.
    amplitude, when_amplitude : (M, K) float64
        Mean of o, and of z, within 50 ms of the latency at the last probe.
    peak_ms : (M, K) float64
        Centroid of o above half its maximum at the last probe.
    """

    trials: int
    probability: tuple[tuple[float, ...], ...]
    latency_ms: tuple[tuple[float, ...], ...]
    error: dict[int, float]
    zero_error: float
    probability_estimate: np.ndarray
    amplitude: np.ndarray
    when_amplitude: np.ndarray
    peak_ms: np.ndarray


@dataclass(frozen=True)
class Result:
    """All that a run gave.

    Attributes
    ----------
    config : Config
        What was run.
    backend, form, precision : str
        On what; form is None on the cpu.
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
        return spikes / (self.network.a.size * steps * self.config.run.dt_ms / 1000.0)


class Session:
    """A run in progress on one engine.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network's numbers and its settings.
    meet : Meet
        The task.
    engine : Engine
        Plays the segments.
    """

    def __init__(self, arithmetic: Arithmetic, meet: Meet, engine: Engine) -> None:
        self._config = arithmetic.config
        self._arithmetic = arithmetic
        self._meet = meet
        self._engine = engine
        self._state = RunState(engine.state, saturations=np.zeros(len(arithmetic.saturating), np.int64))
        if self._config.readout.when_norm == "constant":
            self._measure_norm()

    @property
    def state(self) -> RunState:
        """The whole state of the run, as a copy."""
        return replace(self._state.copy(), network=self._engine.state)

    def restore(self, state: RunState) -> None:
        """Go on from a state that `state` gave, in this session or another of the same configuration."""
        self._state = state.copy()
        self._engine.restore(state.network)

    @property
    def trials_done(self) -> int:
        """Training trials so far."""
        return len(self._state.trials)

    def advance(self, trials: int, progress: Progress | None = None) -> None:
        """Run some more training trials, and the probes that are due.

        Parameters
        ----------
        trials : int
            How many; fewer if the run ends before.
        progress : callable, optional
            Told the trials done and in all after each trial.
        """
        first = self._meet.first_trials
        if self.trials_done == 0 and not self._state.probes:
            self._probe_where_due(0, 0)
        last = min(self.trials_done + trials, first[-1])
        while self.trials_done < last:
            block = int(np.searchsorted(first, self.trials_done, side="right")) - 1
            self._train(block, min(last, self._next_stop(block)), progress)
            done = self.trials_done
            self._probe_where_due(block, done - first[block])
            if done == first[block + 1] and done < first[-1]:
                self._probe_where_due(block + 1, 0)

    def close(self) -> None:
        """Give back what the engine holds; the state can still be read, but not advanced."""
        self._state = self.state
        self._engine.close()

    @property
    def saturations(self) -> dict[str, int]:
        """How often each variable of the integer network has hit its bounds; empty in float."""
        counts = self._state.saturations.tolist()
        return dict(zip(self._arithmetic.saturating, counts, strict=True))

    def blocks(self) -> list[BlockResult]:
        """Summarise every block that has been probed."""
        by_block: dict[int, list[Probe]] = {}
        for probe in self._state.probes:
            by_block.setdefault(probe.block, []).append(probe)
        return [self._block_result(number, probes) for number, probes in by_block.items()]

    def _play(self, segments: list[Segment]) -> Iterator[Played]:
        for played in self._engine.play(segments):
            self._state.saturations += played.saturations
            yield played

    def _measure_norm(self) -> None:
        """Set the constant norm of the when rule: mean |xc|^2 from the cue on in an unlearned trial."""
        before = self._engine.state
        *_, probe = self._engine.play([*self._meet.settling(), *self._meet.probe(0, 0, 0, 0)])
        self._arithmetic.set_norm(before, probe.norm[self._meet.cue_step :].mean())
        self._engine.restore(before)

    def _next_stop(self, block: int) -> int:
        """Return the trials done at the next probe or at the end of the block."""
        first = self._meet.first_trials
        due = [first[block] + trials for trials in self._config.run.probe_trials]
        return min([stop for stop in due if stop > self.trials_done] + [first[block + 1]])

    def _train(self, block: int, last: int, progress: Progress | None) -> None:
        """Train until so many trials of the run are done."""
        numbers = range(self.trials_done, last)
        segments = [segment for number in numbers for segment in self._meet.trial(block, number)]
        spikes = steps = 0
        for played in self._play(segments):
            segment = played.segment
            spikes += played.spike_step.size
            steps += segment.steps
            self._state.fingerprint = self._state.fingerprint.after(played)
            if segment.kind is Kind.TRIAL:
                record = TrialRecord(block, segment.cue, segment.outcome, played.p, spikes, steps)
                self._state.trials.append(record)
                spikes = steps = 0
                if progress is not None:
                    progress(self.trials_done, self._meet.first_trials[-1])

    def _probe_where_due(self, block: int, trials: int) -> None:
        if trials in self._config.run.probe_trials or trials == self._config.task.blocks[block].trials:
            self._state.probes.append(self._probe(block, trials))

    def _probe(self, block: int, trials: int) -> Probe:
        """Present each cue alone, on a copy of the state."""
        before = self._engine.state
        physical = self._arithmetic.physical(before)
        shown = []
        for cue in range(self._config.task.cues):
            shown.append([self._present(block, cue, n) for n in range(self._config.run.probe_repeats)])
            self._engine.restore(before)
        z, p, o, causal = (
            np.array([np.mean([form(played) for _, played in repeats], axis=0) for repeats in shown])
            for form in (_z, _p, _o, self._o_causal)
        )
        truth = np.array([self._meet.truth(block, cue) for cue in range(self._config.task.cues)])
        after = slice(self._meet.cue_step, None)
        return Probe(
            block=block,
            trials=trials,
            z=z,
            o=o,
            o_causal=causal,
            p=p,
            truth=truth,
            error=metrics.rmse(o[:, after], truth[:, after]),
            zero_error=metrics.rmse(np.zeros_like(truth[:, after]), truth[:, after]),
            error_causal=metrics.rmse(causal[:, after], truth[:, after]),
            spike_step=tuple(repeats[0][1].spike_step for repeats in shown),
            spike_cell=tuple(repeats[0][1].spike_cell for repeats in shown),
            w_when=physical.w_when,
            w_what=physical.w_what,
            steps=sum(steps for repeats in shown for steps, _ in repeats),
        )

    def _present(self, block: int, cue: int, repeat: int) -> tuple[int, Played]:
        """Present a cue once; return the steps it took and the record of the probe segment."""
        steps = 0
        for played in self._play(self._meet.probe(block, self.trials_done, cue, repeat)):
            steps += played.segment.steps
        assert played.segment.kind is Kind.PROBE
        return steps, played

    def _o_causal(self, played: Played) -> np.ndarray:
        p = metrics.causal_estimate(played.what_drive, self._meet.what_window)
        return metrics.prediction(played.z, p)

    def _block_result(self, number: int, probes: list[Probe]) -> BlockResult:
        block, last = self._config.task.blocks[number], probes[-1]
        rows = [block.of_cue(cue) for cue in range(self._config.task.cues)]
        latency = [np.array(times) for _, times in rows]
        times = self._meet.times_ms
        return BlockResult(
            trials=block.trials,
            probability=tuple(row[0] for row in rows),
            latency_ms=tuple(row[1] for row in rows),
            error={probe.trials: probe.error for probe in probes},
            zero_error=last.zero_error,
            probability_estimate=np.clip(last.p, 0.0, 1.0),
            amplitude=np.array(
                [metrics.amplitude(o, times, t) for o, t in zip(last.o, latency, strict=True)]
            ),
            when_amplitude=np.array(
                [metrics.amplitude(z, times, t) for z, t in zip(last.z, latency, strict=True)]
            ),
            peak_ms=np.array([metrics.peak_time(o, times) for o in last.o]),
        )


def _z(played: Played) -> np.ndarray:
    return played.z


def _p(played: Played) -> np.ndarray:
    return played.p


def _o(played: Played) -> np.ndarray:
    return metrics.prediction(played.z, played.p)


class Experiment:
    """A configuration, ready to run.

    Parameters
    ----------
    config : Config
        Settings, for instance from `load_preset`.
    seed : int, optional
        Replaces ``run.seed``.

    Examples
    --------
    >>> from lava_predict import Experiment, load_preset
    >>> result = Experiment(load_preset("smoke"), seed=1).run()
    >>> sorted(result.blocks[0].error)
    [0, 1, 10, 12]
    """

    def __init__(self, config: Config, seed: int | None = None) -> None:
        if seed is not None:
            config = config.model_copy(update={"run": config.run.model_copy(update={"seed": seed})})
        self.config = config
        self.network = draw_network(config)
        self.meet = Meet(config)

    def arithmetic(self, precision: str) -> Arithmetic:
        """Return the network's numbers and kernels in one of `PRECISIONS`."""
        return arithmetic_of(self.config, self.network, precision)

    def start(
        self,
        backend: str = "cpu",
        precision: str = "float",
        form: str | None = None,
        target: str | None = None,
    ) -> Session:
        """Build the engine and return a session before its first trial.

        Parameters
        ----------
        backend : str
            One of `BACKENDS`.
        precision : str
            One of `PRECISIONS`.
        form : str, optional
            Of the Lava network: "fused" (the default), in one kernel, or "graph", as it maps to hardware.
        target : str, optional
            One of `TARGETS`; needs backend "lava", precision "fixed" and form
            "graph".

        Returns
        -------
        Session
            To `Session.advance`, and to `Session.close`.

        Raises
        ------
        UserError
            If there is no such backend, precision, form or target, or not here.
        """
        check_available(backend, precision, form, target)
        arithmetic = self.arithmetic(precision)
        engine: Engine
        if backend == "lava":
            engine = LavaEngine(arithmetic, self.meet, form or FORMS[0], target or TARGETS[0])
        else:
            engine = CpuEngine(arithmetic, self.meet)
        return Session(arithmetic, self.meet, engine)

    def run(
        self,
        backend: str = "cpu",
        precision: str = "float",
        form: str | None = None,
        progress: Progress | None = None,
        state: RunState | None = None,
        keep: Keep | None = None,
        target: str | None = None,
    ) -> Result:
        """Run all blocks.

        Parameters
        ----------
        backend, precision, form : str
            As for `start`.
        progress : callable, optional
            Told the trials done and in all after each trial; with ``keep`` only once they are kept.
        state : RunState, optional
            Where to go on from, of the same configuration and precision; by default the start.
        keep : callable, optional
            Given the state before the first trial, every `KEEP_EVERY_S` or so, and at the end, to be kept.
        target : str, optional
            As for `start`.

        Returns
        -------
        Result
            See there. Its ``wall_s`` is that of this part of the run.

        Raises
        ------
        UserError
            If there is no such backend, precision, form or target, or not here.
        RunError
            If the network diverges, or a process of it fails.
        """
        session = self.start(backend, precision, form, target)
        if state is not None:
            session.restore(state)
        try:
            started = time.perf_counter()
            if keep is None:
                session.advance(self.meet.first_trials[-1], progress)
            else:
                self._advance_and_keep(session, keep, progress)
            wall_s = time.perf_counter() - started
        finally:
            session.close()
        state = session.state
        return Result(
            config=self.config,
            backend=backend,
            form=(form or FORMS[0]) if backend == "lava" else None,
            precision=precision,
            network=self.network,
            state=state,
            blocks=session.blocks(),
            prediction=state.probes[-1].o[0, self.meet.cue_step :],
            saturations=session.saturations,
            wall_s=wall_s,
        )

    def _advance_and_keep(self, session: Session, keep: Keep, progress: Progress | None) -> None:
        """Advance some trials at a time, each time about `KEEP_EVERY_S`, and have what was reached kept."""
        total, trials = self.meet.first_trials[-1], 1
        keep(session.state)
        while session.trials_done < total:
            started, before = time.perf_counter(), session.trials_done
            session.advance(trials)
            keep(session.state)
            if progress is not None:
                progress(session.trials_done, total)
            per_trial = (time.perf_counter() - started) / (session.trials_done - before)
            trials = max(1, int(KEEP_EVERY_S / per_trial))
