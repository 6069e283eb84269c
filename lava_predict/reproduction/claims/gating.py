"""Claim 9: gating in its phases is needed.

A gate that does not depend on the outcome ("both channels open") leaves the when readout at probability times
timing, which the what readout then multiplies once more; its error is of that kind, not of timing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lava_predict.reports.plot_style import GREY, legend, new_figure, point_style, strip, to_png
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.ablation import (
    NETWORK_ABLATIONS,
    RULE_ABLATIONS,
    ablated,
    ablated_rules,
)
from lava_predict.reproduction.studies.closed_loop import FEEDBACK_GAIN
from lava_predict.reproduction.studies.course import course
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

GATING = ("gate everywhere", "no residual gate", "both channels open", "shuffled error")
"""Ablations of the gate: it opens too widely, too narrowly, for the wrong event, or at the wrong errors."""

_SHUFFLED_TIMING = "shuffled timing"
_TOGETHER = tuple(name for name in RULE_ABLATIONS if name != _SHUFFLED_TIMING)
"""Those that share a reservoir run; shuffled timing, another claim's null as well, is a unit of its own."""
_READOUTS = {
    "when without what": "z / K in place of the prediction, in the whole learner",
    "what without when": "the probability times the best constant, in the whole learner",
}
_CLOSED = {"closed loop": "the when readout is fed back, which it is not in the full rule"}
OTHERS = {
    name: says
    for name, says in (RULE_ABLATIONS | NETWORK_ABLATIONS | _CLOSED | _READOUTS).items()
    if name not in GATING
}
"""Further ablations, shown and not judged."""

_FULL = "full rule"
_WORST = 2.0
_FROM_SHARE = 0.1

_QUANTITY = "error, mean over the tests from a tenth of each block on / of predicting nothing"

CRITERIA = (
    *(
        Criterion(name, f"{name}: {_QUANTITY}", rule=Rule("at least", 1.25, "ratio"), null=_FULL)
        for name in GATING
    ),
    *(Criterion(name, f"{name} ({says}): the same", null=_FULL) for name, says in OTHERS.items()),
)


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    # Rules can be compared on one reservoir only while nothing is fed back to it.
    laid_out = conditions.course(config, seed, ("reservoir", "feedback_gain", 0.0))
    closed = conditions.course(config, seed, ("reservoir", "feedback_gain", FEEDBACK_GAIN))
    return {
        _FULL: unit(course, laid_out),
        "together": unit(ablated_rules, laid_out, ablations=list(_TOGETHER)),
        "closed loop": unit(course, closed),
    } | {name: unit(ablated, laid_out, ablation=name) for name in (_SHUFFLED_TIMING, *NETWORK_ABLATIONS)}


def errors(found: Mapping[str, Found]) -> dict[str, np.ndarray]:
    """Return the relative error of every learner at every probe, (probes,), NaN once it has diverged.

    Parameters
    ----------
    found : mapping of str to Found
        What the units of one seed gave.
    """
    full = found[_FULL]
    alone = {name: found[name]["error"] for name in (_SHUFFLED_TIMING, "closed loop", *NETWORK_ABLATIONS)}
    together = dict(zip(_TOGETHER, found["together"]["error"], strict=True))
    parts = {
        "when without what": relative_error(when_alone(full["z"]), full["truth"]),
        "what without when": relative_error(what_alone(full["p"], full["truth"]), full["truth"]),
    }
    return {_FULL: full["error"], **together, **alone, **parts}


def when_alone(z: np.ndarray) -> np.ndarray:
    """Return the prediction, (probes, steps, K), of the when readout z if all events were equally likely."""
    return np.asarray(np.maximum(z, 0.0) / z.shape[-1])


def what_alone(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the best prediction, (probes, steps, K), that does not change in time.

    Parameters
    ----------
    p : (probes, K) float64
        What readout; it is multiplied by the constant that brings it, in each probe, nearest to the truth.
    truth : (probes, steps, K) float64
        The true prediction object.
    """
    clipped = np.clip(p, 0.0, 1.0)[:, None]
    size = np.sum(clipped**2, axis=(1, 2)) * truth.shape[1]
    fit = np.divide(np.sum(clipped * truth, axis=(1, 2)), size, out=np.zeros_like(size), where=size != 0)
    return np.asarray(fit[:, None, None] * clipped * np.ones_like(truth))


def relative_error(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the RMSE over steps and events, divided by that of predicting nothing, (probes,)."""
    error, nothing = (np.mean(part**2, axis=(1, 2)) for part in (predicted - truth, truth))
    return np.asarray(np.sqrt(error / nothing))


def over_course(found: Found, error: np.ndarray, counted: np.ndarray | None = None) -> float:
    """Average over the tests from a tenth of each block on.

    Parameters
    ----------
    found : Found
        Gives ``block`` and ``trials``, (probes,).
    error : (probes,) float64
        Relative error. One above 2, twice that of predicting nothing, and one after divergence count as 2.
    counted : (blocks,) bool, optional
        Which blocks are averaged; all if left out.
    """
    block, trials = found["block"], found["trials"]
    length = np.array([trials[block == number].max() for number in range(block.max() + 1)])
    shown = trials >= np.maximum(1, np.round(_FROM_SHARE * length))[block]
    if counted is not None:
        shown &= counted[block]
    return float(np.mean(np.fmin(error[shown], _WORST)))


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    by_seed = [{name: over_course(found[_FULL], e) for name, e in errors(found).items()} for found in seeds]
    # The full rule is given no benefit: without a result of it nothing can be said.
    null = np.array(
        [
            one[_FULL] if np.isfinite(found[_FULL]["error"]).all() else np.nan
            for one, found in zip(by_seed, seeds, strict=True)
        ]
    )
    return {
        criterion.key: Measured(np.array([one[criterion.key] for one in by_seed]), null)
        for criterion in CRITERIA
    }


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    names = (_FULL, *GATING, *OTHERS)
    figure = new_figure(9, 5.2)
    panels = figure.subplots(1, 2, sharey=True)
    blocks = np.arange(int(seeds[0][_FULL]["block"].max()) + 1)
    for axes, title, counted in (
        (panels[0], "first block", blocks == 0),
        (panels[1], "after the switches", blocks > 0),
    ):
        by_seed = [
            {name: over_course(found[_FULL], e, counted) for name, e in errors(found).items()}
            for found in seeds
        ]
        rows = np.array([[one[name] for one in by_seed] for name in names])
        _points(axes, rows)
        axes.set(xlabel="error / error of nothing", xlim=(0, None))
        axes.set_title(title, fontsize=10)
    panels[0].set_yticks(np.arange(len(names)), names)
    panels[0].invert_yaxis()
    legend(figure, panels[0].get_legend_handles_labels()[0], columns=5)
    alt = "Error of the full rule and of each ablation, seed by seed: first block, and after the switches."
    caption = (
        "Error of the cue-only prediction, mean over the tests from a tenth of each block on: a point a "
        "seed, a bar their median. An error above 2, and a learner that diverged, stand at 2. The four "
        "ablations of the gate are judged, the others shown."
    )
    return [Picture("gating", to_png(figure), alt, caption)]


def _points(axes: Axes, rows: np.ndarray) -> None:
    """Draw the seeds of every row, (rows, seeds), by what kind of learner it is."""
    strip(axes)
    axes.axvline(1, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="predicting nothing")
    axes.axvline(float(np.median(rows[0])), color=GREY, linewidth=0.8, label="full rule, median")
    kinds = {
        _FULL: range(1),
        "gate ablated": range(1, 1 + len(GATING)),
        "other": range(1 + len(GATING), len(rows)),
    }
    for number, (kind, members) in enumerate(kinds.items()):
        style = point_style(number) | {"linestyle": "", "alpha": 0.7}
        place = np.repeat(np.array(members), rows.shape[1])
        axes.plot(rows[list(members)].ravel(), place, label=kind, **style)
        for row in members:
            median = float(np.median(rows[row]))
            axes.plot([median, median], [row - 0.3, row + 0.3], color=style["color"], linewidth=1.6)


CLAIM = Claim(
    number=9,
    name="gating",
    statement="Learning needs the gate in its phases: open at the event, less elsewhere, shut for others.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
