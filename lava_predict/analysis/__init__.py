"""Measures of spikes, weights and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.analysis.firing_patterns import FIRING_PATTERNS, FiringPattern
    from lava_predict.analysis.integer_health import Health, check_health
    from lava_predict.analysis.run_health import run_warnings
    from lava_predict.analysis.single_cell import CELLS, Cell, fi_curve, simulate_float
    from lava_predict.analysis.spike_statistics import (
        Raster,
        count_correlation,
        fano_factor,
        firing_rates,
        interval_cv,
        raster_of,
    )
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
