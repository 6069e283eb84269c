"""Settings of a network whose core can be simulated in seconds."""

from __future__ import annotations

TINY = (
    "reservoir.neurons=12",
    "task.settle_ms=32",
    "task.before_ms=5",
    "task.after_ms=60",
    "task.pause_ms=[5.0,5.0]",
    "task.cue_ms=15",
    "task.blocks=[{trials=3, probability=[0.5,0.5], latency_ms=[30.0,45.0]}]",
    "task.event_width_ms=8",
    "readout.gate_window_ms=20",
    "readout.what_window_ms=[0,50]",
)
