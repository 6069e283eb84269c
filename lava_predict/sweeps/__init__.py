"""Sweeps: many runs over settings and seeds, one table of them all."""
