"""Pictures of a learned stream: its course, its last seconds, what was stated against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lava_predict.events.calibration import Calibration
from lava_predict.events.course import Course
from lava_predict.reports import plot_style as style
from lava_predict.reports.page import shown_label
from lava_predict.streams.recent import SPAN_MS, Recent
from lava_predict.streams.scored import ScoredLearner

_MOST_LABELS = 16
_FEWEST = 10
_COUNTING = ("order0", "order1", "order2")
_HAZARDS = ("order1", "hazard1", "hazard2")


def figures(
    scored: ScoredLearner, labels: Sequence[str], forgetting: str, best: Mapping[str, float] | None = None
) -> dict[str, Figure]:
    """Draw all pictures of a stream for which there is something to show, by name.

    ``forgetting`` is the name of the best learner that forgets, ``best`` the best possible scores.
    """
    made = {}
    if scored.calibration.p[2].any():
        made["course"] = course(scored.course, forgetting, best or {}, len(labels) > 1)
    if len(labels) > 1 and made:
        made["reliability"] = reliability(scored.calibration)
    if scored.calibration.gaps.any():
        made["gaps"] = gaps(scored.calibration)
    made["last_seconds"] = last_seconds(scored.recent, labels, scored.learner.config.run.dt_ms)
    return made


def course(course: Course, forgetting: str, best: Mapping[str, float], labelled: bool = True) -> Figure:
    """Draw running scores over events, of the network and of counting: log2 loss, and the error of o.

    With one label there is no loss to show; then ``labelled`` is false.
    """
    found = course.running()
    row = {name: number for number, name in enumerate(course.names)}
    row["forgetting"] = row[forgetting]
    shown: list[tuple[str, np.ndarray, Sequence[str]]] = [
        ("squared error of o / of nothing", found.expectation_error, ("order0", *_HAZARDS)),
    ]
    if labelled:
        shown.insert(0, ("log2 loss (bits)", found.log2_loss, (*_COUNTING, "forgetting")))
    looks = {name: style.line_style(number + 1) for number, name in enumerate((*_COUNTING, "forgetting"))}
    looks |= {"hazard1": style.line_style(5), "hazard2": style.line_style(6)}
    figure, grid = style.panels(len(shown), 1, 8, 2.6 * len(shown) + 0.9, sharex=True)
    for axes, (what, values, names) in zip(grid[:, 0], shown, strict=True):
        for name in names:
            axes.plot(found.events, values[row[name]], label=name, **looks[name])
        axes.plot(found.events, values[0], color="black", linewidth=2.2, label="network")
        axes.set(
            ylabel=what, xlim=(0, found.events[-1]), ylim=_limits(values[[0, *(row[name] for name in names)]])
        )
    if labelled and "log2_loss" in best:
        style.mark_level(grid[0, 0], best["log2_loss"], "best possible")
    grid[-1, 0].set_xlabel(f"events predicted (running mean over the last {found.over:,})")
    keys = {key.get_label(): key for axes in grid[:, 0] for key in style.keys(axes)}
    first = {name: keys.pop(name) for name in ("network", *_COUNTING) if name in keys}
    return style.legend(figure, [*first.values(), *keys.values()])


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return what holds all but the first values, which are means over few events."""
    later = values[:, values.shape[1] // 10 :]
    known = later[np.isfinite(later)]
    low, high = float(known.min(initial=100.0)), float(known.max(initial=0.0))
    return max(0.0, low - 0.15 * (high - low)), high + 0.15 * (high - low) + 1e-3


def last_seconds(recent: Recent, labels: Sequence[str], dt_ms: float) -> Figure:
    """Draw spikes of some cells above the expectation of each label, with the events that came."""
    now = int(recent.events[-1, 0])

    def seconds(step: np.ndarray) -> np.ndarray:
        return np.asarray((step - now) * dt_ms / 1000.0)

    often = np.bincount(recent.events[:, 1], minlength=len(labels)) + recent.o.sum(0) / 1e3
    rows = np.sort(np.argsort(-often, kind="stable")[:_MOST_LABELS])
    below = 0.6 + 0.32 * max(3, len(rows))
    figure, grid = style.panels(2, 1, 8, 2.4 + below, sharex=True, height_ratios=(2.0, below))
    upper, lower = grid[:, 0]
    upper.plot(seconds(recent.spikes[0]), recent.spikes[1], ".", color="black", markersize=1.5)
    upper.set_ylabel("cell")
    for axes in (upper, lower):
        for step in recent.events[recent.events[:, 2] < 0, 0]:
            style.mark_switch(axes, float(seconds(step)))
    full = max(0.1, np.ceil(10 * recent.o.max(initial=0.1)) / 10)
    for base, label in enumerate(rows[::-1]):
        lower.axhline(base, color="0.8", linewidth=0.6, zorder=0)
        hill = base + 0.92 / full * recent.o[:, label]
        colour = style.colour_of(int(label))
        lower.fill_between(seconds(recent.o_step), base, hill, color=colour, alpha=0.7, linewidth=0)
        came = seconds(recent.events[recent.events[:, 1] == label, 0])
        lower.vlines(came, base, base + 0.92, color="black", linewidth=1.8)
    lower.set_yticks(np.arange(len(rows)) + 0.4, [shown_label(labels[label]) for label in rows[::-1]])
    for text in lower.get_yticklabels():
        text.set_parse_math(False)
    lower.tick_params(axis="y", length=0)
    known = seconds(np.concatenate([recent.o_step, recent.spikes[0]]))
    first = max(-SPAN_MS / 1000.0, float(known.min(initial=-0.1)))
    lower.set(ylabel="expectation", ylim=(-0.05, len(rows)), xlim=(first, 0.02))
    lower.set_xlabel("time before the last event (s)")
    keys = [
        style.key(
            f"expectation o (full height: {full:.1f})", color=style.colour_of(0), linewidth=5, alpha=0.7
        ),
        style.key(
            "event that came", color="black", linestyle="", marker="|", markersize=10, markeredgewidth=1.8
        ),
    ]
    if (recent.events[:, 2] < 0).any():
        keys.append(style.key("a sequence begins", color=style.GREY, linestyle=(0, (2, 2)), linewidth=0.8))
    return style.legend(figure, keys)


def reliability(calibration: Calibration) -> Figure:
    """Draw how often labels came over the probability that was stated for them, and how many these were.

    Shares are shown of 10 or more.
    """
    figure, grid = style.panels(2, 1, 5.2, 5.6, sharex=True, height_ratios=(3.2, 1))
    stated, came, count = calibration.p
    used = count >= _FEWEST
    p, frequency = stated[used] / count[used], came[used] / count[used]
    upper, lower = grid[:, 0]
    upper.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, linestyle="--", label="stated = came")
    spread = np.sqrt(np.maximum(p * (1 - p), 0) / count[used])
    upper.errorbar(p, frequency, 2 * spread, fmt="o", markersize=4.5, elinewidth=1, color=style.colour_of(0),
                   label="network, ± 2 standard errors")  # fmt: skip
    upper.set(ylabel="share that came", ylim=(-0.03, 1.03), xlim=(-0.03, 1.03))
    edges = np.linspace(0.0, 1.0, count.size + 1)
    lower.stairs(count, edges, fill=True, color=style.colour_of(0), alpha=0.6)
    lower.set(xlabel="stated probability", ylabel="number stated", yscale="log", ylim=(0.8, None))
    return style.legend(figure, columns=1)


def gaps(calibration: Calibration) -> Figure:
    """Draw events by true gap and by the one that was stated."""
    figure, axes = style.one_panel(5.6, 4.8)
    horizon, counts = calibration.horizon_ms, calibration.gaps
    edges = np.linspace(0.0, horizon, len(counts) + 1)
    shown = np.where(counts.T > 0, counts.T, np.nan)
    mesh = axes.pcolormesh(edges, edges, shown, cmap="viridis_r", norm=LogNorm(1, max(10, counts.max())))
    axes.plot([0, horizon], [0, horizon], color=style.GREY, linewidth=1, linestyle="--", zorder=0)
    axes.set(xlabel="gap that came (ms)", ylabel="gap that was predicted (ms)", aspect="equal")
    figure.colorbar(mesh, ax=axes, label="events", shrink=0.85, format="{x:,.0f}")
    return figure
