"""Measures of spikes, weights and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.analysis.firing_patterns import FIRING_PATTERNS as FIRING_PATTERNS
    from lava_predict.analysis.firing_patterns import FiringPattern as FiringPattern
    from lava_predict.analysis.geometry import participation_ratio as participation_ratio
    from lava_predict.analysis.geometry import principal_angles as principal_angles
    from lava_predict.analysis.geometry import principal_components as principal_components
    from lava_predict.analysis.ideal_observer import Beliefs as Beliefs
    from lava_predict.analysis.ideal_observer import expectation as expectation
    from lava_predict.analysis.ideal_observer import observations as observations
    from lava_predict.analysis.ideal_observer import predicted_object as predicted_object
    from lava_predict.analysis.integer_health import Health as Health
    from lava_predict.analysis.integer_health import check_health as check_health
    from lava_predict.analysis.single_cell import CELLS as CELLS
    from lava_predict.analysis.single_cell import Cell as Cell
    from lava_predict.analysis.single_cell import fi_curve as fi_curve
    from lava_predict.analysis.single_cell import simulate_float as simulate_float
    from lava_predict.analysis.spike_statistics import Raster as Raster
    from lava_predict.analysis.spike_statistics import divergence_horizon as divergence_horizon
    from lava_predict.analysis.spike_statistics import firing_rates as firing_rates
    from lava_predict.analysis.spike_statistics import interval_cv as interval_cv
    from lava_predict.analysis.spike_statistics import raster_of as raster_of
    from lava_predict.analysis.spike_statistics import rate_correlation as rate_correlation
    from lava_predict.analysis.spike_statistics import spike_time_lag as spike_time_lag
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
