"""The claims, a module each."""

from __future__ import annotations

from lava_predict.reproduction.claim import Claim


def claims() -> dict[str, Claim]:
    """Return all claims by name, in the order of their numbers."""
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

    modules = (
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
    return {module.CLAIM.name: module.CLAIM for module in modules}
