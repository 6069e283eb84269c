"""The arithmetic of one time step, written once, as small pure functions compiled by numba."""
