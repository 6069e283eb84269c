"""MEET in streaks: with probability q a trial ends as the one before, else by the block's probabilities.

Outcomes are then a Markov chain within a block, P(i -> j) = q delta_ij + (1 - q) p_j, whose stationary
distribution is p: what is to be learned is the same, only that it comes in streaks.
"""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from lava_predict.numerics.noise import TASK, uniform
from lava_predict.settings.schema import Fraction, TaskSettings
from lava_predict.tasks import Segment
from lava_predict.tasks.meet import Meet

_STREAK = 100  # Tells this draw of a trial from MEET's own.


class Settings(TaskSettings):
    """Those of MEET for one cue, and q."""

    cues: Literal[1] = Field(description="one, as a streak knows no cues")
    repeat: Fraction = Field(description="probability q that a trial repeats the last outcome")


class Streaks(Meet):
    """MEET with other outcomes; all else is the same, to the bit."""

    Settings = Settings
    DEFAULTS: ClassVar = {"repeat": 0.8}

    def trial(self, block: int, trial: int) -> list[Segment]:
        """Lay out a training trial with the outcome with which its streak has begun."""
        *before, shown = super().trial(block, trial)
        (*_, first) = super().trial(block, self._first_of_streak(block, trial))
        return [*before, replace(shown, outcome=first.outcome)]

    def _first_of_streak(self, block: int, trial: int) -> int:
        run = self.config.run
        while trial > self.first_trials[block]:
            if uniform(run.seed, run.draws.task, TASK, trial, _STREAK) >= self.task.repeat:
                break
            trial -= 1
        return trial
