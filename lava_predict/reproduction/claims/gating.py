"""Claim 9: gating in its phases is needed.

A gate that does not depend on the outcome ("both channels open") leaves the when readout at probability times
timing, which the what readout then multiplies again; the error is this extra factor, not timing.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from lava_predict.reports.plot_style import GREY, legend, panels, point_style
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, stated
from lava_predict.reproduction.conditions import CLOSED_LOOP, OPEN_LOOP, with_blocks
from lava_predict.reproduction.studies.ablation import (
    NETWORK_ABLATIONS,
    RULE_ABLATIONS,
    ablated_rules,
    network_changes,
)
from lava_predict.reproduction.studies.blocks import block_ends, learn_blocks
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit

GATING = ("gate everywhere", "no residual gate", "both channels open", "shuffled error")
"""Ablations of the gate: it opens too widely, too narrowly, for the wrong event, or at the wrong errors."""

_SHUFFLED_TIMING = "shuffled timing"
_TOGETHER = tuple(name for name in RULE_ABLATIONS if name != _SHUFFLED_TIMING)
"""Those that share a reservoir run; shuffled timing, another claim's null as well, is a unit of its own."""
_OTHER_LEARNERS = ("closed loop", "when without what", "what without when")
OTHERS = tuple(name for name in (*RULE_ABLATIONS, *NETWORK_ABLATIONS, *_OTHER_LEARNERS) if name not in GATING)
"""Further ablations, shown and not judged."""

_FULL = "full rule"
_WORST = 2.0
_FROM_SHARE = 0.1


def _units(config: Config, seed: int) -> Units:
    # Rules can be compared on one reservoir only while nothing is fed back to it.
    laid_out = with_blocks(config, seed, OPEN_LOOP)
    return {
        _FULL: unit(learn_blocks, laid_out),
        "together": unit(ablated_rules, laid_out, ablations=list(_TOGETHER)),
        _SHUFFLED_TIMING: unit(ablated_rules, laid_out, ablations=[_SHUFFLED_TIMING]),
        "closed loop": unit(learn_blocks, with_blocks(config, seed, CLOSED_LOOP)),
    } | {
        name: unit(learn_blocks, with_changes(laid_out, network_changes(laid_out, name)))
        for name in NETWORK_ABLATIONS
    }


def errors(found: Results) -> dict[str, np.ndarray]:
    """Return the relative error of every learner at every probe, (probes,), NaN once it has diverged."""
    full = found[_FULL]
    by_rule = found["together"] | found[_SHUFFLED_TIMING]
    return {
        **{name: by_rule[f"{name}: error"] for name in RULE_ABLATIONS},
        **{name: found[name]["error"] for name in (_FULL, "closed loop", *NETWORK_ABLATIONS)},
        "when without what": relative_error(when_alone(full["z"]), full["truth"]),
        "what without when": relative_error(what_alone(full["p"], full["truth"]), full["truth"]),
    }


def when_alone(z: np.ndarray) -> np.ndarray:
    """Return the prediction, (probes, steps, K), of the when readout z if all events were equally likely."""
    return np.asarray(np.maximum(z, 0.0) / z.shape[-1])


def what_alone(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the best prediction, (probes, steps, K), that does not change in time.

    In each probe the what readout p, (probes, K), is multiplied by the constant that brings it nearest to
    the truth, (probes, steps, K).
    """
    clipped = np.clip(p, 0.0, 1.0)[:, None]
    size = np.sum(clipped**2, axis=(1, 2)) * truth.shape[1]
    fit = np.divide(np.sum(clipped * truth, axis=(1, 2)), size, out=np.zeros_like(size), where=size != 0)
    return np.asarray(fit[:, None, None] * clipped * np.ones_like(truth))


def relative_error(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the RMSE over steps and events, divided by that of predicting nothing, (probes,)."""
    error, nothing = (np.mean(part**2, axis=(1, 2)) for part in (predicted - truth, truth))
    return np.asarray(np.sqrt(error / nothing))


def mean_error(found: Found, error: np.ndarray, counted: np.ndarray | None = None) -> float:
    """Average relative errors, (probes,), over the tests from a tenth of each block on.

    An error above 2, twice that of predicting nothing, and one after divergence count as 2. Of the blocks
    only those are averaged that are marked in ``counted``, (blocks,), if it is given.
    """
    block, trials = found["block"], found["trials"]
    first = np.maximum(1, np.round(_FROM_SHARE * trials[block_ends(found)]))
    shown = trials >= first[block]
    if counted is not None:
        shown &= counted[block]
    return float(np.mean(np.fmin(error[shown], _WORST)))


def _measure(found: Results, place: int) -> Values:
    means = {name: mean_error(found[_FULL], error) for name, error in errors(found).items()}
    # The full rule is given no benefit: without a result of it nothing can be said.
    full = means.pop(_FULL)
    null = full if np.isfinite(found[_FULL]["error"]).all() else np.nan
    return {name: (mean, null) for name, mean in means.items()}


def _draw(config: Config, seeds: Seeds) -> Figures:
    names = (_FULL, *GATING, *OTHERS)
    figure, (both,) = panels(1, 2, 9, 5.2, sharey=True)
    first = np.arange(len(seeds[0][_FULL]["probability"])) == 0
    shown = {"first block": first, "after the switches": ~first}
    by_seed = [errors(found) for found in seeds]
    for axes, (title, counted) in zip(both, shown.items(), strict=True):
        rows = [[mean_error(seeds[0][_FULL], each[name], counted) for each in by_seed] for name in names]
        _points(axes, np.array(rows))
        axes.set(xlabel="error / error of nothing", xlim=(0, None))
        axes.set_title(title, fontsize=10)
    both[0].set_yticks(np.arange(len(names)), names)
    both[0].invert_yaxis()
    return {"gating": legend(figure, columns=5)}


def _points(axes: Axes, rows: np.ndarray) -> None:
    """Draw the seeds of every row, (rows, seeds), by what kind of learner it is."""
    axes.axvline(1, color="black", linewidth=0.8, linestyle=(0, (2, 2)), label="predicting nothing")
    axes.axvline(float(np.median(rows[0])), color=GREY, linewidth=0.8, label="full rule, median")
    kinds = {
        _FULL: range(1),
        "gate ablated": range(1, 1 + len(GATING)),
        "other": range(1 + len(GATING), len(rows)),
    }
    for number, (kind, members) in enumerate(kinds.items()):
        style = point_style(number) | {"linestyle": "", "alpha": 0.7}
        place, values = np.array(members), rows[members.start : members.stop]
        axes.plot(values.ravel(), np.repeat(place, rows.shape[1]), label=kind, **style)
        medians = np.tile(np.median(values, axis=1), (2, 1))
        axes.plot(medians, [place - 0.3, place + 0.3], color=style["color"], linewidth=1.6)


CLAIM = stated("gating", _units, _measure, _draw)
