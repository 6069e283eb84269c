"""The nearest current-based leaky integrate-and-fire cell of each cell of a network.

Every cell's own currents, as recorded, are given to candidates for the cell in its place. For each time
constant and gain, the bias is that with which the candidate spikes as often as the cell; its bounds are known
in closed form. Of these candidates that one is taken whose smoothed spike train is nearest to the cell's (van
Rossum 2001, doi 10.1162/089976601300014321). There is no chance in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter
from scipy.sparse import csc_array, csr_array

from lava_predict.analysis.spike_statistics import Raster
from lava_predict.network.draw import Network
from lava_predict.numerics.columns import columns
from lava_predict.targets.nir.cuba_cells import CubaCells, respond_to
from lava_predict.targets.nir.responses import Responses

TRACE_MS = 100.0
"""Decay of the traces that are compared: of the order of the readouts' own (`readout.tau_x_ms`)."""

_TAUS_MS = (3.0, 10.0, 30.0, 100.0, 1000.0)
_GAINS = tuple(np.geomspace(1e-4, 0.1, 10).tolist())
_BISECTIONS = 12
_REFINEMENTS = 3
_BLOCK = 32
"""Cells that are fitted together: more no longer fit the fastest cache."""


class Fit(NamedTuple):
    """The nearest cells, and how near they are. N cells.

    Attributes
    ----------
    cells : CubaCells
        Their parameters.
    rate_hz : (N,) float64
        Their rates under the recorded currents.
    distance : (N,) float64
        Squared distance of the smoothed spike trains, as a share of the variance of the cell's own: 0 for the
        same train, 1 for no better than a constant; NaN for a cell that never spikes.
    """

    cells: CubaCells
    rate_hz: np.ndarray
    distance: np.ndarray


class _Target(NamedTuple):
    """What a block of B cells has met, and how it has responded: (T, B), (T, B) and (B,) float64."""

    current: np.ndarray
    trace: np.ndarray
    spikes: np.ndarray


def fit(network: Network, responses: Responses, tau_s_ms: float) -> Fit:
    """Find the nearest cell of each cell of a network.

    Parameters
    ----------
    network : Network
        In physical units.
    responses : Responses
        Its own.
    tau_s_ms : float
        Time constant of the synaptic current, ms.
    """
    dt_ms = responses.raster.dt_ms
    blocks = [_nearest(target, dt_ms) for target in _targets(network, responses, tau_s_ms)]
    tau_ms, gain, bias, count, distance = np.concatenate(blocks, axis=1)
    counted_s = (len(responses.level) - responses.settled) * dt_ms / 1000.0
    return Fit(CubaCells(tau_ms, gain, bias), count / counted_s, distance)


def _targets(network: Network, responses: Responses, tau_s_ms: float) -> Iterator[_Target]:
    """Yield the targets of the cells, block by block; the steps in which the network settles are left out."""
    raster, size, synapses = responses.raster, network.size, columns(network.synapses)
    share = raster.dt_ms / tau_s_ms
    weights = csr_array(csc_array((synapses.weight, synapses.target, synapses.first), shape=(size, size)))
    spikes = _spikes(raster)
    for start in range(0, size, _BLOCK):
        part = slice(start, start + _BLOCK)
        arriving = share * (responses.level @ network.input_weight[:, part])
        # A spike arrives one step later.
        arriving[1:] += (weights[part] @ spikes).toarray().T[:-1]
        own = spikes[part].toarray().T
        decay = np.exp(-raster.dt_ms / TRACE_MS)
        rows = slice(responses.settled, None)
        yield _Target(
            np.ascontiguousarray(lfilter([1.0], [1.0, share - 1.0], arriving, axis=0)[rows]),
            np.ascontiguousarray(lfilter([1.0], [1.0, -decay], own[rows], axis=0)),
            own[rows].sum(axis=0),
        )


def _spikes(raster: Raster) -> csr_array:
    """Return 1 for every spike, (N, T)."""
    ones = np.ones(raster.step.size)
    return csr_array((ones, (raster.cell, raster.step)), shape=(raster.cells, raster.steps))


def _nearest(target: _Target, dt_ms: float) -> np.ndarray:
    """Return time constant, gain, bias, number of spikes and distance of the nearest cells, (5, B)."""
    cells = target.spikes.size
    best = np.full((5, cells), np.inf)
    for tau_ms in _TAUS_MS:
        for gain in _GAINS:
            _take(best, _candidate(np.full(cells, tau_ms), np.full(cells, gain), target, dt_ms))
    tau_step, gain_step = _TAUS_MS[1] / _TAUS_MS[0], _GAINS[1] / _GAINS[0]
    for _ in range(_REFINEMENTS):
        tau_step, gain_step = tau_step**0.5, gain_step**0.5
        tau_ms, gain = best[:2].copy()
        for tau_factor, gain_factor in (
            (tau_step, 1.0),
            (1.0 / tau_step, 1.0),
            (1.0, gain_step),
            (1.0, 1.0 / gain_step),
        ):
            near = np.maximum(tau_ms * tau_factor, _TAUS_MS[0]), gain * gain_factor
            _take(best, _candidate(*near, target, dt_ms))
    around = target.trace - target.trace.mean(axis=0)
    variance = (around * around).sum(axis=0)
    best[4] = np.divide(best[4], variance, out=np.full(cells, np.nan), where=variance > 0.0)
    return best


def _take(best: np.ndarray, candidate: np.ndarray) -> None:
    """Put the candidates that are nearer into their places in ``best``; both (5, B)."""
    nearer = candidate[4] < best[4]
    best[:, nearer] = candidate[:, nearer]


def _candidate(tau_ms: np.ndarray, gain: np.ndarray, target: _Target, dt_ms: float) -> np.ndarray:
    """Return cells of given time constants and gains with the bias that gives the wanted number of spikes."""
    drive = _drive(tau_ms, target.spikes / len(target.current), dt_ms)
    low = drive - gain * target.current.max(axis=0)
    high = drive - gain * target.current.min(axis=0)
    decay = float(np.exp(-dt_ms / TRACE_MS))
    v, trace, count, distance = np.empty((4, tau_ms.size))
    best = np.array([tau_ms, gain, low, np.full(tau_ms.size, np.inf), np.full(tau_ms.size, np.inf)])
    for _ in range(_BISECTIONS):
        bias = 0.5 * (low + high)
        leak = 1.0 - dt_ms / tau_ms
        given = (target.current, target.trace, leak, gain * dt_ms, bias * dt_ms, decay)
        respond_to(*given, v, trace, count, distance)
        nearer = np.abs(count - target.spikes) < np.abs(best[3] - target.spikes)
        best[2:, nearer] = np.array([bias, count, distance])[:, nearer]
        high = np.where(count > target.spikes, bias, high)
        low = np.where(count < target.spikes, bias, low)
    return best


def _drive(tau_ms: np.ndarray, rate: np.ndarray, dt_ms: float) -> np.ndarray:
    """Return the constant drive, per ms, under which cells spike at so many spikes a step; 0 for none.

    After n steps v is drive tau (1 - (1 - dt / tau)^n), which is then 1.
    """
    leak = 1.0 - dt_ms / tau_ms
    reached = 1.0 - leak ** np.divide(1.0, rate, out=np.full(rate.shape, np.inf), where=rate > 0.0)
    return np.where(rate > 0.0, 1.0 / (tau_ms * reached), 0.0)
