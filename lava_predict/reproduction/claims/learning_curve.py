"""Claim 1: the error falls within a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.comparison import plots as comparison_plots
from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.ablation import ablated
from lava_predict.reproduction.studies.course import course, error_after
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_SHARES = {"tenth": 0.1, "half": 0.5, "end": 1.0}
"""How much of the block has been learned."""
_ONE_TRIAL = 0.01

CRITERIA = (
    Criterion("first", "error after one trial / of predicting nothing"),
    Criterion(
        "tenth",
        "error after 10 % of the block / after one trial",
        "0.71",
        Rule("at most", 0.71),
        "shuffled timing",
    ),
    Criterion(
        "half",
        "error after half of the block / after one trial",
        "0.48",
        Rule("at most", 0.48),
        "shuffled timing",
    ),
    Criterion(
        "end", "error at the block's end / after one trial", "0.44", Rule("at most", 0.44), "shuffled timing"
    ),
    Criterion(
        "learned",
        "error at the block's end / of predicting nothing",
        rule=Rule("at most", 0.5, "ratio"),
        null="shuffled timing",
    ),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    laid_out = conditions.course(config, seed)
    return {"course": unit(course, laid_out), "shuffled": unit(ablated, laid_out, ablation="shuffled timing")}


def first_block(found: Found) -> tuple[np.ndarray, np.ndarray]:
    """Return trials learned and relative error of the probes of the first block, (probes,) each."""
    shown = found["block"] == 0
    return found["trials"][shown], found["error"][shown]


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    def each(of: str, share: float) -> np.ndarray:
        return np.array([error_after(found[of], 0, share) for found in seeds])

    first, null = each("course", _ONE_TRIAL), each("shuffled", _ONE_TRIAL)
    falls = {
        key: Measured(each("course", share) / first, each("shuffled", share) / null)
        for key, share in _SHARES.items()
    }
    return falls | {"first": Measured(first), "learned": Measured(each("course", 1.0), each("shuffled", 1.0))}


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    trials, _ = first_block(seeds[0]["course"])
    error, null = (np.array([first_block(found[of])[1] for found in seeds]) for of in ("course", "shuffled"))
    figure = comparison_plots.learning_curves(
        trials, np.zeros_like(trials), {"both rules": error}, {"shuffled timing": null}
    )
    alt = "Error over the trials of the first block; it falls, and does not with shuffled timing."
    caption = "Error of the cue-only prediction in the first block: median and quartiles over seeds."
    return [Picture("learning_curve", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=1,
    name="learning-curve",
    statement="Within a block of fixed statistics the error of the cue-only prediction falls.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
