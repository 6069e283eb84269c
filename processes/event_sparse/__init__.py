"""Sparse connections that follow the spikes, as a Lava Process: `process.EventSparse` and its models."""
