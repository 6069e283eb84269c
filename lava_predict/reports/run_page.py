"""The page of a finished command: of a run from its record, of the others from the page they left."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lava_predict.errors import UserError
from lava_predict.records.folder import unfinished_folder, write_file
from lava_predict.records.run_record import SCHEMA, RunRecord, load_record
from lava_predict.reports import plots
from lava_predict.reports.page import (
    Callout,
    Code,
    Element,
    Entry,
    Figure,
    KeyValues,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    from_json,
    to_html,
)
from lava_predict.reports.plot_style import to_png
from lava_predict.settings.files import load_preset
from lava_predict.settings.schema import Config

PAGE = "page.json"
"""Name of the file from which a command's page can be made anew."""

_MOST_NAMED = 6
_FOUND_ELSEWHERE = ("preset", "run.seed")


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
        For `report.to_html`.
    """
    sections = [
        Section("What was learned", [*_remarks(summary), *_learned(record, summary)]),
        Section("The network", _network(record, summary)),
        *_integers(summary),
        Section("Settings", _settings(record.config)),
        Section("The same run again", _again(record.config, summary)),
    ]
    return Report(f"A run of {summary['preset']}, seed {summary['seed']}", _lead(summary), sections)


def _lead(summary: Mapping[str, Any]) -> str:
    blocks = summary["blocks"]
    where = f"{summary['backend']}, {summary['form']} form" if summary["form"] else summary["backend"]
    told = [f"In {summary['precision']}, on the {where}."]
    ends = [relative for block in blocks if (relative := _errors(block)[-1]) is not None]
    if ends:
        when = "At the end" if len(blocks) == 1 else f"At the end of the {len(blocks)} blocks"
        told.append(
            f"{when} the error of the prediction after the cue alone is {_listed(ends)} of the error of "
            "predicting nothing."
        )
    off, late = _misses(blocks)
    timing = f", predicted times by {late:.0f} ms" if late is not None else ""
    told.append(f"Estimated probabilities are off by {off:.2f} on average{timing}.")
    return " ".join(told)


def _listed(values: Sequence[float]) -> str:
    """Write figures as a list, or their range where they are many."""
    if len(values) > _MOST_NAMED:
        return f"between {min(values):.2f} and {max(values):.2f} (mean {np.mean(values):.2f})"
    *first, last = (f"{value:.2f}" for value in values)
    return f"{', '.join(first)} and {last}" if first else last


def _errors(block: Mapping[str, Any]) -> list[float | None]:
    """Errors of a block relative to predicting nothing; None where nothing is all there is to predict."""
    zero = block["zero_error"]
    return [error / zero if zero else None for error in block["error"].values()]


def _misses(blocks: Sequence[Mapping[str, Any]]) -> tuple[float, float | None]:
    """Mean distance of estimates from probabilities, and of peaks from latencies (ms), at blocks' ends.

    Peaks count for events that occur, and where the prediction rises at all.
    """
    off, late = [], []
    for block in blocks:
        columns = ("probability", "probability_estimate", "latency_ms", "peak_ms")
        for row in zip(*(_per_cue(block[name]) for name in columns), strict=True):
            for true, estimate, due, peak in zip(*row, strict=True):
                off.append(abs(estimate - true))
                if true > 0 and peak is not None:
                    late.append(abs(peak - due))
    return float(np.mean(off)), float(np.mean(late)) if late else None


def _per_cue(values: Sequence[Any]) -> Sequence[Any]:
    """Return one list over events a cue; summary.json leaves out the outer list where there is one cue."""
    return values if isinstance(values[0], list) else [values]


def _remarks(summary: Mapping[str, Any]) -> Iterator[Callout]:
    warnings = summary.get("warnings", ())
    if warnings:
        yield Callout(
            "warning", f"The integers do not hold this network well: {len(warnings)} reasons below."
        )


def _learned(record: RunRecord, summary: Mapping[str, Any]) -> list[Element]:
    return [
        _block_table(summary["blocks"]),
        Paragraph(
            "Entries with several numbers have one an event (A / B / ...). Errors are root mean square over "
            "time and events, as a share of the error of predicting nothing. A peak is the centroid of the "
            "prediction where it is above half its maximum."
        ),
        *(_picture(name, record) for name in plots.FIGURES if name != "raster"),
    ]


def _block_table(blocks: Sequence[Mapping[str, Any]]) -> Table:
    trials = sorted({int(number) for block in blocks for number in block["error"]})
    header = ["block", "trials", "true p", "estimated p", "due (ms)", "peak (ms)"]
    header += [f"error after {number}" for number in trials]
    rows: list[list[Entry]] = []
    for number, block in enumerate(blocks, start=1):
        errors = dict(zip(block["error"], _errors(block), strict=True))
        shown = [None if (e := errors.get(str(n))) is None else Number(f"{e:.2f}") for n in trials]
        cues = len(_per_cue(block["probability"]))
        for cue in range(cues):
            events = [
                Number(" / ".join("–" if v is None else format(v, form) for v in _per_cue(block[name])[cue]))
                for name, form in (
                    ("probability", ".2f"),
                    ("probability_estimate", ".2f"),
                    ("latency_ms", ".0f"),
                    ("peak_ms", ".0f"),
                )
            ]
            name = f"{number}" if cues == 1 else f"{number}, cue {cue + 1}"
            rows.append([name, block["trials"], *events, *shown])
    return Table("Prediction after the cue alone, at the end of each block", header, rows)


def _alt_of_learning(record: RunRecord) -> str:
    told = []
    for block in np.unique(record.probe_block)[-_MOST_NAMED:]:
        error = record.error[record.probe_block == block]
        told.append(f"from {error[0]:.3f} to {error[-1]:.3f} in block {block + 1}")
    return f"Error of the prediction over training trials: {', '.join(told)}."


def _alt_of_prediction(record: RunRecord) -> str:
    r = [
        np.corrcoef(record.o[last].ravel(), record.truth[last].ravel())[0, 1]
        for block in np.unique(record.probe_block)
        if np.ptp(record.truth[last := int(np.flatnonzero(record.probe_block == block)[-1])]) > 0
        and np.ptp(record.o[last]) > 0
    ]
    alike = f"; correlation {np.mean(r):.2f} in the mean over blocks" if r else ""
    return f"Prediction and truth over the time after the cue, a row a block, a column an event{alike}."


def _alt_of_probability(record: RunRecord) -> str:
    last = ", ".join(f"{p:.2f}" for p in np.clip(record.trial_p[-1], 0, 1))
    return f"Estimated and true probability of each event over training trials; the last estimates: {last}."


def _alt_of_raster(record: RunRecord) -> str:
    shown = np.unique(record.spike_cell[record.spike_probe == record.probe_block.size - 1]).size
    return (
        f"Spikes of the {record.config.reservoir.neurons} cells before and after the cue, {shown} of which "
        "spike, and below them the mean rate."
    )


_TEXTS: Mapping[str, tuple[Callable[[RunRecord], str], str]] = {
    "learning_curve": (
        _alt_of_learning,
        "Error of the prediction after the cue alone, block by block, beside that of predicting nothing. The "
        "causal prediction uses at each moment only what was known by then.",
    ),
    "prediction": (
        _alt_of_prediction,
        "What is expected, when and with what probability, at the end of each block, beside the truth.",
    ),
    "probability": (
        _alt_of_probability,
        "The estimated probability of each event over trials; ticks above mark the trials in which it "
        "occurred.",
    ),
    "raster": (
        _alt_of_raster,
        "Spikes of the first presentation of the last probe; the dashed lines mark when the events are due.",
    ),
}
"""Text in place of each of `plots.FIGURES`, and its caption."""


def _picture(name: str, record: RunRecord) -> Figure:
    alt, caption = _TEXTS[name]
    return Figure(to_png(plots.FIGURES[name](record)), alt(record), caption)


def _network(record: RunRecord, summary: Mapping[str, Any]) -> list[Element]:
    reservoir = summary["reservoir"]
    return [
        KeyValues(
            [
                ("cells", reservoir["neurons"]),
                ("synapses", reservoir["synapses"]),
                ("mean rate (Hz)", Number(f"{reservoir['mean_rate_hz']:.2f}")),
            ]
        ),
        _picture("raster", record),
    ]


def _integers(summary: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the section on what the integers did to the network, if it ran in integers."""
    if "saturations" not in summary:
        return
    saturated = {name: count for name, count in summary["saturations"].items() if count}
    health = summary.get("health")
    elements: list[Element] = [
        Callout("warning", "; ".join(filter(None, warning.values())))
        for warning in summary.get("warnings", ())
    ]
    if not elements:
        elements.append(Callout("pass", "Every parameter is held well, and the cells spike as in float."))
    if saturated:
        rows = [[name, count] for name, count in saturated.items()]
        elements.append(Table("How often variables hit their bounds", ["variable", "times"], rows))
    else:
        elements.append(Paragraph("No variable hit its bounds at any step."))
    if health is not None:
        elements.append(_health_table(health))
    yield Section("Integers", elements)


def _health_table(health: Mapping[str, Any]) -> Table:
    rows: list[list[Entry]] = [
        [name, Number(f"{health[prefix + 'rate_hz']:.2f}"), Number(f"{health[prefix + 'silent_share']:.1%}")]
        for name, prefix in (("integers", ""), ("float", "float_"))
    ]
    return Table("The first trial, before learning", ["", "rate (Hz)", "silent cells"], rows)


def _settings(config: Config) -> list[Element]:
    changed = _changed(config)
    if not changed:
        return [Paragraph(f"All as the preset {config.preset} has them.")]
    rows = [[key, _toml(theirs), _toml(ours)] for key, theirs, ours in changed]
    header = ["setting", f"preset {config.preset}", "this run"]
    return [Table("What differs from the preset; the rest is as there", header, rows)]


def _changed(config: Config) -> list[tuple[str, Any, Any]]:
    """Return key, preset's value and this value of every setting that differs from the preset's."""
    ours, theirs = _flat(config.to_dict()), _flat(load_preset(config.preset).to_dict())
    return [
        (key, theirs[key], value)
        for key, value in ours.items()
        if key not in _FOUND_ELSEWHERE and value != theirs[key]
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
    timing = summary["timing"]
    return [
        Paragraph(
            "Either command gives the same bits; the first reads the file beside this page, the second needs "
            "nothing but lava-predict. The fingerprints tell, on one machine with one set of versions."
        ),
        *(Code(command) for command in _commands(config, summary)),
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


def _commands(config: Config, summary: Mapping[str, Any]) -> tuple[str, str]:
    """Return the commands that run it again: from config.toml, and from the preset."""
    where = [f"--{key} {summary[key]}" for key in ("backend", "form") if summary[key] not in (None, "cpu")]
    where += ["--precision fixed"] if summary["precision"] == "fixed" else []
    settings = [f"--set {shlex.quote(f'{key}={_toml(value)}')}" for key, _, value in _changed(config)]
    start = ["lava-predict run", f"--preset {config.preset}", f"--seed {config.run.seed}"]
    return " ".join(["lava-predict run config.toml", *where]), " ".join([*start, *where, *settings])


def page_of(folder: Path) -> Report:
    """Make the page of what a command left in a folder; nothing is simulated.

    Parameters
    ----------
    folder : Path
        Of a run (summary.json and results.h5), or of another command (summary.json and page.json).

    Returns
    -------
    Report
        For `report.to_html`.

    Raises
    ------
    UserError
        If something that is needed is missing, damaged or of another version.
    """
    summary = _summary_of(folder)
    command = summary.get("command")
    if command == "run":
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
            f"{folder / PAGE}: cannot be read ({error.strerror or error}), and the page of {command!r} is "
            "made from it; give a folder of run, compare or reproduce (one that an earlier version left has "
            "to be made again)"
        ) from None


def command_of(folder: Path) -> str:
    """Name the command that wrote a folder; raises a UserError where none did."""
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


def write_page(shown: Report, file: Path, overwrite: bool) -> None:
    """Write a page as HTML, aside first, then renamed.

    Parameters
    ----------
    shown : Report
        The page.
    file : Path
        Where to put it.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UserError
        If the name is taken or cannot be written.
    """
    write_file(file, to_html(shown), overwrite)
