"""How physical values become integers: the plan of a network, entry by entry, and what each value loses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lava_predict.errors import Caution, check_kind
from lava_predict.numerics.integers import FLOOR, MOST_FRACTION, NEAREST, STATE_BITS, STOCHASTIC
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.files import load_preset
from lava_predict.settings.schema import FixedSettings

MOST_ERROR = 0.01
"""A constant whose relative error is above this is warned of."""

MOST_ZEROED = 0.05
"""A connection of which more than this share of weights falls to zero is warned of."""

MOST_FACTOR_FRACTION = 40
"""Most fraction bits of a factor, unless it says otherwise."""

_AT_A_TIME = 2**18
"""Weights that are quantised at a time."""

ROUNDINGS = {"nearest": NEAREST, "floor": FLOOR, "stochastic": STOCHASTIC}
"""The kernels' number of each ``fixed.rounding``."""


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
        How many values were beyond the range, became zero, and are there.
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
                f"{what}: {self.clipped} of {self.count} exceed the range of {self.bits} bits with "
                f"{self.fraction_bits} behind the point",
                f"{remedy} {self.setting}",
            )
        if self.is_weight and self.zeroed > MOST_ZEROED * self.count:
            share = f"{self.zeroed} of {self.count} weights ({self.zeroed / self.count:.0%})"
            return Caution(f"{what}: {share} became zero", f"raise {self.setting}")
        if not self.is_weight and self.error > MOST_ERROR:
            remedy = "raise" if self.setting.startswith("fixed.") else "change"
            return Caution(f"{what}: relative error {self.error:.2%}", f"{remedy} {self.setting}")
        return None


@dataclass(frozen=True)
class Plan:
    """How every parameter is held: an `Entry` for each."""

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


def loihi_style(settings: FixedSettings | Mapping[str, Any] | None) -> FixedSettings:
    """Complete word lengths with the presets' own: 24-bit states, 16-bit factors, 8-bit weights.

    Raises a UserError for anything but FixedSettings, some of their values by name, or None.
    """
    if isinstance(settings, FixedSettings):
        return settings
    some = {} if settings is None else settings
    check_kind("fixed", some, Mapping, "settings of the section fixed, such as {'v_bits': 20}")
    return load_preset("robust", {f"fixed.{key}": value for key, value in some.items()}).fixed


def to_integer(value: np.ndarray | float, fraction_bits: int, rounding: str) -> np.ndarray:
    """Return value * 2^fraction_bits as int64, rounded to the nearest (half up) or down."""
    scaled = np.asarray(value, np.float64) * 2.0**fraction_bits
    rounded: np.ndarray = np.floor(scaled + (0.5 if rounding == "nearest" else 0.0)).astype(np.int64)
    return rounded


def fraction_bits_for(largest: float, bits: int, most: int = MOST_FACTOR_FRACTION, least: int = 0) -> int:
    """Return the most fraction bits, ``least`` .. ``most``, with which a magnitude fits an unsigned word.

    With fewer than 0 an integer stands for more than itself. Where nothing fits the result is ``least``, and
    then `to_integer`'s result must be clipped.
    """
    fraction = most if largest > 0.0 else min(0, most)
    while fraction > least and math.floor(largest * 2.0**fraction + 0.5) > 2**bits - 1:
        fraction -= 1
    return max(fraction, least)


class Planner:
    """Quantises one parameter after the other and keeps the entries.

    Parameters
    ----------
    settings : FixedSettings
        Word lengths and rounding.
    """

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
        given = {"name": name, "unit": unit, "setting": setting, "bits": bits, "fraction_bits": fraction_bits}
        self._note(values, held, wanted, error=error, **given)
        return held

    def factor(
        self,
        name: str,
        value: np.ndarray | float,
        unit: str = "",
        least: int = 0,
        most: int = MOST_FACTOR_FRACTION,
    ) -> tuple[np.ndarray, int]:
        """Quantise a factor with as many fraction bits as its word allows; return it and these."""
        bits = self.settings.parameter_bits - 1
        largest = float(np.max(np.abs(value), initial=0.0))
        fraction = fraction_bits_for(largest, bits, most, least)
        return self.hold(name, value, unit, "fixed.parameter_bits", bits, fraction), fraction

    def decay(self, name: str, tau: float, dt: float) -> int:
        """Quantise a decay of a step; its error is that of the time constant."""
        bits = self.settings.decay_bits
        value = decay_of_step(dt, tau)
        wanted = to_integer(value, bits, self.settings.constant_rounding)
        held = np.minimum(wanted, 2**bits - 1)
        kept = -dt / math.log(float(held) / 2.0**bits) if held > 0 else 0.0
        error = abs(kept - tau) / tau
        given = {"name": name, "unit": "", "setting": "fixed.decay_bits", "bits": bits, "fraction_bits": bits}
        self._note(np.asarray(value), held, wanted, error=error, **given)
        return int(held)

    def decays(
        self, name: str, tau: np.ndarray, dt: float, most: int = MOST_FRACTION
    ) -> tuple[np.ndarray, int]:
        """Quantise a decay of each cell as factors below 1; the error is that of the time constants."""
        # All of a decay's bits lie behind the point.
        least = self.settings.parameter_bits - 1
        held, fraction = self.factor(name, decay_of_step(dt, tau), least=least, most=most)
        with np.errstate(divide="ignore"):
            kept = -dt / np.log(held * 2.0**-fraction)
        error = float(np.max(np.abs(kept - tau) / tau))
        self.entries[-1] = replace(self.entries[-1], error=error)
        return held, fraction

    def weights(
        self,
        name: str,
        value: np.ndarray,
        unit: str = "mV/ms",
        each: float = 1.0,
        into: np.ndarray | None = None,
    ) -> tuple[np.ndarray, int]:
        """Quantise the weights of one sign to their shared exponent; return them and the fraction bits.

        ``value`` is in multiples of ``each``. Only a part of it at a time is turned into floats, as there may
        be many; ``into``, int16, is filled if it is given.
        """
        settings = self.settings
        bits = settings.weight_bits
        # What is finer than the grid of s, or beyond its range, would be lost there.
        room = 2.0 ** (STATE_BITS - 1 - settings.fraction_bits)
        finest = settings.fraction_bits - (STATE_BITS - settings.s_bits)
        low, high = float(value.min(initial=0)) * each, float(value.max(initial=0)) * each
        largest = max(-low, high)
        fraction = fraction_bits_for(min(largest, room), bits, finest, -STATE_BITS)
        sign = -1 if low < 0 else 1
        limit = min(2**bits - 1, math.floor(room * 2.0**fraction))
        held: np.ndarray = np.empty(value.shape, np.int16) if into is None else into
        flat, filled = value.reshape(-1), held.reshape(-1)
        square = off = 0.0
        clipped = zeroed = 0
        for start in range(0, flat.size, _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            real = flat[part] * each
            wanted = sign * to_integer(np.abs(real), fraction, settings.constant_rounding)
            filled[part] = kept = np.clip(wanted, -limit, limit)
            square += float(np.sum(real**2))
            off += float(np.sum((kept * 2.0**-fraction - real) ** 2))
            clipped += int(np.sum(wanted != kept))
            zeroed += int(np.sum((kept == 0) & (real != 0.0)))
        if flat.size:
            entry = Entry(
                name=name,
                unit=unit,
                setting="fixed.fraction_bits" if largest > room else "fixed.weight_bits",
                low=float(flat.min()) * each,
                high=float(flat.max()) * each,
                integer_low=int(held.min()),
                integer_high=int(held.max()),
                bits=bits,
                fraction_bits=fraction,
                error=math.sqrt(off / square) if square > 0 else 0.0,
                count=int(flat.size),
                clipped=clipped,
                zeroed=zeroed,
                is_weight=True,
            )
            self.entries.append(entry)
        return held, fraction

    def approximation(self, name: str, setting: str, wanted: float, error: float) -> None:
        """Keep a value that something else has approximated, with its relative error."""
        none = ("integer_low", "integer_high", "bits", "fraction_bits", "clipped", "zeroed")
        nothing: dict[str, Any] = dict.fromkeys(none, 0)
        entry = Entry(name, "", setting, low=wanted, high=wanted, error=abs(error), count=1, **nothing)
        self.entries.append(entry)

    def signed_weights(self, name: str, value: np.ndarray, extra: int = 0) -> tuple[np.ndarray, list[int]]:
        """Quantise weights of both signs, each sign to its own exponent.

        Parameters
        ----------
        name, value : str, ndarray of float64
            What they are, and the weights in mV / ms.
        extra : int
            Fraction bits that come with the spike.

        Returns
        -------
        weight, shifts : ndarray of int16, list of int
            ``weight_bits`` and sign; and the shifts from the weights' (and the spike's) to F fraction bits,
            for positive and for negative weights.
        """
        held = np.zeros(value.shape, np.int16)
        shifts = []
        for sign, chosen in (("", value > 0), (", negative", value < 0)):
            held[chosen], fraction = self.weights(f"{name}{sign}", value[chosen])
            shifts.append(self.settings.fraction_bits - fraction - extra)
        return held, shifts

    def grain(self, name: str) -> int:
        """Return how many of the lowest of 24 bits ``fixed.<name>_bits`` keeps at 0."""
        return STATE_BITS - int(getattr(self.settings, f"{name}_bits"))

    @property
    def plan(self) -> Plan:
        """What became of the parameters so far."""
        return Plan(tuple(self.entries))

    def _note(self, values: np.ndarray, held: np.ndarray, wanted: np.ndarray, **given: Any) -> None:
        """Enter a parameter in the plan: its values, the integers that hold them, and those that would."""
        if not values.size:
            return
        entry = Entry(
            low=float(values.min()),
            high=float(values.max()),
            integer_low=int(held.min()),
            integer_high=int(held.max()),
            clipped=int(np.sum(wanted != held)),
            zeroed=int(np.sum((held == 0) & (values != 0.0))),
            count=int(values.size),
            **given,
        )
        self.entries.append(entry)
