"""Figures over seeds: mean and standard deviation, as values and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lava_predict.settings.plain_values import Maybe

OVER_SEEDS = {"mean": Maybe(float), "sd": Maybe(float), "seeds": [Maybe(float)]}
"""What `mean_and_deviation` is in summary.json."""


def mean_and_deviation(values: Any) -> dict[str, Any]:
    """Return "mean" and "sd" of the known (not NaN) of (seeds,) values, and all of them as "seeds".

    The mean is NaN if no value is known, the standard deviation if fewer than two are.
    """
    array = np.asarray(values, np.float64)
    known = array[~np.isnan(array)]
    return {
        "mean": known.mean() if known.size else np.nan,
        "sd": known.std(ddof=1) if known.size > 1 else np.nan,
        "seeds": array,
    }


def in_words(figure: Mapping[str, Any], form: str = ".3f") -> str:
    """Write mean and deviation as `mean_and_deviation` gives them, with a dash for what is not known."""
    if figure["mean"] is None or not np.isfinite(figure["mean"]):
        return "–"
    spread = figure["sd"]
    return f"{figure['mean']:{form}} ± {'–' if spread is None or np.isnan(spread) else format(spread, form)}"
