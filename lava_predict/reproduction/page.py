"""A reproduction as summary.json, table and page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from lava_predict.analysis.over_seeds import OVER_SEEDS, in_words, mean_and_deviation
from lava_predict.reports.changed import CHANGED, changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, named, plain, sheet
from lava_predict.reports.page import Entry, Number, Page
from lava_predict.reproduction.claim import CONFIDENCE, Judged
from lava_predict.reproduction.reproduce import JudgedClaim, Reproduction
from lava_predict.settings.plain_values import Each, Maybe

_FIRST_UNTOUCHED_SEED = 100
_COLOURS = {"holds": "green", "fails": "red", "undecided": "yellow"}


_CRITERION = {"key": str, "quantity": str, "paper": str, "ours": OVER_SEEDS, "verdict": str}
_CRITERION |= {"null": Maybe(OVER_SEEDS | {"name": str}), "rule": Maybe(str)}

SUMMARY: dict[str, Any] = {
    "preset": str,
    "changed": CHANGED,
    "seeds": [int],
    "confidence": float,
    "claims": [
        {"number": object, "name": str, "statement": str, "verdict": str, "criteria": [_CRITERION]}
        | {"figures": [{"name": str, "alt": str, "caption": str}]}
    ],
    "units": {"total": int, "reused": int},
    "timing": Each(Maybe(float)),
}
"""What summary.json of a reproduction holds."""


def outcome(found: Reproduction, cache: Path, wall_s: float) -> Outcome:
    """Gather what `lava-predict reproduce` leaves and prints of a reproduction that took ``wall_s`` seconds.

    In its values "mean" and "sd" are mean and standard deviation over seeds, "seeds" each seed's value. The
    results of its units are kept in ``cache``.
    """
    values = plain(
        {
            "preset": found.config.preset,
            "changed": changed_settings(found.config),
            "seeds": found.seeds,
            "confidence": CONFIDENCE,
            "claims": [_claim(one) for one in found.claims],
            "units": {"total": found.units, "reused": found.reused},
            "timing": {"wall_s": wall_s},
        }
    )
    return Outcome(
        "reproduce",
        values,
        _table(values),
        [f"{found.units} units of work, {found.reused} of them reused (from {cache}/)"],
        config=found.config,
        figures={picture.name: picture.figure for one in found.claims for picture in one.pictures},
        page=page,
    )


def _claim(one: JudgedClaim) -> dict[str, Any]:
    return {
        **named(one.claim, "number", "name", "statement"),
        "verdict": one.verdict,
        "criteria": [_criterion(judged) for judged in one.criteria],
        "figures": [named(picture, "name", "alt", "caption") for picture in one.pictures],
    }


def _criterion(judged: Judged) -> dict[str, Any]:
    criterion, (ours, null) = judged.criterion, judged.measured
    return {
        **named(criterion, "key", "quantity", "paper"),
        "ours": mean_and_deviation(ours),
        "null": None if null is None else mean_and_deviation(null) | {"name": criterion.null},
        "rule": None if criterion.rule is None else str(criterion.rule),
        "verdict": judged.verdict,
    }


def _row(criterion: Mapping[str, Any]) -> list[Entry]:
    null = criterion["null"]
    return [
        criterion["quantity"],
        Number(criterion["paper"]),
        Number(in_words(criterion["ours"])),
        None if null is None else f"{in_words(null)} ({null['name']})",
        criterion["rule"],
        criterion["verdict"],
    ]


def _table(values: Mapping[str, Any]) -> Table:
    """Lay out the table that `reproduce` prints."""
    rows: list[list[Entry]] = []
    for claim in values["claims"]:
        name = f"[bold]{claim['number']} {claim['name']}[/]"
        rows.append([name, Number(""), Number(""), "", "", _coloured(claim["verdict"], "bold")])
        for quantity, *figures, verdict in map(_row, claim["criteria"]):
            rows.append([f"  {quantity}", *figures, _coloured(str(verdict))])
        rows.append([])
    title = f"{_counted(len(values['claims']), 'claim', 'claims')}, {_seeds(values)}"
    return sheet(["", "paper", "ours", "null", "rule", "verdict"], rows, title, _reading(values))


def _coloured(verdict: str, style: str = "") -> str:
    style = f"{style} {_COLOURS.get(verdict, '')}".strip()
    return f"[{style}]{verdict}[/]" if style else verdict


def _seeds(values: Mapping[str, Any]) -> str:
    first, last = values["seeds"][0], values["seeds"][-1]
    return f"seed {first}" if first == last else f"seeds {first} to {last}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _reading(values: Mapping[str, Any]) -> str:
    text = (
        "Mean ± standard deviation over seeds. A rule holds or fails if the whole "
        f"{values['confidence']:.0%} interval of the mean (paired with the null where the rule names the "
        "null) is on one side of its bound; otherwise it is undecided."
    )
    if len(values["seeds"]) == 1:
        text += " One seed gives no standard deviation, so it decides nothing."
    return text


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a reproduction from the content of summary.json and the PNG files by name."""
    claims = summary["claims"]
    verdicts = [claim["verdict"] for claim in claims]
    lead = (
        f"Preset {of_preset(summary['preset'], summary['changed'])}, {_seeds(summary)}. "
        f"{_counted(len(claims), 'claim', 'claims')}: "
        f"{_counted(verdicts.count('holds'), 'holds', 'hold')}, "
        f"{_counted(verdicts.count('fails'), 'fails', 'fail')} and "
        f"{_counted(verdicts.count('undecided'), 'is undecided', 'are undecided')}, by rules that were fixed "
        "beforehand."
    )
    if summary["seeds"][0] < _FIRST_UNTOUCHED_SEED:
        lead += (
            f" Seeds below {_FIRST_UNTOUCHED_SEED} were used for tuning, so these results confirm nothing."
        )
    content = {
        "summary": summary,
        "reading": _reading(summary),
        "verdicts": [[str(one["number"]), one["statement"], one["verdict"]] for one in claims],
        "rows": [[_row(criterion) for criterion in one["criteria"]] for one in claims],
    }
    return Page("The paper's claims, reproduced", lead, "reproduce.html.j2", figures, content)
