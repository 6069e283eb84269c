"""What happens to the state between two segments, on every backend: reset, and the what rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lava_predict.config import Config, ReadoutSettings
from lava_predict.errors import RunError
from lava_predict.kernels.float import Z_LIMIT
from lava_predict.learning.what import learn_outcome, read_estimate
from lava_predict.network import Network
from lava_predict.state import State, reset_reservoir
from lava_predict.task import Kind, Segment


def enter(segment: Segment, state: State, network: Network, in_flight: Sequence[np.ndarray] = ()) -> None:
    """Prepare the state for a segment, in place.

    Parameters
    ----------
    segment : Segment
        What is about to be played; it says whether the reservoir is reset.
    state : State
        Its sum of traces starts anew.
    network : Network
        Gives b, for the reset.
    in_flight : sequence of ndarray
        Further buffers for spikes in flight, which a reset drops like the state's own.
    """
    if segment.reset:
        reset_reservoir(state, network)
        for buffer in in_flight:
            buffer[:] = 0.0
    state.x_sum[:] = 0.0


def leave(
    segment: Segment, state: State, what_window: tuple[int, int], readout: ReadoutSettings
) -> np.ndarray:
    """Read the what estimate at the end of a segment, and after a trial learn from its outcome, in place.

    Parameters
    ----------
    segment : Segment
        What has been played.
    state : State
        After its last step.
    what_window : (int, int)
        Steps, from and up to, over which the traces were summed.
    readout : ReadoutSettings
        Rates of the what rule.

    Returns
    -------
    (K,) float64
        What readout before learning, not clipped; NaN for a pause.
    """
    if segment.kind is Kind.PAUSE:
        return np.full(state.z.size, np.nan)
    steps = what_window[1] - what_window[0]
    p = read_estimate(state, steps)
    if segment.kind is Kind.TRIAL:
        learn_outcome(state, steps, segment.cue, segment.outcome, p, readout)
    return p


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
