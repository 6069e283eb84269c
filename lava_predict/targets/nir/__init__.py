"""Trained networks as NIR graphs."""
