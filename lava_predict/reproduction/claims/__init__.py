"""The claims, a module each."""

from lava_predict.reproduction.claims import (
    adaptation,
    anticipation,
    closed_loop,
    confidence,
    force,
    gating,
    geometry,
    learning_curve,
    merged,
    probability,
)

_MODULES = (
    learning_curve,
    anticipation,
    probability,
    adaptation,
    force,
    merged,
    geometry,
    closed_loop,
    gating,
    confidence,
)

CLAIMS = {module.CLAIM.name: module.CLAIM for module in _MODULES}
"""All claims by name, in the order of their numbers."""
