"""A sweep as summary.json, table, picture and page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lava_predict.analysis.over_seeds import OVER_SEEDS, mean_and_deviation
from lava_predict.analysis.over_seeds import in_words as figure_in_words
from lava_predict.errors import Caution
from lava_predict.reports.changed import CHANGED, as_toml, changed_rows, changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, plain, sheet
from lava_predict.reports.page import Entry, Number, Page
from lava_predict.reports.second_process import Picture
from lava_predict.settings.files import with_changes
from lava_predict.settings.plain_values import Each, Maybe
from lava_predict.sweeps.drawing import draw_main_effects, draw_search
from lava_predict.sweeps.effects import Effect
from lava_predict.sweeps.plan import Point, Values, as_swept, in_words
from lava_predict.sweeps.sweep import TABLE, Sweep

_MOST_ROWS = 20
"""Combinations in the table on the terminal and on the page; all are in summary.json."""

_POINT = {"point": int, "settings": Each(str), "error": OVER_SEEDS, "counting": OVER_SEEDS, "diverged": int}

SUMMARY: dict[str, Any] = {
    "preset": str,
    "changed": CHANGED,
    "precision": str,
    "seeds": [int],
    "swept": Each(object),
    "search": Maybe(Each(object)),
    "trials": Maybe(int),
    "points": [_POINT],
    "ranking": [int],
    "best": Maybe(int),
    "refused": [{"point": int, "reason": str}],
    "runs": {"total": int, "reused": int},
    "timing": Each(Maybe(float)),
}
"""What summary.json of a sweep holds."""

_READING = (
    "error: relative to predicting nothing, at the blocks' ends, mean of all blocks; mean ± standard "
    "deviation over seeds; counting: of a learner that only counts outcomes"
)


def outcome(found: Sweep, cache: Path, wall_s: float) -> Outcome:
    """Gather what `lava-predict sweep` leaves and prints of a sweep that took ``wall_s`` seconds.

    In its values "mean" and "sd" are mean and standard deviation over seeds, "seeds" each seed's value. The
    results of its runs are kept in ``cache``.
    """
    plan, ranked = found.plan, sorted(found.points, key=lambda point: (found.value(point), point.number))
    best = ranked[0] if ranked and np.isfinite(found.value(ranked[0])) else None
    values = plain(
        {
            **plan.described(),
            "changed": _shared(found),
            "trials": None if plan.search is None else plan.search.trials,
            "points": [_point(found, point) for point in found.points],
            "ranking": [point.number for point in ranked],
            "best": None if best is None else best.number,
            "refused": [{"point": number, "reason": reason} for number, reason in found.refused],
            "runs": {"total": len(found.found), "reused": found.reused},
            "timing": {"wall_s": wall_s},
        }
    )
    lines = [f"{len(found.found)} runs, {found.reused} of them reused (from {cache}/); each probe: {TABLE}"]
    if best is not None:
        told = f"best: {in_words(best.settings)}; its" if best.settings else "the"
        lines.insert(0, f"{told} settings: config.toml")
    return Outcome(
        "sweep",
        values,
        sheet(*_table(values), _title(values), _READING),
        lines,
        _warnings(found),
        None if best is None else with_changes(best.config, (), plan.seeds[0]),
        {"effects": _picture(found, best)} if found.points and plan.swept else {},
        page,
    )


def _shared(found: Sweep) -> list[dict[str, Any]]:
    """Return the settings that all combinations share and that differ from the preset."""
    keys = {one.key for one in found.plan.swept}
    return [one for one in changed_settings(found.plan.first) if one["setting"] not in keys]


def _point(found: Sweep, point: Point) -> dict[str, Any]:
    error = found.relative(point)
    return {
        "point": point.number,
        "settings": point.settings,
        "error": mean_and_deviation(error),
        "counting": mean_and_deviation(found.relative(point, "error_counting")),
        "diverged": int(np.isnan(error).sum()),
    }


def _warnings(found: Sweep) -> list[Caution]:
    warnings = []
    diverged = sum(bool(np.isnan(found.relative(point)).any()) for point in found.points)
    if diverged:
        warnings.append(
            Caution(
                f"the network diverged with {diverged} of {len(found.points)} combinations, for at least one "
                "seed",
                "no error is given there from then on; these combinations come last",
            )
        )
    if found.refused:
        number, reason = found.refused[0]
        warnings.append(
            Caution(
                f"{len(found.refused)} of {len(found.refused) + len(found.points)} combinations are no valid "
                f"settings and were not run; number {number}: {reason}",
                "narrow the ranges",
            )
        )
    return warnings


def _picture(found: Sweep, best: Point | None) -> Picture:
    if found.plan.search is None:
        return partial(draw_main_effects, [_main_effect(found, one) for one in found.plan.swept])
    error, counting = (
        np.array([found.relative(point, name) for point in found.points]).T
        for name in ("error", "error_counting")
    )
    keys = [one.key for one in found.plan.swept]
    effects = [Effect(key, [point.settings[key] for point in found.points], error, counting) for key in keys]
    return partial(draw_search, effects, 0 if best is None else found.points.index(best))


def _main_effect(found: Sweep, one: Any) -> Effect:
    """Return the errors at each value of a setting, the median over all values of the others."""
    assert isinstance(one, Values)
    columns: dict[str, list[np.ndarray]] = {"error": [], "error_counting": []}
    for text in one.texts:
        there = [point for point in found.points if point.settings[one.key] == text]
        for name, column in columns.items():
            errors = np.array([found.relative(point, name) for point in there])
            middle = np.median(np.where(np.isnan(errors), np.inf, errors), axis=0)
            column.append(np.where(np.isinf(middle), np.nan, middle))
    error, counting = (np.array(column).T for column in columns.values())
    return Effect(one.key, one.texts, error, counting)


def _title(values: Mapping[str, Any]) -> str:
    shown, count = min(_MOST_ROWS, len(values["points"])), len(values["points"])
    some = f"the best {shown} of {count} combinations" if shown < count else _counted(count, "combination")
    return f"{some}, {_seeds(values)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _seeds(values: Mapping[str, Any]) -> str:
    first, last = values["seeds"][0], values["seeds"][-1]
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def _table(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of the best combinations, the best first."""
    points = {point["point"]: point for point in values["points"]}
    keys = list(values["swept"])
    rows: list[list[Entry]] = []
    for number in values["ranking"][:_MOST_ROWS]:
        point = points[number]
        errors = [Number(figure_in_words(point[name])) for name in ("error", "counting")]
        settings = [point["settings"][key] for key in keys]
        rows.append([*settings, *errors, point["diverged"]])
    return [*keys, "error", "counting", "diverged"], rows


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a sweep from the content of summary.json and the PNG files by name."""
    points = {point["point"]: point for point in summary["points"]}
    lead = f"Preset {of_preset(summary['preset'], summary['changed'])}, {_title(summary)}."
    if summary["best"] is not None:
        best = points[summary["best"]]
        lead += (
            f" The lowest mean error is {figure_in_words(best['error'])} of that of predicting nothing"
            f"{', with ' * bool(best['settings'])}{in_words(best['settings'])}; "
            f"a learner that only counts outcomes gets {figure_in_words(best['counting'])}."
        )
    content = {
        "summary": summary,
        "reading": _READING,
        "combinations": _table(summary),
        "changed": changed_rows(summary["changed"]),
        "command": _command(summary),
    }
    title = "A sweep over settings" if summary["swept"] else "A sweep over seeds"
    return Page(title, lead, "sweep.html.j2", figures, content)


def _command(summary: Mapping[str, Any]) -> str:
    """Return the command that repeats a sweep from its preset."""
    words = [f"lava-predict sweep --preset {summary['preset']}"]
    for key, values in summary["swept"].items():
        words.append(f"--set {shlex.quote(f'{key}={as_swept(values)}')}")
    for one in summary["changed"]:
        words.append("--set " + shlex.quote(f"{one['setting']}={as_toml(one['value'])}"))
    first, *_ = seeds = summary["seeds"]
    words.append(f"--seeds {len(seeds)} --first-seed {first}")
    if summary["precision"] != "float":
        words.append(f"--precision {summary['precision']}")
    if summary["search"] is not None:
        words.append(f"--search optuna --trials {summary['trials']} --batch {summary['search']['batch']}")
    return " ".join(words)
