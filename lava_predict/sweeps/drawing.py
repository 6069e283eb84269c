"""Draws the pictures of a sweep in whatever process this is called: matplotlib is imported then.

A process that draws has not imported what runs, and the process that runs need not import matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lava_predict.sweeps.effects import Effect

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_main_effects(effects: Sequence[Effect]) -> Figure:
    """Draw the error over the values of each setting, as `lava_predict.sweeps.plots.main_effects`."""
    from lava_predict.sweeps import plots

    return plots.main_effects(effects)


def draw_search(effects: Sequence[Effect], best: int) -> Figure:
    """Draw the error of each combination that was tried, as `lava_predict.sweeps.plots.searched`."""
    from lava_predict.sweeps import plots

    return plots.searched(effects, best)
