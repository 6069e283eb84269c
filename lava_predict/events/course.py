"""Scores over the course of a stream, in so few blocks of events that memory does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BLOCKS = 512
"""At most so many are kept. When they are full, two become one."""

_SHOWN = np.array([0, 4, 5])
SMOOTHED_EVENTS, SMOOTHED_SHARE = 100, 0.02
"""A running mean is over so many events, or over this share of the stream if that is more."""


class Running(NamedTuple):
    """Running scores of P predictors at the end of each of B blocks.

    Attributes
    ----------
    events : (B,) int64
        Predicted so far.
    log2_loss, expectation_error : (P, B) float64
        As in `lava_predict.events.Scores`, over the last `over` events. The second is NaN where
        predicting nothing had no error.
    over : int
        At most so many events, in whole blocks.
    """

    events: np.ndarray
    log2_loss: np.ndarray
    expectation_error: np.ndarray
    over: int


class Course:
    """Sums of log2 loss and of both squared errors of o in each block, for each predictor.

    Parameters
    ----------
    names : sequence of str
        The predictors.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._sums = np.zeros((len(self.names), BLOCKS, 3))
        self._events, self._width = 0, 1

    def add(self, scores: np.ndarray) -> None:
        """Add an event: for each predictor a row of what `lava_predict.events.Scores.add` returned."""
        if self._events == BLOCKS * self._width:
            self._sums[:, : BLOCKS // 2] = self._sums[:, ::2] + self._sums[:, 1::2]
            self._sums[:, BLOCKS // 2 :] = 0.0
            self._width *= 2
        block = self._events // self._width
        self._sums[:, block] += scores[:, _SHOWN]
        self._events += 1

    def running(self) -> Running:
        """Return running means at the end of each block."""
        blocks = -(-self._events // self._width)
        events = np.minimum(np.arange(1, blocks + 1) * self._width, self._events)
        over = max(SMOOTHED_EVENTS, int(SMOOTHED_SHARE * self._events))
        start = np.maximum(np.arange(1, blocks + 1) - max(1, over // self._width), 0)
        until = np.zeros((len(self.names), blocks + 1, 3))
        until[:, 1:] = self._sums[:, :blocks].cumsum(1)
        sums = until[:, 1:] - until[:, start]
        count = events - start * self._width
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(sums[..., 2] > 0.0, sums[..., 1] / sums[..., 2], np.nan)
        return Running(events, sums[..., 0] / count, ratio, over)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was added up, for a checkpoint."""
        return {"sums": self._sums, "events": np.array([self._events, self._width])}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self._sums = arrays["sums"].copy()
        self._events, self._width = arrays["events"].tolist()
