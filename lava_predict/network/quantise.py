"""Turns physical settings into the integers of the fixed-point network, and says what that costs.

Everything that a step multiplies by or adds is quantised here, once, from the same configuration and the
same drawn network as the float engine's; docs/fixed-point.md states the formats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lava_predict.errors import Caution, UserError, short
from lava_predict.learning.when.on_chip import (
    GATE_BITS,
    Approximation,
    OnChipConstants,
    OnChipPlan,
    OnChipScales,
    on_chip_constants,
)
from lava_predict.network import fixed_step as kernel
from lava_predict.network.draw import Network, excitatory_cells
from lava_predict.network.float_step import V_PEAK, StepConstants, noise_of_step, step_constants
from lava_predict.numerics.noise import NOISE_DEVIATION
from lava_predict.settings.files import load_preset
from lava_predict.settings.schema import Config, FixedSettings

VERTEX_MV = 62.5
REST = 16.25
"""0.04 v^2 + 5 v + 140 = 0.04 (v + VERTEX_MV)^2 - REST (completing Izhikevich's square)."""

LOWEST_MV = -4096.0
"""Lower bound of v and c, where the states' 24 bits reach further."""

LEADING_BIT = math.log(2.0)
"""One over the mean of m = norm / (its leading bit), 1 <= m < 2 and its logarithm uniform."""

MOST_ERROR = 0.01
"""A constant whose relative error is above this is warned of."""

MOST_ZEROED = 0.05
"""A connection of which more than this share of weights falls to zero is warned of."""

_MOST_FRACTION = 40
_LEAST_NOISE_FRACTION = 4  # With it the noise of a step is below 2^28.
_ROUNDINGS = {"nearest": kernel.NEAREST, "floor": kernel.FLOOR, "stochastic": kernel.STOCHASTIC}


class FixedNetwork(NamedTuple):
    """A drawn network in integers. N cells, S synapses, C input channels, K events.

    Attributes
    ----------
    a, b : (N,) int32
        a dt and b as factors of ``parameter_bits`` with sign; fraction bits in `FixedConstants`.
    c, d, bias : (N,) int32
        mV, mV and mV / ms, ``fraction_bits`` each.
    first, target : (N + 1,) int64, (S,) uint16
        Synapses, as in `Network`; int32 targets above 65,536 cells.
    weight : (S,) int16
        ``weight_bits`` and sign; one exponent for excitatory, one for inhibitory synapses.
    input_weight, feedback_weight : (C, N), (K, N) int16
        ``weight_bits`` and sign; one exponent for each sign.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    input_weight: np.ndarray
    feedback_weight: np.ndarray


_ON_CHIP_REMEDIES = {"when_rate": "fixed.on_chip_epoch", "constant_input": "readout.constant_input"}
"""What to change where the readout on Lava's learning engine holds a setting badly; else the time step."""


@dataclass(frozen=True)
class Entry:
    """What became of one parameter.

    Attributes
    ----------
    name, unit : str
        What it is.
    setting : str
        The ``fixed.*`` setting that decides how well it is held.
    low, high : float
        Least and greatest value; equal for a constant.
    integer_low, integer_high : int
        The integers that stand for them.
    bits, fraction_bits : int
        Word length without sign, and how many of the bits are behind the point.
    error : float
        Relative error. Of a constant or a cell's parameter the greatest over all cells, values below a
        hundredth of the greatest counting as that; of weights their root mean square error over their
        root mean square; of a decay that of its time constant.
    clipped, zeroed, count : int
        How many values were beyond the range, fell to zero, and are there.
    is_weight : bool
        Whether it is a connection's weights.
    """

    name: str
    unit: str
    setting: str
    low: float
    high: float
    integer_low: int
    integer_high: int
    bits: int
    fraction_bits: int
    error: float
    clipped: int
    zeroed: int
    count: int
    is_weight: bool = False

    def warning(self) -> Caution | None:
        """Say what is wrong with it and what to do; None if all is well."""
        values = f"{self.low:.4g}" if self.low == self.high else f"{self.low:.4g} .. {self.high:.4g}"
        what = f"{self.name} ({values}{' ' if self.unit else ''}{self.unit})"
        if self.clipped:
            remedy = "lower" if self.setting.endswith("fraction_bits") else "change"
            return Caution(
                f"{what}: {self.clipped} of {self.count} beyond the range of {self.bits} bits with "
                f"{self.fraction_bits} behind the point",
                f"{remedy} {self.setting}",
            )
        if self.is_weight and self.zeroed > MOST_ZEROED * self.count:
            share = f"{self.zeroed} of {self.count} weights ({self.zeroed / self.count:.0%})"
            return Caution(f"{what}: {share} fell to zero", f"raise {self.setting}")
        if not self.is_weight and self.error > MOST_ERROR:
            remedy = "raise" if self.setting.startswith("fixed.") else "change"
            return Caution(f"{what}: off by {self.error:.2%}", f"{remedy} {self.setting}")
        return None


@dataclass(frozen=True)
class Plan:
    """How every parameter is held.

    Attributes
    ----------
    entries : tuple of Entry
        One a parameter.
    """

    entries: tuple[Entry, ...]

    @property
    def warnings(self) -> list[Caution]:
        """What a user should know before a run; empty if all is well."""
        return [warning for entry in self.entries if (warning := entry.warning()) is not None]

    def entry(self, name: str) -> Entry:
        """Return the entry of a parameter; KeyError if there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)


class CellParameters(NamedTuple):
    """Izhikevich cells and their time step in physical units. N cells.

    Attributes
    ----------
    a, b, c, d, bias : (N,) float64
        Rate of recovery, 1 / ms, and its sensitivity to v; reset potential, mV; step of recovery and constant
        current, mV / ms.
    tau_s_ms, dt_ms : float
        Decay of the synaptic current, and time step.
    noise : float
        Standard deviation of the private current per 1 ms step, mV / ms.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    tau_s_ms: float
    dt_ms: float
    noise: float


class FixedCells(NamedTuple):
    """Izhikevich cells in integers. N cells.

    Attributes
    ----------
    a, b, c, d, bias : (N,) int32
        As in `FixedNetwork`.
    constants : FixedConstants
        What a step of the cells needs; all else in it is 0.
    plan : Plan
        What became of the parameters.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    constants: kernel.FixedConstants
    plan: Plan


class FixedWeights(NamedTuple):
    """Synapses' weights in integers, each sign with an exponent of its own.

    Attributes
    ----------
    weight : ndarray of int16
        ``weight_bits`` and sign.
    positive_shift, negative_shift : int
        From the weights' to ``fraction_bits`` fraction bits, by the weight's sign.
    plan : Plan
        What became of the weights.
    """

    weight: np.ndarray
    positive_shift: int
    negative_shift: int
    plan: Plan


NO_CHIP = OnChipConstants(*(0,) * len(OnChipConstants._fields))
"""Where the when rule is this package's own."""


class Quantised(NamedTuple):
    """The integer network, its constants and the plan that led to them."""

    network: FixedNetwork
    constants: kernel.FixedConstants
    rate_gate_scale: float
    chip_scales: OnChipScales | None
    plan: Plan


def loihi_style(settings: FixedSettings | None) -> FixedSettings:
    """Check word lengths, or give the presets' own: 24-bit states, 16-bit factors, 8-bit weights.

    Parameters
    ----------
    settings : FixedSettings or None
        What was asked for, if anything.

    Returns
    -------
    FixedSettings
        Word lengths.

    Raises
    ------
    ValueError
        If ``settings`` is something else.
    """
    if settings is None:
        return load_preset("robust").fixed
    if not isinstance(settings, FixedSettings):
        raise ValueError(
            f"fixed = {short(settings)}: must be FixedSettings, such as load_preset('robust').fixed"
        )
    return settings


def to_integer(value: np.ndarray | float, fraction_bits: int, rounding: str) -> np.ndarray:
    """Return value * 2^fraction_bits as int64, rounded to the nearest (half up) or down."""
    scaled = np.asarray(value, np.float64) * 2.0**fraction_bits
    rounded: np.ndarray = np.floor(scaled + (0.5 if rounding == "nearest" else 0.0)).astype(np.int64)
    return rounded


def to_state(value: np.ndarray, fraction_bits: int, grain: int) -> np.ndarray:
    """Round to the nearest number that a state can hold.

    Parameters
    ----------
    value : ndarray of float64
        In the unit that the fraction bits are of.
    fraction_bits : int
        Of the 24 bits, how many are behind the point.
    grain : int
        How many of the lowest bits are kept at 0.

    Returns
    -------
    ndarray of int32
        24 bits with sign, saturated.
    """
    nearest = np.floor(value * 2.0 ** (fraction_bits - grain) + 0.5) * 2.0**grain
    highest = (kernel.HIGHEST >> grain) << grain
    held: np.ndarray = np.clip(nearest, kernel.LOWEST, highest).astype(np.int32)
    return held


def fraction_bits_for(largest: float, bits: int, most: int = _MOST_FRACTION, least: int = 0) -> int:
    """Return the most fraction bits with which a magnitude still fits an unsigned word.

    Parameters
    ----------
    largest : float
        Greatest magnitude to hold.
    bits : int
        Word length without sign.
    most, least : int
        Bounds of the result; with fewer than 0 an integer stands for more than itself.

    Returns
    -------
    int
        ``least`` also where nothing fits, and then `to_integer`'s result must be clipped.
    """
    fraction = most if largest > 0.0 else min(0, most)
    while fraction > least and math.floor(largest * 2.0**fraction + 0.5) > 2**bits - 1:
        fraction -= 1
    return max(fraction, least)


class _Planner:
    """Quantises one parameter after the other and keeps the entries."""

    def __init__(self, settings: FixedSettings) -> None:
        self.settings = settings
        self.entries: list[Entry] = []

    def hold(
        self,
        name: str,
        value: np.ndarray | float,
        unit: str,
        setting: str,
        bits: int,
        fraction_bits: int,
        grain: int = 0,
        lowest: int | None = None,
    ) -> np.ndarray:
        """Quantise a parameter of the step to a word of so many bits beside the sign, from ``lowest`` on."""
        values = np.asarray(value, np.float64)
        rounding = self.settings.constant_rounding
        wanted = to_integer(values, fraction_bits - grain, rounding) << grain
        held = np.clip(wanted, -(2**bits) if lowest is None else lowest, ((2**bits - 1) >> grain) << grain)
        size = np.abs(values)
        scale = np.maximum(size, 0.01 * size.max(initial=0.0))
        off = np.abs(held * 2.0**-fraction_bits - values)
        error = float(np.max(off[scale > 0] / scale[scale > 0], initial=0.0))
        self._note(name, unit, setting, values, held, bits, fraction_bits, error, wanted)
        return held

    def factor(
        self, name: str, value: np.ndarray | float, unit: str = "", least: int = 0, most: int = _MOST_FRACTION
    ) -> tuple[np.ndarray, int]:
        """Quantise a factor with as many fraction bits as its word allows; return it and these."""
        bits = self.settings.parameter_bits - 1
        largest = float(np.max(np.abs(value), initial=0.0))
        fraction = fraction_bits_for(largest, bits, most, least)
        return self.hold(name, value, unit, "fixed.parameter_bits", bits, fraction), fraction

    def decay(self, name: str, tau: float, dt: float) -> int:
        """Quantise a decay of a step; its error is that of the time constant."""
        bits = self.settings.decay_bits
        value = math.exp(-dt / tau)
        wanted = to_integer(value, bits, self.settings.constant_rounding)
        held = np.minimum(wanted, 2**bits - 1)
        kept = -dt / math.log(float(held) / 2.0**bits) if held > 0 else 0.0
        error = abs(kept - tau) / tau
        values = np.asarray(value)
        self._note(name, "", "fixed.decay_bits", values, held, bits, bits, error, wanted)
        return int(held)

    def weights(self, name: str, value: np.ndarray, unit: str = "mV/ms") -> tuple[np.ndarray, int]:
        """Quantise the weights of one sign to their shared exponent; return them and the fraction bits."""
        settings = self.settings
        bits = settings.weight_bits
        # What is finer than the grid of s, or beyond its range, would be lost there.
        room = 2.0 ** (kernel.STATE_BITS - 1 - settings.fraction_bits)
        finest = settings.fraction_bits - (kernel.STATE_BITS - settings.s_bits)
        largest = float(np.max(np.abs(value), initial=0.0))
        fraction = fraction_bits_for(min(largest, room), bits, finest, -kernel.STATE_BITS)
        sign = -1 if np.any(value < 0) else 1
        wanted = sign * to_integer(np.abs(value), fraction, settings.constant_rounding)
        limit = min(2**bits - 1, math.floor(room * 2.0**fraction))
        held = np.clip(wanted, -limit, limit)
        square = float(np.sum(value**2))
        off = float(np.sum((held * 2.0**-fraction - value) ** 2))
        error = math.sqrt(off / square) if square > 0 else 0.0
        setting = "fixed.fraction_bits" if largest > room else "fixed.weight_bits"
        self._note(name, unit, setting, value, held, bits, fraction, error, wanted, True)
        return held.astype(np.int16), fraction

    def note_approximations(self, approximations: Sequence[Approximation]) -> None:
        """Keep what became of the settings of the readout on Lava's learning engine."""
        for approximation in approximations:
            self.entries.append(
                Entry(
                    name=f"on chip: {approximation.name}",
                    unit="",
                    setting=_ON_CHIP_REMEDIES.get(approximation.name, "run.dt_ms"),
                    low=approximation.wanted,
                    high=approximation.wanted,
                    integer_low=0,
                    integer_high=0,
                    bits=0,
                    fraction_bits=0,
                    error=abs(approximation.relative_error),
                    clipped=0,
                    zeroed=0,
                    count=1,
                )
            )

    def _note(
        self,
        name: str,
        unit: str,
        setting: str,
        values: np.ndarray,
        held: np.ndarray,
        bits: int,
        fraction_bits: int,
        error: float,
        wanted: np.ndarray,
        is_weight: bool = False,
    ) -> None:
        if not values.size:
            return
        self.entries.append(
            Entry(
                name=name,
                unit=unit,
                setting=setting,
                low=float(values.min()),
                high=float(values.max()),
                integer_low=int(held.min()),
                integer_high=int(held.max()),
                bits=bits,
                fraction_bits=fraction_bits,
                error=error,
                clipped=int(np.sum(wanted != held)),
                zeroed=int(np.sum((held == 0) & (values != 0.0))),
                count=int(values.size),
                is_weight=is_weight,
            )
        )


def quantise(config: Config, network: Network, norm: float | None = None) -> Quantised:
    """Turn a configuration and its drawn network into integers.

    Parameters
    ----------
    config : Config
        Its ``fixed`` section gives the word lengths; all else is physical.
    network : Network
        As `draw_network` draws it.
    norm : float, optional
        For the when rule on Lava's learning engine: mean |x|^2 of the uncentred traces with the constant
        input, plus the floor, spikes^2 per ms^2.

    Returns
    -------
    Quantised
        Network, constants and plan.

    Raises
    ------
    UserError
        If the settings of that engine do not fit it.
    """
    planner = _Planner(config.fixed)
    step = step_constants(config)
    cells, of_cells = _cells(planner, cell_parameters(config, network))
    synapses, synapse_shifts = _synapses(planner, config, network)
    inputs, input_shifts = _signed(planner, "input weights", network.input_weight, 0)
    feedback, feedback_shifts = _signed(
        planner, "feedback weights", network.feedback_weight, kernel.FEEDBACK_FRACTION
    )
    readout, scale = _readout(planner, config, step)
    chip = None if norm is None else _on_chip(planner, config, norm)
    constants = kernel.FixedConstants(
        **of_cells,
        **readout,
        first_inhibitory=excitatory_cells(config),
        excitatory_shift=synapse_shifts[0],
        inhibitory_shift=synapse_shifts[1],
        input_positive_shift=input_shifts[0],
        input_negative_shift=input_shifts[1],
        feedback_positive_shift=-feedback_shifts[0],
        feedback_negative_shift=-feedback_shifts[1],
        feedback=step.feedback,
        on_chip=chip is not None,
        chip=NO_CHIP if chip is None else chip.constants,
    )
    integers = FixedNetwork(
        **cells,
        first=network.first,
        target=network.target.astype(np.uint16 if network.a.size <= 2**16 else np.int32),
        weight=synapses,
        input_weight=inputs,
        feedback_weight=feedback,
    )
    if chip is not None:
        return Quantised(integers, constants, 2.0**GATE_BITS, chip.scales, Plan(tuple(planner.entries)))
    return Quantised(integers, constants, scale, None, Plan(tuple(planner.entries)))


def _on_chip(planner: _Planner, config: Config, norm: float) -> OnChipPlan:
    """Turn the when rule into what Lava's learning engine takes, and note how well that went."""
    settings, readout = config.fixed, config.readout
    try:
        plan = on_chip_constants(
            cells=config.reservoir.neurons,
            dt_ms=config.run.dt_ms,
            tau_x_ms=readout.tau_x_ms,
            when_rate=settings.on_chip_rate,
            norm=norm,
            constant_input=readout.constant_input,
            weight_range=settings.on_chip_weight_range,
            impulse=settings.on_chip_impulse,
            error_bits=settings.on_chip_error_bits,
            epoch=settings.on_chip_epoch or None,
        )
    except ValueError as error:
        raise UserError(
            f'fixed.learning = "on_chip": {error}; change that, or set fixed.learning = "own"'
        ) from None
    planner.note_approximations(plan.approximations)
    return plan


def cell_parameters(config: Config, network: Network) -> CellParameters:
    """Gather what is physical about a network's cells."""
    reservoir = config.reservoir
    cells = (network.a, network.b, network.c, network.d, network.bias)
    return CellParameters(*cells, reservoir.tau_s_ms, config.run.dt_ms, reservoir.noise)


def quantise_cells(settings: FixedSettings, cells: CellParameters) -> FixedCells:
    """Turn cells that stand alone into integers: the same ones as `quantise` gives for the same cells.

    Parameters
    ----------
    settings : FixedSettings
        Word lengths and rounding.
    cells : CellParameters
        N cells.

    Returns
    -------
    FixedCells
        Parameters, constants and plan.
    """
    planner = _Planner(settings)
    held, of_cells = _cells(planner, cells)
    no_readout: dict[str, Any] = dict.fromkeys(kernel.FixedConstants._fields, 0)
    no_readout |= {
        "chip": NO_CHIP,
        "on_chip": False,
        "centred": False,
        "moment_norm": False,
        "feedback": False,
    }
    constants = kernel.FixedConstants(**(no_readout | of_cells))
    return FixedCells(**held, constants=constants, plan=Plan(tuple(planner.entries)))


def quantise_weights(settings: FixedSettings, weight: np.ndarray) -> FixedWeights:
    """Turn weights that stand alone into integers: the same ones as `quantise` gives for all of a sign.

    Parameters
    ----------
    settings : FixedSettings
        Word lengths and rounding.
    weight : ndarray of float64
        mV / ms.

    Returns
    -------
    FixedWeights
        Weights, shifts and plan.
    """
    planner = _Planner(settings)
    held, (positive, negative) = _signed(planner, "weights", weight, 0)
    return FixedWeights(held, positive, negative, Plan(tuple(planner.entries)))


def _cells(planner: _Planner, cells: CellParameters) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Quantise the cells' parameters and the constants of their equation."""
    settings, dt = planner.settings, cells.dt_ms
    state, fraction = kernel.STATE_BITS - 1, settings.fraction_bits
    grains = {name: kernel.STATE_BITS - getattr(settings, f"{name}_bits") for name in ("v", "u", "s")}

    # 32 bits then hold what v moves by in a step, however few fraction bits there are.
    lowest = max(kernel.LOWEST, int(LOWEST_MV * 2**fraction))

    def current(
        name: str,
        value: np.ndarray | float,
        unit: str = "mV/ms",
        grain: int = 0,
        lowest: int | None = None,
    ) -> np.ndarray:
        return planner.hold(name, value, unit, "fixed.fraction_bits", state, fraction, grain, lowest)

    most = kernel.MOST_FRACTION
    a, a_shift = planner.factor("a dt", dt * cells.a, least=settings.parameter_bits - 1, most=most)
    # b v must fit 31 bits and sign, which it does up to |b| = 128.
    b, b_shift = planner.factor("b", cells.b, least=max(0, settings.parameter_bits - 8), most=most)
    c = current("c", cells.c, "mV", grains["v"], -(-lowest >> grains["v"] << grains["v"]))
    d = current("d", cells.d, "mV/ms", grains["u"])
    bias = current("bias", cells.bias)
    square, square_fraction = planner.factor("0.02 dt", 0.02 * dt, most=most)
    # So many that 0.02 (v + 62.5) fits 24 bits whatever the range of v.
    v_shift = min(kernel.MOST_FACTOR_FRACTION, fraction + 5)
    half = planner.hold("dt / 2", 0.5 * dt, "ms", "run.dt_ms", state, v_shift)
    noise, noise_shift = planner.factor(
        "noise / 37837",
        noise_of_step(cells.noise, dt) / NOISE_DEVIATION * 2.0**fraction,
        f"2^-{fraction} mV/ms",
        least=_LEAST_NOISE_FRACTION,
        most=most,
    )
    held = {"a": a, "b": b, "c": c, "d": d, "bias": bias}
    return {name: array.astype(np.int32) for name, array in held.items()}, {
        "vertex": int(current("vertex", VERTEX_MV, "mV")),
        "rest": int(current("rest", REST)),
        "peak": int(current("peak", V_PEAK, "mV", grains["v"])),
        "lowest": lowest,
        "square": int(square),
        "square_shift": fraction + square_fraction - v_shift,
        "half_step": int(half),
        "v_shift": v_shift,
        "a_shift": a_shift,
        "b_shift": b_shift,
        "noise_factor": int(noise),
        "noise_shift": noise_shift,
        "synapse_decay": planner.decay("decay of s", cells.tau_s_ms, dt),
        "decay_bits": settings.decay_bits,
        "rounding": _ROUNDINGS[settings.rounding],
        **_grains(grains),
    }


def _grains(grains: dict[str, int]) -> dict[str, int]:
    """Name the bits that are kept at 0, and the masks that keep them so."""
    masks = {f"{name}_mask": -(1 << grain) for name, grain in grains.items()}
    return {**{f"{name}_grain": grain for name, grain in grains.items()}, **masks}


def _synapses(planner: _Planner, config: Config, network: Network) -> tuple[np.ndarray, list[int]]:
    """Quantise the recurrent weights, each sign to its own exponent; give the shifts to the state's grid."""
    weight = np.zeros(network.weight.size, np.int16)
    border = int(network.first[excitatory_cells(config)])
    shifts = []
    for name, part in (("excitatory", slice(0, border)), ("inhibitory", slice(border, None))):
        weight[part], fraction = planner.weights(f"{name} weights", network.weight[part])
        shifts.append(config.fixed.fraction_bits - fraction)
    return weight, shifts


def _signed(planner: _Planner, name: str, value: np.ndarray, extra: int) -> tuple[np.ndarray, list[int]]:
    """Quantise weights of both signs, each sign to its own exponent; ``extra`` bits come with the spike."""
    held = np.zeros(value.shape, np.int16)
    shifts = []
    for sign, chosen in (("", value > 0), (", negative", value < 0)):
        held[chosen], fraction = planner.weights(f"{name}{sign}", value[chosen])
        shifts.append(planner.settings.fraction_bits - fraction - extra)
    return held, shifts


def _readout(planner: _Planner, config: Config, step: StepConstants) -> tuple[dict[str, Any], float]:
    """Quantise traces and learning; give the constants, and the scale of rate times gate."""
    settings = config.fixed
    state = kernel.STATE_BITS - 1
    grains = {
        name: kernel.STATE_BITS - getattr(settings, f"{name}_bits") for name in ("trace", "mean", "readout")
    }
    gain = planner.hold(
        "trace gain",
        step.trace_gain,
        "1/ms",
        "fixed.trace_bits",
        state,
        kernel.TRACE_FRACTION,
        grains["trace"],
    )
    mean_rate, mean_shift = planner.factor("16 dt / tau_m", kernel.MEAN_EVERY * step.mean_rate)
    payload = (kernel.PAYLOAD_BITS - 1, kernel.PAYLOAD_FRACTION)
    constant = planner.hold("constant input", step.constant_input, "1/ms", "readout.constant_input", *payload)
    floor = planner.hold(
        "norm floor",
        step.norm_floor,
        "1/ms^2",
        "readout.when_norm_floor",
        _MOST_FRACTION,
        2 * kernel.PAYLOAD_FRACTION,
    )
    rate, rate_fraction = planner.factor("when rate", step.when_rate * LEADING_BIT, "ln 2")
    residual = rate * 2.0**-rate_fraction * config.readout.gate_residual
    if residual > 0.0:
        name = "when rate * residual gate"
        planner.hold(
            name, residual, "ln 2", "fixed.parameter_bits", settings.parameter_bits - 1, rate_fraction
        )
    return {
        "trace_decay": planner.decay("decay of x", config.readout.tau_x_ms, step.dt),
        "trace_gain": int(gain),
        "mean_rate": int(mean_rate),
        "mean_shift": mean_shift,
        **_grains(grains),
        "constant_input": int(constant),
        "norm_floor": max(int(floor), 1),
        "when_shift": rate_fraction - settings.readout_fraction_bits - kernel.PAYLOAD_FRACTION - 1,
        "readout_fraction": settings.readout_fraction_bits,
        "centred": step.centred,
        "moment_norm": step.moment_norm,
    }, float(rate)
