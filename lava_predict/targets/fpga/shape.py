"""What a core is built for: sizes, word lengths and constants; the numbers of a network are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.numerics.columns import columns
from lava_predict.numerics.integers import STATE_BITS
from lava_predict.synapses import delayed
from lava_predict.targets.fpga.memory import Column

COUNT_BITS = 24
"""Of the spikes that are counted between two trials."""


@dataclass(frozen=True)
class CoreShape:
    """Networks of equal shape run on the same core.

    Attributes
    ----------
    neuron : str
        Name of the cells' model.
    cells, synapses, events, cues, blocks, channels, rows : int
        How many there are; blocks of weights (one a cue, or one for all), input channels, steps of the ring.
    weight_bits, arriving_bits : int
        Of a synapse's magnitude, and of what arrives in a step, with sign.
    signs : (int, int)
        Of the weights of excitatory and of inhibitory cells.
    neurons, synapse, inputs, rule : tuple
        Constants of the kernels, without arrays.
    parameters : tuple of str
        The cells' parameters, without the bias.
    """

    neuron: str
    cells: int
    synapses: int
    events: int
    cues: int
    blocks: int
    channels: int
    rows: int
    weight_bits: int
    arriving_bits: int
    signs: tuple[int, int]
    neurons: Any
    synapse: Any
    inputs: Any
    rule: Any
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    parameter_bits: int

    @property
    def columns(self) -> tuple[Column, ...]:
        """All memories, in the order of their numbers on the bus."""
        n, blocks, state = self.cells, self.blocks, STATE_BITS
        onset = self.rule.onset.bit_length()
        window = max(1, (self.rule.what_high - self.rule.what_low).bit_length())
        per_event = [
            column
            for k in range(self.events)
            for column in (
                Column(f"when.w{k}", blocks * n, state),
                Column(f"what.w{k}", blocks * n, state),
                Column(f"rate{k}", self.cues, self.parameter_bits - 1, False),
                *([Column(f"feedback{k}", n, self.weight_bits + 1)] if self.inputs.feedback else []),
            )
        ]
        delay = [Column("delay", n, max(1, self.rows.bit_length()), False)] if self.rows > 1 else []
        return (
            *(Column(f"cells.{name}", n, state) for name in (*self.states, *self.parameters, "bias")),
            Column("synapses.s", n, state),
            Column("synapses.arriving", self.rows * n, self.arriving_bits),
            *(Column(f"when.{name}", n, state) for name in ("r", "x")),
            Column("when.m", blocks * n, state),
            Column("when.decay", n, self.rule.decay_bits, False),
            Column("when.xc", n, 17),
            Column("when.onset", n, onset, False),
            Column("when.units", self.cues * n, onset + 5, False),
            Column("when.settled", blocks, 32, False),
            Column("when.spikes", n, COUNT_BITS, False),
            Column("what.x_sum", n, window, False),
            *(Column(f"input{c}", n, self.weight_bits + 1) for c in range(self.channels)),
            *per_event,
            *delay,
            Column("first", n + 1, self.synapses.bit_length(), False),
            # Weight and target in one word: for 1,000 cells it has the 18 bits that a block has.
            Column("synapse", max(self.synapses, 1), self.weight_bits + max(1, (n - 1).bit_length()), False),
            Column("spiking", n, max(1, (n - 1).bit_length()), False),
        )


def shape_of(arithmetic: FixedArithmetic) -> CoreShape:
    """Return the shape of a network in integers."""
    config, k, network = arithmetic.config, arithmetic.constants, arithmetic.network
    rule, connections = k.when, columns(network.synapses)
    border = int(connections.first[k.synapses.first_inhibitory])
    weight = connections.weight
    excitatory, inhibitory = (-1 if np.any(part < 0) else 1 for part in (weight[:border], weight[border:]))
    most = arithmetic.parts.synapse.largest(network.synapses, k.synapses)
    scalars = rule._replace(**dict.fromkeys(("decay", "rates", "profile")))
    return CoreShape(
        neuron=config.reservoir.neuron,
        cells=network.size,
        synapses=weight.size,
        events=config.task.events,
        cues=config.task.cues,
        blocks=arithmetic.start.when.m.shape[0],
        channels=network.input_weight.shape[0],
        rows=int(network.synapses.delay.max()) if isinstance(network.synapses, delayed.Connections) else 1,
        weight_bits=config.fixed.weight_bits,
        arriving_bits=max(2, int(most).bit_length() + 1),
        signs=(excitatory, inhibitory),
        neurons=k.cells,
        synapse=k.synapses,
        inputs=k.inputs,
        rule=scalars,
        states=type(arithmetic.start.cells)._fields,
        parameters=tuple(name for name in type(network.cells)._fields if name != "bias"),
        parameter_bits=config.fixed.parameter_bits,
    )
