"""Where a network can be taken to."""
