"""Runs a file of `lava-predict export --cells cubalif` in Norse: one cue, rates before and after it."""

import sys

import nir
import norse.torch
import torch

graph = nir.read(sys.argv[1])
step_s = float(graph.metadata["dt_s"])
network = norse.torch.from_nir(graph, dt=step_s).double()

steps, on, off = round(2 / step_s), round(1 / step_s), round(1.05 / step_s)
level = torch.zeros(steps, 1, *graph.nodes["input"].input_type["input"], dtype=torch.float64)
level[on:off, :, 0] = 1.0
state, spikes = None, []
with torch.no_grad():
    for row in level:
        out, state = network(row, state)
        spikes.append(out[0])
rate_hz = torch.stack(spikes).mean(dim=1) / step_s
for name, part in (("before", slice(on)), ("during", slice(on, off)), ("after", slice(off, None))):
    print(f"{name} the cue: {rate_hz[part].mean():.1f} Hz a cell")
