"""Cells: each module is one neuron, whole."""
