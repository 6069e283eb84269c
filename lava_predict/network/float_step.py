"""One time step of reservoir and readout in float64.

Every function is pure arithmetic on arrays that its caller owns. `reservoir_step` and `readout_step`
string them together in the order of a step, for whoever advances step by step; `advance` runs both over
a chunk of steps. Units: ms, mV, and the current units of Izhikevich
2003 (mV per ms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lava_predict.learning.when.gated_delta import gated_delta
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.noise import fold, standard_noise

if TYPE_CHECKING:
    from lava_predict.network.draw import Network
    from lava_predict.network.state import State

V_PEAK = 30.0
"""Membrane potential at which a cell spikes and to which it is clipped, mV (Izhikevich 2003)."""

FEEDBACK_GRAIN = 65536.0
"""The fed-back readout is rounded to multiples of 1 / this, so that its sums are exact."""

Z_LIMIT = 100.0
"""A when readout beyond +-this has diverged; events teach values in 0 .. 1."""


class StepConstants(NamedTuple):
    """What a step needs beside the network: settings, already multiplied out for the time step.

    Attributes
    ----------
    dt : float
        Time step, ms.
    synapse_decay, trace_decay : float
        exp(-dt / tau_s) and exp(-dt / tau_x).
    trace_gain : float
        What a spike adds to its cell's trace: (1 - trace_decay) / dt, in spikes per ms.
    mean_rate : float
        dt / tau_m.
    noise : float
        Standard deviation of the private current in one step: noise * sqrt(1 ms / dt).
    constant_input : float
        Last input of the when readout.
    when_rate : float
        Learning rate of the when rule per step.
    norm_floor : float
        Added to |xc|^2 before dividing by it.
    centred : bool
        Whether the slow mean is subtracted from the traces.
    moment_norm : bool
        Divide by |xc|^2 of the moment, or else by the constant in the state.
    feedback : bool
        Whether the when readout is fed back.
    """

    dt: float
    synapse_decay: float
    trace_decay: float
    trace_gain: float
    mean_rate: float
    noise: float
    constant_input: float
    when_rate: float
    norm_floor: float
    centred: bool
    moment_norm: bool
    feedback: bool


class Recording(NamedTuple):
    """Arrays that `advance` fills, one row a step of the chunk.

    Attributes
    ----------
    spike_step, spike_cell : (capacity,) uint32
        Step within the segment and cell of each spike, in order of step, then of cell.
    z : (steps, K) float64
        The when readout, before that step's learning.
    what_drive : (steps, K) float64
        W_what . x, whose mean over the what window is p.
    norm : (steps,) float64
        |xc|^2.
    """

    spike_step: np.ndarray
    spike_cell: np.ndarray
    z: np.ndarray
    what_drive: np.ndarray
    norm: np.ndarray


@kernel
def izhikevich(
    v: float, u: float, current: float, a: float, b: float, dt: float
) -> tuple[float, float]:  # fmt: skip
    """Advance one cell by one step: two half steps of v, then one of u (Izhikevich 2003).

    Parameters
    ----------
    v, u : float
        Membrane potential, mV, and recovery variable.
    current : float
        Total input current during the step.
    a, b : float
        Rate of recovery, 1 / ms, and its sensitivity to v.
    dt : float
        Time step, ms.

    Returns
    -------
    v, u : float
        After the step, v clipped at `V_PEAK`; the reset after a spike is `reset_spiking`'s.
    """
    half = 0.5 * dt
    v = v + half * ((((0.04 * v) * v + 5.0 * v) + 140.0 - u) + current)
    v = v + half * ((((0.04 * v) * v + 5.0 * v) + 140.0 - u) + current)
    v = V_PEAK if v > V_PEAK else v
    u = u + (dt * a) * (b * v - u)
    return v, u


@kernel
def advance_cells(
    v: np.ndarray,
    u: np.ndarray,
    s: np.ndarray,
    a_in: np.ndarray,
    i_in: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    bias: np.ndarray,
    dt: float,
    synapse_decay: float,
    noise: float,
    noise_key: np.uint64,
) -> None:
    """Advance synaptic current, membrane potential and recovery of all cells, up to the threshold.

    Parameters
    ----------
    v, u, s : (N,) float64
        Membrane potential (mV), recovery variable, synaptic current; changed in place.
    a_in : (N,) float64
        What the spikes of the step before add to ``s``.
    i_in : (N,) float64
        Current from cues, events and feedback, this step only.
    a, b, bias : (N,) float64
        Parameters of the cells.
    dt, synapse_decay, noise : float
        As in `StepConstants`.
    noise_key : uint64
        The key that belongs to this step.
    """
    if noise > 0.0:
        for j in range(v.size):
            s[j] = s[j] * synapse_decay + a_in[j]
            current = ((bias[j] + s[j]) + i_in[j]) + noise * standard_noise(fold(noise_key, np.uint64(j)))
            v[j], u[j] = izhikevich(v[j], u[j], current, a[j], b[j], dt)
    else:
        for j in range(v.size):
            s[j] = s[j] * synapse_decay + a_in[j]
            v[j], u[j] = izhikevich(v[j], u[j], (bias[j] + s[j]) + i_in[j], a[j], b[j], dt)


@kernel
def reset_spiking(v: np.ndarray, u: np.ndarray, c: np.ndarray, d: np.ndarray, spiking: np.ndarray) -> int:
    """Find the cells at the threshold and reset them: v = c, u += d.

    Parameters
    ----------
    v, u : (N,) float64
        Changed in place.
    c, d : (N,) float64
        Reset potential, mV, and step of recovery.
    spiking : (N,) int64
        Its head receives the indices of the spiking cells, ascending.

    Returns
    -------
    int
        How many cells spiked.
    """
    count = 0
    for j in range(v.size):
        if v[j] >= V_PEAK:
            v[j] = c[j]
            u[j] += d[j]
            spiking[count] = j
            count += 1
    return count


@kernel
def deliver_spikes(
    spiking: np.ndarray,
    count: int,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    a_in: np.ndarray,
) -> None:
    """Sum the weights of the spiking cells' synapses, for the next step.

    The weights are multiples of 2^-24, so the sums are exact and their order is free.

    Parameters
    ----------
    spiking, count : (N,) int64, int
        As `reset_spiking` left them.
    first : (N + 1,) int64
        Cell j's synapses are ``first[j] .. first[j + 1] - 1``.
    target, weight : (S,) int32, float64
        Postsynaptic cell and weight of each synapse.
    a_in : (N,) float64
        Overwritten with the sums.
    """
    a_in[:] = 0.0
    for k in range(count):
        j = spiking[k]
        for i in range(first[j], first[j + 1]):
            # Unsigned, so that numba does not look for a negative index.
            a_in[np.uint32(target[i])] += weight[i]


@kernel
def graded(z: float) -> float:
    """Turn a when readout into the graded spike that is fed back.

    Parameters
    ----------
    z : float
        When readout.

    Returns
    -------
    float
        Clipped to 0 .. 1 and rounded to the nearest multiple of 2^-16; the same again for its own result.
    """
    clipped = min(max(z, 0.0), 1.0)
    return np.floor(clipped * FEEDBACK_GRAIN + 0.5) / FEEDBACK_GRAIN  # type: ignore[no-any-return]


@kernel
def sum_inputs(
    level: np.ndarray,
    input_weight: np.ndarray,
    z: np.ndarray,
    feedback_weight: np.ndarray,
    feedback: bool,
    i_in: np.ndarray,
) -> None:
    """Sum the currents from cues, events and the fed-back readout; exact, like `deliver_spikes`.

    Parameters
    ----------
    level : (C,) float64
        0 or 1 for each input channel.
    input_weight : (C, N) float64
        Current of each channel into each cell.
    z : (K,) float64
        When readout of the step before.
    feedback_weight : (K, N) float64
        Current per unit of each readout channel.
    feedback : bool
        Whether to feed back at all.
    i_in : (N,) float64
        Overwritten with the sums.
    """
    i_in[:] = 0.0
    for channel in range(level.size):
        if level[channel] != 0.0:
            for j in range(i_in.size):
                i_in[j] += level[channel] * input_weight[channel, j]
    if feedback:
        for k in range(z.size):
            fed_back = graded(z[k])
            for j in range(i_in.size):
                i_in[j] += fed_back * feedback_weight[k, j]


@kernel
def advance_traces(
    x: np.ndarray, spiking: np.ndarray, count: int, trace_decay: float, trace_gain: float
) -> None:
    """Let every cell's trace decay and add this step's spikes.

    Parameters
    ----------
    x : (N,) float64
        Traces, spikes per ms; changed in place.
    spiking, count : (N,) int64, int
        As `reset_spiking` left them.
    trace_decay, trace_gain : float
        As in `StepConstants`.
    """
    for j in range(x.size):
        x[j] = x[j] * trace_decay
    for k in range(count):
        x[spiking[k]] += trace_gain


@kernel
def advance_means(m: np.ndarray, x: np.ndarray, mean_rate: float) -> None:
    """Let the slow mean of every trace follow it.

    Parameters
    ----------
    m, x : (N,) float64
        Slow means, changed in place, and traces.
    mean_rate : float
        dt / tau_m.
    """
    for j in range(m.size):
        m[j] = m[j] + (x[j] - m[j]) * mean_rate


@kernel
def centre_traces(x: np.ndarray, m: np.ndarray, constant_input: float, centred: bool, xc: np.ndarray) -> None:
    """Form the input of the when readout: the traces less their slow means, and a constant.

    Parameters
    ----------
    x, m : (N,) float64
        Traces and their slow means.
    constant_input : float
        The last entry.
    centred : bool
        Whether to subtract the means.
    xc : (N + 1,) float64
        Overwritten.
    """
    for j in range(x.size):
        xc[j] = x[j] - m[j] if centred else x[j]
    xc[x.size] = constant_input


@kernel
def read_out(
    w_when: np.ndarray,
    w_what: np.ndarray,
    xc: np.ndarray,
    x: np.ndarray,
    z: np.ndarray,
    what_drive: np.ndarray,
) -> float:
    """Both readouts, each sum in ascending order of cells from 0.0.

    Two channels are summed side by side, because a strictly ordered sum waits for each addition: the
    order within a channel, and so its bits, are the same as one by one.

    Parameters
    ----------
    w_when : (K, N + 1) float64
        Weights of the when readout.
    w_what : (K, N) float64
        Weights of the what readout.
    xc, x : (N + 1,), (N,) float64
        Inputs of the two.
    z, what_drive : (K,) float64
        Overwritten with W_when . xc and W_what . x.

    Returns
    -------
    float
        |xc|^2.
    """
    cells = x.size
    channels = z.size
    norm = 0.0
    for k in range(0, channels, 2):
        other = min(k + 1, channels - 1)
        norm = z_k = z_other = drive_k = drive_other = 0.0
        for j in range(cells):
            norm += xc[j] * xc[j]
            z_k += w_when[k, j] * xc[j]
            z_other += w_when[other, j] * xc[j]
            drive_k += w_what[k, j] * x[j]
            drive_other += w_what[other, j] * x[j]
        norm += xc[cells] * xc[cells]
        z[k] = z_k + w_when[k, cells] * xc[cells]
        z[other] = z_other + w_when[other, cells] * xc[cells]
        what_drive[k] = drive_k
        what_drive[other] = drive_other
    return norm


@kernel
def reservoir_step(
    network: Network,
    constants: StepConstants,
    state: State,
    level: np.ndarray,
    step_key: np.uint64,
    i_in: np.ndarray,
    spiking: np.ndarray,
) -> int:
    """Advance the reservoir by one step, from the currents that reach it to the spikes it sends.

    Parameters
    ----------
    network, constants, state
        What is simulated; v, u, s and a_in of ``state`` are changed in place, its z is fed back.
    level : (C,) float64
        Input channels, cues then events.
    step_key : uint64
        Noise key of this step.
    i_in : (N,) float64
        Scratch.
    spiking : (N,) int64
        Its head receives the indices of the spiking cells, ascending.

    Returns
    -------
    int
        How many cells spiked.
    """
    sum_inputs(level, network.input_weight, state.z, network.feedback_weight, constants.feedback, i_in)
    advance_cells(
        state.v,
        state.u,
        state.s,
        state.a_in,
        i_in,
        network.a,
        network.b,
        network.bias,
        constants.dt,
        constants.synapse_decay,
        constants.noise,
        step_key,
    )
    count = reset_spiking(state.v, state.u, network.c, network.d, spiking)
    deliver_spikes(spiking, count, network.first, network.target, network.weight, state.a_in)
    return count


@kernel
def readout_step(
    constants: StepConstants,
    state: State,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    in_what_window: bool,
    learning: bool,
    xc: np.ndarray,
    what_drive: np.ndarray,
) -> float:
    """Advance traces and readouts by one step, after the spikes of that step, and learn.

    Parameters
    ----------
    constants, state
        What is simulated; x, m, z, x_sum and w_when of ``state`` are changed in place.
    spiking, count : (N,) int64, int
        As `reset_spiking` left them.
    gate, target : (K,) float64
        Gate of the when rule and the value it teaches.
    in_what_window : bool
        Whether the traces of this step count for the what rule.
    learning : bool
        False freezes the slow means and the weights (a probe).
    xc : (N + 1,) float64
        Scratch.
    what_drive : (K,) float64
        Overwritten with W_what . x.

    Returns
    -------
    float
        |xc|^2; NaN if a when readout is not finite or beyond +-`Z_LIMIT`, and then nothing is learned.
    """
    advance_traces(state.x, spiking, count, constants.trace_decay, constants.trace_gain)
    if learning:
        advance_means(state.m, state.x, constants.mean_rate)
    centre_traces(state.x, state.m, constants.constant_input, constants.centred, xc)
    norm = read_out(state.w_when, state.w_what, xc, state.x, state.z, what_drive)
    for k in range(state.z.size):
        if not abs(state.z[k]) <= Z_LIMIT:
            return np.nan
    if in_what_window:
        for j in range(state.x.size):
            state.x_sum[j] += state.x[j]
    if learning:
        divisor = constants.norm_floor + (norm if constants.moment_norm else state.norm[0])
        gated_delta(state.w_when, xc, gate, target, state.z, constants.when_rate, divisor)
    return norm


@kernel
def advance(
    network: Network,
    constants: StepConstants,
    state: State,
    level: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    recording: Recording,
) -> tuple[int, int]:
    """Advance reservoir and readout by a chunk of steps of one segment.

    Parameters
    ----------
    network, constants, state
        What is simulated; ``state`` is changed in place.
    level : (steps, C) float64
        Input channels, cues then events.
    gate, target : (steps, K) float64
        Gate of the when rule and the value it teaches.
    noise_key : uint64
        Key of the segment; step and cell are folded in here.
    first_step : int
        Step of the segment at which the chunk begins.
    what_window : (int, int)
        Steps of the segment, from and up to, whose traces are summed for the what rule.
    learning : bool
        False freezes the slow means and the weights (a probe).
    recording
        Filled in.

    Returns
    -------
    spikes : int
        How many spikes were recorded.
    diverged : int
        Step of the segment at which a when readout was not finite or beyond +-`Z_LIMIT`, or -1.
    """
    cells = state.v.size
    i_in = np.empty(cells)
    xc = np.empty(cells + 1)
    spiking = np.empty(cells, np.int64)
    recorded = 0
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(network, constants, state, level[row], step_key, i_in, spiking)
        for k in range(count):
            recording.spike_step[recorded] = step
            recording.spike_cell[recorded] = spiking[k]
            recorded += 1
        in_what_window = what_window[0] <= step < what_window[1]
        recording.norm[row] = readout_step(
            constants,
            state,
            spiking,
            count,
            gate[row],
            target[row],
            in_what_window,
            learning,
            xc,
            recording.what_drive[row],
        )
        for k in range(state.z.size):
            recording.z[row, k] = state.z[k]
        if np.isnan(recording.norm[row]):
            return recorded, step
    return recorded, -1


def decay_of_step(dt: float, tau: float) -> float:
    """Return what is left after a step of ``dt`` of what decays with ``tau``, both in ms: exp(-dt / tau)."""
    return float(np.exp(-dt / tau))


def noise_of_step(noise: float, dt: float) -> float:
    """Return the noise's deviation in a step of ``dt`` ms, given that of a 1 ms step."""
    return noise * float(np.sqrt(1.0 / dt))


def step_constants(config: Any) -> StepConstants:
    """Multiply a configuration out for its time step.

    Parameters
    ----------
    config : Config
        Validated settings.

    Returns
    -------
    StepConstants
        See there.
    """
    dt = config.run.dt_ms
    reservoir, readout = config.reservoir, config.readout
    trace_decay = decay_of_step(dt, readout.tau_x_ms)
    return StepConstants(
        dt=dt,
        synapse_decay=decay_of_step(dt, reservoir.tau_s_ms),
        trace_decay=trace_decay,
        trace_gain=(1.0 - trace_decay) / dt,
        mean_rate=dt / readout.tau_m_ms,
        noise=noise_of_step(reservoir.noise, dt),
        constant_input=readout.constant_input,
        when_rate=readout.when_rate * dt,
        norm_floor=readout.when_norm_floor,
        centred=readout.centred,
        moment_norm=readout.when_norm == "moment",
        feedback=reservoir.feedback_gain != 0.0,
    )
