"""Reservoir and readouts together as a Lava Process: `process.Predictor` and its models."""
