"""How far cue-only trajectories of the reservoir differ from one another, with and without the closed loop.

The loop leads from the when readout back into the reservoir. To separate what the loop does from what its
drive does, the loop is cut at the cue and a recorded signal is played in through the same weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import RunError
from lava_predict.experiment.experiment import Experiment
from lava_predict.learning.readouts import graded
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.numerics.noise import key_of
from lava_predict.reproduction.conditions import OPEN_LOOP
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks import Segment, Streams
from lava_predict.tasks.meet import Meet
from lava_predict.work.unit import Found

CONDITIONS = ("closed", "open", "mean played in", "another trial's played in", "open, other noise")
"""Rows of the variabilities: the loop closed; a network that learned and is tested without it; the first
network, with the loop's mean signal, or that of another presentation, played in; the second once more."""

LOOPS = ("against the readout", "along the readout")
"""The loop's weights are the readout's own, times -1 or 1, of the same length as the drawn ones."""

KICKED = ("closed", "own signal played in")
"""Rows of the distances after a kick."""

REPEATS = 20
"""Presentations by condition, each with noise and a pause of its own."""

KICK_MS = 100.0
"""When the cells are kicked, after the cue."""

_KICK_MV = 10.0
_KICKED_SHARE = 0.1


def trajectories(config: Config) -> Found:
    """Learn blocks of one cue with the loop closed and open, and present the cue alone many times.

    ``reservoir.feedback_gain`` is above 0. Returns, over the time from the cue on, ``time_ms`` (steps,):
    ``x_variability`` and ``z_variability`` (`CONDITIONS`, steps), the variance over presentations of the
    traces, summed over cells, and of the when readout, over channels, each divided by the variance over time
    of the mean; ``x_loops`` (`LOOPS`, 2, steps), that of the traces with other weights of the loop, closed
    and with its mean signal played in; ``x_distance`` (`KICKED`, steps), the mean squared distance of a
    kicked presentation's traces from those of an unkicked one with the same noise, in the same unit. NaN
    where a network diverged.
    """
    meet = Meet(config)
    steps = meet.times_ms.size - meet.cue_step
    found = {"time_ms": meet.times_ms[meet.cue_step :]}
    try:
        return found | _compared(config)
    except RunError:
        rows = {"x_variability": CONDITIONS, "z_variability": CONDITIONS, "x_distance": KICKED}
        loops = {"x_loops": np.full((len(LOOPS), 2, steps), np.nan)}
        return found | loops | {name: np.full((len(of), steps), np.nan) for name, of in rows.items()}


def _compared(config: Config) -> Found:
    closed, opened = Learned(config), Learned(with_changes(config, [OPEN_LOOP]))
    tested, others = range(REPEATS), range(REPEATS, 2 * REPEATS)
    # What is played in comes from other presentations than those it is played into.
    signals = [closed.present(number).fed_back for number in others]
    mean = np.mean(signals, axis=0)
    conditions = (
        (closed.present(number) for number in tested),
        (opened.present(number) for number in tested),
        (closed.present(number, played_in=mean) for number in tested),
        (closed.present(number, played_in=signals[number]) for number in tested),
        (opened.present(number) for number in others),
    )
    found = [variability(presentations) for presentations in conditions]
    distances = [closed.distances(number) for number in tested]
    return {
        "x_variability": np.array([x.over_presentations / x.over_time for x, _ in found]),
        "z_variability": np.array([z.over_presentations / z.over_time for _, z in found]),
        "x_loops": np.array([_with_loop(closed, sign) for sign in (-1.0, 1.0)]),
        "x_distance": np.mean(distances, axis=0) / found[0][0].over_time,
    }


def _with_loop(learned: Learned, sign: float) -> np.ndarray:
    """Return the traces' variability with one of `LOOPS`, closed and with its mean played in, (2, steps)."""
    drawn = learned.feedback_weight
    read = learned.after.when.w[: len(drawn), : drawn.shape[1]]
    loop = learned.with_feedback(read * (sign * np.linalg.norm(drawn) / np.linalg.norm(read)))
    signals = [loop.present(number).fed_back for number in range(REPEATS, 2 * REPEATS)]
    found = [
        variability(loop.present(number, played_in=signal) for number in range(REPEATS))[0]
        for signal in (None, np.mean(signals, axis=0))
    ]
    return np.array([x.over_presentations / x.over_time for x in found])


class Presentation(NamedTuple):
    """A presentation of the cue alone, from the cue on: traces x, (steps, N), and when readout z, (steps, K).

    ``fed_back``, (steps, K), is what the readout of the step before sends, or would send in a closed loop.
    """

    x: np.ndarray
    z: np.ndarray
    fed_back: np.ndarray


class Variability(NamedTuple):
    """Variance over presentations, (steps,), and over time of their mean, summed over cells or channels."""

    over_presentations: np.ndarray
    over_time: float


def variability(presentations: Iterable[Presentation]) -> tuple[Variability, Variability]:
    """Return the variability of traces and of the when readout, holding one presentation at a time."""
    count = 0
    sums, squares = [np.zeros(()), np.zeros(())], [np.zeros(()), np.zeros(())]
    for shown in presentations:
        count += 1
        for place, values in enumerate((shown.x, shown.z)):
            sums[place] = sums[place] + values
            squares[place] = squares[place] + np.sum(values**2, axis=1)
    x, z = (
        Variability(
            (square - np.sum(total**2, axis=1) / count) / (count - 1),
            float(np.var(total / count, axis=0).sum()),
        )
        for total, square in zip(sums, squares, strict=True)
    )
    return x, z


class Learned:
    """A network that has learned blocks, to present the cue to; a RunError if it diverged.

    ``after`` is its state after the last trial.
    """

    def __init__(self, config: Config) -> None:
        result = Experiment(config).run()
        self.after = result.state.network
        self._trials = len(result.state.trials)
        self._config, self._meet = config, Meet(config)
        self._close(result.network)

    def _close(self, network: Network) -> None:
        self._loop = FloatArithmetic(self._config, network)
        # The loop is cut, and what is played in is a further input through the weights of the loop.
        weights = np.vstack([network.input_weight, network.feedback_weight])
        further = network._replace(input_weight=weights)
        self._cut = FloatArithmetic(with_changes(self._config, [OPEN_LOOP]), further)

    @property
    def feedback_weight(self) -> np.ndarray:
        """Weights of the loop, (K, N)."""
        return self._loop.network.feedback_weight

    def with_feedback(self, weights: np.ndarray) -> Learned:
        """Return the same network with other weights of the loop, (K, N)."""
        other = copy(self)
        other._close(self._loop.network._replace(feedback_weight=weights))
        return other

    def present(self, number: int, played_in: np.ndarray | None = None, kicked: bool = False) -> Presentation:
        """Present the cue alone, independently of the presentations before.

        The number of the presentation decides its pause and noise. ``played_in``, (steps, K), cuts the loop
        at the cue and is played in instead. ``kicked`` raises v of a tenth of the cells by 10 mV, 100 ms
        after the cue.
        """
        *pause, probe = self._meet.probe(len(self._meet.task.blocks) - 1, self._trials, 0, number)
        level, cue = self._meet.streams(probe).level, self._meet.cue_step
        engine = CpuEngine(self._loop, self._meet)
        engine.restore(self.after)
        list(engine.play(pause))
        state = engine.state
        self._loop.enter(probe, state)
        ahead = max(1, cue)
        self._advance(self._loop, state, probe, 0, -ahead, np.zeros((ahead, level.shape[1])))
        before = state.copy()
        level = level[cue:]
        arithmetic = self._loop
        if played_in is not None:
            arithmetic, level = self._cut, np.hstack([level, played_in])
        early = min(self._config.steps(KICK_MS), len(level) - 1)
        parts = [self._advance(arithmetic, state, probe, 1, 0, level[:early])]
        if kicked:
            kick(state, self._config.run.seed, number)
        parts.append(self._advance(arithmetic, state, probe, 2, early, level[early:]))
        spikes, read = (np.concatenate(part) for part in zip(*parts, strict=True))
        x = self._traces(spikes, before)
        return Presentation(x, read, np.vectorize(graded)(np.vstack([before.z, read[:-1]])))

    def distances(self, number: int) -> np.ndarray:
        """Return the squared distance of kicked traces from those without a kick, (`KICKED`, steps)."""
        unkicked = self.present(number)
        signals = (None, unkicked.fed_back)
        runs = [self.present(number, played_in=signal, kicked=True) for signal in signals]
        return np.array([np.sum((run.x - unkicked.x) ** 2, axis=1) for run in runs])

    def _advance(
        self,
        arithmetic: FloatArithmetic,
        state: State,
        probe: Segment,
        part: int,
        since_cue: int,
        level: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Advance by a part of a probe that begins so many steps after the cue, with noise of its own.

        Returns spikes, (steps, N) bool, and z, (steps, K).
        """
        steps, cells, channels = len(level), state.when.x.size, state.z.size
        spiking: np.ndarray = np.empty((2, steps * cells), np.uint32)
        z, drive, norm = np.empty((steps, channels)), np.empty((steps, channels)), np.empty(steps)
        nothing = np.zeros((steps, channels))
        segment = replace(probe, noise_key=int(key_of(probe.noise_key, part)), cue_step=-since_cue)
        recording = Recording(spiking[0], spiking[1], z, drive, norm)
        streams = Streams(level, nothing, nothing)
        step, cell = arithmetic.advance(state, streams, segment, 0, recording)
        spikes = np.zeros((steps, cells), np.bool_)
        spikes[step, cell] = True
        return spikes, z

    def _traces(self, spikes: np.ndarray, state: State) -> np.ndarray:
        """Turn spikes from the cue on into traces, (steps, N); the state of before changes."""
        rule, k, when = self._loop.parts.rule, self._loop.constants.when, state.when
        traces, xc = np.empty(spikes.shape), rule.scratch(when)
        for since_cue, row in enumerate(spikes):
            spiking = np.flatnonzero(row)
            rule.trace_step(k, when, state.what, spiking, spiking.size, since_cue, False, xc)
            traces[since_cue] = when.x
        return traces


def kick(state: State, seed: int, number: int) -> None:
    """Raise v of a tenth of the cells, drawn for this presentation, by 10 mV, in place."""
    v = state.cells.v
    v[np.random.default_rng([seed, number]).random(v.size) < _KICKED_SHARE] += _KICK_MV
