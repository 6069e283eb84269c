"""The readouts of the rule `annealed_delta` as nodes, and back. Needs the package nir."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
from scipy.linalg import block_diag

from lava_predict.errors import UserError
from lava_predict.learning.cue_units import LEAST_LIKENESS, ONSET_MS
from lava_predict.records.trained_network import AnnealedNetwork
from lava_predict.targets.nir.nodes import BoundedTraces, Centred, Choice, Cue
from lava_predict.targets.nir.plain_nodes import floats

NETWORK = AnnealedNetwork

KINDS = {
    "traces": BoundedTraces,
    "centred_traces": Centred,
    "when": nir.Linear,
    "when_of_cue": Choice,
    "centred_spikes": Centred,
    "what": nir.Linear,
    "what_of_cue": Choice,
    "cue_on": nir.Linear,
    "cue": Cue,
}
"""Types of the nodes, by name."""

CHAINS = (
    ("cells", "traces", "centred_traces", "when", "when_of_cue", "when_output"),
    ("cells", "centred_spikes", "what", "what_of_cue", "what_output"),
    ("input", "cue_on", "cue", "when_of_cue"),
    ("cells", "cue", "what_of_cue"),
)
READ = "when_of_cue"
"""The node whose output is the when readout."""

_CUE_ON = 2.0


def learned_nodes(trained: AnnealedNetwork) -> dict[str, Any]:
    """Return the nodes with the weights; a cue's when weights read its own centred traces only."""
    rows = np.split(trained.w_when, trained.mean.shape[0])
    return {"when": nir.Linear(block_diag(*rows)), "what": nir.Linear(trained.w_what)}


def other_nodes(trained: AnnealedNetwork) -> dict[str, Any]:
    """Return the nodes of which the network decides only what `fields_of` reads."""
    cues, cells = trained.units.shape
    rows, events = trained.mean.shape[0], trained.events
    cue_on = np.zeros((cells, trained.network.input_weight.shape[0]))
    cue_on[:, :cues] = _CUE_ON
    return {
        "traces": BoundedTraces(trained.tau_x_ms, trained.dt_ms),
        "centred_traces": Centred(trained.mean),
        "when_of_cue": Choice(rows, events),
        "centred_spikes": Centred(trained.rate[None]),
        "what_of_cue": Choice(rows, events),
        "cue_on": nir.Linear(cue_on),
        "cue": Cue(trained.units, LEAST_LIKENESS, max(1, round(ONSET_MS / trained.dt_ms)), rows, events),
    }


def fields_of(nodes: dict[str, Any]) -> dict[str, Any]:
    """Return what an `AnnealedNetwork` has beside other networks."""
    mean = floats(nodes["centred_traces"].mean)
    if (rows := nodes["cue"].rows) not in (1, nodes["cue"].units.shape[0]) or rows != mean.shape[0]:
        raise UserError(f"node 'cue': rows = {rows} must be 1 or the number of units; give another graph")
    blocks = floats(nodes["when"].weight).reshape(rows, -1, rows, mean.shape[1])
    own = np.arange(rows)
    if not (nodes["traces"].tau > 0.0).all():
        raise UserError("node 'traces': tau must be above 0; give another graph")
    if np.delete(blocks.swapaxes(1, 2).reshape(rows * rows, -1), own * (rows + 1), axis=0).any():
        raise UserError("node 'when': a weight from the traces of another cue must be 0; set it to 0")
    return {
        "tau_x_ms": floats(nodes["traces"].tau),
        "mean": mean,
        "w_when": blocks[own, :, own].reshape(-1, mean.shape[1]),
        "w_what": floats(nodes["what"].weight),
        "rate": floats(nodes["centred_spikes"].mean)[0],
        "units": floats(nodes["cue"].units),
    }
