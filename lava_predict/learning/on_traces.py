"""Learning rules that are shown the traces of one recorded reservoir, to be compared."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from lava_predict.learning import what
from lava_predict.learning.when import gated_delta
from lava_predict.learning.when.gated_delta import add_timing_error, learn_timing
from lava_predict.numerics.compiled import kernel
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment

AnyRule = TypeVar("AnyRule", bound="Rule")


class Chunk(NamedTuple):
    """Successive steps of a segment as a rule sees them; the arrays are overwritten by the next chunk.

    Attributes
    ----------
    first_step : int
        Step within the segment of the first row.
    x, xc : (steps, N) and (steps, N + 1) float64
        Traces, spikes per ms; and traces less their slow means, with the constant input.
    gate, target : (steps, K) float64
        As in `lava_predict.tasks.Streams`; do not write to them.
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


@kernel
def delta_rows(
    w: np.ndarray,
    xc: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    rate: float,
    norm_floor: float,
    constant_norm: float,
    learning: bool,
    z: np.ndarray,
) -> None:
    """Read out a chunk of steps and learn by the gated delta rule in each, as the float network does.

    ``w`` changes in place if ``learning``; ``xc``, ``gate`` and ``target`` are rows of a `Chunk`. ``rate`` is
    per step; ``norm_floor`` is added to |xc|^2, or to ``constant_norm`` if this is not negative. Row by row
    ``z``, (steps, K), is overwritten with w . xc from before the step's learning, summed in ascending order
    of cells.
    """
    for row in range(xc.shape[0]):
        norm = 0.0
        for j in range(xc.shape[1]):
            norm += xc[row, j] * xc[row, j]
        for k in range(w.shape[0]):
            total = 0.0
            for j in range(xc.shape[1]):
                total += w[k, j] * xc[row, j]
            z[row, k] = total
        if learning:
            divisor = norm_floor + (norm if constant_norm < 0.0 else constant_norm)
            gated_delta.gated_delta(w, xc[row], gate[row], target[row], z[row], rate, divisor)


class LocalRules:
    """The package's own when rule `gated_delta` and what rule, as a `Rule`.

    Parameters
    ----------
    config : Config
        Its readout section and time step are used.
    when, what : Memory
        Of the two rules: weights, the constant norm, the running errors; changed in place.
    """

    def __init__(self, config: Config, when: gated_delta.Memory, what: what.Memory) -> None:
        self.when, self.what = when, what
        self._config = config
        self._timing_errors: np.ndarray = np.zeros((2, when.w.shape[0]))

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return self.when.w

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.what.w

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        readout = self._config.readout
        z = np.empty_like(chunk.target)
        norm = -1.0 if readout.when_norm == "moment" else self.when.norm[0]
        rule = (readout.when_rate * self._config.run.dt_ms, readout.when_norm_floor, norm, segment.learning)
        delta_rows(self.when.w, chunk.xc, chunk.gate, chunk.target, *rule, z)
        if segment.kind is Kind.TRIAL:
            if chunk.first_step == 0:
                self._timing_errors[:] = 0.0
            add_timing_error(z, chunk.gate, chunk.target, self._timing_errors)
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome and from its time."""
        reading = what.Reading(x_mean, segment.cue, 0)
        p = what.read_estimate(self.what, reading)
        if segment.kind is Kind.TRIAL:
            readout = self._config.readout
            what.learn_outcome(self.what, reading, segment.outcome, p, readout)
            learn_timing(self.when, segment.cue, segment.outcome, self._timing_errors, readout)
        return p

    def copy(self) -> LocalRules:
        """Return rules that share no memory with these."""
        when = gated_delta.Memory(*(array.copy() for array in self.when))
        return LocalRules(self._config, when, what.Memory(*(array.copy() for array in self.what)))
