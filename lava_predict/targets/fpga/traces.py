"""Bounded traces of a cell, its slow mean, and the trace less its mean, a cell a clock."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Mux

from lava_predict.learning.traces import BOUNDED_FRACTION, CENTRED_FRACTION
from lava_predict.numerics.integers import STATE_BITS
from lava_predict.targets.fpga.flow import Flow, Value, rounding_offset, shifted

_CENTRED_SHIFT = BOUNDED_FRACTION - CENTRED_FRACTION


def advanced(
    flow: Flow, r: Value, x: Value, decay: Value, spike: Value, k: Any, rounding: int
) -> tuple[Value, Value]:
    """Advance both stages of a trace, as `fixed_advance_bounded_traces`."""
    left = flow.cut(flow.multiply(r, decay), k.decay_bits, rounding, k.trace_grain)
    r = flow.stage(
        lambda a, spike: Mux(spike, 1 << BOUNDED_FRACTION, a)[:STATE_BITS].as_signed(), left, spike
    )
    apart = flow.stage(lambda a, b: a - b, r, x)
    rate = flow.stage(lambda d: (1 << k.decay_bits) - d, decay)
    change = flow.cut(flow.multiply(apart, rate), k.decay_bits, rounding, k.trace_grain)
    return r, flow.stage(lambda a, b: (a + b)[:STATE_BITS].as_signed(), x, change)


def followed(flow: Flow, m: Value, x: Value, shift: Any, moves: Any, k: Any, rounding: int) -> Value:
    """Let the slow mean move by 2^-shift of its distance where ``moves``; both stand still during a step."""
    apart = flow.stage(lambda a, b: a - b, x, m)
    offsets = [
        Const(rounding_offset(rounding, n + k.mean_grain), STATE_BITS) for n in range(k.mean_shift + 1)
    ]
    raised = flow.stage(lambda a: a + _chosen(offsets, shift), apart)
    change = flow.stage(lambda a: a >> shift, raised)
    kept = flow.join(lambda a: Cat(Const(0, k.mean_grain), a[k.mean_grain :]).as_signed(), change)
    return flow.stage(lambda a, b: Mux(moves, a + b, a)[:STATE_BITS].as_signed(), m, kept)


def _chosen(table: list[Any], number: Any) -> Any:
    chosen = table[0]
    for index, entry in enumerate(table[1:], 1):
        chosen = Mux(number == index, entry, chosen)
    return chosen


def centred(flow: Flow, x: Value, m: Value, rounding: int) -> Value:
    """Subtract the mean and cut to 17 bits."""
    offset = rounding_offset(rounding, _CENTRED_SHIFT)
    apart = flow.stage(lambda a, b: a - b + offset, x, m)
    return flow.join(lambda a: shifted(a, _CENTRED_SHIFT)[:17].as_signed(), apart)
