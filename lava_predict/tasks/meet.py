"""MEET, the Multi-Event Expectation Task, laid out as segments that any backend plays.

A cue is followed by one of K events at its own latency, or by none. Statistics hold for a block and
switch between blocks without notice (Yamada & Chao, arXiv:2510.14382).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from lava_predict.numerics.grid import on_grid
from lava_predict.numerics.noise import PROBE, TASK, TRAIN, key_of, uniform
from lava_predict.settings.schema import Config, TaskSettings
from lava_predict.tasks import NONE, STREAMS_KEPT, Kind, Segment, Streams, Task

EVENT_MS = 50.0
"""Duration of an event that reaches the reservoir, ms."""


class Meet(Task):
    """MEET of one configuration; parameters and attributes are those of `Task`."""

    Settings = TaskSettings

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._streams: dict[Any, Streams] = {}

    def trial(self, block: int, trial: int) -> list[Segment]:
        """Lay out a training trial: `settling` before the first of the run, the pause, if any, and the trial.

        The cue is drawn evenly from those that the block shows, the outcome by the block's probabilities
        after that cue.
        """
        shown = self.task.blocks[block].shown(self.task.cues)
        cue = shown[min(int(self._draw(TASK, trial, 2) * len(shown)), len(shown) - 1)]
        probability, _ = self.task.blocks[block].of_cue(cue)
        outcome = int(np.searchsorted(np.cumsum(probability), self._draw(TASK, trial, 0), side="right"))
        if outcome == len(probability):
            outcome = NONE
        before = self.settling() if trial == 0 else []
        words = ((TASK, trial), (TRAIN, trial))
        return before + self._after_pause(Kind.TRIAL, *words, block, trial, cue, outcome)

    def settling(self) -> list[Segment]:
        """Lay out the time before the first trial, in which the slow means find their level; maybe none."""
        return self._pause(0, 0, self.task.settle_ms, self._noise_key(TRAIN, 0, 2), True)

    def probe(self, block: int, trial: int, cue: int, repeat: int) -> list[Segment]:
        """Lay out one presentation of a cue alone, after a pause if there is one, without learning.

        It has random draws of its own. ``trial`` is how many trials of the whole run lie before the probe,
        ``repeat`` which of the presentations that are averaged it is.
        """
        words = (PROBE, trial, cue, repeat)
        return self._after_pause(Kind.PROBE, words, words, block, trial, cue, NONE)

    def streams(self, segment: Segment) -> Streams:
        """Give what reaches the network during a segment; do not write to the arrays, which are shared."""
        pause = segment.kind is Kind.PAUSE
        case: Any = segment.steps
        if not pause:
            case = (segment.cue, segment.outcome, segment.learning, tuple(self._due_ms(segment)))
        if case not in self._streams:
            if len(self._streams) == STREAMS_KEPT:
                self._streams.clear()
            self._streams[case] = self._empty(segment.steps) if pause else self._trial_streams(segment)
        return self._streams[case]

    def occurrence_ms(self, segment: Segment) -> float:
        """Return when the event of a trial occurs, ms after the cue; NaN if none does."""
        return float("nan") if segment.outcome == NONE else float(self._due_ms(segment)[segment.outcome])

    def profiles(self, block: int, cue: int) -> np.ndarray:
        """Return the timing profile of each event after a cue, (steps, K).

        That is a Gaussian, 1 at the event's latency, averaged over the times at which the event occurs.
        """
        width = self.task.event_width_ms
        spread = np.sqrt(width * width + self.task.latency_sd_ms * self.task.latency_sd_ms)
        _, latency = self.task.statistics(block, cue)
        return np.asarray(width / spread * self._gaussians(latency, spread))

    def truth(self, block: int, cue: int) -> np.ndarray:
        """Return the true prediction object after a cue, (steps, K): probability times timing profile."""
        probability, _ = self.task.statistics(block, cue)
        return np.asarray(self.profiles(block, cue) * np.array(probability))

    def _gaussians(self, latency_ms: Any, width_ms: float) -> np.ndarray:
        """Return a Gaussian of height 1 at each latency, (steps, K)."""
        deviation = (self.times_ms[:, None] - np.array(latency_ms)) / width_ms
        return np.asarray(on_grid(np.exp(-0.5 * deviation**2)))

    def _due_ms(self, segment: Segment) -> np.ndarray:
        """Return when each event would occur in a trial or probe, ms after the cue, (K,).

        In a trial of learning that deviates from its latency by a normal number, within the trial.
        """
        _, latency = self.task.blocks[segment.block].of_cue(segment.cue)
        due = np.array(latency)
        if not segment.learning or self.task.latency_sd_ms == 0.0:
            return due
        drawn = max(self._draw(TASK, segment.trial, 3), 2.0**-54)
        due += self.task.latency_sd_ms * on_grid(NormalDist().inv_cdf(drawn))
        return np.asarray(np.clip(due, 0.0, self.times_ms[-1]))

    def _draw(self, *words: int) -> float:
        return uniform(self.config.run.seed, self.config.run.draws.task, *words)

    def _noise_key(self, *words: int) -> int:
        return int(key_of(self.config.run.seed, self.config.run.draws.noise, *words))

    def _after_pause(
        self, kind: Kind, drawn: Any, keyed: Any, block: int, trial: int, cue: int, outcome: int
    ) -> list[Segment]:
        """Lay out a trial or probe after its pause, given the words of its draws and of its noise keys."""
        learning = kind is Kind.TRIAL
        low, high = self.task.pause_ms
        length = low + (high - low) * self._draw(*drawn, 1)
        pause = self._pause(block, trial, length, self._noise_key(*keyed, 0), learning)
        what = (self.times_ms.size, self._noise_key(*keyed, 1), block, trial, cue, outcome, learning)
        return [*pause, Segment(kind, *what, self.task.reset, self.cue_step)]

    def _pause(self, block: int, trial: int, length_ms: float, key: int, learning: bool) -> list[Segment]:
        steps = self.config.steps(length_ms)
        return [Segment(Kind.PAUSE, steps, key, block, trial, learning=learning)] if steps else []

    def _empty(self, steps: int) -> Streams:
        task = self.task
        channels = task.cues + (task.events if task.events_drive_reservoir else 0)
        shapes = ((steps, channels), (steps, task.events), (steps, task.events))
        return Streams(*(np.zeros(shape) for shape in shapes))

    def _trial_streams(self, segment: Segment) -> Streams:
        task, readout, outcome = self.task, self.config.readout, segment.outcome
        due, streams = self._due_ms(segment), self._empty(self.times_ms.size)
        streams.level[self.cue_step : self.cue_step + self.config.steps(task.cue_ms), segment.cue] = 1.0
        streams.target[:] = self._gaussians(due, task.event_width_ms)
        if outcome == NONE or not segment.learning:
            return streams
        onset = self.cue_step + self.config.steps(due[outcome])
        if getattr(readout, "causal", False):
            streams.gate[min(onset, self.times_ms.size - 1), outcome] = 1.0
        else:
            near = np.abs(self.times_ms - due[outcome]) <= readout.gate_window_ms
            streams.gate[self.cue_step :, outcome] = readout.gate_residual
            streams.gate[near, outcome] = 1.0
        if task.events_drive_reservoir:
            streams.level[onset : onset + self.config.steps(EVENT_MS), task.cues + outcome] = 1.0
        return streams


PART = Meet
