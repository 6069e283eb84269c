"""How the cells of a network respond in a run: what cells of another model are fitted to.

The network starts at rest and settles. Then its input channels are presented one after the other, each for
as long as a cue. With its private noise, every cell meets the currents that it meets in a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lava_predict.analysis.spike_statistics import Raster
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.step import Recording
from lava_predict.numerics.noise import PROBE, key_of
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment, Streams

SETTLE_MS = 2000.0
"""Before the first presentation: six time constants of the slowest recovery in preset robust."""

EVERY_MS = 1500.0
"""From one presentation to the next: about as long as a trial."""

LEAST_SHOWN, MOST_SHOWN = 4, 12
"""Presentations: one of each channel, within these bounds."""

_CHUNK_STEPS = 500


@dataclass(frozen=True)
class Responses:
    """The spikes of a network while its channels are presented. T steps, C channels.

    Attributes
    ----------
    level : (T, C) float64
        1 while a channel is on, else 0.
    settled : int
        Steps before the first presentation.
    raster : Raster
        The spikes in all T steps.
    """

    level: np.ndarray
    settled: int
    raster: Raster

    def rates_hz(self, raster: Raster) -> np.ndarray:
        """Return each cell's rate in a raster of the same steps, after the first ``settled``, Hz, (N,)."""
        late = raster.cell[raster.step >= self.settled]
        counted_s = (raster.steps - self.settled) * raster.dt_ms / 1000.0
        return np.asarray(np.bincount(late, minlength=raster.cells) / counted_s)


def presentations(config: Config, channels: int, used: int) -> tuple[np.ndarray, int]:
    """Lay out what is presented: (T, channels) float64, and the steps before the first presentation.

    Of so many channels the first ``used`` are presented, in turn.
    """
    settle, every, on = (config.steps(time) for time in (SETTLE_MS, EVERY_MS, config.task.cue_ms))
    shown = min(max(LEAST_SHOWN, used), MOST_SHOWN)
    level = np.zeros((settle + shown * every, channels))
    for number in range(shown):
        start = settle + number * every
        level[start : start + on, number % used] = 1.0
    return level, settle


def respond(config: Config, network: Network, used: int, draw: int = 0) -> Responses:
    """Play a network and record its spikes.

    Parameters
    ----------
    config : Config
        Its settings; the seed is also that of its noise.
    network : Network
        In physical units.
    used : int
        How many of its input channels are presented, from the first on.
    draw : int
        Another number is another draw of the noise.
    """
    level, settled = presentations(config, network.input_weight.shape[0], used)
    arithmetic = FloatArithmetic(config, network)
    key = int(key_of(config.run.seed, config.run.draws.noise, PROBE, 2**32 + draw))
    segment = Segment(Kind.PROBE, len(level), key, 0, 0, learning=False)
    state, spikes = arithmetic.start.copy(), []
    for start in range(0, len(level), _CHUNK_STEPS):
        rows = level[start : start + _CHUNK_STEPS]
        spikes.append(_advance(arithmetic, state, rows, segment, start))
    step, cell = np.concatenate(spikes, axis=1)
    return Responses(level, settled, Raster(step, cell, network.size, len(level), config.run.dt_ms))


def _advance(
    arithmetic: FloatArithmetic, state: Any, level: np.ndarray, segment: Segment, start: int
) -> np.ndarray:
    steps, events = len(level), state.z.size
    idle = np.zeros((steps, events))
    step, cell = np.empty((2, steps * arithmetic.network.size), np.uint32)
    recording = Recording(step, cell, np.empty((steps, events)), np.empty((steps, events)), np.empty(steps))
    return arithmetic.advance(state, Streams(level, idle, idle), segment, start, recording)
