"""The recurrent network as a Lava Process: `process.Reservoir` and its models, graph and fused."""
