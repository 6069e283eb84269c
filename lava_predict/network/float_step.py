"""One time step of reservoir and readout in float64, made of the parts' kernels.

Units: ms, mV, and mV per ms for currents (Izhikevich 2003). N cells, C input channels, K events. Throughout,
``k`` are the `Constants`, ``step_key`` is the noise key of the step, and the head of ``spiking``, (N,) int64,
receives the indices of the spiking cells, ascending. States change in place.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network.draw import Network
from lava_predict.network.inputs import sum_inputs
from lava_predict.network.state import State
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import fold, standard_noise
from lava_predict.numerics.time_step import noise_of_step
from lava_predict.settings.schema import Config

# These stand for the parts' kernels; `kernels` says which.
advance_cell = at_threshold = reset_cell = arrive = deliver = scratch = readout_step = part


class Constants(NamedTuple):
    """What a step needs beside network and state.

    Attributes
    ----------
    cells, synapses, when
        The constants of neuron, synapse and when rule.
    noise : float
        Standard deviation of the private current in one step: noise * sqrt(1 ms / dt).
    feedback : bool
        Whether the when readout is fed back.
    """

    cells: Any
    synapses: Any
    when: Any
    noise: float
    feedback: bool


class Recording(NamedTuple):
    """Arrays that `advance` fills, one row a step of the chunk.

    Attributes
    ----------
    spike_step, spike_cell : (capacity,) uint32
        Step within the segment and cell of each spike, in order of step, then of cell.
    z : (steps, K) float64
        The when readout, before that step's learning; in integers int32 of `PAYLOAD_FRACTION` bits.
    what_drive : (steps, K) float64
        W_what . x, whose mean over the what window is p; likewise.
    norm : (steps,) float64
        |xc|^2; in integers int64 of twice as many bits.
    """

    spike_step: np.ndarray
    spike_cell: np.ndarray
    z: np.ndarray
    what_drive: np.ndarray
    norm: np.ndarray


def advance_cells(
    cells: Any, synapses: Any, parameters: Any, k: Constants, i_in: np.ndarray, step_key: np.uint64
) -> None:
    """Advance synaptic currents and cells by a step, up to the threshold.

    ``i_in``, (N,) float64, is the current from cues, events and feedback, of this step only.
    """
    if k.noise > 0.0:
        for j in range(i_in.size):
            s = arrive(synapses, k.synapses, j)
            noise = k.noise * standard_noise(fold(step_key, np.uint64(j)))
            advance_cell(cells, parameters, k.cells, j, ((parameters.bias[j] + s) + i_in[j]) + noise)
    else:
        for j in range(i_in.size):
            s = arrive(synapses, k.synapses, j)
            advance_cell(cells, parameters, k.cells, j, (parameters.bias[j] + s) + i_in[j])


def reset_spiking(cells: Any, parameters: Any, k: Constants, spiking: np.ndarray) -> int:
    """Find the cells at the threshold, reset them, and return how many there are."""
    count = 0
    for j in range(spiking.size):
        if at_threshold(cells, parameters, k.cells, j):
            reset_cell(cells, parameters, k.cells, j)
            spiking[count] = j
            count += 1
    return count


def reservoir_step(
    cells: Any,
    synapses: Any,
    z: np.ndarray,
    parameters: Any,
    connections: Any,
    input_weight: np.ndarray,
    feedback_weight: np.ndarray,
    k: Constants,
    level: np.ndarray,
    step_key: np.uint64,
    i_in: np.ndarray,
    spiking: np.ndarray,
) -> int:
    """Advance the reservoir by one step, from the currents that reach it to the spikes it sends.

    The first arguments are fields of `State` and `Network`, which are taken out of their tuples once a chunk:
    their arrays are counted, one by one, whenever that is done. ``level``, (C,) float64, are the input
    channels, cues then events; ``z`` is fed back; ``i_in``, (N,) float64, is scratch. Returns how many cells
    spiked.
    """
    sum_inputs(level, input_weight, z, feedback_weight, k.feedback, i_in)
    advance_cells(cells, synapses, parameters, k, i_in, step_key)
    count = reset_spiking(cells, parameters, k, spiking)
    deliver(synapses, connections, k.synapses, spiking, count)
    return count


def single_reservoir_step(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    step_key: np.uint64,
    i_in: np.ndarray,
    spiking: np.ndarray,
) -> int:
    """Advance the reservoir alone by one step, as `reservoir_step`."""
    return reservoir_step(
        state.cells,
        state.synapses,
        state.z,
        network.cells,
        network.synapses,
        network.input_weight,
        network.feedback_weight,
        k,
        level,
        step_key,
        i_in,
        spiking,
    )


def single_readout_step(
    k: Constants,
    state: State,
    spiking: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    in_what_window: bool,
    learning: bool,
    what_drive: np.ndarray,
) -> float:
    """Advance the readout alone by one step: a when rule's ``step``, where all of ``spiking`` have spiked."""
    room = scratch(state.when)
    given = (state.when, state.what, state.z, spiking, spiking.size, gate, target, in_what_window, learning)
    return readout_step(k.when, *given, room, what_drive)  # type: ignore[no-any-return]


def advance(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    recording: Recording,
    i_in: np.ndarray,
) -> tuple[int, int]:
    """Advance reservoir and readout by a chunk of steps of one segment.

    Parameters
    ----------
    network, k, state, i_in
        As for `reservoir_step`.
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
    recording : Recording
        Filled in.

    Returns
    -------
    spikes, diverged : int
        How many spikes were recorded, and the step of the segment at which a when readout was not finite or
        beyond its limit, or -1.
    """
    spiking = np.empty(i_in.size, np.int64)
    room = scratch(state.when)
    cells, synapses, z, when, what = state.cells, state.synapses, state.z, state.when, state.what
    parameters, connections, input_weight, feedback_weight = network
    spike_step, spike_cell = recording.spike_step, recording.spike_cell
    z_rows, what_rows, norms = recording.z, recording.what_drive, recording.norm
    recorded = 0
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(
            cells,
            synapses,
            z,
            parameters,
            connections,
            input_weight,
            feedback_weight,
            k,
            level[row],
            step_key,
            i_in,
            spiking,
        )
        for index in range(count):
            spike_step[recorded] = step
            spike_cell[recorded] = spiking[index]
            recorded += 1
        in_window = what_window[0] <= step < what_window[1]
        norms[row] = readout_step(
            k.when,
            when,
            what,
            z,
            spiking,
            count,
            gate[row],
            target[row],
            in_window,
            learning,
            room,
            what_rows[row],
        )
        for channel in range(z.size):
            z_rows[row, channel] = z[channel]
        if np.isnan(norms[row]):
            return recorded, step
    return recorded, -1


class Kernels(NamedTuple):
    """The functions above, compiled for chosen parts."""

    advance_cells: Any
    reset_spiking: Any
    reservoir_step: Any
    single_reservoir_step: Any
    readout_step: Any
    advance: Any


@cache
def population_kernels(neuron: Any, synapse: Any) -> tuple[Any, Any]:
    """Return `advance_cells` and `reset_spiking` for a neuron and a synapse."""
    return (
        bind(advance_cells, advance_cell=neuron.advance, arrive=synapse.arrive),
        bind(reset_spiking, at_threshold=neuron.at_threshold, reset_cell=neuron.reset),
    )


@cache
def kernels(neuron: Any, synapse: Any, rule: Any) -> Kernels:
    """Compile the functions above for a neuron, a synapse and a when rule."""
    cells, spikes = population_kernels(neuron, synapse)
    reservoir = bind(reservoir_step, advance_cells=cells, reset_spiking=spikes, deliver=synapse.deliver)
    readout = {"readout_step": rule.step, "scratch": rule.scratch}
    whole = bind(advance, reservoir_step=reservoir, **readout)
    single = bind(single_reservoir_step, reservoir_step=reservoir)
    return Kernels(cells, spikes, reservoir, single, bind(single_readout_step, **readout), whole)


def step_constants(config: Config, network: Network, neuron: Any, synapse: Any, rule: Any) -> Constants:
    """Multiply a configuration out for its time step and the parts that the drawn network is made of."""
    dt, reservoir = config.run.dt_ms, config.reservoir
    return Constants(
        cells=neuron.constants(network.cells, dt),
        synapses=synapse.constants(config),
        when=rule.constants(config),
        noise=noise_of_step(reservoir.noise, dt),
        feedback=reservoir.feedback_gain != 0.0,
    )
