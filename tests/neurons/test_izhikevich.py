"""An Izhikevich cell in integers against exact numbers, and the limits of its step in both arithmetics.

tests/analysis has the float cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_numbers import exact, integer_of, rounded
from hypothesis import given
from hypothesis import strategies as st
from strategies import STATE, magnitudes, signed

from lava_predict import UserError, load_preset
from lava_predict.analysis.single_cell import simulate_fixed, simulate_float
from lava_predict.neurons import izhikevich
from lava_predict.numerics.integers import FLOOR, NEAREST
from lava_predict.numerics.plan import Planner


def constants_of(word: dict[str, Any], dt: float, a: float, b: float) -> tuple[Any, int, int]:
    """Quantise one cell; return its constants, a dt and b."""
    parameters = izhikevich.Parameters(*(np.array([value]) for value in (a, b, -65.0, 8.0, 0.0)))
    planner = Planner(load_preset("smoke").fixed.model_copy(update=word))
    cells, constants = izhikevich.quantise(planner, parameters, dt)
    return constants, int(cells.a[0]), int(cells.b[0])


CELLS = given(
    st.builds(
        lambda fraction, bits, grain: {"fraction_bits": fraction, "parameter_bits": bits, "v_bits": grain},
        st.integers(0, 23),
        st.integers(2, 16),
        st.just(24) | st.integers(2, 24),
    ),
    magnitudes(0.01, 1.0),
    magnitudes(1e-9, 1e6),
    signed(1e-6, 1e6),
    *(STATE,) * 4,
    st.sampled_from([NEAREST, FLOOR]),
)


@pytest.mark.slow
@CELLS
def test_half_step_and_recover_equal_apytypes(
    word: dict[str, int], dt: float, a: float, b: float, v: int, u: int, s: int, steady: int, rounding: int
) -> None:
    k, a_dt, b_held = constants_of(word | {"u_bits": word["v_bits"]}, dt, a, b)
    F, E = word["fraction_bits"], k.v_shift
    v = min(max(v, k.lowest), k.peak)
    w = exact(v, 24, F) + exact(k.vertex, 24, F)
    t = rounded(w * exact(k.square, 16, k.square_shift - F + E), E, rounding)
    drive = (exact(steady, 24, F) + exact(s, 24, F) - exact(u, 24, F) - exact(k.rest, 24, F)) * exact(
        k.half_step, 24, E
    )
    grid = F - k.v_grain
    change = rounded(t * w + drive, grid, rounding)
    moved = rounded(exact(v, 24, F) + change, F, rounding)
    cuts = izhikevich.fixed_cuts(k, rounding, np.uint64(0), False)
    given_drive = (steady + s - u - k.rest) * k.half_step
    found = izhikevich.half_step(np.int32(v), given_drive, k, cuts.square, cuts.first, cuts.v_mask)
    assert found == min(max(integer_of(moved), k.lowest), k.peak)

    target = rounded(exact(v, 24, F) * exact(b_held, 16, k.b_shift), F, rounding)
    change = rounded((target - exact(u, 24, F)) * exact(a_dt, 16, k.a_shift), grid, rounding)
    moved = rounded(exact(u, 24, F) + change, F, rounding)
    cell = (np.int32(number) for number in (v, u, a_dt, b_held))
    assert izhikevich.recover(*cell, k, cuts) == integer_of(moved)


FINE, COARSE = (load_preset("smoke").fixed.model_copy(update={"fraction_bits": bits}) for bits in (16, 10))
INHIBITION = np.array([-10.0, -50.0, -100.0, -150.0, -200.0, -250.0, -300.0, -500.0, -1000.0])


@pytest.mark.slow
@pytest.mark.parametrize("dt_ms", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("bits", [None, FINE, COARSE])
def test_no_cell_fires_because_it_is_inhibited(bits: Any, dt_ms: float) -> None:
    parameters = (np.full(INHIBITION.size, value) for value in (0.02, 0.2, -65.0, 8.0))
    how = {} if bits else {"dt_ms": dt_ms}
    simulate = simulate_fixed(bits, dt_ms) if bits else simulate_float
    _, cell = simulate(*parameters, INHIBITION, round(100 / dt_ms), **how)
    assert cell.size == 0


THRESHOLD = -62.5 + np.sqrt(16.25 / 0.04)  # where 0.04 v^2 + 5 v + 140 has its upper zero


@pytest.mark.slow
@given(
    v=st.floats(-128.0, THRESHOLD - 1e-6),
    u=st.floats(-100.0, 100.0),
    net=st.lists(st.floats(-2000.0, 0.0) | st.just(0.0), min_size=1, max_size=20),
    dt=st.sampled_from([1.0, 0.5, 0.1, 0.01]),
)
def test_a_cell_below_its_threshold_stays_there_while_inhibition_prevails(
    v: float, u: float, net: list[float], dt: float
) -> None:
    for drive in net:
        v, u = izhikevich.izhikevich(v, u, drive + u, 0.02, 0.2, dt)
        assert -128.0 <= v < THRESHOLD


@pytest.mark.slow
@given(
    a=magnitudes(1e-4, 1e3),
    b=signed(1e-3, 1e3),
    dt=st.sampled_from([1.0, 0.5, 0.1]),
    currents=st.lists(st.floats(-1000.0, 1000.0), min_size=1, max_size=30),
)
def test_recovery_within_the_limit_does_not_run_away(
    a: float, b: float, dt: float, currents: list[float]
) -> None:
    a *= min(1.0, 1.99 / float(izhikevich.recovery_share(a, b, dt)))
    share, v, u = a * dt, -65.0, -65.0 * b
    # A step takes u from u to (1 - share) u + share b v, and v lies within -128 .. 30.
    most = max(abs(u), share * abs(b) * 128.0 / (1.0 - abs(1.0 - share)))
    for current in currents * 10:
        v, u = izhikevich.izhikevich(v, u, current, a, b, dt)
        assert abs(u) <= most * (1.0 + 1e-9)


def test_recovery_beyond_the_limit_runs_away() -> None:
    found = []
    for a in (1.98, 2.02):
        assert (izhikevich.recovery_share(a, 0.0, 1.0) > izhikevich.MOST_RECOVERY) == (a > 2.0)
        v, u = -65.0, 0.1
        for _ in range(1000):
            v, u = izhikevich.izhikevich(v, u, 0.0, a, 0.0, 1.0)
        found.append(abs(u))
    assert found[0] < 1e-6
    assert found[1] > 1e6


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ("reservoir.excitatory.a=2.1", ["reservoir.excitatory.a", "2.1", "run.dt_ms = 1", "runs away"]),
        ("reservoir.inhibitory.b=250.0", ["reservoir.inhibitory.a", "b up to 250", "runs away"]),
        ("reservoir.inhibitory.c=-128.5", ["reservoir.inhibitory.c", "-128.5", "at least -128 mV"]),
    ],
)
def test_a_cell_that_the_step_cannot_follow_is_refused_by_name(cells: str, named: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        load_preset("robust", [cells])
    assert all(text in str(refused.value) for text in named)


def test_a_shorter_step_follows_a_faster_recovery() -> None:
    assert load_preset("robust", ["reservoir.excitatory.a=2.1", "run.dt_ms=0.5"]).run.dt_ms == 0.5
