"""What library functions give is put on a grid, and what they give elsewhere is put on the same numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import plain_grid
import pytest

from lava_predict.numerics.draws import values_of
from lava_predict.numerics.grid import kernel_on_grid, on_grid
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Spread

RNG = np.random.default_rng(1)
SPREAD = RNG.standard_normal(500) * 2.0 ** RNG.integers(-900, 900, 500)
VALUES = np.concatenate(([0.0, 1.0, -1.0, 1 / 3], SPREAD))


def test_numbers_are_the_nearest_of_24_significant_bits() -> None:
    found = on_grid(VALUES)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, plain_grid.on_grid(VALUES))
    mantissa = np.frexp(found)[0] * 2.0**24
    np.testing.assert_array_equal(mantissa, np.rint(mantissa))
    assert (np.abs(found - VALUES) <= np.abs(VALUES) * 2.0**-24).all()
    np.testing.assert_array_equal(on_grid(found), found)


def test_kernels_and_python_put_them_on_the_same_grid() -> None:
    assert [kernel_on_grid(value) for value in VALUES] == on_grid(VALUES).tolist()
    assert isinstance(on_grid(0.1), float)


def test_numbers_that_differ_in_the_last_bits_become_the_same() -> None:
    base = np.exp(-RNG.random(10_000))
    for bits in (-4, -1, 1, 4):
        off = (base.view(np.int64) + bits).view(np.float64)
        assert (off != base).all()
        np.testing.assert_array_equal(on_grid(off), on_grid(base))


@pytest.mark.parametrize("tau", [0.1, 1.0, 75.0, 8192.0, 1e6, 1e9])
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_decay_keeps_its_time_constant_however_long_that_is(dt: float, tau: float) -> None:
    lost = 1 - Fraction(decay_of_step(dt, tau))
    x = Fraction(dt) / Fraction(tau)
    # The share that is lost, by the series of exp.
    wanted, term = Fraction(0), Fraction(-1)
    for n in range(1, 60):
        term *= -x / n
        wanted += term
    assert abs(lost / wanted - 1) < 2.0**-23
    assert decay_of_step(dt, tau) == pytest.approx(math.exp(-dt / tau), abs=2.0**-24)


def test_decays_of_many_cells_are_those_of_each() -> None:
    tau = RNG.uniform(1.0, 200.0, 50)
    assert decay_of_step(0.5, tau).tolist() == [decay_of_step(0.5, one) for one in tau]


def spread(start: float, stop: float, power: float, scale: str) -> Spread:
    return Spread.model_validate(
        {"start": start, "stop": stop, "power": power, "scale": scale, "draw": "own"}
    )


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("power", [1.0, 2.0, 0.7])
def test_parameters_are_those_of_their_spread(power: float, scale: str) -> None:
    r = RNG.random(1000)
    found = values_of(spread(0.003, 0.02, power, scale), r)
    place = r**power
    wanted = 0.003 * (0.02 / 0.003) ** place if scale == "log" else 0.003 + 0.017 * place
    np.testing.assert_allclose(found, wanted, rtol=2.0**-22)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_parameter_without_spread_stays_as_it_is_set(scale: str) -> None:
    assert values_of(spread(0.2, 0.2, 1.0, scale), RNG.random(10)).tolist() == [0.2] * 10


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_parameters_do_not_depend_on_the_last_bits_of_library_functions(
    scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = RNG.random(1000)
    here = values_of(spread(0.003, 0.02, 2.0, scale), r)
    exp = np.exp
    monkeypatch.setattr(np, "exp", lambda x: exp(x) * (1.0 - 2.0**-52))
    there = values_of(spread(0.003, 0.02, 2.0, scale), r)
    np.testing.assert_array_equal(here, there)
