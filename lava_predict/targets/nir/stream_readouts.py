"""The readouts of a stream's network as nodes, and back. Needs the package nir."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from lava_predict.errors import UserError
from lava_predict.learning.streams.next_label import CONSTANT_SHARE
from lava_predict.streams.learned import LearnedStream
from lava_predict.targets.nir.nodes import BoundedTraces, Centred, Spiked, WithLength
from lava_predict.targets.nir.plain_nodes import floats

NETWORK = LearnedStream

KINDS = {
    "traces": BoundedTraces,
    "centred_traces": Centred,
    "when": nir.Affine,
    "event": nir.Input,
    "event_on": nir.Linear,
    "spiked": Spiked,
    "centred_bits": Centred,
    "with_length": WithLength,
    "what": nir.Linear,
}
"""Types of the nodes, by name."""

CHAINS = (
    ("cells", "traces", "centred_traces", "when", "when_output"),
    ("cells", "spiked", "centred_bits", "with_length", "what", "what_output"),
    ("event", "event_on", "spiked"),
)
READ = "when"
"""The node whose output is the when readout."""

_EVENT_ON = 2.0


def learned_nodes(trained: LearnedStream) -> dict[str, Any]:
    """Return the nodes with the weights, and the input that tells when an event comes."""
    return {
        "event": nir.Input({"input": np.array([1])}),
        "when": nir.Affine(trained.w_when, trained.offset),
        "what": nir.Linear(trained.w_what),
    }


def other_nodes(trained: LearnedStream) -> dict[str, Any]:
    """Return the nodes of which the network decides only what `fields_of` reads."""
    return {
        "traces": BoundedTraces(trained.tau_x_ms, trained.dt_ms),
        "centred_traces": Centred(trained.mean[None]),
        "event_on": nir.Linear(np.full((trained.network.size, 1), _EVENT_ON)),
        "spiked": Spiked(trained.network.size, trained.window),
        "centred_bits": Centred(trained.bit_mean[None]),
        "with_length": WithLength(trained.network.size, CONSTANT_SHARE),
    }


def fields_of(nodes: dict[str, Any]) -> dict[str, Any]:
    """Return what a `LearnedStream` has beside other networks."""
    rows = nodes["when"].weight.shape[0]
    if nodes["what"].weight.shape[0] != rows or round(rows**0.5) ** 2 != rows:
        raise UserError(f"node 'when': has {rows} rows; it and 'what' must have L rows for each of L labels")
    if not (nodes["traces"].tau > 0.0).all():
        raise UserError("node 'traces': tau must be above 0; give another graph")
    return {
        "tau_x_ms": floats(nodes["traces"].tau),
        "mean": floats(nodes["centred_traces"].mean)[0],
        "w_when": floats(nodes["when"].weight),
        "offset": floats(nodes["when"].bias),
        "bit_mean": floats(nodes["centred_bits"].mean)[0],
        "w_what": floats(nodes["what"].weight),
        "window": int(nodes["spiked"].window),
    }
