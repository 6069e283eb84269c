"""A stream in float and in integers as summary.json, table, figures and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lava_predict.analysis.over_seeds import OVER_SEEDS, in_words, mean_and_deviation
from lava_predict.comparison.streams import StreamComparison, Summary
from lava_predict.comparison.study import FIXED, FLOAT, NULLS
from lava_predict.reports import plot_style as style
from lava_predict.reports.changed import CHANGED, changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, plain, sheet
from lava_predict.reports.page import Entry, Number, Page
from lava_predict.settings.plain_values import Each, Maybe

WINDOWS = {"last_third": "last third", "all": "all events"}
_COURSE_POINTS = 30
_FORMS = {"time_error_ms": ".1f"}


_BY_WINDOW = dict.fromkeys(WINDOWS, Each(OVER_SEEDS))
_VARIANT: dict[str, Any] = {
    **_BY_WINDOW,
    "more_bits_than_float": dict.fromkeys(WINDOWS, OVER_SEEDS),
    "rate_hz": OVER_SEEDS,
    "saturations": Each(int),
}

SUMMARY: dict[str, Any] = {
    "preset": str,
    "changed": CHANGED,
    "seeds": [int],
    "stream": {"events": int, "labels": [str], "ms_per_unit": float, "notes": [str]},
    "best_possible": Maybe(Each(OVER_SEEDS)),
    "variants": dict.fromkeys((FLOAT, FIXED, *NULLS), _VARIANT),
    "baselines": Each(_BY_WINDOW),
    "timing": Each(Maybe(float)),
}
"""What summary.json of a comparison on a stream holds."""


def outcome(found: StreamComparison, wall_s: float) -> Outcome:
    """Gather what `lava-predict compare` of a stream leaves and prints.

    In its values "mean" and "sd" are mean and standard deviation over seeds, "seeds" each seed's value.
    """
    first = found.examples[0]
    variants = {name: _variant(found, name) for name in found.outcomes}
    names = found.outcomes[FLOAT][0].baselines
    values = plain(
        {
            "preset": found.config.preset,
            "changed": changed_settings(found.config),
            "seeds": found.seeds,
            "stream": {"events": len(first.events), "labels": first.events.labels}
            | {"ms_per_unit": first.events.ms_per_unit, "notes": first.events.notes},
            "best_possible": None
            if first.best_possible is None
            else {
                key: mean_and_deviation([(one.best_possible or {})[key] for one in found.examples])
                for key in first.best_possible
            },
            "variants": variants,
            "baselines": {
                name: _over_seeds([one.baselines[name] for one in found.outcomes[FLOAT]]) for name in names
            },
            "timing": {"wall_s": wall_s},
        }
    )
    saturated = {
        name: number for one in found.outcomes[FIXED] for name, number in one.saturations.items() if number
    }
    lines = [*first.events.notes, *([f"saturated in fixed: {', '.join(saturated)}"] if saturated else [])]
    return Outcome(
        "compare",
        values,
        sheet(
            *_rows(values, "last_third"),
            "Float against fixed point on a stream: mean and deviation over seeds, last third",
            "two float rows are the nulls; below the line learners that only count",
        ),
        lines,
        config=found.config,
        figures={"course": _course(found)},
        page=page,
    )


def _over_seeds(summaries: Sequence[Summary]) -> dict[str, Any]:
    def known(value: float | None) -> float:
        return np.nan if value is None else value

    return {
        window: {
            score: mean_and_deviation([known(one[window][score]) for one in summaries])
            for score in summaries[0][window]
        }
        for window in WINDOWS
    }


def _variant(found: StreamComparison, name: str) -> dict[str, Any]:
    outcomes = found.outcomes[name]
    pairs = list(zip(outcomes, found.outcomes[FLOAT], strict=True))

    def more(window: str) -> list[float]:
        return [
            (a.scores[window]["log2_loss"] or 0.0) - (b.scores[window]["log2_loss"] or 0.0) for a, b in pairs
        ]

    return {
        **_over_seeds([one.scores for one in outcomes]),
        "more_bits_than_float": {window: mean_and_deviation(more(window)) for window in WINDOWS},
        "rate_hz": mean_and_deviation([one.rate_hz for one in outcomes]),
        "saturations": {
            key: sum(one.saturations[key] for one in outcomes) for key in outcomes[0].saturations
        },
    }


def _rows(values: Mapping[str, Any], window: str) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of the table of a window."""
    scores = list(values["variants"][FLOAT][window])
    header = ["", *(name.replace("_", " ") for name in scores), "more bits than float", "rate (Hz)"]

    def words(found: Mapping[str, Any]) -> list[Entry]:
        return [Number(in_words(found[window][name], _FORMS.get(name, ".3f"))) for name in scores]

    rows: list[list[Entry]] = []
    for name, one in values["variants"].items():
        more = None if name == FLOAT else Number(in_words(one["more_bits_than_float"][window]))
        rows.append([name, *words(one), more, Number(in_words(one["rate_hz"], ".2f"))])
    rows.append([])
    rows += [[name, *words(one), None, None] for name, one in values["baselines"].items()]
    return header, rows


def _course(found: StreamComparison) -> Figure:
    """Draw the log2 loss over the stream, in equal parts of it: median and quartiles over seeds."""
    figure, axes = style.one_panel(6.4, 3.2)
    lost = {name: [one.log2_loss for one in outcomes] for name, outcomes in found.outcomes.items()}
    events = min(len(one) for one in lost[FLOAT])
    borders = np.linspace(0, events, min(_COURSE_POINTS, events) + 1).astype(int)
    parts = {
        name: np.array([np.add.reduceat(one[:events], borders[:-1]) / np.diff(borders) for one in each])
        for name, each in lost.items()
    }
    nulls = {name: parts.pop(name) for name in NULLS}
    for name, values, look in style.named_lines(parts, nulls, style.line_style):
        style.median_and_band(axes, borders[1:], values, name, look)
    axes.set(xlabel="events", ylabel="log2 loss (bits)", ylim=(0, None))
    return style.legend(figure)


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a comparison from the content of summary.json and the PNG files by name."""
    stream, more = summary["stream"], summary["variants"][FIXED]["more_bits_than_float"]["last_third"]
    lead = (
        f"Preset {of_preset(summary['preset'], summary['changed'])}, "
        f"seeds {summary['seeds'][0]} to {summary['seeds'][-1]}; a stream of "
        f"{stream['events']} events and {len(stream['labels'])} labels. Over the last third the loss in "
        f"fixed point less that in float is {in_words(more)} bits an event (mean and deviation, paired over "
        "seeds; below 0 fixed point is better)."
    )
    tables = {title: _rows(summary, window) for window, title in WINDOWS.items()}
    content = {"summary": summary, "tables": tables}
    return Page("A stream in float and in fixed point", lead, "compare_stream.html.j2", figures, content)
