"""The when readout on Lava's learning engine, emulated bit for bit in integers.

It stands for the delta rule on centred traces with a constant norm,

    w_kj += rate_k * gate_k * (g_k - z_k) * xc_j / norm,

carried out by `LearningDense` with a `Loihi3FLearningRule`: weights of 8 bits and sign, traces of 7 bits
without, and one random number that rounds all synapses of a group. Graded spikes cannot be negative, so a
cycle of `CYCLE` steps has two phases: the relays send 128 - q, then 128 + q, where q stands for xc; the
difference of the two sums is z. docs/on-chip.md gives the arithmetic and its formats. No step uses a float.

The kernels take ``k``, the `OnChipConstants`, and the arrays of `OnChipState`. N cells, K events.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import STATE_BITS, bit_length

CYCLE = 10
"""Steps of a cycle: payloads go out in steps 0 and 1, z is read in step 2, weights change until step 9."""

FIRST_CHANGE, LAST_STEP = 2, CYCLE - 1
GROUPS = 8
"""Groups of cells that a LearningDense each serves, in turn; or 1 for all cells."""

# Fraction bits. A weight has those of the accumulator only while dw is added (in Lava 16 - 9).
Z_BITS = 16  # of z and of the taught value
RATE_BITS = 12  # of rate times gate
TRACE_BITS = 15  # of a relay's traces, 0 .. 1
MEAN_BITS = 23  # of their slow means
CENTRED_BITS = 9  # of q
ACCUMULATOR_BITS = 7

# Ranges.
WEIGHT_BITS = 8  # beside the sign: -256 .. 255
MIDDLE_PAYLOAD = 128  # stands for 0
MOST_CENTRED = 126  # largest q, so that payloads are 2 .. 254: one of 0 would not be sent
MOST_PAYLOAD = MIDDLE_PAYLOAD + MOST_CENTRED
MOST_TRACE = 127  # largest x1 and y2, and largest y1 to either side
MOST_CELLS = 33_000  # with more, a sum of weights and payloads could leave the 32 bits that Lava gives it
SPIKE = 2**TRACE_BITS - 1  # what a spike sets a trace to
_STATE_MOST = 2 ** (STATE_BITS - 1) - 1
_ACCUMULATOR_MOST = 2**15 - 1
_ACCUMULATOR_LEAST = -(2**15) - 1  # sic: Lava clips one below

RULE = "2^-7 * u0 * (x1 - 64) * y1 - 6 * 2^-5 * u0 * w * y2"
"""dw as Lava reads it. y1 is rate times gate times error; y2 is 0, but once after a surprise."""

_PRODUCT_SHIFT = 3  # of x1 * y1 in Lava: 7 + 7 + 4 bits of factors and mantissa to 15 of the accumulator
_DECAY_SHIFT = 5  # of w * y2: 9 + 7 + 4
_CHANGE = 2.0 ** -(_PRODUCT_SHIFT + ACCUMULATOR_BITS)  # of a weight's lowest bit, for x1 * y1 = 1
_FORGOTTEN = 6 * 2.0 ** (2 - _DECAY_SHIFT - ACCUMULATOR_BITS)  # share of a weight, for y2 = 1

WEIGHT_RANGE = 10.0
"""Largest weight in multiples of 1 / sqrt(N norm).

With weights of one such multiple, N centred traces at their root mean square, all in phase, give z = 1.
"""


class OnChipConstants(NamedTuple):
    """What a step needs, all integers.

    Attributes
    ----------
    decay, decay_bits : (N,) int32, int
        What a relay's trace keeps in a step, and its fraction bits, at most 16.
    mean_shift : int
        In a cycle the slow mean moves by 2^-mean_shift of its distance; by more in the first cycles.
    z_mantissa, z_shift : int
        z = ((a_1 - a_0) * z_mantissa + half) >> z_shift; the mantissa has 8 bits.
    error_shift : int
        y1 = rate_gate * error >> error_shift, towards 0.
    forget : int
        y2 after a surprise.
    groups : int
        `GROUPS` or 1.
    """

    decay: np.ndarray
    decay_bits: int
    mean_shift: int
    z_mantissa: int
    z_shift: int
    error_shift: int
    forget: int
    groups: int


class OnChipPlan(NamedTuple):
    """Integers of a readout and what they stand for.

    Attributes
    ----------
    constants : OnChipConstants
        As above.
    weight : float
        One unit of a weight.
    rate : float
        What a rate of 1 a cycle is as an integer, before rounding.
    kept : float
        Share of the weights that is kept after a surprise.
    """

    constants: OnChipConstants
    weight: float
    rate: float
    kept: float


class OnChipState(NamedTuple):
    """All that changes.

    Attributes
    ----------
    r, x : (N,) int32
        Traces of a relay's first and second stage, `TRACE_BITS`.
    m : (1, N) int32
        Slow means of x, `MEAN_BITS`.
    settled : (1,) int64
        How often they have moved.
    q : (N,) int32
        Centred traces of this cycle, `CENTRED_BITS`, -126 .. 126.
    w : (K, N) int32
        Weights, -256 .. 255.
    a_in, a_first : (K,) int32
        Sums of weights and payloads of this step, on their way to the next; the first phase's, waiting.
    z, y1 : (K,) int32
        When readout, `Z_BITS`; and what the readout neurons write into their trace, -127 .. 127.
    forget : (K,) int32
        Above 0 where an event's weights shrink at the end of this cycle.
    step : (1,) int64
        Steps so far.
    """

    r: np.ndarray
    x: np.ndarray
    m: np.ndarray
    settled: np.ndarray
    q: np.ndarray
    w: np.ndarray
    a_in: np.ndarray
    a_first: np.ndarray
    z: np.ndarray
    y1: np.ndarray
    forget: np.ndarray
    step: np.ndarray


def initial_on_chip_state(cells: int, events: int) -> OnChipState:
    """Return a state of zeros for N cells and K events."""
    row, channel = np.zeros(cells, np.int32), np.zeros(events, np.int32)
    count = np.zeros(1, np.int64)
    return OnChipState(
        r=row,
        x=row.copy(),
        m=np.zeros((1, cells), np.int32),
        settled=count,
        q=row.copy(),
        w=np.zeros((events, cells), np.int32),
        a_in=channel,
        a_first=channel.copy(),
        z=channel.copy(),
        y1=channel.copy(),
        forget=channel.copy(),
        step=count.copy(),
    )


def scale_integers(factor: float, bits: int = 8) -> tuple[int, int]:
    """Write a factor above 0 as mantissa / 2^shift, with a shift of 1 or more.

    The highest of the mantissa's bits is set, so that the relative error is at most 2^-bits. Raises a
    ValueError if the factor is too large.
    """
    shift = bits - 1 - math.floor(math.log2(factor))
    mantissa = round(factor * 2.0**shift)
    if mantissa == 2**bits:
        mantissa, shift = mantissa >> 1, shift - 1
    if shift < 1:
        raise ValueError(
            f"a factor of {factor:g} needs a shift to the left; at most {2 ** (bits - 1)} is allowed"
        )
    return mantissa, shift


def on_chip_constants(
    *,
    decay: np.ndarray,
    decay_bits: int,
    mean_cycles: float,
    norm: float,
    first_rate: float,
    keep: float,
    groups: int = GROUPS,
) -> OnChipPlan:
    """Choose the integers of a readout.

    Parameters
    ----------
    decay, decay_bits : (N,) array, int
        What a trace keeps in a step, as integers of so many fraction bits, at most 16.
    mean_cycles : float
        Time constant of the slow means, in cycles.
    norm : float
        What the rule divides by: the mean |xc|^2 of traces of 0 .. 1, plus a floor.
    first_rate : float
        Greatest rate of the rule in a cycle, 0 .. 1.
    keep : float
        Share of the weights that is kept after a surprise, 0 .. 1.
    groups : int
        Groups of cells that are rounded on their own: `GROUPS` or 1.

    Raises
    ------
    ValueError
        If a value is not as above, or N not ``groups`` .. `MOST_CELLS`.
    """
    cells = int(decay.size)
    if groups not in (1, GROUPS):
        raise ValueError(f"groups = {groups!r}: must be 1 or {GROUPS}")
    if not groups <= cells <= MOST_CELLS:
        raise ValueError(f"{cells} cells: {groups} to {MOST_CELLS:,} are allowed")
    for name, value in (("norm", norm), ("first_rate", first_rate), ("mean_cycles", mean_cycles)):
        if not (math.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} = {value!r}: must be a finite number above 0")
    weight = WEIGHT_RANGE / math.sqrt(cells * norm) / 2**WEIGHT_BITS
    z_mantissa, z_shift = scale_integers(weight * 2.0 ** (Z_BITS - CENTRED_BITS - 1))
    # y1 of an error of 1 at the first rate, as x1 - 64 is half of q; then the power of two above it.
    error_unit = first_rate / norm * 2.0 ** -(CENTRED_BITS - 1) / weight / _CHANGE
    error_bits = math.ceil(math.log2(error_unit))
    forget = min(round((1.0 - keep) / _FORGOTTEN), MOST_TRACE)
    constants = OnChipConstants(
        decay=np.asarray(decay, np.int32),
        decay_bits=decay_bits,
        mean_shift=max(0, round(math.log2(mean_cycles))),
        z_mantissa=z_mantissa,
        z_shift=z_shift,
        error_shift=RATE_BITS + Z_BITS - error_bits,
        forget=forget,
        groups=groups,
    )
    rate = error_unit / first_rate * 2.0 ** (RATE_BITS - error_bits)
    return OnChipPlan(constants, weight, rate, 1.0 - forget * _FORGOTTEN)


@lean_kernel
def saturate(value: int, most: int) -> int:
    """Clip to -most - 1 .. most, the range of a two's complement integer."""
    return min(max(value, -most - 1), most)


@lean_kernel
def advance_relays(k: OnChipConstants, r: np.ndarray, x: np.ndarray, spiking: np.ndarray, count: int) -> None:
    """Let the traces r decay, put them to `SPIKE` where a cell spikes, and let x follow them."""
    one, bits, half = np.int32(1 << k.decay_bits), np.int32(k.decay_bits), np.int32(1 << (k.decay_bits - 1))
    for j in range(r.size):
        r[j] = np.right_shift(np.add(np.multiply(r[j], k.decay[j]), half), bits)
    for index in range(count):
        r[spiking[index]] = SPIKE
    for j in range(r.size):
        moved = np.multiply(np.subtract(r[j], x[j]), np.subtract(one, k.decay[j]))
        x[j] = np.add(x[j], np.right_shift(np.add(moved, half), bits))


@lean_kernel
def centre(
    k: OnChipConstants, x: np.ndarray, m: np.ndarray, settled: np.ndarray, moving: bool, q: np.ndarray
) -> None:
    """Let the slow means move, if ``moving``, and form q, clipped."""
    up, cut = MEAN_BITS - TRACE_BITS, MEAN_BITS - CENTRED_BITS
    if moving:
        shift = min(bit_length(settled[0]), k.mean_shift)
        half = (1 << shift) >> 1
        for j in range(x.size):
            m[0, j] += ((x[j] << up) - m[0, j] + half) >> shift
        settled[0] += 1
    for j in range(x.size):
        wide = ((x[j] << up) - m[0, j] + (1 << (cut - 1))) >> cut
        q[j] = min(max(wide, -MOST_CENTRED), MOST_CENTRED)


@lean_kernel
def payload_sign(step: int) -> int:
    """Give the sign of q in a step's payloads, 128 +- q; 0 where none is sent. The step is in the cycle."""
    return (step < 2) * (2 * step - 1)


@lean_kernel
def send(w: np.ndarray, q: np.ndarray, step: int, a_in: np.ndarray) -> None:
    """Sum weights times payloads, for the next step; `MOST_CELLS` of them cannot overflow a sum."""
    sign = payload_sign(step)
    for event in range(a_in.size):
        total = np.int32(0)
        if sign != 0:
            for j in range(q.size):
                total += w[event, j] * np.int32(MIDDLE_PAYLOAD + sign * q[j])
        a_in[event] = total


@lean_kernel
def scale_z(difference: int, mantissa: int, shift: int) -> int:
    """Turn the difference of the two sums into z, `Z_BITS`; both saturate at 24 bits."""
    scaled = (saturate(difference, _STATE_MOST) * mantissa + (1 << (shift - 1))) >> shift
    return saturate(scaled, _STATE_MOST)


@lean_kernel
def read_neurons(k: OnChipConstants, step: int, a_in: np.ndarray, a_first: np.ndarray, z: np.ndarray) -> None:
    """Take up what arrives in a step of the cycle: the first sum is kept, the second gives z."""
    for event in range(z.size):
        arrived = saturate(a_in[event], _STATE_MOST)
        if step == 1:
            a_first[event] = arrived
        elif step == 2:
            z[event] = scale_z(arrived - a_first[event], k.z_mantissa, k.z_shift)


@lean_kernel
def gated_error(rate_gate: int, target: int, z: int, shift: int) -> int:
    """Give the y1 that a readout neuron writes, -127 .. 127: rate times gate times error, saturated.

    ``rate_gate`` has `RATE_BITS`, target and z have `Z_BITS`. Rounded towards 0: an error that is hardly
    one changes no weight, as each change is rounded by chance.
    """
    error = saturate(target - z, _STATE_MOST)
    size = min((rate_gate * abs(error)) >> shift, MOST_TRACE)
    return size if error >= 0 else -size


@lean_kernel
def write_errors(
    k: OnChipConstants, rate_gate: np.ndarray, target: np.ndarray, z: np.ndarray, y1: np.ndarray
) -> None:
    """Write what the neurons make of this step's teaching to ``y1``."""
    for event in range(z.size):
        y1[event] = gated_error(rate_gate[event], target[event], z[event], k.error_shift)


@lean_kernel
def group_at(k: OnChipConstants, step: int) -> int:
    """Tell which group of cells changes its weights in a step, counted from the start; -1 for none.

    A cycle later each of several groups has its turn a step earlier, so that all of them learn what is
    taught throughout the cycle.
    """
    now = step % CYCLE
    if k.groups == 1:
        return 0 if now == LAST_STEP else -1
    return (now - FIRST_CHANGE + step // CYCLE) % k.groups if now >= FIRST_CHANGE else -1


@lean_kernel
def cells_of(group: int, groups: int, cells: int) -> tuple[int, int]:
    """Give the first cell of a group, and the one after its last; none for group -1."""
    if group < 0:
        return 0, 0
    return group * cells // groups, (group + 1) * cells // groups


@lean_kernel
def pre_trace(payload: int) -> int:
    """Give the x1 that Lava makes of a payload, 0 .. 127: its half, ties to even."""
    half = payload >> 1
    return half + (payload & half & 1)


@lean_kernel
def add_to_weight(weight: int, x1: int, y1: int, y2: int, number: int) -> int:
    """Add dw of `RULE` to a weight as Lava does, -256 .. 255, and round it by chance.

    Products are rounded down. The sum is rounded up where its 7 fraction bits are above ``number``, the
    random number, 0 .. 127.
    """
    change = ((x1 - 64) * y1) >> _PRODUCT_SHIFT
    total = (weight << ACCUMULATOR_BITS) + change
    total = min(max(total, _ACCUMULATOR_LEAST), _ACCUMULATOR_MOST)
    if y2 != 0:
        total += ((weight * y2 * -6) >> _DECAY_SHIFT) << 2
        total = min(max(total, _ACCUMULATOR_LEAST), _ACCUMULATOR_MOST)
    rounded = (total >> ACCUMULATOR_BITS) + (number < total & ((1 << ACCUMULATOR_BITS) - 1))
    return saturate(rounded, (1 << WEIGHT_BITS) - 1)


@lean_kernel
def change_weights(
    k: OnChipConstants, group: int, w: np.ndarray, q: np.ndarray, event: int, y1: int, y2: int, number: int
) -> int:
    """Change an event's weights as Lava's learning phase does: by y1 in one group, by y2 in all.

    Returns how many are at a bound then.
    """
    first, last = cells_of(group, k.groups, q.size)
    if y1 == 0 or y2 != 0:
        low, high = (0, q.size) if y2 != 0 else (0, 0)
    else:
        low, high = first, last
    lost = 0
    for j in range(low, high):
        x1, own = pre_trace(MIDDLE_PAYLOAD + q[j]), y1 if first <= j < last else 0
        w[event, j] = add_to_weight(w[event, j], x1, own, y2, number)
        lost += np.int64(w[event, j] == -(1 << WEIGHT_BITS) or w[event, j] == (1 << WEIGHT_BITS) - 1)
    return lost


@lean_kernel
def rounding_number(bits: np.uint64) -> int:
    """Take a rounding number, 0 .. 127, from 64 random bits: the highest seven."""
    return int(bits >> np.uint64(57))


@lean_kernel
def on_chip_step(
    k: OnChipConstants,
    state: OnChipState,
    spiking: np.ndarray,
    count: int,
    rate_gate: np.ndarray,
    target: np.ndarray,
    moving: bool,
    number: int,
) -> int:
    """Advance the readout by one step, in the order of Lava's Processes; ``state`` changes in place.

    Parameters
    ----------
    k, state
        As above; afterwards ``state.z`` is the readout of the traces at the start of this cycle, or of the
        one before it in the first two steps.
    spiking, count : (N,) int64, int
        The head of ``spiking`` holds the indices of the cells that spike in this step.
    rate_gate, target : (K,) int32
        Rate times gate, `RATE_BITS`; and what z should be, `Z_BITS`.
    moving : bool
        False freezes the slow means.
    number : int
        0 .. 127, the random number of this step.

    Returns
    -------
    int
        How many of the weights that have changed are at a bound.
    """
    step, now = state.step[0], state.step[0] % CYCLE
    read_neurons(k, now, state.a_in, state.a_first, state.z)
    advance_relays(k, state.r, state.x, spiking, count)
    if now == 0:
        centre(k, state.x, state.m, state.settled, moving, state.q)
    send(state.w, state.q, now, state.a_in)
    write_errors(k, rate_gate, target, state.z, state.y1)
    lost = 0
    for event in range(state.z.size):
        y1, y2 = state.y1[event], 0
        if now == LAST_STEP and state.forget[event] != 0:
            y2, state.forget[event] = k.forget, 0
        lost += change_weights(k, group_at(k, step), state.w, state.q, event, y1, y2, number)
    state.step[0] += 1
    return lost
