"""A population of Izhikevich cells as a Lava Process: `process.Izhikevich` and its models."""
