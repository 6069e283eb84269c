"""A player of NIR graphs of CubaLIF, written from NIR's documented equations (nir.CubaLIF's docstring).

    tau_syn dI/dt = -I + w_in S,    tau_mem dv/dt = (v_leak - v) + R I,    where v > v_threshold: v = v_reset

A step is one of Euler's, I first; a spike goes along the recurrent edge in the next step.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def play_graph(graph: Any, inputs: np.ndarray, dt_s: float) -> np.ndarray:
    """Return the spikes of the node `cells`, (T, N), for inputs of (T, C)."""
    cells, given = graph.nodes["cells"], graph.nodes["input_weights"]
    recurrent = graph.nodes["recurrent_weights"].weight
    current, v = np.zeros((2, cells.v_threshold.size))
    spikes = np.zeros((len(inputs) + 1, v.size))
    for t, row in enumerate(inputs):
        arriving = given.weight @ row + given.bias + recurrent @ spikes[t - 1]
        current = current + dt_s / cells.tau_syn * (cells.w_in * arriving - current)
        v = v + dt_s / cells.tau_mem * (cells.v_leak - v + cells.r * current)
        spikes[t] = v > cells.v_threshold
        v = np.where(spikes[t] > 0, cells.v_reset, v)
    return spikes[:-1]
