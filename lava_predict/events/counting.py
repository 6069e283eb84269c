"""Learners that only count, on the same events as the network: what it is compared with.

The context of an event is the label before it (order 1), the two labels before it (order 2), or nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.events.scores import SAMPLE_MS, SCORED, Added, Prediction, Scores, add_scores
from lava_predict.numerics.compiled import kernel

MEMORIES = (10, 30, 100)
"""Of the learners that forget, events of a context."""

HALF = 0.5
_PAIRS, _CONTEXT = 0, 1


class Counts(NamedTuple):
    """What a learner has counted, of C contexts and K labels, with room for pairs of both.

    Attributes
    ----------
    counts : (C, 3, K) float64
        Of labels, of their gaps within the horizon, and the sum of these gaps, ms.
    place : (C, K) int64
        Row of a pair in ``gaps``; 0 for none yet.
    gaps : (1 or 2, rows, S) float64
        Sums over gaps: of the profile, and for the hazard of 1, both until the gap is over. The first row is
        that of all gaps, the others are those of a pair.
    every : (3,) float64
        Number and sum of all gaps within the horizon, in any context, and number of all events.
    where : (2,) int64
        Rows of ``gaps`` in use; the context now.
    """

    counts: np.ndarray
    place: np.ndarray
    gaps: np.ndarray
    every: np.ndarray
    where: np.ndarray


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
        self.counted = Counts(
            counts=np.zeros((contexts, 3, labels)),
            place=np.zeros((contexts, labels), np.int64),
            gaps=np.zeros((1 + hazard, 16, samples)),
            every=np.zeros(3),
            where=np.array([1, 0]),
        )

    def begin(self, label: int) -> None:
        """Begin a sequence with an event that nothing has predicted."""
        self.counted.where[_CONTEXT] = _after(self.counted.counts.shape[0], self.labels, -1, label)

    def predict(self) -> Prediction:
        """Predict the next event."""
        p, time_ms = np.empty((2, self.labels))
        o = np.empty((self.counted.gaps.shape[2], self.labels))
        _predict(self.counted, self.hazard, p, o, time_ms)
        return Prediction(p, o, time_ms)

    def learn(self, label: int, gap_ms: float) -> None:
        """Count the event that came."""
        self.make_room()
        profile = np.empty(self.counted.gaps.shape[2])
        _fill_profile(gap_ms, self.width_ms, profile)
        _learn(self.counted, label, gap_ms, gap_ms <= self.horizon_ms, self.keep, self.hazard, profile)

    def make_room(self) -> None:
        """Make room for one more pair of context and label."""
        gaps = self.counted.gaps
        if self.counted.where[_PAIRS] == gaps.shape[1]:
            self.counted = self.counted._replace(gaps=np.concatenate([gaps, np.zeros_like(gaps)], axis=1))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was counted, for a checkpoint."""
        return self.counted._asdict()

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self.counted = Counts(*(arrays[name].copy() for name in Counts._fields))


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
        learners = self._learners.values()
        self._horizon_ms, self._width_ms = horizon_ms, width_ms
        self._keep = np.array([learner.keep for learner in learners])
        self._hazard = np.array([learner.hazard for learner in learners])
        self._room: Any = (
            np.empty(labels),
            np.empty((int(horizon_ms / SAMPLE_MS), labels)),
            np.empty(labels),
        )
        self._profile = np.empty(int(horizon_ms / SAMPLE_MS))
        self._joined: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every learner, in the order of `add`."""
        return tuple(self._learners)

    def begin(self, label: int) -> None:
        """Begin a sequence."""
        for learner in self._learners.values():
            learner.begin(label)

    def add(self, label: int, gap_ms: float, among: int | None = None) -> np.ndarray:
        """Score every learner at an event, then let it learn; return what `Scores.add` does, a row each.

        With ``among`` p is spread over the first labels alone, as in a stream whose labels nobody knows yet.
        """
        if self._joined is None:
            for learner in self._learners.values():
                learner.make_room()
            counted = tuple(learner.counted for learner in self._learners.values())
            self._joined = (counted, tuple(scores.added for scores in self._scores.values()))
        found = np.empty((len(self._learners), SCORED))
        timed, among = gap_ms <= self._horizon_ms, self._room[0].size if among is None else among
        given = (among, label, gap_ms, timed, self._width_ms)
        whole: Any = (*self._joined, self._keep, self._hazard, *given, *self._room, self._profile, found)
        if _turn_all(*whole):
            self._joined = None
        for scores in self._scores.values():
            scores.count()
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
        self._joined = None

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return the scores of each learner; of those that forget only the best, which is named."""
        found = {name: scores.summary() for name, scores in self._scores.items()}

        def worse(name: str) -> list[float]:
            return [found[name]["all"][score] or 0.0 for score in ("log2_loss", "expectation_error")]

        best = min(self._forgetting, key=worse)
        named: dict[str, Any] = {name: found[name] for name in found if name not in self._forgetting}
        return named | {"forgetting": found[best] | {"chosen_in_hindsight": best}}


@kernel
def _turn_all(
    learners: tuple[Counts, ...],
    scores: tuple[Added, ...],
    keep: np.ndarray,
    hazard: np.ndarray,
    among: int,
    label: int,
    gap_ms: float,
    timed: bool,
    width_ms: float,
    p: np.ndarray,
    o: np.ndarray,
    time_ms: np.ndarray,
    profile: np.ndarray,
    found: np.ndarray,
) -> bool:
    """Let each learner predict an event, score it, and let it learn; one call for all, as calls take longest.

    ``keep`` and ``hazard``, (P,), are those of `Counting`; ``p``, ``o``, ``time_ms`` and ``profile`` are
    room; ``found``, (P, SCORED), is filled in. Returns whether one has no more room for a new pair.
    """
    full = False
    _fill_profile(gap_ms, width_ms, profile)
    until = o[: min(o.shape[0], int(gap_ms / SAMPLE_MS) + 1)]  # Nothing later is scored.
    for n in range(len(learners)):
        _predict(learners[n], hazard[n], p, until, time_ms)
        if among < p.size:
            p[among:] = 0.0
            p[:among] /= p[:among].sum()
        add_scores(p, until, time_ms, label, gap_ms, timed, width_ms, found[n], scores[n])
        _learn(learners[n], label, gap_ms, timed, keep[n], hazard[n], profile)
        full |= learners[n].where[_PAIRS] == learners[n].gaps.shape[1]
    return full


@kernel
def _after(contexts: int, labels: int, context: int, label: int) -> int:
    """Return the context that follows on a context, -1 for none, and a label."""
    return (context * (labels + 1) + label) % contexts


@kernel
def _predict(counted: Counts, hazard: bool, p: np.ndarray, o: np.ndarray, time_ms: np.ndarray) -> None:
    """Form a prediction in the context now; of o as many samples as there is room for."""
    here = counted.where[_CONTEXT]
    counts, place, gaps, every = counted.counts[here], counted.place[here], counted.gaps, counted.every
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
def _fill_profile(gap_ms: float, width_ms: float, profile: np.ndarray) -> None:
    """Write the profile of an event after this gap in each sample, (S,)."""
    for i in range(profile.size):
        profile[i] = np.exp(-0.5 * ((gap_ms - (i + 1) * SAMPLE_MS) / width_ms) ** 2)


@kernel
def _learn(
    counted: Counts, label: int, gap_ms: float, timed: bool, keep: float, hazard: bool, profile: np.ndarray
) -> None:
    """Count an event in the context now and go on to the next one; there is room for a new pair."""
    here, where = counted.where[_CONTEXT], counted.where
    if counted.place[here, label] == 0:
        counted.place[here, label] = where[_PAIRS]
        where[_PAIRS] += 1
    _learn_counts(counted.counts[here], counted.every, label, gap_ms, timed, keep)
    _learn_gap(counted.gaps, counted.place[here], label, gap_ms, keep, hazard, profile)
    where[_CONTEXT] = _after(counted.counts.shape[0], counted.place.shape[1], here, label)


@kernel
def _learn_counts(
    counts: np.ndarray, every: np.ndarray, label: int, gap_ms: float, timed: bool, keep: float
) -> None:
    """Count an event in its context; the arrays are those of `Counts`."""
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
    gaps: np.ndarray,
    place: np.ndarray,
    label: int,
    gap_ms: float,
    keep: float,
    hazard: bool,
    profile: np.ndarray,
) -> None:
    """Add a gap to those of its context and label; ``place``, (K,), is that of the context."""
    for k in range(place.size):
        if place[k] > 0 and keep != 1.0:
            for which in range(gaps.shape[0]):
                for i in range(gaps.shape[2]):
                    gaps[which, place[k], i] *= keep
    for i in range(gaps.shape[2]):
        to_come = gap_ms >= (i + 1) * SAMPLE_MS
        for row in (0, place[label]):
            if to_come or not hazard:
                gaps[0, row, i] += profile[i]
            if to_come and hazard:
                gaps[1, row, i] += 1.0
