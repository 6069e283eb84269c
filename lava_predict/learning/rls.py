"""Recursive least squares, the rule of FORCE learning, as a baseline for both readouts.

Sussillo & Abbott 2009, doi 10.1016/j.neuron.2009.07.018; the forgetting factor as in Haykin, Adaptive
Filter Theory. With a forgetting factor of 1 and P starting at I / ridge, the weights after every update
are those of ridge regression on all that has been taught, each sample weighted by its gate.

An update is two calls of BLAS. Set OPENBLAS_NUM_THREADS=1 before numpy is imported: they are too short to
share between threads, which cost far more than they save where other processes run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg.blas import dsymv, dsyr

from lava_predict.task import Kind

if TYPE_CHECKING:
    from lava_predict.config import Config
    from lava_predict.replay import Chunk
    from lava_predict.task import Segment

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
    state: LeastSquares, x: np.ndarray, target: np.ndarray, gate: float = 1.0, forgetting: float = 1.0
) -> None:
    """Teach one sample, in place.

    k = P x / (forgetting / gate + x . P x); w += (target - w . x) k; P = (P - k (P x)^T) / forgetting.
    P is symmetric, so one triangle of it is read and changed, by two BLAS calls.

    Parameters
    ----------
    state : LeastSquares
        Changed in place.
    x : (n,) float64
        Input.
    target : (C,) float64
        What the channels should read.
    gate : float
        Weight of this sample, above 0.
    forgetting : float
        What all earlier samples' weights (and the ridge) are multiplied by; 1 forgets nothing.
    """
    scale = state.scale[0]
    projected = dsymv(1.0, state.inverse, x, lower=1)
    divisor = forgetting / gate + scale * (x @ projected)
    error = target - state.weights @ x
    for row, size in zip(state.weights, error * (scale / divisor), strict=True):
        row += size * projected
    dsyr(-scale / divisor, projected, lower=1, a=state.inverse, overwrite_a=1)
    state.scale[0] = scale / forgetting
    if state.scale[0] > _MOST_SCALE:
        state.inverse[:] *= state.scale[0]
        state.scale[0] = 1.0


class RlsReadout:
    """When and what readout, both taught by recursive least squares; a `lava_predict.replay.Rule`.

    In a trial the gate is open on one channel alone, so every when channel has a P of its own. The what
    channels are all taught in every trial and share one.

    Parameters
    ----------
    config : Config
        Gives the numbers of cells and events and the time step.
    when_ridge, what_ridge : float
        See `least_squares`; the replay's `input_norms`, divided by 1 .. 100, do.
    forgetting : float
        Per update, of both readouts.
    every_ms : float
        Time between two updates of the when readout.
    reset_at_switch : bool
        Reset every P at the first trial of a block, or keep them.
    """

    def __init__(
        self,
        config: Config,
        when_ridge: float,
        what_ridge: float,
        forgetting: float = 1.0,
        every_ms: float = 10.0,
        reset_at_switch: bool = False,
    ) -> None:
        cells, events = config.reservoir.neurons, config.task.events
        self.when = tuple(least_squares(1, cells + 1, when_ridge) for _ in range(events))
        self.what = least_squares(events, cells, what_ridge)
        self._ridges = (when_ridge, what_ridge)
        self._forgetting = forgetting
        self._every = max(1, config.steps(every_ms))
        self._reset_at_switch = reset_at_switch
        self._block = 0

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), each row before its own update."""
        if segment.kind is not Kind.TRIAL:
            return np.column_stack([chunk.xc @ channel.weights[0] for channel in self.when])
        if segment.block != self._block:
            self._block = segment.block
            if self._reset_at_switch:
                self._reset()
        z = np.empty_like(chunk.target)
        for row, x in enumerate(chunk.xc):
            due = (chunk.first_step + row) % self._every == 0
            for k, channel in enumerate(self.when):
                z[row, k] = channel.weights[0] @ x
                if due and chunk.gate[row, k] > 0.0:
                    update(channel, x, chunk.target[row, k : k + 1], chunk.gate[row, k], self._forgetting)
        return z

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial teach the outcome."""
        p = np.asarray(self.what.weights @ x_mean)
        if segment.kind is Kind.TRIAL:
            outcome = (np.arange(p.size) == segment.outcome).astype(np.float64)
            update(self.what, x_mean, outcome, forgetting=self._forgetting)
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
