"""Draws the cells and synapses of a network from a configuration and its seed."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network.state import leaves
from lava_predict.numerics.columns import arrays, columns, gathered, is_packed, pack
from lava_predict.numerics.draws import CELLS, CUES, FEEDBACK, INPUTS, generator, to_grain, values_of
from lava_predict.registry import NEURONS, SYNAPSES
from lava_predict.settings.schema import Config
from lava_predict.synapses import exponential


class Network(NamedTuple):
    """What is drawn once and never changes, in physical units or in integers. C input channels, K events.

    Attributes
    ----------
    cells : neuron's Parameters
        Of N cells; the excitatory ones come first.
    synapses : synapse's Connections
        The recurrent synapses.
    input_weight : (C, N) float64 or int16
        Current of each cue, then (if they drive the reservoir) of each event, into each cell; in integers
        ``weight_bits`` and sign, with one exponent for each sign.
    feedback_weight : (K, N) float64 or int16
        Current per unit of each when readout into each cell; likewise.
    """

    cells: Any
    synapses: Any
    input_weight: np.ndarray
    feedback_weight: np.ndarray

    @property
    def size(self) -> int:
        """Number of cells N."""
        return int(self.input_weight.shape[1])

    def fingerprint(self) -> str:
        """SHA-256 over all arrays, which tells a difference in drawing from one in simulating."""
        digest = hashlib.sha256()
        for part in self:
            if isinstance(part, np.ndarray):
                pieces = iter((part,))
            elif part is self.synapses:
                pieces = arrays(part)
            else:
                pieces = (array for _, array in leaves(part))
            for array in pieces:
                digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return digest.hexdigest()

    def wide(self) -> Network:
        """Return the network with its synapses in wide columns, in physical units, as files have them."""
        return self._replace(synapses=self.synapses._replace(**columns(self.synapses)._asdict()))

    def packed(self) -> Network:
        """Return the same network with its synapses packed, if they can be."""
        found = None if is_packed(self.synapses) else pack(self.synapses)
        return self if found is None else self._replace(synapses=self.synapses._replace(**found._asdict()))


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
        In physical units.
    """
    reservoir, task = config.reservoir, config.task
    channels = task.cues + (task.events if task.events_drive_reservoir else 0)
    input_weight = np.zeros((channels, reservoir.neurons))
    for channel in range(channels):
        current = reservoir.cue_current if channel < task.cues else reservoir.event_current
        input_weight[channel] = _draw_input(config, channel, current)
    if task.cue_overlap != "drawn":
        input_weight[: task.cues] = _draw_overlapping(config)
    rng = generator(config, FEEDBACK, config.run.draws.inputs)
    feedback_weight = reservoir.feedback_gain * rng.uniform(-1.0, 1.0, (task.events, reservoir.neurons))
    return Network(
        cells=_draw_cells(config),
        synapses=SYNAPSES.get(reservoir.synapse_part).draw(config),
        input_weight=to_grain(input_weight),
        feedback_weight=to_grain(feedback_weight),
    )


def without_connections(config: Config) -> Network:
    """Draw the cells of a network to which nothing is connected: all that its readouts need."""
    cells = config.reservoir.neurons
    nothing = exponential.Connections(
        *gathered([(np.zeros(0, np.int64), np.zeros(0))] * cells, cells, 0, True)
    )
    weight = (np.zeros((config.task.cues, cells)), np.zeros((config.task.events, cells)))
    return Network(_draw_cells(config), nothing, *weight)


def _draw_cells(config: Config) -> Any:
    """Draw every parameter of the cells from the spreads in the settings."""
    reservoir, excitatory = config.reservoir, config.reservoir.excitatory_cells

    def uniform(number: int) -> np.ndarray:
        return generator(config, CELLS, config.run.draws.cells, number).random(reservoir.neurons)

    parameters = NEURONS.get(reservoir.neuron).Parameters
    halves = ((reservoir.excitatory, slice(0, excitatory)), (reservoir.inhibitory, slice(excitatory, None)))
    shared = uniform(0)
    drawn = []
    for number, name in enumerate(parameters._fields, start=1):
        own = uniform(number)
        values = np.empty(reservoir.neurons)
        for settings, part in halves:
            spread = getattr(settings, name)
            values[part] = values_of(spread, (shared if spread.draw == "shared" else own)[part])
        drawn.append(values)
    return parameters(*drawn)


def _draw_input(config: Config, channel: int, current: float) -> np.ndarray:
    """Draw the current of one input channel into each cell, (N,)."""
    rng = generator(config, INPUTS, config.run.draws.inputs, channel)
    reached, strength = rng.random((2, config.reservoir.neurons))
    return np.where(reached < config.reservoir.cue_fraction, current * (0.5 + 0.5 * strength), 0.0)


def _draw_overlapping(config: Config) -> np.ndarray:
    """Draw the currents of cues of which any two share the same cells, so many as ``task.cue_overlap`` says.

    A cell gets the same current from each cue that reaches it. More overlap, or another cue, keeps the common
    cells. Returns (cues, N).
    """
    reached, common = config.cue_cells
    own = reached - common
    rng = generator(config, CUES, config.run.draws.inputs)
    order = rng.permutation(config.reservoir.neurons)
    current = config.reservoir.cue_current * (0.5 + 0.5 * rng.random(config.reservoir.neurons))
    weight = np.zeros((config.task.cues, config.reservoir.neurons))
    for cue, row in enumerate(weight):
        first = common + cue * own
        cells = np.concatenate((order[:common], order[first : first + own]))
        row[cells] = current[cells]
    return weight
