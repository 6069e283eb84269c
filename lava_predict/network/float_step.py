"""What a step in float64 has of its own; `lava_predict.network.step` has the rest.

There are no counters: ``lost`` is empty.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lava_predict.network.spiking import list_spiking
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import GOLDEN, mix, standard_noise
from lava_predict.numerics.views import viewed

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
    noise, word = k.inputs.noise, step_key
    if noise > 0.0:
        for j in range(i_in.size):
            word += GOLDEN  # the same numbers as fold(step_key, j), without its product
            steady = (parameters.bias[j] + arrive(synapses, k.synapses, j)) + i_in[j]
            i_in[j] = steady + noise * standard_noise(mix(word))
    else:
        for j in range(i_in.size):
            i_in[j] = (parameters.bias[j] + arrive(synapses, k.synapses, j)) + i_in[j]
    for j in range(i_in.size):
        advance_cell(cells, parameters, k.cells, j, i_in[j])


def reset_spiking(
    cells: Any, parameters: Any, k: Any, room: np.ndarray, spiking: np.ndarray, lost: np.ndarray
) -> int:
    """Find the cells at the threshold, reset them, and return their number; ``room``, (N,), is scratch."""
    flags = viewed(room, np.uint8)[: spiking.size]
    for j in range(spiking.size):
        flags[j] = at_threshold(cells, parameters, k.cells, j)
    count = list_spiking(flags, spiking)
    for index in range(count):
        reset_cell(cells, parameters, k.cells, spiking[index])
    return count


@cache
def population_kernels(neuron: Any, synapse: Any) -> tuple[Any, Any]:
    """Return `advance_cells` and `reset_spiking` for a neuron and a synapse."""
    return (
        bind(advance_cells, advance_cell=neuron.advance, arrive=synapse.arrive),
        bind(reset_spiking, at_threshold=neuron.at_threshold, reset_cell=neuron.reset),
    )
