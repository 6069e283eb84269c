"""The effect of a setting on the error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Effect:
    """A setting and the errors at its values.

    Attributes
    ----------
    key : str
        The setting.
    texts : sequence of str
        Its values, (values,).
    error, counting : (seeds, values) float64
        Of the network and of a learner that only counts, at the blocks' ends, divided by that of predicting
        nothing; NaN where a run diverged.
    """

    key: str
    texts: Sequence[str]
    error: np.ndarray
    counting: np.ndarray
