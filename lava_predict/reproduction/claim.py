"""Claims, and the rules by which they are judged.

A rule is stated before the seeds that it is applied to are run, and does not depend on them. It bounds a
quantity, or how the quantity compares with that of a null; the claim's verdict follows from whether the
confidence interval of the mean over seeds lies on one side of the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from lava_predict.settings.files import parse_toml
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, Unit

CONFIDENCE = 0.95
"""Level of the interval that must be on one side of the bound."""

_STATED = parse_toml(resources.files("lava_predict.reproduction").joinpath("claims.toml").read_text("utf-8"))

Results = Mapping[str, Found]
"""What the units of one seed gave, by the unit's name."""

Seeds = Sequence[Results]
Units = Mapping[str, Unit]
Figures = Mapping[str, Figure]
"""Results seed by seed; units of work of one seed by name; figures of a claim by name."""

Values = Mapping[str, float | tuple[float, float]]
"""What one seed says, by criterion: our value, or ours and the null's."""

LayOut = Callable[[Config, int], Units]
Measure = Callable[[Results, int], Values]
Draw = Callable[[Config, Seeds], Figures]
"""The functions of a `Claim`."""


class Verdict(Enum):
    """The outcome of a rule, or of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    SHOWN = "shown"
    """Not judged: there is no rule."""


@dataclass(frozen=True)
class Rule:
    """A bound on a quantity, or on its difference from or ratio to the null of the same seed."""

    sense: Literal["at most", "at least"]
    bound: float
    of: Literal["value", "difference", "ratio"] = "value"

    def __str__(self) -> str:
        """State the rule in words."""
        if self.of == "ratio":
            return f"{self.sense} {self.bound:g} times the null"
        if self.of == "difference":
            senses = ("at least", "at most") if self.bound >= 0 else ("at most", "at least")
            sense = senses[self.sense == "at most"]
            return f"{sense} {abs(self.bound):g} {'above' if self.bound >= 0 else 'below'} the null"
        return f"{self.sense} {self.bound:g}"

    def judge(self, ours: np.ndarray, null: np.ndarray | None = None) -> Verdict:
        """Judge by the confidence interval of the mean margin on the good side of the bound.

        ``ours`` and ``null``, (seeds,), are the quantity and, unless the rule bounds a "value", that of the
        null. `HOLDS` or `FAILS` if the whole interval is on the good side of the bound or on the other; else
        `UNDECIDED`, as with one seed, whose spread is not known, or a seed without a value (NaN).
        """
        bounded = ours
        if self.of != "value":
            assert null is not None
            bounded = ours - null if self.of == "difference" else ours / null
        low, high = interval(bounded - self.bound if self.sense == "at least" else self.bound - bounded)
        if low >= 0.0:
            return Verdict.HOLDS
        return Verdict.FAILS if high < 0.0 else Verdict.UNDECIDED


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the `CONFIDENCE` interval of the mean of independent values (n,), by Student's t.

    It is unbounded for one value, and NaN if any value is.
    """
    mean = float(np.mean(values))
    if values.size < 2:
        return (-np.inf, np.inf)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, values.size - 1) * stats.sem(values))
    return mean - half, mean + half


@dataclass(frozen=True)
class Criterion:
    """A quantity by which a claim is judged.

    ``key`` is unique in the claim. Quantity, null and rule are in words or absent: without a rule the
    quantity is shown and not judged; an empty ``null`` is none. ``paper`` is the paper's figure, "–" where
    it gives none.
    """

    key: str
    quantity: str
    rule: Rule | None = None
    null: str = ""
    paper: str = "–"


class Measured(NamedTuple):
    """A quantity in every seed, and that of its null. (seeds,) float64."""

    ours: np.ndarray
    null: np.ndarray | None = None


class Picture(NamedTuple):
    """A figure of a claim: file name without ending, itself, text in its place, and text below it."""

    name: str
    figure: Figure
    alt: str
    caption: str


@dataclass(frozen=True)
class Claim:
    """One of the paper's claims, as stated in claims.toml, and the functions that put it to the test.

    The number is that of docs/reproduction.md, the name that of ``--claims``; the criteria are fixed before
    the seeds that are judged. ``units`` lays out the units of work of a seed, by name. ``measure`` takes the
    results of a seed and its place among the seeds and gives figures by criterion. ``draw`` takes the
    results of all seeds and gives pictures by name, not yet rendered; ``texts`` has the "alt" and "caption"
    of each.
    """

    number: int
    name: str
    statement: str
    criteria: tuple[Criterion, ...]
    units: LayOut
    measure: Measure
    draw: Draw
    texts: Mapping[str, Mapping[str, str]]

    def measured(self, seeds: Seeds) -> dict[str, Measured]:
        """Measure every seed and put the figures side by side, by criterion."""
        rows = [self.measure(found, place) for place, found in enumerate(seeds)]
        return {key: Measured(*np.atleast_2d(np.array([row[key] for row in rows]).T)) for key in rows[0]}

    def pictures(self, config: Config, seeds: Seeds) -> list[Picture]:
        """Draw all pictures."""
        drawn = self.draw(config, seeds)
        return [Picture(name, figure, **self.texts[name]) for name, figure in drawn.items()]


def stated(name: str, units: LayOut, measure: Measure, draw: Draw) -> Claim:
    """Return the claim that claims.toml states under a name."""
    text = _STATED[name]
    criteria = tuple(
        Criterion(**one | {"rule": Rule(*one["rule"]) if "rule" in one else None}) for one in text["criteria"]
    )
    return Claim(text["number"], name, text["statement"], criteria, units, measure, draw, text["pictures"])


def over_seeds(seeds: Seeds, unit: str, name: str) -> np.ndarray:
    """Stack an array that a unit gave, (seeds, ...)."""
    return np.array([found[unit][name] for found in seeds])


class Judged(NamedTuple):
    """A criterion, what was measured, and what its rule says of it."""

    criterion: Criterion
    measured: Measured
    verdict: Verdict


def judge(claim: Claim, measured: Mapping[str, Measured]) -> tuple[list[Judged], Verdict]:
    """Apply all rules of a claim to what was measured, by criterion; return their outcomes and the claim's.

    The claim holds if all rules do, fails if one does, and is undecided otherwise.
    """
    judged = []
    for criterion in claim.criteria:
        one = measured[criterion.key]
        verdict = criterion.rule.judge(*one) if criterion.rule is not None else Verdict.SHOWN
        judged.append(Judged(criterion, one, verdict))
    verdicts = {one.verdict for one in judged} - {Verdict.SHOWN}
    if Verdict.FAILS in verdicts:
        return judged, Verdict.FAILS
    return judged, Verdict.HOLDS if verdicts == {Verdict.HOLDS} else Verdict.UNDECIDED
