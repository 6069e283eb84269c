"""What a sweep runs: settings with several values or a range, their combinations, and seeds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from lava_predict.engines import engine_options
from lava_predict.errors import UserError, short
from lava_predict.network.arithmetic import fixed_parts
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.sweeps.study import learn_task
from lava_predict.work.digest import digest_of
from lava_predict.work.unit import Unit, unit

Configured = Callable[[list[str]], Config]
"""Lays texts ``section.key=value`` over the settings that all runs share."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}?)\.\.({_NUMBER})(:\w*)?")
_OPENING, _CLOSING = "[{(", "]})"


@dataclass(frozen=True)
class Values:
    """A setting and the values that it takes, as texts."""

    key: str
    texts: tuple[str, ...]

    def described(self) -> Any:
        """Return plain values that tell this one from others."""
        return list(self.texts)


@dataclass(frozen=True)
class Range:
    """A setting that a search chooses from ``low`` to ``high``, both included; uniformly in ``log`` if so.

    ``whole`` says whether the setting is a whole number.
    """

    key: str
    low: float
    high: float
    log: bool
    whole: bool

    def described(self) -> Any:
        """Return plain values that tell this one from others."""
        return {"low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True)
class Search:
    """A search: how many combinations it tries in all, and ``batch`` of them before it learns from them."""

    trials: int
    batch: int


@dataclass(frozen=True)
class Point:
    """A combination of values, by setting, and the whole configuration with them."""

    number: int
    settings: Mapping[str, str]
    config: Config


@dataclass(frozen=True)
class Plan:
    """A sweep that has been checked.

    Attributes
    ----------
    configured : callable
        Makes the configuration of a combination, given its settings as texts.
    fixed : tuple of str
        Settings that all combinations share, as texts ``section.key=value``.
    swept : tuple of Values or Range
        What differs.
    seeds : tuple of int
        Of each combination; they replace ``run.seed``.
    precision : str
        "float" or "fixed".
    search : Search or None
        None for a grid: every combination of the values.
    """

    configured: Configured
    fixed: tuple[str, ...]
    swept: tuple[Values | Range, ...]
    seeds: tuple[int, ...]
    precision: str
    search: Search | None = None

    @cached_property
    def first(self) -> Config:
        """The configuration with the first value, or the low end, of every setting that is swept."""
        return self.point(0, self._ends()[0]).config

    @property
    def runs(self) -> int:
        """How many runs there are."""
        lists = [len(one.texts) for one in self.swept if isinstance(one, Values)]
        return len(self.seeds) * (math.prod(lists) if self.search is None else self.search.trials)

    def point(self, number: int, settings: Mapping[str, str]) -> Point:
        """Return a combination of values; raises a UserError if it is not valid or cannot be run."""
        texts = [f"{key}={text}" for key, text in settings.items()]
        config = self.configured([*self.fixed, *texts])
        engine_options("cpu", self.precision, {}, config)
        if self.precision == "fixed":
            fixed_parts(config)
        return Point(number, settings, config)

    @cached_property
    def grid(self) -> list[Point]:
        """Every combination of the values, those of the last setting changing fastest."""
        lists = [one.texts for one in self.swept if isinstance(one, Values)]
        keys = [one.key for one in self.swept]
        return [
            self.point(number, dict(zip(keys, texts, strict=True)))
            for number, texts in enumerate(product(*lists))
        ]

    def described(self) -> dict[str, Any]:
        """Return plain values that tell this sweep from others.

        The number of a search's trials is not among them, as a search may go on.
        """
        return {
            "preset": self.first.preset,
            "precision": self.precision,
            "seeds": list(self.seeds),
            "swept": {one.key: one.described() for one in self.swept},
            "search": None if self.search is None else {"sampler": "optuna", "batch": self.search.batch},
            "settings": digest_of(self.first.to_dict()),
        }

    def check(self) -> None:
        """Raise a UserError if a value is bad, or two combinations of a grid are the same settings."""
        if self.search is not None:
            for settings in self._ends():
                self.point(0, settings)
            return
        seen: dict[str, Point] = {}
        for point in self.grid:
            other = seen.setdefault(digest_of(point.config.to_dict()), point)
            if other is not point:
                raise UserError(
                    f"--set {in_words(point.settings)}: gives the same settings as "
                    f"{in_words(other.settings)}; give each value once"
                )

    def _ends(self) -> list[dict[str, str]]:
        """Return settings in which each swept setting takes each listed value or end of its range."""
        ends = {
            one.key: one.texts if isinstance(one, Values) else (as_text(one.low), as_text(one.high))
            for one in self.swept
        }
        first = {key: texts[0] for key, texts in ends.items()}
        return [first, *(first | {key: text} for key, texts in ends.items() for text in texts[1:])]


def planned(
    configured: Configured,
    settings: Sequence[str],
    seeds: Sequence[int],
    precision: str = "float",
    search: Search | None = None,
) -> Plan:
    """Check a sweep before anything is run.

    Parameters
    ----------
    configured : callable
        Makes a `Config` of texts ``section.key=value``, for instance ``partial(load_preset, "smoke")``.
    settings : sequence of str
        ``section.key=value``, with values between commas for a setting that is swept. For a search also
        ``section.key=LOW..HIGH``, or ``LOW..HIGH:log`` for a logarithmic scale.
    seeds : sequence of int
        Of each combination.
    precision : str
        "float" or "fixed".
    search : Search, optional
        Without it, every combination is run.

    Raises
    ------
    UserError
        If there is one run only, a setting is given twice, or a key or value is bad.
    """
    fixed: dict[str, str] = {}
    swept: list[Values | Range] = []
    for text in settings:
        key, equals, value = text.partition("=")
        key = key.strip()
        if key in fixed or key in [one.key for one in swept]:
            raise UserError(f"--set {text!r}: {key} is given twice; give it once, with all its values")
        one = _range(key, value.strip()) if equals else None
        values = _split(value)
        if one is not None:
            swept.append(one)
        elif len(values) > 1:
            swept.append(_values(text, key, values))
        else:
            fixed[key] = text
    _check_swept(swept, seeds, precision, search)
    ends = Plan(configured, tuple(fixed.values()), tuple(swept), tuple(seeds), precision, search)
    plan = Plan(
        configured,
        ends.fixed,
        tuple(_whole_where_it_must_be(one, ends.first) for one in swept),
        ends.seeds,
        precision,
        search,
    )
    plan.check()
    return plan


def in_words(settings: Mapping[str, str]) -> str:
    """Write a combination of values."""
    return ", ".join(f"{key}={text}" for key, text in settings.items())


def as_text(value: float | str) -> str:
    """Write a value so that reading it gives the same one."""
    return value if isinstance(value, str) else repr(value)


def units_of(plan: Plan, point: Point) -> dict[int, Unit]:
    """Return the unit of work of each seed of a combination."""
    return {
        seed: unit(learn_task, with_changes(point.config, (), seed), precision=plan.precision)
        for seed in plan.seeds
    }


def _split(value: str) -> list[str]:
    """Split a text at the commas that no bracket or quotation mark encloses."""
    parts, depth, quote = [""], 0, ""
    for letter in value:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
        if letter == "," and not quote and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _values(text: str, key: str, values: Sequence[str]) -> Values:
    if not all(values):
        raise UserError(f"--set {text!r}: a value between the commas is missing; give key=v1,v2")
    return Values(key, tuple(values))


def _range(key: str, value: str) -> Range | None:
    """Read LOW..HIGH or LOW..HIGH:log; None if a text is no range."""
    found = _RANGE.fullmatch(value)
    if found is None:
        return None
    scale = found[3] or ""
    if scale not in ("", ":log"):
        raise UserError(f"--set {key}={value}: {scale[1:]!r} is no scale; allowed: {key}=LOW..HIGH:log")
    low, high = (float(text) if re.search(r"[.eE]", text) else int(text) for text in found.group(1, 2))
    if not low < high or not math.isfinite(high):
        raise UserError(f"--set {key}={value}: the lower end must come first, and both must be finite")
    if scale and low <= 0:
        raise UserError(f"--set {key}={value}: a logarithmic scale needs a lower end above 0")
    return Range(key, low, high, bool(scale), isinstance(low, int) and isinstance(high, int))


def as_swept(described: Any) -> str:
    """Write what `Values.described` or `Range.described` returned as ``--set`` reads it."""
    if isinstance(described, Mapping):
        scale = ":log" if described["log"] else ""
        return f"{as_text(described['low'])}..{as_text(described['high'])}{scale}"
    return ",".join(described)


def _check_swept(
    swept: Sequence[Values | Range], seeds: Sequence[int], precision: str, search: Search | None
) -> None:
    """Raise a UserError if there is one run only, or it cannot be swept in this way."""
    if not swept and (search is not None or len(seeds) == 1):
        ranged = " or --set section.key=LOW..HIGH" if search else ""
        raise UserError(
            "--set: no setting has several values, so there is nothing to sweep; give --set "
            f"section.key=v1,v2{ranged}, for instance --set readout.when_rate=0.02,0.05, or "
            + ("leave out --search" if search else "more --seeds, or use run")
        )
    for one in swept:
        if one.key == "run.seed":
            raise UserError("--set run.seed: seeds are no setting to sweep; give --seeds and --first-seed")
        if isinstance(one, Range) and search is None:
            raise UserError(
                f"--set {one.key}={as_text(one.low)}..{as_text(one.high)}: only a search takes a range; add "
                "--search optuna --trials N, or list values between commas"
            )
        if one.key.startswith("fixed.") and precision != "fixed":
            raise UserError(
                f"--set {one.key}={short(one.described())}: has no effect in float; add --precision fixed"
            )


def _whole_where_it_must_be(one: Values | Range, config: Config) -> Values | Range:
    """Let a range of whole numbers be one only where the setting is a whole number."""
    if isinstance(one, Values) or not one.whole:
        return one
    value: Any = config.to_dict()
    for part in one.key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, int):
        return one
    return Range(one.key, float(one.low), float(one.high), one.log, False)
