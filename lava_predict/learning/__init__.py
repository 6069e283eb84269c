"""Readouts and how they learn."""
