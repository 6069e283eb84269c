"""Readouts and how they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.learning.what import learn_outcome as learn_outcome
    from lava_predict.learning.what import read_estimate as read_estimate
    from lava_predict.learning.when.gated_delta import gated_delta as gated_delta
    from lava_predict.learning.when.gated_delta import learn_timing as learn_timing
    from lava_predict.learning.when.on_chip import Z_BITS as Z_BITS
    from lava_predict.learning.when.on_chip import OnChipPlan as OnChipPlan
    from lava_predict.learning.when.on_chip import OnChipState as OnChipState
    from lava_predict.learning.when.on_chip import initial_on_chip_state as initial_on_chip_state
    from lava_predict.learning.when.on_chip import on_chip_constants as on_chip_constants
    from lava_predict.learning.when.on_chip import on_chip_step as on_chip_step
    from lava_predict.learning.when.on_chip import reset_on_chip as reset_on_chip
    from lava_predict.learning.when.on_chip import rounding_number as rounding_number
    from lava_predict.learning.when.on_chip import to_fraction as to_fraction
    from lava_predict.learning.when.on_chip import to_gate as to_gate
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
