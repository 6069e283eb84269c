"""Fixed-point numbers of apytypes, which round and saturate by code of their own."""

from __future__ import annotations

from typing import Any

import pytest

from lava_predict.numerics.integers import FLOOR, NEAREST

apytypes = pytest.importorskip("apytypes")

QUANTIZATION = {
    NEAREST: apytypes.QuantizationMode.TIES_POS,
    FLOOR: apytypes.QuantizationMode.TO_NEG,
}


def exact(value: int, bits: int, fraction_bits: int) -> apytypes.APyFixed:
    return apytypes.APyFixed(value, int_bits=bits - fraction_bits, frac_bits=fraction_bits)


def rounded(value: Any, fraction_bits: int, rounding: int) -> Any:
    """Round to so many fraction bits, with room before the point."""
    return value.cast(int_bits=64, frac_bits=fraction_bits, quantization=QUANTIZATION[rounding])


def integer_of(value: Any) -> int:
    """The 24-bit integer that stands for a number of apytypes, saturated."""
    fraction_bits = value.frac_bits
    held = value.cast(
        int_bits=24 - fraction_bits, frac_bits=fraction_bits, overflow=apytypes.OverflowMode.SAT
    )
    pattern = held.to_bits()
    return pattern - 2**24 if pattern >= 2**23 else pattern
