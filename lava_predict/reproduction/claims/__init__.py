"""The claims, a module each."""

from __future__ import annotations

from lava_predict.reproduction.claim import Claim


def claims() -> dict[str, Claim]:
    """Return all claims by name, in the order of their numbers."""
    from lava_predict.reproduction.claims import (
        learning_curve,
    )

    modules = (learning_curve,)
    found = sorted((module.CLAIM for module in modules), key=lambda claim: claim.number)
    return {claim.name: claim for claim in found}
