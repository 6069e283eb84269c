"""Claim 7: what and when are read from near-orthogonal subspaces, and the weights hold the statistics.

The angle by least squares tells whether it comes with the local rules or with any readouts that do both
jobs. One merged readout has no angle: it has one set of rows.

The components are of the raw weights, as the claim says; both readouts weigh traces of the same cells
in the same unit. In equal variance, shown for comparison, the what weights almost always give the first
component (docs/reproduction.md says why). Distances are in equal variance, since otherwise the when weights,
whose traces are smaller, would decide them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lava_predict.analysis import geometry
from lava_predict.reports import plot_style as style
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import LATENCIES_MS, LEVELS, SWITCHES, with_blocks
from lava_predict.reproduction.studies.ablation import ablated_rules
from lava_predict.reproduction.studies.baselines import baselines
from lava_predict.reproduction.studies.blocks import block_ends, learn_blocks, of_rule, trials_before
from lava_predict.reproduction.studies.geometry import endpoints, visited_states
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit

_SHUFFLES = 500
_STAYED_UNDER = 95.0
"""Percentile of the shuffled conditions that stands as the null of a sorting."""

_UNCENTRED = "no centring"

_AXIS_COMPONENTS = 4
"""Two for the three pairs of latencies, one for the probability, one to spare."""

_SHARES = 10.0 ** np.arange(-3.0, 1.01, 0.05)
"""Variance of the what weights in that of the when weights, tried for the least at which PC1 sorts by one."""

_SORTS = 0.9
"""As the rule of the claim."""

_SEARCHED = 10
"""Components among which the one that sorts best by probability is sought."""

_MARKERS = [style.point_style(number)["marker"] for number in range(len(LATENCIES_MS))]


def _units(config: Config, seed: int) -> Units:
    laid_out = with_blocks(config, seed)
    latencies_ms = [list(pair) for pair in LATENCIES_MS]
    return {
        "blocks": unit(learn_blocks, laid_out),
        "baselines": unit(baselines, laid_out),
        _UNCENTRED: unit(ablated_rules, laid_out, ablations=[_UNCENTRED]),
        "visited": unit(visited_states, laid_out),
        "endpoints": unit(endpoints, laid_out, probabilities=LEVELS.tolist(), latencies_ms=latencies_ms),
    }


def learner(found: Results, of: str) -> Found:
    """Return the run of "blocks", "no centring", or a rule of the baselines on the four blocks."""
    return found[of] if of == "blocks" else of_rule(found[of if of in found else "baselines"], of)


def rows(found: Found) -> tuple[np.ndarray, np.ndarray]:
    """Return what and when weights, a constant input left out, (conditions or probes, K, N) each."""
    what = found["w_what"]
    return what, found["w_when"][..., : what.shape[-1]]


def sizes(ends: Found) -> tuple[float, float]:
    """Return the root of the total variance over conditions of the what and of the when weights."""
    what, when = (float(np.sqrt(np.sum(np.var(part, axis=0)))) for part in rows(ends))
    return what, when


def joined(found: Found, size: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Set what and when weights, each divided by a size, side by side, (conditions or probes, D)."""
    parts = zip(rows(found), size, strict=True)
    return np.hstack([part.reshape(len(part), -1) / each for part, each in parts])


def size_of_correlation(scores: np.ndarray, probability: np.ndarray) -> float:
    """Return |rank correlation|; the sign of a component has no meaning."""
    return abs(geometry.spearman(scores, probability))


def sorting(ends: Found, size: tuple[float, float] = (1.0, 1.0)) -> dict[str, tuple[float, float]]:
    """Measure by what the components of the end weights, each divided by a size, sort the conditions.

    Returns ``probability``, ``latency`` and ``axes`` as the criteria say, each with its null; ``component``,
    counted from 1, without one. NaN if any condition diverged.
    """
    weights, probability = joined(ends, size), ends["probability"]
    if not np.isfinite(weights).all():
        return dict.fromkeys(("probability", "latency", "axes", "component"), (np.nan, np.nan))
    scores = geometry.principal_components(weights).scores
    # In ms of the first event: the axis is one direction.
    latency_ms = np.array(LATENCIES_MS)[ends["latency"], 0]
    tests: dict[str, tuple[Callable[..., float], np.ndarray, list[np.ndarray], float]] = {
        "probability": (size_of_correlation, scores[:, 0], [probability], _STAYED_UNDER),
        "latency": (geometry.separation, scores[:, 1], [ends["latency"]], _STAYED_UNDER),
        "axes": (geometry.axis_angle, scores[:, :_AXIS_COMPONENTS], [probability, latency_ms], 50.0),
    }
    found = {}
    for name, (statistic, values, labels, percentile) in tests.items():
        null = geometry.shuffled(statistic, values, labels, _SHUFFLES, seed=0)
        found[name] = (statistic(values, *labels), float(np.percentile(null, percentile)))
    by_component = [size_of_correlation(one, probability) for one in scores.T[:_SEARCHED]]
    found["component"] = (1.0 + int(np.argmax(by_component)), np.nan)
    return found


def share_needed(ends: Found) -> float:
    """Return the least of `_SHARES` at which the first component sorts by probability; NaN if none does."""
    what, when = sizes(ends)
    for share in _SHARES:
        weights = joined(ends, (what / np.sqrt(share), when))
        if not np.isfinite(weights).all():
            break
        scores = geometry.principal_components(weights).scores[:, 0]
        if size_of_correlation(scores, ends["probability"]) >= _SORTS:
            return float(share)
    return np.nan


def matching(ends: Found, run: Found) -> np.ndarray:
    """Return the index of the endpoint of each block's statistics, (blocks,)."""
    latencies = np.array(LATENCIES_MS)
    number = [int(np.argmin(np.abs(latencies - pair).sum(axis=1))) for pair in run["latency_ms"]]
    away = np.abs(run["probability"][:, :1] - ends["probability"])
    return np.asarray(np.where(ends["latency"] == np.array(number)[:, None], away, np.inf).argmin(axis=1))


def to_endpoints(ends: Found, run: Found) -> np.ndarray:
    """Return the distance in equal variance of each probe from each endpoint, (probes, conditions)."""
    size = sizes(ends)
    return geometry.distances(joined(run, size), joined(ends, size))


def approach(ends: Found, run: Found) -> dict[str, tuple[float, float]]:
    """Measure how near the weights of `learn_blocks` come to the matching `endpoints` after switches.

    Returns ``nearest`` and ``distance`` as the criteria say, means over switches, with their nulls.
    """
    distance = to_endpoints(ends, run)
    own, last = matching(ends, run), block_ends(run)
    first = np.concatenate([[0], last[:-1] + 1])
    nearer = [
        [geometry.share_nearer(distance[at[block]], own[block]) for block in range(1, len(own))]
        for at in (last, first)
    ]
    to_own = distance[last, own]
    return {
        "nearest": (float(np.mean(nearer[0])), float(np.mean(nearer[1]))),
        "distance": (float(to_own[1:].mean()), float(to_own[0])),
    }


def _measure(found: Results, place: int) -> Values:
    def at_ends(measure: Callable[..., np.ndarray], of: str) -> float:
        run = learner(found, of)
        return float(measure(*rows(run))[block_ends(run)].mean())

    random = {name: float(values.mean()) for name, values in found["visited"].items()}
    ends = found["endpoints"]
    what, when = sizes(ends)
    raw, equal = sorting(ends), sorting(ends, (what, when))
    angle = at_ends(geometry.smallest_angles, "blocks")
    return {
        "angle": (angle, random["angle_anywhere"]),
        "angle_visited": (angle, random["angle"]),
        "angle_uncentred": at_ends(geometry.smallest_angles, _UNCENTRED),
        "angle_rls": at_ends(geometry.smallest_angles, "rls kept"),
        "cosine": (at_ends(geometry.mean_cosines, "blocks"), random["cosine_anywhere"]),
        "component": raw.pop("component")[0],
        **raw,
        "share": (what / when) ** 2,
        "share_needed": share_needed(ends),
        **{f"{key}_equal": equal[key] for key in ("probability", "latency")},
        **approach(ends, found["blocks"]),
    }


def _angle_picture(seeds: Seeds) -> Figure:
    """Draw the angle over training and, as bands, that of random rows."""
    run = seeds[0]["blocks"]
    # Before the first trial all weights are 0 and have no angle.
    trials, learned = trials_before(run), slice(1, None)
    figure, axes = style.one_panel(8, 4)
    nulls = {"random rows, all cells": "angle_anywhere", "random rows, states visited": "angle"}
    for line, (name, key) in enumerate(nulls.items()):
        low, middle, high = np.nanpercentile(over_seeds(seeds, "visited", key), (5.0, 50.0, 95.0))
        axes.plot(trials[[1, -1]], [middle, middle], label=name, **style.null_style(line))
        axes.fill_between(trials[[1, -1]], low, high, color=style.GREY, alpha=0.15, linewidth=0)
    learners = {"own rules": "blocks", "own, uncentred traces": _UNCENTRED, "least squares": "rls kept"}
    for line, (name, of) in enumerate(learners.items()):
        values = np.array([geometry.smallest_angles(*rows(learner(found, of)))[learned] for found in seeds])
        style.median_and_band(axes, trials[learned], values, name, style.point_style(line))
    for place in block_ends(run)[:-1]:
        style.mark_switch(axes, float(trials[place]))
    axes.set(xlabel="training trials", ylabel="smallest angle, what to when (degrees)", ylim=(0, 92))
    return style.legend(figure, columns=3)


def _component_picture(ends: Found) -> Figure:
    """Draw every condition along the first two components, as they are and in equal variance."""
    figure, (panels,) = style.panels(1, 2, 8.4, 4.2)
    names = ["A at {:g} ms, B at {:g} ms".format(*pair) for pair in LATENCIES_MS]
    titles = {"raw weights": (1.0, 1.0), "what and when of equal variance": sizes(ends)}
    for axes, (title, size) in zip(panels, titles.items(), strict=True):
        axes.set_title(title, fontsize=10)
        weights = joined(ends, size)
        axes.set(xlabel="PC1", ylabel="PC2")
        if not np.isfinite(weights).all():
            continue
        found = geometry.principal_components(weights)
        for number, (marker, name) in enumerate(zip(_MARKERS, names, strict=True)):
            shown = ends["latency"] == number
            marks: dict[str, Any] = {"cmap": "cividis", "vmin": 0.0, "vmax": 1.0, "marker": marker}
            dots = axes.scatter(*found.scores[shown, :2].T, c=ends["probability"][shown], label=name, **marks)
        xlabel, ylabel = (
            f"PC{n} ({100 * share:.0f} % of the variance)" for n, share in enumerate(found.explained[:2], 1)
        )
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.set_aspect("equal", adjustable="datalim")
    if style.keys(panels[0]):
        figure.colorbar(dots, ax=panels, label="probability of A")
        # The colour of a marker is a probability, so the legend's have none.
        grey: dict[str, Any] = {"linestyle": "", "color": style.GREY}
        pairs = zip(_MARKERS, names, strict=True)
        style.legend(figure, [style.key(name, marker=marker, **grey) for marker, name in pairs])
    return figure


def _path_picture(seeds: Seeds) -> Figure:
    """Draw the distance to the matching endpoint, the former one and the others after every switch."""
    run = seeds[0]["blocks"]
    figure, (panels,) = style.panels(1, len(SWITCHES), 9.5, 3.8, sharey=True)
    distance = [to_endpoints(found["endpoints"], found["blocks"]) for found in seeds]
    own = matching(seeds[0]["endpoints"], run)
    fresh = np.array([each[block_ends(run)[0], own[0]] for each in distance])
    for block, (axes, switch) in enumerate(zip(panels, SWITCHES, strict=True), start=1):
        axes.set_title(f"{switch} switch", fontsize=10)
        shown = run["block"] == block
        trials, here = run["trials"][shown], np.array([each[shown] for each in distance])
        others = np.delete(here, own[[block - 1, block]], axis=2).mean(axis=2)
        matched, former = here[:, :, own[block]], here[:, :, own[block - 1]]
        style.median_and_band(axes, trials, others, "other endpoints (mean)", style.null_style(0))
        axes.axhline(np.median(fresh), label="matching, learned from nothing", **style.null_style(2))
        style.median_and_band(axes, trials, matched, "matching endpoint", style.point_style(0))
        style.median_and_band(axes, trials, former, "former endpoint", style.point_style(1))
        axes.set_xlabel("trials since the switch")
    panels[0].set(ylabel="distance of the weights", ylim=(0, None))
    return style.legend(figure)


def _draw(config: Config, seeds: Seeds) -> Figures:
    return {
        "readout_angles": _angle_picture(seeds),
        "weight_components": _component_picture(seeds[0]["endpoints"]),
        "weight_paths": _path_picture(seeds),
    }


CLAIM = stated("geometry", _units, _measure, _draw)
