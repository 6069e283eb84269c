"""What becomes of physical settings, checked with exact fractions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import plain_grid
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configurations

from lava_predict import Config, load_preset
from lava_predict.learning.when import annealed_delta
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import Network, draw_network
from lava_predict.numerics.columns import columns
from lava_predict.numerics.plan import Entry, Plan, Planner, fraction_bits_for

HALF = Fraction(1, 2) + Fraction(1, 10**6)
"""Of a unit; the physical values compared here are products rounded to float64."""


class Held(NamedTuple):
    """A parameter as it should be, and as it is held."""

    name: str
    physical: Sequence[Fraction]
    integers: Sequence[int]
    fraction_bits: int
    grain: int = 0
    lowest: int | None = None

    def off(self) -> list[Fraction]:
        """By how many units an integer is too low; a unit is the least step of the grid."""
        unit = Fraction(2) ** (self.grain - self.fraction_bits)
        return [
            value / unit - Fraction(integer, 2**self.grain)
            for value, integer in zip(self.physical, self.integers, strict=True)
        ]

    def limits(self, entry: Entry) -> tuple[int, int]:
        low = (
            -(2**entry.bits)
            if self.lowest is None
            else math.ceil(self.lowest / 2**self.grain) * 2**self.grain
        )
        return low, (2**entry.bits - 1) >> self.grain << self.grain

    def clipped(self, entry: Entry, half: Fraction = Fraction(1, 2)) -> list[bool]:
        """Whether the nearest integer, or with a ``half`` of 0 the one below, would be beyond the word."""
        low, high = self.limits(entry)
        unit = 2**self.grain
        nearest = [
            math.floor(value * Fraction(2) ** (self.fraction_bits - self.grain) + half) * unit
            for value in self.physical
        ]
        return [not low <= integer <= high for integer in nearest]


def fractions_of(values: Any) -> list[Fraction]:
    return [Fraction(value) for value in np.atleast_1d(values).tolist()]


def constants_held(config: Config, network: Network, made: FixedArithmetic) -> Iterator[Held]:
    """Gather all constants that are not weights or decays."""
    k, when, cells, word = made.constants.cells, made.constants.when, made.network.cells, config.fixed
    dt, drawn = Fraction(config.run.dt_ms), network.cells
    F = word.fraction_bits
    reservoir, readout = config.reservoir, config.readout
    noise = reservoir.noise * math.sqrt(1 / config.run.dt_ms) / 37837 * 2**F
    gain = (1 - plain_grid.decay(config.run.dt_ms, readout.tau_x_ms)) / config.run.dt_ms
    square = made.plan.entry("0.02 dt").fraction_bits
    when_rate = made.plan.entry("when rate").fraction_bits
    assert k.square_shift == F + square - k.v_shift
    assert when.when_shift == when_rate - word.readout_fraction_bits - 17
    assert k.v_shift == min(20, F + 5)
    yield Held("a dt", [a * dt for a in fractions_of(drawn.a)], cells.a.tolist(), k.a_shift)
    yield Held("b", fractions_of(drawn.b), cells.b.tolist(), k.b_shift)
    assert k.lowest == max(-(2**23), -128 * 2**F)
    yield Held("c", fractions_of(drawn.c), cells.c.tolist(), F, 24 - word.v_bits, k.lowest)
    yield Held("d", fractions_of(drawn.d), cells.d.tolist(), F, 24 - word.u_bits)
    yield Held("bias", fractions_of(drawn.bias), cells.bias.tolist(), F)
    yield Held("vertex", [Fraction("62.5")], [k.vertex], F)
    yield Held("rest", [Fraction("16.25")], [k.rest], F)
    yield Held("peak", [Fraction(30)], [k.peak], F, 24 - word.v_bits)
    yield Held("0.02 dt", [dt / 50], [k.square], square)
    yield Held("dt / 2", [dt / 2], [k.half_step], k.v_shift)
    yield Held(
        "noise / 37837",
        fractions_of(noise),
        [made.constants.inputs.noise_factor],
        made.constants.inputs.noise_shift,
    )
    yield Held("trace gain", fractions_of(gain), [when.trace_gain], 23, 24 - word.trace_bits)
    yield Held("16 dt / tau_m", [16 * dt / Fraction(readout.tau_m_ms)], [when.mean_rate], when.mean_shift)
    yield Held("constant input", fractions_of(readout.constant_input), [when.constant_input], 16)
    yield Held("norm floor", fractions_of(readout.when_norm_floor), [when.norm_floor], 32)
    rate = Fraction(readout.when_rate) * dt * Fraction(math.log(2))
    yield Held("when rate", [rate], [int(made._scales.gate)], when_rate)


def weights_held(config: Config, network: Network, made: FixedArithmetic, every: int = 1) -> Iterator[Held]:
    """Gather every so-manieth weight, each sign apart."""
    k, inputs, held, F = (
        made.constants.synapses,
        made.constants.inputs,
        made.network,
        config.fixed.fraction_bits,
    )
    network = network.wide()
    border = int(network.synapses.first[config.reservoir.excitatory_cells])
    drawn, integers = network.synapses.weight, columns(held.synapses).weight
    parts = [
        ("excitatory weights", drawn[:border], integers[:border], k.excitatory_shift),
        ("inhibitory weights", drawn[border:], integers[border:], k.inhibitory_shift),
    ]
    for name, drawn, integers, shifts in (
        ("input", network.input_weight, held.input_weight, (inputs.positive_shift, inputs.negative_shift)),
        (
            "feedback",
            network.feedback_weight,
            held.feedback_weight,
            (8 - inputs.feedback_positive_shift, 8 - inputs.feedback_negative_shift),
        ),
    ):
        for sign, chosen, shift in (("", drawn > 0, shifts[0]), (", negative", drawn < 0, shifts[1])):
            parts.append((f"{name} weights{sign}", drawn[chosen], integers[chosen], shift))
        assert not integers[drawn == 0].any()
    for name, drawn, integers, shift in parts:
        if drawn.size:
            # The shift leads from the weights' fraction bits to those of the state.
            yield Held(name, fractions_of(drawn[::every]), integers[::every].tolist(), F - shift)


def not_nearest(config: Config, network: Network, made: FixedArithmetic, every: int = 1) -> list[str]:
    """Name the constants of which an integer is neither the nearest nor at the end of its word.

    Of weights only every so-manieth is looked at.
    """
    wrong = []
    for held in constants_held(config, network, made):
        entry = made.plan.entry(held.name)
        for off, clipped in zip(held.off(), held.clipped(entry), strict=True):
            if abs(off) > HALF and not clipped and (held.name, held.integers[0]) != ("norm floor", 1):
                wrong.append(held.name)
    for held in weights_held(config, network, made, every):
        limit = weight_limit(config, held.fraction_bits)
        for off, value, integer in zip(held.off(), held.physical, held.integers, strict=True):
            beyond = abs(value) * Fraction(2) ** held.fraction_bits >= limit and abs(integer) == limit
            if abs(off) > HALF and not beyond:
                wrong.append(held.name)
    for name, tau, integer in decays_held(config, made):
        value = plain_grid.decay(config.run.dt_ms, tau) * 2**config.fixed.decay_bits
        if abs(integer - value) > HALF and integer != 2**config.fixed.decay_bits - 1:
            wrong.append(name)
    return sorted(set(wrong))


def decays_held(config: Config, made: FixedArithmetic) -> list[tuple[str, float, int]]:
    return [
        ("decay of s", config.reservoir.tau_s_ms, made.constants.synapses.decay),
        ("decay of x", config.readout.tau_x_ms, made.constants.when.trace_decay),
    ]


def weight_limit(config: Config, fraction_bits: int) -> int:
    """The greatest weight: that of its word, or what the range of a state leaves."""
    of_state = Fraction(2) ** (23 - config.fixed.fraction_bits + fraction_bits)
    return min(2**config.fixed.weight_bits - 1, math.floor(of_state))


def check_constants(config: Config, network: Network, made: FixedArithmetic) -> None:
    """Integers, range and error of everything but weights and decays."""
    floored = config.fixed.constant_rounding == "floor"
    for held in constants_held(config, network, made):
        entry = made.plan.entry(held.name)
        if held.name == "norm floor" and held.integers == [1]:
            continue  # Something to divide by is left even where the nearest is 0.
        low, high = held.limits(entry)
        assert all(low <= integer <= high for integer in held.integers)
        assert all(integer % 2**held.grain == 0 for integer in held.integers)
        off = held.off()
        clipped = held.clipped(entry, Fraction(0) if floored else Fraction(1, 2))
        if floored:
            assert all(
                abs(part - Fraction(1, 2)) <= HALF for part, out in zip(off, clipped, strict=True) if not out
            )
        else:
            assert entry.clipped == sum(clipped)
        assert entry.fraction_bits == held.fraction_bits
        assert entry.count == len(held.integers)
        assert (entry.integer_low, entry.integer_high) == (min(held.integers), max(held.integers))
        zeroed = sum(i == 0 and v != 0 for i, v in zip(held.integers, held.physical, strict=True))
        assert entry.zeroed == zeroed
        greatest = max(abs(value) for value in held.physical)
        errors = [
            abs(Fraction(integer) / Fraction(2) ** held.fraction_bits - value)
            / max(abs(value), greatest / 100)
            for integer, value in zip(held.integers, held.physical, strict=True)
            if greatest
        ]
        # Beside a value that is exact in binary the error is that of float64 products.
        assert entry.error == pytest.approx(float(max(errors, default=0)), rel=1e-6, abs=1e-12)


def check_factors(config: Config, made: FixedArithmetic) -> None:
    """Factors have as many fraction bits as fit: with one more the greatest would need another bit."""
    bits = config.fixed.parameter_bits - 1
    for name in ("a dt", "b", "0.02 dt", "noise / 37837", "16 dt / tau_m", "when rate"):
        entry = made.plan.entry(name)
        assert entry.bits == bits
        most = 32 if name in ("a dt", "b", "0.02 dt", "noise / 37837") else 40
        least = {"a dt": bits, "b": max(0, bits + 1 - 8), "noise / 37837": 4}.get(name, 0)
        assert 0 <= entry.fraction_bits <= most
        greatest = Fraction(max(abs(entry.low), abs(entry.high)))
        one_more = math.floor(greatest * Fraction(2) ** (entry.fraction_bits + 1) + Fraction(1, 2))
        if greatest:
            assert entry.fraction_bits >= least
        if greatest and entry.fraction_bits < most:
            assert one_more > 2**bits - 1
        if entry.fraction_bits > least:
            assert not entry.clipped


def check_weights(config: Config, network: Network, made: FixedArithmetic) -> None:
    word = config.fixed
    finest = word.fraction_bits - (24 - word.s_bits)
    for held in weights_held(config, network, made):
        entry = made.plan.entry(held.name)
        assert entry.is_weight
        assert (entry.fraction_bits, entry.bits, entry.count) == (
            held.fraction_bits,
            word.weight_bits,
            len(held.integers),
        )
        # On the grid of s, so that nothing is lost when they are added to it.
        assert held.fraction_bits <= finest
        limit = weight_limit(config, held.fraction_bits)
        for integer, value in zip(held.integers, held.physical, strict=True):
            assert abs(integer) <= limit
            assert integer == 0 or (integer > 0) == (value > 0)
        sizes = [abs(value) * Fraction(2) ** held.fraction_bits for value in held.physical]
        if word.constant_rounding == "nearest":
            nearest = [math.floor(size + Fraction(1, 2)) for size in sizes]
            assert [abs(integer) for integer in held.integers] == [min(size, limit) for size in nearest]
            assert entry.clipped == sum(size > limit for size in nearest)
        greatest = max(abs(integer) for integer in held.integers)
        if max(sizes) > 0 and held.fraction_bits not in (finest, -24):
            assert greatest + 1 >= 2 ** (word.weight_bits - 1)
        assert entry.zeroed == sum(
            integer == 0 and value != 0 for integer, value in zip(held.integers, held.physical, strict=True)
        )
        unit = Fraction(2) ** -held.fraction_bits
        lost = sum((i * unit - v) ** 2 for i, v in zip(held.integers, held.physical, strict=True))
        square = sum(value**2 for value in held.physical)
        wanted = math.sqrt(lost / square) if square else 0.0
        assert entry.error == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def check_decays(config: Config, made: FixedArithmetic) -> None:
    scale, dt = 2**config.fixed.decay_bits, config.run.dt_ms
    for name, tau, integer in decays_held(config, made):
        entry = made.plan.entry(name)
        assert 0 <= integer < scale
        value = plain_grid.decay(dt, tau) * scale
        nearest = math.floor(value + (0.5 if config.fixed.constant_rounding == "nearest" else 0.0))
        assert integer == min(nearest, scale - 1)
        assert entry.clipped == (nearest == scale)
        # What decays by integer / scale a step has this time constant.
        kept = -dt / math.log(integer / scale) if integer else 0.0
        assert entry.error == pytest.approx(abs(kept / tau - 1), rel=1e-9)


@pytest.mark.slow
@settings(max_examples=100)
@given(configurations())
def test_quantise_any_configuration(config: Config) -> None:
    network = draw_network(config)
    made = FixedArithmetic(config, network)
    check_constants(config, network, made)
    check_factors(config, made)
    check_weights(config, network, made)
    check_decays(config, made)
    if config.fixed.constant_rounding == "nearest":
        assert not_nearest(config, network, made) == []


@given(st.floats(0.0, 1e9, exclude_min=True), st.integers(1, 24), st.integers(-24, 40), st.integers(-24, 0))
def test_fraction_bits_for(largest: float, bits: int, most: int, least: int) -> None:
    found = fraction_bits_for(largest, bits, most, least)

    def fits(fraction: int) -> bool:
        return math.floor(Fraction(largest) * Fraction(2) ** fraction + Fraction(1, 2)) <= 2**bits - 1

    candidates = [fraction for fraction in range(least, most + 1) if fits(fraction)]
    assert found == max(candidates, default=least)


SLOW_RECOVERY = ("reservoir.excitatory.a=0.002", "reservoir.inhibitory.a=0.002")


RULE = dict.fromkeys(("robust", "smoke"), ("readout.rule=gated_delta",))
"""What presets of another rule are given; the plan of that rule is tested with it."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("preset", "overrides"),
    [("robust", ()), ("paper", ()), ("smoke", ()), ("robust", SLOW_RECOVERY)],
    ids=["robust", "paper", "smoke", "slow"],
)
def test_default_plan(preset: str, overrides: tuple[str, ...], seed: int) -> None:
    """Nothing to warn of, no constant off by more than 1 %, and every integer the nearest."""
    config = load_preset(preset, [*RULE.get(preset, ()), *overrides, f"run.seed={seed}"])
    network = draw_network(config)
    made = FixedArithmetic(config, network)
    assert made.plan.warnings == []
    constants = [entry for entry in made.plan.entries if not entry.is_weight]
    assert len(constants) >= 16
    assert all(entry.error <= 0.01 for entry in constants)
    assert not_nearest(config, network, made, 50) == []

    floored = config.model_copy(
        update={"fixed": config.fixed.model_copy(update={"constant_rounding": "floor"})}
    )
    found = not_nearest(floored, network, FixedArithmetic(floored, network), 50)
    assert {"0.02 dt", "excitatory weights", "input weights"} <= set(found)


@pytest.mark.parametrize("preset", ["robust", "smoke"])
def test_default_plan_of_the_annealed_rule(preset: str) -> None:
    config = load_preset(preset)
    made = FixedArithmetic(config, draw_network(config))
    assert made.plan.warnings == []
    assert all(entry.error <= 0.01 for entry in made.plan.entries if not entry.is_weight)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("fixed.parameter_bits=9", "readout.first_rate=0.9", "readout.when_norm_floor=0.3"),
        ("run.dt_ms=0.5", "readout.tau_x_ms=[3, 900]", "readout.tau_m_ms=3000"),
        ("run.dt_ms=0.3", "readout.first_rate=0.2", "readout.least_rate=0.2", "readout.protect=hebbian"),
    ],
    ids=["preset", "short words", "half steps", "protected"],
)
def test_the_annealed_rules_integers_are_the_nearest(overrides: tuple[str, ...]) -> None:
    """By the equations of docs/model.md and the formats of docs/fixed-point.md."""
    config = load_preset("smoke", ["readout.cue_weights=shared", *overrides])
    made = FixedArithmetic(config, draw_network(config))
    k, readout, dt = made.constants.when, config.readout, config.run.dt_ms
    bits = config.fixed.parameter_bits - 1

    decays = made.plan.entry("decay of x")
    tau = annealed_delta.time_constants_ms(config)
    assert (readout.tau_x_ms[0] <= tau).all()
    assert (tau <= readout.tau_x_ms[1]).all()
    assert k.decay_bits == decays.fraction_bits >= bits
    nearest = np.floor(plain_grid.decay(dt, tau) * 2.0**k.decay_bits + 0.5)
    np.testing.assert_array_equal(k.decay, np.minimum(nearest, 2**bits - 1))
    kept = -dt / np.log(k.decay * 2.0**-k.decay_bits)
    assert decays.error == pytest.approx(np.abs(kept / tau - 1).max(), rel=1e-9)

    rates = made.plan.entry("when rates")
    per_change = dt * (max(1, round(10 / dt)) if readout.protect == "hebbian" else 1) / 10
    wanted = []
    for occurrences in range(1000):
        rate = max(readout.least_rate, readout.first_rate / (1 + occurrences / 10))
        wanted.append(plain_grid.on_grid(1 - (1 - rate) ** per_change) * math.log(2) * 2**rates.fraction_bits)
    held = [k.rates[min(number, k.rates.size - 1)] for number in range(1000)]
    assert np.abs(np.array(held) - wanted).max() <= 0.5 + 1e-6
    assert max(held) < 2**bits <= 2 * max(wanted) + 1
    assert k.when_shift == rates.fraction_bits - config.fixed.readout_fraction_bits - 16

    assert k.norm_floor == math.floor(readout.when_norm_floor * 2**30 + 0.5)
    mean = made.plan.entry("slow mean")
    kept = 16 * dt * 2**k.mean_shift
    assert mean.error == pytest.approx(abs(kept / readout.tau_m_ms - 1), rel=1e-9)
    assert 2**-0.5 <= kept / readout.tau_m_ms <= 2**0.5


def plan_of(*overrides: str) -> Plan:
    config = load_preset("smoke", [*RULE["smoke"], *overrides])
    plan = FixedArithmetic(config, draw_network(config)).plan
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("setting", "value", "names"),
    [
        ("weight_bits", 1, ["excitatory weights", "inhibitory weights"]),
        ("weight_bits", 2, ["excitatory weights", "inhibitory weights"]),
        ("fraction_bits", 20, ["c", "vertex", "peak"]),
        ("decay_bits", 4, ["decay of s", "decay of x"]),
        ("parameter_bits", 4, ["a dt"]),
    ],
)
def test_trouble_is_warned_of(setting: str, value: int, names: list[str]) -> None:
    plan = plan_of(f"fixed.{setting}={value}")
    for name in names:
        warning = plan.entry(name).warning()
        assert warning.cause.startswith(name)
        assert f"fixed.{setting}" in warning.remedy
        assert warning in plan.warnings


def test_warnings_say_how_much_is_lost() -> None:
    clipped = plan_of("fixed.fraction_bits=20").entry("vertex")
    assert clipped.clipped == clipped.count == 1
    assert "1 of 1 exceed the range" in str(clipped.warning())
    assert "lower fixed.fraction_bits" in str(clipped.warning())
    few = plan_of("fixed.weight_bits=2").entry("excitatory weights")
    # Weights are even between 0 and the greatest: what is below half a unit falls to zero.
    lost = 2.0 ** -(few.fraction_bits + 1) / few.high
    assert few.zeroed / few.count == pytest.approx(lost, abs=0.02)
    assert f"{few.zeroed} of {few.count} weights" in str(few.warning())
    slow = plan_of("fixed.decay_bits=4").entry("decay of x")
    # exp(-1 / 75) * 16 = 15.79, which would be 16, no decay at all.
    assert (slow.integer_low, slow.clipped) == (15, 1)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 12])
@given(weights=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=20))
def test_weights_that_stand_alone(bits: int, weights: list[float]) -> None:
    word = load_preset("smoke").fixed.model_copy(update={"weight_bits": bits})
    held, shifts = Planner(word).signed_weights("weights", np.array(weights))
    for value, integer in zip(weights, held.tolist(), strict=True):
        unit = Fraction(2) ** (shifts[0 if value > 0 else 1] - word.fraction_bits)
        assert abs(integer * unit - Fraction(value)) <= unit / 2
