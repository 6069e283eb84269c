"""The readouts of the rule `gated_delta` as nodes, and back. Needs the package nir."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from lava_predict.numerics.time_step import decay_of_step
from lava_predict.records.trained_network import GatedNetwork
from lava_predict.targets.nir.plain_nodes import common_tau_ms, floats, leaky

NETWORK = GatedNetwork

KINDS = {
    "traces": nir.LI,
    "centred_traces": nir.LI,
    "when": nir.Affine,
    "what": nir.Linear,
}
"""Types of the nodes, by name."""

CHAINS = (
    ("cells", "traces", "what", "what_output"),
    ("cells", "centred_traces", "when", "when_output"),
)
READ = "when"
"""The node whose output is the when readout."""


def learned_nodes(trained: GatedNetwork) -> dict[str, Any]:
    """Return the nodes with the weights."""
    return {"what": nir.Linear(trained.w_what), "when": nir.Affine(trained.w_when, trained.offset)}


def other_nodes(trained: GatedNetwork) -> dict[str, Any]:
    """Return the nodes of which the network decides only what `fields_of` reads."""
    dt_ms, rest = trained.dt_ms, np.zeros(trained.mean.size)
    # A spike, 1 during a step, adds r dt / tau to a trace: (1 - exp(-dt / tau)) / dt.
    gain = (1.0 - decay_of_step(dt_ms, trained.tau_x_ms)) / dt_ms * trained.tau_x_ms / dt_ms
    return {
        "traces": leaky(trained.tau_x_ms, gain, rest),
        # A leak to -m instead of 0: its value at rest is -m, so its value is x - m.
        "centred_traces": leaky(trained.tau_x_ms, gain, -trained.mean),
    }


def fields_of(nodes: dict[str, Any]) -> dict[str, Any]:
    """Return what a `GatedNetwork` has beside other networks."""
    return {
        "tau_x_ms": common_tau_ms(nodes["traces"], "traces"),
        "mean": -floats(nodes["centred_traces"].v_leak),
        "w_when": floats(nodes["when"].weight),
        "w_what": floats(nodes["what"].weight),
        "offset": floats(nodes["when"].bias),
    }
