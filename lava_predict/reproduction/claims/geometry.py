"""Claim 7: what and when are read from near-orthogonal subspaces, and the weights hold the statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.analysis import geometry
from lava_predict.reports.plot_style import (
    GREY,
    keys,
    legend,
    median_and_band,
    new_figure,
    null_style,
    point_style,
    strip,
    to_png,
)
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Claim, Criterion, Measured, Picture, Rule
from lava_predict.reproduction.studies.baselines import baselines, of_rule
from lava_predict.reproduction.studies.course import course
from lava_predict.reproduction.studies.geometry import endpoints, visited_states
from lava_predict.reproduction.unit import Found, Unit, unit
from lava_predict.settings.schema import Config

_SHUFFLES = 500
_STAYED_UNDER = 95.0
"""Percentile of the shuffled conditions that stands as the null of a sorting."""

_AXIS_COMPONENTS = 4
"""In which the axes of probability and of latency are sought: two for the three pairs of latencies, one for
the probability, one to spare."""

_SEARCHED = 10
"""Components among which the one that sorts best by probability is sought."""

CRITERIA = (
    Criterion(
        "angle",
        "smallest angle between what and when rows at the ends of blocks (degrees)",
        rule=Rule("at least", 80.0),
        null="random rows of as many cells",
    ),
    Criterion(
        "angle_visited",
        "the same angle, against chance where the reservoir goes",
        rule=Rule("at least", 0.0, "difference"),
        null="random rows within the states visited",
    ),
    Criterion("angle_uncentred", "the same angle, when rule on uncentred traces"),
    Criterion("angle_rls", "the same angle, both readouts taught by recursive least squares"),
    Criterion(
        "cosine",
        "mean absolute cosine of what and when rows at the ends of blocks",
        null="random rows of as many cells",
    ),
    Criterion(
        "probability",
        "PC1 of the end weights sorts by probability (absolute rank correlation)",
        rule=Rule("at least", 0.9),
        null="95 % of shuffled conditions stay under",
    ),
    Criterion(
        "latency",
        "PC2 of the end weights sorts by latency (share of its variance between the pairs)",
        rule=Rule("at least", 0.8),
        null="95 % of shuffled conditions stay under",
    ),
    Criterion("component", "which component of the end weights sorts best by probability"),
    Criterion(
        "probability_equal",
        "PC1 by probability, what and when weights of equal variance",
        null="95 % of shuffled conditions stay under",
    ),
    Criterion(
        "latency_equal",
        "PC2 by latency, what and when weights of equal variance",
        null="95 % of shuffled conditions stay under",
    ),
    Criterion(
        "axes",
        "angle between the axes of probability and latency (degrees)",
        null="median of shuffled conditions",
    ),
    Criterion(
        "nearest",
        "share of other endpoints nearer than the matching one, a block after a switch",
        rule=Rule("at most", 0.1),
        null="at the switch",
    ),
    Criterion(
        "distance",
        "distance to the matching endpoint, a block after a switch",
        rule=Rule("at most", 1.5, "ratio"),
        null="a block learned from nothing",
    ),
)
"""The angle by least squares tells whether it comes with the local rules or with any readouts that do both
jobs. One merged readout has no angle: it has one set of rows.

Components are of the weights as they are, which is what the claim says, and both readouts weigh traces of
the same cells in the same unit. In equal variance, which is shown beside, the what weights can hardly but
give the first component: nearly all of their half of the variance lies along one direction, while the
three pairs of latencies share the other half between two. Distances are in equal variance, since else the
when weights, whose traces are smaller, would decide them alone."""


def _units(config: Config, seed: int) -> Mapping[str, Unit]:
    laid_out = conditions.course(config, seed)
    crossed = {
        "probabilities": conditions.LEVELS.tolist(),
        "latencies_ms": [list(pair) for pair in conditions.LATENCIES_MS],
    }
    return {
        "course": unit(course, laid_out),
        "baselines": unit(baselines, laid_out),
        "uncentred": unit(course, conditions.course(config, seed, ("readout", "centred", False))),
        "visited": unit(visited_states, laid_out),
        "endpoints": unit(endpoints, laid_out, **crossed),
    }


def learner(found: Mapping[str, Found], of: str) -> Found:
    """Return the run of "course", "uncentred", or "rls" (P kept at switches) on the course of blocks."""
    return of_rule(found["baselines"], "rls kept") if of == "rls" else found[of]


def angles(found: Found) -> np.ndarray:
    """Smallest angle between what and when rows, the constant input left out, in degrees, (probes,)."""
    return geometry.smallest_angles(found["w_what"], found["w_when"][..., :-1])


def cosines(found: Found) -> np.ndarray:
    """Mean |cos| of every what row with every when row, the constant input left out, (probes,)."""
    return geometry.mean_cosines(found["w_what"], found["w_when"][..., :-1])


def at_ends(found: Found) -> np.ndarray:
    """Index of the last probe of each block, (blocks,)."""
    return np.flatnonzero(np.diff(found["block"], append=-1))


def sizes(ends: Found) -> tuple[float, float]:
    """Root of the total variance over conditions of the what and of the when weights."""
    what, when = (np.sqrt(np.sum(np.var(part, axis=0))) for part in _parts(ends))
    return float(what), float(when)


def joined(found: Found, size: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Set what and when weights, each divided by a size, side by side, (conditions or probes, D)."""
    return np.hstack([part / each for part, each in zip(_parts(found), size, strict=True)])


def _parts(found: Found) -> tuple[np.ndarray, np.ndarray]:
    """Return what and when weights from the cells, flattened."""
    what, when = found["w_what"], found["w_when"][..., :-1]
    return what.reshape(len(what), -1), when.reshape(len(when), -1)


def size_of_correlation(scores: np.ndarray, probability: np.ndarray) -> float:
    """Return |rank correlation|; the sign of a component has no meaning."""
    return abs(geometry.spearman(scores, probability))


def sorting(ends: Found, size: tuple[float, float] = (1.0, 1.0)) -> dict[str, tuple[float, float]]:
    """Measure what the components of the end weights sort the conditions by.

    Parameters
    ----------
    ends : Found
        Of `endpoints`.
    size : (float, float)
        What to divide the what and when weights by.

    Returns
    -------
    dict of str to (float, float)
        ``probability``, ``latency`` and ``axes`` as the criteria say, each with its null; ``component``,
        counted from 1. NaN if any condition's learning diverged.
    """
    weights, probability = joined(ends, size), ends["probability"]
    nothing = (np.nan, np.nan)
    if not np.isfinite(weights).all():
        return dict.fromkeys(("probability", "latency", "axes", "component"), nothing)
    scores = geometry.principal_components(weights).scores
    # In ms of the first event: the axis is one direction.
    latency_ms = np.array(conditions.LATENCIES_MS)[ends["latency"], 0]
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


def matching(ends: Found, run: Found) -> np.ndarray:
    """Index of the endpoint of each block's statistics, (blocks,)."""
    latencies = np.array(conditions.LATENCIES_MS)
    number = [int(np.argmin(np.abs(latencies - pair).sum(axis=1))) for pair in run["latency_ms"]]
    away = np.abs(run["probability"][:, :1] - ends["probability"])
    return np.asarray(np.where(ends["latency"] == np.array(number)[:, None], away, np.inf).argmin(axis=1))


def approach(ends: Found, run: Found) -> dict[str, tuple[float, float]]:
    """Measure how near to the matching endpoints the weights come after switches.

    Parameters
    ----------
    ends, run : Found
        Of `endpoints` and of `course`.

    Returns
    -------
    dict of str to (float, float)
        ``nearest`` and ``distance`` as the criteria say, means over switches, with their nulls.
    """
    size = sizes(ends)
    distance = geometry.distances(joined(run, size), joined(ends, size))
    own, last = matching(ends, run), at_ends(run)
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


def _measure(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Mapping[str, Measured]:
    def each(pairs: Sequence[tuple[float, float]]) -> Measured:
        ours, null = np.array(pairs).T
        return Measured(ours, None if np.isnan(null).all() else null)

    def at_end(measure: Callable[[Found], np.ndarray], of: str) -> np.ndarray:
        runs = [learner(found, of) for found in seeds]
        return np.array([measure(run)[at_ends(run)].mean() for run in runs])

    def random(name: str) -> np.ndarray:
        return np.array([found["visited"][name].mean() for found in seeds])

    ends = [found["endpoints"] for found in seeds]
    raw, equal = [sorting(one) for one in ends], [sorting(one, sizes(one)) for one in ends]
    back = [approach(found["endpoints"], found["course"]) for found in seeds]
    return {
        "angle": Measured(at_end(angles, "course"), random("angle_anywhere")),
        "angle_visited": Measured(at_end(angles, "course"), random("angle")),
        "angle_uncentred": Measured(at_end(angles, "uncentred")),
        "angle_rls": Measured(at_end(angles, "rls")),
        "cosine": Measured(at_end(cosines, "course"), random("cosine_anywhere")),
        **{key: each([one[key] for one in raw]) for key in ("probability", "latency", "component", "axes")},
        **{f"{key}_equal": each([one[key] for one in equal]) for key in ("probability", "latency")},
        **{key: each([one[key] for one in back]) for key in ("nearest", "distance")},
    }


def trials_before(run: Found) -> np.ndarray:
    """Training trials of the whole run before each probe, (probes,)."""
    lengths = run["trials"][at_ends(run)]
    return np.asarray(run["trials"] + (np.cumsum(lengths) - lengths)[run["block"]])


def _angle_picture(seeds: Sequence[Mapping[str, Found]]) -> Figure:
    """Draw the angle over training and, as bands, what random rows make of it."""
    run = seeds[0]["course"]
    # Before the first trial all weights are 0 and have no angle.
    trials, learned = trials_before(run), slice(1, None)
    figure = new_figure(8, 4)
    axes = strip(figure.subplots())
    nulls = {"random rows, all cells": "angle_anywhere", "random rows, states visited": "angle"}
    for line, (name, key) in enumerate(nulls.items()):
        drawn = np.concatenate([found["visited"][key] for found in seeds])
        low, middle, high = np.nanpercentile(drawn, (5.0, 50.0, 95.0))
        axes.plot(trials[[1, -1]], [middle, middle], label=name, **null_style(line))
        axes.fill_between(trials[[1, -1]], low, high, color=GREY, alpha=0.15, linewidth=0)
    learners = {"own rules": "course", "own, uncentred traces": "uncentred", "least squares": "rls"}
    for line, (name, of) in enumerate(learners.items()):
        values = np.array([angles(learner(found, of))[learned] for found in seeds])
        median_and_band(axes, trials[learned], values, name, point_style(line))
    _mark_switches(axes, run)
    axes.set(xlabel="training trials", ylabel="smallest angle, what to when (degrees)", ylim=(0, 92))
    legend(figure, keys(axes), columns=3)
    return figure


def _mark_switches(axes: Axes, run: Found) -> None:
    for place in at_ends(run)[:-1]:
        axes.axvline(trials_before(run)[place], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)))


def _component_picture(ends: Found) -> Figure:
    """Draw every condition along the first two components, as they are and in equal variance."""
    figure = new_figure(8.4, 4.2)
    panels = figure.subplots(1, 2)
    titles = {"weights as they are": (1.0, 1.0), "what and when of equal variance": sizes(ends)}
    for axes, (title, size) in zip(panels, titles.items(), strict=True):
        strip(axes).set_title(title, fontsize=10)
        weights = joined(ends, size)
        axes.set(xlabel="PC1", ylabel="PC2")
        if not np.isfinite(weights).all():
            continue
        found = geometry.principal_components(weights)
        for number, latency_ms in enumerate(conditions.LATENCIES_MS):
            shown = ends["latency"] == number
            dots = axes.scatter(
                *found.scores[shown, :2].T,
                c=ends["probability"][shown],
                cmap="cividis",
                vmin=0.0,
                vmax=1.0,
                marker=point_style(number)["marker"],
                label="A at {:g} ms, B at {:g} ms".format(*latency_ms),
            )
        of_all = [
            f"PC{n + 1} ({100 * share:.0f} % of the variance)" for n, share in enumerate(found.explained[:2])
        ]
        axes.set(xlabel=of_all[0], ylabel=of_all[1])
        axes.set_aspect("equal", adjustable="datalim")
    if keys(panels[0]):
        figure.colorbar(dots, ax=panels, label="probability of A")
        legend(figure, _uncoloured(panels[0]))
    return figure


def _uncoloured(axes: Axes) -> list[Any]:
    """Keys whose markers have no colour, for that means something else."""
    return [
        Line2D([], [], linestyle="", marker=point_style(n)["marker"], color=GREY, label=key.get_label())
        for n, key in enumerate(keys(axes))
    ]


def _path_picture(seeds: Sequence[Mapping[str, Found]]) -> Figure:
    """Draw the distance to the matching endpoint, the former one and the others after every switch."""
    run = seeds[0]["course"]
    figure = new_figure(9.5, 3.8)
    panels = figure.subplots(1, len(conditions.SWITCHES), sharey=True)
    distance = [
        geometry.distances(joined(found["course"], size), joined(found["endpoints"], size))
        for found in seeds
        for size in [sizes(found["endpoints"])]
    ]
    own = matching(seeds[0]["endpoints"], run)
    fresh = np.array([each[at_ends(run)[0], own[0]] for each in distance])
    for block, (axes, switch) in enumerate(zip(panels, conditions.SWITCHES, strict=True), start=1):
        strip(axes).set_title(f"{switch} switch", fontsize=10)
        shown = run["block"] == block
        trials, here = run["trials"][shown], np.array([each[shown] for each in distance])
        others = np.delete(here, own[[block - 1, block]], axis=2).mean(axis=2)
        median_and_band(axes, trials, others, "other endpoints (mean)", null_style(0))
        axes.axhline(np.median(fresh), label="matching, learned from nothing", **null_style(2))
        median_and_band(axes, trials, here[:, :, own[block]], "matching endpoint", point_style(0))
        median_and_band(axes, trials, here[:, :, own[block - 1]], "former endpoint", point_style(1))
        axes.set_xlabel("trials since the switch")
    panels[0].set(ylabel="distance of the weights", ylim=(0, None))
    legend(figure, keys(panels[0]))
    return figure


def _draw(config: Config, seeds: Sequence[Mapping[str, Found]]) -> Sequence[Picture]:
    return [
        Picture(
            "readout_angles",
            to_png(_angle_picture(seeds)),
            "Smallest angle between what and when rows over trials; it stays near that of random rows in "
            "all cells and far above that of random rows within the states visited.",
            "Smallest principal angle between the what and the when rows: median and quartiles over seeds; "
            "vertical lines are switches. Grey: median and 5th to 95th percentile of random rows, either of "
            "all cells or within the states that the reservoir visits, as each rule sees them.",
        ),
        Picture(
            "weight_components",
            to_png(_component_picture(seeds[0]["endpoints"])),
            "Conditions along two components of the end weights, coloured by probability and marked by "
            "latencies, with the weights as they are and in equal variance.",
            "End weights of 33 single-block runs on one network (first seed) along their first two principal "
            "components. Which component is the first is decided by how the what weights are scaled "
            "beside the when weights.",
        ),
        Picture(
            "weight_paths",
            to_png(_path_picture(seeds)),
            "Distance of the weights to the matching, the former and the other endpoints over trials since "
            "each switch.",
            "Distance of the weights, what and when of equal variance, to where single-block runs end: "
            "median and quartiles over seeds. Level line: how near a block learned from nothing comes to "
            "its own.",
        ),
    ]


CLAIM = Claim(
    number=7,
    name="geometry",
    statement="What and when are read from near-orthogonal subspaces; the first component of the weights "
    "sorts by probability and the second by latency; after a switch the weights return to where a single "
    "block of the same statistics ends.",
    criteria=CRITERIA,
    units=_units,
    measure=_measure,
    draw=_draw,
)
