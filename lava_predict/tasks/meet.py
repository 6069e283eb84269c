"""MEET, the Multi-Event Expectation Task, laid out as segments that any backend plays.

A cue is followed by one of K events at its own latency, or by none. Statistics hold for a block and
switch between blocks without notice (Yamada & Chao, arXiv:2510.14382).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from lava_predict.numerics.noise import PROBE, TASK, TRAIN, key_of, uniform
from lava_predict.settings.schema import Config

NONE = -1
"""As a cue: no cue. As an outcome: no event (an omission)."""


class Kind(Enum):
    """What a segment is."""

    PAUSE = "pause"
    TRIAL = "trial"
    PROBE = "probe"


@dataclass(frozen=True)
class Segment:
    """A stretch of time steps with nothing but dynamics inside; state is set only between segments.

    Attributes
    ----------
    kind : Kind
        Pause, trial (the events occur and teach) or probe (the cue alone).
    steps : int
        Length in time steps.
    noise_key : int
        Key of the private noise of this segment, 64 bits.
    block, trial : int
        Block, and trials of the whole run that lie before this segment.
    cue : int
        Cue that is shown, or -1.
    outcome : int
        Event that occurs, or -1.
    learning : bool
        Whether slow means and weights change.
    reset : bool
        Whether the reservoir is put back to its start first.
    """

    kind: Kind
    steps: int
    noise_key: int
    block: int
    trial: int
    cue: int = NONE
    outcome: int = NONE
    learning: bool = True
    reset: bool = False


class Streams(NamedTuple):
    """What reaches the network in each step of a segment.

    Attributes
    ----------
    level : (steps, C) float64
        Input channels, 0 or 1: the cues, then (if they drive the reservoir) the events.
    gate : (steps, K) float64
        Gate of the when rule.
    target : (steps, K) float64
        What the when readout is taught.
    """

    level: np.ndarray
    gate: np.ndarray
    target: np.ndarray


class Meet:
    """The task of one configuration: what happens in every trial, decided by the seed alone.

    Parameters
    ----------
    config : Config
        Its task, readout (gate), and run (seed, time step) are used.

    Attributes
    ----------
    times_ms : (steps,) float64
        Time of each step of a trial, 0 at the cue.
    cue_step : int
        Step of a trial at which the cue comes on.
    what_window : (int, int)
        Steps of a trial, from and up to, that the what readout reads.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.task = config.task
        self.cue_step = config.steps(config.task.before_ms)
        steps = self.cue_step + config.steps(config.task.after_ms)
        self.times_ms: np.ndarray = (np.arange(steps) - self.cue_step) * config.run.dt_ms
        low, high = (self.cue_step + config.steps(time) for time in config.readout.what_window_ms)
        self.what_window = (low, high)
        self._streams: dict[tuple[int, int, int, bool], Streams] = {}
        self._pauses: dict[int, Streams] = {}

    @property
    def first_trials(self) -> list[int]:
        """Number of the first trial of each block, and of the trial after the last."""
        return [0, *np.cumsum([block.trials for block in self.task.blocks]).tolist()]

    def trial(self, block: int, trial: int) -> list[Segment]:
        """Lay out a training trial: the pause before it, if any, and the trial.

        Parameters
        ----------
        block, trial : int
            Block, and number of the trial in the whole run.

        Returns
        -------
        list of Segment
            The cue is drawn evenly, the outcome by the block's probabilities after that cue. Before the
            first trial of all comes `settling`.
        """
        cue = min(int(self._draw(TASK, trial, 2) * self.task.cues), self.task.cues - 1)
        probability, _ = self.task.blocks[block].of_cue(cue)
        outcome = int(np.searchsorted(np.cumsum(probability), self._draw(TASK, trial, 0), side="right"))
        if outcome == len(probability):
            outcome = NONE
        before = self.settling() if trial == 0 else []
        low, high = self.task.pause_ms
        length = low + (high - low) * self._draw(TASK, trial, 1)
        before += self._pause(block, trial, length, self._noise_key(TRAIN, trial, 0), True)
        key = self._noise_key(TRAIN, trial, 1)
        steps = self.times_ms.size
        return [*before, Segment(Kind.TRIAL, steps, key, block, trial, cue, outcome, True, self.task.reset)]

    def settling(self) -> list[Segment]:
        """Lay out the time before the first trial, in which the slow means find their level; maybe none."""
        return self._pause(0, 0, self.task.settle_ms, self._noise_key(TRAIN, 0, 2), True)

    def probe(self, block: int, trial: int, cue: int, repeat: int) -> list[Segment]:
        """Lay out one presentation of a cue alone, with learning off and random draws of its own.

        Parameters
        ----------
        block, trial : int
            Block, and trials of the whole run that lie before the probe.
        cue, repeat : int
            Which cue, and which of the presentations that are averaged.

        Returns
        -------
        list of Segment
            The pause before it, if any, and the probe.
        """
        words = (trial, cue, repeat)
        low, high = self.task.pause_ms
        length = low + (high - low) * self._draw(PROBE, *words, 1)
        pause = self._pause(block, trial, length, self._noise_key(PROBE, *words, 0), False)
        key = self._noise_key(PROBE, *words, 1)
        steps = self.times_ms.size
        return [*pause, Segment(Kind.PROBE, steps, key, block, trial, cue, NONE, False, self.task.reset)]

    def streams(self, segment: Segment) -> Streams:
        """Give what reaches the network during a segment; do not write to the arrays.

        Parameters
        ----------
        segment : Segment
            One of this task's.

        Returns
        -------
        Streams
            See there.
        """
        if segment.kind is Kind.PAUSE:
            if segment.steps not in self._pauses:
                self._pauses[segment.steps] = self._empty(segment.steps)
            return self._pauses[segment.steps]
        case = (segment.block, segment.cue, segment.outcome, segment.learning)
        if case not in self._streams:
            self._streams[case] = self._trial_streams(*case)
        return self._streams[case]

    def profiles(self, block: int, cue: int) -> np.ndarray:
        """Return the timing profile g of each event after a cue, (steps, K): a Gaussian, 1 at its latency."""
        _, latency = self.task.blocks[block].of_cue(cue)
        deviation = (self.times_ms[:, None] - np.array(latency)) / self.task.event_width_ms
        return np.asarray(np.exp(-0.5 * deviation**2))

    def truth(self, block: int, cue: int) -> np.ndarray:
        """Return the true prediction object after a cue, (steps, K): probability times timing profile."""
        probability, _ = self.task.blocks[block].of_cue(cue)
        return np.asarray(self.profiles(block, cue) * np.array(probability))

    def _draw(self, *words: int) -> float:
        return uniform(self.config.run.seed, self.config.run.draws.task, *words)

    def _noise_key(self, *words: int) -> int:
        return int(key_of(self.config.run.seed, self.config.run.draws.noise, *words))

    def _pause(self, block: int, trial: int, length_ms: float, key: int, learning: bool) -> list[Segment]:
        steps = self.config.steps(length_ms)
        return [Segment(Kind.PAUSE, steps, key, block, trial, learning=learning)] if steps else []

    def _empty(self, steps: int) -> Streams:
        task = self.task
        channels = task.cues + (task.events if task.events_drive_reservoir else 0)
        shapes = ((steps, channels), (steps, task.events), (steps, task.events))
        return Streams(*(np.zeros(shape) for shape in shapes))

    def _trial_streams(self, block: int, cue: int, outcome: int, learning: bool) -> Streams:
        task, readout = self.task, self.config.readout
        streams = self._empty(self.times_ms.size)
        streams.level[self.cue_step : self.cue_step + self.config.steps(task.cue_ms), cue] = 1.0
        streams.target[:] = self.profiles(block, cue)
        if outcome == NONE or not learning:
            return streams
        _, latency = task.blocks[block].of_cue(cue)
        near = np.abs(self.times_ms - latency[outcome]) <= readout.gate_window_ms
        streams.gate[self.cue_step :, outcome] = readout.gate_residual
        streams.gate[near, outcome] = 1.0
        if task.events_drive_reservoir:
            onset = self.cue_step + self.config.steps(latency[outcome])
            streams.level[onset : onset + self.config.steps(task.event_ms), task.cues + outcome] = 1.0
        return streams
