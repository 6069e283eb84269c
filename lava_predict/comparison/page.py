"""A comparison of precisions as summary.json, table, figures and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from rich.table import Table as Sheet

from lava_predict.analysis.over_seeds import in_words, mean_and_deviation, plain
from lava_predict.analysis.single_cell import CELLS
from lava_predict.analysis.spike_statistics import pearson
from lava_predict.comparison import plots as draw
from lava_predict.comparison.study import (
    COEFFICIENT_WIDTHS,
    COEFFICIENTS,
    FIXED,
    FLOAT,
    NOISE,
    NULLS,
    ON_CHIP,
    STATE_VARIABLES,
    STATE_WIDTHS,
    TOLERANCE,
    ULP,
    UNCENTRED,
    Comparison,
    TaskOutcome,
)
from lava_predict.network.draw import excitatory_cells
from lava_predict.records.run_record import SCHEMA
from lava_predict.reports.page import Callout, Figure, Number, Paragraph, Report, Section, Table
from lava_predict.reports.plot_style import to_png

_SHOWN = (FLOAT, FIXED, ON_CHIP, UNCENTRED, *NULLS)


def summarise(found: Comparison) -> dict[str, Any]:
    """Return what summary.json of a comparison holds: plain values, NaN as None.

    Parameters
    ----------
    found : Comparison
        As `compare` gives it.

    Returns
    -------
    dict
        Mean over seeds as "mean", standard deviation as "sd", each seed's value as "seeds".
    """
    summary: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "command": "compare",
            "preset": found.config.preset,
            "seeds": list(found.seeds),
            "single_cell": _cells(found),
            "network": _network(found),
            "readouts": _readouts(found),
            "task": _task(found),
            "word_length": {
                "full_error": mean_and_deviation(found.full_error),
                "tolerance": TOLERANCE,
                "variables": {
                    name: {
                        "bits": widths,
                        "error": error.mean(axis=0),
                        "sd": error.std(axis=0),
                        "knee": found.knees[name],
                    }
                    for name, error, widths in _swept(found)
                },
            },
            "warnings": [vars(warning) for warning in found.warnings],
        }
    )
    return summary


def _swept(found: Comparison) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield each variable whose word length was cut, its errors and the lengths."""
    for names, widths in ((STATE_VARIABLES, STATE_WIDTHS), (COEFFICIENTS, COEFFICIENT_WIDTHS)):
        for name in names:
            yield name, found.sweep[name], widths


def _cells(found: Comparison) -> dict[str, Any]:
    cells = found.cells
    return {
        "currents": cells.currents,
        "rate_hz": {
            name: {cell.name: rates[number] for number, cell in enumerate(CELLS)}
            for name, rates in cells.rates_hz.items()
        },
        "lag_current": cells.lag_current,
        "lag_ms_per_s": {
            name: {cell.name: lag.per_second for cell, lag in zip(CELLS, lags, strict=True)}
            for name, lags in cells.lags.items()
        },
    }


def _network(found: Comparison) -> dict[str, Any]:
    runs = found.networks
    names = (FLOAT, FIXED, *NULLS)
    return {
        **{
            key: {name: mean_and_deviation([getattr(run, key)[name] for run in runs]) for name in names}
            for key in ("rate_hz", "interval_cv", "silent_share")
        },
        "against_float": {
            name: {
                "horizon_ms": mean_and_deviation([run.pairs[name].horizon_ms for run in runs]),
                "parted_ms": mean_and_deviation([run.pairs[name].half_diverged_ms for run in runs]),
                "rate_correlation": mean_and_deviation([run.pairs[name].rate_correlation for run in runs]),
                "distance": mean_and_deviation([run.pairs[name].distance.min() for run in runs]),
            }
            for name in (FIXED, *NULLS)
        },
    }


def _readouts(found: Comparison) -> dict[str, Any]:
    reference = found.tasks[FLOAT]
    return {
        name: {
            "weight_correlation": mean_and_deviation(
                [pearson(a.w_when.ravel(), b.w_when.ravel()) for a, b in zip(reference, other, strict=True)]
            ),
            "prediction_difference": mean_and_deviation(
                [
                    float(np.sqrt(np.mean((a.prediction - b.prediction) ** 2)))
                    for a, b in zip(reference, other, strict=True)
                ]
            ),
        }
        for name, other in found.tasks.items()
        if name != FLOAT
    }


def _task(found: Comparison) -> dict[str, Any]:
    first = found.tasks[FLOAT][0]
    end = int(np.flatnonzero(first.block == 0)[-1])
    standard = _errors(found.tasks[FLOAT])[:, end]
    variants = {}
    for name, outcomes in found.tasks.items():
        error = _errors(outcomes)
        variants[name] = {
            "error": {
                f"block {block + 1}, trial {trials}": mean_and_deviation(error[:, number])
                for number, (block, trials) in enumerate(zip(first.block, first.trials, strict=True))
            },
            "first_block_end_ratio_to_float": mean_and_deviation(error[:, end] / standard),
            "rate_hz": mean_and_deviation([outcome.rate_hz for outcome in outcomes]),
            "saturations": {
                key: sum(outcome.saturations[key] for outcome in outcomes) for key in outcomes[0].saturations
            },
        }
    chip, stood_for = (_errors(found.tasks[name])[:, end] for name in (ON_CHIP, UNCENTRED))
    return {
        "variants": variants,
        "on_chip_ratio_to_uncentred": mean_and_deviation(chip / stood_for),
        "amplitude_r": {
            name: mean_and_deviation([pearson(found.levels, seed) for seed in amplitude])
            for name, amplitude in found.amplitude.items()
        },
        "levels": found.levels,
        "amplitude": {name: amplitude.mean(axis=0) for name, amplitude in found.amplitude.items()},
    }


def _errors(outcomes: list[TaskOutcome]) -> np.ndarray:
    """Errors relative to predicting nothing, (seeds, probes)."""
    return np.array([outcome.error for outcome in outcomes])


def main_rows(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the table that says most: one row a variant, mean and deviation."""
    task, readouts = summary["task"], summary["readouts"]
    labels = [label for label in task["variants"][FLOAT]["error"] if not label.endswith("trial 0")]
    ends = [
        max((label for label in labels if label.startswith(block)), key=labels.index)
        for block in dict.fromkeys(label.split(",")[0] for label in labels)
    ]
    header = ["", *(f"error, {label}" for label in ends), "ratio to float", "r of amplitude", "rate (Hz)"]
    header += ["weights' r", "prediction differs"]
    rows = []
    for name in _SHOWN:
        variant = task["variants"][name]
        r = task["amplitude_r"].get(name)
        against = readouts.get(name)
        rows.append(
            [
                name,
                *(in_words(variant["error"][label]) for label in ends),
                in_words(variant["first_block_end_ratio_to_float"]),
                in_words(r) if r else "–",
                in_words(variant["rate_hz"], ".2f"),
                in_words(against["weight_correlation"]) if against else "–",
                in_words(against["prediction_difference"]) if against else "–",
            ]
        )
    return header, rows


def table(summary: Mapping[str, Any]) -> Sheet:
    """Lay out the table that `compare` prints."""
    header, rows = main_rows(summary)
    sheet = Sheet(
        title="Float against fixed point: mean and deviation over seeds",
        caption="error: relative to predicting nothing, at a block's end; the last two rows are the nulls",
    )
    for number, name in enumerate(header):
        sheet.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        sheet.add_row(*row)
    return sheet


def figures(found: Comparison) -> dict[str, tuple[bytes, str, str]]:
    """Draw every figure.

    Parameters
    ----------
    found : Comparison
        As `compare` gives it.

    Returns
    -------
    dict of str to (bytes, str, str)
        By file name without ending: PNG, text in place of the picture, caption.
    """
    drawn = {}
    for name, figure, alt, caption in _drawn(found):
        drawn[name] = (to_png(figure), alt, caption)
    return drawn


def _drawn(found: Comparison) -> Iterator[tuple[str, Any, str, str]]:
    yield from _cell_figures(found)
    yield from _network_figures(found)
    yield from _task_figures(found)
    yield from _sweep_figures(found)


def _cell_figures(found: Comparison) -> Iterator[tuple[str, Any, str, str]]:
    cells, names = found.cells, [cell.name for cell in CELLS]
    yield (
        "f_i_curves",
        draw.f_i_curves(cells.currents, cells.rates_hz, names),
        "Firing rate over constant current for six cells; the curves of float and fixed lie on each other.",
        "Single cells: rate over constant current, a panel a cell.",
    )
    slowest = int(np.argmin([cell.a for cell in CELLS]))
    yield (
        "lag",
        draw.lag_over_time({name: lags[slowest] for name, lags in cells.lags.items()}),
        f"Lag of the n-th spike behind float over time, for the cell {names[slowest]}.",
        f"Lag of the n-th spike behind float, {names[slowest]}, at a current of {cells.lag_current:g}. "
        "Constants that are rounded down make a cell late; the nearest integers do not.",
    )


def _network_figures(found: Comparison) -> Iterator[tuple[str, Any, str, str]]:
    run = found.networks[0]
    dt = found.config.run.dt_ms
    pair = run.pairs[FIXED]
    yield (
        "divergence",
        draw.divergence(
            np.arange(pair.share.size) * dt,
            {FIXED: pair.share},
            {name: run.pairs[name].share for name in NULLS},
            0.5,
        ),
        "Share of the active cells whose spikes differ from float's over time, for fixed and both nulls.",
        f"How two runs part (seed {found.seeds[0]}): share of the cells active of late whose spikes differ "
        "from float's. In grey the nulls.",
    )
    half = (pair.distance.size - 1) // 2
    lags = np.arange(-half, half + 1) * dt
    per_seed = {name: np.array([r.pairs[name].distance for r in found.networks]) for name in (FIXED, *NULLS)}
    known = {name: rows[~np.isnan(rows).any(axis=1)] for name, rows in per_seed.items()}
    if all(len(rows) for rows in known.values()):
        yield (
            "distance",
            draw.distance_over_lag(lags, {FIXED: known[FIXED]}, {name: known[name] for name in NULLS}),
            "Spike-train distance to float over lag, for fixed and both nulls; 1 is unrelated.",
            "Spike-train distance to float over lag (van Rossum, 10 ms): median over cells, band over seeds. "
            "0 is identical, 1 unrelated.",
        )
    yield (
        "rates",
        draw.rate_scatter(run.rates_hz[FLOAT], run.rates_hz[FIXED], excitatory_cells(found.config)),
        "Rate of every cell in fixed against float; the points lie along the diagonal.",
        f"Rate of every cell (seed {found.seeds[0]}).",
    )


def _task_figures(found: Comparison) -> Iterator[tuple[str, Any, str, str]]:
    first = found.tasks[FLOAT][0]
    before = np.cumsum([0, *(block.trials for block in found.config.task.blocks)])[first.block]
    yield (
        "learning",
        draw.learning_curves(
            before + first.trials,
            first.block,
            {name: _errors(found.tasks[name]) for name in (FLOAT, FIXED, ON_CHIP, UNCENTRED)},
            {name: _errors(found.tasks[name]) for name in NULLS},
        ),
        "Error over trials in all variants; it falls within each block and rises at each switch.",
        "Learning and re-learning: error relative to predicting nothing, median and quartiles over seeds.",
    )
    for kind, chart in _switch_figures(found):
        yield "switches", chart, f"Error over trials since each switch ({kind}).", "After each switch."
    if found.amplitude:
        yield (
            "amplitude",
            draw.amplitude_against_probability(found.levels, found.amplitude),
            "Amplitude of the first event's prediction over its probability, for each precision.",
            "Amplitude of the prediction over the event's probability.",
        )
    seeds = {name: found.tasks[name][0] for name in (FLOAT, FIXED, ON_CHIP)}
    yield (
        "prediction",
        draw.prediction_overlay(
            np.arange(len(first.truth)) * found.config.run.dt_ms,
            {name: outcome.prediction for name, outcome in seeds.items()},
            first.truth,
            found.config.task.cue_ms,
        ),
        "Prediction after the cue alone in float, fixed and on-chip beside the truth.",
        f"Prediction at the end of the first block (seed {found.seeds[0]}).",
    )
    yield (
        "weights",
        draw.readout_weights(seeds[FLOAT].w_when, seeds[FIXED].w_when),
        "Weight of every cell in the when readout, fixed against float.",
        f"Weights of the when readout at the end of the first block (seed {found.seeds[0]}).",
    )


def _switch_figures(found: Comparison) -> Iterator[tuple[str, Any]]:
    first = found.tasks[FLOAT][0]
    blocks = [number for number in np.unique(first.block) if number > 0]
    trials = [first.trials[first.block == number] for number in blocks]
    if not blocks or any(not np.array_equal(trials[0], other) for other in trials):
        return
    errors = {
        f"block {number} to {number + 1}": {
            name: _errors(found.tasks[name])[:, first.block == number] for name in (FLOAT, FIXED, ON_CHIP)
        }
        for number in blocks
    }
    yield ", ".join(errors), draw.switches(trials[0], errors)


def _sweep_figures(found: Comparison) -> Iterator[tuple[str, Any, str, str]]:
    reference = _errors(found.tasks[FLOAT])
    end = int(np.flatnonzero(found.tasks[FLOAT][0].block == 0)[-1])
    for file, names, widths, what in (
        ("state_bits", STATE_VARIABLES, STATE_WIDTHS, "states"),
        ("coefficient_bits", COEFFICIENTS, COEFFICIENT_WIDTHS, "coefficients and weights"),
    ):
        yield (
            file,
            draw.word_length_knees(
                widths,
                {name: found.sweep[name] for name in names},
                {name: found.knees[name] for name in names},
                reference[: len(found.full_error), end],
                np.ones(1),
            ),
            f"Error at the end of the first block over the word length of {what}, one variable at a time.",
            f"Word length of {what}, one at a time, all others full. Ringed: the knee, the fewest bits from "
            f"which on the mean error stays within a factor {TOLERANCE:g} of full lengths'. Band: float.",
        )


def page(
    found: Comparison, summary: Mapping[str, Any], drawn: Mapping[str, tuple[bytes, str, str]]
) -> Report:
    """Put table and figures together as a page.

    Parameters
    ----------
    found, summary, drawn
        As `compare`, `summarise` and `figures` give them.

    Returns
    -------
    Report
        For `report.to_html`.
    """
    pictures = {name: Figure(*parts) for name, parts in drawn.items()}

    def show(*names: str) -> list[Figure]:
        return [pictures[name] for name in names if name in pictures]

    header, rows = main_rows(summary)
    ratio = summary["task"]["variants"][FIXED]["first_block_end_ratio_to_float"]
    lead = (
        f"Preset {found.config.preset}, seeds {found.seeds[0]} to {found.seeds[-1]}. At the end of the first "
        f"block the error in fixed point is {in_words(ratio)} times that in float (mean and deviation of the "
        "ratio, paired over seeds)."
    )
    warnings = [Callout("warning", str(warning)) for warning in found.warnings]
    return Report(
        "Float against fixed point",
        lead,
        [
            Section(
                "The task",
                [
                    *(warnings or [Callout("pass", "No parameter is badly held and nothing saturates.")]),
                    Table("Mean and deviation over seeds", header, [_row(row) for row in rows]),
                    Paragraph(
                        f"“{UNCENTRED}” is the rule that “{ON_CHIP}” stands for. The nulls: “{ULP}” raises "
                        f"every cell's v by one unit in the last place, “{NOISE}” draws the cells' private "
                        "noise anew."
                    ),
                    *show("learning", "switches", "amplitude"),
                ],
            ),
            Section("Readouts", show("prediction", "weights")),
            Section(
                "The unlearned network",
                [_network_table(summary), *show("divergence", "distance", "rates")],
            ),
            Section("Single cells", show("f_i_curves", "lag")),
            Section("Word lengths", [_knee_table(summary), *show("state_bits", "coefficient_bits")]),
        ],
    )


def _row(row: list[str]) -> list[str | Number]:
    return [row[0], *(Number(text) for text in row[1:])]


def _network_table(summary: Mapping[str, Any]) -> Table:
    network = summary["network"]
    rows: list[list[str | Number]] = []
    for name in (FLOAT, FIXED, *NULLS):
        pair = network["against_float"].get(name)
        cells = [
            in_words(network["rate_hz"][name], ".2f"),
            in_words(network["interval_cv"][name]),
            in_words(network["silent_share"][name], ".2%"),
        ]
        for key, form in (
            ("horizon_ms", ".0f"),
            ("parted_ms", ".0f"),
            ("rate_correlation", ".4f"),
            ("distance", ".3f"),
        ):
            cells.append(in_words(pair[key], form) if pair else "–")
        rows.append([name, *(Number(cell) for cell in cells)])
    header = ["", "rate (Hz)", "CV of intervals", "silent", "first spike differs (ms)"]
    header += ["half of the cells differ (ms)", "rates' r", "least distance"]
    return Table("The unlearned network, against float over ten seconds", header, rows)


def _knee_table(summary: Mapping[str, Any]) -> Table:
    rows: list[list[str | Number]] = []
    for name, swept in summary["word_length"]["variables"].items():
        errors = ", ".join(
            f"{bits}: {'–' if error is None else format(error, '.2f')}"
            for bits, error in zip(swept["bits"], swept["error"], strict=True)
        )
        rows.append([f"fixed.{name}", Number("–" if swept["knee"] is None else str(swept["knee"])), errors])
    return Table("Mean error at each word length", ["setting", "knee (bits)", "bits: error"], rows)
