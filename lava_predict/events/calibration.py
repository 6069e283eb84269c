"""How stated probabilities and times agree with what came, counted in bins so that memory does not grow."""

from __future__ import annotations

import numpy as np

from lava_predict.events.scores import Prediction
from lava_predict.numerics.compiled import kernel

P_BINS, GAP_BINS = 20, 50


class Calibration:
    """Counts of one predictor.

    Parameters
    ----------
    horizon_ms : float
        Later events, and times stated after it or before 0, do not count in ``gaps``.

    Attributes
    ----------
    p : (3, P_BINS) float64
        Of the probabilities stated for any label at any event, by size from 0 to 1: sum, how many of these
        labels came, number.
    gaps : (GAP_BINS, GAP_BINS) int64
        Events by true gap and by the time stated for the label that came, both from 0 to the horizon.
    """

    def __init__(self, horizon_ms: float) -> None:
        self.horizon_ms = horizon_ms
        self.p = np.zeros((3, P_BINS))
        self.gaps = np.zeros((GAP_BINS, GAP_BINS), np.int64)

    def add(self, prediction: Prediction, label: int, gap_ms: float) -> None:
        """Count a prediction at the event that came."""
        _count(prediction.p, label, self.p)
        stated_ms = float(prediction.time_ms[label])
        if gap_ms <= self.horizon_ms and 0.0 <= stated_ms <= self.horizon_ms:
            true, stated = (
                min(int(time_ms * GAP_BINS / self.horizon_ms), GAP_BINS - 1)
                for time_ms in (gap_ms, stated_ms)
            )
            self.gaps[true, stated] += 1

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all counts, for a checkpoint."""
        return {"p": self.p, "gaps": self.gaps}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self.p, self.gaps = arrays["p"].copy(), arrays["gaps"].copy()


@kernel
def _count(p: np.ndarray, label: int, counts: np.ndarray) -> None:
    """Count the probability of every label; ``counts`` are `Calibration.p`."""
    for k in range(p.size):
        place = min(int(p[k] * P_BINS), P_BINS - 1)
        counts[0, place] += p[k]
        counts[1, place] += k == label
        counts[2, place] += 1.0
