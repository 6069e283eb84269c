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

from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction.unit import Found, Unit
from lava_predict.settings.files import parse_toml
from lava_predict.settings.schema import Config

CONFIDENCE = 0.95
"""Level of the interval that must be on one side of the bound."""

_STATED = parse_toml(resources.files("lava_predict.reproduction").joinpath("claims.toml").read_text("utf-8"))

Results = Mapping[str, Found]
"""What the units of one seed gave, by the unit's name."""

Values = Mapping[str, float | tuple[float, float]]
"""What one seed says, by criterion: our value, or ours and the null's."""

Units = Callable[[Config, int], Mapping[str, Unit]]
Measure = Callable[[Results, int], Values]
Draw = Callable[[Config, Sequence[Results]], Mapping[str, Figure]]
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

        Parameters
        ----------
        ours, null : (seeds,) float64
            The quantity, and that of the null; the latter is needed unless the rule bounds a "value".

        Returns
        -------
        Verdict
            `HOLDS` or `FAILS` if the whole interval is on the good side of the bound or on the other; else
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

    Attributes
    ----------
    key : str
        Short name, unique in its claim.
    quantity : str
        What is measured, in words.
    rule : Rule or None
        None: the quantity is shown and not judged.
    null : str
        What the null is, in words; empty if there is none.
    paper : str
        The paper's figure; "–" where it gives none.
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
    """A figure of a claim: file name without ending, PNG, text in its place, and text below it."""

    name: str
    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class Claim:
    """One of the paper's claims.

    Attributes
    ----------
    number : int
        As docs/reproduction.md counts.
    name : str
        What ``--claims`` calls it.
    statement : str
        What the paper finds, in our words.
    criteria : tuple of Criterion
        Fixed before the seeds that are judged.
    units : callable
        Config and seed -> the units of work of that seed, by name.
    measure : callable
        The results of one seed, and its place among the seeds -> figures by criterion.
    draw : callable
        Config and the results seed by seed -> pictures by name, not yet rendered.
    texts : mapping of str to mapping
        By name of the picture: "alt" and "caption" of `Picture`.
    """

    number: int
    name: str
    statement: str
    criteria: tuple[Criterion, ...]
    units: Units
    measure: Measure
    draw: Draw
    texts: Mapping[str, Mapping[str, str]]

    def measured(self, seeds: Sequence[Results]) -> dict[str, Measured]:
        """Measure every seed and put the figures side by side, by criterion."""
        rows = [self.measure(found, place) for place, found in enumerate(seeds)]
        return {key: Measured(*np.atleast_2d(np.array([row[key] for row in rows]).T)) for key in rows[0]}

    def pictures(self, config: Config, seeds: Sequence[Results]) -> list[Picture]:
        """Draw and render all pictures."""
        drawn = self.draw(config, seeds)
        return [Picture(name, to_png(figure), **self.texts[name]) for name, figure in drawn.items()]


def stated(name: str, units: Units, measure: Measure, draw: Draw) -> Claim:
    """Return the claim that claims.toml states under a name."""
    text = _STATED[name]
    criteria = tuple(
        Criterion(**one | {"rule": Rule(*one["rule"]) if "rule" in one else None}) for one in text["criteria"]
    )
    return Claim(text["number"], name, text["statement"], criteria, units, measure, draw, text["pictures"])


def over_seeds(seeds: Sequence[Results], unit: str, name: str) -> np.ndarray:
    """Stack an array that a unit gave, (seeds, ...)."""
    return np.array([found[unit][name] for found in seeds])


class Judged(NamedTuple):
    """A criterion, what was measured, and what its rule says of it."""

    criterion: Criterion
    measured: Measured
    verdict: Verdict


def judge(claim: Claim, measured: Mapping[str, Measured]) -> tuple[list[Judged], Verdict]:
    """Apply all rules of a claim to what was measured, by criterion.

    Returns
    -------
    list of Judged
        In the order of the criteria.
    Verdict
        Of the claim: it holds if all rules do, fails if one does, and is undecided otherwise.
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
