"""A trained network as a graph of NIR nodes, and back. Needs the package nir.

docs/export.md states the graph, its units, and what it leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import h5py
import nir
import numpy as np
from nir.serialization import hdf2dict
from scipy.sparse import csc_array

from lava_predict.errors import UserError, one_of
from lava_predict.learning.readouts import FEEDBACK_GRAIN
from lava_predict.network.draw import Network
from lava_predict.network.state import leaves
from lava_predict.neurons.izhikevich import V_PEAK, Parameters
from lava_predict.numerics.draws import to_grain
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.records.hdf5 import check_schema
from lava_predict.records.trained_network import TrainedNetwork
from lava_predict.synapses.exponential import Connections
from lava_predict.targets.nir.nodes import EXTENSIONS, Graded, Izhikevich

SCHEMA = 1
"""Version of the graph: its nodes, their units and the edges between them."""

_KINDS = {
    "input": nir.Input,
    "input_weights": nir.Linear,
    "recurrent_weights": nir.Linear,
    "synapses": nir.LI,
    "cells": Izhikevich,
    "traces": nir.LI,
    "centred_traces": nir.LI,
    "when": nir.Affine,
    "what": nir.Linear,
    "when_output": nir.Output,
    "what_output": nir.Output,
}
_FEEDBACK_KINDS = {"graded": Graded, "feedback_weights": nir.Linear}
_CHAINS = (
    ("input", "input_weights", "cells"),
    ("cells", "recurrent_weights", "synapses", "cells"),
    ("cells", "traces", "what", "what_output"),
    ("cells", "centred_traces", "when", "when_output"),
)
_FEEDBACK_CHAIN = ("when", "graded", "feedback_weights", "cells")


def graph_of(trained: TrainedNetwork, metadata: Mapping[str, Any]) -> nir.NIRGraph:
    """Turn a trained network into the graph that docs/export.md states; some metadata are added."""
    described = {
        "format": "lava-predict network",
        "schema": SCHEMA,
        **metadata,
        "units": "tau of LI: s; everything else ms, mV, mV/ms; a spike is 1 during a step of dt",
        "discretisation": "cells: two half steps of v, then one of u; LI: exact decay exp(-dt/tau), then "
        "+ r dt/tau times the input; recurrent and feedback edges carry the step before",
    }
    nodes = {**_dynamics(trained), **_weights(trained)}
    return nir.NIRGraph(nodes, _edges(trained.feedback), metadata=described)


def network_of(graph: nir.NIRGraph) -> TrainedNetwork:
    """Turn a graph that `graph_of` gave back into its network.

    Of the metadata only the schema counts. Weights that another tool changed are rounded to `WEIGHT_GRAIN`.

    Raises a UserError if it is another graph, or one of another schema.
    """
    nodes = _checked_nodes(graph)
    cells, when = nodes["cells"], nodes["when"]
    feedback = "graded" in nodes
    to_cells = nodes["feedback_weights"].weight if feedback else np.zeros(when.weight.shape[::-1])
    recurrent = csc_array(_to_grain(nodes["recurrent_weights"].weight))
    trained = TrainedNetwork(
        network=Network(
            cells=Parameters(*(_floats(getattr(cells, name)) for name in Parameters._fields)),
            synapses=Connections(
                recurrent.indptr.astype(np.int64), recurrent.indices.astype(np.int32), recurrent.data
            ),
            input_weight=_to_grain(nodes["input_weights"].weight.T),
            feedback_weight=_to_grain(to_cells.T),
        ),
        dt_ms=float(cells.dt),
        tau_s_ms=_common_tau_ms(nodes["synapses"], "synapses"),
        tau_x_ms=_common_tau_ms(nodes["traces"], "traces"),
        noise=float(cells.noise),
        feedback=feedback,
        mean=-_floats(nodes["centred_traces"].v_leak),
        w_when=_floats(when.weight),
        w_what=_floats(nodes["what"].weight),
        offset=_floats(when.bias),
    )
    _check_values(trained, nodes)
    return trained


def read_nodes(file: h5py.File) -> nir.NIRGraph:
    """Return the graph of a file as `nir.read` would, the nodes in `EXTENSIONS` included."""
    content = hdf2dict(file["node"])
    nodes = {}
    for name, node in content["nodes"].items():
        extension = EXTENSIONS.get(node["type"])
        nodes[name] = nir.dict2NIRNode(node) if extension is None else extension.from_dict(node)
    edges = [(start.decode(), end.decode()) for start, end in content["edges"]]
    return nir.NIRGraph(nodes, edges, metadata=content.get("metadata", {}))


def _edges(feedback: bool) -> list[tuple[str, str]]:
    chains = (*_CHAINS, _FEEDBACK_CHAIN) if feedback else _CHAINS
    return [edge for chain in chains for edge in pairwise(chain)]


def _dynamics(trained: TrainedNetwork) -> dict[str, nir.NIRNode]:
    """Return the nodes that are not weights; what the network does not decide in them is fixed."""
    network, dt_ms, rest = trained.network, trained.dt_ms, np.zeros(trained.mean.size)
    # A spike, 1 during a step, adds r dt / tau: 1 to a synapse, (1 - exp(-dt / tau)) / dt to a trace.
    jump = (1.0 - decay_of_step(dt_ms, trained.tau_x_ms)) / dt_ms
    gain = jump * trained.tau_x_ms / dt_ms
    nodes = {
        "synapses": _leaky(trained.tau_s_ms, trained.tau_s_ms / dt_ms, rest),
        "cells": Izhikevich(*network.cells, V_PEAK, trained.noise, dt_ms),
        "traces": _leaky(trained.tau_x_ms, gain, rest),
        # A leak to -m instead of 0: its value at rest is -m, so its value is x - m.
        "centred_traces": _leaky(trained.tau_x_ms, gain, -trained.mean),
    }
    if trained.feedback:
        zeros = np.zeros(trained.offset.size)
        nodes["graded"] = Graded(zeros, zeros + 1.0, zeros + 1.0 / FEEDBACK_GRAIN)
    return nodes


def _leaky(tau_ms: float, r: float, v_leak: np.ndarray) -> nir.LI:
    return nir.LI(np.full(v_leak.size, tau_ms / 1000.0), np.full(v_leak.size, r), v_leak)


def _weights(trained: TrainedNetwork) -> dict[str, nir.NIRNode]:
    """Return inputs, outputs and weights."""
    network, events = trained.network, np.array([trained.offset.size])
    synapses = network.synapses
    # To the row's cell from the column's.
    recurrent = csc_array((synapses.weight, synapses.target, synapses.first), shape=(network.size,) * 2)
    nodes = {
        "input": nir.Input({"input": np.array([network.input_weight.shape[0]])}),
        "input_weights": nir.Linear(network.input_weight.T.copy()),
        "recurrent_weights": nir.Linear(recurrent.toarray()),
        "what": nir.Linear(trained.w_what),
        "what_output": nir.Output({"output": events}),
        "when": nir.Affine(trained.w_when, trained.offset),
        "when_output": nir.Output({"output": events}),
    }
    if trained.feedback:
        nodes["feedback_weights"] = nir.Linear(network.feedback_weight.T.copy())
    return nodes


def _checked_nodes(graph: nir.NIRGraph) -> dict[str, Any]:
    """Return the nodes of a graph, or raise a UserError if they are not those of a network of ours."""
    feedback = "graded" in graph.nodes
    kinds = {**_KINDS, **(_FEEDBACK_KINDS if feedback else {})}
    check_schema(graph.metadata.get("schema", SCHEMA), SCHEMA)
    for name in graph.nodes:
        if name not in kinds:
            raise UserError(
                f"node {name!r}: a network of lava-predict has no such node; {one_of(name, list(kinds))}"
            )
    for name, kind in kinds.items():
        if type(graph.nodes.get(name)) is not kind:
            raise UserError(f"node {name!r}: is missing (needed: a {kind.__name__}); give another graph")
    wrong = set(graph.edges) ^ set(_edges(feedback))
    if wrong:
        raise UserError(f"edges: not those of a network of lava-predict ({' -> '.join(min(wrong))})")
    return dict(graph.nodes)


def _check_values(trained: TrainedNetwork, nodes: dict[str, Any]) -> None:
    """Raise a UserError for a value that this package's network cannot have."""
    if not (0.0 < trained.dt_ms <= 1.0 and 0.0 <= trained.noise < np.inf):
        raise UserError(
            f"node 'cells': dt = {trained.dt_ms:g} and noise = {trained.noise:g}; dt must be above 0 and at "
            "most 1 ms, noise 0 or more"
        )
    for name, node in _dynamics(trained).items():
        for key, value in node.to_dict().items():
            if key in ("type", "metadata"):
                continue
            if not np.allclose(getattr(nodes[name], key), value, rtol=1e-9, atol=0.0, equal_nan=True):
                raise UserError(f"node {name!r}: {key} must be {np.ravel(value)[0]:g}; give another graph")
    learned = {key: getattr(trained, key) for key in ("mean", "w_when", "w_what", "offset")}
    for key, array in [*leaves(trained.network), *learned.items()]:
        if not np.isfinite(array).all():
            raise UserError(f"{key}: holds a value that is not finite; export the network again")


def _to_grain(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(to_grain(_floats(weight)))


def _floats(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)


def _common_tau_ms(node: nir.LI, name: str) -> float:
    """Return the time constant, ms, that all cells share."""
    if np.ptp(node.tau) != 0.0 or not node.tau[0] > 0.0:
        raise UserError(f"node {name!r}: tau must be above 0 and the same for all cells")
    # 15 digits: the number of ms that was divided by 1000, and not its neighbour.
    return float(f"{node.tau[0] * 1000.0:.15g}")
