"""A run and its integers in numbers: summary.json and the tables on the terminal."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rich.table import Table as Sheet

from lava_predict import __version__
from lava_predict.reports.outcome import Outcome, named, plain, sheet
from lava_predict.reports.page import Entry, Number
from lava_predict.settings.schema import Config, event_name

if TYPE_CHECKING:
    from lava_predict.analysis.integer_health import Health
    from lava_predict.experiment.results import BlockResult, Result
    from lava_predict.numerics.plan import Plan

_FORMATS = {"probability": ".2f", "probability_estimate": ".2f", "latency_ms": ".0f", "peak_ms": ".0f"}
_PER_EVENT = (*_FORMATS, "amplitude", "when_amplitude")
"""What a block gives for each cue and event."""


def run_values(result: Result, health: Health | None = None) -> dict[str, Any]:
    """Return the values that summary.json of a run holds; ``health`` is that of a run in integers.

    With one cue, per-event entries are lists over events; with several, lists over cues of such lists. A
    peak that does not exist is None, as is all that belongs to a cue not shown yet.
    """
    wall, simulated = result.wall_s, result.simulated_s
    versions = {"lava-predict": __version__} | {name: version(name) for name in ("numpy", "numba")}
    values = {
        "preset": result.config.preset,
        **named(result, "backend", "form", "precision"),
        "seed": result.config.run.seed,
        "event_names": result.config.task.names_of_events,
        "cue_names": result.config.task.names_of_cues,
        "reservoir": {
            "neurons": result.network.size,
            "synapses": result.network.synapses.target.size,
            "mean_rate_hz": result.mean_rate_hz,
        },
        "blocks": [_block(block) for block in result.blocks],
        "fingerprint": result.fingerprint,
        "network_fingerprint": result.network.fingerprint(),
        "versions": {"python": platform.python_version(), **versions},
        "timing": {"wall_s": wall, "simulated_s": simulated, "real_time_factor": simulated / wall},
    }
    if result.precision == "fixed":
        values["saturations"] = result.saturations
    if health is not None:
        values["health"] = _rates(health)
    found: dict[str, Any] = plain(values)
    return found


def _rates(health: Health) -> dict[str, Any]:
    rates = {name: value for name, value in vars(health).items() if name != "warnings"}
    return rates | {"sound": not health.warnings}


def _block(block: BlockResult) -> dict[str, Any]:
    values = vars(block)
    return values | {n: values[n][0] for n in _PER_EVENT if len(values[n]) == 1}


def relative_errors(block: Mapping[str, Any]) -> dict[int, float | None]:
    """Return a block's errors by trial over the error of predicting nothing; None if that error is 0."""
    return _relative(block["error"], block["zero_error"])


def counting_errors(block: Mapping[str, Any]) -> dict[int, float | None]:
    """As `relative_errors`, of the learner that only counts."""
    return _relative(block["baseline"]["counting"], block["zero_error"])


def _relative(errors: Mapping[str, float | None], zero: float | None) -> dict[int, float | None]:
    return {int(n): error / zero if zero and error is not None else None for n, error in errors.items()}


def per_cue(values: Sequence[Any]) -> Sequence[Any]:
    """Return one list over events per cue; summary.json omits the outer list if there is one cue."""
    return values if isinstance(values[0], list) else [values]


def block_rows(summary: Mapping[str, Any]) -> tuple[list[int], list[list[Entry]]]:
    """Lay out how the blocks of summary.json went.

    Returns
    -------
    probes : list of int
        Trials of a block after which it was tested.
    rows : list of list of Entry
        For each block and cue: block, its trials, true probabilities, estimates, latencies, peaks, and the
        relative error at each of the probes. Below, that of all cues, if they are several, and of counting.
    """
    blocks, names = summary["blocks"], summary.get("cue_names")
    probes = sorted({int(number) for block in blocks for number in block["error"]})
    rows: list[list[Entry]] = []

    def add(name: str, trials: int, events: Sequence[Entry], relative: Mapping[int, float | None]) -> None:
        errors = [None if (e := relative.get(n)) is None else Number(f"{e:.2f}") for n in probes]
        rows.append([name, trials, *events, *errors])

    for number, block in enumerate(blocks, start=1):
        trials, nothing = block["trials"], [Number("")] * len(_FORMATS)
        cues = len(block["zero_error_by_cue"])
        for cue, zero in enumerate(block["zero_error_by_cue"]):
            events = [_listed(per_cue(block[name])[cue], form) for name, form in _FORMATS.items()]
            errors = {n: by_cue[cue] for n, by_cue in block["error_by_cue"].items()}
            name = f"{number}" if cues == 1 else f"{number}, cue {names[cue] if names else cue + 1}"
            add(name, trials, events, _relative(errors, zero))
        if cues > 1:
            add(f"{number}, all", trials, nothing, relative_errors(block))
        add(f"{number}, counting", trials, nothing, counting_errors(block))
    return probes, rows


def _listed(values: Sequence[float | None], form: str) -> Number:
    return Number(" / ".join("–" if value is None else format(value, form) for value in values))


def run_table(summary: Mapping[str, Any]) -> Sheet:
    """Lay out the table that a run prints, a row for each block and cue, from what summary.json holds."""
    probes, rows = block_rows(summary)
    return sheet(
        ["block", "true p", "estimate", "due (ms)", "peak (ms)", *map(str, probes)],
        [[row[0], *row[2:]] for row in rows],
        "Prediction after the cue alone, last probe of each block" + events_named(summary),
        "last columns: error after that many trials of the block (1 = as good as predicting nothing); "
        "counting: of a learner that only counts outcomes",
    )


def events_named(summary: Mapping[str, Any]) -> str:
    """Name the events whose figures an entry of the table holds, if they have names of their own."""
    names = summary.get("event_names", [])
    own = names != [event_name(number) for number in range(len(names))]
    return f" ({' / '.join(names)})" if own else ""


def plan_outcome(config: Config, plan: Plan, health: Health) -> Outcome:
    """Gather what `lava-predict plan` shows: every parameter as an integer, and a short run in integers."""
    values = {
        "preset": config.preset,
        "seed": config.run.seed,
        "parameters": plan.entries,
        "health": _rates(health),
    }
    line = (
        f"first trial: {health.rate_hz:.2f} Hz (float {health.float_rate_hz:.2f}), "
        f"{health.silent_share:.1%} of the cells silent (float {health.float_silent_share:.1%})"
    )
    return Outcome("plan", values, plan_table(plan), [line], health.warnings, config)


def plan_table(plan: Plan) -> Sheet:
    """Lay out the table of `lava-predict plan`: one row per parameter."""
    rows: list[list[Entry]] = []
    for entry in plan.entries:
        ranges = (_range(entry.low, entry.high, ".4g"), _range(entry.integer_low, entry.integer_high, "d"))
        bits = (Number(str(entry.bits)), Number(str(entry.fraction_bits)), Number(f"{entry.error:.2%}"))
        lost = (_share(entry.clipped, entry.count), _share(entry.zeroed, entry.count))
        rows.append([entry.name, *ranges, *bits, *lost])
    return sheet(
        ["parameter", "value", "integer", "bits", "behind point", "error", "clipped", "to zero"],
        rows,
        "The parameters in integers",
        "error: relative (of a decay: error of its time constant; of weights: root mean square)",
    )


def _range(low: float, high: float, form: str) -> Number:
    return Number(format(low, form) if low == high else f"{low:{form}} .. {high:{form}}")


def _share(part: int, whole: int) -> Number:
    return Number(f"{part} of {whole}" if part else "")
