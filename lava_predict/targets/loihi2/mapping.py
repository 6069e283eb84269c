"""How the network would lie on a chip: populations, connections, their memory and the cores they take.

The parts are those of the graph form. docs/loihi2.md states the assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lava_predict.learning import on_chip
from lava_predict.network.arithmetic import integer_parts
from lava_predict.network.draw import Network
from lava_predict.numerics.columns import columns
from lava_predict.numerics.integers import FEEDBACK_FRACTION, STATE_BITS
from lava_predict.settings.schema import Config
from lava_predict.targets.loihi2.limits import LIMITS

_KB_BITS = 1024 * 8
_MESSAGE_BITS = 1
_FEEDBACK_BITS = FEEDBACK_FRACTION + 1
_RELAY_BITS = on_chip.MOST_PAYLOAD.bit_length()


class Links(NamedTuple):
    """The recurrent synapses of one sign: how many, and the most onto and from one cell."""

    synapses: int
    fan_in: int
    fan_out: int


class Counts(NamedTuple):
    """The recurrent synapses by sign; ``drawn`` is False where they are expected, not counted."""

    excitatory: Links
    inhibitory: Links
    drawn: bool


@dataclass(frozen=True)
class Connection:
    """A connection of the graph form; ``kind`` is the Lava Process that it is.

    ``fan_in`` and ``fan_out`` are the most synapses onto and from one neuron. A synapse has a weight (with
    sign where both occur) and an index, which neuron of the core it goes to. A message has ``payload_bits``;
    1 is a spike that carries nothing.
    """

    name: str
    kind: str
    synapses: int
    fan_in: int
    fan_out: int
    weight_bits: int
    index_bits: int
    payload_bits: int

    @property
    def memory_bits(self) -> int:
        """What its synapses take."""
        return self.synapses * (self.weight_bits + self.index_bits)


@dataclass(frozen=True)
class Population:
    """Neurons of one kind, with the synapses onto them.

    ``states`` are the state words of a neuron, ``neuron_bits`` its states and parameters together. The
    ``inputs`` end on it, and so lie on its cores; they have so many different ``sources``.
    """

    name: str
    neurons: int
    states: tuple[str, ...]
    neuron_bits: int
    inputs: tuple[Connection, ...]
    sources: int

    @property
    def memory_bits(self) -> int:
        """What neurons and synapses take together."""
        return self.neurons * self.neuron_bits + sum(one.memory_bits for one in self.inputs)

    @property
    def most_per_core(self) -> int:
        """How many neurons with the synapses onto them a core can hold; 0 if not one."""
        room = LIMITS["memory_per_core"].known * _KB_BITS
        by_memory = int(room * self.neurons // self.memory_bits)
        return min(by_memory, int(LIMITS["neurons_per_core"].known))

    @property
    def cores(self) -> int:
        """Fewest cores that hold it."""
        return math.ceil(self.neurons / max(self.most_per_core, 1))

    @property
    def neurons_per_core(self) -> int:
        """Neurons of a core when they are spread evenly over the fewest cores."""
        return math.ceil(self.neurons / self.cores)

    @property
    def memory_kb(self) -> float:
        """Memory in use of each of these cores, KB."""
        return self.memory_bits / self.neurons * self.neurons_per_core / _KB_BITS


@dataclass(frozen=True)
class Layout:
    """The network as it lies on a chip: its populations, the cells first, and its recurrent synapses."""

    populations: tuple[Population, ...]
    counts: Counts

    @property
    def connections(self) -> list[Connection]:
        """All connections."""
        return [connection for population in self.populations for connection in population.inputs]

    @property
    def cores(self) -> int:
        """Fewest cores that hold the network; no core holds two populations."""
        return sum(population.cores for population in self.populations)

    @property
    def neurons(self) -> int:
        """All neurons."""
        return sum(population.neurons for population in self.populations)

    @property
    def synapses(self) -> int:
        """All synapses."""
        return sum(connection.synapses for connection in self.connections)

    @property
    def chips(self) -> int:
        """Fewest chips with that many cores."""
        return math.ceil(self.cores / LIMITS["cores"].known)

    @property
    def axons_in(self) -> int:
        """Most senders that a core must tell apart, were each of its synapses from another one."""
        return max(
            min(one.sources, one.neurons_per_core * sum(links.fan_in for links in one.inputs))
            for one in self.populations
        )

    @property
    def axons_out(self) -> int:
        """Most receivers of a core of cells, were each synapse of a cell on another core; relays on one."""
        cells, *others = self.populations
        fan_out = max(self.counts.excitatory.fan_out, self.counts.inhibitory.fan_out)
        return cells.neurons_per_core * (min(fan_out, cells.cores) + len(others[:1]))


def expected_counts(config: Config) -> Counts:
    """Say how many recurrent synapses a configuration will give, without drawing them.

    They are means; of the most onto and from a cell, the mean of the greatest of so many binomial numbers.
    """
    cells, probability = config.reservoir.neurons, config.reservoir.connection_probability
    excitatory = config.reservoir.excitatory_cells

    def links(senders: int) -> Links:
        synapses = round(senders * (cells - 1) * probability)
        if not synapses:
            return Links(0, 0, 0)
        fan_in = _greatest(senders, probability, cells)
        return Links(synapses, fan_in, _greatest(cells - 1, probability, senders))

    return Counts(links(excitatory), links(cells - excitatory), drawn=False)


def _greatest(trials: int, probability: float, draws: int) -> int:
    """Estimate the greatest of so many binomial numbers, from the tail of the normal distribution."""
    deviation = math.sqrt(trials * probability * (1.0 - probability))
    return min(trials, round(trials * probability + deviation * math.sqrt(2.0 * math.log(max(draws, 2)))))


def drawn_counts(config: Config, network: Network) -> Counts:
    """Count the recurrent synapses of the network that was drawn from a configuration."""
    cells, excitatory = network.size, config.reservoir.excitatory_cells
    synapses = columns(network.synapses)

    def links(start: int, stop: int) -> Links:
        fan_out = np.diff(synapses.first[start : stop + 1])
        target = synapses.target[synapses.first[start] : synapses.first[stop]]
        fan_in = np.bincount(target, minlength=cells)
        return Links(int(target.size), int(fan_in.max(initial=0)), int(fan_out.max(initial=0)))

    return Counts(links(0, excitatory), links(excitatory, cells), drawn=True)


def map_network(config: Config, counts: Counts) -> Layout:
    """Lay the network out: cells on the chip, and the when readout too if it learns on Lava's engine.

    The configuration gives sizes, and word lengths in ``fixed``; ``counts`` gives the recurrent synapses.
    """
    populations = [_cells(config, counts)]
    if config.fixed.learning == "on_chip":
        populations += [_relays(config), _readout(config)]
    return Layout(tuple(populations), counts)


def _index_bits(neurons: int) -> int:
    """Bits that tell the neurons of a core apart."""
    return max(1, math.ceil(math.log2(min(neurons, int(LIMITS["neurons_per_core"].known)))))


def _cells(config: Config, counts: Counts) -> Population:
    """Lay out the cells with their synapses, inputs and feedback."""
    cells, task, weight_bits = config.reservoir.neurons, config.task, config.fixed.weight_bits
    channels = task.cues + (task.events if task.events_drive_reservoir else 0)
    events = task.events if config.reservoir.feedback_gain != 0.0 else 0

    def sparse(name: str, links: Links) -> Connection:
        return Connection(name, "Sparse", *links, weight_bits, _index_bits(cells), _MESSAGE_BITS)

    def dense(name: str, senders: int, payload_bits: int) -> Connection:
        # A Dense holds a weight for every pair, of one sign each, and needs no index.
        return Connection(name, "Dense", senders * cells, senders, cells, weight_bits, 0, payload_bits)

    inputs = [
        sparse("excitatory synapses", counts.excitatory),
        sparse("inhibitory synapses", counts.inhibitory),
        dense("inputs", channels, _MESSAGE_BITS),
    ]
    if events:
        inputs += [dense(f"feedback, {sign}", events, _FEEDBACK_BITS) for sign in ("positive", "negative")]
    neuron, synapse, _ = integer_parts(config)
    states = (*neuron.STATE_WORDS, *synapse.state_words(config))
    neuron_bits = len(states) * STATE_BITS + neuron.parameter_bits(config.fixed)
    return Population(neuron.NAME, cells, states, neuron_bits, tuple(inputs), cells + channels + events)


def _relays(config: Config) -> Population:
    """Lay out the relays that keep the cells' traces and send them on as graded spikes."""
    cells, states = config.reservoir.neurons, ("r", "x", "m")
    spikes = Connection("cells to relays", "Sparse", cells, 1, 1, 1, _index_bits(cells), _MESSAGE_BITS)
    bits = len(states) * STATE_BITS + config.fixed.parameter_bits  # the decay is a cell's own
    return Population("trace relays", cells, states, bits, (spikes,), cells)


def _readout(config: Config) -> Population:
    """Lay out the when readout with the weights that learn."""
    events, senders = config.task.events, config.reservoir.neurons
    # Each synapse also keeps the trace of its sender.
    bits = on_chip.WEIGHT_BITS + 1 + int(LIMITS["learning_trace_bits"].known)
    sizes = (senders * events, senders, events)
    learning = Connection("when weights", "LearningDense", *sizes, bits, 0, _RELAY_BITS)
    states = ("sum", "first sum", "z", "target", "gate", "y1", "y2")
    return Population("when readout", events, states, len(states) * STATE_BITS, (learning,), senders)
