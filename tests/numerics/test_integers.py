"""The operations on integers against apytypes, exact fractions and plain Python integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import plain_integers
import pytest
from exact_numbers import exact, integer_of, rounded
from hypothesis import given
from hypothesis import strategies as st
from plain_integers import HIGHEST, LOWEST, ROUNDINGS
from strategies import ROUNDING, STATE

from lava_predict.numerics import integers
from lava_predict.numerics.integers import NEAREST, STOCHASTIC


@pytest.mark.slow
@given(st.integers(-(2**62), 2**62) | STATE)
def test_saturate(value: int) -> None:
    assert integers.saturate(value) == integer_of(exact(value, 64, 0)) == min(max(value, -8388608), 8388607)


@given(STATE, st.integers(-(2**15), 2**15 - 1), st.integers(0, 23), st.integers(0, 40), ROUNDING)
def test_a_product_is_cut_and_saturated_like_apytypes(
    state: int, factor: int, fraction: int, shift: int, rounding: int
) -> None:
    rounding = NEAREST if rounding == STOCHASTIC else rounding
    wanted = integer_of(rounded(exact(state, 24, fraction) * exact(factor, 16, shift), fraction, rounding))
    assert integers.saturate((state * factor + integers.offset(rounding, shift, 0)) >> shift) == wanted


@pytest.mark.slow
@given(STATE, st.integers(-(2**15), 2**15 - 1), st.integers(0, 38), st.integers(0, 22), ROUNDING)
def test_scaled(state: int, factor: int, shift: int, grain: int, rounding: int) -> None:
    """In halves of 15 bits what it is in one, wherever 32 bits hold it."""
    rounding = NEAREST if rounding == STOCHASTIC else rounding
    if abs(state * factor) >> shift >= 2**30:
        factor >>= 15
    numbers = (np.int32(state), np.int32(factor))
    wanted = rounded(exact(state, 24, 0) * exact(factor, 16, shift), 0, rounding)
    found = integers.scaled(*numbers, shift, integers.cut_of(rounding, shift, 0, 0))
    assert integers.saturate(found) == integer_of(wanted)
    cut, added = integers.cut_of(rounding, shift, grain, 0), integers.offset(rounding, shift + grain, 0)
    all_bits = cut._replace(mask=np.int32(-1))
    assert integers.scaled(*numbers, shift, all_bits) == (state * factor + added) >> shift
    assert integers.scaled(*numbers, shift, cut) == (state * factor + added) >> (shift + grain) << grain


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_cut_product(upper: int, shift: int, lower: int) -> None:
    product = (upper << shift) + (lower & ((1 << shift) - 1))
    assert integers.cut_product(product, shift) == upper


@given(st.integers(-(2**62), 2**62) | STATE, STATE)
def test_a_clipped_summand_leaves_the_sum_as_it_is(value: int, state: int) -> None:
    assert integers.saturate(state + int(integers.summand(value))) == min(max(state + value, LOWEST), HIGHEST)


@given(ROUNDING, st.integers(0, 62), st.integers(0, 2**16 - 1))
def test_offset(rounding: int, shift: int, bits: int) -> None:
    found = integers.offset(rounding, shift, bits)
    assert found == plain_integers.offset(ROUNDINGS[rounding], shift, bits)
    assert 0 <= found < 2**shift
    nearest_instead = NEAREST if rounding == STOCHASTIC else rounding
    assert integers.factor_offset(rounding, shift) == plain_integers.offset(
        ROUNDINGS[nearest_instead], shift, 0
    )


@pytest.mark.parametrize("shift", [1, 5, 8])
@pytest.mark.parametrize("value", [-1000, -3, 0, 7, 12345])
def test_stochastic_rounding_is_right_on_average(value: int, shift: int) -> None:
    every = [(value + integers.offset(STOCHASTIC, shift, bits)) >> shift for bits in range(2**shift)]
    assert sum(every) == value
    assert max(every) - min(every) <= 1


@given(st.integers(-(2**46), 2**46), st.integers(-14, 40))
def test_shifted(value: int, down: int) -> None:
    assert integers.shifted(value, down) == math.floor(Fraction(value) / Fraction(2) ** down)


@pytest.mark.slow
@given(st.integers(0, 2**62) | st.integers(0, 61).map(lambda n: 2**n))
def test_bit_length(value: int) -> None:
    assert integers.bit_length(value) == value.bit_length()


@pytest.mark.slow
@given(st.lists(STATE, min_size=1, max_size=9))
def test_at_bounds(values: list[int]) -> None:
    wanted = values.count(LOWEST) + values.count(HIGHEST)
    assert integers.at_bounds(np.array(values, np.int32), LOWEST, HIGHEST) == wanted
