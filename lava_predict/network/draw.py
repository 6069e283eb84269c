"""Draws the cells and synapses of a network from a configuration and its seed."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from lava_predict.settings.schema import CellSettings, Config

WEIGHT_GRAIN = 2.0**-24
"""Weights are multiples of this, so that sums of them are exact in float64, in any order."""

REFERENCE_IN_DEGREE = 100.0
"""Mean number of synapses onto a cell at which reservoir.*_charge holds as it stands."""

_CELLS, _SYNAPSES, _INPUTS, _FEEDBACK = 1, 2, 3, 4


class Network(NamedTuple):
    """What is drawn once and never changes. N cells, S synapses, C input channels, K events.

    Attributes
    ----------
    a, b, c, d, bias : (N,) float64
        Parameters of the Izhikevich cells; the excitatory cells come first.
    first : (N + 1,) int64
        Synapses in compressed-column form: cell j's outgoing ones are ``first[j] .. first[j + 1] - 1``.
    target : (S,) int32
        Postsynaptic cell, ascending within a column.
    weight : (S,) float64
        What a spike adds to the target's synaptic current; of one sign per column (Dale's law).
    input_weight : (C, N) float64
        Current of each cue, then (if they drive the reservoir) of each event, into each cell.
    feedback_weight : (K, N) float64
        Current per unit of each when readout into each cell.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    input_weight: np.ndarray
    feedback_weight: np.ndarray

    def fingerprint(self) -> str:
        """SHA-256 over all arrays, so that a difference in drawing is told from one in simulating."""
        digest = hashlib.sha256()
        for array in self:
            digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()


def excitatory_cells(config: Config) -> int:
    """Return how many cells are excitatory: the first ones."""
    return round(config.reservoir.neurons * config.reservoir.excitatory_fraction)


def draw_network(config: Config) -> Network:
    """Draw a network; the same configuration gives the same network.

    Parameters
    ----------
    config : Config
        ``run.seed`` and ``run.draws`` choose the draw. Cells, synapses and inputs come from
        streams of their own: changing a setting of one does not redraw another.

    Returns
    -------
    Network
        See there.
    """
    reservoir, task = config.reservoir, config.task
    a, b, c, d, bias = _draw_cells(config)
    first, target, weight = _draw_synapses(config)
    channels = task.cues + (task.events if task.events_drive_reservoir else 0)
    input_weight = np.zeros((channels, reservoir.neurons))
    for channel in range(channels):
        current = reservoir.cue_current if channel < task.cues else reservoir.event_current
        input_weight[channel] = _draw_input(config, channel, current)
    rng = _generator(config, _FEEDBACK, config.run.draws.inputs)
    feedback_weight = reservoir.feedback_gain * rng.uniform(-1.0, 1.0, (task.events, reservoir.neurons))
    return Network(
        a, b, c, d, bias, first, target, weight, _to_grain(input_weight), _to_grain(feedback_weight)
    )


def _generator(config: Config, stream: int, draw: int, *more: int) -> np.random.Generator:
    sequence = np.random.SeedSequence(entropy=config.run.seed, spawn_key=(stream, draw, *more))
    return np.random.Generator(np.random.PCG64(sequence))


def _to_grain(weight: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(weight / WEIGHT_GRAIN) * WEIGHT_GRAIN)


def _draw_cells(config: Config) -> list[np.ndarray]:
    """Draw a, b, c, d and bias, each (N,)."""
    cells = config.reservoir.neurons
    excitatory = excitatory_cells(config)

    def uniform(number: int) -> np.ndarray:
        return _generator(config, _CELLS, config.run.draws.cells, number).random(cells)

    shared = uniform(0)
    drawn = []
    for number, name in enumerate(CellSettings.model_fields, start=1):
        own = uniform(number)
        values = np.empty(cells)
        for settings, part in (
            (config.reservoir.excitatory, slice(0, excitatory)),
            (config.reservoir.inhibitory, slice(excitatory, cells)),
        ):
            spread = getattr(settings, name)
            values[part] = spread.values((shared if spread.draw == "shared" else own)[part])
        drawn.append(values)
    return drawn


def _draw_synapses(config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw first, target and weight of the recurrent synapses, column by column."""
    reservoir = config.reservoir
    cells, excitatory = reservoir.neurons, excitatory_cells(config)
    rng = _generator(config, _SYNAPSES, config.run.draws.synapses)
    # A cell's recurrent input stays the same on average whatever the size and density of the network.
    scale = REFERENCE_IN_DEGREE / max(1.0, cells * reservoir.connection_probability)
    first = np.zeros(cells + 1, np.int64)
    targets, weights = [], []
    for cell in range(cells):
        # One draw of pair and weight for every possible synapse, so that neither the probability
        # nor the strength of connections changes the draw of the others.
        pair, strength = rng.random((2, cells))
        connected = pair < reservoir.connection_probability
        connected[cell] = False
        charge = reservoir.excitatory_charge if cell < excitatory else reservoir.inhibitory_charge
        targets.append(np.flatnonzero(connected).astype(np.int32))
        weights.append(_to_grain(charge * scale * strength[connected] / reservoir.tau_s_ms))
        first[cell + 1] = first[cell] + targets[-1].size
    return first, np.concatenate(targets), np.concatenate(weights)


def _draw_input(config: Config, channel: int, current: float) -> np.ndarray:
    """Draw the current of one input channel into each cell, (N,)."""
    rng = _generator(config, _INPUTS, config.run.draws.inputs, channel)
    reached, strength = rng.random((2, config.reservoir.neurons))
    return np.where(reached < config.reservoir.cue_fraction, current * (0.5 + 0.5 * strength), 0.0)
