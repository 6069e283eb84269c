"""What happens to the state between two segments on every backend: reset, and checks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lava_predict.errors import RunError
from lava_predict.network.float_step import Z_LIMIT
from lava_predict.network.state import State, reset_reservoir
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Segment


def enter(segment: Segment, state: State, start: State, in_flight: Sequence[np.ndarray] = ()) -> None:
    """Prepare the state for a segment, in place.

    Parameters
    ----------
    segment : Segment
        What is about to be played; it says whether the reservoir is reset.
    state : State
        Its sum of traces starts anew.
    start : State
        Before the first step, for the reset.
    in_flight : sequence of ndarray
        Further buffers for spikes in flight, which a reset drops like the state's own.
    """
    if segment.reset:
        reset_reservoir(state, start)
        for buffer in in_flight:
            buffer[:] = 0
    state.x_sum[:] = 0


def check_finite(segment: Segment, step: int, diverged: bool, v: np.ndarray, config: Config) -> None:
    """Stop a run whose network has diverged.

    Parameters
    ----------
    segment : Segment
        What is being played.
    step : int
        Step of it that was reached.
    diverged : bool
        Whether a when readout was not finite or beyond its limit.
    v : (N,) float64
        Membrane potentials, mV.
    config : Config
        Its settings are named as remedies.

    Raises
    ------
    RunError
        If ``diverged``, or if a membrane potential is not finite.
    """
    if diverged or not np.isfinite(v).all():
        raise RunError(
            f"trial {segment.trial}, {segment.kind.value}, step {step}: the network diverged "
            f"(a when readout is not finite or beyond +-{Z_LIMIT:g}, or a membrane potential is not "
            f"finite); lower readout.when_rate = {config.readout.when_rate:g}, "
            f"reservoir.feedback_gain = {config.reservoir.feedback_gain:g} or the synapses' charge"
        )
