"""The claims, a module each: a module in this package that has a `Claim` as ``CLAIM`` is found."""

from importlib import import_module
from pkgutil import iter_modules

from lava_predict.reproduction.claim import Claim

_FOUND: list[Claim] = [import_module(f"{__name__}.{module.name}").CLAIM for module in iter_modules(__path__)]

CLAIMS = {claim.name: claim for claim in sorted(_FOUND, key=lambda claim: claim.number)}
"""All claims by name, in the order of their numbers."""
