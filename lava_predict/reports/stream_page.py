"""The outcome and the page of a learned stream."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lava_predict.errors import Caution
from lava_predict.events.reading import SOURCE
from lava_predict.reports.changed import as_toml, changed_rows, changed_settings
from lava_predict.reports.outcome import Outcome, sheet, speed_in_words
from lava_predict.reports.page import Entry, Page
from lava_predict.settings.plain_values import Each, Maybe

if TYPE_CHECKING:
    from lava_predict.streams.session import StreamSession

_SCORES = {"all": Each(Maybe(float)), "last_third": Each(Maybe(float))}
_ORDERS = dict.fromkeys(("order0", "order1", "order2"), _SCORES)

SUMMARY: dict[str, Any] = {
    "preset": str,
    "seed": int,
    "precision": str,
    "events": int,
    "labels": [str],
    "scores": _SCORES,
    "baselines": _ORDERS,
    "best_possible": Maybe(Each(Maybe(float))),
    "saturations": Each(int),
    "source": SOURCE,
    "notes": [str],
    "changed": [{"setting": str, "preset": object, "value": object}],
    "fingerprint": Each(str),
    "timing": Each(Maybe(float)),
}
"""What summary.json of a learned stream holds."""


def stream_outcome(session: StreamSession, best: Mapping[str, float] | None = None) -> Outcome:
    """Gather what a learned stream leaves and prints; ``best`` are its best possible scores."""
    # What `page` does not need is imported here, as a page alone is quick.
    from lava_predict.reports.stream_plots import figures

    values = session.summary() | ({} if best is None else {"best_possible": best})
    values |= {"source": session.source, "notes": session.events.notes}
    values |= {"changed": changed_settings(session.config)}
    header, rows = _table(values, "all")
    title = f"{values['events']} events, {len(values['labels'])} labels; all events"
    forgetting = values["baselines"]["forgetting"]["chosen_in_hindsight"]
    return Outcome(
        "learn",
        values,
        sheet(header, rows, title=title),
        [*session.events.notes, speed_in_words(values["timing"])],
        [*session.scored.learner.network.warnings, *_warnings(values)],
        session.config,
        figures(session.scored, session.events.labels, forgetting, best),
        page,
    )


def _warnings(values: Mapping[str, Any]) -> list[Caution]:
    from lava_predict.analysis.integer_health import saturation_warnings

    found = saturation_warnings(values["saturations"])
    network, order0 = (of["all"]["log2_loss"] for of in (values["scores"], values["baselines"]["order0"]))
    if network is None or network <= order0 or len(values["labels"]) == 1:
        return found
    cause = f"the network lost {network:.3f} bits an event, counting labels alone {order0:.3f}"
    return [*found, Caution(cause, "give it more events, or gaps of some 100 to 1000 ms (--ms-per-unit)")]


def _table(values: Mapping[str, Any], part: str) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of the scores over ``part``: "all" or "last_third"."""
    found = {"network": values["scores"], **values["baselines"]}
    names = list(values["scores"][part])
    rows: list[list[Entry]] = [[name, *(of[part][score] for score in names)] for name, of in found.items()]
    return ["predictor", *(name.replace("_", " ") for name in names)], rows


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a stream from the content of summary.json and the PNG files by name."""
    source = summary["source"]
    content = {
        "summary": summary,
        "tables": {part: _table(summary, part) for part in ("all", "last_third")},
        "changed": changed_rows(summary["changed"]),
        "command": _command(summary),
        "speed": speed_in_words(summary["timing"], "of the network's time took"),
    }
    what = f"the example {source['example']}" if source["path"] is None else source["path"].split("/")[-1]
    return Page(f"A stream learned: {what}", _lead(summary), "learn.html.j2", figures, content)


def _lead(summary: Mapping[str, Any]) -> str:
    labels, network = len(summary["labels"]), summary["scores"]["all"]
    counting = [summary["baselines"][f"order{order}"]["all"] for order in (0, 1, 2)]
    sentences = [
        f"{summary['events']:,} events of {labels} label{'s' * (labels > 1)}, each predicted before it came."
    ]
    if network["log2_loss"] is None:
        return f"{sentences[0]} No event could be predicted: each is the first of its sequence."
    if labels > 1:
        counted = ", ".join(f"{one['log2_loss']:.2f}" for one in counting)
        sentences.append(
            f"The network lost {network['log2_loss']:.2f} bits an event; counting of order 0, 1 and 2 lost "
            f"{counted}. Its most probable label came in {network['accuracy']:.0%} of all events."
        )
    elif network["expectation_error"] is not None:
        sentences.append(
            f"The squared error of the expectation is {network['expectation_error']:.2f} of that of "
            f"predicting nothing; counting gaps gets {counting[0]['expectation_error']:.2f}."
        )
    if network["time_error_ms"] is not None:
        sentences.append(f"The median error of time is {network['time_error_ms']:.0f} ms.")
    return " ".join(sentences)


def _command(summary: Mapping[str, Any]) -> str:
    """Return the command that learns it again."""
    source = summary["source"]
    if source["path"] is None:
        words = ["--example", source["example"], "--events", str(source["number"])]
    else:
        words = [source["path"]]
        columns = zip(("--time", "--label", "--sequence"), source["columns"], strict=True)
        words += [word for name, column in columns if column is not None for word in (name, column)]
        words += [] if source["ms_per_unit"] is None else ["--ms-per-unit", repr(source["ms_per_unit"])]
    words += ["--preset", summary["preset"], "--seed", str(summary["seed"])]
    words += ["--precision", "fixed"] if summary["precision"] == "fixed" else []
    for one in summary["changed"]:
        words += ["--set", f"{one['setting']}={as_toml(one['value'])}"]
    return shlex.join(["lava-predict", "learn", *words])
