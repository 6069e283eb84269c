"""Current-based leaky integrate-and-fire cells, NIR's CubaLIF, as a reservoir's cells; docs/export.md.

    tau_s dI/dt = -I + arriving charge,    dv/dt = -v / tau + gain I + bias,    spike where v > 1: v = 0

v has no unit: every such cell can be scaled and shifted so that it is reset to 0 and spikes above 1. A step
is one of Euler's: first of I, then of v with the new I, as Norse and snnTorch step the node. In the graph the
bias is a part of the arriving charge, so it rises with tau_s at the start.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.analysis.spike_statistics import Raster
from lava_predict.network.draw import Network
from lava_predict.numerics.columns import columns
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.synapses.exponential import add_weights


class CubaCells(NamedTuple):
    """Parameters of N cells, (N,) float64 each.

    Attributes
    ----------
    tau_ms : membrane time constant, ms
    gain : what a current of 1 mV/ms adds to v in 1 ms
    bias : what is added to v in 1 ms in any case
    """

    tau_ms: np.ndarray
    gain: np.ndarray
    bias: np.ndarray


@lean_kernel
def respond_to(
    current: np.ndarray,
    target: np.ndarray,
    leak: np.ndarray,
    gain: np.ndarray,
    bias: np.ndarray,
    decay: float,
    v: np.ndarray,
    trace: np.ndarray,
    count: np.ndarray,
    distance: np.ndarray,
) -> None:
    """Let B unconnected cells respond to their currents, and compare their traces with others.

    Parameters
    ----------
    current, target : (T, B) float64
        Current I of each step, mV/ms; and the trace that is wanted.
    leak, gain, bias : (B,) float64
        1 - dt / tau, gain dt and bias dt: of a step.
    decay : float
        Of the trace, to which a spike adds 1, in a step.
    v, trace : (B,) float64
        Scratch.
    count, distance : (B,) float64
        Overwritten: the number of spikes, and the sum of the squared differences of the traces.
    """
    v[:] = 0.0
    trace[:] = 0.0
    count[:] = 0.0
    distance[:] = 0.0
    # Without a branch the compiler makes vector instructions of the inner loop.
    for t in range(current.shape[0]):
        for j in range(v.size):
            moved = v[j] * leak[j] + (gain[j] * current[t, j] + bias[j])
            spike = 1.0 if moved > 1.0 else 0.0
            v[j] = 0.0 if moved > 1.0 else moved
            trace[j] = trace[j] * decay + spike
            count[j] += spike
            away = trace[j] - target[t, j]
            distance[j] += away * away


@lean_kernel
def advance(
    cells: Any,
    synapses: Any,
    input_weight: np.ndarray,
    level: np.ndarray,
    dt: float,
    tau_s: float,
    state: np.ndarray,
    spiking: np.ndarray,
    spike_step: np.ndarray,
    spike_cell: np.ndarray,
    first_step: int,
) -> int:
    """Advance a network of such cells by a chunk of steps; return the number of spikes.

    ``state``, (3, N), are I in mV/ms, v, and the charge that arrives in the next step; ``level``, (steps, C),
    the input channels; ``spiking``, (N,) int64, is scratch. The spikes are written to ``spike_step``, counted
    on from ``first_step``, and ``spike_cell``.
    """
    found, share = 0, dt / tau_s
    for row in range(level.shape[0]):
        for channel in range(level.shape[1]):
            if level[row, channel] != 0.0:
                for j in range(state.shape[1]):
                    state[2, j] += share * (level[row, channel] * input_weight[channel, j])
        count, risen = 0, 1.0 - (1.0 - share) ** (first_step + row + 1)
        for j in range(state.shape[1]):
            state[0, j] = state[0, j] * (1.0 - share) + state[2, j]
            state[2, j] = 0.0
            kept = state[1, j] * (1.0 - dt / cells.tau_ms[j])
            state[1, j] = kept + dt * (cells.gain[j] * state[0, j] + risen * cells.bias[j])
            if state[1, j] > 1.0:
                state[1, j] = 0.0
                spiking[count] = j
                spike_step[found], spike_cell[found] = first_step + row, j
                count += 1
                found += 1
        add_weights(spiking, count, synapses.first, synapses.target, synapses.weight, state[2])
    return found


def play_cuba(cells: CubaCells, network: Network, level: np.ndarray, dt_ms: float, tau_s_ms: float) -> Raster:
    """Play a network in which these cells stand for its own, from rest.

    Parameters
    ----------
    cells : CubaCells
        N cells.
    network : Network
        Its synapses and input weights; an input is filtered like a spike, with the same charge in all.
    level : (T, C) float64
        The input channels.
    dt_ms, tau_s_ms : float
        Time step, and time constant of the synaptic current.
    """
    size, spikes = network.size, []
    state, spiking = np.zeros((3, size)), np.empty(size, np.int64)
    chunk = max(1, 1_000_000 // size)
    step, cell = np.empty((2, chunk * size), np.uint32)
    parts = (cells, columns(network.synapses), network.input_weight)
    for start in range(0, len(level), chunk):
        rows = level[start : start + chunk]
        found = advance(*parts, rows, dt_ms, tau_s_ms, state, spiking, step, cell, start)
        spikes.append((step[:found].copy(), cell[:found].copy()))
    spike_step, spike_cell = (np.concatenate(column) for column in zip(*spikes, strict=True))
    return Raster(spike_step, spike_cell, size, len(level), dt_ms)
