"""Trained networks as NIR files.

NIR is the Neuromorphic Intermediate Representation (Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9).
Every function raises a UserError if the package nir is missing.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lava_predict.errors import UserError, needs_package, path_of
from lava_predict.network.draw import Network, draw_network
from lava_predict.records import checkpoint
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.folder import CHECKPOINT, write_file
from lava_predict.records.hdf5 import kind_of, reading
from lava_predict.records.trained_network import TrainedNetwork, check_float
from lava_predict.streams import learner as streams
from lava_predict.streams.learned import LearnedStream
from lava_predict.streams.learner import StreamLearner

if TYPE_CHECKING:
    import nir

    from lava_predict.targets.nir.approximation import Approximation

MOST_CELLS = 10_000
"""NIR has no sparse weights: the dense ones of so many cells take 800 MB."""

_FILE = ("a NIR graph of known nodes", "one that lava-predict export wrote")


def export_nir(run: str | Path, out: str | Path, overwrite: bool = False) -> TrainedNetwork | LearnedStream:
    """Write the network of a run, or of a learned stream, as a NIR file.

    Parameters
    ----------
    run : str or Path
        The folder of a run or of a stream, or its checkpoint.
    out : str or Path
        The file to write.
    overwrite : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    TrainedNetwork or LearnedStream
        What was written.

    Raises
    ------
    UserError
        As `load_checkpoint`, `to_nir` and `write_nir` raise it.
    """
    _graphs()
    graph = to_nir(_learned(run))
    write_nir(out, graph, overwrite)
    return from_nir(graph)


def export_cuba(run: str | Path, out: str | Path, overwrite: bool = False) -> Approximation:
    """Write the reservoir of a run or of a stream with the nearest cells that NIR has, as a NIR file.

    The parameters are those of `export_nir`. ``nir.read`` reads the file; `read_nir` refuses it, as it is
    another network.

    Returns
    -------
    Approximation
        What was written, and how near it is.

    Raises
    ------
    UserError
        As `load_checkpoint`, `to_cuba` and `write_nir` raise it.
    """
    _graphs()
    graph, found = to_cuba(_learned(run))
    write_nir(out, graph, overwrite)
    return found


def _learned(run: str | Path) -> Checkpoint | StreamLearner:
    """Load what is in a folder, or in a checkpoint."""
    run = path_of("run", run)
    path = run / CHECKPOINT if run.is_dir() else run
    kind = kind_of(path, (checkpoint.KIND, streams.KIND))
    return load_checkpoint(path) if kind == checkpoint.KIND else StreamLearner.load(path)


def to_nir(learned: Checkpoint | StreamLearner) -> nir.NIRGraph:
    """Turn the network of a checkpoint or of a stream into a graph, as docs/export.md states it.

    Raises a UserError if it is one in integers, or the network is too large.
    """
    graphs = _graphs()
    trained: TrainedNetwork | LearnedStream
    trained = TrainedNetwork.of(learned) if isinstance(learned, Checkpoint) else LearnedStream.of(learned)
    _check_size(trained.network)
    return graphs.graph_of(trained, _told(learned))


def to_cuba(learned: Checkpoint | StreamLearner) -> tuple[nir.NIRGraph, Approximation]:
    """Turn the reservoir of a checkpoint or of a stream into a graph of the nearest cells that NIR has.

    Raises a UserError if it is one in integers or too large, or as `approximate` does.
    """
    _graphs()
    from lava_predict.targets.nir.approximation import approximate
    from lava_predict.targets.nir.cuba_graph import cuba_graph

    if isinstance(learned, Checkpoint):
        check_float(learned.precision)
        config, network = learned.config, learned.network
        channels = network.input_weight.shape[0]
    else:
        check_float(learned.network.precision)
        config = learned.network.config
        network, channels = draw_network(config), max(1, len(learned.intake.labels))
    _check_size(network)
    found = approximate(config, network, channels)
    return cuba_graph(found, _told(learned)), found


def _check_size(network: Network) -> None:
    if network.size > MOST_CELLS:
        raise UserError(
            f"reservoir.neurons = {network.size}: at most {MOST_CELLS} can be exported, as NIR has dense "
            "weights only; use the run's checkpoint.h5"
        )


def _told(learned: Checkpoint | StreamLearner) -> dict[str, Any]:
    """Return the metadata of a graph that say where it comes from."""
    from lava_predict import __version__

    if isinstance(learned, Checkpoint):
        told: dict[str, Any] = {"trials": len(learned.state.trials)}
    else:
        told = {"events": learned.intake.events, "labels": json.dumps(learned.intake.labels)}
    return {"lava_predict_version": __version__, **told, "settings": learned.config.to_toml()}


def write_nir(path: str | Path, graph: nir.NIRGraph, overwrite: bool = False) -> None:
    """Write a graph as `nir.write` does, but never half of it.

    Raises a UserError if the name is taken (and ``overwrite`` is False), or the place cannot be written.
    """
    buffer = io.BytesIO()
    _graphs().nir.write(buffer, graph)
    write_file(path, buffer.getvalue(), overwrite)


def from_nir(graph: nir.NIRGraph) -> TrainedNetwork | LearnedStream:
    """Turn a graph that `to_nir` gave back into its network; weights that were changed are rounded.

    Raises a UserError if it is another graph, or one of another schema.
    """
    network: TrainedNetwork | LearnedStream = _graphs().network_of(graph)
    return network


def read_nir(path: str | Path) -> TrainedNetwork | LearnedStream:
    """Read the network of a file that `write_nir` wrote; it spikes and reads out the same to the bit.

    Raises a UserError if there is no such file, or it holds another graph.
    """
    graphs = _graphs()
    with reading(path, *_FILE) as file:
        network: TrainedNetwork | LearnedStream = graphs.network_of(graphs.read_nodes(file))
    return network


def read_graph(path: str | Path) -> nir.NIRGraph:
    """Read a graph of any kind as `nir.read` does, the nodes of `lava_predict.targets.nir.nodes` included.

    Raises a UserError if there is no such file, or it holds no graph of known nodes.
    """
    graphs = _graphs()
    with reading(path, *_FILE) as file:
        return graphs.read_nodes(file)


def register_nodes() -> None:
    """Tell the package nir of this package's nodes, so that ``nir.read`` reads what `export_nir` wrote.

    Raises a UserError if this version of nir keeps its list of nodes elsewhere.
    """
    _graphs().register()


def _graphs() -> Any:
    """Return the module that works with NIR's graphs, if the package nir is there."""
    try:
        import nir  # noqa: F401
    except ImportError:
        raise UserError(f"--to nir: {needs_package('nir', 'nir')}") from None
    from lava_predict.targets.nir import graph

    return graph
