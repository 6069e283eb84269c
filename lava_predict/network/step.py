"""One time step of reservoir and readout, made of the parts' kernels: the same in float64 and in integers.

Units: ms, mV, and mV per ms for currents (Izhikevich 2003), or the parts' integer formats, which
docs/fixed-point.md states; in integers no step has a division or a float. N cells, C input channels, K
events. Throughout, ``k`` are the `Constants`, ``step_key`` is the noise key of the step, and the head of
``spiking``, (N,) int64, receives the indices of the spiking cells, ascending. States change in place, and so
does ``lost``, (V,) int64, the counters in ``State.saturations``, of which float has none.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network import fixed_step, float_step, inputs
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import fold
from lava_predict.settings.schema import Config

# These stand for the kernels of parts and of one arithmetic; `kernels` says which.
sum_inputs = advance_cells = reset_spiking = deliver = readout_step = part
integers, rule_counters = False, 0


class Constants(NamedTuple):
    """What a step needs beside network and state.

    Attributes
    ----------
    cells, synapses, when, inputs
        The constants of neuron, synapse and when rule; and of inputs, feedback and noise.
    """

    cells: Any
    synapses: Any
    when: Any
    inputs: Any


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


def reservoir_step(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    step_key: np.uint64,
    i_in: np.ndarray,
    spiking: np.ndarray,
) -> int:
    """Advance the reservoir by one step, from the currents that reach it to the spikes it sends.

    ``level``, (C,) float64 or int32, are the input channels, cues then events; the when readout is fed back;
    ``i_in``, (N,), is scratch. Returns how many cells spiked.
    """
    cells, synapses, lost = state.cells, state.synapses, state.saturations
    sum_inputs(level, network.input_weight, state.z, network.feedback_weight, k.inputs, i_in)
    advance_cells(cells, synapses, network.cells, k, i_in, step_key, lost)
    count: int = reset_spiking(cells, network.cells, k, i_in, spiking, lost)
    deliver(synapses, network.synapses, k.synapses, spiking, count)
    return count


def single_readout_step(
    k: Constants,
    state: State,
    spiking: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    step: int,
    step_key: np.uint64,
    room: Any,
    what_drive: np.ndarray,
) -> Any:
    """Advance the readout alone by one step: a when rule's ``step``, where all of ``spiking`` have spiked."""
    when, what, z, count = state.when, state.what, state.z, spiking.size
    if integers:
        lost = state.saturations[rule_counters:]
        return readout_step(
            k.when,
            when,
            what,
            z,
            spiking,
            count,
            gate,
            target,
            since_cue,
            learning,
            room,
            what_drive,
            step,
            step_key,
            lost,
        )
    return readout_step(
        k.when, when, what, z, spiking, count, gate, target, since_cue, learning, room, what_drive
    )


def advance(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    cue_step: int,
    learning: bool,
    recording: Recording,
    i_in: np.ndarray,
    spiking: np.ndarray,
    room: Any,
) -> tuple[int, int]:
    """Advance reservoir and readout by a chunk of steps of one segment.

    Parameters
    ----------
    network, k, state, i_in, spiking
        As for `reservoir_step`.
    level : (steps, C) float64 or int32
        Input channels, cues then events.
    gate, target : (steps, K) float64 or int32
        Gate of the when rule, in integers times the learning rate; and the value it teaches.
    noise_key : uint64
        Key of the segment; step and cell are folded in here.
    first_step : int
        Step of the segment at which the chunk begins.
    cue_step : int
        Step of the segment at which the cue comes on, or `NO_CUE`.
    learning : bool
        False freezes the slow means and the weights (a probe).
    recording : Recording
        Filled in.
    room
        What the when rule's ``scratch`` made.

    Returns
    -------
    spikes, diverged : int
        How many spikes were recorded, and the step of the segment at which a when readout was not finite or
        beyond its limit, or -1.
    """
    recorded = 0
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(network, k, state, level[row], step_key, i_in, spiking)
        for index in range(count):
            recording.spike_step[recorded] = step
            recording.spike_cell[recorded] = spiking[index]
            recorded += 1
        # Numba compiles the branch of the arithmetic alone.
        when, what, z = state.when, state.what, state.z
        gates, targets, since = gate[row], target[row], step - cue_step
        drive = recording.what_drive[row]
        if integers:
            lost = state.saturations[rule_counters:]
            norm = readout_step(
                k.when,
                when,
                what,
                z,
                spiking,
                count,
                gates,
                targets,
                since,
                learning,
                room,
                drive,
                step,
                step_key,
                lost,
            )
        else:
            norm = readout_step(
                k.when, when, what, z, spiking, count, gates, targets, since, learning, room, drive
            )
        recording.norm[row] = norm
        for channel in range(state.z.size):
            recording.z[row, channel] = state.z[channel]
        if not norm >= 0:  # NaN, or -1 in integers
            return recorded, step
    return recorded, -1


def step_of(rule: Any, config: Config, fixed: bool) -> Any:
    """Return the kernel by which a when rule takes a step under these settings."""
    if hasattr(rule, "step_for"):
        return rule.step_for(config, fixed)
    return rule.fixed_step if fixed else rule.step


class Kernels(NamedTuple):
    """The functions above, compiled for chosen parts and an arithmetic."""

    advance_cells: Any
    reset_spiking: Any
    reservoir_step: Any
    readout_step: Any
    advance: Any


@cache
def kernels(neuron: Any, synapse: Any, rule_step: Any, fixed: bool) -> Kernels:
    """Compile the functions above for a neuron, a synapse and a when rule's step, in float or in integers."""
    arithmetic = fixed_step if fixed else float_step
    cells, spikes = arithmetic.population_kernels(neuron, synapse)
    outside = {
        "sum_inputs": inputs.fixed_sum_inputs if fixed else inputs.sum_inputs,
        "deliver": synapse.fixed_deliver if fixed else synapse.deliver,
    }
    readout = {
        "readout_step": rule_step,
        "integers": fixed,
        "rule_counters": fixed_step.rule_counters(neuron, synapse) if fixed else 0,
    }
    reservoir = bind(reservoir_step, advance_cells=cells, reset_spiking=spikes, **outside)
    return Kernels(
        advance_cells=cells,
        reset_spiking=spikes,
        reservoir_step=reservoir,
        readout_step=bind(single_readout_step, **readout),
        advance=bind(advance, reservoir_step=reservoir, **readout),
    )
