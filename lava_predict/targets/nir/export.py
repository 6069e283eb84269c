"""Trained networks as NIR files.

NIR is the Neuromorphic Intermediate Representation (Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9).
Every function raises a UserError if the package nir is missing.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lava_predict.errors import UserError
from lava_predict.records import checkpoint
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.folder import CHECKPOINT, write_file
from lava_predict.records.hdf5 import kind_of, reading
from lava_predict.records.trained_network import TrainedNetwork
from lava_predict.streams import learner as streams
from lava_predict.streams.learned import LearnedStream
from lava_predict.streams.learner import StreamLearner

if TYPE_CHECKING:
    import nir

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
    run = Path(run)
    path = run / CHECKPOINT if run.is_dir() else run
    kind = kind_of(path, (checkpoint.KIND, streams.KIND))
    found = load_checkpoint(path) if kind == checkpoint.KIND else StreamLearner.load(path)
    graph = to_nir(found)
    write_nir(out, graph, overwrite)
    return from_nir(graph)


def to_nir(learned: Checkpoint | StreamLearner) -> nir.NIRGraph:
    """Turn the network of a checkpoint or of a stream into a graph, as docs/export.md states it.

    Raises a UserError if it is one in integers, or the network is too large.
    """
    from lava_predict import __version__

    graphs = _graphs()
    trained: TrainedNetwork | LearnedStream
    told: dict[str, Any]
    if isinstance(learned, Checkpoint):
        trained, told = TrainedNetwork.of(learned), {"trials": len(learned.state.trials)}
    else:
        trained = LearnedStream.of(learned)
        told = {"events": learned.intake.events, "labels": json.dumps(learned.intake.labels)}
    cells = trained.network.size
    if cells > MOST_CELLS:
        raise UserError(
            f"reservoir.neurons = {cells}: at most {MOST_CELLS} can be exported, as NIR has dense weights "
            "only; use the run's checkpoint.h5"
        )
    metadata = {"lava_predict_version": __version__, **told, "settings": learned.config.to_toml()}
    return graphs.graph_of(trained, metadata)


def write_nir(path: str | Path, graph: nir.NIRGraph, overwrite: bool = False) -> None:
    """Write a graph as `nir.write` does, but never half of it.

    Raises a UserError if the name is taken (and ``overwrite`` is False), or the place cannot be written.
    """
    buffer = io.BytesIO()
    _graphs().nir.write(buffer, graph)
    write_file(Path(path), buffer.getvalue(), overwrite)


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


def _graphs() -> Any:
    """Return the module that works with NIR's graphs, if the package nir is there."""
    try:
        import nir  # noqa: F401
    except ImportError:
        raise UserError(
            "--format nir: needs the package nir; get it with `uv sync --extra nir`, or with "
            "`pip install 'lava-predict[nir]'`"
        ) from None
    from lava_predict.targets.nir import graph

    return graph
