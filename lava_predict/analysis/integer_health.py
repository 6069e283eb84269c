"""Whether the integer network still is the network that was meant: rates, silence, saturation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lava_predict.analysis.spike_statistics import (
    Raster,
    firing_rates,
    raster_of,
    rate_correlation,
    silent_share,
)
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import Caution
from lava_predict.experiment.experiment import Experiment, Result

MOST_RATE_CHANGE = 0.1
"""A mean rate that differs from float's by more than this share is warned of."""

MOST_SILENCED = 0.05
"""So is a share of silent cells that is above float's by more than this."""

_REMEDIES = {
    "v": "lower fixed.fraction_bits, or inhibition (reservoir.inhibitory_charge)",
    "u": "lower fixed.fraction_bits, or reservoir.*.d",
    "s": "lower fixed.fraction_bits, or the synapses' charge",
    "current": "lower fixed.fraction_bits, or reservoir.cue_current, bias and noise",
    "x": "lengthen readout.tau_x_ms",
    "m": "a cell's mean rate is above 125 Hz: lower the bias or the synapses' charge",
    "xc": "a cell's trace is above 0.5 spikes per ms: lengthen readout.tau_x_ms",
    "z": "lower readout.when_rate",
    "w_when": "lower fixed.readout_fraction_bits",
    "w_what": "lower fixed.readout_fraction_bits",
}


@dataclass(frozen=True)
class Health:
    """The integer network beside the float one, before learning, over the first trial and what precedes it.

    Attributes
    ----------
    rate_hz, float_rate_hz : float
        Mean rate.
    silent_share, float_silent_share : float
        Share of the cells that do not spike.
    rate_correlation : float
        Pearson correlation of the cells' rates; NaN where one does not vary.
    warnings : tuple of Caution
        What is wrong and what to do; empty if all is well.
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
        Caution(f"{name} hit its bounds {count} times", _REMEDIES[name])
        for name, count in counts.items()
        if count
    ]


def check_health(experiment: Experiment, result: Result | None = None) -> Health:
    """Compare the integer network with the float one in a short run, and look at a run's saturations.

    Parameters
    ----------
    experiment : Experiment
        Configuration and network.
    result : Result, optional
        A finished run in integers, whose saturations count; without it those of the short run.

    Returns
    -------
    Health
        See there.
    """
    fixed = experiment.arithmetic("fixed")
    rasters, saturations = {}, {}
    for arithmetic in (experiment.arithmetic("float"), fixed):
        rasters[arithmetic.precision], saturations[arithmetic.precision] = _first_trial(
            experiment, CpuEngine(arithmetic, experiment.meet)
        )
    counts = (
        result.saturations
        if result is not None
        else dict(zip(fixed.saturating, saturations["fixed"].tolist(), strict=True))
    )
    assert fixed.plan is not None
    warnings = [*fixed.plan.warnings, *saturation_warnings(counts)]
    rates = {name: float(np.mean(firing_rates(raster))) for name, raster in rasters.items()}
    silent = {name: silent_share(raster) for name, raster in rasters.items()}
    if abs(rates["fixed"] - rates["float"]) > MOST_RATE_CHANGE * rates["float"]:
        cause = f"the cells spike at {rates['fixed']:.2f} Hz, in float at {rates['float']:.2f} Hz"
        remedy = "raise the settings that `lava-predict plan` names beside the greatest errors"
        warnings.append(Caution(cause, remedy))
    if silent["fixed"] > silent["float"] + MOST_SILENCED:
        cause = f"{silent['fixed']:.0%} of the cells are silent, in float {silent['float']:.0%}"
        remedy = "raise fixed.weight_bits, or the bits of what has the greatest error in `lava-predict plan`"
        warnings.append(Caution(cause, remedy))
    return Health(
        rate_hz=rates["fixed"],
        float_rate_hz=rates["float"],
        silent_share=silent["fixed"],
        float_silent_share=silent["float"],
        rate_correlation=rate_correlation(rasters["float"], rasters["fixed"]),
        warnings=tuple(warnings),
    )


def _first_trial(experiment: Experiment, engine: CpuEngine) -> tuple[Raster, np.ndarray]:
    """Play the first trial and what precedes it; return the raster and the saturations."""
    played = list(engine.play(experiment.meet.trial(0, 0)))
    raster = raster_of(played, experiment.network.a.size, experiment.config.run.dt_ms)
    return raster, np.sum([record.saturations for record in played], axis=0)
