"""A claim, the rule by which it is judged, and the judging.

A rule is stated before the seeds that it is applied to are run, and knows nothing of them. It bounds a
quantity, or how the quantity compares with that of a null; the claim's verdict follows from whether the
confidence interval of the mean over seeds lies on one side of the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from lava_predict.reproduction.unit import Found, Unit
from lava_predict.settings.schema import Config

CONFIDENCE = 0.95
"""Of the interval that has to lie on one side of the bound."""


class Verdict(Enum):
    """What a rule says of the figures."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    SHOWN = "shown"
    """Not judged: there is no rule."""


@dataclass(frozen=True)
class Rule:
    """A bound on a quantity, or on its difference from or ratio to its null, paired over seeds.

    Attributes
    ----------
    sense : str
        "at most" or "at least".
    bound : float
        In units of the quantity; as a ratio without unit.
    of : str
        What is bounded: the "value", its "difference" from the null, or its "ratio" to the null.
    """

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

    def margins(self, ours: np.ndarray, null: np.ndarray | None) -> np.ndarray:
        """Return by how much each seed is on the good side of the bound, (seeds,).

        Parameters
        ----------
        ours, null : (seeds,) float64
            The quantity, and that of the null; the latter is needed unless the rule bounds a "value".
        """
        bounded = ours
        if self.of != "value":
            assert null is not None
            bounded = ours - null if self.of == "difference" else ours / null
        return bounded - self.bound if self.sense == "at least" else self.bound - bounded

    def judge(self, ours: np.ndarray, null: np.ndarray | None = None) -> Verdict:
        """Judge by the confidence interval of the mean margin.

        Parameters
        ----------
        ours, null : (seeds,) float64
            As for `margins`. A seed without a value (NaN) leaves the rule undecided.

        Returns
        -------
        Verdict
            `HOLDS` or `FAILS` if the whole interval is beyond the bound or short of it, else `UNDECIDED`;
            that is always so with one seed, whose spread is not known.
        """
        low, high = interval(self.margins(ours, null))
        if low >= 0.0:
            return Verdict.HOLDS
        return Verdict.FAILS if high < 0.0 else Verdict.UNDECIDED


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the confidence interval of the mean by Student's t, unbounded for one value.

    Parameters
    ----------
    values : (n,) float64
        Independent values; with a NaN among them, so are both bounds.

    Returns
    -------
    low, high : float
        See `CONFIDENCE`.
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
    paper : str
        The paper's figure; "–" where it gives none.
    rule : Rule or None
        None: the quantity is shown and not judged.
    null : str
        What the null is, in words; empty if there is none.
    """

    key: str
    quantity: str
    paper: str = "–"
    rule: Rule | None = None
    null: str = ""


class Measured(NamedTuple):
    """A quantity in every seed, and that of its null. (seeds,) float64."""

    ours: np.ndarray
    null: np.ndarray | None = None


class Picture(NamedTuple):
    """A figure of a claim.

    Attributes
    ----------
    name : str
        File name without ending.
    png : bytes
        The picture.
    alt, caption : str
        Text in its place, and below it.
    """

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
        Config and, seed by seed, the results of the units by name -> `Measured` by criterion.
    draw : callable
        The same arguments -> pictures.
    """

    number: int
    name: str
    statement: str
    criteria: tuple[Criterion, ...]
    units: Callable[[Config, int], Mapping[str, Unit]]
    measure: Callable[[Config, Sequence[Mapping[str, Found]]], Mapping[str, Measured]]
    draw: Callable[[Config, Sequence[Mapping[str, Found]]], Sequence[Picture]]


class Judged(NamedTuple):
    """A criterion, what was measured, and what its rule says of it."""

    criterion: Criterion
    measured: Measured
    verdict: Verdict


def judge(claim: Claim, measured: Mapping[str, Measured]) -> tuple[list[Judged], Verdict]:
    """Apply all rules of a claim.

    Parameters
    ----------
    claim : Claim
        Its criteria are used.
    measured : mapping of str to Measured
        By criterion.

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
