"""One time step of reservoir and readout in integers, Loihi-style.

The counterpart of `float_step`, function by function. States are signed 24-bit numbers in
int32 that saturate; factors have 16 bits, decays 12; products have at most 48 bits and are cut to 24 by a
shift. There is no division and no float in a step. docs/fixed-point.md states every format.

Between 32-bit numbers `np.add` and its like stand for + and its like, which numba would do in 64 bits: half
as many numbers to a vector, and shifts that few processors have. Formats are such that 32 bits hold all but
products.

A number of f fraction bits stands for integer * 2^-f. F is ``fixed.fraction_bits``; mV and mV / ms have F.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lava_predict.learning.when.on_chip import OnChipConstants, on_chip_step, on_chip_view, rounding_number
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.noise import GOLDEN, fold, mix, noise_sum

if TYPE_CHECKING:
    from lava_predict.network.float_step import Recording
    from lava_predict.network.quantise import FixedNetwork
    from lava_predict.network.state import State

STATE_BITS = 24
"""Word length of a state, with sign."""

MOST_FRACTION = 32
"""Most fraction bits of a factor in a cell's equations: `cut_product` keeps the 32 bits from there on."""

HIGHEST = 2 ** (STATE_BITS - 1) - 1
LOWEST = -(2 ** (STATE_BITS - 1))

PAYLOAD_BITS = 16
"""Word length, with sign, of what the readouts get of a cell: centred or plain trace."""

PAYLOAD_FRACTION = 16
"""Fraction bits of that, of z, of p and of the values that events teach."""

TRACE_FRACTION = 23
"""Fraction bits of x, spikes per ms."""

MEAN_FRACTION = 26
"""Fraction bits of m: the slow mean of a trace is small, and moves by small steps."""

MOST_FACTOR_FRACTION = 20
"""Most fraction bits of 0.02 dt (v + 62.5 mV), and of dt / 2."""

MEAN_EVERY = 16
"""Steps after which m moves: in one step the mean of a rarely spiking cell would move by less than a bit."""

FEEDBACK_FRACTION = 8
"""Fraction bits of the graded spike that is fed back."""

MOST_Z = 100 << PAYLOAD_FRACTION
"""A when readout beyond +-this has diverged."""

NEAREST, FLOOR, STOCHASTIC = 0, 1, 2
"""Rounding of what a shift cuts off."""

SATURATING = ("v", "u", "s", "current", "x", "m", "xc", "z", "w_when", "w_what")
"""What may saturate, in the order of the counters."""

V, U, S, CURRENT, X, M, XC, Z, W_WHEN, W_WHAT = range(len(SATURATING))

# Words that keep the random numbers of a step's uses apart; cells are numbered below 2^32.
_CELLS_WORD, _TRACES_WORD, _WEIGHTS_WORD = np.uint64(2**32), np.uint64(2**32 + 1), np.uint64(2**32 + 2)
_CHIP_WORD = np.uint64(2**32 + 3)
_FIELD = np.uint64(0xFFFF)
_S16, _S32, _S48 = np.uint64(16), np.uint64(32), np.uint64(48)
_LOWEST_PAYLOAD, _HIGHEST_PAYLOAD = -(2 ** (PAYLOAD_BITS - 1)), 2 ** (PAYLOAD_BITS - 1) - 1
_MEAN_SHIFT = MEAN_FRACTION - TRACE_FRACTION
_CENTRED_SHIFT = MEAN_FRACTION - PAYLOAD_FRACTION
_PLAIN_SHIFT = TRACE_FRACTION - PAYLOAD_FRACTION
_MOST_WHEN_SHIFT = 38
_MOST_SUMMAND = 2**29  # More than the greatest noise, 2^28, and two states, so that nothing brings it back.
_ALL_BITS = (np.int32(-1), np.int32(-1), np.int32(-1))


class FixedConstants(NamedTuple):
    """What an integer step needs beside the network. All are int, or bool.

    Attributes
    ----------
    vertex, rest, peak
        62.5, 16.25 and 30 mV with F fraction bits: v' = 0.04 (v + vertex)^2 - rest - u + I.
    lowest
        Lower bound of v, F fraction bits: that of 24 bits, but no less than -4096 mV.
    square, square_shift
        0.02 dt as a factor, and the shift that leaves ``v_shift`` fraction bits of its product with v.
    half_step
        dt / 2, ``v_shift`` fraction bits.
    v_shift
        See there.
    a_shift, b_shift
        Fraction bits of the network's a dt and b.
    synapse_decay, trace_decay
        exp(-dt / tau) with ``decay_bits`` fraction bits.
    decay_bits
        See there.
    trace_gain
        What a spike adds to its trace, `TRACE_FRACTION` bits.
    mean_rate, mean_shift
        `MEAN_EVERY` dt / tau_m as a factor, and its fraction bits.
    v_grain, u_grain, s_grain, trace_grain, mean_grain, readout_grain
        How many of the lowest of 24 bits are kept at 0.
    v_mask, u_mask, s_mask, trace_mask, mean_mask, readout_mask
        All bits but these.
    first_inhibitory
        First cell that is inhibitory.
    excitatory_shift, inhibitory_shift
        From the weights' to F fraction bits.
    input_positive_shift, input_negative_shift
        The same for currents of inputs, by the weight's sign.
    feedback_positive_shift, feedback_negative_shift
        From the fraction bits of weight times graded spike down to F; negative: up.
    noise_factor, noise_shift
        What turns `noise_sum` into a current: factor, and shift down.
    constant_input
        Last input of the when readout, `PAYLOAD_FRACTION` bits.
    norm_floor
        Added to |xc|^2, twice `PAYLOAD_FRACTION` bits.
    when_shift
        What the bits of the norm are added to, to give the shift of the when rule.
    readout_fraction
        Fraction bits of the readouts' weights.
    centred, moment_norm, feedback
        As in the float kernel's `StepConstants`.
    rounding
        `NEAREST`, `FLOOR` or `STOCHASTIC`.
    on_chip, chip
        Whether the when readout is that of Lava's learning engine, and its constants.
    """

    vertex: int
    rest: int
    peak: int
    lowest: int
    square: int
    square_shift: int
    half_step: int
    v_shift: int
    a_shift: int
    b_shift: int
    synapse_decay: int
    trace_decay: int
    decay_bits: int
    trace_gain: int
    mean_rate: int
    mean_shift: int
    v_grain: int
    u_grain: int
    s_grain: int
    trace_grain: int
    mean_grain: int
    readout_grain: int
    v_mask: int
    u_mask: int
    s_mask: int
    trace_mask: int
    mean_mask: int
    readout_mask: int
    first_inhibitory: int
    excitatory_shift: int
    inhibitory_shift: int
    input_positive_shift: int
    input_negative_shift: int
    feedback_positive_shift: int
    feedback_negative_shift: int
    noise_factor: int
    noise_shift: int
    constant_input: int
    norm_floor: int
    when_shift: int
    readout_fraction: int
    centred: bool
    moment_norm: bool
    feedback: bool
    rounding: int
    on_chip: bool
    chip: OnChipConstants


class CellRounding(NamedTuple):
    """What is added before the shifts of a cell's equations, and kept after them.

    Attributes
    ----------
    s_cut, first_cut, second_cut, u_cut
        `offset` for the shift of s, of v in either half step, and of u.
    square_cut, b_cut
        The same for the intermediate products.
    v_mask, u_mask, s_mask
        As in `FixedConstants`, int32.
    """

    s_cut: int
    first_cut: int
    second_cut: int
    u_cut: int
    square_cut: int
    b_cut: int
    v_mask: int
    u_mask: int
    s_mask: int


@kernel
def saturate(value: int) -> int:
    """Return the nearest number that a signed 24-bit word can hold."""
    return np.minimum(np.maximum(value, np.int32(LOWEST)), np.int32(HIGHEST))


@kernel
def offset(rounding: int, shift: int, bits: int) -> int:
    """Return what to add to a number before a shift down cuts off its lowest bits.

    Parameters
    ----------
    rounding : int
        `NEAREST` (half up), `FLOOR`, or `STOCHASTIC`: up with a probability equal to what is cut off.
    shift : int
        How many bits are cut off, 0 .. 62.
    bits : int
        16 random bits, for stochastic rounding.

    Returns
    -------
    int
        0 .. 2^shift - 1.
    """
    if shift <= 0 or rounding == FLOOR:
        return 0
    if rounding == NEAREST:
        return 1 << (shift - 1)
    if shift <= 16:
        return bits & ((1 << shift) - 1)
    return bits << (shift - 16)


@kernel
def factor_offset(rounding: int, shift: int) -> int:
    """Return `offset` for an intermediate product, which is never rounded stochastically."""
    return offset(FLOOR if rounding == FLOOR else NEAREST, shift, 0)


@kernel
def cut_product(product: int, shift: int) -> int:
    """Shift a product of at most 64 bits down, rounding toward minus infinity, where 32 bits hold the result.

    The shift is logical, as few processors shift vectors of signed 64-bit numbers: of what is left, the
    lowest 32 bits are the same.

    Parameters
    ----------
    product : int
        64 bits, the offset of the rounding in it.
    shift : int
        0 .. `MOST_FRACTION`.

    Returns
    -------
    int
        32 bits with sign.
    """
    return np.int32(np.uint64(product) >> np.uint64(shift))


@kernel
def scaled(value: int, factor: int, shift: int, cut: int) -> int:
    """Multiply and shift, (value factor + cut) >> shift, all in 32 bits, where these hold the result.

    The upper and the lower bits of ``value`` are multiplied apart, so that no product has more than 32 bits.

    Parameters
    ----------
    value : int32
        32 bits with sign; at most 2^(30 - f), 2^f the factor's size, once shifted by 15 or by ``shift``.
    factor : int32
        16 bits, with sign or without.
    shift : int
        0 .. 46.
    cut : int
        From `offset`, for a shift of ``shift`` or more.

    Returns
    -------
    int32
        The product's upper bits.
    """
    split = min(shift, PAYLOAD_BITS - 1)
    below = (1 << split) - 1
    rest = cut & ((1 << shift) - 1)
    lower = np.add(np.multiply(np.bitwise_and(value, np.int32(below)), factor), np.int32(rest & below))
    upper = np.add(np.multiply(np.right_shift(value, np.int32(split)), factor), np.int32(rest >> split))
    product = np.add(upper, np.right_shift(lower, np.int32(split)))
    return np.add(np.right_shift(product, np.int32(shift - split)), np.int32(cut >> shift))


@kernel
def half_step(v: int, drive: int, k: FixedConstants, square_cut: int, v_cut: int, v_mask: int) -> int:
    """Advance v by half a time step: v + dt / 2 (0.04 (v + 62.5)^2 - 16.25 - u + I), clipped at the peak.

    The vertex form of Izhikevich's 0.04 v^2 + 5 v + 140 has one product of two states where that has two
    of very different size, and the small factor comes first, so that little is lost before the sum is cut
    once.

    Parameters
    ----------
    v : int32
        24 bits, F fraction bits.
    drive : int
        dt / 2 (-16.25 - u + I), F + ``v_shift`` fraction bits.
    k : FixedConstants
        See there.
    square_cut, v_cut, v_mask : int, int, int32
        As in `CellRounding`.

    Returns
    -------
    int32
        v, 24 bits, F fraction bits.
    """
    from_vertex = np.add(v, np.int32(k.vertex))
    factor = cut_product(from_vertex * np.int32(k.square) + square_cut, k.square_shift)
    change = cut_product(factor * from_vertex + (drive + v_cut), k.v_shift)
    wide = np.add(v, np.bitwise_and(change, v_mask))
    return np.minimum(np.maximum(wide, np.int32(k.lowest)), np.int32(k.peak))


@kernel
def recover(
    v: int, u: int, a: int, b: int, k: FixedConstants, b_cut: int, u_cut: int, u_mask: int
) -> int:  # fmt: skip
    """Advance the recovery variable by a time step: u + a dt (b v - u).

    Parameters
    ----------
    v, u : int32
        24 bits, F fraction bits.
    a, b : int32
        Factors: a dt and b with ``a_shift`` and ``b_shift`` fraction bits.
    k : FixedConstants
        See there.
    b_cut, u_cut, u_mask : int, int, int32
        As in `CellRounding`.

    Returns
    -------
    int32
        u, 24 bits, F fraction bits.
    """
    target = scaled(v, b, k.b_shift, b_cut)
    change = scaled(np.subtract(target, u), a, k.a_shift, u_cut)
    return saturate(np.add(u, np.bitwise_and(change, u_mask)))


@kernel
def at_bounds(values: np.ndarray, lowest: int, highest: int) -> int:
    """Count the numbers that stand at a bound; a saturated one does.

    Parameters
    ----------
    values : (N,) int32
        Any format.
    lowest, highest : int
        The bounds.

    Returns
    -------
    int
        0 .. N.
    """
    low = high = values[0]
    # Minimum and maximum take a tenth of the time of counting, and nearly always nothing is to be counted.
    for j in range(values.size):
        low = min(low, values[j])
        high = max(high, values[j])
    count = 0
    if low <= lowest or high >= highest:
        for j in range(values.size):
            count += int(values[j] <= lowest or values[j] >= highest)
    return count


@kernel
def summand(value: int) -> int:
    """Clip a sum of weights to what 32 bits can add to: beyond it, the result's 24 bits saturate anyway."""
    return np.int32(np.minimum(np.maximum(value, np.int32(-_MOST_SUMMAND)), np.int32(_MOST_SUMMAND)))


@kernel
def gather_current(
    i_in: np.ndarray, bias: np.ndarray, k: FixedConstants, step_key: np.uint64, saturations: np.ndarray
) -> None:
    """Add bias and each cell's private noise to the current of a step, and saturate it.

    Parameters
    ----------
    i_in : (N,) int32 or int64
        Current from cues, events and feedback, F fraction bits; 24 bits afterwards.
    bias : (N,) int32
        F fraction bits.
    k : FixedConstants
        There is no noise where its noise factor is 0.
    step_key : uint64
        The key that belongs to this step.
    saturations : (len(SATURATING),) int64
        Counters, changed in place.
    """
    lost = np.int32(0)
    if k.noise_factor == 0:
        for j in range(i_in.size):
            wide = np.add(summand(i_in[j]), bias[j])
            held = saturate(wide)
            i_in[j] = held
            lost = np.add(lost, np.int32(wide != held))
    else:
        cut = factor_offset(k.rounding, k.noise_shift)
        factor = np.int32(k.noise_factor)
        word = step_key
        for j in range(i_in.size):
            word += GOLDEN  # the same numbers as fold(step_key, j), without its product
            noise = cut_product(np.int32(noise_sum(mix(word))) * factor + cut, k.noise_shift)
            wide = np.add(np.add(summand(i_in[j]), bias[j]), noise)
            held = saturate(wide)
            i_in[j] = held
            lost = np.add(lost, np.int32(wide != held))
    saturations[CURRENT] += lost


@kernel
def advance_cell(
    v: int, u: int, s: int, a_in: int, steady: int, a: int, b: int, k: FixedConstants, r: CellRounding
) -> tuple[int, int, int]:
    """Advance one cell by one step, up to the threshold.

    Parameters
    ----------
    v, u, s : int32
        State, 24 bits, F fraction bits.
    a_in : int
        What the spikes of the step before add to ``s``, F fraction bits.
    steady : int
        Bias, inputs, feedback and noise, 24 bits, F fraction bits.
    a, b : int32
        As in `recover`.
    k : FixedConstants
        See there.
    r : CellRounding
        See there.

    Returns
    -------
    v, u, s : int32
        After the step.
    """
    decayed = np.bitwise_and(scaled(s, np.int32(k.synapse_decay), k.decay_bits, r.s_cut), r.s_mask)
    s_held = saturate(np.add(decayed, summand(a_in)))
    current = np.subtract(np.add(np.int32(steady), s_held), np.add(u, np.int32(k.rest)))
    drive = current * np.int32(k.half_step)
    v = half_step(v, drive, k, r.square_cut, r.first_cut, r.v_mask)
    v = half_step(v, drive, k, r.square_cut, r.second_cut, r.v_mask)
    return v, recover(v, u, a, b, k, r.b_cut, r.u_cut, r.u_mask), s_held


@kernel
def advance_alike(
    v: np.ndarray,
    u: np.ndarray,
    s: np.ndarray,
    a_in: np.ndarray,
    steady: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    k: FixedConstants,
    r: CellRounding,
) -> tuple[int, int, int]:
    """Advance all cells, with the same rounding, by one step up to the threshold.

    Parameters
    ----------
    v, u, s, a_in, steady, a, b : (N,) int
        As for `advance_cell`; v, u and s are changed in place.
    k, r
        See `advance_cell`.

    Returns
    -------
    lowest_v, lowest, highest : int32
        Of v, and of u and s; or 0 if that is lower, or for the last, higher.
    """
    lowest_v = lowest = highest = np.int32(0)
    for j in range(v.size):
        v_j, u_j, s_j = advance_cell(v[j], u[j], s[j], a_in[j], steady[j], a[j], b[j], k, r)
        v[j], u[j], s[j] = v_j, u_j, s_j
        lowest_v = np.minimum(lowest_v, v_j)
        lowest = np.minimum(lowest, np.minimum(u_j, s_j))
        highest = np.maximum(highest, np.maximum(u_j, s_j))
    return lowest_v, lowest, highest


@kernel
def advance_cells(
    v: np.ndarray,
    u: np.ndarray,
    s: np.ndarray,
    a_in: np.ndarray,
    i_in: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    bias: np.ndarray,
    k: FixedConstants,
    step_key: np.uint64,
    saturations: np.ndarray,
) -> None:
    """Advance synaptic current, membrane potential and recovery of all cells, up to the threshold.

    Parameters
    ----------
    v, u, s : (N,) int32
        F fraction bits; changed in place.
    a_in, i_in : (N,) int32 or int64
        What the spikes of the step before add to ``s``, and current of this step only; F fraction
        bits. Bias and noise are added to ``i_in``.
    a, b, bias : (N,) int32
        Parameters, as in `FixedNetwork`.
    k : FixedConstants
        See there.
    step_key : uint64
        The key that belongs to this step.
    saturations : (len(SATURATING),) int64
        Counters of the cells whose variable stands at a bound after a step, changed in place.
    """
    gather_current(i_in, bias, k, step_key, saturations)
    products = (factor_offset(k.rounding, k.square_shift), factor_offset(k.rounding, k.b_shift))
    masks = (np.int32(k.v_mask), np.int32(k.u_mask), np.int32(k.s_mask))
    s_shift, v_shift, u_shift = k.decay_bits + k.s_grain, k.v_shift + k.v_grain, k.a_shift + k.u_grain
    lowest_v, lowest, highest = np.int32(k.lowest), np.int32(LOWEST), np.int32(HIGHEST)
    if k.rounding == STOCHASTIC:
        key = fold(step_key, _CELLS_WORD)
        for j in range(v.size):
            bits = fold(key, np.uint64(j))
            cuts = (
                offset(STOCHASTIC, s_shift, np.int64(bits & _FIELD)),
                offset(STOCHASTIC, v_shift, np.int64((bits >> _S16) & _FIELD)),
                offset(STOCHASTIC, v_shift, np.int64((bits >> _S32) & _FIELD)),
                offset(STOCHASTIC, u_shift, np.int64(bits >> _S48)),
            )
            r = CellRounding(*cuts, *products, *masks)
            v[j], u[j], s[j] = advance_cell(v[j], u[j], s[j], a_in[j], i_in[j], a[j], b[j], k, r)
    else:
        v_cut = offset(k.rounding, v_shift, 0)
        cuts = (offset(k.rounding, s_shift, 0), v_cut, v_cut, offset(k.rounding, u_shift, 0))
        if k.v_grain == 0 and k.u_grain == 0 and k.s_grain == 0:
            # With masks that it knows, all bits, the compiler leaves them out: a tenth of the time.
            r = CellRounding(*cuts, *products, *_ALL_BITS)
            lowest_v, lowest, highest = advance_alike(v, u, s, a_in, i_in, a, b, k, r)
        else:
            r = CellRounding(*cuts, *products, *masks)
            lowest_v, lowest, highest = advance_alike(v, u, s, a_in, i_in, a, b, k, r)
    if lowest_v <= k.lowest:
        saturations[V] += at_bounds(v, k.lowest, k.peak + 1)
    if lowest <= LOWEST or highest >= HIGHEST:
        saturations[U] += at_bounds(u, LOWEST, HIGHEST)
        saturations[S] += at_bounds(s, LOWEST, HIGHEST)


@kernel
def reset_spiking(
    v: np.ndarray,
    u: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    peak: int,
    spiking: np.ndarray,
    saturations: np.ndarray,
) -> int:
    """Find the cells at the threshold and reset them: v = c, u += d.

    Parameters
    ----------
    v, u : (N,) int32
        F fraction bits; changed in place.
    c, d : (N,) int32
        Reset potential and step of recovery, F fraction bits.
    peak : int
        The threshold.
    spiking : (N,) int64
        Its head receives the indices of the spiking cells, ascending.
    saturations : (len(SATURATING),) int64
        Counters, changed in place.

    Returns
    -------
    int
        How many cells spiked.
    """
    count = 0
    threshold = np.int32(peak)
    for j in range(v.size):
        if v[j] >= threshold:
            spiking[count] = j
            count += 1
    for index in range(count):
        j = spiking[index]
        v[j] = c[j]
        wide = np.int64(u[j]) + d[j]
        u[j] = saturate(wide)
        saturations[U] += int(wide != u[j])
    return count


@kernel
def deliver_spikes(
    spiking: np.ndarray,
    count: int,
    first: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    shift: int,
    a_in: np.ndarray,
) -> None:
    """Add the weights of the spiking cells' synapses to what the next step receives.

    Parameters
    ----------
    spiking, count : int64 array, int
        Indices of the spiking cells; all of one sign.
    first, target : (N + 1,) int64, (S,) int32
        Synapses in compressed-column form, as in `Network`.
    weight : (S,) int16
        Weights of ``weight_bits`` and sign.
    shift : int
        From the weights' to F fraction bits.
    a_in : (N,) int32 or int64
        F fraction bits; changed in place.
    """
    for index in range(count):
        j = spiking[index]
        for i in range(first[j], first[j + 1]):
            # Unsigned, so that numba does not look for a negative index.
            a_in[np.uint32(target[i])] += weight[i] << shift


@kernel
def graded(z: int) -> int:
    """Turn a when readout into the graded spike that is fed back.

    Parameters
    ----------
    z : int
        `PAYLOAD_FRACTION` bits.

    Returns
    -------
    int
        Clipped to 0 .. 1 and rounded to `FEEDBACK_FRACTION` bits.
    """
    clipped = min(max(z, 0), 1 << PAYLOAD_FRACTION)
    shift = PAYLOAD_FRACTION - FEEDBACK_FRACTION
    return (clipped + (1 << (shift - 1))) >> shift


@kernel
def shifted(value: int, down: int) -> int:
    """Shift a number down by so many bits (floor), or up by as many as are negative."""
    return value >> down if down >= 0 else value << -down


@kernel
def sum_inputs(
    level: np.ndarray,
    input_weight: np.ndarray,
    z: np.ndarray,
    feedback_weight: np.ndarray,
    k: FixedConstants,
    i_in: np.ndarray,
) -> None:
    """Sum the currents from cues, events and the fed-back readout.

    Parameters
    ----------
    level : (C,) int32
        0 or 1 for each input channel.
    input_weight : (C, N) int16
        Current of each channel into each cell, ``weight_bits`` and sign.
    z : (K,) int32
        When readout of the step before, `PAYLOAD_FRACTION` bits.
    feedback_weight : (K, N) int16
        Current per unit of each readout channel, ``weight_bits`` and sign.
    k : FixedConstants
        Its shifts, one for each sign of the weights.
    i_in : (N,) int64
        Overwritten with the sums, F fraction bits.
    """
    i_in[:] = 0
    for channel in range(level.size):
        if level[channel] != 0:
            for j in range(i_in.size):
                weight = np.int64(input_weight[channel, j])
                i_in[j] += weight << (k.input_positive_shift if weight > 0 else k.input_negative_shift)
    if k.feedback:
        for j in range(i_in.size):
            positive = negative = 0
            for channel in range(z.size):
                product = np.int64(feedback_weight[channel, j]) * graded(z[channel])
                positive += max(product, 0)
                negative += min(product, 0)
            i_in[j] += shifted(positive, k.feedback_positive_shift)
            i_in[j] += shifted(negative, k.feedback_negative_shift)


@kernel
def advance_traces(
    x: np.ndarray,
    spiking: np.ndarray,
    count: int,
    k: FixedConstants,
    step_key: np.uint64,
    saturations: np.ndarray,
) -> None:
    """Let the traces decay and add the spikes.

    Parameters
    ----------
    x : (N,) int32
        Traces, `TRACE_FRACTION` bits; changed in place.
    spiking, count : (N,) int64, int
        Indices of the spiking cells.
    k : FixedConstants
        See there.
    step_key : uint64
        For stochastic rounding.
    saturations : (len(SATURATING),) int64
        Counters, changed in place.
    """
    decay, mask, highest = np.int32(k.trace_decay), np.int32(k.trace_mask), np.int32(HIGHEST)
    shift = k.decay_bits + k.trace_grain
    if k.rounding == STOCHASTIC:
        key = fold(step_key, _TRACES_WORD)
        for j in range(x.size):
            bits = np.int64(fold(key, np.uint64(j)) & _FIELD)
            kept = scaled(x[j], decay, k.decay_bits, offset(STOCHASTIC, shift, bits))
            x[j] = np.minimum(np.bitwise_and(kept, mask), highest)
    else:
        cut = offset(k.rounding, shift, 0)
        for j in range(x.size):
            # On a coarse grid the next number up from the greatest may be out of range.
            kept = scaled(x[j], decay, k.decay_bits, cut)
            x[j] = np.minimum(np.bitwise_and(kept, mask), highest)
    for index in range(count):
        j = spiking[index]
        wide = np.int64(x[j]) + k.trace_gain
        x[j] = saturate(wide)
        saturations[X] += int(wide != x[j])


@kernel
def advance_means(
    m: np.ndarray, x: np.ndarray, k: FixedConstants, step_key: np.uint64, saturations: np.ndarray
) -> None:
    """Let the slow means follow the traces: m += (x - m) MEAN_EVERY dt / tau_m.

    Parameters
    ----------
    m : (N,) int32
        Slow means, `MEAN_FRACTION` bits; changed in place.
    x : (N,) int32
        Traces, `TRACE_FRACTION` bits.
    k, step_key, saturations
        As for `advance_traces`.
    """
    rate = np.int32(k.mean_rate)
    shift = k.mean_shift + k.mean_grain
    if k.rounding == STOCHASTIC:
        key = fold(step_key, _TRACES_WORD)
        for j in range(m.size):
            bits = np.int64((fold(key, np.uint64(j)) >> _S16) & _FIELD)
            change = np.int32(np.int32(x[j] << _MEAN_SHIFT) - m[j]) * rate
            moved = ((change + offset(STOCHASTIC, shift, bits)) >> k.mean_shift) & k.mean_mask
            m[j] = saturate(m[j] + moved)
    else:
        cut = offset(k.rounding, shift, 0)
        for j in range(m.size):
            change = np.int32(np.int32(x[j] << _MEAN_SHIFT) - m[j]) * rate
            m[j] = saturate(m[j] + (((change + cut) >> k.mean_shift) & k.mean_mask))
    saturations[M] += at_bounds(m, LOWEST, HIGHEST)


@kernel
def centre_traces(
    x: np.ndarray, m: np.ndarray, k: FixedConstants, xc: np.ndarray, saturations: np.ndarray
) -> int:
    """Form the input of the when readout, and its squared length.

    Parameters
    ----------
    x, m : (N,) int32
        Traces and slow means, `TRACE_FRACTION` and `MEAN_FRACTION` bits.
    k : FixedConstants
        See there.
    xc : (N + 1,) int32
        Overwritten with the traces less their slow means (or plain) and the constant; `PAYLOAD_BITS` with
        sign, `PAYLOAD_FRACTION` bits.
    saturations : (len(SATURATING),) int64
        Counters, changed in place.

    Returns
    -------
    int
        |xc|^2, twice `PAYLOAD_FRACTION` bits.
    """
    cells = x.size
    cut = np.int32(factor_offset(k.rounding, _CENTRED_SHIFT))
    mean_mask = np.int32(-1 if k.centred else 0)
    low = high = np.int32(k.constant_input)
    for j in range(cells):
        from_mean = np.subtract(np.left_shift(x[j], np.int32(_MEAN_SHIFT)), np.bitwise_and(m[j], mean_mask))
        wide = np.right_shift(np.add(from_mean, cut), np.int32(_CENTRED_SHIFT))
        held = np.minimum(np.maximum(wide, np.int32(_LOWEST_PAYLOAD)), np.int32(_HIGHEST_PAYLOAD))
        xc[j] = held
        low, high = np.minimum(low, held), np.maximum(high, held)
    xc[cells] = k.constant_input
    if low == _LOWEST_PAYLOAD or high == _HIGHEST_PAYLOAD:
        saturations[XC] += at_bounds(xc, _LOWEST_PAYLOAD, _HIGHEST_PAYLOAD)
    norm = np.int64(0)
    for j in range(cells + 1):
        norm += xc[j] * xc[j]
    return norm


@kernel
def grade_traces(x: np.ndarray, k: FixedConstants, xq: np.ndarray) -> None:
    """Form the input of the what readout: the plain traces.

    Parameters
    ----------
    x : (N,) int32
        `TRACE_FRACTION` bits.
    k : FixedConstants
        See there.
    xq : (N,) int32
        Overwritten; `PAYLOAD_FRACTION` bits.
    """
    cut = factor_offset(k.rounding, _PLAIN_SHIFT)
    for j in range(x.size):
        xq[j] = np.int32(x[j] + cut) >> _PLAIN_SHIFT


@kernel
def read_out(weight: np.ndarray, payload: np.ndarray, k: FixedConstants, read: np.ndarray) -> int:
    """One of the readouts: weight times payload, summed over the cells.

    Two channels are summed side by side, so that a payload is loaded and widened once for both.

    Parameters
    ----------
    weight : (K, inputs) int32
        ``readout_fraction`` bits.
    payload : (inputs,) int32
        `PAYLOAD_FRACTION` bits.
    k : FixedConstants
        See there.
    read : (K,) int32
        Overwritten with the sums, `PAYLOAD_FRACTION` bits.

    Returns
    -------
    int
        How many of them are saturated.
    """
    cut = factor_offset(k.rounding, k.readout_fraction)
    lost = 0
    for channel in range(0, read.size, 2):
        other = min(channel + 1, read.size - 1)
        totals = (np.int64(0), np.int64(0))
        for j in range(payload.size):
            totals = (
                totals[0] + weight[channel, j] * payload[j],
                totals[1] + weight[other, j] * payload[j],
            )
        for index in range(1 + other - channel):
            wide = (totals[index] + cut) >> k.readout_fraction
            held = saturate(wide)
            read[channel + index] = held
            lost += np.int64(wide != held)
    return lost


@kernel
def bit_length(value: int) -> int:
    """Return the number of bits of a number of 0 or more: the position of its leading bit, from 1."""
    length = 0
    while value > 0:
        value >>= 1
        length += 1
    return length


@kernel
def gated_delta(
    w_when: np.ndarray,
    xc: np.ndarray,
    rate_gate: np.ndarray,
    target: np.ndarray,
    z: np.ndarray,
    norm: int,
    k: FixedConstants,
    step_key: np.uint64,
    saturations: np.ndarray,
) -> None:
    """Change the when weights by presynaptic trace x timing error x gate, divided by a power of two.

    That is the one below the norm: its leading bit. What is lost, a factor of 1 .. 2, is made up for on
    average by the factor in ``rate_gate``.

    Parameters
    ----------
    w_when : (K, N + 1) int32
        ``readout_fraction`` bits; changed in place.
    xc : (N + 1,) int32
        `PAYLOAD_FRACTION` bits.
    rate_gate : (K,) int32
        Learning rate times gate, a factor; 0 leaves a channel as it is.
    target, z : (K,) int32
        What the readout should be, and is; `PAYLOAD_FRACTION` bits.
    norm : int
        |xc|^2 plus a floor, twice `PAYLOAD_FRACTION` bits.
    k, step_key, saturations
        As for `advance_traces`.
    """
    shift = min(max(k.when_shift + bit_length(norm), 0), _MOST_WHEN_SHIFT)
    most = 1 << (shift + PAYLOAD_BITS - 1)  # so that 32 bits hold what a weight moves by
    cut = offset(k.rounding, shift + k.readout_grain, 0)
    mask = np.int32(k.readout_mask)
    key = fold(step_key, _WEIGHTS_WORD) if k.rounding == STOCHASTIC else step_key
    lost = np.int32(0)
    for channel in range(z.size):
        if rate_gate[channel] == 0:
            continue
        error = np.int64(target[channel]) - z[channel]
        product = error * rate_gate[channel] + factor_offset(k.rounding, PAYLOAD_FRACTION)
        step = np.int32(saturate(min(max(product >> PAYLOAD_FRACTION, -most), most)))
        row = w_when[channel]
        if k.rounding == STOCHASTIC:
            for j in range(xc.size):
                word = np.uint64(channel * xc.size + j)
                cut = offset(STOCHASTIC, shift + k.readout_grain, np.int64(fold(key, word) & _FIELD))
                wide = np.add(row[j], np.bitwise_and(scaled(step, xc[j], shift, cut), mask))
                held = saturate(wide)
                row[j] = held
                lost = np.add(lost, np.int32(wide != held))
        else:
            for j in range(xc.size):
                wide = np.add(row[j], np.bitwise_and(scaled(step, xc[j], shift, cut), mask))
                held = saturate(wide)
                row[j] = held
                lost = np.add(lost, np.int32(wide != held))
    saturations[W_WHEN] += lost


@kernel
def reservoir_step(
    network: FixedNetwork,
    k: FixedConstants,
    state: State,
    level: np.ndarray,
    step_key: np.uint64,
    i_in: np.ndarray,
    spiking: np.ndarray,
) -> int:
    """Advance the reservoir by one step, from the currents that reach it to the spikes it sends.

    Parameters
    ----------
    network, k, state
        What is simulated; v, u, s, a_in and the counters of ``state`` are changed in place, its z is
        fed back.
    level : (C,) int32
        Input channels, cues then events.
    step_key : uint64
        Noise key of this step.
    i_in : (N,) int64
        Scratch.
    spiking : (N,) int64
        Its head receives the indices of the spiking cells, ascending.

    Returns
    -------
    int
        How many cells spiked.
    """
    sum_inputs(level, network.input_weight, state.z, network.feedback_weight, k, i_in)
    advance_cells(
        state.v,
        state.u,
        state.s,
        state.a_in,
        i_in,
        network.a,
        network.b,
        network.bias,
        k,
        step_key,
        state.saturations,
    )
    count = reset_spiking(state.v, state.u, network.c, network.d, k.peak, spiking, state.saturations)
    excitatory = 0
    while excitatory < count and spiking[excitatory] < k.first_inhibitory:
        excitatory += 1
    state.a_in[:] = 0
    synapses = (network.first, network.target, network.weight)
    deliver_spikes(spiking, excitatory, *synapses, k.excitatory_shift, state.a_in)
    deliver_spikes(spiking[excitatory:], count - excitatory, *synapses, k.inhibitory_shift, state.a_in)
    return count


@kernel
def readout_step(
    k: FixedConstants,
    state: State,
    spiking: np.ndarray,
    count: int,
    rate_gate: np.ndarray,
    target: np.ndarray,
    in_what_window: bool,
    learning: bool,
    step: int,
    step_key: np.uint64,
    xc: np.ndarray,
    xq: np.ndarray,
    what_drive: np.ndarray,
) -> int:
    """Advance traces and readouts by one step, after the spikes of that step, and learn.

    Parameters
    ----------
    k, state
        What is simulated; x, m, z, x_sum, w_when and the counters of ``state`` are changed in place.
    spiking, count : (N,) int64, int
        As `reset_spiking` left them.
    rate_gate, target : (K,) int32
        As for `gated_delta`; on chip, the gate as for `on_chip_step`.
    in_what_window : bool
        Whether the traces of this step count for the what rule.
    learning : bool
        False freezes the slow means and the weights (a probe).
    step : int
        Step within the segment.
    step_key : uint64
        For stochastic rounding.
    xc, xq : (N + 1,), (N,) int32
        Scratch.
    what_drive : (K,) int32
        Overwritten with W_what . x, `PAYLOAD_FRACTION` bits; 0 outside the what window.

    Returns
    -------
    int
        |xc|^2, twice `PAYLOAD_FRACTION` bits (on chip 0); -1 if a when readout is beyond +-`MOST_Z`, and
        then nothing is learned.
    """
    saturations = state.saturations
    advance_traces(state.x, spiking, count, k, step_key, saturations)
    if k.on_chip:
        rounding = rounding_number(fold(step_key, _CHIP_WORD))
        chip = on_chip_view(state.on_chip, state.w_when, state.z)
        on_chip_step(k.chip, chip, spiking, count, rate_gate, target, learning, rounding)
        norm = np.int64(0)
    else:
        if learning and step % MEAN_EVERY == 0:
            advance_means(state.m, state.x, k, step_key, saturations)
        norm = centre_traces(state.x, state.m, k, xc, saturations)
        saturations[Z] += read_out(state.w_when, xc, k, state.z)
    for z in state.z:
        if abs(z) > MOST_Z:
            return -1
    what_drive[:] = 0
    if in_what_window:
        grade_traces(state.x, k, xq)
        read_out(state.w_what, xq, k, what_drive)
        for j in range(xq.size):
            state.x_sum[j] += xq[j]
    if learning and not k.on_chip:
        divisor = k.norm_floor + (norm if k.moment_norm else state.norm[0])
        gated_delta(state.w_when, xc, rate_gate, target, state.z, divisor, k, step_key, saturations)
    return norm


@kernel
def advance(
    network: FixedNetwork,
    k: FixedConstants,
    state: State,
    level: np.ndarray,
    rate_gate: np.ndarray,
    target: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    what_window: tuple[int, int],
    learning: bool,
    recording: Recording,
) -> tuple[int, int]:
    """Advance reservoir and readout by a chunk of steps of one segment.

    Parameters
    ----------
    network, k, state
        What is simulated; ``state`` is changed in place.
    level : (steps, C) int32
        Input channels, cues then events.
    rate_gate, target : (steps, K) int32
        As for `gated_delta`.
    noise_key : uint64
        Key of the segment; step and cell are folded in here.
    first_step : int
        Step of the segment at which the chunk begins.
    what_window : (int, int)
        Steps of the segment, from and up to, whose traces are summed for the what rule.
    learning : bool
        False freezes the slow means and the weights (a probe).
    recording : Recording
        Filled in. z and what_drive are int32 of `PAYLOAD_FRACTION` bits, norm is int64 of twice as many, -1
        where the network diverged.

    Returns
    -------
    spikes : int
        How many spikes were recorded.
    diverged : int
        Step of the segment at which a when readout was beyond +-`MOST_Z`, or -1.
    """
    cells = state.v.size
    i_in = np.empty(cells, state.a_in.dtype)
    xc = np.empty(cells + 1, np.int32)
    xq = np.empty(cells, np.int32)
    spiking = np.empty(cells, np.int64)
    recorded = 0
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(network, k, state, level[row], step_key, i_in, spiking)
        for index in range(count):
            recording.spike_step[recorded] = step
            recording.spike_cell[recorded] = spiking[index]
            recorded += 1
        in_what_window = what_window[0] <= step < what_window[1]
        recording.norm[row] = readout_step(
            k,
            state,
            spiking,
            count,
            rate_gate[row],
            target[row],
            in_what_window,
            learning,
            step,
            step_key,
            xc,
            xq,
            recording.what_drive[row],
        )
        for channel in range(state.z.size):
            recording.z[row, channel] = state.z[channel]
        if recording.norm[row] < 0:
            return recorded, step
    return recorded, -1
