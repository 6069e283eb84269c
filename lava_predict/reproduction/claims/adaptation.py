"""Claim 4: after a switch of timing, probability or both the prediction soon adapts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.comparison.plots import learning_curves, switches
from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.course import course, error_after
from lava_predict.reproduction.studies.floor import floor
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_SOON, _HALF = 0.25, 0.5
"""Shares of a block."""

_FRESH = "first block, from nothing"

CRITERIA = (
    *(
        Criterion(
            kind,
            f"error a quarter of a block after the {kind} switch / right after it",
            rule=Rule("at most", 0.5),
            null=_FRESH,
        )
        for kind in conditions.SWITCHES
    ),
    Criterion(
        "overshoot",
        "estimate beyond the new probability, last three quarters of the block, mean of the switches",
        rule=Rule("at most", 0.05),
    ),
    Criterion(
        "drift",
        "error at the end of a block / in its middle, mean over the blocks after switches",
        rule=Rule("at most", 1.15),
        null=_FRESH,
    ),
    Criterion(
        "floor",
        "error / of predicting nothing, mean over all trials of the course",
        null="ideal observer",
    ),
    Criterion("floor_what", "the same with the true timing: what the estimate of probability costs"),
    Criterion("floor_when", "the same with the true probability: what timing costs"),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    every_trial = list(range(config.task.blocks[0].trials + 1))
    return {
        "course": unit(course, conditions.course(config, seed)),
        "floor": unit(floor, conditions.course(config, seed, ("run", "probe_trials", every_trial))),
    }


def overshoot(found: Found) -> float:
    """Return by how much the estimate passes the new probability in the direction of the change.

    Parameters
    ----------
    found : Found
        Of `course`. Where the estimate stays short of the new probability, the value is negative.
    """
    beyond = []
    for block in range(1, len(found["probability"])):
        change = found["probability"][block] - found["probability"][block - 1]
        if np.any(change):
            late = found["trial_p"][found["trial_block"] == block]
            late = late[round(_SOON * len(late)) :]
            beyond.append(np.mean((late - found["probability"][block]) * np.sign(change)))
    return float(np.mean(beyond))


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    courses = [found["course"] for found in seeds]

    def ratio(block: int, share: float, to: float) -> np.ndarray:
        return np.array([error_after(one, block, share) / error_after(one, block, to) for one in courses])

    switched = range(1, len(conditions.COURSE))
    measured = {
        kind: Measured(ratio(block, _SOON, 0.0), ratio(0, _SOON, 0.0))
        for block, kind in zip(switched, conditions.SWITCHES, strict=True)
    }
    drift = np.mean([ratio(block, 1.0, _HALF) for block in switched], axis=0)
    return measured | {
        "overshoot": Measured(np.array([overshoot(one) for one in courses])),
        "drift": Measured(drift, ratio(0, 1.0, _HALF)),
        "floor": Measured(_mean_error(seeds, "local"), _mean_error(seeds, "observer")),
        "floor_what": Measured(_mean_error(seeds, "local_what")),
        "floor_when": Measured(_mean_error(seeds, "local_when")),
    }


def _mean_error(seeds: Sequence[Mapping[str, Found]], name: str) -> np.ndarray:
    return np.array([found["floor"][name].mean() for found in seeds])


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    first = seeds[0]["course"]
    errors = np.array([found["course"]["error"] for found in seeds])
    fresh = errors[:, first["block"] == 0]
    panels = {
        f"{kind} switch": {"after the switch": errors[:, first["block"] == block], "first block": fresh}
        for block, kind in enumerate(conditions.SWITCHES, start=1)
    }
    figure = switches(first["trials"][first["block"] == 0], panels)
    alt = "Error over the trials after each kind of switch, beside the first block; it falls in all."
    caption = (
        "Error after each kind of switch, beside learning from nothing: median and quartiles over seeds."
    )
    return [Picture("adaptation", to_png(figure), alt, caption), _draw_floor(seeds)]


def _draw_floor(seeds: Sequence[Mapping[str, Found]]) -> Picture:
    first = seeds[0]["floor"]
    names = {
        "local rules": "local",
        "with the true timing": "local_what",
        "with the true probability": "local_when",
    }
    nulls = {"ideal observer": "observer", "observer without change points": "counting_observer"}

    def errors(of: Mapping[str, str]) -> dict[str, np.ndarray]:
        return {label: np.array([found["floor"][name] for found in seeds]) for label, name in of.items()}

    figure = learning_curves(first["trial"], first["block"], errors(names), errors(nulls), markers=False)
    alt = "Error before every trial of the local rules and its parts, above that of the ideal observer."
    caption = (
        "Error before every trial, beside the ideal observer's; with the true timing what is left is the "
        "estimate of the probability, with the true probability it is the timing."
    )
    return Picture("floor", to_png(figure), alt, caption)


CLAIM = Claim(
    number=4,
    name="adaptation",
    statement="After a switch of timing, probability or both the prediction soon adapts, and neither "
    "overshoots nor drifts.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
