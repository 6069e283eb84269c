"""One step of a cell, a cell a clock: synaptic current, Izhikevich's equations or an LIF's, spike, reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth.hdl import Const, Mux

from lava_predict.numerics.integers import HIGHEST, LOWEST
from lava_predict.targets.fpga.flow import Flow, Value, clipped

Read = Callable[[str, int], Value]
"""Gives a column of the cell that is on its way, at a time."""


class Advanced(NamedTuple):
    """Both states of a cell after a step, whether it spikes, and what is counted as saturated of either."""

    states: tuple[Value, Value]
    spike: Value
    lost: tuple[Value, Value]


def at_bounds(value: Any, low: int = LOWEST, high: int = HIGHEST) -> Any:
    """Tell whether a state stands at a bound."""
    return (value <= low) | (value >= high)


def decayed(flow: Flow, s: Value, arriving: Value, k: Any, rounding: int) -> Value:
    """Let a synaptic current decay and take up what arrives."""
    kept = flow.cut(flow.multiply(s, Value(Const(k.decay), s.time)), k.decay_bits, rounding, k.s_grain)
    return flow.clip(flow.total([kept, arriving]))


def _half_step(flow: Flow, v: Value, drive: Value, k: Any, rounding: int) -> Value:
    w = flow.stage(lambda v: v + k.vertex, v)
    square = flow.multiply(w, Value(Const(k.square), w.time))
    factor = flow.cut(square, k.square_shift, rounding)
    product = flow.multiply(factor, w, plus=drive)
    change = flow.cut(product, k.v_shift, rounding, k.v_grain)
    return flow.clip(flow.total([v, change]), k.lowest, k.peak)


def izhikevich(flow: Flow, read: Read, steady: Value, s: Value, k: Any, rounding: int) -> Advanced:
    """Advance an Izhikevich cell, as `lava_predict.neurons.izhikevich` in integers."""
    current = flow.stage(lambda a, b: a + b - k.rest, steady, s)
    u = read("u", current.time)
    apart = flow.stage(lambda a, b: a - b, current, u)
    drive = flow.multiply(apart, Value(Const(k.half_step), apart.time))
    v = _half_step(flow, read("v", drive.time), drive, k, rounding)
    v = _half_step(flow, v, drive, k, rounding)
    target = flow.cut(flow.multiply(v, read("b", v.time)), k.b_shift, rounding)
    away = flow.stage(lambda a, b: a - b, target, u)
    change = flow.cut(flow.multiply(away, read("a", away.time)), k.a_shift, rounding, k.u_grain)
    u = flow.clip(flow.total([u, change]))
    spike = flow.stage(lambda v: v >= k.peak, v)
    raised = flow.stage(lambda a, b: a + b, u, read("d", u.time))
    after_v = flow.stage(lambda v, c, spike: Mux(spike, c, v), v, read("c", u.time), spike)
    after_u = flow.stage(lambda u, raised, spike: Mux(spike, clipped(raised), u), u, raised, spike)
    lost_v = flow.stage(lambda v: v <= k.lowest, v)
    lost_u = flow.stage(
        lambda u, raised, spike: at_bounds(u) + (spike & (clipped(raised) != raised)), u, raised, spike
    )
    return Advanced((after_v, after_u), spike, (lost_v, lost_u))


def adaptive_lif(flow: Flow, read: Read, steady: Value, s: Value, k: Any, rounding: int) -> Advanced:
    """Advance an adaptive LIF cell, as `lava_predict.neurons.adaptive_lif` in integers."""
    current = flow.stage(lambda a, b: a + b, steady, s)
    v, rest, h = (read(name, current.time) for name in ("v", "v_rest", "h"))
    away = flow.stage(lambda a, b: a - b, v, rest)
    left = flow.cut(flow.multiply(away, read("v_decay", away.time)), k.v_shift, rounding, k.v_grain)
    driven = flow.multiply(current, read("gain", current.time))
    change = flow.total([left, flow.cut(driven, k.gain_shift, rounding, k.v_grain)])
    v = flow.clip(flow.total([rest, change]))
    h = flow.cut(flow.multiply(h, read("h_decay", h.time)), k.h_shift, rounding, k.h_grain)
    h = flow.clip(h)
    threshold = flow.stage(lambda a, b: a + b, h, read("v_threshold", h.time))
    spike = flow.stage(lambda a, b: a >= b, v, threshold)
    raised = flow.stage(lambda a, b: a + b, h, read("threshold_step", h.time))
    after_v = flow.stage(lambda v, c, spike: Mux(spike, c, v), v, read("v_reset", spike.time), spike)
    after_h = flow.stage(lambda h, raised, spike: Mux(spike, clipped(raised), h), h, raised, spike)
    lost_v = flow.stage(at_bounds, v)
    lost_h = flow.stage(lambda raised, spike: spike & (clipped(raised) != raised), raised, spike)
    return Advanced((after_v, after_h), spike, (lost_v, lost_h))


CELLS = {"izhikevich": izhikevich, "adaptive_lif": adaptive_lif}
"""The neurons that the core has, by their names in the settings."""
