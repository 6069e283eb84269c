"""The node for Izhikevich cells that docs/nir-izhikevich.md proposes to NIR, and a step of it.

Importing this file registers the node, so that ``nir.write`` and ``nir.read`` know it.
"""

from __future__ import annotations

from dataclasses import dataclass

import nir
import numpy as np


@dataclass(eq=False)
class Izhikevich(nir.NIRNode):
    r"""Izhikevich neuron model (2003, doi 10.1109/TNN.2003.820440).

    .. math::
        \dot{v} = k_2 v^2 + k_1 v + k_0 - u + R I, \qquad \dot{u} = a (b v - u)

    .. math::
        z = 1,\; v = v_{reset},\; u = u + d \quad \text{where } v \ge v_{threshold}, \text{ else } z = 0
    """

    a: np.ndarray  # Rate of the recovery
    b: np.ndarray  # Sensitivity of the recovery to v
    d: np.ndarray  # Step of the recovery at a spike
    v_threshold: np.ndarray  # Peak at which a neuron spikes
    v_reset: np.ndarray  # Reset potential, Izhikevich's c
    r: np.ndarray | float = 1.0  # Resistance
    k2: np.ndarray | float = 0.04  # Coefficients of v^2, v and 1: the published ones are for ms and mV
    k1: np.ndarray | float = 5.0
    k0: np.ndarray | float = 140.0

    def __post_init__(self) -> None:
        shape = self.v_threshold.shape
        for name in ("r", "k2", "k1", "k0"):
            setattr(self, name, np.ones(shape) * getattr(self, name))
        arrays = (self.a, self.b, self.d, self.v_reset, self.r, self.k2, self.k1, self.k0)
        assert all(array.shape == shape for array in arrays), "All parameters must have the same shape"
        self.input_type = {"input": np.array(shape)}
        self.output_type = {"output": np.array(shape)}


def step(node, v, u, current, dt, parts=2):
    """Return v, u and spikes after a step of dt: v in so many parts with one u, then u, then the reset."""
    for _ in range(parts):
        v = v + dt / parts * (node.k2 * v * v + node.k1 * v + node.k0 - u + node.r * current)
    v = np.minimum(v, node.v_threshold)
    u = u + dt * node.a * (node.b * v - u)
    spikes = v >= node.v_threshold
    return np.where(spikes, node.v_reset, v), np.where(spikes, u + node.d, u), spikes


# What NIR itself would have in nir/ir/__init__.py: the class, and its name among those that can be read.
nir.Izhikevich = nir.ir.Izhikevich = Izhikevich
vars(nir.ir)["__all_ir"].append("Izhikevich")
