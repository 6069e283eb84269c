"""What happens when: each module is one task, laid out as segments that any engine plays.

`lava_predict.registry.TASKS` finds them. A task is a subclass of `Task`; its module calls it ``PART``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from lava_predict.lazy import public_face
from lava_predict.settings.schema import Config

NONE = -1
"""As a cue: no cue. As an outcome: no event (an omission)."""

NO_CUE = 2**40
"""As the step of a cue: none comes on in this segment."""

STREAMS_KEPT = 128
"""The streams of so many segments are kept to be used again."""


class Kind(Enum):
    """What a segment is: a pause, a trial (the events occur and teach) or a probe (the cue alone)."""

    PAUSE = "pause"
    TRIAL = "trial"
    PROBE = "probe"


@dataclass(frozen=True)
class Segment:
    """A stretch of time steps with nothing but dynamics inside; state is set only between segments.

    ``noise_key``, of 64 bits, is that of its private noise, ``trial`` the number of trials of the whole run
    that lie before it. The ``cue`` is shown and the event ``outcome`` occurs; -1 is none. Slow means and
    weights change if ``learning``; the reservoir is put back to its start first if ``reset``. The cue comes
    on in step ``cue_step``.
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
    cue_step: int = NO_CUE


class Streams(NamedTuple):
    """What reaches the network in each step of a segment, float64.

    ``level``, (steps, C), are the input channels, 0 or 1: the cues, then (if they drive the reservoir) the
    events. ``gate`` is that of the when rule, ``target`` what the when readout is taught, both (steps, K).
    With ``readout.causal`` the gate is 1 in the step in which an event comes, else 0.
    """

    level: np.ndarray
    gate: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Played:
    """What a segment left behind, in physical units whatever the precision.

    Attributes
    ----------
    segment : Segment
        What was played.
    spike_step, spike_cell : (spikes,) uint32
        Step within the segment and cell of each spike, in order of step, then of cell.
    z, what_drive : (steps, K) float64
        When readout; and W_what . x, with the weights from before the segment's end, in integers 0 outside
        the what window.
    norm : (steps,) float64
        |xc|^2.
    p : (K,) float64
        What readout at the segment's end, before learning and not clipped; NaN for a pause.
    w_when, w_what : (C K, inputs) and (C K, N) float64
        Weights after the segment, as the rules have them: K rows for each of C cues that have their own.
    saturations : (V,) int64
        How often each variable hit its bounds in this segment; empty in float.
    """

    segment: Segment
    spike_step: np.ndarray
    spike_cell: np.ndarray
    z: np.ndarray
    what_drive: np.ndarray
    norm: np.ndarray
    p: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray
    saturations: np.ndarray


class Task(ABC):
    """A task in blocks of trials: what happens in every trial is decided by the seed alone.

    Of a configuration its task, run (seed, time step) and readout (gate, what window) are used.

    Attributes
    ----------
    Settings, DEFAULTS : type, dict
        Of the section ``task``, a `lava_predict.settings.schema.TaskSettings` or a subclass with more fields;
        and values of its own fields, which hold when the task is chosen over another preset's.
    times_ms : (steps,) float64
        Time of each step of a trial, 0 at the cue.
    cue_step : int
        Step of a trial at which the cue comes on.
    what_window : (int, int)
        Steps of a trial, from and up to, that the what readout reads.
    """

    Settings: ClassVar[type]
    DEFAULTS: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: Config) -> None:
        self.config = config
        self.task = config.task
        self.cue_step = config.steps(config.task.before_ms)
        steps = self.cue_step + config.steps(config.task.after_ms)
        self.times_ms: np.ndarray = (np.arange(steps) - self.cue_step) * config.run.dt_ms
        low, high = (self.cue_step + config.steps(time) for time in config.readout.what_window_ms)
        self.what_window = (low, high)

    @property
    def first_trials(self) -> list[int]:
        """Number of the first trial of each block, and of the trial after the last."""
        return [0, *np.cumsum([block.trials for block in self.task.blocks]).tolist()]

    @abstractmethod
    def trial(self, block: int, trial: int) -> list[Segment]:
        """Lay out a training trial and what comes before it; ``trial`` counts in the whole run."""

    @abstractmethod
    def settling(self) -> list[Segment]:
        """Lay out the time before the first trial, in which the slow means find their level; maybe none."""

    @abstractmethod
    def probe(self, block: int, trial: int, cue: int, repeat: int) -> list[Segment]:
        """Lay out one presentation of a cue alone, the last segment, with learning off."""

    @abstractmethod
    def streams(self, segment: Segment) -> Streams:
        """Give what reaches the network during a segment; the arrays are not written to."""

    @abstractmethod
    def occurrence_ms(self, segment: Segment) -> float:
        """Return when the event of a trial occurs, ms after the cue; NaN if none does."""

    @abstractmethod
    def truth(self, block: int, cue: int) -> np.ndarray:
        """Return the true prediction object after a cue, (steps of a trial, K).

        For a cue that the block does not show it is that of `TaskSettings.last_shown`, else NaN.
        """


if TYPE_CHECKING:
    from lava_predict.events.examples import Example, example, grammar, markov, spikes, switch, tunes
    from lava_predict.tasks.meet import Meet
else:
    _OWN = ("NONE", "Kind", "Played", "Segment", "Streams", "Task")
    __all__, __getattr__, __dir__ = public_face(__name__, *_OWN)
