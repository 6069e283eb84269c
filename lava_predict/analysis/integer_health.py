"""Whether the integer network still behaves like the float one: rates, silence, saturation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lava_predict.analysis import spike_statistics as spikes
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import Caution
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.results import Result
from lava_predict.network.arithmetic import Arithmetic

MOST_RATE_CHANGE = 0.1
"""The check warns of a mean rate that differs from float's by more than this share."""

MOST_SILENCED = 0.05
"""The check warns of a share of silent cells that exceeds float's by more than this."""

_REMEDIES = {
    "v": "lower fixed.fraction_bits, or inhibition (reservoir.inhibitory_charge)",
    "u": "lower fixed.fraction_bits, or reservoir.*.d",
    "s": "lower fixed.fraction_bits, or the synapses' charge",
    "current": "lower fixed.fraction_bits, or reservoir.cue_current, bias and noise",
    "x": "lengthen readout.tau_x_ms",
    "m": "a cell's mean rate is above 125 Hz: lower the bias or the synapses' charge",
    "xc": "a cell's trace is above 0.5 spikes per ms: lengthen readout.tau_x_ms",
    "z": "lower the rate of the when rule, readout.first_rate or readout.when_rate",
    "w_when": "lower fixed.readout_fraction_bits",
    "w_what": "lower fixed.readout_fraction_bits",
}


@dataclass(frozen=True)
class Health:
    """The integer network beside the float one, before learning, over the first trial and what precedes it.

    Mean rates and shares of silent cells of both; Pearson correlation of the cells' rates, NaN where one
    does not vary; and what is wrong and what to do, empty if all is well.
    """

    rate_hz: float
    float_rate_hz: float
    silent_share: float
    float_silent_share: float
    rate_correlation: float
    warnings: tuple[Caution, ...]


def saturation_warnings(counts: dict[str, int]) -> list[Caution]:
    """Say which variables saturated, how often, and what to do."""
    return [
        Caution(f"{name} hit its bounds {count} times", _REMEDIES.get(name, "lower fixed.fraction_bits"))
        for name, count in counts.items()
        if count
    ]


def check_health(experiment: Experiment, result: Result | None = None) -> Health:
    """Compare the integer network with the float one in a short run of an experiment.

    Saturations are those of ``result``, a finished run in integers, or else those of the short run.
    """
    fixed = experiment.arithmetic("fixed")
    float_raster, _ = _first_trial(experiment, experiment.arithmetic("float"))
    fixed_raster, saturations = _first_trial(experiment, fixed)
    rate, float_rate = (
        float(np.mean(spikes.firing_rates(raster))) for raster in (fixed_raster, float_raster)
    )
    silent, float_silent = (spikes.silent_share(raster) for raster in (fixed_raster, float_raster))
    assert fixed.plan is not None
    counts = dict(zip(fixed.saturating, saturations.tolist(), strict=True))
    warnings = [*fixed.plan.warnings, *saturation_warnings(counts if result is None else result.saturations)]
    if abs(rate - float_rate) > MOST_RATE_CHANGE * float_rate:
        cause = f"the cells spike at {rate:.2f} Hz, in float at {float_rate:.2f} Hz"
        remedy = "raise the settings that `lava-predict plan` names for the greatest errors"
        warnings.append(Caution(cause, remedy))
    if silent > float_silent + MOST_SILENCED:
        cause = f"{silent:.0%} of the cells are silent, in float {float_silent:.0%}"
        remedy = (
            "raise fixed.weight_bits, or the word length of the parameter with the greatest error in "
            "`lava-predict plan`"
        )
        warnings.append(Caution(cause, remedy))
    correlation = spikes.rate_correlation(float_raster, fixed_raster)
    return Health(rate, float_rate, silent, float_silent, correlation, tuple(warnings))


def _first_trial(experiment: Experiment, arithmetic: Arithmetic) -> tuple[spikes.Raster, np.ndarray]:
    """Play the first trial and what precedes it; return the raster and the saturations."""
    played = list(CpuEngine(arithmetic, experiment.task).play(experiment.task.trial(0, 0)))
    raster = spikes.raster_of(played, experiment.network.size, experiment.config.run.dt_ms)
    return raster, np.sum([record.saturations for record in played], axis=0)
