"""One step of an Izhikevich cell in integers against exact numbers; tests/analysis has the float cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from exact_numbers import exact, integer_of, rounded
from hypothesis import given
from hypothesis import strategies as st
from strategies import STATE, magnitudes, signed

from lava_predict import load_preset
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
