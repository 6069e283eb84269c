"""One time step of reservoir and readout in integers, made of the parts' kernels.

The counterpart of `lava_predict.network.float_step`, with the same arguments in the parts' integer formats;
``lost``, (V,) int64, are the counters in ``State.saturations``, changed in place. There is no division and
no float in a step. docs/fixed-point.md states every format.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network import inputs
from lava_predict.network.draw import Network
from lava_predict.network.float_step import Kernels, Recording
from lava_predict.network.inputs import fixed_sum_inputs, gather_current
from lava_predict.network.state import State
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.integers import STOCHASTIC
from lava_predict.numerics.noise import CELLS_WORD, fold

# These stand for the parts' kernels, and for how many counters the parts have; `kernels` says which.
advance_cell = at_threshold = reset_cell = cell_cuts = cells_whole = no_cells_seen = count_cells = part
arrive = deliver = synapse_cut = synapses_whole = no_synapses_seen = count_synapses = part
scratch = readout_step = part
cell_counters = current_counter = 0

CURRENT = "current"
"""What saturates beside the parts' own states: the current of a step."""


class Constants(NamedTuple):
    """What an integer step needs beside network and state.

    Attributes
    ----------
    cells, synapses, when, inputs
        The constants of neuron, synapse, when rule, and of inputs, feedback and noise.
    rounding : int
        `NEAREST`, `FLOOR` or `STOCHASTIC`.
    """

    cells: Any
    synapses: Any
    when: Any
    inputs: inputs.FixedConstants
    rounding: int


def advance_alike(
    cells: Any,
    synapses: Any,
    parameters: Any,
    k: Constants,
    cuts: Any,
    cut: Any,
    steady: np.ndarray,
    lost: np.ndarray,
) -> None:
    """Advance all cells and their currents by one step up to the threshold, with the same rounding for all.

    ``cuts`` and ``cut`` are the rounding of neuron and synapse; ``steady`` is the sum of bias, inputs,
    feedback and noise, (N,) int32 or int64: 24 bits, F fraction bits.
    """
    seen, synapses_seen = no_cells_seen(), no_synapses_seen()
    for j in range(steady.size):
        s, synapses_seen = arrive(synapses, k.synapses, cut, j, synapses_seen)
        current = np.add(np.int32(steady[j]), s)
        seen = advance_cell(cells, parameters, k.cells, cuts, j, current, seen)
    count_cells(cells, k.cells, seen, lost)
    count_synapses(synapses, k.synapses, synapses_seen, lost[cell_counters:])


def advance_cells(
    cells: Any,
    synapses: Any,
    parameters: Any,
    k: Constants,
    i_in: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """Advance synaptic currents and cells by a step, up to the threshold.

    ``i_in``, (N,) int32 or int64 of F fraction bits, holds the current from cues, events and feedback; bias
    and noise are added to it. ``lost`` counts the cells whose variable stands at a bound after the step.
    """
    lost[current_counter] += gather_current(i_in, parameters.bias, k.inputs, k.rounding, step_key)
    nothing = np.uint64(0)
    if k.rounding == STOCHASTIC:
        key = fold(step_key, CELLS_WORD)
        seen, synapses_seen = no_cells_seen(), no_synapses_seen()
        for j in range(i_in.size):
            bits = fold(key, np.uint64(j))
            cuts = cell_cuts(k.cells, STOCHASTIC, bits, False)
            cut = synapse_cut(k.synapses, STOCHASTIC, bits, False)
            s, synapses_seen = arrive(synapses, k.synapses, cut, j, synapses_seen)
            current = np.add(np.int32(i_in[j]), s)
            seen = advance_cell(cells, parameters, k.cells, cuts, j, current, seen)
        count_cells(cells, k.cells, seen, lost)
        count_synapses(synapses, k.synapses, synapses_seen, lost[cell_counters:])
    elif cells_whole(k.cells) and synapses_whole(k.synapses):
        cuts = cell_cuts(k.cells, k.rounding, nothing, True)
        cut = synapse_cut(k.synapses, k.rounding, nothing, True)
        advance_alike(cells, synapses, parameters, k, cuts, cut, i_in, lost)
    else:
        cuts = cell_cuts(k.cells, k.rounding, nothing, False)
        cut = synapse_cut(k.synapses, k.rounding, nothing, False)
        advance_alike(cells, synapses, parameters, k, cuts, cut, i_in, lost)


def reset_spiking(cells: Any, parameters: Any, k: Constants, spiking: np.ndarray, lost: np.ndarray) -> int:
    """Find the cells at the threshold and reset them, as `float_step.reset_spiking`."""
    count = 0
    for j in range(spiking.size):
        if at_threshold(cells, parameters, k.cells, j):
            spiking[count] = j
            count += 1
    for index in range(count):
        reset_cell(cells, parameters, k.cells, spiking[index], lost)
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
    lost: np.ndarray,
) -> int:
    """Advance the reservoir by one step, as `float_step.reservoir_step`; ``level`` is int32."""
    fixed_sum_inputs(level, input_weight, z, feedback_weight, k.inputs, i_in)
    advance_cells(cells, synapses, parameters, k, i_in, step_key, lost)
    count = reset_spiking(cells, parameters, k, spiking, lost)
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
        state.saturations,
    )


def single_readout_step(
    k: Constants,
    state: State,
    spiking: np.ndarray,
    rate_gate: np.ndarray,
    target: np.ndarray,
    in_what_window: bool,
    learning: bool,
    step: int,
    step_key: np.uint64,
    what_drive: np.ndarray,
) -> int:
    """Advance the readout alone by one step: a when rule's ``fixed_step``."""
    room = scratch(state.when)
    given = (state.when, state.what, state.z, spiking, spiking.size, rate_gate, target)
    lost = state.saturations[current_counter + 1 :]
    now = (in_what_window, learning, step, step_key)
    return readout_step(k.when, *given, *now, room, what_drive, lost)


def advance(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    rate_gate: np.ndarray,
    target: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    recording: Recording,
    i_in: np.ndarray,
) -> tuple[int, int]:
    """Advance reservoir and readout by a chunk of steps of one segment, as `float_step.advance`.

    ``level`` is (steps, C) int32; ``rate_gate`` (learning rate times gate) and ``target`` are (steps, K)
    int32, the latter of `PAYLOAD_FRACTION` bits. A recorded norm of -1 marks where the network diverged.
    """
    spiking = np.empty(i_in.size, np.int64)
    room = scratch(state.when)
    cells, synapses, z, when, what = state.cells, state.synapses, state.z, state.when, state.what
    parameters, connections, input_weight, feedback_weight = network
    spike_step, spike_cell = recording.spike_step, recording.spike_cell
    z_rows, what_rows, norms = recording.z, recording.what_drive, recording.norm
    all_lost, lost = state.saturations, state.saturations[current_counter + 1 :]
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
            all_lost,
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
            rate_gate[row],
            target[row],
            in_window,
            learning,
            step,
            step_key,
            room,
            what_rows[row],
            lost,
        )
        for channel in range(z.size):
            z_rows[row, channel] = z[channel]
        if norms[row] < 0:
            return recorded, step
    return recorded, -1


@cache
def population_kernels(neuron: Any, synapse: Any) -> tuple[Any, Any]:
    """Return `advance_cells` and `reset_spiking` for a neuron and a synapse."""
    loop = {
        "advance_cell": neuron.fixed_advance,
        "no_cells_seen": neuron.fixed_nothing_seen,
        "count_cells": neuron.fixed_count,
        "arrive": synapse.fixed_arrive,
        "no_synapses_seen": synapse.fixed_nothing_seen,
        "count_synapses": synapse.fixed_count,
        "cell_counters": len(neuron.SATURATING),
    }
    cells = bind(
        advance_cells,
        advance_alike=bind(advance_alike, **loop),
        cell_cuts=neuron.fixed_cuts,
        cells_whole=neuron.fixed_whole,
        synapse_cut=synapse.fixed_cut,
        synapses_whole=synapse.fixed_whole,
        current_counter=len(neuron.SATURATING) + len(synapse.SATURATING),
        **loop,
    )
    spikes = bind(reset_spiking, at_threshold=neuron.fixed_at_threshold, reset_cell=neuron.fixed_reset)
    return cells, spikes


@cache
def kernels(neuron: Any, synapse: Any, rule: Any) -> Kernels:
    """Compile the functions above for a neuron, a synapse and a when rule."""
    cells, spikes = population_kernels(neuron, synapse)
    reservoir = bind(reservoir_step, advance_cells=cells, reset_spiking=spikes, deliver=synapse.fixed_deliver)
    readout = {
        "readout_step": rule.fixed_step,
        "scratch": rule.fixed_scratch,
        "current_counter": len(neuron.SATURATING) + len(synapse.SATURATING),
    }
    whole = bind(advance, reservoir_step=reservoir, **readout)
    single = bind(single_reservoir_step, reservoir_step=reservoir)
    return Kernels(cells, spikes, reservoir, single, bind(single_readout_step, **readout), whole)


def saturating(neuron: Any, synapse: Any, rule: Any) -> tuple[str, ...]:
    """Name what may saturate, in the order of ``State.saturations``."""
    return (*neuron.SATURATING, *synapse.SATURATING, CURRENT, *rule.SATURATING, "w_what")
