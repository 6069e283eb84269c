"""One merged readout instead of two: every event has a single weight vector, taught p-weighted timing.

The alternative to separate what and when readouts (Yamada & Chao, arXiv:2510.14382). In every trial channel
k is taught y_k g_k(t), which is 0 throughout for an event that did not occur, so that its mean over trials is
the prediction object p_k g_k(t).
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from lava_predict.learning.on_traces import Chunk, when_inputs
from lava_predict.learning.readouts import read_rows
from lava_predict.learning.what import Reading
from lava_predict.learning.when.gated_delta import gated_delta
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment


@lean_kernel
def delta_rows(
    w: np.ndarray,
    xc: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    rate: float,
    norm_floor: float,
    learning: bool,
    z: np.ndarray,
) -> None:
    """Read out a chunk of steps and, if ``learning``, learn by the gated delta rule in each.

    ``xc``, ``gate`` and ``target`` are rows of a `Chunk`. ``rate`` is per step; ``norm_floor`` is added to
    |xc|^2. ``z``, (steps, K), is overwritten with what is read before the step's learning.
    """
    for row in range(xc.shape[0]):
        norm = read_rows(w, 0, xc[row], z[row])
        if learning:
            gated_delta(w, xc[row], gate[row], target[row], z[row], rate, norm_floor + norm)


class Merged:
    """A readout of probability-weighted timing with weights ``w``, (K, inputs); subclasses learn them."""

    copy = deepcopy

    def __init__(self, config: Config, w: np.ndarray) -> None:
        self.w = w
        self._cells = config.reservoir.neurons
        self._cue_step = config.steps(config.task.before_ms)

    @property
    def w_when(self) -> np.ndarray:
        """The weights, (K, inputs): the one readout gives the timing."""
        return self.w

    @property
    def w_what(self) -> np.ndarray:
        """The same weights less that of a constant input, (K, N): the one readout gives the probability."""
        return self.w[:, : self._cells]

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Return ones, (K,): the readout itself carries the probability."""
        return np.ones(len(self.w))


class MergedReadout(Merged):
    """One readout of probability-weighted timing, taught by the delta rule; a `recorded_spikes.Rule`.

    It is a running mean over what it was taught, so a ``rate``, per ms, that learns timing in few trials
    makes the probability follow single trials. Of the configuration it takes sizes, ``when_norm_floor`` and
    the time of the cue; it always divides by |xc|^2 of the moment.
    """

    def __init__(self, config: Config, rate: float) -> None:
        super().__init__(config, np.zeros((config.task.events, when_inputs(config))))
        self._rule = (rate * config.run.dt_ms, config.readout.when_norm_floor)

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the channels, (steps, K), and in a trial learn in every step from the cue on."""
        z, gate = np.empty_like(chunk.target), np.zeros_like(chunk.target)
        gate[max(0, self._cue_step - chunk.first_step) :] = 1.0
        target = chunk.target * (np.arange(z.shape[1]) == segment.outcome)
        delta_rows(self.w, chunk.xc, gate, target, *self._rule, segment.kind is Kind.TRIAL, z)
        return z
