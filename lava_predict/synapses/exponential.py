"""Synapses with a current that jumps at a spike, one step later, and decays exponentially."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.draws import SYNAPSES, generator, to_grain
from lava_predict.numerics.integers import HIGHEST, LOWEST, at_bounds, offset, saturate, scaled, summand
from lava_predict.numerics.plan import Planner
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Config

REFERENCE_IN_DEGREE = 100.0
"""Mean number of synapses onto a cell at which reservoir.*_charge holds as it stands."""

SATURATING = ("s",)


class Connections(NamedTuple):
    """The recurrent synapses, in compressed-column form.

    Attributes
    ----------
    first : (N + 1,) int64
        Cell j's outgoing synapses are ``first[j] .. first[j + 1] - 1``; the excitatory cells come first.
    target : (S,) int32
        Postsynaptic cell, ascending within a column; in integers uint16 up to 65,536 cells.
    weight : (S,) float64 or int16
        What a spike adds to the target's synaptic current, of one sign a column (Dale's law): mV / ms, or
        ``weight_bits`` and sign, one exponent for excitatory and one for inhibitory synapses.
    """

    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray


class State(NamedTuple):
    """Synaptic currents of N cells, and spikes in flight.

    Attributes
    ----------
    s, a_in : (N,) float64, int32 or (``a_in`` only) int64
        Synaptic current, and what the last step's spikes add to it in the next: mV / ms, or F fraction bits;
        ``s`` has 24 bits.
    """

    s: np.ndarray
    a_in: np.ndarray


class Constants(NamedTuple):
    """What a step needs: ``decay``, exp(-dt / tau_s)."""

    decay: float


def draw(config: Config) -> Connections:
    """Draw the synapses, column by column; ``run.seed`` and ``run.draws.synapses`` choose the draw."""
    reservoir = config.reservoir
    cells = reservoir.neurons
    rng = generator(config, SYNAPSES, config.run.draws.synapses)
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
        excitatory = cell < reservoir.excitatory_cells
        charge = reservoir.excitatory_charge if excitatory else reservoir.inhibitory_charge
        targets.append(np.flatnonzero(connected).astype(np.int32))
        weights.append(to_grain(charge * scale * strength[connected] / reservoir.tau_s_ms))
        first[cell + 1] = first[cell] + targets[-1].size
    return Connections(first, np.concatenate(targets), np.concatenate(weights))


def state_words(config: Config) -> tuple[str, ...]:
    """Name the 24-bit words that a cell needs on a chip."""
    return ("s", "arriving charge")


def constants(config: Config) -> Constants:
    """Return what a step needs, from ``reservoir.tau_s_ms`` and the time step."""
    return Constants(decay_of_step(config.run.dt_ms, config.reservoir.tau_s_ms))


def start(connections: Connections) -> State:
    """Return the state before the first step: no current, nothing in flight."""
    cells = connections.first.size - 1
    return State(np.zeros(cells), np.zeros(cells))


@lean_kernel
def arrive(synapses: State, k: Constants, j: int) -> float:
    """Advance the synaptic current of cell j by a step, and return it."""
    synapses.s[j] = synapses.s[j] * k.decay + synapses.a_in[j]
    return synapses.s[j]


@lean_kernel
def add_weights(
    spiking: np.ndarray,
    count: int,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add the weights of the spiking cells' synapses to their targets' sums, (N,), in place."""
    for k in range(count):
        j = spiking[k]
        # Unsigned, so that numba does not look for negative indices.
        for i in range(np.uint64(first[j]), np.uint64(first[j + 1])):
            sums[np.uint32(target[i])] += weight[i]


@lean_kernel
def add_graded(
    spiking: np.ndarray,
    payload: np.ndarray,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    sums: np.ndarray,
) -> None:
    """As `add_weights`, each times the ``payload`` of its cell's graded spike, (spikes,)."""
    for k in range(spiking.size):
        j = spiking[k]
        for i in range(np.uint64(first[j]), np.uint64(first[j + 1])):
            sums[np.uint32(target[i])] += weight[i] * payload[k]


@lean_kernel
def deliver(synapses: State, connections: Connections, k: Constants, spiking: np.ndarray, count: int) -> None:
    """Sum the weights of the spiking cells' synapses into ``a_in``, for the next step."""
    synapses.a_in[:] = 0.0
    add_weights(spiking, count, connections.first, connections.target, connections.weight, synapses.a_in)


# In integers.


class FixedConstants(NamedTuple):
    """What an integer step needs.

    Attributes
    ----------
    decay, decay_bits : int
        exp(-dt / tau_s), and its fraction bits.
    s_grain : int
        How many of the lowest 24 bits of s are kept at 0.
    first_inhibitory : int
        First cell that is inhibitory.
    excitatory_shift, inhibitory_shift : int
        From the weights' to F fraction bits.
    """

    decay: int
    decay_bits: int
    s_grain: int
    first_inhibitory: int
    excitatory_shift: int
    inhibitory_shift: int


class Cut(NamedTuple):
    """What is added before the shift of s, and the mask (int32) of the bits that are kept after it."""

    s: int
    s_mask: int


class Seen(NamedTuple):
    """The extremes of s so far, int32."""

    lowest: int
    highest: int


def quantise(
    planner: Planner, config: Config, connections: Connections
) -> tuple[Connections, FixedConstants]:
    """Turn the synapses into integers, each sign with an exponent of its own, and enter them in the plan."""
    settings, reservoir = planner.settings, config.reservoir
    weight = np.zeros(connections.weight.size, np.int16)
    border = int(connections.first[reservoir.excitatory_cells])
    shifts = []
    for name, part in (("excitatory", slice(0, border)), ("inhibitory", slice(border, None))):
        weight[part], fraction = planner.weights(f"{name} weights", connections.weight[part])
        shifts.append(settings.fraction_bits - fraction)
    k = FixedConstants(
        decay=planner.decay("decay of s", reservoir.tau_s_ms, config.run.dt_ms),
        decay_bits=settings.decay_bits,
        s_grain=planner.grain("s"),
        first_inhibitory=reservoir.excitatory_cells,
        excitatory_shift=shifts[0],
        inhibitory_shift=shifts[1],
    )
    cells = connections.first.size - 1
    target = connections.target.astype(np.uint16 if cells <= 2**16 else np.int32)
    return connections._replace(target=target, weight=weight), k


def largest(connections: Any, k: FixedConstants) -> float:
    """Return the greatest sum that can arrive at any cell in a step, in the last of F fraction bits."""
    shift = np.where(connections.weight > 0, k.excitatory_shift, k.inhibitory_shift)
    sizes = np.ldexp(np.abs(connections.weight.astype(np.float64)), shift)
    return float(np.bincount(connections.target, sizes, 1).max())


def fixed_start(connections: Connections, wide: bool) -> State:
    """Return the state before the first step; ``a_in`` in int64 if ``wide``, else in int32."""
    cells = connections.first.size - 1
    return State(np.zeros(cells, np.int32), np.zeros(cells, np.int64 if wide else np.int32))


def physical(synapses: State, unit: float) -> State:
    """Return the state in mV / ms, float64."""
    return State(synapses.s * unit, synapses.a_in * unit)


@lean_kernel
def fixed_whole(k: FixedConstants) -> bool:
    """Tell whether no bits of s are kept at 0."""
    return k.s_grain == 0


@lean_kernel
def fixed_cut(k: FixedConstants, rounding: int, bits: np.uint64, whole: bool) -> Cut:
    """Return the offset and mask of a step, from the lowest 16 random ``bits``."""
    s = offset(rounding, k.decay_bits + k.s_grain, np.int64(bits & np.uint64(0xFFFF)))
    return Cut(s, np.int32(-1) if whole else np.int32(-(1 << k.s_grain)))


@lean_kernel
def fixed_nothing_seen() -> Seen:
    """Return the extremes before the first cell."""
    return Seen(np.int32(0), np.int32(0))


@lean_kernel
def fixed_take(
    s: np.ndarray, j: int, charge: int, k: FixedConstants, cut: Cut, seen: Seen
) -> tuple[int, Seen]:
    """Let s of cell j decay and take up what arrives, F fraction bits; return it and the extremes so far."""
    decayed = np.bitwise_and(scaled(s[j], np.int32(k.decay), k.decay_bits, cut.s), cut.s_mask)
    held = saturate(np.add(decayed, summand(charge)))
    s[j] = held
    return held, Seen(np.minimum(seen.lowest, held), np.maximum(seen.highest, held))


@lean_kernel
def fixed_arrive(synapses: State, k: FixedConstants, cut: Cut, j: int, seen: Seen) -> tuple[int, Seen]:
    """As `arrive`, in integers; returns s and the extremes so far."""
    return fixed_take(synapses.s, j, synapses.a_in[j], k, cut, seen)


@lean_kernel
def fixed_count(synapses: Any, k: FixedConstants, seen: Seen, lost: np.ndarray) -> None:
    """Count the cells whose s stands at a bound after a step."""
    if seen.lowest <= LOWEST or seen.highest >= HIGHEST:
        lost[0] += at_bounds(synapses.s, LOWEST, HIGHEST)


@lean_kernel
def fixed_add_weights(
    spiking: np.ndarray,
    count: int,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    shift: int,
    sums: np.ndarray,
) -> None:
    """As `add_weights`, of cells of one sign; ``shift`` leads from the weights' to F fraction bits."""
    for index in range(count):
        j = spiking[index]
        # Unsigned, so that numba does not look for negative indices.
        for i in range(np.uint64(first[j]), np.uint64(first[j + 1])):
            sums[np.uint32(target[i])] += weight[i] << shift


@lean_kernel
def fixed_add_graded(
    spiking: np.ndarray,
    payload: np.ndarray,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    shift: int,
    sums: np.ndarray,
) -> None:
    """As `add_graded`, in integers, of cells of one sign; ``payload`` is int64."""
    for index in range(spiking.size):
        j = spiking[index]
        for i in range(np.uint64(first[j]), np.uint64(first[j + 1])):
            sums[np.uint32(target[i])] += (weight[i] * payload[index]) << shift


@lean_kernel
def excitatory_spikes(spiking: np.ndarray, count: int, first_inhibitory: int) -> int:
    """Count the spikes of excitatory cells, which come first."""
    excitatory = 0
    while excitatory < count and spiking[excitatory] < first_inhibitory:
        excitatory += 1
    return excitatory


@lean_kernel
def fixed_deliver(
    synapses: State, connections: Connections, k: FixedConstants, spiking: np.ndarray, count: int
) -> None:
    """As `deliver`, in integers."""
    excitatory = excitatory_spikes(spiking, count, k.first_inhibitory)
    synapses.a_in[:] = 0
    columns = (connections.first, connections.target, connections.weight)
    fixed_add_weights(spiking, excitatory, *columns, k.excitatory_shift, synapses.a_in)
    inhibitory = spiking[excitatory:]
    fixed_add_weights(inhibitory, count - excitatory, *columns, k.inhibitory_shift, synapses.a_in)
