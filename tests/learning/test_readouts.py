"""The graded spike that is fed back, what is read, and a row of weights in integers that learns."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plain_integers import HIGHEST, LOWEST, ROUNDINGS, field_of, fold, kept
from strategies import ROUNDING, STATE

from lava_predict.learning import readouts
from lava_predict.learning.traces import subtract_mean
from lava_predict.numerics.integers import FLOOR, NEAREST


@given(STATE)
def test_graded(z: int) -> None:
    nearest = math.floor(Fraction(z, 2**16) * 2**8 + Fraction(1, 2))
    assert readouts.fixed_graded(z) == min(max(nearest, 0), 2**8)
    assert readouts.fixed_graded(readouts.fixed_graded(z) << 8) == readouts.fixed_graded(z)


@pytest.mark.slow
@pytest.mark.parametrize("events", [1, 2, 3, 5])
@pytest.mark.parametrize("fused", [True, False])
def test_traces_less_means_are_read_in_ascending_order(events: int, fused: bool) -> None:
    """The same bits as sums of Python's floats, term by term; a sum in another order has others."""
    draws = np.random.default_rng(events)
    x, m, w = draws.random(101), draws.random((2, 101)), draws.normal(size=(events + 3, 101))
    xc, z = np.full(101, np.nan), np.full(events, np.nan)
    if fused:
        norm = readouts.read_centred(w, 3, x, m, 1, xc, z)
    else:
        subtract_mean(x, m, 1, xc)
        norm = readouts.read_rows(w, 3, xc, z)
    wanted = [trace - mean for trace, mean in zip(x.tolist(), m[1].tolist(), strict=True)]
    assert xc.tolist() == wanted
    assert norm == in_order(wanted, wanted)
    assert z.tolist() == [in_order(row, wanted) for row in w[3:].tolist()]
    assert z.tolist() != [in_order(row[::-1], wanted[::-1]) for row in w[3:].tolist()]


def in_order(left: list[float], right: list[float]) -> float:
    total = 0.0
    for one, other in zip(left, right, strict=True):
        total += one * other
    return total


PAYLOAD = st.integers(-(2**15), 2**15)


@pytest.mark.slow
@given(
    st.lists(st.tuples(STATE, PAYLOAD), min_size=1, max_size=20),
    st.integers(-(2**14), 2**14) | STATE,
    st.integers(0, 38),
    st.integers(0, 20),
    ROUNDING,
    st.integers(0, 2**64 - 1),
)
@example([(0, 2**15)], 2**14, 30, 0, NEAREST, 0)
@example([(0, -(2**15))], -(2**14), 30, 20, NEAREST, 0)
@example([(0, 2**15)], 2**14 + 1, 30, 0, NEAREST, 0)
@example([(HIGHEST, 2**15), (LOWEST, 2**15)], 2**14, 0, 0, FLOOR, 0)
def test_a_row_of_weights_moves(
    pairs: list[tuple[int, int]], change: int, shift: int, grain: int, rounding: int, key: int
) -> None:
    """By what plain integers say, by little and by much; what is beyond 24 bits is clipped and counted."""
    row, xc = (np.array(numbers, np.int32) for numbers in zip(*pairs, strict=True))
    row >>= grain
    row <<= grain
    change = min(max(change, -(1 << (shift + 14))), 1 << (shift + 14))
    wanted = [
        weight + kept(change * x, shift, grain, ROUNDINGS[rounding], field_of(fold(key, 5 + j), 0))
        for j, (weight, x) in enumerate(zip(row.tolist(), xc.tolist(), strict=True))
    ]
    lost = readouts.fixed_add_to_row(row, xc, np.int32(change), shift, grain, rounding, np.uint64(key), 5)
    assert row.tolist() == [min(max(weight, LOWEST), HIGHEST) for weight in wanted]
    assert lost == sum(not LOWEST <= weight <= HIGHEST for weight in wanted)
