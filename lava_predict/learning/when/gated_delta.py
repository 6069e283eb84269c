"""The when rule: online, three factors, gated (Yamada & Chao, arXiv:2510.14382), in float64 and in integers.

What a surprise about the time of an event does to its weights, between trials, is this project's own.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from lava_predict.learning import what
from lava_predict.learning.readouts import (
    diverged,
    fixed_add_to_row,
    fixed_diverged,
    fixed_read_out,
    read_out,
)
from lava_predict.learning.traces import (
    MEAN_EVERY,
    MEAN_FRACTION,
    TRACE_FRACTION,
    advance_means,
    advance_traces,
    centre_traces,
    fixed_advance_means,
    fixed_advance_traces,
    fixed_centre_traces,
)
from lava_predict.learning.what import fixed_observe, observe
from lava_predict.learning.when import Scales
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    PAYLOAD_BITS,
    PAYLOAD_FRACTION,
    STATE_BITS,
    STOCHASTIC,
    bit_length,
    factor_offset,
    saturate,
)
from lava_predict.numerics.noise import WEIGHTS_WORD, fold
from lava_predict.numerics.plan import MOST_FACTOR_FRACTION, ROUNDINGS, Planner
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Config, Decays, Positive, ReadoutSettings, Real, TimeConstant
from lava_predict.tasks import Segment

UNTAUGHT_ERROR = 2.0
"""Error of the when readout, in squares of a silent readout's, that is usual until more is known.

What one trial has taught makes the error of the next few greater than a silent readout's.
"""

LEADING_BIT = math.log(2.0)
"""One over the mean of m = norm / (its leading bit), 1 <= m < 2 and its logarithm uniform."""

SATURATING = ("x", "m", "xc", "z", "w_when")
RESET = ("x",)

_X, _M, _XC, _Z, _W = range(5)
_MOST_SHIFT = 38


class Settings(ReadoutSettings):
    """Traces, gate and both learning rules."""

    tau_x_ms: TimeConstant = Field(description="trace of a cell's spikes, ms")
    tau_m_ms: TimeConstant = Field(description="slow mean of the trace, ms")
    centred: bool = Field(description="subtract the slow mean from the traces")
    constant_input: Real = Field(description="the constant beside the traces")
    when_rate: float = Field(ge=0, le=100, description="rate of the when rule, per ms")
    when_norm: Literal["moment", "constant"] = Field(description="divisor of the when rule")
    when_norm_floor: Positive = Field(description="added to |xc|^2")
    timing_surprise: Positive = Field(
        description="when error that counts as a surprise, in multiples of its running mean"
    )
    surprise_keep: float = Field(
        ge=0, le=1, description="share of the when weights kept after such a surprise"
    )


DEFAULTS = {
    "tau_x_ms": 75.0,
    "tau_m_ms": 10000.0,
    "centred": True,
    "constant_input": 0.018,
    "when_rate": 0.05,
    "when_norm": "moment",
    "when_norm_floor": 1e-3,
    "timing_surprise": 5.0,
    "surprise_keep": 0.25,
}


class Memory(NamedTuple):
    """What the when rule changes. N cells, K events, M cues.

    Attributes
    ----------
    x, m : (N,) float64 or int32
        Traces and their slow means: spikes per ms, or `TRACE_FRACTION` and `MEAN_FRACTION` bits.
    w : (K, N + 1) float64 or int32
        Weights, ms, the last column for the constant input; or 24 bits with ``fixed.readout_fraction_bits``.
    norm : (1,) float64 or int64
        Mean |xc|^2 over an unlearned trial, used only with readout.when_norm = "constant".
    error : (M, K) float64
        Running mean of the squared error after each cue, divided by a silent readout's.
    """

    x: np.ndarray
    m: np.ndarray
    w: np.ndarray
    norm: np.ndarray
    error: np.ndarray


class Constants(NamedTuple):
    """What a step needs.

    Attributes
    ----------
    trace_decay, trace_gain : float
        exp(-dt / tau_x), and what a spike adds to its cell's trace: (1 - trace_decay) / dt, in spikes per ms.
    mean_rate, rate : float
        dt / tau_m, and the learning rate per step.
    constant_input, norm_floor : float
        Last input of the readout, and what is added to |xc|^2 before dividing by it.
    centred, moment_norm : bool
        Whether slow means are subtracted; divide by |xc|^2 of the moment, or else by the constant norm.
    what_low, what_high : int
        Steps after the cue, from and up to, whose traces the what rule reads.
    """

    trace_decay: float
    trace_gain: float
    mean_rate: float
    constant_input: float
    rate: float
    norm_floor: float
    centred: bool
    moment_norm: bool
    what_low: int
    what_high: int


def constant_rate(config: Config, rate: float) -> dict[str, float]:
    """Return settings at which the rule learns at a rate, per ms."""
    return {"when_rate": rate}


def scaled_rate(config: Config, factor: float) -> dict[str, float]:
    """Return settings at which the rate is multiplied by a factor."""
    return {"when_rate": factor * config.readout.when_rate}


def constants(config: Config) -> Constants:
    """Multiply the readout's settings out for the time step."""
    dt, readout = config.run.dt_ms, config.readout
    trace_decay = decay_of_step(dt, readout.tau_x_ms)
    return Constants(
        trace_decay=trace_decay,
        trace_gain=(1.0 - trace_decay) / dt,
        mean_rate=dt / readout.tau_m_ms,
        constant_input=readout.constant_input,
        rate=readout.when_rate * dt,
        norm_floor=readout.when_norm_floor,
        centred=readout.centred,
        moment_norm=readout.when_norm == "moment",
        what_low=config.steps(readout.what_window_ms[0]),
        what_high=config.steps(readout.what_window_ms[1]),
    )


def _start(config: Config, number: Any, norm: Any) -> Memory:
    cells, events, cues = config.reservoir.neurons, config.task.events, config.task.cues
    return Memory(
        x=np.zeros(cells, number),
        m=np.zeros(cells, number),
        w=np.zeros((events, cells + 1), number),
        norm=np.ones(1, norm),
        error=np.full((cues, events), UNTAUGHT_ERROR),
    )


def start(config: Config) -> Memory:
    """Return the memory before the first step: errors as `UNTAUGHT_ERROR`, a norm of 1, all else 0."""
    return _start(config, np.float64, np.float64)


def set_norm(memory: Memory, norm: Any) -> None:
    """Take the constant norm, spikes^2 per ms^2, in whatever numbers the memory has."""
    integers = memory.norm.dtype == np.int64
    memory.norm[0] = int(norm * 4.0**PAYLOAD_FRACTION + 0.5) if integers else norm


@lean_kernel
def gated_delta(
    w: np.ndarray,
    xc: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    z: np.ndarray,
    rate: float,
    divisor: float,
) -> None:
    """Change the when weights by presynaptic trace x timing error x gate.

    W_k += rate * G_k * (g_k - z_k) / divisor * xc, where the gate G is 0 .. 1, g is what the readout z should
    be and ``divisor`` is |xc|^2 of the moment, or its mean, plus a floor. Dividing by |xc|^2 makes it the
    normalised delta rule: at gate 1 a step removes the share ``rate`` of the error of the moment, whatever
    the activity.
    """
    for k in range(z.size):
        if gate[k] != 0.0:
            step = ((rate * gate[k]) * (target[k] - z[k])) / divisor
            for j in range(xc.size):
                w[k, j] += step * xc[j]


def scratch(memory: Memory) -> np.ndarray:
    """Return room for xc, (N + 1,) float64."""
    return np.empty(memory.x.size + 1)


@lean_kernel
def trace_step(
    k: Constants,
    memory: Memory,
    what: what.Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    learning: bool,
    xc: np.ndarray,
) -> int:
    """Advance x, m and ``x_sum`` of the what rule, and write xc; returns 0, as cues are not told apart."""
    advance_traces(memory.x, spiking, count, k.trace_decay, k.trace_gain)
    if learning:
        advance_means(memory.m, memory.x, k.mean_rate)
    centre_traces(memory.x, memory.m, k.constant_input, k.centred, xc)
    if k.what_low <= since_cue < k.what_high:
        observe(what, memory.x)
    return 0


@lean_kernel
def learn_step(
    k: Constants,
    memory: Memory,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: float,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """Change w by `gated_delta`."""
    divisor = k.norm_floor + (norm if k.moment_norm else memory.norm[0])
    gated_delta(memory.w, xc, gate, target, z, k.rate, divisor)


@lean_kernel
def step(
    k: Constants,
    memory: Memory,
    what: what.Memory,
    z: np.ndarray,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    xc: np.ndarray,
    what_drive: np.ndarray,
) -> float:
    """Advance traces and readouts by one step, after the spikes of that step, and learn.

    Changes x, m and w, and ``x_sum`` of the what rule. If a when readout has diverged, nothing is learned.
    """
    cue = trace_step(k, memory, what, spiking, count, since_cue, learning, xc)
    norm = read_out(memory.w, what.w, xc, memory.x, z, what_drive)
    if diverged(z):
        return np.nan
    if learning:
        learn_step(k, memory, cue, xc, z, norm, gate, target)
    return norm


@lean_kernel
def add_timing_error(z: np.ndarray, gate: np.ndarray, target: np.ndarray, sums: np.ndarray) -> None:
    """Add up each channel's squared error where its gate is open, in ascending order of steps.

    ``z``, ``gate``, ``target`` are (steps, K). To ``sums``, (2, K), are added (g - z)^2, and g^2, which is
    the squared error of a silent readout.
    """
    for row in range(z.shape[0]):
        for k in range(z.shape[1]):
            if gate[row, k] != 0.0:
                error = target[row, k] - z[row, k]
                sums[0, k] += error * error
                sums[1, k] += target[row, k] * target[row, k]


def learn_timing(memory: Memory, cue: int, outcome: int, sums: np.ndarray, readout: Settings) -> bool:
    """Let the readout of the event that occurred forget if the time of the event was a surprise.

    Its squared error in the trial, divided by a silent readout's, moves a running mean. An error far above
    the mean is a surprise: the weights shrink, since new timing is learned faster from small weights than
    against those of the old timing, and the mean starts again. The rule is local to the readout.

    Parameters
    ----------
    memory : Memory
        ``error`` of this cue and event changes and, after a surprise, ``w`` of this event.
    cue, outcome : int
        The cue shown, and the event that occurred or -1; then nothing changes.
    sums : (2, K) float64
        As `add_timing_error` has summed them over the trial.
    readout : Settings
        Its ``surprise_rate``, ``timing_surprise`` and ``surprise_keep``.

    Returns
    -------
    bool
        Whether it was a surprise.
    """
    if outcome < 0 or sums[1, outcome] <= 0.0:
        return False
    error, usual = sums[0, outcome] / sums[1, outcome], memory.error[cue]
    if error <= readout.timing_surprise * usual[outcome]:
        usual[outcome] += readout.surprise_rate * (error - usual[outcome])
        return False
    usual[outcome] = UNTAUGHT_ERROR
    memory.w[outcome] *= readout.surprise_keep
    return True


def end_of_trial(
    memory: Memory, segment: Segment, z: np.ndarray, gate: np.ndarray, target: np.ndarray, readout: Settings
) -> bool:
    """Learn from a whole trial, (steps, K) in physical units, by `learn_timing`."""
    sums = np.zeros((2, z.shape[1]))
    add_timing_error(z, gate, target, sums)
    return learn_timing(memory, segment.cue, segment.outcome, sums, readout)


# In integers.


class FixedConstants(NamedTuple):
    """What an integer step needs.

    Attributes
    ----------
    trace_decay, decay_bits : int
        exp(-dt / tau_x), and its fraction bits.
    trace_gain : int
        What a spike adds to its trace, `TRACE_FRACTION` bits.
    mean_rate, mean_shift : int
        `MEAN_EVERY` dt / tau_m as a factor, and its fraction bits.
    trace_grain, mean_grain, weight_grain : int
        How many of the lowest of 24 bits are kept at 0.
    constant_input, norm_floor : int
        As in `Constants`, `PAYLOAD_FRACTION` bits and twice as many.
    when_shift : int
        The rule's shift, less the bits of the norm.
    readout_fraction : int
        Fraction bits of the readouts' weights.
    centred, moment_norm, what_low, what_high : bool, bool, int, int
        As in `Constants`.
    rounding : int
        `NEAREST`, `FLOOR` or `STOCHASTIC`.
    """

    trace_decay: int
    decay_bits: int
    trace_gain: int
    mean_rate: int
    mean_shift: int
    trace_grain: int
    mean_grain: int
    weight_grain: int
    constant_input: int
    norm_floor: int
    when_shift: int
    readout_fraction: int
    centred: bool
    moment_norm: bool
    what_low: int
    what_high: int
    rounding: int


def quantise(planner: Planner, config: Config, chip_norm: float | None) -> tuple[FixedConstants, Scales]:
    """Turn traces and learning into integers; ``chip_norm`` is not used, as the norm is a state here."""
    settings, readout, k = planner.settings, config.readout, constants(config)
    # In float64 the slow mean moves in every step.
    Decays(MEAN_EVERY).check("readout.tau_m_ms", readout.tau_m_ms, config.run.dt_ms)
    grain = planner.grain("trace")
    word = (STATE_BITS - 1, TRACE_FRACTION, grain)
    gain = planner.hold("trace gain", k.trace_gain, "1/ms", "fixed.trace_bits", *word)
    mean_rate, mean_shift = planner.factor("16 dt / tau_m", MEAN_EVERY * k.mean_rate)
    payload = (PAYLOAD_BITS - 1, PAYLOAD_FRACTION)
    constant = planner.hold("constant input", k.constant_input, "1/ms", "readout.constant_input", *payload)
    square = (MOST_FACTOR_FRACTION, 2 * PAYLOAD_FRACTION)
    floor = planner.hold("norm floor", k.norm_floor, "1/ms^2", "readout.when_norm_floor", *square)
    rate, rate_fraction = planner.factor("when rate", k.rate * LEADING_BIT, "ln 2")
    residual = rate * 2.0**-rate_fraction * readout.gate_residual
    if residual > 0.0:
        factor = (settings.parameter_bits - 1, rate_fraction)
        planner.hold("when rate * residual gate", residual, "ln 2", "fixed.parameter_bits", *factor)
    integers = FixedConstants(
        trace_decay=planner.decay("decay of x", readout.tau_x_ms, config.run.dt_ms),
        decay_bits=settings.decay_bits,
        trace_gain=int(gain),
        mean_rate=int(mean_rate),
        mean_shift=mean_shift,
        trace_grain=grain,
        mean_grain=planner.grain("mean"),
        weight_grain=planner.grain("readout"),
        constant_input=int(constant),
        norm_floor=max(int(floor), 1),
        when_shift=rate_fraction - settings.readout_fraction_bits - PAYLOAD_FRACTION - 1,
        readout_fraction=settings.readout_fraction_bits,
        centred=k.centred,
        moment_norm=k.moment_norm,
        what_low=k.what_low,
        what_high=k.what_high,
        rounding=ROUNDINGS[settings.rounding],
    )
    return integers, Scales(gate=float(rate), weight=2.0**-settings.readout_fraction_bits)


def fixed_start(config: Config) -> Memory:
    """Return the memory before the first step, as in float."""
    return _start(config, np.int32, np.int64)


def physical(memory: Memory, scales: Scales) -> Memory:
    """Return the memory in physical units, float64."""
    return memory._replace(
        x=memory.x * 2.0**-TRACE_FRACTION,
        m=memory.m * 2.0**-MEAN_FRACTION,
        w=memory.w * scales.weight,
        norm=memory.norm * 4.0**-PAYLOAD_FRACTION,
    )


@lean_kernel
def fixed_gated_delta(
    w: np.ndarray,
    first: int,
    xc: np.ndarray,
    rate_gate: np.ndarray,
    target: np.ndarray,
    z: np.ndarray,
    norm: int,
    k: Any,
    step_key: np.uint64,
) -> int:
    """As `gated_delta`, in integers: the divisor is a power of two. Returns how many weights were clipped.

    The power of two is the leading bit of ``norm``, which is |xc|^2 plus a floor, of twice `PAYLOAD_FRACTION`
    bits. The factor of 1 .. 2 that is lost is made up for on average by ``rate_gate``, (K,) int32: learning
    rate times gate. ``w`` has ``readout_fraction`` bits; ``xc``, ``target`` and ``z`` have
    `PAYLOAD_FRACTION`.
    """
    key = fold(step_key, WEIGHTS_WORD) if k.rounding == STOCHASTIC else step_key
    lost = np.int32(0)
    for channel in range(z.size):
        if rate_gate[channel] == 0:
            continue
        error, word = np.int64(target[channel]) - z[channel], channel * xc.size
        lost += fixed_teach_row(w[first + channel], xc, error, rate_gate[channel], norm, k, key, word)
    return lost


@lean_kernel
def fixed_teach_row(
    row: np.ndarray, xc: np.ndarray, error: int, rate: int, norm: int, k: Any, key: np.uint64, word: int
) -> int:
    """Change one row of weights by ``rate`` x ``error`` x ``xc``, as `fixed_gated_delta`."""
    shift = min(max(k.when_shift + bit_length(norm), 0), _MOST_SHIFT)
    most = 1 << (shift + PAYLOAD_BITS - 1)  # so that 32 bits hold what a weight moves by
    product = error * rate + factor_offset(k.rounding, PAYLOAD_FRACTION)
    change = np.int32(saturate(min(max(product >> PAYLOAD_FRACTION, -most), most)))
    return fixed_add_to_row(row, xc, change, shift, k.weight_grain, k.rounding, key, word)


def fixed_scratch(memory: Memory) -> tuple[np.ndarray, np.ndarray]:
    """Return room for xc and xq, (N + 1,) and (N,) int32."""
    return np.empty(memory.x.size + 1, np.int32), np.empty(memory.x.size, np.int32)


@lean_kernel
def fixed_step(
    k: FixedConstants,
    memory: Memory,
    what: what.Memory,
    z: np.ndarray,
    spiking: np.ndarray,
    count: int,
    rate_gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    scratch: tuple[np.ndarray, np.ndarray],
    what_drive: np.ndarray,
    step: int,
    step_key: np.uint64,
    lost: np.ndarray,
) -> int:
    """As `step`, in integers; ``z``, ``target`` and ``what_drive`` have `PAYLOAD_FRACTION` bits.

    ``what_drive`` is 0 outside the what window. Returns |xc|^2, twice `PAYLOAD_FRACTION` bits, or -1.
    """
    xc, xq = scratch
    decay = (k.trace_decay, k.decay_bits, k.trace_gain, k.trace_grain)
    lost[_X] += fixed_advance_traces(memory.x, spiking, count, *decay, k.rounding, step_key)
    if learning and step % MEAN_EVERY == 0:
        rate = (k.mean_rate, k.mean_shift, k.mean_grain)
        lost[_M] += fixed_advance_means(memory.m, memory.x, *rate, k.rounding, step_key)
    norm, clipped = fixed_centre_traces(memory.x, memory.m, k.constant_input, k.centred, k.rounding, xc)
    lost[_XC] += clipped
    lost[_Z] += fixed_read_out(memory.w, xc, k.readout_fraction, k.rounding, z)
    if fixed_diverged(z):
        return -1
    what_drive[:] = 0
    if k.what_low <= since_cue < k.what_high:
        fixed_observe(what, memory.x, k.readout_fraction, k.rounding, xq, what_drive)
    if learning:
        divisor = k.norm_floor + (norm if k.moment_norm else memory.norm[0])
        lost[_W] += fixed_gated_delta(memory.w, 0, xc, rate_gate, target, z, divisor, k, step_key)
    return norm
