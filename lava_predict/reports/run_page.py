"""The outcome and the page of a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lava_predict.reports.changed import as_toml, changed_rows, changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, speed_in_words
from lava_predict.reports.page import Page
from lava_predict.reports.summary import (
    block_rows,
    counting_errors,
    events_named,
    per_cue,
    relative_errors,
    run_table,
    run_values,
)
from lava_predict.settings.plain_values import Each, Many, Maybe, Rows

if TYPE_CHECKING:
    from lava_predict.analysis.integer_health import Health
    from lava_predict.experiment.results import Result

_MOST_NAMED = 6
_NUMBER, _PER_CUE = Maybe(float), Many(Maybe(float), "M")
_PER_EVENT = Rows(_NUMBER, "K", "M")
_CHANGED = [{"setting": str, "preset": object, "value": object}]

SUMMARY: dict[str, Any] = {
    "preset": str,
    "seed": int,
    "backend": str,
    "form": Maybe(str),
    "precision": str,
    "event_names": Maybe(Many(str, "K")),
    "cue_names": Maybe(Many(str, "M")),
    "reservoir": {"neurons": int, "synapses": int, "mean_rate_hz": _NUMBER},
    "blocks": [
        {
            "trials": int,
            "zero_error": _NUMBER,
            "error": Each(_NUMBER),
            "baseline": {"counting": Each(_NUMBER)},
        }
        | {"zero_error_by_cue": _PER_CUE, "error_by_cue": Each(_PER_CUE)}
        | dict.fromkeys(("probability", "latency_ms", "amplitude", "peak_ms"), _PER_EVENT)
        | {"probability_estimate": Rows(float, "K", "M")}
    ],
    "changed": _CHANGED,
    "fingerprint": Each(str),
    "versions": Each(str),
    "timing": Each(_NUMBER),
    "saturations": Maybe(Each(int)),
}
"""What summary.json of a run holds, of K events and M cues."""


def run_outcome(result: Result, health: Health | None = None) -> Outcome:
    """Gather what a run leaves and prints; ``health`` is that of a run in integers.

    It has no page: `lava-predict report` makes it from the files.
    """
    # What `page` does not need is imported here, as a page alone is quick.
    from lava_predict.analysis.run_health import run_warnings
    from lava_predict.records.run_record import RunRecord
    from lava_predict.reports import plots

    record = RunRecord.of(result)
    values = run_values(result, health) | {"changed": changed_settings(result.config)}
    lines = [
        "{neurons} cells, {synapses} synapses, {mean_rate_hz:.1f} Hz".format(**values["reservoir"]),
        speed_in_words(values["timing"]),
        f"fingerprint of the weights: {values['fingerprint']['weights']}",
    ]
    return Outcome(
        "run",
        values,
        run_table(values),
        lines,
        [*(health.warnings if health is not None else ()), *run_warnings(result)],
        result.config,
        {name: partial(draw, record) for name, draw in plots.FIGURES.items()},
        files={"results.h5": record.write},
    )


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a run from the content of summary.json and the PNG files by name."""
    probes, rows = block_rows(summary)
    header = ["block", "trials", "true p", "estimated p", "due (ms)", "peak (ms)"]
    header += [f"error after {number}" for number in probes]
    estimates = np.ravel(summary["blocks"][-1]["probability_estimate"])
    content = {
        "summary": summary,
        "blocks": {"header": header, "rows": rows},
        "events": events_named(summary),
        "last_estimates": ", ".join(f"{p:.2f}" for p in estimates),
        "changed": changed_rows(summary["changed"]),
        "commands": _commands(summary),
        "speed": speed_in_words(summary["timing"], "of the network's time took"),
    }
    title = f"A run of {of_preset(summary['preset'], summary['changed'])}, seed {summary['seed']}"
    return Page(title, _lead(summary), "run.html.j2", figures, content)


def _lead(summary: Mapping[str, Any]) -> str:
    blocks = summary["blocks"]
    where = f"{summary['backend']}, {summary['form']} form" if summary["form"] else summary["backend"]
    sentences = [f"In {summary['precision']}, on the {where}."]
    last = [list(relative_errors(block).values())[-1] for block in blocks]
    known = [error for error in last if error is not None]
    counting = [e for block in blocks if (e := list(counting_errors(block).values())[-1]) is not None]
    if known:
        when = "At the end" if len(blocks) == 1 else f"At the end of the {len(blocks)} blocks"
        sentences.append(
            f"{when} the error of the prediction after the cue alone is {_listed(known)} of the error of "
            f"predicting nothing; a learner that only counts outcomes gets {_listed(counting)}."
        )
    probability_error, time_error_ms = _mean_misses(blocks)
    timing = f", predicted times by {time_error_ms:.0f} ms" if time_error_ms is not None else ""
    sentences.append(f"Estimated probabilities are off by {probability_error:.2f} on average{timing}.")
    return " ".join(sentences)


def _listed(values: Sequence[float]) -> str:
    """Write figures as a list, or their range if they are many."""
    if len(values) > _MOST_NAMED:
        return f"between {min(values):.2f} and {max(values):.2f} (mean {np.mean(values):.2f})"
    *first, last = (f"{value:.2f}" for value in values)
    return f"{', '.join(first)} and {last}" if first else last


def _mean_misses(blocks: Sequence[Mapping[str, Any]]) -> tuple[float, float | None]:
    """Mean distance of estimates from probabilities, and of peaks from latencies (ms), at blocks' ends.

    Peaks count for events that occur, and only if there is one. Cues not shown yet do not count.
    """
    columns = ("probability", "probability_estimate", "latency_ms", "peak_ms")
    cues = [cue for block in blocks for cue in zip(*(per_cue(block[name]) for name in columns), strict=True)]
    events = [event for cue in cues for event in zip(*cue, strict=True) if event[0] is not None]
    time_errors = [abs(peak - due) for true, _, due, peak in events if true > 0 and peak is not None]
    probability_error = float(np.mean([abs(estimate - true) for true, estimate, _, _ in events]))
    return probability_error, float(np.mean(time_errors)) if time_errors else None


def _commands(summary: Mapping[str, Any]) -> tuple[str, str]:
    """Return the commands that run it again: from config.toml, and from the preset."""
    where = [f"--{key} {summary[key]}" for key in ("backend", "form") if summary[key] not in (None, "cpu")]
    where += ["--precision fixed"] if summary["precision"] == "fixed" else []
    preset = [f"--preset {summary['preset']}", f"--seed {summary['seed']}"]
    texts = [f"{one['setting']}={as_toml(one['value'])}" for one in summary["changed"]]
    changes = [f"--set {shlex.quote(text)}" for text in texts]
    return (
        " ".join(["lava-predict run config.toml", *where]),
        " ".join(["lava-predict run", *preset, *where, *changes]),
    )
