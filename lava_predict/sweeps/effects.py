"""The effect of a setting on the error, and the pictures of effects, which another process may draw.

Such a process has not imported what runs, and the process that runs need not import matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def draw_main_effects(effects: Sequence[Effect]) -> Figure:
    """Draw the error over the values of each setting, as `lava_predict.sweeps.plots.main_effects`."""
    from lava_predict.sweeps import plots

    return plots.main_effects(effects)


def draw_search(effects: Sequence[Effect], best: int) -> Figure:
    """Draw the error of each combination that was tried, as `lava_predict.sweeps.plots.searched`."""
    from lava_predict.sweeps import plots

    return plots.searched(effects, best)
