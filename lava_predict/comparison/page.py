"""A comparison of precisions as summary.json, table, figures and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lava_predict.analysis.over_seeds import in_words, mean_and_deviation
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
from lava_predict.reports.outcome import Outcome, sheet
from lava_predict.reports.page import (
    Callout,
    Element,
    Entry,
    Figure,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
)
from lava_predict.reports.plot_style import to_png


def outcome(found: Comparison, wall_s: float) -> Outcome:
    """Gather what `lava-predict compare` leaves and prints.

    Parameters
    ----------
    found : Comparison
        As `compare` gives it.
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
        "single_cell": _cells(found),
        "network": _network(found),
        "readouts": _readouts(found),
        "task": _task(found),
        "word_length": {
            "full_error": mean_and_deviation(found.full_error),
            "tolerance": TOLERANCE,
            "variables": _word_lengths(found),
        },
        "timing": {"wall_s": wall_s},
    }
    header, rows = _main_rows(values)
    figures = {name: Figure(to_png(drawn), alt, caption) for name, drawn, alt, caption in _drawn(found)}
    return Outcome(
        "compare",
        values,
        sheet(
            header,
            rows,
            "Float against fixed point: mean and deviation over seeds",
            "error: relative to predicting nothing, at a block's end; the last two rows are the nulls",
        ),
        ["fewest bits: " + ", ".join(f"{name} {knee}" for name, knee in found.knees.items())],
        found.warnings,
        found.config,
        figures,
        _page(found, values, figures),
    )


def _word_lengths(found: Comparison) -> dict[str, Any]:
    return {
        name: {
            "bits": widths,
            "error": found.sweep[name].mean(axis=0),
            "sd": found.sweep[name].std(axis=0),
            "knee": found.knees[name],
        }
        for names, widths in ((STATE_VARIABLES, STATE_WIDTHS), (COEFFICIENTS, COEFFICIENT_WIDTHS))
        for name in names
    }


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


def _main_rows(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of the most important table: one row per variant, mean and deviation."""
    variants, amplitude_r = values["task"]["variants"], values["task"]["amplitude_r"]
    # Of each block the last probe, unless it was tested before learning only.
    labels = [label for label in variants[FLOAT]["error"] if not label.endswith("trial 0")]
    ends = list({label.split(",")[0]: label for label in labels}.values())
    header = ["", *(f"error, {label}" for label in ends), "ratio to float", "r of amplitude", "rate (Hz)"]
    header += ["weights' r", "prediction differs"]
    rows: list[list[Entry]] = []
    for name in (FLOAT, FIXED, ON_CHIP, UNCENTRED, *NULLS):
        variant, readout = variants[name], values["readouts"].get(name, {})
        rows.append(
            [
                name,
                *(_number(variant["error"][label]) for label in ends),
                _number(variant["first_block_end_ratio_to_float"]),
                _number(amplitude_r.get(name)),
                _number(variant["rate_hz"], ".2f"),
                _number(readout.get("weight_correlation")),
                _number(readout.get("prediction_difference")),
            ]
        )
    return header, rows


def _number(figure: Mapping[str, Any] | None, form: str = ".3f") -> Number | None:
    return None if figure is None else Number(in_words(figure, form))


_Drawn = tuple[str, Any, str, str]
"""A figure's file name without ending, the figure, the text in its place and its caption."""


def _drawn(found: Comparison) -> Iterator[_Drawn]:
    yield from _cell_figures(found)
    yield from _network_figures(found)
    yield from _task_figures(found)
    yield from _sweep_figures(found)


def _cell_figures(found: Comparison) -> Iterator[_Drawn]:
    cells, names = found.cells, [cell.name for cell in CELLS]
    yield (
        "f_i_curves",
        draw.f_i_curves(cells.currents, cells.rates_hz, names),
        "Firing rate over constant current for six cells; the curves of float and fixed coincide.",
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


def _network_figures(found: Comparison) -> Iterator[_Drawn]:
    run, dt = found.networks[0], found.config.run.dt_ms
    pair = run.pairs[FIXED]
    nulls = {name: run.pairs[name].share for name in NULLS}
    yield (
        "divergence",
        draw.divergence(np.arange(pair.share.size) * dt, {FIXED: pair.share}, nulls, 0.5),
        "Share of the active cells whose spikes differ from float's over time, for fixed and both nulls.",
        f"How two runs diverge (seed {found.seeds[0]}): share of the recently active cells whose spikes "
        "differ from float's. In grey the nulls.",
    )
    half = (pair.distance.size - 1) // 2
    distances = {name: np.array([r.pairs[name].distance for r in found.networks]) for name in (FIXED, *NULLS)}
    if all((~np.isnan(rows)).all(axis=1).any() for rows in distances.values()):
        yield (
            "distance",
            draw.distance_over_lag(np.arange(-half, half + 1) * dt, {FIXED: distances.pop(FIXED)}, distances),
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


def _task_figures(found: Comparison) -> Iterator[_Drawn]:
    first = found.tasks[FLOAT][0]
    errors = {name: _errors(outcomes) for name, outcomes in found.tasks.items()}
    before = np.cumsum([0, *(block.trials for block in found.config.task.blocks)])[first.block]
    yield (
        "learning",
        draw.learning_curves(
            before + first.trials,
            first.block,
            {name: errors[name] for name in (FLOAT, FIXED, ON_CHIP, UNCENTRED)},
            {name: errors[name] for name in NULLS},
        ),
        "Error over trials in all variants; it falls within each block and rises at each switch.",
        "Learning and re-learning: error relative to predicting nothing, median and quartiles over seeds.",
    )
    yield from _switch_figure(first, {name: errors[name] for name in (FLOAT, FIXED, ON_CHIP)})
    if found.amplitude:
        yield (
            "amplitude",
            draw.amplitude_against_probability(found.levels, found.amplitude),
            "Amplitude of the first event's prediction over its probability, for each precision.",
            "Amplitude of the prediction over the event's probability.",
        )
    predictions = {name: found.tasks[name][0].prediction for name in (FLOAT, FIXED, ON_CHIP)}
    times_ms = np.arange(len(first.truth)) * found.config.run.dt_ms
    yield (
        "prediction",
        draw.prediction_overlay(times_ms, predictions, first.truth, found.config.task.cue_ms),
        "Prediction after the cue alone in float, fixed and on-chip beside the truth.",
        f"Prediction at the end of the first block (seed {found.seeds[0]}).",
    )
    yield (
        "weights",
        draw.readout_weights(first.w_when, found.tasks[FIXED][0].w_when),
        "Weight of every cell in the when readout, fixed against float.",
        f"Weights of the when readout at the end of the first block (seed {found.seeds[0]}).",
    )


def _switch_figure(first: TaskOutcome, errors: Mapping[str, np.ndarray]) -> Iterator[_Drawn]:
    """Draw what follows each switch, if every block was probed at the same trials."""
    blocks = [number for number in np.unique(first.block) if number > 0]
    trials = [first.trials[first.block == number] for number in blocks]
    if not blocks or any(not np.array_equal(trials[0], other) for other in trials):
        return
    by_switch = {
        f"block {number} to {number + 1}": {
            name: error[:, first.block == number] for name, error in errors.items()
        }
        for number in blocks
    }
    alt = f"Error over trials since each switch ({', '.join(by_switch)})."
    yield "switches", draw.switches(trials[0], by_switch), alt, "After each switch."


def _sweep_figures(found: Comparison) -> Iterator[_Drawn]:
    end = int(np.flatnonzero(found.tasks[FLOAT][0].block == 0)[-1])
    float_error = _errors(found.tasks[FLOAT])[: len(found.full_error), end]
    for file, names, widths, what in (
        ("state_bits", STATE_VARIABLES, STATE_WIDTHS, "states"),
        ("coefficient_bits", COEFFICIENTS, COEFFICIENT_WIDTHS, "coefficients and weights"),
    ):
        errors = {name: found.sweep[name] for name in names}
        yield (
            file,
            draw.word_length_knees(widths, errors, found.knees, float_error, np.ones(1)),
            f"Error at the end of the first block over the word length of {what}, one variable at a time.",
            f"Word length of {what}, one at a time, all others full. Ringed: the knee, the smallest word "
            f"length that keeps the mean error within a factor {TOLERANCE:g} of full lengths'. Band: float.",
        )


def _page(found: Comparison, values: Mapping[str, Any], figures: Mapping[str, Figure]) -> Report:
    def show(*names: str) -> list[Figure]:
        return [figures[name] for name in names if name in figures]

    ratio = values["task"]["variants"][FIXED]["first_block_end_ratio_to_float"]
    lead = (
        f"Preset {found.config.preset}, seeds {found.seeds[0]} to {found.seeds[-1]}. At the end of the first "
        f"block the error in fixed point is {in_words(ratio)} times that in float (mean and deviation of the "
        "ratio, paired over seeds)."
    )
    warnings = [Callout("warning", str(warning)) for warning in found.warnings]
    task: list[Element] = [
        *(warnings or [Callout("pass", "No parameter is badly held and nothing saturates.")]),
        Table("Mean and deviation over seeds", *_main_rows(values)),
        Paragraph(
            f"“{UNCENTRED}” is the rule that “{ON_CHIP}” approximates. The nulls: “{ULP}” raises every "
            f"cell's v by one unit in the last place, “{NOISE}” draws the cells' private noise again."
        ),
        *show("learning", "switches", "amplitude"),
    ]
    network: list[Element] = [_network_table(values), *show("divergence", "distance", "rates")]
    words: list[Element] = [_knee_table(values), *show("state_bits", "coefficient_bits")]
    sections = [
        Section("The task", task),
        Section("Readouts", show("prediction", "weights")),
        Section("The unlearned network", network),
        Section("Single cells", show("f_i_curves", "lag")),
        Section("Word lengths", words),
    ]
    return Report("Float against fixed point", lead, sections)


def _network_table(values: Mapping[str, Any]) -> Table:
    network = values["network"]
    columns = {
        "rate_hz": ("rate (Hz)", ".2f"),
        "interval_cv": ("CV of intervals", ".3f"),
        "silent_share": ("silent", ".2%"),
    }
    against_float = {
        "horizon_ms": ("first spike differs (ms)", ".0f"),
        "parted_ms": ("half of the cells differ (ms)", ".0f"),
        "rate_correlation": ("rates' r", ".4f"),
        "distance": ("least distance", ".3f"),
    }
    rows: list[list[Entry]] = []
    for name in (FLOAT, FIXED, *NULLS):
        pair = network["against_float"].get(name, {})
        alone = [_number(network[key][name], form) for key, (_, form) in columns.items()]
        rows.append(
            [name, *alone, *(_number(pair.get(key), form) for key, (_, form) in against_float.items())]
        )
    header = ["", *(title for title, _ in (*columns.values(), *against_float.values()))]
    return Table("The unlearned network, against float over ten seconds", header, rows)


def _knee_table(values: Mapping[str, Any]) -> Table:
    rows: list[list[Entry]] = []
    for name, swept in values["word_length"]["variables"].items():
        errors = ", ".join(
            f"{bits}: {'–' if np.isnan(error) else format(error, '.2f')}"
            for bits, error in zip(swept["bits"], swept["error"], strict=True)
        )
        knee = None if swept["knee"] is None else Number(str(swept["knee"]))
        rows.append([f"fixed.{name}", knee, errors])
    return Table("Mean error at each word length", ["setting", "knee (bits)", "bits: error"], rows)
