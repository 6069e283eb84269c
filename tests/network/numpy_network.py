"""The network in plain NumPy, event-driven: an oracle for the compiled engine, and its peer in benchmarks.

Written from the equations alone and sharing no arithmetic with the package's kernels and rules, so
that it is an independent check of them. It takes the drawn `Network` and the task's `Segment` as
given. Units: ms, mV, and the current units of Izhikevich 2003.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import plain_grid

from lava_predict import Config, Kind, Meet, Network, Segment
from lava_predict.numerics.columns import columns

_LOW_HALVES = np.uint64(0x0000FFFF0000FFFF)


class Played(NamedTuple):
    """What a segment left behind.

    Attributes
    ----------
    spike_step, spike_cell : (spikes,) int64
        Step within the segment and cell of each spike, in order of step, then of cell.
    z, what_drive : (steps, K) float64
        W_when . xc and W_what . x, before that step's learning.
    norm : (steps,) float64
        |xc|^2.
    p : (K,) float64
        What readout, before learning; NaN for a pause.
    """

    spike_step: np.ndarray
    spike_cell: np.ndarray
    z: np.ndarray
    what_drive: np.ndarray
    norm: np.ndarray
    p: np.ndarray


class NumpyNetwork:
    """Reservoir, readouts and learning, one vectorised time step after another.

    Spikes and reservoir come out the same to the bit as from any other order of the exact sums. z is a
    dot product in whatever order BLAS likes, so readouts and weights agree to rounding only.

    Parameters
    ----------
    config : Config
        Settings.
    network : Network
        As `draw_network` draws it.
    meet : Meet
        Gives the streams of a segment.

    Attributes
    ----------
    v, u, s, a_in : (N,) float64
        Membrane potential (mV), recovery, synaptic current, and what the last spikes will add to it.
    x, m, x_sum : (N,) float64
        Traces, their slow means, and their sum over the what window, spikes per ms.
    z : (K,) float64
        When readout of the last step.
    w_when, w_what : (K, N + 1) and (K, N) float64
        Weights of the readouts.
    norm : float
        What the when rule divides by with readout.when_norm = "constant"; 1 until it is set.
    """

    def __init__(self, config: Config, network: Network, meet: Meet) -> None:
        self._config = config
        self._network = network
        self._meet = meet
        cells, events = network.size, config.task.events
        synapses = columns(network.synapses)
        self._first, self._weight = synapses.first, synapses.weight
        self._target = synapses.target.astype(np.intp)  # what bincount works on
        self._cell_words = _words(cells)
        self.m, self.x_sum = np.zeros(cells), np.zeros(cells)
        self.w_when, self.w_what = np.zeros((events, cells + 1)), np.zeros((events, cells))
        self.norm = 1.0
        self._trials_of_cue = np.zeros(config.task.cues, int)
        self._mean_error = np.zeros((config.task.cues, events))
        self._xc = np.full(cells + 1, config.readout.constant_input)
        self._synapse_decay = plain_grid.decay(config.run.dt_ms, config.reservoir.tau_s_ms)
        self._reset()

    def _reset(self) -> None:
        cells, events = self._network.size, self._config.task.events
        self.v = np.full(cells, -65.0)
        self.u = self._network.cells.b * -65.0
        self.s, self.a_in, self.x = np.zeros((3, cells))
        self.z = np.zeros(events)

    def play(self, segment: Segment) -> Played:
        """Play one segment of the task and apply the what rule at the end of a trial."""
        if segment.reset:
            self._reset()
        self.x_sum[:] = 0.0
        dt, readout = self._config.run.dt_ms, self._config.readout
        level, gate, target = self._meet.streams(segment)
        low, high = self._meet.what_window
        deviation = self._config.reservoir.noise * np.sqrt(1.0 / dt)
        step_keys = _mixed(np.uint64(segment.noise_key) + _words(segment.steps))
        decay = plain_grid.decay(dt, readout.tau_x_ms)
        gain = (1.0 - decay) / dt
        z, what_drive = np.empty((2, segment.steps, self.z.size))
        norms, fired = [], []
        for step in range(segment.steps):
            current = self._input_current(level[step])
            if deviation > 0.0:
                current += deviation * _standard_noise(_mixed(step_keys[step] + self._cell_words))
            spiking = self._advance_cells(current)
            fired.append(spiking)
            self._deliver(spiking)

            self.x *= decay
            self.x[spiking] += gain
            if segment.learning:
                self.m += (self.x - self.m) * (dt / readout.tau_m_ms)
            xc = self._xc
            np.subtract(self.x, self.m if readout.centred else 0.0, out=xc[:-1])
            self.z = self.w_when @ xc
            z[step] = self.z
            what_drive[step] = self.w_what @ self.x
            norm = xc @ xc
            norms.append(norm)
            if low <= step < high:
                self.x_sum += self.x
            if segment.learning:
                divisor = readout.when_norm_floor + (norm if readout.when_norm == "moment" else self.norm)
                rate = readout.when_rate * dt * gate[step] * (target[step] - self.z) / divisor
                for k in np.flatnonzero(gate[step]):
                    self.w_when[k] += rate[k] * xc
        p = np.full(self.z.size, np.nan)
        if segment.kind is not Kind.PAUSE:
            p = self._read_what(segment, self.x_sum / (high - low))
        counts = [spiking.size for spiking in fired]
        spike_step = np.repeat(np.arange(segment.steps), counts)
        return Played(spike_step, np.concatenate(fired), z, what_drive, np.array(norms), p)

    def _input_current(self, level: np.ndarray) -> np.ndarray:
        """Advance the synaptic current; return the total current but for the noise, (N,)."""
        network, reservoir = self._network, self._config.reservoir
        self.s *= self._synapse_decay
        self.s += self.a_in
        current = network.cells.bias + self.s
        i_in = np.zeros_like(current)
        for channel in np.flatnonzero(level):
            i_in += level[channel] * network.input_weight[channel]
        if reservoir.feedback_gain != 0.0:
            graded = np.floor(np.clip(self.z, 0.0, 1.0) * 65536.0 + 0.5) / 65536.0
            for k in np.flatnonzero(graded):
                i_in += graded[k] * network.feedback_weight[k]
        current += i_in
        return current

    def _advance_cells(self, current: np.ndarray) -> np.ndarray:
        """Advance v and u by two half steps and one step; return the cells that spike, ascending."""
        network, dt = self._network, self._config.run.dt_ms
        v, u = self.v, self.u
        for _ in range(2):
            slope = 0.04 * v
            slope *= v
            slope += 5.0 * v
            slope += 140.0
            slope -= u
            slope += current
            slope *= 0.5 * dt
            v += slope
            np.maximum(v, -128.0, out=v)
        np.minimum(v, 30.0, out=v)
        change = network.cells.b * v
        change -= u
        change *= dt * network.cells.a
        u += change
        spiking = np.flatnonzero(v >= 30.0)
        v[spiking] = network.cells.c[spiking]
        u[spiking] += network.cells.d[spiking]
        return spiking

    def _deliver(self, spiking: np.ndarray) -> None:
        """Sum the spiking cells' columns of synapses, for the next step."""
        columns = [slice(self._first[j], self._first[j + 1]) for j in spiking]
        if not columns:
            self.a_in = np.zeros_like(self.v)
            return
        target = np.concatenate([self._target[column] for column in columns])
        weight = np.concatenate([self._weight[column] for column in columns])
        self.a_in = np.bincount(target, weight, minlength=self.v.size)

    def _read_what(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from its outcome."""
        p = self.w_what @ x_mean
        if segment.kind is Kind.TRIAL:
            readout, cue = self._config.readout, segment.cue
            outcome = np.arange(p.size) == segment.outcome
            share = readout.surprise_rate
            self._mean_error[cue] = (1 - share) * self._mean_error[cue] + share * (outcome - p)
            if np.linalg.norm(self._mean_error[cue]) > readout.surprise_threshold:
                self._mean_error[cue] = 0.0
                self._trials_of_cue[cue] = readout.surprise_trials
            rate = max(readout.what_rate, 1.0 / (self._trials_of_cue[cue] + 1))
            norm = x_mean @ x_mean
            if norm > 0.0:
                self.w_what += np.outer(rate * (outcome - p) / norm, x_mean)
            self._trials_of_cue[cue] += 1
        return p


def _words(count: int) -> np.ndarray:
    """Return what SplitMix64 adds to a key for the words 0 .. count - 1, (count,) uint64."""
    return np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Apply the output function of SplitMix64 elementwise; the argument is overwritten."""
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


def _standard_noise(bits: np.ndarray) -> np.ndarray:
    """Turn random bits into near-normal numbers: their four 16-bit fields, summed, centred and scaled."""
    pairs = (bits & _LOW_HALVES) + ((bits >> np.uint64(16)) & _LOW_HALVES)
    total = (pairs & np.uint64(0xFFFFFFFF)) + (pairs >> np.uint64(32))
    return (total.astype(np.int64) - 131070) / 37837.0
