"""The outcome and the page of a run, and the page of any folder that a command left."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lava_predict.analysis.integer_health import Health
from lava_predict.errors import UserError
from lava_predict.experiment.experiment import Result
from lava_predict.records.folder import unfinished_folder
from lava_predict.records.run_record import SCHEMA, RunRecord, cannot_write, load_record
from lava_predict.reports import plots
from lava_predict.reports.outcome import PAGE, Outcome
from lava_predict.reports.page import (
    Callout,
    Code,
    Element,
    Entry,
    KeyValues,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    from_json,
    to_html,
)
from lava_predict.reports.summary import block_rows, per_cue, relative_errors, run_table, run_values
from lava_predict.settings.files import load_preset
from lava_predict.settings.schema import Config

_MOST_NAMED = 6
_NAMED_IN_THE_TITLE = ("preset", "run.seed")


def run_outcome(result: Result, health: Health | None = None) -> Outcome:
    """Gather what a run leaves and prints.

    Parameters
    ----------
    result : Result
        A finished run.
    health : Health, optional
        Of a run in integers.

    Returns
    -------
    Outcome
        Without a page: `lava-predict report` makes it from the files.
    """
    record = RunRecord.of(result)
    values = run_values(result, health)
    lines = [
        "{neurons} cells, {synapses} synapses, {mean_rate_hz:.1f} Hz".format(**values["reservoir"]),
        "{simulated_s:.0f} s in {wall_s:.1f} s: {real_time_factor:.0f} times real time".format(
            **values["timing"]
        ),
        f"fingerprint of the weights: {values['fingerprint']['weights']}",
    ]
    return Outcome(
        "run",
        values,
        run_table(values),
        lines,
        health.warnings if health is not None else (),
        result.config,
        plots.pictures(record),
        files={"results.h5": record.to_bytes()},
    )


def page(record: RunRecord, summary: Mapping[str, Any]) -> Report:
    """Put a run's table, pictures, settings and fingerprints together as a page.

    Parameters
    ----------
    record : RunRecord
        The content of results.h5.
    summary : mapping
        The content of summary.json.

    Returns
    -------
    Report
        For `lava_predict.reports.page.to_html`.
    """
    lead, pictures = _lead(summary), plots.pictures(record)
    raster = pictures.pop("raster")
    reservoir = summary["reservoir"]
    network = [
        ("cells", reservoir["neurons"]),
        ("synapses", reservoir["synapses"]),
        ("mean rate (Hz)", Number(f"{reservoir['mean_rate_hz']:.2f}")),
    ]
    sections = [
        Section("What was learned", [*_learned(summary), *pictures.values()]),
        Section("The network", [KeyValues(network), raster]),
        *([Section("Integers", _integers(summary))] if "saturations" in summary else []),
        Section("Settings", [_settings(record.config)]),
        Section("The same run again", _again(record.config, summary)),
    ]
    return Report(f"A run of {summary['preset']}, seed {summary['seed']}", lead, sections)


def _lead(summary: Mapping[str, Any]) -> str:
    blocks = summary["blocks"]
    where = f"{summary['backend']}, {summary['form']} form" if summary["form"] else summary["backend"]
    sentences = [f"In {summary['precision']}, on the {where}."]
    last = [list(relative_errors(block).values())[-1] for block in blocks]
    known = [error for error in last if error is not None]
    if known:
        when = "At the end" if len(blocks) == 1 else f"At the end of the {len(blocks)} blocks"
        sentences.append(
            f"{when} the error of the prediction after the cue alone is {_listed(known)} of the error of "
            "predicting nothing."
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

    Peaks count for events that occur, and only if the prediction rises at all.
    """
    probability_errors, time_errors = [], []
    columns = ("probability", "probability_estimate", "latency_ms", "peak_ms")
    for block in blocks:
        for cue in zip(*(per_cue(block[name]) for name in columns), strict=True):
            for true, estimate, due, peak in zip(*cue, strict=True):
                probability_errors.append(abs(estimate - true))
                if true > 0 and peak is not None:
                    time_errors.append(abs(peak - due))
    return float(np.mean(probability_errors)), float(np.mean(time_errors)) if time_errors else None


def _learned(summary: Mapping[str, Any]) -> list[Element]:
    probes, rows = block_rows(summary["blocks"])
    header = ["block", "trials", "true p", "estimated p", "due (ms)", "peak (ms)"]
    header += [f"error after {number}" for number in probes]
    elements: list[Element] = [
        Table("Prediction after the cue alone, at the end of each block", header, rows),
        Paragraph(
            "Entries with several numbers have one an event (A / B / ...). Errors are root mean square over "
            "time and events, as a share of the error of predicting nothing. A peak is the centroid of the "
            "prediction where it is above half its maximum."
        ),
    ]
    if warnings := summary.get("warnings"):
        text = f"The integers do not represent this network well: {len(warnings)} reasons below."
        elements.insert(0, Callout("warning", text))
    return elements


def _integers(summary: Mapping[str, Any]) -> list[Element]:
    """Show what the integers did to the network."""
    saturated = [[name, count] for name, count in summary["saturations"].items() if count]
    elements: list[Element] = [
        Callout("warning", "; ".join(filter(None, warning.values())))
        for warning in summary.get("warnings", ())
    ]
    if not elements:
        elements.append(Callout("pass", "Every parameter is held well, and the cells spike as in float."))
    if saturated:
        elements.append(Table("How often variables hit their bounds", ["variable", "times"], saturated))
    else:
        elements.append(Paragraph("No variable hit its bounds at any step."))
    if health := summary.get("health"):
        rows: list[list[Entry]] = [
            [
                name,
                Number(f"{health[f'{prefix}rate_hz']:.2f}"),
                Number(f"{health[f'{prefix}silent_share']:.1%}"),
            ]
            for name, prefix in (("integers", ""), ("float", "float_"))
        ]
        elements.append(Table("The first trial, before learning", ["", "rate (Hz)", "silent cells"], rows))
    return elements


def _settings(config: Config) -> Element:
    changed = _changed(config)
    if not changed:
        return Paragraph(f"All as the preset {config.preset} has them.")
    rows = [[key, _toml(preset), _toml(chosen)] for key, preset, chosen in changed]
    header = ["setting", f"preset {config.preset}", "this run"]
    return Table("What differs from the preset; the rest is the same", header, rows)


def _changed(config: Config) -> list[tuple[str, Any, Any]]:
    """Return key, preset's value and this value of every setting that differs from the preset's."""
    chosen, preset = _flat(config.to_dict()), _flat(load_preset(config.preset).to_dict())
    return [
        (key, preset[key], value)
        for key, value in chosen.items()
        if key not in _NAMED_IN_THE_TITLE and value != preset[key]
    ]


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return nested settings under their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = _flat(value, f"{path}{key}.") if isinstance(value, Mapping) else {f"{path}{key}": value}
        flat.update(inner)
    return flat


def _toml(value: Any) -> str:
    """Write a value as TOML has it, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value)


def _again(config: Config, summary: Mapping[str, Any]) -> list[Element]:
    where = [f"--{key} {summary[key]}" for key in ("backend", "form") if summary[key] not in (None, "cpu")]
    where += ["--precision fixed"] if summary["precision"] == "fixed" else []
    changes = [f"--set {shlex.quote(f'{key}={_toml(value)}')}" for key, _, value in _changed(config)]
    preset = [f"--preset {config.preset}", f"--seed {config.run.seed}"]
    timing = summary["timing"]
    return [
        Paragraph(
            "Either command gives the same bits. The first reads the file beside this page, the second needs "
            "nothing but lava-predict. The fingerprints tell, on one machine with one set of versions."
        ),
        Code(" ".join(["lava-predict run config.toml", *where])),
        Code(" ".join(["lava-predict run", *preset, *where, *changes])),
        KeyValues(
            [
                *((f"fingerprint, {name}", value) for name, value in summary["fingerprint"].items()),
                ("fingerprint, network", summary["network_fingerprint"]),
                *((f"version, {name}", number) for name, number in summary["versions"].items()),
            ]
        ),
        Paragraph(
            f"{timing['simulated_s']:.0f} s of the network's time took {timing['wall_s']:.1f} s: "
            f"{timing['real_time_factor']:.0f} times real time."
        ),
    ]


def page_of(folder: Path) -> Report:
    """Make the page of what a command left in a folder; nothing is simulated.

    Parameters
    ----------
    folder : Path
        Of a run (summary.json and results.h5), or of another command (summary.json and page.json).

    Returns
    -------
    Report
        For `lava_predict.reports.page.to_html`.

    Raises
    ------
    UserError
        If something that is needed is missing, damaged or of another version.
    """
    summary = _summary_of(folder)
    if summary["command"] == "run":
        record = load_record(folder)
        try:
            return page(record, summary)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise UserError(
                f"{folder / 'summary.json'}: is not that of a run, or damaged ({error!r}); run it again: "
                "lava-predict run config.toml"
            ) from None
    try:
        return from_json((folder / PAGE).read_bytes(), str(folder / PAGE))
    except OSError as error:
        raise UserError(
            f"{folder / PAGE}: cannot be read ({error.strerror or error}), and the page of "
            f"{summary['command']!r} is made from it; give a folder of run, compare or reproduce (one that "
            "an earlier version left has to be made again)"
        ) from None


def command_of(folder: Path) -> str:
    """Name the command that wrote a folder; raises a UserError if none did."""
    return str(_summary_of(folder)["command"])


def _summary_of(folder: Path) -> dict[str, Any]:
    """Read the summary.json of a folder."""
    file, remedy = folder / "summary.json", "give the folder that a command of lava-predict wrote"
    if unfinished_folder(folder).is_dir() and not folder.exists():
        raise UserError(
            f"DIR = {str(folder)!r}: that run has not ended; go on with: lava-predict run --resume {folder}"
        )
    if not folder.is_dir():
        raise UserError(f"DIR = {str(folder)!r}: is not a folder; {remedy}")
    try:
        summary = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}); {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: is not JSON ({error}); {remedy}") from None
    if not isinstance(summary, dict) or "command" not in summary:
        raise UserError(f"{file}: does not say which command wrote it; {remedy}")
    if summary.get("schema") != SCHEMA:
        raise UserError(
            f"{file}: has schema {summary.get('schema')!r}, this version reads {SCHEMA}; read it with the "
            "version of lava-predict that wrote it"
        )
    return summary


def write_page(report: Report, file: Path, overwrite: bool) -> None:
    """Write a page as HTML, under another name first, so that it is never half-written.

    Parameters
    ----------
    report : Report
        The page.
    file : Path
        Where to put it.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    UserError
        If the name is taken or cannot be written.
    """
    if file.is_dir() or (os.path.lexists(file) and not overwrite):
        raise UserError(
            f"--out {str(file)!r}: exists already; choose another file"
            + ("" if file.is_dir() else " or add --overwrite")
        )
    html = to_html(report)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.partial-", dir=file.parent) as aside:
            written = Path(aside) / file.name
            written.write_text(html, encoding="utf-8")
            written.replace(file)
    except OSError as error:
        raise cannot_write(file, error) from None
