"""Leaky integrate-and-fire cells with an adaptive threshold, in float64 and in integers.

The leaky integrate-and-fire neuron is the one that Loihi users have; that its threshold rises at a spike
and decays, as in Bellec et al. 2018 (arXiv:1803.09574), gives it a memory of some hundred milliseconds.
Between spikes both equations are solved exactly for a current that is constant within a step:

    tau_v dv/dt = v_rest - v + tau_v I,    tau_h dh/dt = -h
    spike where v >= v_threshold + h:  v = v_reset,  h += threshold_step
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from lava_predict.errors import digits
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    HIGHEST,
    LOWEST,
    MOST_FRACTION,
    STATE_BITS,
    Cut,
    at_bounds,
    cut_of,
    saturate,
    scaled,
    to_state,
)
from lava_predict.numerics.plan import Planner
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import FixedSettings, Parameter, Section, TimeParameter

NAME = "adaptive LIF cells"
SATURATING = ("v", "h")
STATE_WORDS = ("v", "h")

_CELLS: dict[str, Any] = {
    "tau_v_ms": 20.0,
    "v_rest": -65.0,
    "v_threshold": -50.0,
    "v_reset": -65.0,
    "tau_h_ms": {"start": 60.0, "stop": 250.0, "power": 1.0, "scale": "log", "draw": "own"},
    "threshold_step": 8.0,
    "bias": {"start": 0.7, "stop": 1.0, "power": 1.0, "scale": "linear", "draw": "own"},
}
# Chosen on seeds 1 to 3 of robust, first block, from 5 currents, 4 biases, 3 spreads of tau_h, 3 charges.
DEFAULTS = {
    "excitatory_charge": 0.3,
    "inhibitory_charge": -0.3,
    "cue_current": 20.0,
    "event_current": 20.0,
    "excitatory": _CELLS,
    "inhibitory": _CELLS,
}


class Settings(Section):
    """Parameters of the cells of one sign."""

    tau_v_ms: TimeParameter = Field(description="membrane time constant, ms")
    v_rest: Parameter = Field(description="membrane potential at rest, mV")
    v_threshold: Parameter = Field(description="threshold of a cell that has not spiked, mV")
    v_reset: Parameter = Field(description="reset potential, mV")
    tau_h_ms: TimeParameter = Field(description="decay of the raised threshold, ms")
    threshold_step: Parameter = Field(description="rise of the threshold at a spike, mV")
    bias: Parameter = Field(description="constant current, mV/ms")

    @model_validator(mode="after")
    def _within_the_models_range(self) -> Settings:
        for name in ("tau_v_ms", "tau_h_ms"):
            spread = getattr(self, name)
            if min(spread.start, spread.stop) <= 0:
                raise ValueError(f".{name}: {spread.ends}; must be above 0 ms")
        least = min(self.v_threshold.start, self.v_threshold.stop)
        most = max(self.v_reset.start, self.v_reset.stop)
        if most >= least:
            raise ValueError(
                f".v_reset: up to {digits(most)}; must be below v_threshold, from {digits(least)} mV on"
            )
        return self


class Parameters(NamedTuple):
    """Parameters of N cells, (N,) float64 each: ms for ``tau_*``, mV, and mV / ms for ``bias``."""

    tau_v_ms: np.ndarray
    v_rest: np.ndarray
    v_threshold: np.ndarray
    v_reset: np.ndarray
    tau_h_ms: np.ndarray
    threshold_step: np.ndarray
    bias: np.ndarray


class State(NamedTuple):
    """Dynamic state of N cells.

    Attributes
    ----------
    v, h : (N,) float64 or int32
        Membrane potential, and rise of the threshold: mV, or 24 bits with F behind the point.
    """

    v: np.ndarray
    h: np.ndarray


class Constants(NamedTuple):
    """What a step needs, (N,) float64 each.

    Attributes
    ----------
    v_decay, h_decay
        exp(-dt / tau_v) and exp(-dt / tau_h).
    gain
        What a current of 1 mV / ms adds to v in a step: tau_v (1 - v_decay), mV.
    """

    v_decay: np.ndarray
    h_decay: np.ndarray
    gain: np.ndarray


def constants(parameters: Parameters, dt: float) -> Constants:
    """Return what a step of ``dt`` ms needs."""
    v_decay, h_decay = (decay_of_step(dt, tau) for tau in (parameters.tau_v_ms, parameters.tau_h_ms))
    return Constants(v_decay, h_decay, parameters.tau_v_ms * (1.0 - v_decay))


def start(parameters: Parameters) -> State:
    """Return cells at rest that have not spiked."""
    return State(parameters.v_rest.copy(), np.zeros_like(parameters.v_rest))


@lean_kernel
def advance(cells: State, parameters: Parameters, k: Constants, j: int, current: float) -> None:
    """Advance cell j by a step, up to the threshold, in place."""
    rest = parameters.v_rest[j]
    cells.v[j] = (rest + (cells.v[j] - rest) * k.v_decay[j]) + current * k.gain[j]
    cells.h[j] = cells.h[j] * k.h_decay[j]


@lean_kernel
def at_threshold(cells: State, parameters: Parameters, k: Constants, j: int) -> bool:
    """Tell whether cell j spikes in this step."""
    return cells.v[j] >= parameters.v_threshold[j] + cells.h[j]


@lean_kernel
def reset(cells: State, parameters: Parameters, k: Constants, j: int) -> None:
    """Reset cell j after its spike, and raise its threshold."""
    cells.v[j] = parameters.v_reset[j]
    cells.h[j] += parameters.threshold_step[j]


# In integers.


class FixedParameters(NamedTuple):
    """Parameters of N cells in integers, (N,) int32 each.

    Attributes
    ----------
    v_rest, v_threshold, v_reset, threshold_step, bias
        mV, and mV / ms for ``bias``, F fraction bits each.
    v_decay, h_decay, gain
        As in `Constants`: factors of ``parameter_bits`` with sign; fraction bits in `FixedConstants`.
    """

    v_rest: np.ndarray
    v_threshold: np.ndarray
    v_reset: np.ndarray
    threshold_step: np.ndarray
    bias: np.ndarray
    v_decay: np.ndarray
    h_decay: np.ndarray
    gain: np.ndarray


class FixedConstants(NamedTuple):
    """What an integer step of the cells needs.

    Attributes
    ----------
    v_shift, h_shift, gain_shift : int
        Fraction bits of the decays and of the gain.
    v_grain, h_grain : int
        How many of the lowest of 24 bits are kept at 0 (``fixed.v_bits`` and ``fixed.u_bits``).
    """

    v_shift: int
    h_shift: int
    gain_shift: int
    v_grain: int
    h_grain: int


class Cuts(NamedTuple):
    """How the shifts of v's decay, of the current and of h's decay round."""

    v: Cut
    current: Cut
    h: Cut


class Seen(NamedTuple):
    """The extremes of v so far, int32."""

    lowest_v: int
    highest_v: int


def quantise(planner: Planner, parameters: Parameters, dt: float) -> tuple[FixedParameters, FixedConstants]:
    """Turn cells into integers, as `lava_predict.neurons.izhikevich.quantise` does."""
    fraction = planner.settings.fraction_bits
    v_grain, h_grain = planner.grain("v"), planner.grain("u")

    def potential(name: str, grain: int = 0, unit: str = "mV") -> np.ndarray:
        value = getattr(parameters, name)
        return planner.hold(name, value, unit, "fixed.fraction_bits", STATE_BITS - 1, fraction, grain)

    k = constants(parameters, dt)
    v_decay, v_shift = planner.decays("decay of v", parameters.tau_v_ms, dt)
    h_decay, h_shift = planner.decays("decay of h", parameters.tau_h_ms, dt)
    gain, gain_shift = planner.factor("gain of v", k.gain, "ms", most=MOST_FRACTION)
    held = (
        potential("v_rest", v_grain),
        potential("v_threshold"),
        potential("v_reset", v_grain),
        potential("threshold_step", h_grain),
        potential("bias", unit="mV/ms"),
        v_decay,
        h_decay,
        gain,
    )
    integers = FixedParameters(*(array.astype(np.int32) for array in held))
    return integers, FixedConstants(v_shift, h_shift, gain_shift, v_grain, h_grain)


def fixed_start(parameters: FixedParameters, k: FixedConstants, fraction_bits: int) -> State:
    """As `start`, from the integers."""
    return State(to_state(parameters.v_rest, 0, k.v_grain), np.zeros_like(parameters.v_rest))


def parameter_bits(settings: FixedSettings) -> int:
    """Return the bits that a cell's parameters take on a chip."""
    return 3 * settings.parameter_bits + 5 * STATE_BITS


@lean_kernel
def fixed_whole(k: FixedConstants) -> bool:
    """Tell whether no bits of the states are kept at 0."""
    return k.v_grain == 0 and k.h_grain == 0


@lean_kernel
def fixed_cuts(k: FixedConstants, rounding: int, bits: np.uint64, whole: bool) -> Cuts:
    """Return how a step rounds; ``bits`` has 16 random ones for each of the three shifts."""
    v_grain, h_grain = (0, 0) if whole else (k.v_grain, k.h_grain)
    v = cut_of(rounding, k.v_shift, v_grain, np.int64((bits >> np.uint64(16)) & np.uint64(0xFFFF)))
    current = cut_of(rounding, k.gain_shift, v_grain, np.int64((bits >> np.uint64(32)) & np.uint64(0xFFFF)))
    return Cuts(v, current, cut_of(rounding, k.h_shift, h_grain, np.int64(bits >> np.uint64(48))))


@lean_kernel
def fixed_nothing_seen() -> Seen:
    """Return the extremes before the first cell."""
    return Seen(np.int32(0), np.int32(0))


@lean_kernel
def fixed_advance(
    cells: State, parameters: FixedParameters, k: FixedConstants, cuts: Cuts, j: int, current: int, seen: Seen
) -> Seen:
    """As `advance`, in integers, but v alone; ``current`` is int32, F fraction bits."""
    rest = parameters.v_rest[j]
    left = scaled(np.subtract(cells.v[j], rest), parameters.v_decay[j], k.v_shift, cuts.v)
    driven = scaled(current, parameters.gain[j], k.gain_shift, cuts.current)
    v = saturate(np.add(rest, np.add(left, driven)))
    cells.v[j] = v
    return Seen(np.minimum(seen.lowest_v, v), np.maximum(seen.highest_v, v))


@lean_kernel
def fixed_adapt(
    cells: State, parameters: FixedParameters, k: FixedConstants, cuts: Cuts, j: int, seen: Seen
) -> Seen:
    """As `advance`, in integers, but h alone."""
    h = scaled(cells.h[j], parameters.h_decay[j], k.h_shift, cuts.h)
    # On a coarse grid the next number up from the greatest may be out of range.
    cells.h[j] = np.minimum(h, np.int32(HIGHEST))
    return seen


@lean_kernel
def fixed_count(cells: State, k: FixedConstants, seen: Seen, lost: np.ndarray) -> None:
    """Count the cells whose v stands at a bound after a step; h is counted where a spike raises it."""
    if seen.lowest_v <= LOWEST or seen.highest_v >= HIGHEST:
        lost[0] += at_bounds(cells.v, LOWEST, HIGHEST)


@lean_kernel
def fixed_at_threshold(cells: State, parameters: FixedParameters, k: FixedConstants, j: int) -> bool:
    """As `at_threshold`, in integers."""
    return cells.v[j] >= np.add(parameters.v_threshold[j], cells.h[j])


@lean_kernel
def fixed_reset(
    cells: State, parameters: FixedParameters, k: FixedConstants, j: int, lost: np.ndarray
) -> None:
    """As `reset`, in integers; h saturates."""
    cells.v[j] = parameters.v_reset[j]
    wide = np.int64(cells.h[j]) + parameters.threshold_step[j]
    cells.h[j] = saturate(wide)
    lost[1] += int(wide != cells.h[j])
