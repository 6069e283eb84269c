"""The end of a step's readouts, and the when rule, a cell a clock for all events at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Mux, Signal

from lava_predict.learning.readouts import MOST_Z
from lava_predict.learning.traces import CENTRED_FRACTION
from lava_predict.learning.when.annealed_delta import GATE_FRACTION
from lava_predict.numerics.integers import FLOOR, HIGHEST, LOWEST, PAYLOAD_BITS, PAYLOAD_FRACTION
from lava_predict.targets.fpga.flow import Flow, Value, clipped, rounding_offset, shifted

_MOST_SHIFT = 38


class Reading(NamedTuple):
    """A readout of 24 bits, and whether it was clipped."""

    value: Value
    lost: Value


def read(flow: Flow, total: Value, fraction: int, rounding: int) -> Reading:
    """Turn a sum of products into a readout."""
    offset = rounding_offset(rounding, fraction)
    wide = flow.stage(lambda a: shifted(a + offset, fraction), total)
    return Reading(flow.clip(wide), flow.stage(lambda a: (a > HIGHEST) | (a < LOWEST), wide))


def read_when(flow: Flow, total: Value, k: Any) -> Reading:
    """Turn the sum of weights times centred traces into z."""
    return read(flow, total, k.readout_fraction + CENTRED_FRACTION - PAYLOAD_FRACTION, k.rounding)


def read_what(flow: Flow, total: Value, k: Any) -> Reading:
    """Turn the sum of the spiking cells' weights into what_drive."""
    return read(flow, total, k.readout_fraction - PAYLOAD_FRACTION, k.rounding)


def beyond(z: Any) -> Any:
    """Tell whether a readout has diverged."""
    return (z > MOST_Z) | (z < -MOST_Z)


def bit_length(value: Any) -> Any:
    """Return the number of bits of a number without sign."""
    length = Const(0, len(value).bit_length())
    for bit in range(len(value)):
        length = Mux(value[bit], bit + 1, length)
    return length


def rule_shift(flow: Flow, norm: Value, k: Any) -> Value:
    """Return by how much the rule shifts, of |xc|^2: the division by its leading bit."""
    divisor = flow.stage(lambda a: a + k.norm_floor, norm)
    length = flow.stage(bit_length, divisor)
    return flow.stage(lambda n: clipped(n + k.when_shift, 0, _MOST_SHIFT)[:6], length)


def change(
    flow: Flow, z: Value, target: Value, gate: Value, rate: Value, shift: Value, rounding: int
) -> Value:
    """Return the step that one event's weights make, times the centred trace."""
    rate_gate = flow.cut(flow.multiply(rate, gate), GATE_FRACTION, 0)
    error = flow.stage(lambda a, b: a - b, target, z)
    product = flow.cut(flow.multiply(error, rate_gate), PAYLOAD_FRACTION, rounding)

    most = flow.stage(lambda shift: (Const(1 << (PAYLOAD_BITS - 1), 24) << shift[:3])[:32], shift)
    over, under = (
        flow.stage(lambda a, most: a > most, product, most),
        flow.stage(lambda a, most: a < -most, product, most),
    )

    def limited(a: Any, shift: Any, most: Any, over: Any, under: Any) -> Any:
        return Mux(shift >= 8, clipped(a), Mux(over, most, Mux(under, -most, a)))[:24].as_signed()

    return flow.stage(limited, product, shift, most, over, under)


def taught(flow: Flow, xc: Value, step: Any, shift: Any, k: Any, read_weight: Any) -> tuple[Value, Value]:
    """Return a weight after the rule, and whether it was clipped; step and shift stand still meanwhile."""
    product = flow.multiply(xc, Value(step, xc.time))
    if k.rounding != FLOOR:
        offset = Signal(_MOST_SHIFT + 25)
        # 2^(shift + grain - 1), or 0 where that is no whole number.
        flow.module.d.comb += offset.eq(((Const(1, 1) << shift) << k.weight_grain) >> 1)
        product = flow.stage(lambda a: a + Cat(offset, Const(0, 1)).as_signed(), product)
    coarse = flow.stage(lambda a: a >> Cat(Const(0, 3), shift[3:]), product)
    fine = flow.stage(lambda a: a >> shift[:3], coarse)
    kept = flow.join(lambda a: Cat(Const(0, k.weight_grain), a[k.weight_grain :]).as_signed(), fine)
    wide = flow.stage(lambda a, b: a + b, kept, read_weight(fine.time))
    return flow.clip(wide), flow.stage(lambda a: clipped(a) != a, wide)
