"""What the core does not have, refused by name before anything is built or written."""

from __future__ import annotations

from lava_predict.errors import UserError
from lava_predict.learning.cue_units import ONSET_MS
from lava_predict.settings.schema import Config

MOST_EVENTS = 16
MOST_CHANNELS = 32
MOST_ONSET = 31
"""Steps in which a cue is told: with more the counts would not fit the products that compare them."""


def refuse(config: Config) -> None:
    """Raise a UserError for the first setting that the core has nothing for."""
    from lava_predict.targets.fpga.cells import CELLS  # Needs the extra.

    reservoir, readout, fixed, task = config.reservoir, config.readout, config.fixed, config.task
    channels = task.cues + task.events * task.events_drive_reservoir
    onset = max(1, config.steps(ONSET_MS))
    checks = (
        (reservoir.neuron in CELLS, "reservoir.neuron", reservoir.neuron, f"one of {', '.join(CELLS)}"),
        (
            reservoir.synapse_part in ("exponential", "delayed"),
            "reservoir.synapse",
            reservoir.synapse,
            '"exponential"',
        ),
        (readout.rule == "annealed_delta", "readout.rule", readout.rule, '"annealed_delta"'),
        (getattr(readout, "protect", "none") == "none", "readout.protect", "hebbian", '"none"'),
        (not getattr(readout, "causal", False), "readout.causal", True, "false"),
        (fixed.learning == "own", "fixed.learning", fixed.learning, '"own"'),
        (fixed.rounding != "stochastic", "fixed.rounding", fixed.rounding, '"nearest" or "floor"'),
        (onset <= MOST_ONSET, "run.dt_ms", config.run.dt_ms, f"at least {ONSET_MS / MOST_ONSET:.3g}"),
        (task.events <= MOST_EVENTS, "task.blocks", task.events, f"at most {MOST_EVENTS} events"),
        (channels <= MOST_CHANNELS, "task.cues", task.cues, f"at most {MOST_CHANNELS} input channels"),
    )
    for fits, key, value, allowed in checks:
        if not fits:
            raise UserError(f"{key} = {value!r}: the FPGA core does not have it; set it to {allowed}")


def refuse_stream(config: Config) -> None:
    """Raise a UserError for a stream with more labels than the core has input channels."""
    if (labels := config.stream.labels_max) > MOST_CHANNELS:
        raise UserError(
            f"stream.labels_max = {labels}: the FPGA core has {MOST_CHANNELS} input channels; lower it"
        )
