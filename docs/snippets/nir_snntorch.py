"""Runs a file of `lava-predict export --cells cubalif` in snnTorch: one cue, rates before and after it."""

import sys

import nir
import nirtorch
import torch
from snntorch.import_nir import _nir_to_snntorch_module

graph = nir.read(sys.argv[1])
step_s, cells = float(graph.metadata["dt_s"]), graph.nodes["cells"]
# snnTorch's step is always 0.1 ms: with times on that scale it steps as the network does.
cells.tau_mem, cells.tau_syn = cells.tau_mem * 1e-4 / step_s, cells.tau_syn * 1e-4 / step_s
# Its import_from_nir would send the input through the recurrent weights; nirtorch follows the graph.
kinds = (nir.Affine, nir.CubaLIF, nir.Linear)
network = nirtorch.nir_to_torch(graph, dict.fromkeys(kinds, lambda n: _nir_to_snntorch_module(n, True, True)))

steps, on, off = round(2 / step_s), round(1 / step_s), round(1.05 / step_s)
level = torch.zeros(steps, 1, *graph.nodes["input"].input_type["input"])
level[on:off, :, 0] = 1.0
state, spikes = None, []
with torch.no_grad():
    for row in level:
        out, state = network(row, state)
        spikes.append(out[0])
rate_hz = torch.stack(spikes).mean(dim=1) / step_s
for name, part in (("before", slice(on)), ("during", slice(on, off)), ("after", slice(off, None))):
    print(f"{name} the cue: {rate_hz[part].mean():.1f} Hz a cell")
