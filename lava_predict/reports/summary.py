"""A run in numbers: summary.json and the table at its end."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from rich.table import Table

from lava_predict.analysis.integer_health import Health
from lava_predict.experiment.experiment import BlockResult, Result
from lava_predict.network.quantise import Plan
from lava_predict.records.run_record import SCHEMA
from lava_predict.settings.schema import Config


def summarise(result: Result, health: Health | None = None) -> dict[str, Any]:
    """Return what summary.json of a run holds.

    Parameters
    ----------
    result : Result
        A finished run.
    health : Health, optional
        Of a run in integers.

    Returns
    -------
    dict
        Plain values. With one cue, per-event entries are lists over events; with several, lists over
        cues of such lists. A peak that does not exist is None.
    """
    wall, simulated = result.wall_s, result.simulated_s
    return {
        "schema": SCHEMA,
        "command": "run",
        "preset": result.config.preset,
        "backend": result.backend,
        "form": result.form,
        "precision": result.precision,
        "seed": result.config.run.seed,
        "reservoir": {
            "neurons": int(result.network.a.size),
            "synapses": int(result.network.target.size),
            "mean_rate_hz": result.mean_rate_hz,
        },
        "blocks": [_block(block) for block in result.blocks],
        "fingerprint": vars(result.fingerprint),
        **({"saturations": result.saturations} if result.precision == "fixed" else {}),
        **({"health": _health(health)} if health is not None else {}),
        "warnings": [vars(warning) for warning in health.warnings] if health is not None else [],
        "network_fingerprint": result.network.fingerprint(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("lava-predict", "numpy", "numba")},
        },
        "timing": {"wall_s": wall, "simulated_s": simulated, "real_time_factor": simulated / wall},
    }


def _health(health: Health) -> dict[str, Any]:
    plain = {name: value for name, value in vars(health).items() if name != "warnings"}
    return {
        name: None if isinstance(value, float) and np.isnan(value) else value for name, value in plain.items()
    }


def _block(block: BlockResult) -> dict[str, Any]:
    return {
        "trials": block.trials,
        "probability": _per_event(block.probability),
        "latency_ms": _per_event(block.latency_ms),
        "error": {str(trials): error for trials, error in block.error.items()},
        "zero_error": block.zero_error,
        "probability_estimate": _per_event(block.probability_estimate),
        "amplitude": _per_event(block.amplitude),
        "when_amplitude": _per_event(block.when_amplitude),
        "peak_ms": _per_event(block.peak_ms),
    }


def _per_event(rows: Any) -> Any:
    """Drop the cue dimension where there is one cue only, and write NaN as None."""
    plain = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return plain[0] if len(plain) == 1 else plain


def table(result: Result) -> Table:
    """Lay out the table that a run prints.

    Parameters
    ----------
    result : Result
        A finished run.

    Returns
    -------
    rich.table.Table
        One row for each block and cue; errors are given relative to a prediction of 0.
    """
    columns = sorted({trials for block in result.blocks for trials in block.error})
    sheet = Table(
        title="Prediction after the cue alone, last probe of each block",
        caption="last columns: error after that many trials of the block (1 = as good as predicting nothing)",
    )
    sheet.add_column("block")
    for name in ("true p", "estimate", "due (ms)", "peak (ms)"):
        sheet.add_column(name, justify="right")
    for trials in columns:
        sheet.add_column(str(trials), justify="right")
    for number, block in enumerate(result.blocks, start=1):
        for cue, probability in enumerate(block.probability):
            errors = [
                f"{block.error[n] / block.zero_error:.2f}" if n in block.error and block.zero_error else ""
                for n in columns
            ]
            sheet.add_row(
                f"{number}" if len(block.probability) == 1 else f"{number}, cue {cue + 1}",
                _numbers(probability, ".2f"),
                _numbers(block.probability_estimate[cue], ".2f"),
                _numbers(block.latency_ms[cue], ".0f"),
                _numbers(block.peak_ms[cue], ".0f"),
                *errors,
            )
    return sheet


def _numbers(values: Any, form: str) -> str:
    return " / ".join("-" if np.isnan(value) else format(value, form) for value in values)


def summarise_plan(config: Config, plan: Plan, health: Health) -> dict[str, Any]:
    """Return what summary.json of `lava-predict plan` holds: plain values."""
    return {
        "schema": SCHEMA,
        "command": "plan",
        "preset": config.preset,
        "seed": config.run.seed,
        "parameters": [vars(entry) for entry in plan.entries],
        "health": _health(health),
        "warnings": [vars(warning) for warning in health.warnings],
    }


def plan_table(plan: Plan) -> Table:
    """Lay out the table of `lava-predict plan`: one row a parameter."""
    sheet = Table(
        title="The parameters in integers",
        caption="error: relative; of a decay, that of its time constant; of weights, root mean square",
    )
    sheet.add_column("parameter")
    for name in ("value", "integer", "bits", "behind point", "error", "clipped", "to zero"):
        sheet.add_column(name, justify="right")
    for entry in plan.entries:
        sheet.add_row(
            entry.name,
            _span(entry.low, entry.high, ".4g"),
            _span(entry.integer_low, entry.integer_high, "d"),
            str(entry.bits),
            str(entry.fraction_bits),
            f"{entry.error:.2%}",
            _share(entry.clipped, entry.count),
            _share(entry.zeroed, entry.count),
        )
    return sheet


def _span(low: float, high: float, form: str) -> str:
    return format(low, form) if low == high else f"{low:{form}} .. {high:{form}}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" if part else ""
