"""Streams to learn: some whose best possible scores are known, and some that were recorded.

Labels of `markov`, `grammar` and `switch` are drawn given the last one or two, with probabilities that are
drawn too; gaps have a mean for each ordered pair of labels and a normal jitter of 5 %.
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import erf
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lava_predict.errors import UserError, needs_package, one_of, whole
from lava_predict.events.events import Events, Row, events_of

LABELS = 4
JITTER = 0.05
GAPS_MS = (200.0, 800.0)
CONCENTRATION = 0.3
"""Of the Dirichlet distribution that probabilities are drawn from."""

RAREST = 0.05
"""Every label is at least so frequent."""

MOST_EVENTS = 10**8
"""Most events of a stream that is made."""

TUNES = "oneills1850/0001-0050.abc"
SPIKES = ("grasshopper_spike_times1.txt", "grasshopper_spike_times2.txt")


class Kind(NamedTuple):
    """What is drawn: how many labels decide the next, how many events statistics hold for, and bounds.

    Between the bounds lie the entropies of a label, alone and given the last one or two, bits.
    """

    order: int
    events: int
    bounds: tuple[tuple[float, float], ...]


KINDS = {
    "markov": Kind(1, 2**62, ((1.15, 1.45), (0.85, 1.0), (0.85, 1.0))),
    "grammar": Kind(2, 2**62, ((1.75, 2.0), (1.45, 1.65), (0.85, 1.0))),
    "switch": Kind(1, 500, ((1.7, 1.95), (1.0, 1.25), (1.0, 1.25))),
}


class Statistics(NamedTuple):
    """What a stream of K labels is drawn from.

    Attributes
    ----------
    after : (K, K, K) float64
        Probability of a label after the last but one and the last.
    often : (K, K) float64
        How often two labels follow one another in the long run.
    gap_ms : (K, K) float64
        Mean gap between a label and the next.
    """

    after: np.ndarray
    often: np.ndarray
    gap_ms: np.ndarray

    def entropies(self) -> tuple[float, float, float]:
        """Return the entropy of a label, alone and given the last one or two, bits: the least mean losses."""
        three = self.often[:, :, None] * self.after
        alone, one = three.sum((0, 1)), three.sum(0)
        return _bits(alone), _bits(one) - _bits(one.sum(1)), _bits(three) - _bits(self.often)


@dataclass(frozen=True)
class Example:
    """A stream and, where it is known, the best that can be expected of any predictor.

    Attributes
    ----------
    events : Events
    best_possible : dict of str to float, or None
        ``log2_loss``, the entropy of a label given all before it, bits, and ``time_error_ms``, the median
        absolute error of who knows the mean gap of each pair of labels.
    """

    events: Events
    best_possible: dict[str, float] | None


def markov(
    events: int = 3000, seed: int = 0, gaps_ms: tuple[float, float] = GAPS_MS, dt_ms: float = 1.0
) -> Example:
    """Make a stream whose labels depend on the last one.

    Parameters
    ----------
    events : int
        How many.
    seed : int
        Decides the statistics and what is drawn from them.
    gaps_ms : (float, float)
        Mean gaps are drawn evenly between these, ms.
    dt_ms : float
        Length of a step.
    """
    return _drawn("markov", events, seed, gaps_ms, dt_ms)


def grammar(
    events: int = 3000, seed: int = 0, gaps_ms: tuple[float, float] = GAPS_MS, dt_ms: float = 1.0
) -> Example:
    """Make a stream whose labels depend on the last two, of which the last alone tells little."""
    return _drawn("grammar", events, seed, gaps_ms, dt_ms)


def switch(
    events: int = 3000, seed: int = 0, gaps_ms: tuple[float, float] = GAPS_MS, dt_ms: float = 1.0
) -> Example:
    """Make a stream as `markov`, with new statistics every 500 events."""
    return _drawn("switch", events, seed, gaps_ms, dt_ms)


def tunes(dt_ms: float = 1.0) -> Example:
    """Give the notes of 50 Irish tunes (O'Neill, 1850), a sequence a tune: onset in quarters, pitch class."""
    try:
        from music21 import corpus
    except ImportError:
        raise _missing("music21", "music") from None
    rows = [
        Row(float(note.offset), note.pitch.name, str(number))
        for number, tune in enumerate(corpus.parse(TUNES).scores, 1)
        for note in tune.flatten().getElementsByClass("Note")
    ]
    return Example(events_of(rows, dt_ms=dt_ms), None)


def spikes(dt_ms: float = 1.0) -> Example:
    """Give the times of spikes of a grasshopper's auditory receptor, ms, two trains of 10 s, one label."""
    package = find_spec("nitime")
    if package is None or package.origin is None:
        raise _missing("nitime", "data")
    folder = Path(package.origin).parent / "data"
    rows = [
        Row(float(time_us) / 1000.0, "spike", name)
        for name in SPIKES
        for time_us in np.loadtxt(folder / name)
    ]
    return Example(events_of(rows, dt_ms=dt_ms), None)


GENERATED = {"markov": markov, "grammar": grammar, "switch": switch}
RECORDED = {"tunes": tunes, "spikes": spikes}


def example(name: str, events: int = 3000, seed: int = 0, dt_ms: float = 1.0) -> Example:
    """Make one of `GENERATED`, or load one of `RECORDED`, which have their own number of events."""
    if name in GENERATED:
        return GENERATED[name](events, seed, dt_ms=dt_ms)
    if name in RECORDED:
        return RECORDED[name](dt_ms)
    raise UserError(f"--example {name!r}: there is none; {one_of(name, [*GENERATED, *RECORDED])}")


def draw_statistics(rng: np.random.Generator, kind: Kind, gaps_ms: tuple[float, float]) -> Statistics:
    """Draw until no label is rare and the entropies are within their bounds."""
    while True:
        rows = rng.dirichlet([CONCENTRATION] * LABELS, (LABELS,) * kind.order)
        after = np.broadcast_to(rows, (LABELS,) * 3)
        found = Statistics(after, _long_run(after), rng.uniform(*gaps_ms, (LABELS, LABELS)))
        bounds = zip(found.entropies(), kind.bounds, strict=True)
        if found.often.sum(0).min() >= RAREST and all(low <= bits <= high for bits, (low, high) in bounds):
            return found


def best_possible(parts: Sequence[Statistics]) -> dict[str, float]:
    """Return the best possible scores of parts of equal length; see `Example`."""
    often, gap_ms = (
        np.array([getattr(part, name) for part in parts]).ravel() for name in ("often", "gap_ms")
    )
    spread = np.sqrt(2.0) * JITTER * gap_ms

    def nearer(error_us: int) -> float:
        """Return the share of gaps that are no further than this from their mean."""
        return float(sum(w * erf(error_us / 1000.0 / s) for w, s in zip(often, spread, strict=True))) / len(
            parts
        )

    median = bisect_left(range(int(1000.0 * gap_ms.max())), 0.5, key=nearer) / 1000.0
    return {"log2_loss": float(np.mean([part.entropies()[2] for part in parts])), "time_error_ms": median}


def _drawn(name: str, events: int, seed: int, gaps_ms: tuple[float, float], dt_ms: float) -> Example:
    events, seed = whole("events", events, 2, MOST_EVENTS), whole("seed", seed)
    kind, rng = KINDS[name], np.random.default_rng([seed, list(KINDS).index(name)])
    parts = [draw_statistics(rng, kind, gaps_ms) for _ in range(0, events, kind.events)]
    below = [part.after.cumsum(2).tolist() for part in parts]
    before, time, rows = (0, 0), 0.0, []
    for number, (drawn, jitter) in enumerate(
        zip(rng.random(events), rng.standard_normal(events), strict=True)
    ):
        part = number // kind.events
        label = min(bisect(below[part][before[0]][before[1]], drawn), LABELS - 1)
        time += parts[part].gap_ms[before[1], label] * (1.0 + JITTER * jitter)
        before = (before[1], label)
        rows.append(Row(round(time, 3), "ABCD"[label], None, number + 1))
    return Example(events_of(rows, dt_ms=dt_ms, ms_per_unit=1.0), best_possible(parts))


def _long_run(after: np.ndarray) -> np.ndarray:
    """Return how often two labels follow one another: the stationary distribution of the chain of pairs."""
    step = np.einsum("abc,bd->abdc", after, np.eye(LABELS)).reshape(LABELS**2, LABELS**2)
    equations = step.T - np.eye(LABELS**2)
    equations[-1] = 1.0  # They sum to 1.
    return np.linalg.solve(equations, np.eye(LABELS**2)[-1]).reshape(LABELS, LABELS)


def _bits(probability: np.ndarray) -> float:
    """Return the entropy of a distribution, bits."""
    above = probability[probability > 0.0]
    return float(-(above * np.log2(above)).sum())


def _missing(package: str, extra: str) -> UserError:
    return UserError(f"this example {needs_package(package, extra)}")
