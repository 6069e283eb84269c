"""The host's side of a stream as a Lava Process: `process.FeedEvents` and its model."""
