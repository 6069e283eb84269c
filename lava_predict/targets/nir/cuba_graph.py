"""An approximated network as a graph of NIR's own nodes. Needs the package nir.

docs/export.md states the graph and its units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nir
import numpy as np
from scipy.sparse import csc_array

from lava_predict.numerics.columns import columns
from lava_predict.targets.nir.approximation import Approximation

SCHEMA = 1
"""Version of the graph: its nodes, their units and the metadata."""

EDGES = (
    ("input", "input_weights"),
    ("input_weights", "cells"),
    ("cells", "recurrent_weights"),
    ("recurrent_weights", "cells"),
    ("cells", "output"),
)
"""In the order in which a step follows them: Norse gives back what comes last."""


def cuba_graph(found: Approximation, metadata: Mapping[str, Any]) -> nir.NIRGraph:
    """Turn an approximated network into a graph that `nir.read` reads; some metadata are added."""
    network, cells = found.network, found.fit.cells
    size, share = network.size, found.dt_ms / found.tau_s_ms
    gain = (found.dt_ms * cells.gain)[:, None]
    synapses = columns(network.synapses)
    recurrent = csc_array((synapses.weight, synapses.target, synapses.first), shape=(size, size)).toarray()
    nodes = {
        "input": nir.Input({"input": np.array([network.input_weight.shape[0]])}),
        "input_weights": nir.Affine(share * gain * network.input_weight.T, share * found.dt_ms * cells.bias),
        "cells": _cells(found),
        "recurrent_weights": nir.Linear(gain * recurrent),
        "output": nir.Output({"output": np.array([size])}),
    }
    return nir.NIRGraph(nodes, list(EDGES), metadata={**_described(found), **metadata})


def _cells(found: Approximation) -> nir.CubaLIF:
    """Return the cells, so scaled that all have one threshold and reset, and neither gain nor leak voltage.

    That is what all importers of the node understand, and loses nothing: weights and bias have the rest.
    """
    size, step_s = found.network.size, found.dt_ms / 1000.0
    tau_mem, tau_syn = found.fit.cells.tau_ms / 1000.0, np.full(size, found.tau_s_ms / 1000.0)
    return nir.CubaLIF(
        tau_syn=tau_syn,
        tau_mem=tau_mem,
        r=tau_mem / step_s,
        v_leak=np.zeros(size),
        v_threshold=np.ones(size),
        v_reset=np.zeros(size),
        w_in=tau_syn / step_s,
    )


def _described(found: Approximation) -> dict[str, Any]:
    return {
        "format": "lava-predict approximation",
        "schema": SCHEMA,
        "approximation": f"each {found.neuron} cell is replaced by the nearest current-based leaky "
        "integrate-and-fire cell, fitted to its spikes under its own currents; private noise and readouts "
        "are left out",
        "units": "tau_mem, tau_syn: s; a spike is 1 during a step of dt_s; v has none",
        "dt_s": found.dt_ms / 1000.0,
        "discretisation": "Euler with dt_s: I, then v with the new I, then threshold and reset; a spike "
        "arrives one step later",
        **found.summary,
        "cells_original_rate_hz": found.original_hz,
        "cells_rate_hz": found.fit.rate_hz,
        "cells_rate_in_network_hz": found.network_hz,
        "cells_distance": found.fit.distance,
    }
