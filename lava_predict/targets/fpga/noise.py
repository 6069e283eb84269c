"""The hash of 64 bits that private noise comes from, one number a clock."""

from __future__ import annotations

from amaranth.hdl import Const

from lava_predict.numerics import noise
from lava_predict.targets.fpga.flow import Flow, Value

GOLDEN = int(noise.GOLDEN)
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MEAN = 131070
_WORD = 16


def times(flow: Flow, value: Value, factor: int) -> Value:
    """Multiply 64 bits by a constant, modulo 2^64."""
    parts = [
        flow.stage(
            lambda a, low=low, high=high: (
                (a.word_select(low, _WORD) * Const(factor >> _WORD * high & 0xFFFF, _WORD))
                << _WORD * (low + high)
            ),
            value,
        )
        for low in range(4)
        for high in range(4 - low)
    ]
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        rest = parts[len(parts) & ~1 :]
        parts = [flow.stage(lambda a, b: (a + b)[:64], *pair) for pair in pairs] + rest
    return parts[0]


def mix(flow: Flow, word: Value) -> Value:
    """Scramble 64 bits, as `lava_predict.numerics.noise.mix`."""
    value = flow.stage(lambda z: z ^ z[30:], word)
    value = flow.stage(lambda z: z ^ z[27:], times(flow, value, _FACTORS[0]))
    return flow.stage(lambda z: z ^ z[31:], times(flow, value, _FACTORS[1]))


def noise_sum(flow: Flow, bits: Value) -> Value:
    """Add the four fields of 16 bits, less their mean."""
    fields = (lambda z: z[:16] + z[16:32], lambda z: z[32:48] + z[48:])
    first, second = (flow.stage(field, bits) for field in fields)
    return flow.stage(lambda a, b: a + b - _MEAN, first, second)
