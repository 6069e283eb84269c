"""The host-side paradigm as a Lava Process: `process.Meet` and its model."""
