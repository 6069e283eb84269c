"""The when readout on Lava's learning engine, emulated bit for bit in integers.

It stands for the uncentred gated delta rule with a constant norm,

    w_kj += rate * gate_k * (g_k - z_k) * x_j / norm,

carried out by `LearningDense` with a `Loihi3FLearningRule` of ``dw = m * 2^s * u0 * x1 * y1``: weights of 8
bits and sign, 7-bit traces, one random number an epoch that rounds all synapses. docs/on-chip.md gives the
arithmetic and its formats. To get a weight, trace or z in physical units, multiply the integer by the scale
of that name in `OnChipScales`. No step uses a float.

The kernels take ``constants`` from `on_chip_constants` and the arrays of `OnChipState`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.errors import UserError
from lava_predict.learning import what
from lava_predict.learning.readouts import fixed_diverged
from lava_predict.learning.traces import TRACE_FRACTION, fixed_advance_traces
from lava_predict.learning.what import fixed_observe
from lava_predict.learning.when import Scales
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.integers import STATE_BITS
from lava_predict.numerics.noise import CHIP_WORD, fold
from lava_predict.numerics.plan import ROUNDINGS, Planner
from lava_predict.settings.schema import Config

# Fraction bits. Those of a weight are there while dw is added (in Lava 16 - 9); those of a relay's trace lie
# below the lowest bit of the payload that it sends.
Z_BITS = 16  # of z and of the taught value: z = z_int / 2^16
GATE_BITS = 12
TRACE_BITS = 12
ACCUMULATOR_BITS = 7
DECAY_BITS = 12  # a state x loses x * decay / 2^12 in a step
PRODUCT_SHIFT = 3  # of m * x1 * y1 in Lava: 7 + 7 + 4 bits of factors and mantissa to 15 of the accumulator

# Ranges.
WEIGHT_BITS = 8  # beside the sign: -256 .. 255
MOST_PAYLOAD = 254  # largest graded spike: Lava turns it into x1 = payload / 2, which has 7 bits
MOST_TRACE = 127  # largest x1, and largest y1 to either side
MOST_MANTISSA = 7  # largest m that Lava takes
MOST_SHIFT = 15  # largest s + 7 that Lava takes; the least is 0
MOST_EPOCH = 63  # longest learning epoch in steps, 6 bits
MOST_CELLS = 33_000  # with more, a sum of weights and payloads could leave the 32 bits that Lava gives it
_STATE_MOST = 2 ** (STATE_BITS - 1) - 1
_ACCUMULATOR_MOST = 2**15 - 1
_ACCUMULATOR_LEAST = -(2**15) - 1  # sic: Lava clips one below


class OnChipConstants(NamedTuple):
    """What a step needs, all integers.

    Attributes
    ----------
    trace_decay, trace_impulse : int
        The share / 2^12 of its trace that a relay loses in a step, 12 bits; what a spike adds, 12 fraction
        bits.
    constant_payload : int
        Graded spike of the always-on input, 0 .. 254.
    z_mantissa, z_shift : int
        z_int = (a_in * z_mantissa + half) >> z_shift; the mantissa has 8 bits.
    error_shift : int
        y1 = (gate * error + half) >> error_shift.
    mantissa, shift : int
        dw = ((mantissa * x1 * y1) >> 3) << shift, in 2^-7 of a weight's lowest bit.
    epoch : int
        Steps between two updates of the weights.
    """

    trace_decay: int
    trace_impulse: int
    constant_payload: int
    z_mantissa: int
    z_shift: int
    error_shift: int
    mantissa: int
    shift: int
    epoch: int


class OnChipScales(NamedTuple):
    """What one unit of an integer stands for.

    Attributes
    ----------
    weight, payload : float
        Of a weight, in the units of the float rule (ms, as a trace is in spikes per ms); of a graded spike,
        spikes per ms.
    error : float
        Of y1, in the units of gate * error.
    """

    weight: float
    payload: float
    error: float


class Approximation(NamedTuple):
    """A setting's physical value, and what the integers make of it, both in the setting's unit."""

    name: str
    wanted: float
    got: float

    @property
    def relative_error(self) -> float:
        """(got - wanted) / wanted; 0 where both are 0."""
        return (self.got - self.wanted) / self.wanted if self.wanted else float(self.got != 0.0)


class OnChipPlan(NamedTuple):
    """Integers of a readout, their scales, and how well they meet the settings."""

    constants: OnChipConstants
    scales: OnChipScales
    approximations: tuple[Approximation, ...]


class OnChipState(NamedTuple):
    """All that changes. N cells and an always-on input after them, K events.

    Attributes
    ----------
    trace : (N,) int32
        Trace of each cell in its relay, 12 fraction bits, 0 .. 2^23 - 1.
    payload : (N + 1,) int32
        Graded spike that each relay sends in this step, 0 .. 254; the last is the always-on input's.
    w : (K, N + 1) int32
        Weights, -256 .. 255.
    a_in, z : (K,) int32
        Sums of weights and payloads of this step, on their way to the next; when readout, 16 fraction bits.
    y1 : (K,) int32
        What the readout neurons wrote into their trace, -127 .. 127.
    step : (1,) int64
        Steps so far, for the epochs.
    """

    trace: np.ndarray
    payload: np.ndarray
    w: np.ndarray
    a_in: np.ndarray
    z: np.ndarray
    y1: np.ndarray
    step: np.ndarray

    def copy(self) -> OnChipState:
        """Return a state that does not share memory with this one."""
        return OnChipState(*(array.copy() for array in self))


def initial_on_chip_state(cells: int, events: int) -> OnChipState:
    """Return a state of zeros for N cells and K events."""
    return OnChipState(
        trace=np.zeros(cells, np.int32),
        payload=np.zeros(cells + 1, np.int32),
        w=np.zeros((events, cells + 1), np.int32),
        a_in=np.zeros(events, np.int32),
        z=np.zeros(events, np.int32),
        y1=np.zeros(events, np.int32),
        step=np.zeros(1, np.int64),
    )


def reset_on_chip(state: OnChipState) -> None:
    """Put traces, readout and what is in flight back to 0, in place; weights and epochs stay."""
    for array in (state.trace, state.payload, state.a_in, state.z, state.y1):
        array[:] = 0


def decay_integer(dt_ms: float, tau_ms: float) -> int:
    """Return 1 - exp(-dt / tau) in 12 bits, rounded to nearest, at least 1."""
    lost = 1.0 - float(np.exp(-dt_ms / tau_ms))
    whole = 1 << DECAY_BITS
    return min(max(round(lost * whole), 1), whole - 1)


def scale_integers(factor: float, bits: int = 8) -> tuple[int, int]:
    """Write a factor above 0 as mantissa / 2^shift, with a shift of 1 or more.

    The highest of the mantissa's bits is set, so that the relative error is at most 2^-bits. Raises a
    ValueError if the factor is too large.
    """
    shift = bits - 1 - int(np.floor(np.log2(factor)))
    mantissa = round(factor * 2.0**shift)
    if mantissa == 2**bits:
        mantissa, shift = mantissa >> 1, shift - 1
    if shift < 1:
        raise ValueError(
            f"a factor of {factor:g} needs a shift to the left; at most {2 ** (bits - 1)} is allowed"
        )
    return mantissa, shift


def product_integers(factor: float) -> tuple[int, int]:
    """Find the mantissa and shift of dw whose product is nearest, as a ratio, to a factor above 0.

    The factor is the wanted change of a weight, in its lowest bit, per unit of x1 * y1. mantissa * 2^shift /
    2^10, with 1 .. 7 and 0 .. 15, approximates it; the least is 2^-10.
    """
    choices = [(m, s) for s in range(MOST_SHIFT + 1) for m in range(1, MOST_MANTISSA + 1)]
    wanted = np.log2(factor) + PRODUCT_SHIFT + ACCUMULATOR_BITS
    # Of two that stand for the same number, the larger mantissa: Lava's shift to the right loses less.
    return min(choices, key=lambda choice: (abs(np.log2(choice[0]) + choice[1] - wanted), -choice[0]))


def learning_rule_text(constants: OnChipConstants) -> str:
    """Return the text of dw for Lava."""
    return f"{constants.mantissa} * 2^{constants.shift - 7} * u0 * x1 * y1"


def weight_range_ms(weight_range: float, cells: int, norm: float) -> float:
    """Return the largest weight that 8 bits hold, ms; N ``cells``, ``norm`` in (spikes/ms)^2.

    ``weight_range`` is in multiples of 1 / sqrt(N norm): with weights of that size N traces at their root
    mean square, all of them in phase, give z = 1. So the same multiple suits networks of any size.
    """
    return weight_range / float(np.sqrt(cells * norm))


def shortest_epoch(factor: float) -> int:
    """Choose the fewest steps between two updates, 1 .. 63, with which Lava meets the rate within a half.

    ``factor`` is as for `product_integers`, in one step. Lava cannot change a weight by less than 2^-10 x1 *
    y1 at a time.
    """
    for epoch in range(1, MOST_EPOCH):
        mantissa, shift = product_integers(factor * epoch)
        if mantissa * 2.0 ** (shift - PRODUCT_SHIFT - ACCUMULATOR_BITS) <= 1.5 * factor * epoch:
            return epoch
    return MOST_EPOCH


def on_chip_constants(
    *,
    cells: int,
    dt_ms: float,
    tau_x_ms: float,
    when_rate: float,
    norm: float,
    constant_input: float,
    weight_range: float,
    impulse: int = 4,
    error_bits: int = 8,
    epoch: int | None = None,
) -> OnChipPlan:
    """Turn the settings of the float rule into integers.

    Parameters
    ----------
    cells : int
        N.
    dt_ms, tau_x_ms : float
        Time step, and trace of a cell's spikes (``readout.tau_x_ms``), ms.
    when_rate : float
        Rate of the when rule, per ms (``readout.when_rate``).
    norm : float
        What the float rule divides by: mean |x|^2 with the constant input, plus the floor; (spikes/ms)^2.
    constant_input : float
        The constant beside the traces, spikes per ms (``readout.constant_input``).
    weight_range : float
        Largest weight that 8 bits hold, as for `weight_range_ms`.
    impulse : int
        What a spike adds to x1, 1 .. 127; x1 saturates at 127.
    error_bits : int
        y1 is gate * error in units of 2^-error_bits and saturates at 127 of them.
    epoch : int, optional
        Steps between two updates of the weights, 1 .. 63; by default `shortest_epoch` chooses.

    Returns
    -------
    OnChipPlan
        The integers of a readout, their scales, and how well they meet the settings.

    Raises
    ------
    ValueError
        If a value is not as above.
    """
    _check_whole("cells", cells, 1, MOST_CELLS)
    _check(dt_ms=dt_ms, tau_x_ms=tau_x_ms, when_rate=when_rate, norm=norm, weight_range=weight_range)
    _check_whole("impulse", impulse, 1, MOST_TRACE)
    _check_whole("error_bits", error_bits, 1, 12)
    if epoch is not None:
        _check_whole("epoch", epoch, 1, MOST_EPOCH)
    decay = decay_integer(dt_ms, tau_x_ms)
    gain = (1.0 - float(np.exp(-dt_ms / tau_x_ms))) / dt_ms
    scales = OnChipScales(
        weight=weight_range_ms(weight_range, cells, norm) / 2**WEIGHT_BITS,
        payload=gain / (2 * impulse),
        error=2.0**-error_bits,
    )
    constant_payload = min(max(round(constant_input / scales.payload), 0), MOST_PAYLOAD)
    z_factor = scales.weight * scales.payload * 2**Z_BITS
    z_mantissa, z_shift = scale_integers(z_factor)
    # x1 is half a payload; dividing by the weight's scale turns dw into lowest bits.
    per_product = scales.error * 2 * scales.payload / scales.weight
    step_factor = when_rate * dt_ms / norm * per_product
    epoch = shortest_epoch(step_factor) if epoch is None else epoch
    rate_factor = step_factor * epoch
    mantissa, shift = product_integers(rate_factor)
    constants = OnChipConstants(
        trace_decay=decay,
        trace_impulse=(2 * impulse) << TRACE_BITS,
        constant_payload=constant_payload,
        z_mantissa=z_mantissa,
        z_shift=z_shift,
        error_shift=GATE_BITS + Z_BITS - error_bits,
        mantissa=mantissa,
        shift=shift,
        epoch=epoch,
    )
    got_rate = mantissa * 2.0 ** (shift - PRODUCT_SHIFT - ACCUMULATOR_BITS) / rate_factor * when_rate
    approximations = (
        Approximation("tau_x_ms", tau_x_ms, -dt_ms / float(np.log1p(-decay / 2**DECAY_BITS))),
        Approximation("constant_input", constant_input, constant_payload * scales.payload),
        Approximation("scale of z", z_factor, z_mantissa / 2.0**z_shift),
        Approximation("when_rate", when_rate, got_rate),
    )
    return OnChipPlan(constants, scales, approximations)


def _check(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} = {value!r}: must be a finite number above 0")


def _check_whole(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most or value != int(value):
        raise ValueError(f"{name} = {value!r}: must be a whole number, {least} to {most}")


def to_gate(gate: np.ndarray) -> np.ndarray:
    """Turn gates, 0 .. 1, into integers of 12 fraction bits."""
    return np.asarray(np.round(gate * 2**GATE_BITS), np.int32)


def to_fraction(value: np.ndarray) -> np.ndarray:
    """Turn taught values into integers of 16 fraction bits."""
    return np.asarray(np.round(value * 2**Z_BITS), np.int32)


@kernel
def saturate(value: int, most: int) -> int:
    """Clip to -most - 1 .. most, the range of a two's complement integer."""
    return min(max(value, -most - 1), most)


@kernel
def decay_trace(trace: int, decay: int) -> int:
    """Let a trace of at most 24 bits lose its share ``decay`` / 2^12, rounded down."""
    return (trace * ((1 << DECAY_BITS) - decay)) >> DECAY_BITS


@kernel
def payload_of(trace: int) -> int:
    """Round a trace of 12 fraction bits to the graded spike that stands for it, 0 .. 254."""
    return min((trace + (1 << (TRACE_BITS - 1))) >> TRACE_BITS, MOST_PAYLOAD)


@kernel
def pre_trace(payload: int) -> int:
    """Give the x1 that Lava makes of a graded spike, 0 .. 127: its half, ties to even."""
    half = payload >> 1
    return half + (payload & half & 1)


@kernel
def scale_z(a_in: int, mantissa: int, shift: int) -> int:
    """Turn a sum of weights and payloads into z, 16 fraction bits; both saturate at 24 bits."""
    scaled = (saturate(a_in, _STATE_MOST) * mantissa + (1 << (shift - 1))) >> shift
    return saturate(scaled, _STATE_MOST)


@kernel
def gated_error(gate: int, target: int, z: int, shift: int) -> int:
    """Give the y1 that a readout neuron writes, -127 .. 127: gate times error, saturated.

    The gate has 12 fraction bits, target and z have 16; the product is rounded to units of 2^(shift - 28),
    ties up.
    """
    y1 = (gate * saturate(target - z, _STATE_MOST) + (1 << (shift - 1))) >> shift
    return min(max(y1, -MOST_TRACE), MOST_TRACE)


@kernel
def weight_change(x1: int, y1: int, mantissa: int, shift: int) -> int:
    """Give dw in 2^-7 of a weight's lowest bit, as Lava does: rounded down, then saturated."""
    change = ((x1 * y1 * mantissa) >> PRODUCT_SHIFT) << shift
    return min(max(change, _ACCUMULATOR_LEAST), _ACCUMULATOR_MOST)


@kernel
def add_to_weight(weight: int, change: int, rounding: int) -> int:
    """Add dw, from `weight_change`, to a weight, -256 .. 255, and round it by chance.

    The sum is rounded up where its 7 fraction bits are above ``rounding``, 0 .. 127.
    """
    total = min(max((weight << ACCUMULATOR_BITS) + change, _ACCUMULATOR_LEAST), _ACCUMULATOR_MOST)
    rounded = total >> ACCUMULATOR_BITS
    if rounding < total & ((1 << ACCUMULATOR_BITS) - 1):
        rounded += 1
    return saturate(rounded, (1 << WEIGHT_BITS) - 1)


@kernel
def rounding_number(bits: np.uint64) -> int:
    """Take a rounding number, 0 .. 127, from 64 random bits: the highest seven."""
    return int(bits >> np.uint64(57))


@kernel
def advance_relays(
    constants: OnChipConstants, trace: np.ndarray, payload: np.ndarray, spiking: np.ndarray, count: int
) -> None:
    """Advance the relays' traces by a step and form the graded spikes, ``payload``, that they send in it."""
    cells = trace.size
    for j in range(cells):
        trace[j] = decay_trace(trace[j], constants.trace_decay)
    for i in range(count):
        j = spiking[i]
        trace[j] = min(trace[j] + constants.trace_impulse, _STATE_MOST)
    for j in range(cells):
        payload[j] = payload_of(trace[j])
    payload[cells] = constants.constant_payload


@kernel
def read_neurons(
    constants: OnChipConstants,
    a_in: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    learning: bool,
    z: np.ndarray,
    y1: np.ndarray,
) -> None:
    """Advance the readout neurons by a step: z from their input, y1 from the gated error.

    ``gate`` and ``target``, (K,) int32, have 12 and 16 fraction bits; not ``learning`` acts as a gate of 0.
    """
    for k in range(z.size):
        z[k] = scale_z(a_in[k], constants.z_mantissa, constants.z_shift)
        open_gate = gate[k] if learning else 0
        y1[k] = gated_error(open_gate, target[k], z[k], constants.error_shift)


@kernel
def send_payloads(w: np.ndarray, payload: np.ndarray, a_in: np.ndarray) -> None:
    """Sum weights times payloads, for the next step.

    `MOST_CELLS` of them cannot overflow a sum, which Lava does not saturate.
    """
    for k in range(a_in.size):
        total = np.int32(0)
        for j in range(payload.size):
            total += w[k, j] * payload[j]
        a_in[k] = total


@kernel
def learn(
    constants: OnChipConstants, w: np.ndarray, payload: np.ndarray, y1: np.ndarray, rounding: int
) -> None:
    """Change the weights as Lava's learning phase does; a channel whose y1 is 0 does not change.

    ``rounding``, 0 .. 127, is the one random number of this epoch.
    """
    for k in range(y1.size):
        if y1[k] != 0:
            for j in range(payload.size):
                change = weight_change(pre_trace(payload[j]), y1[k], constants.mantissa, constants.shift)
                w[k, j] = add_to_weight(w[k, j], change, rounding)


@kernel
def on_chip_step(
    constants: OnChipConstants,
    state: OnChipState,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    learning: bool,
    rounding: int,
) -> None:
    """Advance the readout by one step, in the order of Lava's Processes; ``state`` changes in place.

    Parameters
    ----------
    constants, state
        As above; afterwards ``state.z`` is the readout, from the spikes up to the step before.
    spiking, count : (N,) int64, int
        The head of ``spiking`` holds the indices of the cells that spike in this step.
    gate, target : (K,) int32
        12 fraction bits, 0 .. 4096; and what z should be, 16 fraction bits.
    learning : bool
        False freezes the weights, as a gate of 0 does.
    rounding : int
        0 .. 127, this step's random number; only the last step of an epoch uses it.
    """
    read_neurons(constants, state.a_in, gate, target, learning, state.z, state.y1)
    advance_relays(constants, state.trace, state.payload, spiking, count)
    send_payloads(state.w, state.payload, state.a_in)
    state.step[0] += 1
    if state.step[0] % constants.epoch == 0:
        learn(constants, state.w, state.payload, state.y1, rounding)


# The rule of a network in integers: the readout above, beside plain traces for the what readout.

SATURATING = ("x", "m", "xc", "z", "w_when")
RESET = ("x", "trace", "payload", "a_in", "y1")
_REMEDIES = {"when_rate": "fixed.on_chip_epoch", "constant_input": "readout.constant_input"}


class Memory(NamedTuple):
    """All that the rule changes but z: traces for the what readout, and the rest of `OnChipState`.

    Attributes
    ----------
    x : (N,) int32
        Traces, `TRACE_FRACTION` bits.
    """

    x: np.ndarray
    w: np.ndarray
    trace: np.ndarray
    payload: np.ndarray
    a_in: np.ndarray
    y1: np.ndarray
    step: np.ndarray


class FixedConstants(NamedTuple):
    """What a step needs: the engine's constants, and for the what readout's traces as in `gated_delta`."""

    chip: OnChipConstants
    trace_decay: int
    decay_bits: int
    trace_gain: int
    trace_grain: int
    readout_fraction: int
    what_low: int
    what_high: int
    rounding: int


def fixed_start(config: Config) -> Memory:
    """Return the memory before the first step: all 0."""
    chip = initial_on_chip_state(config.reservoir.neurons, config.task.events)
    x = np.zeros(config.reservoir.neurons, np.int32)
    return Memory(x, chip.w, chip.trace, chip.payload, chip.a_in, chip.y1, chip.step)


def quantise(planner: Planner, config: Config, chip_norm: float | None) -> tuple[FixedConstants, Scales]:
    """Turn the settings of the when rule into what Lava's learning engine takes.

    ``chip_norm`` is the mean |x|^2 of the uncentred traces with the constant input before anything is
    learned, plus the floor, spikes^2 per ms^2.

    Raises
    ------
    UserError
        If the settings do not fit the engine.
    ValueError
        Without ``chip_norm``.
    """
    settings, readout, dt = config.fixed, config.readout, config.run.dt_ms
    if chip_norm is None:
        raise ValueError("chip_norm: is needed with fixed.learning = 'on_chip'; `Experiment` measures it")
    try:
        plan = on_chip_constants(
            cells=config.reservoir.neurons,
            dt_ms=dt,
            tau_x_ms=readout.tau_x_ms,
            when_rate=settings.on_chip_rate,
            norm=chip_norm,
            constant_input=readout.constant_input,
            weight_range=settings.on_chip_weight_range,
            epoch=settings.on_chip_epoch or None,
        )
    except ValueError as error:
        raise UserError(
            f'fixed.learning = "on_chip": {error}; change that, or set fixed.learning = "own"'
        ) from None
    for found in plan.approximations:
        remedy = _REMEDIES.get(found.name, "run.dt_ms")
        planner.approximation(f"on chip: {found.name}", remedy, found.wanted, found.relative_error)
    grain = planner.grain("trace")
    decay = float(np.exp(-dt / readout.tau_x_ms))
    word = (STATE_BITS - 1, TRACE_FRACTION, grain)
    k = FixedConstants(
        chip=plan.constants,
        trace_decay=planner.decay("decay of x", readout.tau_x_ms, dt),
        decay_bits=settings.decay_bits,
        trace_gain=int(planner.hold("trace gain", (1.0 - decay) / dt, "1/ms", "fixed.trace_bits", *word)),
        trace_grain=grain,
        readout_fraction=settings.readout_fraction_bits,
        what_low=config.steps(readout.what_window_ms[0]),
        what_high=config.steps(readout.what_window_ms[1]),
        rounding=ROUNDINGS[settings.rounding],
    )
    return k, Scales(gate=2.0**GATE_BITS, weight=plan.scales.weight)


def physical(memory: Memory, scales: Scales) -> Memory:
    """Return the traces and weights in physical units; the engine's own states stay integers."""
    return memory._replace(x=memory.x * 2.0**-TRACE_FRACTION, w=memory.w * scales.weight)


def end_of_trial(memory: Memory, *trial: Any) -> bool:
    """Learn nothing: the host does not touch a learning engine's weights."""
    return False


@kernel
def fixed_scratch(memory: Memory) -> np.ndarray:
    """Return room for xq, (N,) int32."""
    return np.empty(memory.x.size, np.int32)


@kernel
def fixed_step(
    k: FixedConstants,
    memory: Memory,
    what: what.Memory,
    z: np.ndarray,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    xq: np.ndarray,
    what_drive: np.ndarray,
    step: int,
    step_key: np.uint64,
    lost: np.ndarray,
) -> int:
    """Advance traces and readouts by one step, as `gated_delta.fixed_step`; ``gate`` has 12 fraction bits.

    Returns 0, or -1 if a when readout has diverged.
    """
    decay = (k.trace_decay, k.decay_bits, k.trace_gain, k.trace_grain)
    lost[0] += fixed_advance_traces(memory.x, spiking, count, *decay, k.rounding, step_key)
    rounding = rounding_number(fold(step_key, CHIP_WORD))
    chip = OnChipState(memory.trace, memory.payload, memory.w, memory.a_in, z, memory.y1, memory.step)
    on_chip_step(k.chip, chip, spiking, count, gate, target, learning, rounding)
    if fixed_diverged(z):
        return -1
    what_drive[:] = 0
    if k.what_low <= since_cue < k.what_high:
        fixed_observe(what, memory.x, k.readout_fraction, k.rounding, xq, what_drive)
    return 0
