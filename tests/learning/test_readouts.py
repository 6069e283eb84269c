"""The graded spike that is fed back."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from strategies import STATE

from lava_predict.learning import readouts


@given(STATE)
def test_graded(z: int) -> None:
    nearest = math.floor(Fraction(z, 2**16) * 2**8 + Fraction(1, 2))
    assert readouts.fixed_graded(z) == min(max(nearest, 0), 2**8)
    assert readouts.fixed_graded(readouts.fixed_graded(z) << 8) == readouts.fixed_graded(z)
