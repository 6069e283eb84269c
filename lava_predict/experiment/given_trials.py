"""MEET whose trials are given, one after the other, instead of drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks import NONE, Segment
from lava_predict.tasks.meet import Meet

_ENDLESS = 10**6


class Trial(NamedTuple):
    """Cue and event of a trial, from 0, the event -1 for none; and its time, ms after the cue."""

    cue: int
    outcome: int
    latency_ms: float


def settings_for(config: Config, cues: int, events: int) -> Config:
    """Return the settings of a task of so many cues and events whose trials are given; nothing is probed."""
    unknown = {"trials": _ENDLESS, "probability": [0.0] * events, "latency_ms": [0.0] * events}
    changes = [("task", "cues", cues), ("task", "blocks", [unknown]), ("run", "probe_trials", [])]
    return with_changes(config, changes)


class GivenTrials(Meet):
    """MEET in one block without end. Pauses and noise are those of MEET's trial of the same number.

    Attributes
    ----------
    given : list of Trial
        The trials so far; more may be appended.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.given: list[Trial] = []

    @property
    def first_trials(self) -> list[int]:
        """Number of the first trial, and one that is never reached."""
        return [0, len(self.given) + 1]

    def trial(self, block: int, trial: int) -> list[Segment]:
        """Lay out a given trial and what comes before it."""
        *before, shown = super().trial(block, trial)
        return [*before, replace(shown, cue=self.given[trial].cue, outcome=self.given[trial].outcome)]

    def occurred(self, trial: Trial) -> np.ndarray:
        """Return the timing profile of the event that occurred, (steps, K); 0 for all others."""
        profiles = np.zeros((self.times_ms.size, self.task.events))
        if trial.outcome != NONE:
            profiles[:, [trial.outcome]] = self._gaussians([trial.latency_ms], self.task.event_width_ms)
        return profiles

    def _due_ms(self, segment: Segment) -> Any:
        due = np.zeros(self.task.events)
        if segment.learning and segment.outcome != NONE:
            due[segment.outcome] = self.given[segment.trial].latency_ms
        return due
