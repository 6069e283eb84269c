"""A network that learns a stream as a Lava Process: `process.LearnStream` and its models."""
