"""The network as Lava Processes."""
