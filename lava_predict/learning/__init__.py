"""Readouts and how they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.learning.on_chip import (
        OnChipConstants,
        OnChipPlan,
        OnChipState,
        initial_on_chip_state,
        on_chip_constants,
        on_chip_step,
        rounding_number,
    )
    from lava_predict.learning.on_traces import Chunk, LocalRules, Rule, when_inputs
    from lava_predict.learning.streams.next_label import (
        centre_bits,
        expect_new,
        learn_label,
        probabilities,
    )
    from lava_predict.learning.what import learn_outcome, read_estimate
    from lava_predict.learning.when.gated_delta import gated_delta, learn_timing
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
