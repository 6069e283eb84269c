"""Learning rules that are shown the traces of one recorded reservoir, to be compared."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from lava_predict.learning import what
from lava_predict.learning.cue_units import UNKNOWN
from lava_predict.learning.readouts import read_rows
from lava_predict.numerics.binding import bind, part
from lava_predict.registry import RULES
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment

AnyRule = TypeVar("AnyRule", bound="Rule")
AnyLocalRules = TypeVar("AnyLocalRules", bound="LocalRules")

learn_step = part  # Bound to that of the when rule.


class Chunk(NamedTuple):
    """Successive steps of a segment as a rule sees them; the arrays are overwritten by the next chunk.

    Attributes
    ----------
    first_step : int
        Step within the segment of the first row.
    x, xc : (steps, N) and (steps, inputs) float64
        Traces of the network's when rule; and what its readout reads, traces less their slow means, after
        the N of them a constant input if the rule has one.
    gate, target : (steps, K) float64
        As in `lava_predict.tasks.Streams`; do not write to them.
    cue : (steps,) int64
        The cue that the network's rule recognises, 0 if it recognises none, or `UNKNOWN`.
    """

    first_step: int
    x: np.ndarray
    xc: np.ndarray
    gate: np.ndarray
    target: np.ndarray
    cue: np.ndarray


class Rule(Protocol):
    """Readouts and how they learn. They learn in trials alone (`Kind.TRIAL`); all else only reads."""

    @property
    def w_when(self) -> np.ndarray:
        """Weights that are read against ``xc`` in every step, (K, inputs)."""

    @property
    def w_what(self) -> np.ndarray:
        """Weights from which the probabilities are read, (K, N)."""

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Go through a chunk of a segment and return the when readout, (steps, K)."""

    def end(self, segment: Segment, reading: what.Reading) -> np.ndarray:
        """End a trial or probe, given what the network's what readout reads, and return p, (K,)."""

    def copy(self: AnyRule) -> AnyRule:
        """Return a rule that shares no memory with this one."""


def when_inputs(config: Config) -> int:
    """Return how many inputs the when readout has."""
    return int(RULES.get(config.readout.rule).start(config).w.shape[1])


def learn_rows(
    k: Any,
    memory: Any,
    cue: np.ndarray,
    xc: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    learning: bool,
    z: np.ndarray,
) -> None:
    """Read out a chunk of steps and, if ``learning``, learn in each as the float network does.

    ``k`` and ``memory`` are of the when rule; ``z``, (steps, K), is overwritten with what is read before the
    step's learning.
    """
    channels = z.shape[1]
    for row in range(z.shape[0]):
        if cue[row] == UNKNOWN:
            z[row] = 0.0
            continue
        first = cue[row] * channels if memory.w.shape[0] > channels else 0
        norm = read_rows(memory.w, first, xc[row], z[row])
        if learning:
            learn_step(k, memory, cue[row], xc[row], z[row], norm, gate[row], target[row])


class LocalRules:
    """The network's own when rule and what rule, as a `Rule`.

    Parameters
    ----------
    config : Config
        Names the when rule, which has ``learn_step``, and gives the settings of both.
    when, what : Memory
        Of the two rules, changed in place. Of the when rule's, only what it learns is used: all that follows
        from the spikes alone comes with the chunks.
    """

    def __init__(self, config: Config, when: Any, what: what.Memory) -> None:
        self.when, self.what, self.config = when, what, config
        self.constants = RULES.get(config.readout.rule).constants(config)
        self._trial: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, inputs), or so many rows for each cue that has its own."""
        return np.asarray(self.when.w)

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N), or so many rows for each cue that has its own."""
        return self.what.w

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        z = np.empty_like(chunk.target)
        rows = bind(learn_rows, learn_step=RULES.get(self.config.readout.rule).learn_step)
        shown = (chunk.cue, chunk.xc, chunk.gate, chunk.target)
        rows(self.constants, self.when, *shown, segment.learning, z)
        if chunk.first_step == 0:
            self._trial = []
        self._trial.append((z, chunk.gate, chunk.target))
        return z

    def end(self, segment: Segment, reading: what.Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome and from its time."""
        p = self.end_what(segment, reading)
        if segment.kind is Kind.TRIAL:
            z, gate, target = (np.concatenate(parts) for parts in zip(*self._trial, strict=True))
            rule, readout = RULES.get(self.config.readout.rule), self.config.readout
            rule.end_of_trial(self.when, segment, z, gate, target, readout)
        return p

    def end_what(self, segment: Segment, reading: what.Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        p = what.read_estimate(self.what, reading)
        if segment.kind is Kind.TRIAL:
            what.learn_outcome(self.what, reading, segment.outcome, p, self.config.readout)
        return p

    def copy(self: AnyLocalRules) -> AnyLocalRules:
        """Return rules that share no memory with these."""
        return deepcopy(self)
