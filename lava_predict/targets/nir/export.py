"""A trained network as a graph of NIR, and back.

NIR is the Neuromorphic Intermediate Representation (Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9).
docs/export.md states the graph, its units, and what it leaves out.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from lava_predict.errors import UserError, one_of
from lava_predict.network.draw import WEIGHT_GRAIN, Network
from lava_predict.network.float_step import FEEDBACK_GRAIN, V_PEAK, decay_of_step
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.partial_run import CHECKPOINT
from lava_predict.records.trained_network import TrainedNetwork

if TYPE_CHECKING:
    import nir

FORMAT = "lava-predict network"
SCHEMA = 1
"""Version of the graph: its nodes, their units and the edges between them."""

MOST_CELLS = 10_000
"""NIR has no sparse weights: the dense ones of so many cells take 800 MB."""

_EDGES = (
    ("input", "input_weights"),
    ("input_weights", "cells"),
    ("cells", "recurrent_weights"),
    ("recurrent_weights", "synapses"),
    ("synapses", "cells"),
    ("cells", "traces"),
    ("traces", "what"),
    ("what", "what_output"),
    ("cells", "centred_traces"),
    ("centred_traces", "when"),
    ("when", "when_output"),
)
_FEEDBACK_EDGES = (("when", "graded"), ("graded", "feedback_weights"), ("feedback_weights", "cells"))
_BAD_CONTENT = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def to_nir(checkpoint: Checkpoint) -> nir.NIRGraph:
    """Turn a trained network into a graph.

    Parameters
    ----------
    checkpoint : Checkpoint
        Of a run in floating point.

    Returns
    -------
    nir.NIRGraph
        As docs/export.md states it.

    Raises
    ------
    UserError
        If the package nir is missing, the run is one in integers, or the network is too large.
    """
    check_nir()
    import nir

    trained = TrainedNetwork.of(checkpoint)
    cells = trained.network.a.size
    if cells > MOST_CELLS:
        raise UserError(
            f"reservoir.neurons = {cells}: at most {MOST_CELLS} can be exported, as NIR has dense weights "
            "only; use the run's checkpoint.h5"
        )
    edges = [*_EDGES, *(_FEEDBACK_EDGES if trained.feedback else ())]
    nodes = {**_reservoir_nodes(trained), **_readout_nodes(trained)}
    return nir.NIRGraph(nodes, edges, metadata=_metadata(checkpoint))


def write_nir(path: str | Path, graph: nir.NIRGraph, overwrite: bool = False) -> None:
    """Write a graph as `nir.write` does, but never half of it.

    Parameters
    ----------
    path : str or Path
        The file.
    graph : nir.NIRGraph
        From `to_nir`.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UserError
        If the package nir is missing, the name is taken, or the place cannot be written.
    """
    check_nir()
    import nir

    path = Path(path)
    if path.is_dir() or (path.exists() and not overwrite):
        raise UserError(f"--out {str(path)!r}: exists already; choose another file or add --overwrite")
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial-", dir=path.parent) as aside:
            written = Path(aside) / path.name
            written.write_bytes(buffer.getvalue())
            written.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"--out {str(path)!r}: cannot be written ({reason}); choose a place with room that you can "
            "write to"
        ) from None


def read_nir(path: str | Path) -> TrainedNetwork:
    """Read a graph that `write_nir` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    TrainedNetwork
        Its spikes and readouts are those of the network that was written, to the bit.

    Raises
    ------
    UserError
        If the package nir is missing, there is no such file, or it holds another graph.
    """
    graph = read_graph(path)
    try:
        return from_nir(graph)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except _BAD_CONTENT as error:
        raise _unreadable(path, error) from None


def read_graph(path: str | Path) -> nir.NIRGraph:
    """Read a graph as `nir.read` does, the nodes of `lava_predict.targets.nir.nodes` included.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    nir.NIRGraph
        Of any kind.

    Raises
    ------
    UserError
        If the package nir is missing, there is no such file, or it holds no graph of known nodes.
    """
    check_nir()
    import nir
    from nir.serialization import hdf2dict

    from lava_predict.targets.nir.nodes import EXTENSIONS

    if not Path(path).is_file():
        raise UserError(f"{path}: there is no such file; give one that lava-predict export wrote")
    try:
        with h5py.File(path, "r") as file:
            content = hdf2dict(file["node"])
        nodes = {}
        for name, node in content["nodes"].items():
            extension = EXTENSIONS.get(node["type"])
            nodes[name] = nir.dict2NIRNode(node) if extension is None else extension.from_dict(node)
        edges = [(_text(start), _text(end)) for start, end in content["edges"]]
        return nir.NIRGraph(nodes, edges, metadata=content.get("metadata", {}))
    except _BAD_CONTENT as error:
        raise _unreadable(path, error) from None


def export_nir(run: str | Path, out: str | Path, overwrite: bool = False) -> TrainedNetwork:
    """Write the network of a run as a NIR file.

    Parameters
    ----------
    run : str or Path
        The folder of a run, or its checkpoint.
    out : str or Path
        The file to write.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    TrainedNetwork
        What was written.

    Raises
    ------
    UserError
        As `load_checkpoint`, `to_nir` and `write_nir` raise it.
    """
    check_nir()
    run = Path(run)
    checkpoint = load_checkpoint(run / CHECKPOINT if run.is_dir() else run)
    write_nir(out, to_nir(checkpoint), overwrite)
    return TrainedNetwork.of(checkpoint)


def check_nir() -> None:
    """Raise a UserError where the package nir cannot be imported; it says how to get it."""
    try:
        import nir  # noqa: F401
    except ImportError:
        raise UserError(
            "--format nir: needs the package nir; get it with `uv sync --extra nir`, or with "
            "`pip install 'lava-predict[nir]'`"
        ) from None


def from_nir(graph: nir.NIRGraph) -> TrainedNetwork:
    """Turn a graph back into the network that it was made from.

    Parameters
    ----------
    graph : nir.NIRGraph
        With the nodes and edges that `to_nir` gives. Its metadata do not count, but for the schema.

    Returns
    -------
    TrainedNetwork
        See there.

    Raises
    ------
    UserError
        If it is another graph, or one of another schema.
    """
    nodes = _checked_nodes(graph)
    cells, when = nodes["cells"], nodes["when"]
    feedback = "graded" in nodes
    events, count = when.weight.shape
    feedback_weight = nodes["feedback_weights"].weight.T if feedback else np.zeros((events, count))
    first, target, weight = _compressed_columns(nodes["recurrent_weights"].weight)
    parameters = {name: _floats(getattr(cells, name)) for name in ("a", "b", "c", "d", "bias")}
    trained = TrainedNetwork(
        network=Network(
            **parameters,
            first=first,
            target=target,
            weight=weight,
            input_weight=_to_grain(nodes["input_weights"].weight.T),
            feedback_weight=_to_grain(feedback_weight),
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


def _reservoir_nodes(trained: TrainedNetwork) -> dict[str, nir.NIRNode]:
    import nir

    from lava_predict.targets.nir.nodes import Graded, Izhikevich

    network = trained.network
    cells, channels, events = network.a.size, network.input_weight.shape[0], trained.w_when.shape[0]
    nodes = {
        "input": nir.Input({"input": np.array([channels])}),
        "input_weights": nir.Linear(network.input_weight.T.copy()),
        "recurrent_weights": nir.Linear(_dense(network)),
        "synapses": _leaky(cells, trained.tau_s_ms, _synapse_gain(trained)),
        "cells": Izhikevich(
            network.a, network.b, network.c, network.d, network.bias, V_PEAK, trained.noise, trained.dt_ms
        ),
    }
    if trained.feedback:
        grain = np.full(events, 1.0 / FEEDBACK_GRAIN)
        nodes["graded"] = Graded(np.zeros(events), np.ones(events), grain)
        nodes["feedback_weights"] = nir.Linear(network.feedback_weight.T.copy())
    return nodes


def _readout_nodes(trained: TrainedNetwork) -> dict[str, nir.NIRNode]:
    import nir

    events, cells = trained.w_when.shape
    gain = _trace_gain(trained)
    return {
        "traces": _leaky(cells, trained.tau_x_ms, gain),
        "what": nir.Linear(trained.w_what),
        "what_output": nir.Output({"output": np.array([events])}),
        # A leak to -m instead of 0: what it settles to, and so all of it, is x - m.
        "centred_traces": _leaky(cells, trained.tau_x_ms, gain, -trained.mean),
        "when": nir.Affine(trained.w_when, trained.offset),
        "when_output": nir.Output({"output": np.array([events])}),
    }


def _leaky(cells: int, tau_ms: float, r: float, v_leak: np.ndarray | None = None) -> nir.LI:
    import nir

    tau_s = tau_ms / 1000.0
    return nir.LI(
        tau=np.full(cells, tau_s),
        r=np.full(cells, r),
        v_leak=np.zeros(cells) if v_leak is None else v_leak,
    )


def _synapse_gain(trained: TrainedNetwork) -> float:
    """Return the resistance with which a spike, 1 during a step, adds its weight: r dt / tau = 1."""
    return trained.tau_s_ms / trained.dt_ms


def _trace_gain(trained: TrainedNetwork) -> float:
    """Return the resistance with which a spike adds (1 - exp(-dt / tau)) / dt to its trace."""
    jump = (1.0 - decay_of_step(trained.dt_ms, trained.tau_x_ms)) / trained.dt_ms
    return jump * trained.tau_x_ms / trained.dt_ms


def _metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    from lava_predict import __version__

    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "lava_predict_version": __version__,
        "trials": len(checkpoint.state.trials),
        "settings": checkpoint.config.to_toml(),
        "units": "tau of LI: s; everything else ms, mV, mV/ms; a spike is 1 during a step of dt",
        "discretisation": "cells: two half steps of v, then one of u; LI: exact decay exp(-dt/tau), then "
        "+ r dt/tau times the input; recurrent and feedback edges carry the step before",
    }


def _unreadable(path: str | Path, error: Exception) -> UserError:
    reason = str(error) or type(error).__name__
    return UserError(
        f"{path}: cannot be read as a NIR graph of known nodes ({reason}); it may be cut off or be another "
        "file"
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _kinds(feedback: bool) -> dict[str, type]:
    """Return the nodes of a graph, each with its class."""
    import nir

    from lava_predict.targets.nir.nodes import Graded, Izhikevich

    kinds = {
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
    return {**kinds, "graded": Graded, "feedback_weights": nir.Linear} if feedback else kinds


def _checked_nodes(graph: nir.NIRGraph) -> dict[str, Any]:
    """Return the nodes of a graph, or raise a UserError if they are not those of a network of ours."""
    feedback = "graded" in graph.nodes
    kinds = _kinds(feedback)
    edges = set(_EDGES) | (set(_FEEDBACK_EDGES) if feedback else set())
    schema = graph.metadata.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise UserError(
            f"the graph has schema {schema}, this version reads {SCHEMA}; read it with the version of "
            "lava-predict that wrote it"
        )
    for name in graph.nodes:
        if name not in kinds:
            raise UserError(f"node {name!r}: a network of lava-predict has none; {one_of(name, list(kinds))}")
    for name, kind in kinds.items():
        if type(graph.nodes.get(name)) is not kind:
            raise UserError(f"node {name!r}: must be there, as a {kind.__name__}; give another graph")
    if set(graph.edges) != edges:
        wrong = sorted(set(graph.edges) ^ edges)
        raise UserError(f"edges: not those of a network of lava-predict ({wrong[0][0]} -> {wrong[0][1]})")
    return dict(graph.nodes)


def _check_values(trained: TrainedNetwork, nodes: dict[str, Any]) -> None:
    """Raise a UserError for a value that this package's network cannot have."""
    if not (0.0 < trained.dt_ms <= 1.0 and 0.0 <= trained.noise < np.inf):
        raise UserError(
            f"node 'cells': dt = {trained.dt_ms:g} and noise = {trained.noise:g}; dt must be above 0 and at "
            "most 1 ms, noise 0 or more"
        )
    expected = [
        ("cells", "v_peak", V_PEAK),
        ("synapses", "r", _synapse_gain(trained)),
        ("synapses", "v_leak", 0.0),
        ("traces", "r", _trace_gain(trained)),
        ("traces", "v_leak", 0.0),
        ("centred_traces", "tau", nodes["traces"].tau),
        ("centred_traces", "r", nodes["traces"].r),
    ]
    if trained.feedback:
        expected += [("graded", "low", 0.0), ("graded", "high", 1.0), ("graded", "grain", 1 / FEEDBACK_GRAIN)]
    for name, key, value in expected:
        if not np.allclose(getattr(nodes[name], key), value, rtol=1e-9, atol=0.0):
            raise UserError(f"node {name!r}: {key} must be {np.ravel(value)[0]:g}; give another graph")
    learned = {key: getattr(trained, key) for key in ("mean", "w_when", "w_what", "offset")}
    for key, array in {**trained.network._asdict(), **learned}.items():
        if not np.isfinite(array).all():
            raise UserError(f"{key}: holds a value that is not finite; export the network anew")


def _dense(network: Network) -> np.ndarray:
    """Return the recurrent weights, (N, N), to the row's cell from the column's."""
    cells = network.a.size
    weight = np.zeros((cells, cells))
    source = np.repeat(np.arange(cells), np.diff(network.first))
    weight[network.target, source] = network.weight
    return weight


def _compressed_columns(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first, target and weight of the synapses in dense weights; undoes `_dense`."""
    by_source = _to_grain(weight.T)
    source, target = np.nonzero(by_source)
    outgoing = np.bincount(source, minlength=by_source.shape[0])
    first = np.concatenate(([0], np.cumsum(outgoing))).astype(np.int64)
    return first, target.astype(np.int32), by_source[source, target]


def _to_grain(weight: np.ndarray) -> np.ndarray:
    """Round weights that another tool has changed, so that sums of them are exact again."""
    return np.ascontiguousarray(np.round(_floats(weight) / WEIGHT_GRAIN) * WEIGHT_GRAIN)


def _floats(values: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)


def _common_tau_ms(node: Any, name: str) -> float:
    """Return the time constant, ms, that all cells share."""
    if np.ptp(node.tau) != 0.0 or not node.tau[0] > 0.0:
        raise UserError(f"node {name!r}: tau must be above 0 and the same for all cells")
    # 15 digits: the number of ms that was divided by 1000, and not its neighbour.
    return float(f"{node.tau[0] * 1000.0:.15g}")
