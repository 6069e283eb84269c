"""Synapses with a current that jumps at a spike, one step later, and decays exponentially."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lava_predict.numerics.columns import (
    LARGEST,
    cells_of,
    gathered,
    in_pieces,
    is_packed,
    join,
    joined_target,
    joined_weight,
    pack,
    page_end,
    page_of,
    range_count,
    range_size,
    ranges_at_once,
)
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.draws import SYNAPSES, WEIGHT_GRAIN, generator, to_grain
from lava_predict.numerics.integers import HIGHEST, LOWEST, Cut, at_bounds, cut_of, saturate, scaled, summand
from lava_predict.numerics.plan import Planner
from lava_predict.numerics.prefetch import prefetch
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.numerics.views import viewed
from lava_predict.settings.schema import Config

REFERENCE_IN_DEGREE = 100.0
"""Mean number of synapses onto a cell at which reservoir.*_charge holds as it stands."""

SATURATING = ("s",)

BLOCK = np.uint64(32)
"""Synapses whose targets fill a cache line; the next column's are asked for at this pace."""

MANY = 2
"""From so many arriving weights a cell on their sums have 32 bits at first; measured."""


class Connections(NamedTuple):
    """The recurrent synapses, in compressed columns; the excitatory cells come first.

    As drawn, and in integers, they are packed; `lava_predict.numerics.columns` says how, and its `columns`
    returns them in physical units. A network runs with wide ones too, to the same bits.

    Attributes
    ----------
    first : (N + 1,) or (N * RANGES + 1,) int64
        Where each cell's outgoing synapses begin, or each piece of them.
    target : (S,) uint16 or int32
        Postsynaptic cell, ascending within a column; packed the lowest 16 bits of it. In integers, if packed,
        (0,), as ``weight`` holds it.
    weight : (S,) int32, float64, uint32 or int16
        What a spike adds to the target's synaptic current, of one sign a column (Dale's law): multiples of
        2^-24 mV / ms; or mV / ms where 32 bits do not hold that; or in integers ``weight_bits`` and sign, one
        exponent for excitatory and one for inhibitory synapses, packed above the target's 16 bits.
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
    """What a step needs.

    Attributes
    ----------
    decay : float
        exp(-dt / tau_s).
    together : int
        So many cells can spike in a step without a sum of weights that 32 bits do not hold.
    """

    decay: float
    together: int = 0


def draw(config: Config) -> Connections:
    """Draw the synapses, column by column; ``run.seed`` and ``run.draws.synapses`` choose the draw."""
    cells, p = config.reservoir.neurons, config.reservoir.connection_probability
    mean = cells * (cells - 1) * p
    expected = math.ceil(mean + 6.0 * math.sqrt(mean * (1.0 - p)))
    packs = max(map(abs, _largest_weights(config))) < LARGEST
    return Connections(*gathered(_columns(config), cells, expected, packs))


def _charge_scale(config: Config) -> float:
    """Return the factor of charges that keeps a cell's mean recurrent input, whatever size and density."""
    reservoir = config.reservoir
    return REFERENCE_IN_DEGREE / max(1.0, reservoir.neurons * reservoir.connection_probability)


def _largest_weights(config: Config) -> tuple[float, float]:
    """Return a bound of excitatory and of inhibitory weights, mV / ms."""
    reservoir, scale = config.reservoir, _charge_scale(config)
    charges = (reservoir.excitatory_charge, reservoir.inhibitory_charge)
    return charges[0] * scale / reservoir.tau_s_ms, charges[1] * scale / reservoir.tau_s_ms


def _columns(config: Config) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw the targets and weights of each cell in turn."""
    reservoir = config.reservoir
    cells = reservoir.neurons
    rng, scale = generator(config, SYNAPSES, config.run.draws.synapses), _charge_scale(config)
    for cell in range(cells):
        # One draw of pair and weight for every possible synapse, so that neither the probability
        # nor the strength of connections changes the draw of the others.
        pair, strength = rng.random((2, cells))
        connected = pair < reservoir.connection_probability
        connected[cell] = False
        excitatory = cell < reservoir.excitatory_cells
        charge = reservoir.excitatory_charge if excitatory else reservoir.inhibitory_charge
        weight = to_grain(charge * scale * strength[connected] / reservoir.tau_s_ms)
        yield np.flatnonzero(connected), weight


def state_words(config: Config) -> tuple[str, ...]:
    """Name the 24-bit words that a cell needs on a chip."""
    return ("s", "arriving charge")


def constants(config: Config) -> Constants:
    """Return what a step needs, from ``reservoir.tau_s_ms`` and the time step."""
    return Constants(decay_of_step(config.run.dt_ms, config.reservoir.tau_s_ms))


def packed(connections: Connections, k: Constants) -> tuple[Connections, Constants]:
    """Return the synapses packed, if they can be, and the constants of a step with these."""
    if not is_packed(connections):
        found = pack(connections)
        if found is None:
            return connections, k
        connections = connections._replace(**found._asdict())
    weight = connections.weight
    most = max(int(weight.max(initial=0)), -int(weight.min(initial=0)), 1)
    return connections, k._replace(together=(2**31 - 1) // most)


def start(connections: Connections) -> State:
    """Return the state before the first step: no current, nothing in flight."""
    cells = cells_of(connections)
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
    ranges = range_count(synapses.a_in.size, connections.target)
    # Typed: for the number 0 itself numba would compile the loops once more.
    deliver_ranges(synapses, connections, k, spiking, count, np.int64(0), ranges)


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
    """As `deliver`, to the targets in the ranges ``low`` .. ``high`` - 1 of packed columns only.

    Sums of weights are exact in either type. Where much arrives, halves of the numbers move less memory.
    """
    a_in, target = synapses.a_in, connections.target
    cells = a_in.size
    ranges = range_count(cells, target)
    size = range_size(cells, ranges)
    whole = count <= k.together and count * target.size > MANY * cells * cells
    at_once = ranges_at_once(cells, ranges, connections.weight.size, 4 if whole else 8)
    while low < high:
        end = page_end(low, min(low + at_once, high), size, target)
        begin, stop, page = min(low * size, cells), min(end * size, cells), page_of(low * size, target)
        floats = a_in[begin:stop]
        if whole:
            # In the first half of the memory of the floats.
            integers = viewed(floats, np.int32)[: stop - begin]
            integers[:] = 0
            from_page = viewed(a_in, np.int32)[begin + page :]
            add_pieces(spiking, count, connections, low, end, ranges, np.int32(1), from_page)
            to_floats(integers, floats)
        else:
            floats[:] = 0.0
            unit = WEIGHT_GRAIN if target.itemsize == 2 else 1.0
            add_pieces(spiking, count, connections, low, end, ranges, unit, a_in[page:])
        low = end


@lean_kernel
def delivered(synapses: State) -> None:
    """End a step whose spikes have been delivered range by range: nothing remains to be done."""


@lean_kernel
def add_pieces(
    spiking: np.ndarray,
    count: int,
    connections: Any,
    low: int,
    high: int,
    ranges: int,
    unit: Any,
    sums: np.ndarray,
) -> None:
    """Add the weights of the spiking cells' synapses onto the ranges ``low`` .. ``high`` - 1, of one page.

    ``unit`` is what 1 stands for; ``sums`` begin with the page's first cell.
    """
    first, target, weight = connections.first, connections.target, connections.weight
    for index in range(count):
        column = spiking[index] * ranges
        following = spiking[min(index + 1, count - 1)] * ranges
        ask_for_places(first, spiking[min(index + 2, count - 1)] * ranges, low, high)
        # Unsigned, so that numba does not look for negative indices.
        i, end = np.uint64(first[column + low]), np.uint64(first[column + high])
        ahead = np.uint64(first[following + low]) - i
        while i + BLOCK <= end:
            ask_for(target, i + ahead)
            ask_for(weight, i + ahead)
            for _ in range(BLOCK):
                sums[np.uint32(target[i])] += weight[i] * unit
                i += np.uint64(1)
        while i < end:
            sums[np.uint32(target[i])] += weight[i] * unit
            i += np.uint64(1)


@lean_kernel
def ask_for(array: np.ndarray, first: np.uint64) -> None:
    """Ask for the memory of `BLOCK` synapses, so that a column is at hand when its turn comes."""
    prefetch(array, first)
    if array.itemsize > 2:
        prefetch(array, first + BLOCK // np.uint64(2))


@lean_kernel
def ask_for_places(first: np.ndarray, column: int, low: int, high: int) -> None:
    """Ask for where a column's pieces begin and end, which lie far from those of other columns."""
    prefetch(first, column + low)
    prefetch(first, column + high)


@lean_kernel
def to_floats(integers: np.ndarray, floats: np.ndarray) -> None:
    """Turn sums of weights into mV / ms; ``integers`` are the first half of the memory of ``floats``."""
    high = floats.size
    # From the end on: what is written lies behind what is read, half of the rest at a time.
    while high > 1:
        low = (high + 1) >> 1
        scale(integers[low:high], floats[low:high])
        high = low
    for j in range(high):
        floats[j] = integers[j] * WEIGHT_GRAIN


@lean_kernel
def scale(integers: np.ndarray, floats: np.ndarray) -> None:
    """Turn whole numbers of `WEIGHT_GRAIN` into floats."""
    for j in range(integers.size):
        floats[j] = integers[j] * WEIGHT_GRAIN


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


class Seen(NamedTuple):
    """The extremes of s so far, int32."""

    lowest: int
    highest: int


def quantise(
    planner: Planner, config: Config, connections: Connections
) -> tuple[Connections, FixedConstants]:
    """Turn the synapses into integers, each sign with an exponent of its own, and enter them in the plan."""
    settings, reservoir = planner.settings, config.reservoir
    packed_columns = connections if is_packed(connections) else pack(connections)
    if packed_columns is not None:
        connections = Connections(*packed_columns)
    rows = (connections.first.size - 1) // cells_of(connections)
    border = int(connections.first[rows * reservoir.excitatory_cells])
    unit, target, held = 1.0, connections.target, np.empty(connections.weight.size, np.int16)
    weight = held
    if is_packed(connections):
        held, weight = join(connections.target)
        unit, target = WEIGHT_GRAIN, connections.target[:0]
    shifts = []
    for name, part in (("excitatory", slice(0, border)), ("inhibitory", slice(border, None))):
        given = connections.weight[part]
        _, fraction = planner.weights(f"{name} weights", given, each=unit, into=weight[part])
        shifts.append(settings.fraction_bits - fraction)
    k = FixedConstants(
        decay=planner.decay("decay of s", reservoir.tau_s_ms, config.run.dt_ms),
        decay_bits=settings.decay_bits,
        s_grain=planner.grain("s"),
        first_inhibitory=reservoir.excitatory_cells,
        excitatory_shift=shifts[0],
        inhibitory_shift=shifts[1],
    )
    return Connections(connections.first, target, held), k


def largest(connections: Any, k: FixedConstants) -> float:
    """Return the greatest sum that can arrive at any cell in a step, in the last of F fraction bits."""
    cells = cells_of(connections)
    sums = np.zeros(max(1, cells))
    for piece in in_pieces(connections):
        shift = np.where(piece.weight > 0, k.excitatory_shift, k.inhibitory_shift)
        sizes = np.ldexp(np.abs(piece.weight.astype(np.float64)), shift)
        sums += np.bincount(piece.target, sizes, sums.size)
    return float(sums.max())


def fixed_start(connections: Connections, wide: bool) -> State:
    """Return the state before the first step; ``a_in`` in int64 if ``wide``, else in int32."""
    cells = cells_of(connections)
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
    """Return how the decay of s rounds in a step, from the lowest 16 random ``bits``."""
    return cut_of(rounding, k.decay_bits, 0 if whole else k.s_grain, np.int64(bits & np.uint64(0xFFFF)))


@lean_kernel
def fixed_nothing_seen() -> Seen:
    """Return the extremes before the first cell."""
    return Seen(np.int32(0), np.int32(0))


@lean_kernel
def fixed_take(
    s: np.ndarray, j: int, charge: int, k: FixedConstants, cut: Cut, seen: Seen
) -> tuple[int, Seen]:
    """Let s of cell j decay and take up what arrives, F fraction bits; return it and the extremes so far."""
    decayed = scaled(s[j], np.int32(k.decay), k.decay_bits, cut)
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
    ranges = range_count(synapses.a_in.size, connections.target)
    fixed_deliver_ranges(synapses, connections, k, spiking, count, np.int64(0), ranges)


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
    """As `deliver_ranges`, in integers.

    The sign of more fraction bits, whose shift is the smaller, comes last: then what the first has brought is
    shifted by the difference, and all by the rest, each once a cell instead of once a weight.
    """
    a_in, target = synapses.a_in, connections.target
    ranges = range_count(a_in.size, target)
    size = range_size(a_in.size, ranges)
    excitatory = excitatory_spikes(spiking, count, k.first_inhibitory)
    sooner, later = spiking[:excitatory], spiking[excitatory:count]
    if k.excitatory_shift < k.inhibitory_shift:
        sooner, later = later, sooner
    last_shift = min(k.excitatory_shift, k.inhibitory_shift)
    between = abs(k.excitatory_shift - k.inhibitory_shift)
    none = np.int32(0)
    a_in[low * size : high * size] = 0
    at_once = ranges_at_once(a_in.size, ranges, connections.weight.size, a_in.itemsize)
    while low < high:
        end = page_end(low, min(low + at_once, high), size, target)
        arriving, of_page = a_in[low * size : end * size], a_in[page_of(low * size, target) :]
        fixed_add_pieces(sooner, sooner.size, connections, low, end, ranges, none, of_page)
        shift_up(arriving, between)
        fixed_add_pieces(later, later.size, connections, low, end, ranges, none, of_page)
        shift_up(arriving, last_shift)
        low = end


@lean_kernel
def shift_up(sums: np.ndarray, bits: int) -> None:
    """Shift numbers up by so many bits, in place."""
    if bits > 0:
        # Of the numbers' own type: others would be widened, which takes three times as long.
        up = sums.dtype.type(bits)
        for j in range(sums.size):
            sums[j] = np.left_shift(sums[j], up)


@lean_kernel
def fixed_add_pieces(
    spiking: np.ndarray,
    count: int,
    connections: Any,
    low: int,
    high: int,
    ranges: int,
    shift: int,
    sums: np.ndarray,
) -> None:
    """As `add_pieces`, of cells of one sign; ``shift``, int32, is added to the weights' fraction bits."""
    first, target, weight = connections.first, connections.target, connections.weight
    for index in range(count):
        column = spiking[index] * ranges
        following = spiking[min(index + 1, count - 1)] * ranges
        ask_for_places(first, spiking[min(index + 2, count - 1)] * ranges, low, high)
        i, end = np.uint64(first[column + low]), np.uint64(first[column + high])
        ahead = np.uint64(first[following + low]) - i
        while i + BLOCK <= end:
            ask_for(weight, i + ahead)
            for _ in range(BLOCK):
                add_one(target, weight, i, shift, sums)
                i += np.uint64(1)
        while i < end:
            add_one(target, weight, i, shift, sums)
            i += np.uint64(1)


@lean_kernel
def add_one(target: np.ndarray, weight: np.ndarray, i: np.uint64, shift: int, sums: np.ndarray) -> None:
    """Add a synapse's weight, shifted up, to its target's sum; numba compiles the one branch alone."""
    if target.itemsize == 2:
        sums[joined_target(weight[i])] += np.left_shift(joined_weight(weight[i]), shift)
    else:
        sums[np.uint32(target[i])] += np.left_shift(np.int32(weight[i]), shift)
