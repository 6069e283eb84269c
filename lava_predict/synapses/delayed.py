"""Exponential synapses whose spikes take a time of their own: axonal delays, one a cell.

A spike of cell j reaches the synaptic currents of all its targets d_j steps later. Sums of weights wait in
a ring of as many rows as the longest delay has steps; a chip keeps spikes in flight in the same way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.numerics.columns import cells_of, page_end, page_of, range_count, range_size
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.draws import DELAYS, WEIGHT_GRAIN, generator
from lava_predict.numerics.integers import Cut
from lava_predict.numerics.plan import Planner
from lava_predict.settings.schema import Config
from lava_predict.synapses import exponential
from lava_predict.synapses.exponential import (
    Constants,
    FixedConstants,
    Seen,
    add_pieces,
    constants,
    fixed_add_pieces,
    fixed_count,
    fixed_cut,
    fixed_nothing_seen,
    fixed_take,
    fixed_whole,
    largest,
    packed,
)

__all__ = ["constants", "fixed_count", "fixed_cut", "fixed_nothing_seen", "fixed_whole", "largest", "packed"]

SATURATING = exponential.SATURATING


class Connections(NamedTuple):
    """The recurrent synapses as in `exponential.Connections`, and the delay of each cell.

    Attributes
    ----------
    delay : (N,) int32
        Steps from a cell's spike to its targets, 1 or more.
    """

    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class State(NamedTuple):
    """Synaptic currents of N cells as in `exponential.State`, and what is in flight.

    Attributes
    ----------
    ring : (longest delay, N) float64, int32 or int64
        Sums of weights that will arrive, one row a step.
    row : (1,) int64
        Row that arrives in the next step.
    """

    s: np.ndarray
    ring: np.ndarray
    row: np.ndarray


def draw(config: Config) -> Connections:
    """Draw the synapses as without delays, and each delay evenly from the steps in ``reservoir.delay_ms``."""
    low, high = (max(1, config.steps(delay)) for delay in config.reservoir.delay_ms)
    share = generator(config, DELAYS, config.run.draws.synapses).random(config.reservoir.neurons)
    steps = low + np.floor((high - low + 1) * share)
    return Connections(*exponential.draw(config), steps.astype(np.int32))


def state_words(config: Config) -> tuple[str, ...]:
    """Name the 24-bit words that a cell needs on a chip: one for every step that a spike can be in flight."""
    steps = max(1, config.steps(config.reservoir.delay_ms[1]))
    return ("s", *(f"arriving in step {step}" for step in range(1, steps + 1)))


def start(connections: Connections) -> State:
    """Return the state before the first step: no current, nothing in flight."""
    cells = cells_of(connections)
    return State(np.zeros(cells), np.zeros((connections.delay.max(), cells)), np.zeros(1, np.int64))


@lean_kernel
def arrive(synapses: State, k: Constants, j: int) -> float:
    """Advance the synaptic current of cell j by a step, and return it."""
    synapses.s[j] = synapses.s[j] * k.decay + synapses.ring[synapses.row[0], j]
    return synapses.s[j]


@lean_kernel
def deliver(synapses: State, connections: Connections, k: Constants, spiking: np.ndarray, count: int) -> None:
    """Add the weights of the spiking cells' synapses to the rows of the steps in which they arrive."""
    ranges = range_count(synapses.s.size, connections.target)
    deliver_ranges(synapses, connections, k, spiking, count, np.int64(0), ranges)
    delivered(synapses)


@lean_kernel
def delivered(synapses: State) -> None:
    """End a step whose spikes have been delivered range by range: the next row is the next that arrives."""
    synapses.row[0] = (synapses.row[0] + 1) % synapses.ring.shape[0]


@lean_kernel
def deliver_ranges(
    synapses: State,
    connections: Connections,
    k: Constants,
    spiking: np.ndarray,
    count: int,
    low: int,
    high: int,
) -> None:
    """As `deliver`, to the ranges ``low`` .. ``high`` - 1 of targets only, and the row stays."""
    target = connections.target
    rows, row, cells = synapses.ring.shape[0], synapses.row[0], synapses.s.size
    ranges = range_count(cells, target)
    size = range_size(cells, ranges)
    unit = WEIGHT_GRAIN if target.itemsize == 2 else 1.0
    synapses.ring[row, low * size : high * size] = 0.0
    while low < high:
        end, page = page_end(low, high, size, target), page_of(low * size, target)
        for index in range(count):
            arriving = synapses.ring[(row + connections.delay[spiking[index]]) % rows, page:]
            add_pieces(spiking[index:], 1, connections, low, end, ranges, unit, arriving)
        low = end


# In integers.


def quantise(
    planner: Planner, config: Config, connections: Connections
) -> tuple[Connections, FixedConstants]:
    """Turn the synapses into integers as without delays; delays are whole steps in either arithmetic."""
    columns, k = exponential.quantise(planner, config, exponential.Connections(*connections[:3]))
    return Connections(*columns, connections.delay), k


def fixed_start(connections: Connections, wide: bool) -> State:
    """Return the state before the first step; the ring in int64 if ``wide``, else in int32."""
    cells = cells_of(connections)
    ring: np.ndarray = np.zeros((connections.delay.max(), cells), np.int64 if wide else np.int32)
    return State(np.zeros(cells, np.int32), ring, np.zeros(1, np.int64))


def physical(synapses: State, unit: float) -> State:
    """Return the state in mV / ms, float64; the row stays what it is."""
    return State(synapses.s * unit, synapses.ring * unit, synapses.row)


@lean_kernel
def fixed_arrive(synapses: State, k: FixedConstants, cut: Cut, j: int, seen: Seen) -> tuple[int, Seen]:
    """As `arrive`, in integers; returns s and the extremes so far."""
    return fixed_take(synapses.s, j, synapses.ring[synapses.row[0], j], k, cut, seen)


@lean_kernel
def fixed_deliver(
    synapses: State, connections: Connections, k: FixedConstants, spiking: np.ndarray, count: int
) -> None:
    """As `deliver`, in integers."""
    ranges = range_count(synapses.s.size, connections.target)
    fixed_deliver_ranges(synapses, connections, k, spiking, count, np.int64(0), ranges)
    delivered(synapses)


@lean_kernel
def fixed_deliver_ranges(
    synapses: State,
    connections: Connections,
    k: FixedConstants,
    spiking: np.ndarray,
    count: int,
    low: int,
    high: int,
) -> None:
    """As `deliver_ranges`, in integers."""
    target = connections.target
    rows, row, cells = synapses.ring.shape[0], synapses.row[0], synapses.s.size
    ranges = range_count(cells, target)
    size = range_size(cells, ranges)
    synapses.ring[row, low * size : high * size] = 0
    while low < high:
        end, page = page_end(low, high, size, target), page_of(low * size, target)
        for index in range(count):
            j = spiking[index]
            shift = k.excitatory_shift if j < k.first_inhibitory else k.inhibitory_shift
            arriving = synapses.ring[(row + connections.delay[j]) % rows, page:]
            fixed_add_pieces(spiking[index:], 1, connections, low, end, ranges, np.int32(shift), arriving)
        low = end
