"""A reproduction as summary.json, table and page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table as Sheet

from lava_predict.analysis.over_seeds import in_words, mean_and_deviation, plain
from lava_predict.records.run_record import SCHEMA
from lava_predict.reports.page import Callout, Figure, Kind, Number, Paragraph, Report, Section, Table
from lava_predict.reproduction.claim import CONFIDENCE, Judged, Picture, Verdict
from lava_predict.reproduction.reproduce import JudgedClaim, Reproduction

_HEADER = ("", "paper", "ours", "null", "rule", "verdict")
_FIRST_UNTOUCHED_SEED = 100
_KINDS: Mapping[Verdict, Kind] = {Verdict.HOLDS: "pass", Verdict.FAILS: "fail"}
_COLOURS = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.UNDECIDED: "yellow", Verdict.SHOWN: ""}


def summarise(found: Reproduction) -> dict[str, Any]:
    """Return what summary.json of a reproduction holds: plain values, NaN as None.

    Parameters
    ----------
    found : Reproduction
        As `reproduce` gives it.

    Returns
    -------
    dict
        Mean over seeds as "mean", standard deviation as "sd", each seed's value as "seeds".
    """
    summary: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "command": "reproduce",
            "preset": found.config.preset,
            "seeds": list(found.seeds),
            "confidence": CONFIDENCE,
            "claims": [
                {
                    "number": one.claim.number,
                    "name": one.claim.name,
                    "statement": one.claim.statement,
                    "verdict": one.verdict.value,
                    "criteria": [_criterion(judged) for judged in one.criteria],
                }
                for one in found.claims
            ],
            "units": {"total": found.units, "reused": found.reused},
        }
    )
    return summary


def _criterion(judged: Judged) -> dict[str, Any]:
    criterion, measured = judged.criterion, judged.measured
    null = None if measured.null is None else mean_and_deviation(measured.null) | {"name": criterion.null}
    return {
        "key": criterion.key,
        "quantity": criterion.quantity,
        "paper": criterion.paper,
        "ours": mean_and_deviation(measured.ours),
        "null": null,
        "rule": None if criterion.rule is None else str(criterion.rule),
        "verdict": judged.verdict.value,
    }


def _rows(one: JudgedClaim) -> list[list[str]]:
    """Return a row a criterion, under `_HEADER`."""
    rows = []
    for criterion, measured, verdict in one.criteria:
        null = (
            "–"
            if measured.null is None
            else f"{in_words(mean_and_deviation(measured.null))} ({criterion.null})"
        )
        rule = "–" if criterion.rule is None else str(criterion.rule)
        ours = in_words(mean_and_deviation(measured.ours))
        rows.append([criterion.quantity, criterion.paper, ours, null, rule, verdict.value])
    return rows


def _entries(row: list[str]) -> list[str | Number]:
    """Let the columns of figures stand right."""
    return [Number(text) if column in (1, 2) else text for column, text in enumerate(row)]


def table(found: Reproduction) -> Sheet:
    """Lay out the table that `reproduce` prints."""
    sheet = Sheet(title=f"{len(found.claims)} claims, seeds {_seeds(found)}", caption=_reading(found))
    for number, name in enumerate(_HEADER):
        sheet.add_column(name, justify="right" if number in (1, 2) else "left")
    for one in found.claims:
        head = f"[bold]{one.claim.number} {one.claim.name}[/bold]"
        sheet.add_row(head, "", "", "", "", _coloured(one.verdict.value, _COLOURS[one.verdict], bold=True))
        for row, judged in zip(_rows(one), one.criteria, strict=True):
            sheet.add_row(f"  {row[0]}", *row[1:-1], _coloured(row[-1], _COLOURS[judged.verdict]))
        sheet.add_section()
    return sheet


def _coloured(word: str, colour: str, bold: bool = False) -> str:
    style = " ".join(["bold"] * bold + [colour] * bool(colour))
    return f"[{style}]{word}[/{style}]" if style else word


def _seeds(found: Reproduction) -> str:
    first, last = found.seeds[0], found.seeds[-1]
    return f"{first}" if first == last else f"{first} to {last}"


def _reading(found: Reproduction) -> str:
    text = (
        f"Mean ± standard deviation over seeds. A rule holds, or fails, if the {CONFIDENCE:.0%} interval of "
        "the mean, paired with the null where the rule names it, lies on that side of its bound; else it is "
        "undecided."
    )
    if len(found.seeds) == 1:
        text += " One seed has no spread, so it decides nothing."
    return text


def pictures(found: Reproduction) -> Mapping[str, Picture]:
    """Return all pictures by file name without ending."""
    return {picture.name: picture for one in found.claims for picture in one.pictures}


def page(found: Reproduction) -> Report:
    """Put verdicts, tables and pictures together as a page.

    Parameters
    ----------
    found : Reproduction
        As `reproduce` gives it.

    Returns
    -------
    Report
        For `lava_predict.reports.page.to_html`.
    """
    counts = {verdict: sum(one.verdict is verdict for one in found.claims) for verdict in Verdict}
    lead = (
        f"Preset {found.config.preset}, seeds {_seeds(found)}. Of {len(found.claims)} claims "
        f"{counts[Verdict.HOLDS]} hold, {counts[Verdict.FAILS]} fail and {counts[Verdict.UNDECIDED]} are "
        "undecided, each by a rule that was fixed beforehand."
    )
    if found.seeds[0] < _FIRST_UNTOUCHED_SEED:
        lead += f" Seeds below {_FIRST_UNTOUCHED_SEED} were used for tuning, so this confirms nothing."
    overview = Table(
        "The claims",
        ["", "claim", "verdict"],
        [[str(one.claim.number), one.claim.statement, one.verdict.value] for one in found.claims],
    )
    sections = [Section("Verdicts", [overview, Paragraph(_reading(found))])]
    sections += [_section(one) for one in found.claims]
    return Report("The paper's claims, reproduced", lead, sections)


def _tally(one: JudgedClaim) -> str:
    """Say how many of the rules hold, fail and are undecided."""
    verdicts = [judged.verdict for judged in one.criteria if judged.verdict is not Verdict.SHOWN]
    counts = [
        f"{verdicts.count(verdict)} {word}"
        for verdict, word in (
            (Verdict.HOLDS, "hold"),
            (Verdict.FAILS, "fail"),
            (Verdict.UNDECIDED, "undecided"),
        )
        if verdict in verdicts
    ]
    return f"The claim as a whole: {one.verdict.value}. Of {len(verdicts)} rules: {', '.join(counts)}."


def _section(one: JudgedClaim) -> Section:
    return Section(
        f"{one.claim.number} {one.claim.name}",
        [
            Paragraph(one.claim.statement),
            Callout(_KINDS.get(one.verdict, "info"), _tally(one)),
            Table("Criteria", ["quantity", *_HEADER[1:]], [_entries(row) for row in _rows(one)]),
            *(Figure(picture.png, picture.alt, picture.caption) for picture in one.pictures),
        ],
    )
