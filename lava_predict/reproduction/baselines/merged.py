"""One merged readout instead of two: every event has a single weight vector, taught p-weighted timing.

The alternative to separate what and when readouts (Yamada & Chao, arXiv:2510.14382). In every trial channel
k is taught y_k g_k(t), which is 0 throughout for an event that did not occur, so that its mean over trials is
the prediction object p_k g_k(t).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from lava_predict.learning.when.gated_delta import gated_delta
from lava_predict.numerics.compiled import kernel
from lava_predict.tasks.meet import Kind

if TYPE_CHECKING:
    from lava_predict.experiment.recorded_spikes import Chunk
    from lava_predict.settings.schema import Config
    from lava_predict.tasks.meet import Segment


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

    Parameters
    ----------
    w : (K, N + 1) float64
        Weights, changed in place if ``learning``.
    xc : (steps, N + 1) float64
        Centred traces and the constant input.
    gate, target : (steps, K) float64
        As for `gated_delta`.
    rate, norm_floor : float
        Learning rate per step, and what is added to |xc|^2.
    constant_norm : float
        What to divide by in place of |xc|^2 of the moment; negative for the latter.
    learning : bool
        False only reads.
    z : (steps, K) float64
        Overwritten with w . xc from before each step's learning, summed in ascending order of cells.
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
            gated_delta(w, xc[row], gate[row], target[row], z[row], rate, divisor)


class Merged:
    """A readout of probability-weighted timing with weights ``w``, (K, N + 1); subclasses learn them."""

    copy = deepcopy

    def __init__(self, config: Config, w: np.ndarray) -> None:
        self.w = w
        self._cue_step = config.steps(config.task.before_ms)

    @property
    def w_when(self) -> np.ndarray:
        """The weights, (K, N + 1): the one readout gives the timing."""
        return self.w

    @property
    def w_what(self) -> np.ndarray:
        """The same weights less that of the constant input, (K, N): the one readout gives the probability."""
        return self.w[:, :-1]

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Return ones, (K,): the readout itself carries the probability."""
        return np.ones(len(self.w))


class MergedReadout(Merged):
    """One readout of probability-weighted timing, taught by the delta rule; a `recorded_spikes.Rule`.

    Parameters
    ----------
    config : Config
        Gives sizes, ``when_norm_floor`` and the time of the cue. It always divides by |xc|^2 of the moment.
    rate : float
        Learning rate per ms. The readout is a running mean over what it was taught, so a rate that learns
        timing in few trials makes the probability follow single trials.
    """

    def __init__(self, config: Config, rate: float) -> None:
        super().__init__(config, np.zeros((config.task.events, config.reservoir.neurons + 1)))
        self._rule = (rate * config.run.dt_ms, config.readout.when_norm_floor, -1.0)

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the channels, (steps, K), and in a trial learn in every step from the cue on."""
        z, gate = np.empty_like(chunk.target), np.zeros_like(chunk.target)
        gate[max(0, self._cue_step - chunk.first_step) :] = 1.0
        target = chunk.target * (np.arange(z.shape[1]) == segment.outcome)
        delta_rows(self.w, chunk.xc, gate, target, *self._rule, segment.kind is Kind.TRIAL, z)
        return z
