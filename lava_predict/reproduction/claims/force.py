"""Claim 5: recursive least squares (FORCE) learns as well, but re-learns only if its P is reset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lava_predict.comparison import plots as comparison_plots
from lava_predict.reports.plot_style import to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.baselines import baselines, of_rule
from lava_predict.reproduction.studies.course import error_after
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_SOON = 0.25
"""Share of a block."""

_LATER_SWITCHES = (2, 3)
"""Blocks that the second and third switch, of timing and of both, begin."""

_LINES = ("local", "rls kept", "rls reset", "rls forgetting", "broadcast")

_LATER = "a quarter of a block after the second and third switch"
_LOCAL = "the network's own rule"

CRITERIA = (
    Criterion(
        "first_block",
        "RLS: error at the end of the first block / of predicting nothing",
        rule=Rule("at most", 1.25, "ratio"),
        null=_LOCAL,
    ),
    Criterion("kept", f"RLS, P kept: error {_LATER}", rule=Rule("at least", 1.5, "ratio"), null=_LOCAL),
    Criterion(
        "reset",
        f"RLS, P reset at each switch: error {_LATER}",
        rule=Rule("at most", 1.25, "ratio"),
        null=_LOCAL,
    ),
    Criterion("forgetting", f"RLS with forgetting: error {_LATER}", null=_LOCAL),
    Criterion("broadcast", f"broadcast reward: error {_LATER}", null=_LOCAL),
    Criterion(
        "broadcast_ends", "broadcast reward: error at the block's end, mean of all blocks", null=_LOCAL
    ),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    return {"baselines": unit(baselines, conditions.course(config, seed))}


def later_error(found: Found, rule: str) -> float:
    """Return the relative error of a rule soon after the second and third switch, their mean."""
    return float(np.mean([error_after(of_rule(found, rule), block, _SOON) for block in _LATER_SWITCHES]))


def error_at_ends(found: Found, rule: str, blocks: Sequence[int]) -> float:
    """Return the relative error of a rule at the ends of some blocks, their mean."""
    return float(np.mean([error_after(of_rule(found, rule), block, 1.0) for block in blocks]))


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    def later(rule: str) -> np.ndarray:
        return np.array([later_error(found["baselines"], rule) for found in seeds])

    def ends(rule: str, *blocks: int) -> np.ndarray:
        return np.array([error_at_ends(found["baselines"], rule, blocks) for found in seeds])

    every_block = range(len(conditions.COURSE))
    rls = {key: Measured(later(f"rls {key}"), later("local")) for key in ("kept", "reset", "forgetting")}
    return rls | {
        "first_block": Measured(ends("rls kept", 0), ends("local", 0)),
        "broadcast": Measured(later("broadcast"), later("local")),
        "broadcast_ends": Measured(ends("broadcast", *every_block), ends("local", *every_block)),
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    first = seeds[0]["baselines"]
    trials = first["trials"] + first["block"] * first["trials"].max()
    errors = {
        rule.replace("rls", "RLS,"): np.array([found["baselines"][f"{rule}: error"] for found in seeds])
        for rule in _LINES
    }
    figure = comparison_plots.learning_curves(trials, first["block"], errors)
    alt = (
        "Error over four blocks for the network's own rule, recursive least squares with P kept, reset and "
        "forgetting, and a broadcast reward."
    )
    caption = (
        "Error of the cue-only prediction over the course, every rule on the same reservoir and the same "
        "streams: median and quartiles over seeds. P kept and P reset are one rule until the first switch."
    )
    return [Picture("force", to_png(figure), alt, caption)]


CLAIM = Claim(
    number=5,
    name="force",
    statement="FORCE/RLS is as good as the local rules in the first block, poor after later switches, and "
    "rescued by an explicit reset.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
