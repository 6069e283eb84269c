"""Runs a task on a network and scores what it predicts."""
