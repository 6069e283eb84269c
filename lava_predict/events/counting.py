"""Learners that only count, on the same events as the network: what it is compared with.

The context of an event is the label before it (order 1), the two labels before it (order 2), or nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.events.scores import SAMPLE_MS, Prediction, Scores
from lava_predict.numerics.compiled import kernel

MEMORIES = (10, 30, 100)
"""Of the learners that forget, events of a context."""

HALF = 0.5
_COUNTED = ("counts", "place", "gaps", "every", "where")


class Counting:
    """Counts labels and gaps in each context.

    - p is the count of each label in this context plus 1/2, by their sum (Krichevsky and Trofimov).
    - o of a label is its p times the mean profile of its gaps in this context, a histogram smoothed with
      the event's profile; the mean profile of all gaps so far counts as half a gap.
    - o of the hazard is revised while nothing comes: the sum of the profiles of a label's gaps in this
      context that are not over yet, by the number of all such gaps and half a gap that never ends.
    - The time of a label is the mean of its gaps within the horizon in this context; where there was none,
      that of all gaps so far.

    Parameters
    ----------
    labels, order : int
        Number of labels; how many of the last ones are the context.
    horizon_ms : float
        o ends here, and later events teach no time.
    memory : float
        A count fades by 1 - 1 / memory with each event of its context; infinite for none that forgets.
    hazard : bool
        Whether o is the hazard's.
    width_ms : float
        Standard deviation of the profile of an event.
    """

    def __init__(
        self,
        labels: int,
        order: int,
        horizon_ms: float,
        memory: float = np.inf,
        hazard: bool = False,
        width_ms: float = 40.0,
    ) -> None:
        self.labels, self.order, self.hazard, self.width_ms = labels, order, hazard, width_ms
        self.horizon_ms, self.keep = horizon_ms, 1.0 - 1.0 / memory
        contexts = (labels + 1) ** order  # `labels` as a label: nothing before.
        samples = int(horizon_ms / SAMPLE_MS)
        self._counts = np.zeros((contexts, 3, labels))
        self._place = np.zeros((contexts, labels), np.int64)
        self._gaps = np.zeros((1 + hazard, 16, samples))
        self._every = np.zeros(3)
        self._pairs, self._context = 1, 0

    def begin(self, label: int) -> None:
        """Begin a sequence with an event that nothing has predicted."""
        self._context = self._after(-1, label)

    def predict(self) -> Prediction:
        """Predict the next event."""
        here = self._context
        p, time_ms = np.empty((2, self.labels))
        o = np.empty((self._gaps.shape[2], self.labels))
        _predict(self._counts[here], self._every, self._place[here], self._gaps, self.hazard, p, o, time_ms)
        return Prediction(p, o, time_ms)

    def learn(self, label: int, gap_ms: float) -> None:
        """Count the event that came."""
        here = self._context
        if self._place[here, label] == 0:
            self._place[here, label] = self._pairs
            self._pairs += 1
            if self._pairs > self._gaps.shape[1]:
                self._gaps = np.concatenate([self._gaps, np.zeros_like(self._gaps)], axis=1)
        timed = gap_ms <= self.horizon_ms
        _learn_counts(self._counts[here], self._every, label, gap_ms, timed, self.keep)
        _learn_gap(self._gaps, self._place[here], label, gap_ms, self.width_ms, self.keep, self.hazard)
        self._context = self._after(here, label)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was counted, for a checkpoint."""
        where = np.array([self._pairs, self._context])
        return dict(zip(_COUNTED, (self._counts, self._place, self._gaps, self._every, where), strict=True))

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self._counts, self._place, self._gaps, self._every, where = (arrays[name].copy() for name in _COUNTED)
        self._pairs, self._context = where.tolist()

    def _after(self, context: int, label: int) -> int:
        return (context * (self.labels + 1) + label) % self._counts.shape[0]


class Baselines:
    """All that the network is compared with, scored as it is: each event is predicted, then learned.

    Parameters
    ----------
    labels, horizon_ms, width_ms
        As of `Counting`.
    total : int or None
        As of `lava_predict.events.scores.Scores`.
    """

    def __init__(
        self, labels: int, horizon_ms: float, total: int | None = None, width_ms: float = 40.0
    ) -> None:
        def counting(order: int, memory: float = np.inf, hazard: bool = False) -> Counting:
            return Counting(labels, order, horizon_ms, memory, hazard, width_ms)

        self._learners = {f"order{order}": counting(order) for order in (0, 1, 2)}
        self._learners |= {f"hazard{order}": counting(order, hazard=True) for order in (1, 2)}
        self._forgetting = {
            f"order{order}, memory {memory}": counting(order, memory)
            for order in (0, 1, 2)
            for memory in MEMORIES
        }
        self._learners |= self._forgetting
        self._scores = {name: Scores(horizon_ms, total, width_ms) for name in self._learners}

    @property
    def names(self) -> tuple[str, ...]:
        """Every learner, in the order of `add`."""
        return tuple(self._learners)

    def begin(self, label: int) -> None:
        """Begin a sequence."""
        for learner in self._learners.values():
            learner.begin(label)

    def add(self, label: int, gap_ms: float, among: int | None = None) -> dict[str, np.ndarray]:
        """Score every learner at an event, then let it learn; return what `Scores.add` does, by name.

        With ``among`` p is spread over the first labels alone, as in a stream whose labels nobody knows yet.
        """
        found = {}
        for name, learner in self._learners.items():
            prediction = learner.predict()
            if among is not None:
                p = np.where(np.arange(prediction.p.size) < among, prediction.p, 0.0)
                prediction = prediction._replace(p=p / p.sum())
            found[name] = self._scores[name].add(prediction, label, gap_ms)
            learner.learn(label, gap_ms)
        return found

    def to_arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Return all that was counted and scored, a group of arrays a learner, for a checkpoint."""
        return {
            name: learner.to_arrays() | self._scores[name].to_arrays()
            for name, learner in self._learners.items()
        }

    def from_arrays(self, groups: dict[str, dict[str, np.ndarray]]) -> None:
        """Go on from `to_arrays`."""
        for name, learner in self._learners.items():
            learner.from_arrays(groups[name])
            self._scores[name].from_arrays(groups[name])

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return the scores of each learner; of those that forget only the best, which is named."""
        found = {name: scores.summary() for name, scores in self._scores.items()}

        def worse(name: str) -> list[float]:
            return [found[name]["all"][score] or 0.0 for score in ("log2_loss", "expectation_error")]

        best = min(self._forgetting, key=worse)
        named: dict[str, Any] = {name: found[name] for name in found if name not in self._forgetting}
        return named | {"forgetting": found[best] | {"chosen_in_hindsight": best}}


@kernel
def _predict(
    counts: np.ndarray,
    every: np.ndarray,
    place: np.ndarray,
    gaps: np.ndarray,
    hazard: bool,
    p: np.ndarray,
    o: np.ndarray,
    time_ms: np.ndarray,
) -> None:
    """Form a prediction in a context; the first arguments are those of `_learn_counts` and `_learn_gap`."""
    total = 0.5 * p.size
    for k in range(p.size):
        total += counts[0, k]
    for k in range(p.size):
        p[k] = (counts[0, k] + 0.5) / total
        time_ms[k] = counts[2, k] / counts[1, k] if counts[1, k] > 0.0 else every[1] / every[0]
    for i in range(o.shape[0]):
        waiting, mean = HALF, gaps[0, 0, i] / max(every[2], 1.0)
        for k in range(p.size):
            if hazard and place[k] > 0:
                waiting += gaps[1, place[k], i]
        for k in range(p.size):
            own = gaps[0, place[k], i] if place[k] > 0 else 0.0
            o[i, k] = own / waiting if hazard else p[k] * (own + HALF * mean) / (counts[0, k] + HALF)


@kernel
def _learn_counts(
    counts: np.ndarray, every: np.ndarray, label: int, gap_ms: float, timed: bool, keep: float
) -> None:
    """Count an event in its context.

    ``counts``, (3, K), are those of labels, those of gaps within the horizon and the sum of these gaps, ms;
    ``every``, (3,), are the number and sum of all such gaps in any context, and the number of all events.
    """
    for k in range(counts.shape[1]):
        for which in range(3):
            counts[which, k] *= keep
    counts[0, label] += 1.0
    every[2] += 1.0
    if timed:
        counts[1, label] += 1.0
        counts[2, label] += gap_ms
        every[0] += 1.0
        every[1] += gap_ms


@kernel
def _learn_gap(
    gaps: np.ndarray, place: np.ndarray, label: int, gap_ms: float, width_ms: float, keep: float, hazard: bool
) -> None:
    """Add a gap to those of its context and label.

    ``gaps``, (1 or 2, 1 + pairs of context and label, S), are sums over gaps: of the profile, and for the
    hazard of 1, both until the gap is over. The first row is that of all gaps, the others are those of
    a pair; ``place``, (K,), tells which are those of this context, 0 for none yet.
    """
    for k in range(place.size):
        if place[k] > 0 and keep != 1.0:
            for which in range(gaps.shape[0]):
                for i in range(gaps.shape[2]):
                    gaps[which, place[k], i] *= keep
    for i in range(gaps.shape[2]):
        left_ms = gap_ms - (i + 1) * SAMPLE_MS
        profile = np.exp(-0.5 * (left_ms / width_ms) ** 2)
        for row in (0, place[label]):
            if left_ms >= 0.0 or not hazard:
                gaps[0, row, i] += profile
            if left_ms >= 0.0 and hazard:
                gaps[1, row, i] += 1.0
