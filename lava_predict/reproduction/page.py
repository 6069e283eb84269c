"""A reproduction as summary.json, table and page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lava_predict.analysis.over_seeds import in_words, mean_and_deviation
from lava_predict.reports.outcome import Outcome, sheet
from lava_predict.reports.page import (
    Callout,
    Entry,
    Figure,
    Kind,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
)
from lava_predict.reproduction.claim import CONFIDENCE, Judged, Verdict
from lava_predict.reproduction.reproduce import JudgedClaim, Reproduction

_HEADER = ("paper", "ours", "null", "rule", "verdict")
_FIRST_UNTOUCHED_SEED = 100
_KINDS: Mapping[Verdict, Kind] = {Verdict.HOLDS: "pass", Verdict.FAILS: "fail"}
_COLOURS = {Verdict.HOLDS: "green", Verdict.FAILS: "red", Verdict.UNDECIDED: "yellow"}
_JUDGED = {Verdict.HOLDS: "hold", Verdict.FAILS: "fail", Verdict.UNDECIDED: "undecided"}


def outcome(found: Reproduction, cache: Path, wall_s: float) -> Outcome:
    """Gather what `lava-predict reproduce` leaves and prints.

    Parameters
    ----------
    found : Reproduction
        As `reproduce` gives it.
    cache : Path
        Where the results of units are kept.
    wall_s : float
        How long it took.

    Returns
    -------
    Outcome
        In its values "mean" and "sd" are mean and standard deviation over seeds, "seeds" each seed's value.
    """
    values = {
        "preset": found.config.preset,
        "seeds": found.seeds,
        "confidence": CONFIDENCE,
        "claims": [
            {
                "number": one.claim.number,
                "name": one.claim.name,
                "statement": one.claim.statement,
                "verdict": one.verdict,
                "criteria": [_criterion(judged) for judged in one.criteria],
            }
            for one in found.claims
        ],
        "units": {"total": found.units, "reused": found.reused},
        "timing": {"wall_s": wall_s},
    }
    terminal_rows: list[list[Entry]] = []
    for one in found.claims:
        claim = f"[bold]{one.claim.number} {one.claim.name}[/bold]"
        verdict = f"[bold]{_coloured(one.verdict)}[/bold]"
        terminal_rows.append([claim, Number(""), Number(""), "", "", verdict])
        terminal_rows += [
            [f"  {name}", *measured, _coloured(judged.verdict)]
            for (name, *measured, _), judged in zip(_rows(one), one.criteria, strict=True)
        ]
        terminal_rows.append([])
    title = f"{len(found.claims)} claims, seeds {_seeds(found)}"
    return Outcome(
        "reproduce",
        values,
        sheet(["", *_HEADER], terminal_rows, title, _reading(found)),
        [f"{found.units} units of work, {found.reused} of them known before (in {cache}/)"],
        config=found.config,
        figures={
            picture.name: Figure(picture.png, picture.alt, picture.caption)
            for one in found.claims
            for picture in one.pictures
        },
        page=page(found),
    )


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
        "verdict": judged.verdict,
    }


def _rows(one: JudgedClaim) -> list[list[Entry]]:
    """Return a row per criterion: the quantity, and what `_HEADER` names."""
    rows: list[list[Entry]] = []
    for criterion, measured, verdict in one.criteria:
        null = (
            None
            if measured.null is None
            else f"{in_words(mean_and_deviation(measured.null))} ({criterion.null})"
        )
        rule = None if criterion.rule is None else str(criterion.rule)
        ours = Number(in_words(mean_and_deviation(measured.ours)))
        rows.append([criterion.quantity, Number(criterion.paper), ours, null, rule, verdict.value])
    return rows


def _coloured(verdict: Verdict) -> str:
    colour = _COLOURS.get(verdict)
    return f"[{colour}]{verdict.value}[/{colour}]" if colour else verdict.value


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
        text += " One seed gives no standard deviation, so it decides nothing."
    return text


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
    verdicts = [one.verdict for one in found.claims]
    lead = (
        f"Preset {found.config.preset}, seeds {_seeds(found)}. Of {len(found.claims)} claims "
        f"{verdicts.count(Verdict.HOLDS)} hold, {verdicts.count(Verdict.FAILS)} fail and "
        f"{verdicts.count(Verdict.UNDECIDED)} are undecided, each by a rule that was fixed beforehand."
    )
    if found.seeds[0] < _FIRST_UNTOUCHED_SEED:
        lead += f" Seeds below {_FIRST_UNTOUCHED_SEED} were used for tuning, so this confirms nothing."
    rows = [[str(one.claim.number), one.claim.statement, one.verdict.value] for one in found.claims]
    overview = Table("The claims", ["", "claim", "verdict"], rows)
    sections = [Section("Verdicts", [overview, Paragraph(_reading(found))])]
    sections += [_section(one) for one in found.claims]
    return Report("The paper's claims, reproduced", lead, sections)


def _section(one: JudgedClaim) -> Section:
    verdicts = [judged.verdict for judged in one.criteria if judged.verdict is not Verdict.SHOWN]
    counts = [f"{verdicts.count(verdict)} {word}" for verdict, word in _JUDGED.items() if verdict in verdicts]
    tally = f"The claim as a whole: {one.verdict.value}. Of {len(verdicts)} rules: {', '.join(counts)}."
    return Section(
        f"{one.claim.number} {one.claim.name}",
        [
            Paragraph(one.claim.statement),
            Callout(_KINDS.get(one.verdict, "info"), tally),
            Table("Criteria", ["quantity", *_HEADER], _rows(one)),
            *(Figure(picture.png, picture.alt, picture.caption) for picture in one.pictures),
        ],
    )
