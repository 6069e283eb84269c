"""Draws the parts and binds them into one step."""
