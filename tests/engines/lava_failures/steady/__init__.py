"""A Process that does what it should."""
