"""Traces in integers where they are extreme; their usual values are compared in whole networks."""

from __future__ import annotations

import numpy as np
import pytest
from plain_integers import HIGHEST

from lava_predict import load_preset
from lava_predict.learning.traces import fixed_advance_traces
from lava_predict.learning.when.gated_delta import quantise
from lava_predict.numerics.plan import Planner


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_a_trace_at_its_bound_stays_a_24_bit_number_on_a_coarse_grid(rounding: str) -> None:
    """Rounded up from 2^23 - 1 it would be 2^23."""
    config = load_preset(
        "smoke", ["readout.rule=gated_delta", "fixed.trace_bits=4", f'fixed.rounding="{rounding}"']
    )
    k, _ = quantise(Planner(config.fixed), config, None)
    x, none = np.full(20, HIGHEST, np.int32), np.zeros(0, np.int64)
    for key in range(20):
        decay = (k.trace_decay, k.decay_bits, k.trace_gain, k.trace_grain)
        fixed_advance_traces(x, none, 0, *decay, k.rounding, np.uint64(key))
    assert x.max() <= HIGHEST
