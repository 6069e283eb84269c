"""Izhikevich cells (Izhikevich 2003, doi 10.1109/TNN.2003.820440), in float64 and in integers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from lava_predict.errors import digits
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    FLOOR,
    HIGHEST,
    LOWEST,
    MOST_FRACTION,
    NEAREST,
    STATE_BITS,
    Cut,
    at_bounds,
    cut_of,
    cut_product,
    factor_offset,
    offset,
    saturate,
    scaled,
    to_state,
)
from lava_predict.numerics.plan import Planner
from lava_predict.settings.schema import FixedSettings, Parameter, Section

NAME = "Izhikevich cells"

V_PEAK = 30.0
"""Membrane potential at which a cell spikes and to which it is clipped, mV (Izhikevich 2003)."""

V_START = -65.0
"""Membrane potential before the first step, mV."""

VERTEX_MV = 62.5
REST = 16.25
"""0.04 v^2 + 5 v + 140 = 0.04 (v + VERTEX_MV)^2 - REST (completing Izhikevich's square)."""

V_LOWEST = -128.0
"""Lower bound of v, mV, in float64 and in integers: what 24 bits reach with the presets' 16 behind the point.

It must be above -132.6 mV. In a half step of .5 ms Euler's method takes v < -87.5 mV past the rest to its
other side, the further the lower v is, and from -132.6 mV on past the threshold, although no current drives
the cell: see docs/time-step.md.
"""

MOST_V_FRACTION = 20
"""Most fraction bits of 0.02 dt (v + 62.5 mV), and of dt / 2."""

MOST_RECOVERY = 2.0
"""Bound of `recovery_share`; above it a step of u overshoots by more than it had to go."""

SATURATING = ("v", "u")
STATE_WORDS = ("v", "u")

_ADAPTATION = {"start": 0.003, "stop": 0.02, "power": 1.0, "scale": "log", "draw": "own"}
_BIAS = {"start": 3.6, "stop": 5.1, "power": 1.0, "scale": "linear", "draw": "own"}


def _shared(start: float, stop: float, power: float) -> dict[str, Any]:
    return {"start": start, "stop": stop, "power": power, "scale": "linear", "draw": "shared"}


DEFAULTS: dict[str, Any] = {
    "excitatory_charge": 1.3,
    "inhibitory_charge": -1.3,
    "cue_current": 36.0,
    "event_current": 36.0,
    "excitatory": {
        "a": _ADAPTATION,
        "b": 0.2,
        "c": _shared(-65.0, -50.0, 2.0),
        "d": _shared(8.0, 2.0, 2.0),
        "bias": _BIAS,
    },
    "inhibitory": {"a": _ADAPTATION, "b": _shared(0.25, 0.2, 1.0), "c": -65.0, "d": 2.0, "bias": _BIAS},
}


def recovery_share(a: Any, b: Any, dt: float) -> Any:
    """Return by what share of its distance from rest u moves in a step: a dt (1 + b dt / 2).

    A change of u by 1 moves v by up to -dt in a step and so u's target, b v. Above 2, u and v swing ever
    further, wherever v rests between the vertex and half a step's turning point (the Jury conditions of the
    step at rest; docs/time-step.md). ``a`` and ``b``, 1 / ms, are numbers or arrays.
    """
    return a * dt * (1.0 + 0.5 * dt * np.maximum(b, 0.0))


class Settings(Section):
    """Parameters of the cells of one sign."""

    a: Parameter = Field(description="rate of recovery, 1/ms")
    b: Parameter = Field(description="sensitivity of recovery to v")
    c: Parameter = Field(description="reset potential, mV")
    d: Parameter = Field(description="step of recovery at a spike")
    bias: Parameter = Field(description="constant current")

    @model_validator(mode="after")
    def _within_the_models_range(self) -> Settings:
        if min(self.a.start, self.a.stop) <= 0:
            raise ValueError(f".a: {self.a.ends}; must be above 0 (1/ms) throughout")
        if max(self.c.start, self.c.stop) >= V_PEAK or min(self.c.start, self.c.stop) < V_LOWEST:
            raise ValueError(
                f".c: {self.c.ends}; must be at least {V_LOWEST:g} mV, the lower "
                f"bound of v, and below {V_PEAK:g} mV, where a cell spikes"
            )
        return self

    def check_step(self, dt_ms: float) -> None:
        """Refuse a recovery that a step of ``dt_ms`` cannot follow, as `recovery_share` has it."""
        super().check_step(dt_ms)
        a, b = (max(spread.start, spread.stop) for spread in (self.a, self.b))
        if (share := recovery_share(a, b, dt_ms)) > MOST_RECOVERY:
            raise ValueError(
                f".a: up to {digits(a)}, with b up to {digits(b)}: the recovery u runs away where "
                f"a dt (1 + b dt / 2), here {share:g}, is above {MOST_RECOVERY:g}; lower a or b, or shorten "
                f"run.dt_ms = {digits(dt_ms)}"
            )


class Parameters(NamedTuple):
    """Parameters of N cells.

    Attributes
    ----------
    a, b : (N,) float64
        Rate of recovery, and sensitivity of recovery to v, both 1 / ms.
    c, d : (N,) float64
        Reset potential, mV, and step of recovery at a spike, mV / ms.
    bias : (N,) float64
        Constant current, mV / ms.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray


class State(NamedTuple):
    """Dynamic state of N cells.

    Attributes
    ----------
    v, u : (N,) float64 or int32
        Membrane potential, mV, and recovery variable, mV / ms; or 24 bits with F behind the point.
    """

    v: np.ndarray
    u: np.ndarray


class Constants(NamedTuple):
    """What a step needs beside the parameters: ``dt``, the time step in ms."""

    dt: float


def constants(parameters: Parameters, dt: float) -> Constants:
    """Return what a step of ``dt`` ms needs."""
    return Constants(dt)


def start(parameters: Parameters) -> State:
    """Return cells at rest: v = -65 mV, u = b v."""
    v = np.full(parameters.b.size, V_START)
    return State(v, parameters.b * v)


@lean_kernel
def izhikevich(
    v: float, u: float, current: float, a: float, b: float, dt: float
) -> tuple[float, float]:  # fmt: skip
    """Advance one cell by one step: two half steps of v, then one of u (Izhikevich 2003).

    v is in mV, u and ``current`` in mV / ms, ``a`` and ``b`` in 1 / ms, ``dt`` in ms. Returns v, held at
    `V_LOWEST` or above after either half step, clipped at `V_PEAK` and not reset yet, and u.
    """
    half = 0.5 * dt
    v = v + half * ((((0.04 * v) * v + 5.0 * v) + 140.0 - u) + current)
    v = V_LOWEST if v < V_LOWEST else v
    v = v + half * ((((0.04 * v) * v + 5.0 * v) + 140.0 - u) + current)
    v = V_LOWEST if v < V_LOWEST else v
    v = V_PEAK if v > V_PEAK else v
    u = u + (dt * a) * (b * v - u)
    return v, u


@lean_kernel
def advance(cells: State, parameters: Parameters, k: Constants, j: int, current: float) -> None:
    """Advance cell j by a step, up to the threshold, in place."""
    cells.v[j], cells.u[j] = izhikevich(
        cells.v[j], cells.u[j], current, parameters.a[j], parameters.b[j], k.dt
    )


@lean_kernel
def at_threshold(cells: State, parameters: Parameters, k: Constants, j: int) -> bool:
    """Tell whether cell j spikes in this step."""
    return cells.v[j] >= V_PEAK


@lean_kernel
def reset(cells: State, parameters: Parameters, k: Constants, j: int) -> None:
    """Reset cell j after its spike: v = c, u += d."""
    cells.v[j] = parameters.c[j]
    cells.u[j] += parameters.d[j]


# In integers.


class FixedParameters(NamedTuple):
    """Parameters of N cells in integers.

    Attributes
    ----------
    a, b : (N,) int32
        a dt and b as factors of ``parameter_bits`` with sign; fraction bits in `FixedConstants`.
    c, d, bias : (N,) int32
        mV, mV / ms and mV / ms, F fraction bits each.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray


class FixedConstants(NamedTuple):
    """What an integer step of the cells needs.

    Attributes
    ----------
    vertex, rest, peak : int
        62.5, 16.25 and 30 mV with F fraction bits: v' = 0.04 (v + vertex)^2 - rest - u + I.
    lowest : int
        `V_LOWEST` with F fraction bits, or the lower bound of 24 bits where that is above it.
    square, square_shift : int
        0.02 dt as a factor, and the shift that leaves ``v_shift`` fraction bits of its product with v.
    half_step, v_shift : int
        dt / 2, and its fraction bits.
    a_shift, b_shift : int
        Fraction bits of a dt and b.
    v_grain, u_grain : int
        How many of the lowest of 24 bits are kept at 0.
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
    v_grain: int
    u_grain: int


class Cuts(NamedTuple):
    """What is added before the shifts of a cell's equations, and kept after them.

    Attributes
    ----------
    first, second, square : int
        `offset` for the shifts of v in either half step, and for that of an intermediate product.
    v_mask : int32
        All bits but those of v that are kept at 0.
    u, b : Cut
        For the shift of u, and for that of b v.
    """

    first: int
    second: int
    square: int
    v_mask: int
    u: Cut
    b: Cut


class Seen(NamedTuple):
    """The extremes of the states so far, int32."""

    lowest_v: int
    lowest_u: int
    highest_u: int


def quantise(planner: Planner, parameters: Parameters, dt: float) -> tuple[FixedParameters, FixedConstants]:
    """Turn cells into integers, and enter each parameter and constant in the plan; ``dt`` is in ms."""
    settings = planner.settings
    state, fraction = STATE_BITS - 1, settings.fraction_bits
    v_grain, u_grain = planner.grain("v"), planner.grain("u")
    lowest = max(LOWEST, int(V_LOWEST * 2**fraction))

    def current(
        name: str, value: Any, unit: str = "mV/ms", grain: int = 0, least: int | None = None
    ) -> np.ndarray:
        return planner.hold(name, value, unit, "fixed.fraction_bits", state, fraction, grain, least)

    a, a_shift = planner.factor(
        "a dt", dt * parameters.a, least=settings.parameter_bits - 1, most=MOST_FRACTION
    )
    # b v must fit 31 bits and sign, which it does up to |b| = 128.
    b, b_shift = planner.factor(
        "b", parameters.b, least=max(0, settings.parameter_bits - 8), most=MOST_FRACTION
    )
    c = current("c", parameters.c, "mV", v_grain, -(-lowest >> v_grain << v_grain))
    held = (a, b, c, current("d", parameters.d, "mV/ms", u_grain), current("bias", parameters.bias))
    square, square_fraction = planner.factor("0.02 dt", 0.02 * dt, most=MOST_FRACTION)
    # So many that 0.02 (v + 62.5) fits 24 bits whatever the range of v.
    v_shift = min(MOST_V_FRACTION, fraction + 5)
    k = FixedConstants(
        vertex=int(current("vertex", VERTEX_MV, "mV")),
        rest=int(current("rest", REST)),
        peak=int(current("peak", V_PEAK, "mV", v_grain)),
        lowest=lowest,
        square=int(square),
        square_shift=fraction + square_fraction - v_shift,
        half_step=int(planner.hold("dt / 2", 0.5 * dt, "ms", "run.dt_ms", state, v_shift)),
        v_shift=v_shift,
        a_shift=a_shift,
        b_shift=b_shift,
        v_grain=v_grain,
        u_grain=u_grain,
    )
    return FixedParameters(*(array.astype(np.int32) for array in held)), k


def fixed_start(parameters: FixedParameters, k: FixedConstants, fraction_bits: int) -> State:
    """As `start`, from the integers, each state on its grid."""
    v = to_state(np.full(parameters.b.size, V_START), fraction_bits, k.v_grain)
    return State(v, to_state(v.astype(np.int64) * parameters.b / 2.0**k.b_shift, 0, k.u_grain))


def parameter_bits(settings: FixedSettings) -> int:
    """Return the bits that a cell's parameters take on a chip."""
    return 2 * settings.parameter_bits + 3 * STATE_BITS


@lean_kernel
def fixed_whole(k: FixedConstants) -> bool:
    """Tell whether no bits of the states are kept at 0."""
    return k.v_grain == 0 and k.u_grain == 0


@lean_kernel
def fixed_cuts(k: FixedConstants, rounding: int, bits: np.uint64, whole: bool) -> Cuts:
    """Return the offsets and masks of a step; ``bits`` has 16 random ones for each of v twice, and u."""
    v_grain, u_grain = (0, 0) if whole else (k.v_grain, k.u_grain)
    first = offset(rounding, k.v_shift + v_grain, np.int64((bits >> np.uint64(16)) & np.uint64(0xFFFF)))
    second = offset(rounding, k.v_shift + v_grain, np.int64((bits >> np.uint64(32)) & np.uint64(0xFFFF)))
    u = cut_of(rounding, k.a_shift, u_grain, np.int64(bits >> np.uint64(48)))
    b = cut_of(FLOOR if rounding == FLOOR else NEAREST, k.b_shift, 0, 0)
    square = factor_offset(rounding, k.square_shift)
    return Cuts(first, second, square, np.int32(-(1 << v_grain)), u, b)


@lean_kernel
def half_step(v: int, drive: int, k: FixedConstants, square_cut: int, v_cut: int, v_mask: int) -> int:
    """Advance v by half a time step: v + dt / 2 (0.04 (v + 62.5)^2 - 16.25 - u + I), clipped at the peak.

    The vertex form of Izhikevich's 0.04 v^2 + 5 v + 140 has one product of two states where that has two of
    very different size, and the small factor comes first, so that little is lost before the sum is cut once.
    ``v`` is int32, 24 bits with F behind the point, as is the result; ``drive``, dt / 2 (-16.25 - u + I), has
    F + ``v_shift`` fraction bits; ``square_cut``, ``v_cut`` and ``v_mask`` are as in `Cuts`.
    """
    from_vertex = np.add(v, np.int32(k.vertex))
    factor = cut_product(from_vertex * np.int32(k.square) + square_cut, k.square_shift)
    change = cut_product(factor * from_vertex + (drive + v_cut), k.v_shift)
    wide = np.add(v, np.bitwise_and(change, v_mask))
    return np.minimum(np.maximum(wide, np.int32(k.lowest)), np.int32(k.peak))


@lean_kernel
def recover(v: int, u: int, a: int, b: int, k: FixedConstants, cuts: Cuts) -> int:
    """Advance the recovery variable by a time step: u + a dt (b v - u); v and u have F fraction bits."""
    target = scaled(v, b, k.b_shift, cuts.b)
    return saturate(np.add(u, scaled(np.subtract(target, u), a, k.a_shift, cuts.u)))


@lean_kernel
def fixed_nothing_seen() -> Seen:
    """Return the extremes before the first cell."""
    return Seen(np.int32(0), np.int32(0), np.int32(0))


@lean_kernel
def fixed_advance(
    cells: State, parameters: FixedParameters, k: FixedConstants, cuts: Cuts, j: int, current: int, seen: Seen
) -> Seen:
    """As `advance`, in integers, but v alone; ``current`` is int32, F fraction bits."""
    v, u = cells.v[j], cells.u[j]
    drive = np.subtract(current, np.add(u, np.int32(k.rest))) * np.int32(k.half_step)
    v = half_step(v, drive, k, cuts.square, cuts.first, cuts.v_mask)
    v = half_step(v, drive, k, cuts.square, cuts.second, cuts.v_mask)
    cells.v[j] = v
    return Seen(np.minimum(seen.lowest_v, v), seen.lowest_u, seen.highest_u)


@lean_kernel
def fixed_adapt(
    cells: State, parameters: FixedParameters, k: FixedConstants, cuts: Cuts, j: int, seen: Seen
) -> Seen:
    """As `advance`, in integers, but u alone, once v is advanced."""
    u = recover(cells.v[j], cells.u[j], parameters.a[j], parameters.b[j], k, cuts)
    cells.u[j] = u
    return Seen(seen.lowest_v, np.minimum(seen.lowest_u, u), np.maximum(seen.highest_u, u))


@lean_kernel
def fixed_count(cells: State, k: FixedConstants, seen: Seen, lost: np.ndarray) -> None:
    """Count the cells whose v (at its lower bound; the peak is none) or u stands at a bound after a step."""
    if seen.lowest_v <= k.lowest:
        lost[0] += at_bounds(cells.v, k.lowest, k.peak + 1)
    if seen.lowest_u <= LOWEST or seen.highest_u >= HIGHEST:
        lost[1] += at_bounds(cells.u, LOWEST, HIGHEST)


@lean_kernel
def fixed_at_threshold(cells: State, parameters: FixedParameters, k: FixedConstants, j: int) -> bool:
    """As `at_threshold`, in integers."""
    return cells.v[j] >= np.int32(k.peak)


@lean_kernel
def fixed_reset(
    cells: State, parameters: FixedParameters, k: FixedConstants, j: int, lost: np.ndarray
) -> None:
    """As `reset`, in integers; u saturates."""
    cells.v[j] = parameters.c[j]
    wide = np.int64(cells.u[j]) + parameters.d[j]
    cells.u[j] = saturate(wide)
    lost[1] += int(wide != cells.u[j])
