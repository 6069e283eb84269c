"""A pipeline whose values know the clock at which they are there, so that they meet by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from lava_predict.numerics.integers import FLOOR, HIGHEST, LOWEST

_LIMB = 17  # With a sign they fill a multiplier of 18 bits.


class Value(NamedTuple):
    """A signal, and how many clocks after its cell's number it has that cell's value."""

    signal: Any
    time: int


class Flow:
    """Stages of a pipeline in a module: every function of `Value` waits for the latest of its arguments."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._later: dict[int, list[Signal]] = {}

    def at(self, value: Value, time: int) -> Any:
        """Return the signal of a value at a later time, by registers that all who wait for it share."""
        if isinstance(value.signal, Const):
            return value.signal
        line = self._later.setdefault(id(value.signal), [value.signal])
        while len(line) <= time - value.time:
            line.append(self._register(line[-1]))
        return line[time - value.time]

    def stage(self, function: Callable[..., Any], *values: Value) -> Value:
        """Apply a function of signals, and a register behind it."""
        time = max(value.time for value in values)
        result = function(*(self.at(value, time) for value in values))
        return Value(self._register(result), time + 1)

    def join(self, function: Callable[..., Any], *values: Value) -> Value:
        """Apply a function of signals without a register."""
        time = max(value.time for value in values)
        result = function(*(self.at(value, time) for value in values))
        wire = Signal(result.shape())
        self.module.d.comb += wire.eq(result)
        return Value(wire, time)

    def multiply(self, left: Value, right: Value, plus: Value | None = None) -> Value:
        """Multiply two numbers in parts that multipliers of 18 bits hold, and add a third."""
        time = max(left.time, right.time)
        parts = [
            self.stage(lambda a, b, shift=low + high: (a * b) << shift, *pair)
            for low, a in _limbs(self.at(left, time))
            for high, b in _limbs(self.at(right, time))
            for pair in [(Value(a, time), Value(b, time))]
        ]
        return self.total(parts if plus is None else [*parts, plus])

    def total(self, values: list[Value]) -> Value:
        """Add numbers pairwise."""
        while len(values) > 1:
            pairs = zip(values[::2], values[1::2], strict=False)
            rest = values[len(values) & ~1 :]
            values = [self.stage(lambda a, b: a + b, *pair) for pair in pairs] + rest
        return values[0]

    def clip(self, value: Value, low: int = LOWEST, high: int = HIGHEST) -> Value:
        """Clip a number, as `clipped`; where that needs comparisons they have a stage of their own."""
        if low == ~high:
            return self.stage(lambda a: clipped(a, low, high), value)
        over, under = self.stage(lambda a: a > high, value), self.stage(lambda a: a < low, value)
        width = max((~low).bit_length(), high.bit_length()) + 1
        return self.stage(
            lambda a, over, under: Mux(over, high, Mux(under, low, a))[:width].as_signed(), value, over, under
        )

    def cut(self, value: Value, shift: int, rounding: int, grain: int = 0) -> Value:
        """Shift down with rounding, and keep ``grain`` of the lowest bits at 0."""
        offset = rounding_offset(rounding, shift + grain)
        moved = self.stage(lambda a: a + offset, value) if offset else value
        return self.join(lambda a: masked(shifted(a, shift), grain), moved)

    def _register(self, value: Any) -> Signal:
        register = Signal(value.shape())
        self.module.d.sync += register.eq(value)
        return register


def _limbs(value: Any) -> list[tuple[int, Any]]:
    is_signed, low, parts = value.shape().signed, 0, []
    while len(value) - low > _LIMB + is_signed:
        parts.append((low, value[low : low + _LIMB]))
        low += _LIMB
    top = value[low:]
    parts.append((low, top.as_signed() if is_signed else top))
    return parts


def rounding_offset(rounding: int, shift: int) -> int:
    """Return what to add before a shift down, as `lava_predict.numerics.integers.offset`."""
    return 0 if shift <= 0 or rounding == FLOOR else 1 << (shift - 1)


def shifted(value: Any, down: int) -> Any:
    """Shift down, or up where that is negative; the sign is kept."""
    if down <= 0:
        return value << -down if down else value
    if down >= len(value):
        down = len(value) - 1
    return value[down:].as_signed() if value.shape().signed else value[down:]


def masked(value: Any, grain: int) -> Any:
    """Set the lowest bits of a signed value to 0."""
    if not grain:
        return value
    return Cat(Const(0, grain), value[grain:]).as_signed()


def clipped(value: Any, low: int = LOWEST, high: int = HIGHEST) -> Any:
    """Clip a number, by default to a state's 24 bits."""
    width = max((~low).bit_length(), high.bit_length()) + 1
    if low == ~high and value.shape().signed and not high & (high + 1):
        top = value[width - 1 :]
        bound = Mux(value[-1], low, high)
        return Mux(top.any() & ~top.all(), bound, value[:width].as_signed())[:width].as_signed()
    return Mux(value > high, high, Mux(value < low, low, value))[:width].as_signed()
