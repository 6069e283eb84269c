"""Recursive least squares, the rule of FORCE learning, as a baseline for separate and merged readouts.

Sussillo & Abbott 2009, doi 10.1016/j.neuron.2009.07.018; the forgetting factor as in Haykin, Adaptive
Filter Theory. With a forgetting factor of 1 and P starting at I / ridge, the weights after every update
are those of ridge regression on all that has been taught, each sample weighted by its gate.

Samples are taught some at a time: what they do to P one after the other is what they do together, and the
weights after each of them follow from one Cholesky factor. So P is read and written once per block of
samples rather than per sample, by BLAS calls that compute instead of waiting for memory. Set
OPENBLAS_NUM_THREADS=1 before numpy is imported where other processes run beside this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg.blas import dsymm, dsyrk
from scipy.linalg.lapack import dpotrf, dtrtrs

from lava_predict.tasks.meet import Kind

if TYPE_CHECKING:
    from lava_predict.experiment.recorded_spikes import Chunk
    from lava_predict.settings.schema import Config
    from lava_predict.tasks.meet import Segment

_MOST_SCALE = 1e100


class LeastSquares(NamedTuple):
    """Weights of channels that are taught together, and their inverse correlation P = scale * inverse.

    Attributes
    ----------
    weights : (C, n) float64
        One row a channel.
    inverse : (n, n) float64, Fortran order
        P up to its scale; only the lower triangle is kept up to date (`inverse_correlation` gives all of P).
    scale : (1,) float64
        What forgetting has multiplied P by, kept apart so that it costs no pass over the matrix.
    """

    weights: np.ndarray
    inverse: np.ndarray
    scale: np.ndarray

    def copy(self) -> LeastSquares:
        """Return a state that shares no memory with this one."""
        return LeastSquares(*(array.copy(order="K") for array in self))


def least_squares(channels: int, inputs: int, ridge: float) -> LeastSquares:
    """Return the state before anything is taught: weights 0, P = I / ridge.

    Parameters
    ----------
    channels, inputs : int
        C and n.
    ridge : float
        Weight of |w|^2 beside the sum of squared errors, in units of the input squared.

    Returns
    -------
    LeastSquares
        See there.
    """
    state = LeastSquares(np.zeros((channels, inputs)), np.empty((inputs, inputs), order="F"), np.empty(1))
    reset(state, ridge)
    return state


def reset(state: LeastSquares, ridge: float) -> None:
    """Set P back to I / ridge, in place; the weights stay (what rescues FORCE after a switch)."""
    state.inverse[:] = 0.0
    np.fill_diagonal(state.inverse, 1.0 / ridge)
    state.scale[0] = 1.0


def inverse_correlation(state: LeastSquares) -> np.ndarray:
    """Return P, (n, n), in full."""
    lower = np.tril(state.inverse)
    return np.asarray(state.scale[0] * (lower + np.tril(lower, -1).T))


def update(
    state: LeastSquares, x: np.ndarray, target: np.ndarray, gate: np.ndarray, forgetting: float = 1.0
) -> np.ndarray:
    """Teach samples in turn, in place, and return the weights before the first and after each.

    One by one: k = P x / (forgetting / gate + x . P x); w += (target - w . x) k; P = (P - k (P x)^T) /
    forgetting. Together: with D = diag(forgetting^i / gate_i), i = 1 .. B, and the Cholesky factor L of
    D + X P X^T, the rows of V = L^-1 X P are the successive gains k up to their size, so that
    w_i = w_(i-1) + e_i v_i, where e = L^-1 (target - X w_0), and P = (P - V^T V) / forgetting^B.

    Parameters
    ----------
    state : LeastSquares
        Changed in place. Its weights are NaN if rounding has made P useless.
    x : (B, n) float64
        Inputs.
    target : (B, C) float64
        What the channels should read.
    gate : (B,) float64
        Weight of each sample, above 0.
    forgetting : float
        What all earlier samples' weights (and the ridge) are multiplied by; 1 forgets nothing.

    Returns
    -------
    (B + 1, C, n) float64
        Weights.
    """
    samples, scale = len(x), state.scale[0]
    memory = forgetting ** np.arange(1.0, samples + 1)
    projected = scale * dsymm(1.0, state.inverse, x.T, lower=1)
    factor, failed = dpotrf(x @ projected + np.diag(memory / gate), lower=1)
    if failed:
        state.weights[:] = np.nan
        return np.full((samples + 1, *state.weights.shape), np.nan)
    gains = dtrtrs(factor, projected.T, lower=1)[0]
    errors = dtrtrs(factor, target - x @ state.weights.T, lower=1)[0]
    steps = errors[:, :, None] * gains[:, None, :]
    history: np.ndarray = np.cumsum(np.concatenate([state.weights[None], steps]), axis=0)
    state.weights[:] = history[-1]
    dsyrk(-1.0 / scale, gains, beta=1.0, c=state.inverse, trans=1, lower=1, overwrite_c=1)
    state.scale[0] = scale / memory[-1]
    if state.scale[0] > _MOST_SCALE:
        state.inverse[:] *= state.scale[0]
        state.scale[0] = 1.0
    return history


class RlsReadout:
    """When and what readout, both taught by recursive least squares; a `recorded_spikes.Rule`.

    In a trial the gate is open on one channel alone, so every when channel has a P of its own. The what
    channels are all taught in every trial and share one.

    Parameters
    ----------
    config : Config
        Gives the numbers of cells and events and the time step.
    ridges : (float, float)
        Of the when and of the what readout, see `least_squares`; the replay's `input_norms`, each divided by
        1 .. 1000, do.
    forgetting : (float, float)
        Per update of a when channel, and of the what readout per trial; 1 forgets nothing.
    every_ms : float
        Time between two updates of the when readout.
    reset_at_switch : bool
        Reset every P at the first trial of a block, or keep them.
    """

    def __init__(
        self,
        config: Config,
        ridges: tuple[float, float],
        forgetting: tuple[float, float] = (1.0, 1.0),
        every_ms: float = 10.0,
        reset_at_switch: bool = False,
    ) -> None:
        cells, events = config.reservoir.neurons, config.task.events
        self.when = tuple(least_squares(1, cells + 1, ridges[0]) for _ in range(events))
        self.what = least_squares(events, cells, ridges[1])
        self._ridges = ridges
        self._forgetting = forgetting
        self._every = max(1, config.steps(every_ms))
        self._reset_at_switch = reset_at_switch
        self._block = 0

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return np.concatenate([channel.weights for channel in self.when])

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.what.weights

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), each row before its own update."""
        if segment.kind is not Kind.TRIAL:
            return np.asarray(chunk.xc @ self.w_when.T)
        if segment.block != self._block:
            self._block = segment.block
            if self._reset_at_switch:
                self._reset()
        return np.column_stack([self._channel(k, chunk) for k in range(len(self.when))])

    def _channel(self, k: int, chunk: Chunk) -> np.ndarray:
        """Teach a when channel where an update is due and its gate is open; return what it read, (steps,)."""
        number = chunk.first_step + np.arange(len(chunk.xc))
        taught = np.flatnonzero((number % self._every == 0) & (chunk.gate[:, k] > 0.0))
        if taught.size == 0:
            return np.asarray(chunk.xc @ self.when[k].weights[0])
        samples = (chunk.xc[taught], chunk.target[taught, k : k + 1], chunk.gate[taught, k])
        history = update(self.when[k], *samples, self._forgetting[0])
        z = np.empty(len(chunk.xc))
        bounds = [0, *(taught + 1), len(z)]
        for weights, first, last in zip(history[:, 0], bounds[:-1], bounds[1:], strict=True):
            z[first:last] = chunk.xc[first:last] @ weights
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial teach the outcome."""
        p = np.asarray(self.what.weights @ x_mean)
        if segment.kind is Kind.TRIAL:
            outcome = (np.arange(p.size) == segment.outcome).astype(np.float64)
            update(self.what, x_mean[None], outcome[None], np.ones(1), self._forgetting[1])
        return p

    def copy(self) -> RlsReadout:
        """Return a readout that shares no memory with this one."""
        twin = RlsReadout.__new__(RlsReadout)
        twin.__dict__.update(self.__dict__)
        twin.when = tuple(channel.copy() for channel in self.when)
        twin.what = self.what.copy()
        return twin

    def _reset(self) -> None:
        when_ridge, what_ridge = self._ridges
        for channel in self.when:
            reset(channel, when_ridge)
        reset(self.what, what_ridge)


class MergedRlsReadout:
    """One merged readout, as `lava_predict.reproduction.baselines.merged`, taught by recursive least squares.

    Every channel is taught in every trial, so that all share one P. It makes the most of what it has been
    taught, so that interference which is left is not for want of a better rule. A
    `recorded_spikes.Rule`.

    Parameters
    ----------
    config : Config
        Gives the numbers of cells and events, the time step and the time of the cue.
    ridge : float
        See `least_squares`.
    forgetting : float
        Per update; 1 forgets nothing.
    every_ms : float
        Time between two updates.
    reset_at_switch : bool
        Reset P at the first trial of a block, or keep it.
    """

    def __init__(
        self,
        config: Config,
        ridge: float,
        forgetting: float = 1.0,
        every_ms: float = 10.0,
        reset_at_switch: bool = False,
    ) -> None:
        self.channels = least_squares(config.task.events, config.reservoir.neurons + 1, ridge)
        self._ridge = ridge
        self._forgetting = forgetting
        self._every = max(1, config.steps(every_ms))
        self._cue_step = config.steps(config.task.before_ms)
        self._reset_at_switch = reset_at_switch
        self._block = 0

    @property
    def w_when(self) -> np.ndarray:
        """The weights, (K, N + 1): the one readout gives the timing."""
        return self.channels.weights

    @property
    def w_what(self) -> np.ndarray:
        """The same weights less that of the constant input, (K, N): the one readout gives the probability."""
        return self.channels.weights[:, :-1]

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the channels, (steps, K), and in a trial learn at the chunk's end from all of it."""
        z = np.asarray(chunk.xc @ self.channels.weights.T)
        if segment.kind is not Kind.TRIAL:
            return z
        if segment.block != self._block:
            self._block = segment.block
            if self._reset_at_switch:
                reset(self.channels, self._ridge)
        number = chunk.first_step + np.arange(len(z))
        taught = np.flatnonzero((number % self._every == 0) & (number >= self._cue_step))
        if taught.size > 0:
            occurred = np.arange(z.shape[1]) == segment.outcome
            samples = (chunk.xc[taught], chunk.target[taught] * occurred, np.ones(taught.size))
            update(self.channels, *samples, self._forgetting)
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Return ones, (K,): the readout itself carries the probability."""
        return np.ones(len(self.channels.weights))

    def copy(self) -> MergedRlsReadout:
        """Return a readout that shares no memory with this one."""
        twin = MergedRlsReadout.__new__(MergedRlsReadout)
        twin.__dict__.update(self.__dict__)
        twin.channels = self.channels.copy()
        return twin
