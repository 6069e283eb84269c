"""A comparison of precisions as summary.json, table, figures and page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lava_predict.analysis.over_seeds import OVER_SEEDS, in_words, mean_and_deviation
from lava_predict.analysis.single_cell import CELLS
from lava_predict.analysis.spike_statistics import pearson
from lava_predict.comparison import plots, study
from lava_predict.comparison.study import (
    FIXED,
    FLOAT,
    NULLS,
    Comparison,
    Pair,
    TaskOutcome,
)
from lava_predict.experiment.scores import rmse
from lava_predict.reports import curves
from lava_predict.reports.changed import CHANGED, changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, plain, sheet
from lava_predict.reports.page import Entry, Number, Page
from lava_predict.settings.plain_values import Each, Maybe

_SLOWEST = int(np.argmin([cell.a for cell in CELLS]))
_NAMES = [cell.name for cell in CELLS]
_NETWORK_COLUMNS = (
    ("rate_hz", "rate (Hz)", ".2f"),
    ("interval_cv", "CV of intervals", ".3f"),
    ("silent_share", "silent", ".2%"),
    ("dimension", "dimension", ".1f"),
    ("horizon_ms", "first spike differs (ms)", ".0f"),
    ("parted_ms", "half of the cells differ (ms)", ".0f"),
    ("rate_correlation", "rates' r", ".4f"),
    ("distance", "least distance", ".3f"),
    ("cka", "CKA", ".3f"),
    ("angle_deg", "angle (degrees)", ".1f"),
)
"""Figures of the unlearned network: name in summary.json, heading, format; the last ones are of pairs."""
_ALONE = 4


_VARIANT = {
    "error": Each(OVER_SEEDS),
    "first_block_end_ratio_to_float": OVER_SEEDS,
    "rate_hz": OVER_SEEDS,
    "saturations": Each(int),
}

SUMMARY: dict[str, Any] = {
    "preset": str,
    "changed": CHANGED,
    "seeds": [int],
    "single_cell": {"currents": [float]},
    "network": {name: Each(OVER_SEEDS) for name, _, _ in _NETWORK_COLUMNS[:_ALONE]}
    | {"against_float": Each(Each(object))},
    "readouts": Each(Each(object)),
    "task": {"variants": {FLOAT: _VARIANT, FIXED: _VARIANT}, "amplitude_r": Each(OVER_SEEDS)},
    "word_length": {"tolerance": float, "variables": Each({"bits": [int], "knee": object})},
    "timing": Each(Maybe(float)),
}
"""What summary.json of a comparison holds."""


def _spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation over seeds, NaN of one seed."""
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)


def outcome(found: Comparison, wall_s: float) -> Outcome:
    """Gather what `lava-predict compare` leaves and prints of a comparison that took ``wall_s`` seconds.

    In its values "mean" and "sd" are mean and standard deviation over seeds, "seeds" each seed's value.
    """
    swept = {
        name: {"bits": bits, "error": found.sweep[name].mean(axis=0), "sd": _spread(found.sweep[name])}
        | {"knee": found.knees[name]}
        for name, bits in study.WIDTHS.items()
    }
    values = plain(
        {
            "preset": found.config.preset,
            "changed": changed_settings(found.config),
            "seeds": found.seeds,
            "single_cell": _cells(found),
            "network": _network(found),
            "readouts": _readouts(found),
            "task": _task(found),
            "word_length": {
                "full_error": mean_and_deviation(found.full_error()),
                "tolerance": study.TOLERANCE,
                "variables": swept,
            },
            "timing": {"wall_s": wall_s},
        }
    )
    return Outcome(
        "compare",
        values,
        sheet(
            *_main_rows(values),
            "Float against fixed point: mean and deviation over seeds",
            "error: relative to predicting nothing, at a block's end; the last two rows are the nulls",
        ),
        ["fewest bits: " + ", ".join(f"{name} {knee}" for name, knee in found.knees.items())],
        found.warnings,
        found.config,
        _figures(found),
        page,
    )


def _cells(found: Comparison) -> dict[str, Any]:
    cells = found.cells
    return {
        "currents": cells.currents,
        "rate_hz": {name: dict(zip(_NAMES, rates, strict=True)) for name, rates in cells.rates_hz.items()},
        "lag_cell": _NAMES[_SLOWEST],
        "lag_current": cells.lag_current,
        "lag_ms_per_s": {
            name: dict(zip(_NAMES, (lag.per_second for lag in lags), strict=True))
            for name, lags in cells.lags.items()
        },
    }


def _network(found: Comparison) -> dict[str, Any]:
    runs = found.networks
    alone = {
        key: {
            name: mean_and_deviation([getattr(run, key)[name] for run in runs])
            for name in (FLOAT, FIXED, *NULLS)
        }
        for key, _, _ in _NETWORK_COLUMNS[:_ALONE]
    }
    figures: dict[str, Callable[[Pair], float]] = {
        "horizon_ms": lambda pair: pair.horizon_ms,
        "parted_ms": lambda pair: pair.half_diverged_ms,
        "rate_correlation": lambda pair: pair.rate_correlation,
        "distance": lambda pair: pair.distance.min(),
        "cka": lambda pair: pair.cka,
        "angle_deg": lambda pair: pair.angle_deg,
    }
    against_float = {
        name: {key: mean_and_deviation([of(run.pairs[name]) for run in runs]) for key, of in figures.items()}
        for name in (FIXED, *NULLS)
    }
    return {**alone, "against_float": against_float}


def _readouts(found: Comparison) -> dict[str, Any]:
    measures: dict[str, Callable[[TaskOutcome, TaskOutcome], float]] = {
        "weight_correlation": lambda one, other: (
            pearson(one.w_when.ravel(), other.w_when.ravel())
            if one.w_when.shape == other.w_when.shape
            else np.nan
        ),
        "prediction_difference": lambda one, other: rmse(one.prediction, other.prediction),
    }
    return {
        name: {
            key: mean_and_deviation(list(map(measure, found.tasks[FLOAT], outcomes)))
            for key, measure in measures.items()
        }
        for name, outcomes in found.tasks.items()
        if name != FLOAT
    }


def _task(found: Comparison) -> dict[str, Any]:
    first = found.tasks[FLOAT][0]
    at_first_end = {name: error[:, found.first_end] for name, error in found.errors.items()}
    variants = {}
    for name, outcomes in found.tasks.items():
        variants[name] = {
            "error": {
                f"block {block + 1}, trial {trials}": mean_and_deviation(error)
                for block, trials, error in zip(first.block, first.trials, found.errors[name].T, strict=True)
            },
            "first_block_end_ratio_to_float": mean_and_deviation(at_first_end[name] / at_first_end[FLOAT]),
            "rate_hz": mean_and_deviation([outcome.rate_hz for outcome in outcomes]),
            "saturations": {
                key: sum(outcome.saturations[key] for outcome in outcomes) for key in outcomes[0].saturations
            },
        }
    return {
        "variants": variants,
        "amplitude_r": {
            name: mean_and_deviation([pearson(found.levels, seed) for seed in amplitude])
            for name, amplitude in found.amplitude.items()
        },
        "levels": found.levels,
        "amplitude": {name: amplitude.mean(axis=0) for name, amplitude in found.amplitude.items()},
    }


def _main_rows(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of the most important table: one row per variant."""
    variants, amplitude_r = values["task"]["variants"], values["task"]["amplitude_r"]
    # Of each block the last probe, unless it was tested before learning only.
    labels = [label for label in variants[FLOAT]["error"] if not label.endswith("trial 0")]
    ends = list({label.split(",")[0]: label for label in labels}.values())
    header = ["", *(f"error, {label}" for label in ends), "ratio to float", "r of amplitude", "rate (Hz)"]
    header += ["weights' r", "prediction differs"]
    rows: list[list[Entry]] = []
    for name, variant in variants.items():
        readout = values["readouts"].get(name, {})
        errors = [variant["error"][label] for label in ends]
        ratios = [variant["first_block_end_ratio_to_float"], amplitude_r.get(name)]
        readouts = [readout.get(key) for key in ("weight_correlation", "prediction_difference")]
        rate = _number(variant["rate_hz"], ".2f")
        rows.append([name, *map(_number, (*errors, *ratios)), rate, *map(_number, readouts)])
    return header, rows


def _number(figure: Mapping[str, Any] | None, form: str = ".3f") -> Number | None:
    return None if figure is None else Number(in_words(figure, form))


def _figures(found: Comparison) -> dict[str, Figure]:
    """Draw every figure that the page may show, by its name there."""
    cells = found.cells
    figures = {
        "f_i_curves": plots.f_i_curves(cells.currents, cells.rates_hz, _NAMES),
        "lag": plots.lag_over_time({name: lags[_SLOWEST] for name, lags in cells.lags.items()}),
        **_network_figures(found),
        **_task_figures(found),
    }
    for figure, names in (("state_bits", study.STATE_VARIABLES), ("coefficient_bits", study.COEFFICIENTS)):
        swept = {name: found.sweep[name] for name in names}
        reference = found.full_error(FLOAT)
        figures[figure] = plots.word_length_knees(study.WIDTHS[names[0]], swept, found.knees, reference)
    return figures


def _network_figures(found: Comparison) -> dict[str, Figure]:
    run, dt = found.networks[0], found.config.run.dt_ms
    shares = {name: run.pairs[name].share for name in (FIXED, *NULLS)}
    times_ms = np.arange(shares[FIXED].size) * dt
    excitatory = found.config.reservoir.excitatory_cells
    figures = {
        "divergence": plots.divergence(times_ms, {FIXED: shares.pop(FIXED)}, shares, 0.5),
        "rates": plots.rate_scatter(run.rates_hz[FLOAT], run.rates_hz[FIXED], excitatory),
    }
    distances = {name: np.array([r.pairs[name].distance for r in found.networks]) for name in (FIXED, *NULLS)}
    if all((~np.isnan(rows)).all(axis=1).any() for rows in distances.values()):
        half = (distances[FIXED].shape[1] - 1) // 2
        lags_ms = np.arange(-half, half + 1) * dt
        figures["distance"] = plots.distance_over_lag(lags_ms, {FIXED: distances.pop(FIXED)}, distances)
    return figures


def _task_figures(found: Comparison) -> dict[str, Figure]:
    first, errors = found.tasks[FLOAT][0], found.errors
    compared = {name: error for name, error in errors.items() if name not in NULLS}
    before = np.cumsum([0, *(block.trials for block in found.config.task.blocks)])[first.block]
    times_ms, task = np.arange(len(first.truth)) * found.config.run.dt_ms, found.config.task
    predictions = {name: found.tasks[name][0].prediction for name in compared}
    figures = {
        "learning": curves.learning_curves(
            before + first.trials,
            first.block,
            compared,
            {name: errors[name] for name in NULLS},
        ),
        "prediction": curves.prediction_overlay(
            times_ms, predictions, first.truth, task.cue_ms, task.names_of_events
        ),
        "weights": plots.readout_weights(
            first.w_when, found.tasks[FIXED][0].w_when, task.events, task.names_of_events
        ),
    }
    if found.amplitude:
        figures["amplitude"] = curves.amplitude_against_probability(found.levels, found.amplitude)
    later = [number for number in np.unique(first.block) if number > 0]
    trials = [first.trials[first.block == number] for number in later]
    # Panels can share an axis only if every block was probed at the same trials.
    if later and all(np.array_equal(trials[0], other) for other in trials):
        by_switch = {
            f"block {number} to {number + 1}": {
                name: error[:, first.block == number] for name, error in compared.items()
            }
            for number in later
        }
        figures["switches"] = curves.switches(trials[0], by_switch)
    return figures


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a comparison from the content of summary.json and the PNG files by name."""
    ratio = summary["task"]["variants"][FIXED]["first_block_end_ratio_to_float"]
    lead = (
        f"Preset {of_preset(summary['preset'], summary['changed'])}, "
        f"seeds {summary['seeds'][0]} to {summary['seeds'][-1]}. At the end of "
        f"the first block the error in fixed point is {in_words(ratio)} times that in float (mean and "
        "deviation of the ratio, paired over seeds)."
    )
    content = {
        "summary": summary,
        "variants": _main_rows(summary),
        "network": _network_rows(summary),
    }
    return Page("Float against fixed point", lead, "compare.html.j2", figures, content)


def _network_rows(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    network = values["network"]
    rows: list[list[Entry]] = []
    for name in (FLOAT, FIXED, *NULLS):
        alone = {key: network[key][name] for key, _, _ in _NETWORK_COLUMNS[:_ALONE]}
        figures = alone | network["against_float"].get(name, {})
        rows.append([name, *(_number(figures.get(key), form) for key, _, form in _NETWORK_COLUMNS)])
    return ["", *(title for _, title, _ in _NETWORK_COLUMNS)], rows
