"""Measures of spikes, weights and errors."""
