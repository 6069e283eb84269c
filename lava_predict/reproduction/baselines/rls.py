"""Recursive least squares, the rule of FORCE learning, as a baseline for separate and merged readouts.

Sussillo & Abbott 2009, doi 10.1016/j.neuron.2009.07.018; the forgetting factor as in Haykin, Adaptive
Filter Theory. With a forgetting factor of 1 and P starting at I / ridge, the weights after every update
are those of ridge regression on all that has been taught, each sample weighted by its gate.

Samples are taught in blocks: what they do to P one after the other is what they do together, and the weights
after each of them follow from one Cholesky factor. So P is read and written once per block rather than once
per sample, by BLAS calls that compute instead of waiting for memory. Set OPENBLAS_NUM_THREADS=1 before numpy
is imported where other processes run beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
from scipy.linalg.blas import dsymm, dsyrk
from scipy.linalg.lapack import dpotrf, dtrtrs

from lava_predict.learning.on_traces import Chunk, when_inputs
from lava_predict.learning.what import Reading
from lava_predict.reproduction.baselines.merged import Merged
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment

EVERY_MS = 10.0
"""Between two updates of weights that are read in every step; their inputs change over several times that."""

_MOST_SCALE = 1e100


class LeastSquares:
    """Weights of C channels that are taught together, and their inverse correlation P = scale * inverse.

    ``ridge`` is the weight of |w|^2 beside the sum of squared errors, in units of the input squared. The
    ``weights``, (C, n), are 0 at first. ``inverse``, (n, n), is P up to its scale, I / ridge at first; only
    the lower triangle is kept up to date. ``scale`` is the factor by which forgetting has multiplied P, kept
    apart so that it costs no pass over the matrix.
    """

    def __init__(self, channels: int, inputs: int, ridge: float) -> None:
        self.weights: np.ndarray = np.zeros((channels, inputs))
        self.inverse: np.ndarray = np.empty((inputs, inputs), order="F")
        self._ridge = ridge
        self.reset()

    def reset(self) -> None:
        """Set P back to I / ridge; the weights stay (the reset that rescues FORCE after a switch)."""
        self.inverse[:] = 0.0
        np.fill_diagonal(self.inverse, 1.0 / self._ridge)
        self.scale = 1.0

    def update(
        self, x: np.ndarray, target: np.ndarray, gate: np.ndarray, forgetting: float = 1.0
    ) -> np.ndarray:
        """Teach B samples in turn and return the weights before the first and after each, (B + 1, C, n).

        One by one: k = P x / (forgetting / gate + x . P x); w += (target - w . x) k; P = (P - k (P x)^T) /
        forgetting. Together: with D = diag(forgetting^i / gate_i), i = 1 .. B, and the Cholesky factor L of
        D + X P X^T, the rows of V = L^-1 X P are the successive gains k up to their size, so that
        w_i = w_(i-1) + e_i v_i, where e = L^-1 (target - X w_0), and P = (P - V^T V) / forgetting^B.

        Inputs ``x`` are (B, n), what the channels should read (B, C). The ``gate``, (B,), is the weight of
        each sample, above 0; the weights of all earlier samples (and the ridge) shrink by the factor
        ``forgetting``, 1 at most. The result is NaN if rounding has made P useless.
        """
        memory = forgetting ** np.arange(1.0, len(x) + 1)
        projected = self.scale * dsymm(1.0, self.inverse, x.T, lower=1)
        factor, failed = dpotrf(x @ projected + np.diag(memory / gate), lower=1)
        if failed:
            self.weights[:] = np.nan
            return np.full((len(x) + 1, *self.weights.shape), np.nan)
        gains = dtrtrs(factor, projected.T, lower=1)[0]
        errors = dtrtrs(factor, target - x @ self.weights.T, lower=1)[0]
        steps = errors[:, :, None] * gains[:, None, :]
        history: np.ndarray = np.cumsum(np.concatenate([self.weights[None], steps]), axis=0)
        self.weights[:] = history[-1]
        dsyrk(-1.0 / self.scale, gains, beta=1.0, c=self.inverse, trans=1, lower=1, overwrite_c=1)
        self.scale = self.scale / memory[-1]
        if self.scale > _MOST_SCALE:
            self.inverse[:] *= self.scale
            self.scale = 1.0
        return history


class _Taught:
    """When least squares are taught, and whether P is reset at the first trial of a block."""

    def __init__(self, config: Config, reset_at_switch: bool) -> None:
        self._every = max(1, config.steps(EVERY_MS))
        self._reset_at_switch = reset_at_switch
        self._block = 0

    def reset_where_due(self, segment: Segment, estimators: Sequence[LeastSquares]) -> None:
        """Reset the estimators if a trial is the first of another block."""
        if segment.block != self._block:
            self._block = segment.block
            for one in estimators if self._reset_at_switch else ():
                one.reset()

    def rows(self, chunk: Chunk, taught: np.ndarray) -> np.ndarray:
        """Return the rows of a chunk, of those marked in ``taught`` (steps,), that an update is due for."""
        due = (chunk.first_step + np.arange(len(chunk.xc))) % self._every == 0
        return np.flatnonzero(due & taught)


class RlsReadout:
    """When and what readout, both taught by recursive least squares; a `recorded_spikes.Rule`.

    In a trial the gate is open on one channel alone, so every when channel has `LeastSquares` of its own in
    ``when``. The what channels are all taught in every trial and share ``what``.

    ``ridges`` and ``forgetting`` are of the when and of the what readout. As ridges the replay's
    `input_norms`, each divided by 1 .. 1000, are suitable. Forgetting is per update of a when channel, and
    of the what readout per trial; 1 forgets nothing. With ``reset_at_switch`` every P is reset at the first
    trial of a block.
    """

    copy = deepcopy

    def __init__(
        self,
        config: Config,
        ridges: tuple[float, float],
        forgetting: tuple[float, float] = (1.0, 1.0),
        reset_at_switch: bool = False,
    ) -> None:
        cells, events, inputs = config.reservoir.neurons, config.task.events, when_inputs(config)
        self.when = [LeastSquares(1, inputs, ridges[0]) for _ in range(events)]
        self.what = LeastSquares(events, cells, ridges[1])
        self._forgetting = forgetting
        self._taught = _Taught(config, reset_at_switch)

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, inputs)."""
        return np.concatenate([channel.weights for channel in self.when])

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.what.weights

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), each row before its own update."""
        if segment.kind is not Kind.TRIAL:
            return np.asarray(chunk.xc @ self.w_when.T)
        self._taught.reset_where_due(segment, [*self.when, self.what])
        return np.column_stack([self._channel(k, chunk) for k in range(len(self.when))])

    def _channel(self, k: int, chunk: Chunk) -> np.ndarray:
        """Teach a when channel where an update is due and its gate is open; return what it read, (steps,)."""
        rows = self._taught.rows(chunk, chunk.gate[:, k] > 0.0)
        if rows.size == 0:
            return np.asarray(chunk.xc @ self.when[k].weights[0])
        samples = (chunk.xc[rows], chunk.target[rows, k : k + 1], chunk.gate[rows, k])
        history = self.when[k].update(*samples, self._forgetting[0])
        z = np.empty(len(chunk.xc))
        bounds = [0, *(rows + 1), len(z)]
        for weights, first, last in zip(history[:, 0], bounds[:-1], bounds[1:], strict=True):
            z[first:last] = chunk.xc[first:last] @ weights
        return z

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial teach the outcome."""
        p = np.asarray(self.what.weights @ reading.x)
        if segment.kind is Kind.TRIAL:
            outcome = (np.arange(p.size) == segment.outcome).astype(np.float64)
            self.what.update(reading.x[None], outcome[None], np.ones(1), self._forgetting[1])
        return p


class MergedRlsReadout(Merged):
    """One merged readout taught by recursive least squares; a `recorded_spikes.Rule`.

    Every channel is taught in every trial, so that all share one P. The rule makes the most of what it is
    taught, so a better rule could not remove the interference that is left. The parameters are as for
    `RlsReadout`, with one ridge and one forgetting factor.
    """

    def __init__(
        self, config: Config, ridge: float, forgetting: float = 1.0, reset_at_switch: bool = False
    ) -> None:
        self._channels = LeastSquares(config.task.events, when_inputs(config), ridge)
        super().__init__(config, self._channels.weights)
        self._forgetting = forgetting
        self._taught = _Taught(config, reset_at_switch)

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the channels, (steps, K), and in a trial learn at the chunk's end from all of it."""
        z = np.asarray(chunk.xc @ self.w.T)
        if segment.kind is not Kind.TRIAL:
            return z
        self._taught.reset_where_due(segment, [self._channels])
        rows = self._taught.rows(chunk, chunk.first_step + np.arange(len(z)) >= self._cue_step)
        if rows.size > 0:
            target = chunk.target[rows] * (np.arange(z.shape[1]) == segment.outcome)
            self._channels.update(chunk.xc[rows], target, np.ones(rows.size), self._forgetting)
        return z
