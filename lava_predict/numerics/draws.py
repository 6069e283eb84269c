"""Random draws of a network: one stream a purpose, so that changing one setting does not redraw the rest."""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.grid import on_grid
from lava_predict.settings.schema import Config, Spread

CELLS, SYNAPSES, INPUTS, FEEDBACK, DELAYS, TRACES, CUES = range(1, 8)
"""The streams."""

WEIGHT_GRAIN = 2.0**-24
"""Weights are multiples of this, so that sums of them are exact in float64, in any order."""


def generator(config: Config, stream: int, draw: int, *more: int) -> np.random.Generator:
    """Return the generator of one of the streams above, from the seed and ``draw``, its ``run.draws``.

    ``more`` tells generators of a stream apart, for instance by the number of a parameter or input channel.
    """
    sequence = np.random.SeedSequence(entropy=config.run.seed, spawn_key=(stream, draw, *more))
    return np.random.Generator(np.random.PCG64(sequence))


def values_of(spread: Spread, r: np.ndarray) -> np.ndarray:
    """Map ``r``, uniform on 0 .. 1, to values of a parameter, elementwise.

    What pow and exp give is put on the grid of `on_grid`; a parameter without spread stays as it is set.
    """
    share = on_grid(r**spread.power)
    if spread.scale == "log":
        return np.asarray(spread.start * on_grid(np.exp(np.log(spread.stop / spread.start) * share)))
    return np.asarray(spread.start + (spread.stop - spread.start) * share)


def to_grain(weight: np.ndarray) -> np.ndarray:
    """Round to the nearest multiple of `WEIGHT_GRAIN`."""
    return np.asarray(np.round(weight / WEIGHT_GRAIN) * WEIGHT_GRAIN)
