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
from lava_predict.numerics.columns import columns
from lava_predict.numerics.draws import to_grain
from lava_predict.records.hdf5 import check_schema
from lava_predict.records.trained_network import TrainedNetwork
from lava_predict.streams.learned import LearnedStream
from lava_predict.synapses.exponential import Connections
from lava_predict.targets.nir import annealed_readouts, gated_readouts, stream_readouts
from lava_predict.targets.nir.nodes import EXTENSIONS, Graded, Izhikevich
from lava_predict.targets.nir.plain_nodes import common_tau_ms, floats, leaky

SCHEMA = 1
"""Version of the graph: its nodes, their units and the edges between them."""

_KINDS = {
    "input": nir.Input,
    "input_weights": nir.Linear,
    "recurrent_weights": nir.Linear,
    "synapses": nir.LI,
    "cells": Izhikevich,
    "when_output": nir.Output,
    "what_output": nir.Output,
}
_FEEDBACK_KINDS = {"graded": Graded, "feedback_weights": nir.Linear}
_CHAINS = (
    ("input", "input_weights", "cells"),
    ("cells", "recurrent_weights", "synapses", "cells"),
)
_FEEDBACK_CHAIN = ("graded", "feedback_weights", "cells")
_ROOMS = (gated_readouts, annealed_readouts, stream_readouts)
_READOUTS: dict[type, Any] = {readouts.NETWORK: readouts for readouts in _ROOMS}


Exportable = TrainedNetwork | LearnedStream
"""What becomes a graph, and comes back."""


def graph_of(trained: Exportable, metadata: Mapping[str, Any]) -> nir.NIRGraph:
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
    edges = _edges(_READOUTS[type(trained)], trained.feedback)
    return nir.NIRGraph(nodes, edges, metadata=described)


def network_of(graph: nir.NIRGraph) -> Exportable:
    """Turn a graph that `graph_of` gave back into its network.

    Of the metadata only the schema counts. Weights that another tool changed are rounded to `WEIGHT_GRAIN`.

    Raises a UserError if it is another graph, or one of another schema.
    """
    told = {"cue": annealed_readouts, "spiked": stream_readouts}
    readouts = next((told[name] for name in told if name in graph.nodes), gated_readouts)
    nodes = _checked_nodes(graph, readouts)
    cells = nodes["cells"]
    feedback = "graded" in nodes
    events = int(nodes["when_output"].output_type["output"][0])
    to_cells = nodes["feedback_weights"].weight if feedback else np.zeros((cells.a.size, events))
    recurrent = csc_array(_to_grain(nodes["recurrent_weights"].weight))
    trained: Exportable = readouts.NETWORK(
        network=Network(
            cells=Parameters(*(floats(getattr(cells, name)) for name in Parameters._fields)),
            synapses=Connections(
                recurrent.indptr.astype(np.int64), recurrent.indices.astype(np.int32), recurrent.data
            ),
            input_weight=_to_grain(nodes["input_weights"].weight.T),
            feedback_weight=_to_grain(to_cells.T),
        ).packed(),
        dt_ms=float(cells.dt),
        tau_s_ms=common_tau_ms(nodes["synapses"], "synapses"),
        noise=float(cells.noise),
        feedback=feedback,
        **readouts.fields_of(nodes),
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


def register() -> None:
    """Add this package's nodes to those that the package nir reads.

    Raises a UserError if this version of nir keeps its list of nodes elsewhere.
    """
    names = vars(nir.ir).get("__all_ir")
    if names is None:
        raise UserError(
            "register_nodes: this version of the package nir has no list of nodes that can be added to; use "
            "read_graph(path) instead of nir.read(path)"
        )
    names.extend(name for name in EXTENSIONS if name not in names)
    vars(nir.ir).update(EXTENSIONS)


def _edges(readouts: Any, feedback: bool) -> list[tuple[str, str]]:
    chains = (*_CHAINS, *readouts.CHAINS, *([(readouts.READ, *_FEEDBACK_CHAIN)] if feedback else []))
    return [edge for chain in chains for edge in pairwise(chain)]


def _dynamics(trained: Exportable) -> dict[str, nir.NIRNode]:
    """Return the nodes that are not weights; what the network does not decide in them is fixed."""
    network, dt_ms = trained.network, trained.dt_ms
    nodes = {
        # A spike, 1 during a step, adds r dt / tau: 1.
        "synapses": leaky(trained.tau_s_ms, trained.tau_s_ms / dt_ms, np.zeros(network.size)),
        "cells": Izhikevich(*network.cells, V_PEAK, trained.noise, dt_ms),
        **_READOUTS[type(trained)].other_nodes(trained),
    }
    if trained.feedback:
        zeros = np.zeros(trained.events)
        nodes["graded"] = Graded(zeros, zeros + 1.0, zeros + 1.0 / FEEDBACK_GRAIN)
    return nodes


def _weights(trained: Exportable) -> dict[str, nir.NIRNode]:
    """Return inputs, outputs and weights."""
    network, events = trained.network, np.array([trained.events])
    synapses = columns(network.synapses)
    # To the row's cell from the column's.
    recurrent = csc_array((synapses.weight, synapses.target, synapses.first), shape=(network.size,) * 2)
    nodes = {
        "input": nir.Input({"input": np.array([network.input_weight.shape[0]])}),
        "input_weights": nir.Linear(network.input_weight.T.copy()),
        "recurrent_weights": nir.Linear(recurrent.toarray()),
        "what_output": nir.Output({"output": events}),
        "when_output": nir.Output({"output": events}),
        **_READOUTS[type(trained)].learned_nodes(trained),
    }
    if trained.feedback:
        nodes["feedback_weights"] = nir.Linear(network.feedback_weight.T.copy())
    return nodes


def _checked_nodes(graph: nir.NIRGraph, readouts: Any) -> dict[str, Any]:
    """Return the nodes of a graph, or raise a UserError if they are not those of a network of ours."""
    feedback = "graded" in graph.nodes
    kinds = {**_KINDS, **readouts.KINDS, **(_FEEDBACK_KINDS if feedback else {})}
    check_schema(graph.metadata.get("schema", SCHEMA), SCHEMA)
    if isinstance(graph.nodes.get("cells"), nir.CubaLIF):
        raise UserError(
            "node 'cells': is a CubaLIF, which only approximates the cells of a network and has no readouts; "
            "export the run again with --cells izhikevich"
        )
    for name in graph.nodes:
        if name not in kinds:
            raise UserError(
                f"node {name!r}: a network of lava-predict has no such node; {one_of(name, list(kinds))}"
            )
    for name, kind in kinds.items():
        if type(graph.nodes.get(name)) is not kind:
            raise UserError(f"node {name!r}: is missing (needed: a {kind.__name__}); give another graph")
    wrong = set(graph.edges) ^ set(_edges(readouts, feedback))
    if wrong:
        raise UserError(f"edges: not those of a network of lava-predict ({' -> '.join(min(wrong))})")
    return dict(graph.nodes)


def _check_values(trained: Exportable, nodes: dict[str, Any]) -> None:
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
    learned = ((key, value) for key, value in vars(trained).items() if isinstance(value, np.ndarray))
    for key, array in [*leaves(trained.network), *learned]:
        if not np.isfinite(array).all():
            raise UserError(f"{key}: holds a value that is not finite; export the network again")


def _to_grain(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(to_grain(floats(weight)))
