"""Scores of predictions of events, added up as the events come, so that memory does not grow.

A prediction is made after an event, from that event and those before it, and scored at the next one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.numerics.compiled import kernel

SAMPLE_MS = 10.0
"""Expectations are sampled so often; sample i is that of (i + 1) times this after the last event."""

SILENT = 0.01
"""Share of p in the odds of the labels at an event's time: p alone stands where o is 0."""

LEAST_P = 2.0**-40
"""A label that came had at least this probability: a loss is at most 40 bits."""

BIN_MS = 0.5
NAMES = ("log2_loss", "log2_loss_at_time", "brier", "accuracy", "expectation_error")
SCORED = 6
"""Numbers that an event adds."""

_KEPT = 64


class Prediction(NamedTuple):
    """What is expected after an event, for K labels and S samples up to the horizon.

    Attributes
    ----------
    p : (K,) float64
        Probability of each label to be the next one, before any time has passed.
    o : (S, K) float64
        Expectation in each sample, in case that no event came before it. Only samples up to the next event
        are read, so later ones may be missing.
    time_ms : (K,) float64
        When each label is expected, ms after the event, should it be the next one; NaN for no idea.
    """

    p: np.ndarray
    o: np.ndarray
    time_ms: np.ndarray


class Added(NamedTuple):
    """What was added up.

    Attributes
    ----------
    sums : (SCORED,) float64
        As `Scores.add` returns them.
    errors : (bins + 1,) int64
        Events by error of time, `BIN_MS` each; the last one has all greater errors.
    """

    sums: np.ndarray
    errors: np.ndarray


class Scores:
    """Sums of the scores of one predictor.

    Parameters
    ----------
    horizon_ms : float
        Later events count in the scores of labels, not in the error of time.
    total : int or None
        Number of events that will be predicted, where it is known. Else the last third of a long stream
        begins at the nearest of the places that are kept, at most 1/64 of the stream away.
    width_ms : float
        Standard deviation of the profile of an event.
    """

    def __init__(self, horizon_ms: float, total: int | None = None, width_ms: float = 40.0) -> None:
        self.horizon_ms, self.total, self.width_ms = horizon_ms, total, width_ms
        self.events = 0
        bins = int(np.ceil(horizon_ms / BIN_MS))
        self.added = Added(np.zeros(SCORED), np.zeros(bins + 1, np.int64))
        self._kept = {0: self._copied()}

    def add(self, prediction: Prediction, label: int, gap_ms: float) -> np.ndarray:
        """Score a prediction at the event that came; return log2 loss, that at its time, Brier, hit, squares.

        The last two are the squared error of o and of 0.
        """
        one = np.empty(SCORED)
        timed = gap_ms <= self.horizon_ms
        add_scores(*prediction, label, gap_ms, timed, self.width_ms, one, self.added)
        self.count()
        return one

    def count(self) -> None:
        """Count an event that was added, and keep the sums so far if the last third may begin here."""
        self.events += 1
        if self.total is None:
            due = self.events % max(1, 2 ** self.events.bit_length() // _KEPT) == 0
        else:
            due = self.events == self.total - -(-self.total // 3)
        if due:
            self._kept[self.events] = self._copied()
            if self.total is None:
                self._kept = {at: it for at, it in self._kept.items() if at == 0 or at >= self.events // 2}

    def summary(self) -> dict[str, dict[str, float | None]]:
        """Return the scores of all events and of the last third; None where there was nothing to score."""
        third = self.events - -(-self.events // 3)
        nearest = min(self._kept, key=lambda start: abs(start - third))
        return {"all": self._since(0), "last_third": self._since(nearest)}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was added up, for a checkpoint."""
        kept = self._kept.values()
        sums, errors = (np.array([one[place] for one in kept]) for place in (0, 1))
        starts = np.array(list(self._kept), np.int64)
        return {"events": np.array(self.events), **self.added._asdict()} | {
            "kept_at": starts, "kept_sums": sums, "kept_errors": errors
        }  # fmt: skip

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self.events = int(arrays["events"])
        self.added = Added(arrays["sums"].copy(), arrays["errors"].copy())
        kept = zip(*(arrays[f"kept_{name}"] for name in ("at", "sums", "errors")), strict=True)
        self._kept = {int(start): Added(sums.copy(), errors.copy()) for start, sums, errors in kept}

    def _copied(self) -> Added:
        return Added(*(array.copy() for array in self.added))

    def _since(self, start: int) -> dict[str, float | None]:
        sums, errors = (now - then for now, then in zip(self.added, self._kept[start], strict=True))
        events = self.events - start
        if events == 0:
            return dict.fromkeys((*NAMES[:4], "time_error_ms", NAMES[4]))
        means = dict(zip(NAMES[:4], (sums[:4] / events).tolist(), strict=True))
        ratio = float(sums[4] / sums[5]) if sums[5] > 0.0 else None
        return {**means, "time_error_ms": _median_ms(errors), "expectation_error": ratio}


def _median_ms(errors: np.ndarray) -> float | None:
    """Return the median of errors that were counted in bins; None if it is above the last one, or of none."""
    half = errors.sum() / 2
    place = int(np.searchsorted(np.cumsum(errors), half))
    if half == 0 or place == errors.size - 1:
        return None
    below = errors[:place].sum()
    return float(BIN_MS * (place + (half - below) / errors[place]))


@kernel
def _score(p: np.ndarray, o: np.ndarray, label: int, gap_ms: float, width_ms: float, out: np.ndarray) -> None:
    """Score a prediction; see `Scores.add`."""
    out[:] = 0.0
    best = 0
    for k in range(p.size):
        out[2] += (p[k] - (k == label)) ** 2
        if p[k] > p[best]:
            best = k
    out[3] = best == label
    last = int(gap_ms / SAMPLE_MS + 1e-9)
    samples = min(last, o.shape[0])
    for i in range(samples):
        came = np.exp(-0.5 * (((i + 1) * SAMPLE_MS - gap_ms) / width_ms) ** 2)
        out[5] += came**2
        for k in range(p.size):
            out[4] += (o[i, k] - came * (k == label)) ** 2
    out[0] = -np.log2(max(p[label], LEAST_P))
    own, total = SILENT * p[label], SILENT
    if 0 < last <= o.shape[0]:
        own += o[last - 1, label]
        for k in range(p.size):
            total += o[last - 1, k]
    out[1] = -np.log2(max(own / total, LEAST_P))


@kernel
def add_scores(
    p: np.ndarray,
    o: np.ndarray,
    time_ms: np.ndarray,
    label: int,
    gap_ms: float,
    timed: bool,
    width_ms: float,
    one: np.ndarray,
    added: Added,
) -> None:
    """Score a prediction, write that to ``one``, and add it and, if it is ``timed``, the error of time."""
    _score(p, o, label, gap_ms, width_ms, one)
    errors = added.errors
    for i in range(one.size):
        added.sums[i] += one[i]
    if timed:
        away = abs(time_ms[label] - gap_ms) / BIN_MS
        errors[int(away) if away < errors.size - 1 else errors.size - 1] += 1
