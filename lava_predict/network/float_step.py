"""What a step in float64 has of its own; `lava_predict.network.step` has the rest.

There are no counters: ``lost`` is empty.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import fold, standard_noise

# These stand for the parts' kernels.
advance_cell = arrive = at_threshold = reset_cell = part


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

    ``i_in``, (N,) float64, is the current from cues, events and feedback, of this step only; it is
    overwritten. Short loops over few arrays each are what compilers turn into vector instructions.
    """
    for j in range(i_in.size):
        i_in[j] = (parameters.bias[j] + arrive(synapses, k.synapses, j)) + i_in[j]
    if k.inputs.noise > 0.0:
        for j in range(i_in.size):
            i_in[j] += k.inputs.noise * standard_noise(fold(step_key, np.uint64(j)))
    for j in range(i_in.size):
        advance_cell(cells, parameters, k.cells, j, i_in[j])


def reset_spiking(cells: Any, parameters: Any, k: Any, spiking: np.ndarray, lost: np.ndarray) -> int:
    """Find the cells at the threshold, reset them, and return how many there are."""
    count = 0
    for j in range(spiking.size):
        if at_threshold(cells, parameters, k.cells, j):
            reset_cell(cells, parameters, k.cells, j)
            spiking[count] = j
            count += 1
    return count


@cache
def population_kernels(neuron: Any, synapse: Any) -> tuple[Any, Any]:
    """Return `advance_cells` and `reset_spiking` for a neuron and a synapse."""
    return (
        bind(advance_cells, advance_cell=neuron.advance, arrive=synapse.arrive),
        bind(reset_spiking, at_threshold=neuron.at_threshold, reset_cell=neuron.reset),
    )
