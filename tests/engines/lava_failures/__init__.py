"""Lava Processes for tests of failing runs; one folder each, since Lava executes a Process's whole folder."""
