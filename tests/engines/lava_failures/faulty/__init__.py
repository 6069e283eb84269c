"""A Process that fails in the way it is told to."""
