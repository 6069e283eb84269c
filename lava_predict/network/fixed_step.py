"""What a step in integers has of its own; `lava_predict.network.step` has the rest.

``lost``, (V,) int64, are the counters in ``State.saturations``, changed in place. There is no division and no
float in a step. docs/fixed-point.md states every format.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lava_predict.network.inputs import gather_current
from lava_predict.network.spiking import list_spiking
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import STOCHASTIC
from lava_predict.numerics.noise import CELLS_WORD, fold
from lava_predict.numerics.views import viewed

# These stand for the parts' kernels, and for how many counters the parts have.
advance_cell = adapt_cell = at_threshold = reset_cell = cell_cuts = cells_whole = no_cells_seen = (
    count_cells
) = part
arrive = synapse_cut = synapses_whole = no_synapses_seen = count_synapses = part
cell_counters = current_counter = 0

CURRENT = "current"
"""What saturates beside the parts' own states: the current of a step."""


def advance_alike(
    cells: Any,
    synapses: Any,
    parameters: Any,
    k: Any,
    cuts: Any,
    cut: Any,
    steady: np.ndarray,
    lost: np.ndarray,
) -> None:
    """Advance all cells and their currents by one step up to the threshold, with the same rounding for all.

    ``cuts`` and ``cut`` are the rounding of neuron and synapse; ``steady`` is the sum of bias, inputs,
    feedback and noise, (N,) int32 or int64: 24 bits, F fraction bits; it becomes the whole current. Each of
    the loops needs few enough numbers that a processor holds them in its registers.
    """
    seen, synapses_seen = no_cells_seen(), no_synapses_seen()
    for j in range(steady.size):
        s, synapses_seen = arrive(synapses, k.synapses, cut, j, synapses_seen)
        steady[j] = np.add(np.int32(steady[j]), s)
    for j in range(steady.size):
        seen = advance_cell(cells, parameters, k.cells, cuts, j, np.int32(steady[j]), seen)
    for j in range(steady.size):
        seen = adapt_cell(cells, parameters, k.cells, cuts, j, seen)
    count_cells(cells, k.cells, seen, lost)
    count_synapses(synapses, k.synapses, synapses_seen, lost[cell_counters:])


def advance_cells(
    cells: Any,
    synapses: Any,
    parameters: Any,
    k: Any,
    i_in: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """Advance synaptic currents and cells by a step, up to the threshold.

    ``i_in``, (N,) int32 or int64 of F fraction bits, holds the current from cues, events and feedback; it is
    overwritten. ``lost`` counts the cells whose variable stands at a bound after the step.
    """
    lost[current_counter] += gather_current(i_in, parameters.bias, k.inputs, step_key)
    nothing = np.uint64(0)
    if k.inputs.rounding == STOCHASTIC:
        key = fold(step_key, CELLS_WORD)
        seen, synapses_seen = no_cells_seen(), no_synapses_seen()
        for j in range(i_in.size):
            bits = fold(key, np.uint64(j))
            cuts = cell_cuts(k.cells, STOCHASTIC, bits, False)
            cut = synapse_cut(k.synapses, STOCHASTIC, bits, False)
            s, synapses_seen = arrive(synapses, k.synapses, cut, j, synapses_seen)
            current = np.add(np.int32(i_in[j]), s)
            seen = advance_cell(cells, parameters, k.cells, cuts, j, current, seen)
            seen = adapt_cell(cells, parameters, k.cells, cuts, j, seen)
        count_cells(cells, k.cells, seen, lost)
        count_synapses(synapses, k.synapses, synapses_seen, lost[cell_counters:])
    elif cells_whole(k.cells) and synapses_whole(k.synapses):
        cuts = cell_cuts(k.cells, k.inputs.rounding, nothing, True)
        cut = synapse_cut(k.synapses, k.inputs.rounding, nothing, True)
        advance_alike(cells, synapses, parameters, k, cuts, cut, i_in, lost)
    else:
        cuts = cell_cuts(k.cells, k.inputs.rounding, nothing, False)
        cut = synapse_cut(k.synapses, k.inputs.rounding, nothing, False)
        advance_alike(cells, synapses, parameters, k, cuts, cut, i_in, lost)


def reset_spiking(
    cells: Any, parameters: Any, k: Any, room: np.ndarray, spiking: np.ndarray, lost: np.ndarray
) -> int:
    """Find the cells at the threshold, reset them, and return their number; ``room``, (N,), is scratch."""
    flags = viewed(room, np.uint8)[: spiking.size]
    for j in range(spiking.size):
        flags[j] = at_threshold(cells, parameters, k.cells, j)
    count = list_spiking(flags, spiking)
    for index in range(count):
        reset_cell(cells, parameters, k.cells, spiking[index], lost)
    return count


@lean_kernel
def nothing_to_adapt(cells: Any, parameters: Any, k: Any, cuts: Any, j: int, seen: Any) -> Any:
    """Leave a cell as it is."""
    return seen


@cache
def population_kernels(neuron: Any, synapse: Any) -> tuple[Any, Any]:
    """Return `advance_cells` and `reset_spiking` for a neuron and a synapse."""
    loop = {
        "advance_cell": neuron.fixed_advance,
        "adapt_cell": getattr(neuron, "fixed_adapt", nothing_to_adapt),
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
        current_counter=rule_counters(neuron, synapse) - 1,
        **loop,
    )
    spikes = bind(reset_spiking, at_threshold=neuron.fixed_at_threshold, reset_cell=neuron.fixed_reset)
    return cells, spikes


def rule_counters(neuron: Any, synapse: Any) -> int:
    """Return how many counters come before the when rule's: those of the parts, and the current's."""
    return len(neuron.SATURATING) + len(synapse.SATURATING) + 1


def saturating(neuron: Any, synapse: Any, rule: Any) -> tuple[str, ...]:
    """Name what may saturate, in the order of ``State.saturations``."""
    return (*neuron.SATURATING, *synapse.SATURATING, CURRENT, *rule.SATURATING, "w_what")
