"""One merged readout instead of two: every event has a single weight vector, taught p-weighted timing.

The alternative to separate what and when readouts (Yamada & Chao, arXiv:2510.14382). In every trial channel
k is taught y_k g_k(t), which is 0 throughout for an event that did not occur, so that its mean over trials is
the prediction object p_k g_k(t).
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from lava_predict.learning.on_traces import Chunk, delta_rows
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment


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

    It is a running mean over what it was taught, so a ``rate``, per ms, that learns timing in few trials
    makes the probability follow single trials. Of the configuration it takes sizes, ``when_norm_floor`` and
    the time of the cue; it always divides by |xc|^2 of the moment.
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
