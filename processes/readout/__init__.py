"""The two readouts as a Lava Process: `process.Readout` and its models."""
