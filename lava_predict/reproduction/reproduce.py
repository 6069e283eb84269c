"""Carries out the claims' units of work, keeps what they found, and judges the claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from lava_predict.errors import UserError, one_of, seeds_of
from lava_predict.reproduction.claim import Claim, Judged, Picture, Verdict, judge
from lava_predict.reproduction.claims import CLAIMS
from lava_predict.reproduction.conditions import check_one_cue_two_events
from lava_predict.settings.schema import Config, check_config
from lava_predict.work.cache import Cache
from lava_predict.work.carried_out import results_of


@dataclass(frozen=True)
class JudgedClaim:
    """A claim, its criteria with what was measured, the verdict on the whole claim, and its figures."""

    claim: Claim
    criteria: list[Judged]
    verdict: Verdict
    pictures: list[Picture]


@dataclass(frozen=True)
class Reproduction:
    """All that `reproduce` found; of ``units`` units of work the results of ``reused`` were known."""

    config: Config
    seeds: tuple[int, ...]
    claims: list[JudgedClaim]
    units: int
    reused: int


def chosen_claims(names: str) -> list[Claim]:
    """Return the claims of a comma-separated list of names, or of "all", in order; else raise a UserError."""
    if names.strip() == "all":
        return list(CLAIMS.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in CLAIMS:
            raise UserError(f"claims = {name!r}: there is no such claim; {one_of(name, (*CLAIMS, 'all'))}")
    if not wanted:
        raise UserError(f"claims = {names!r}: names no claim; all, or some of {', '.join(CLAIMS)}")
    return [claim for name, claim in CLAIMS.items() if name in wanted]


def reproduce(
    config: Config,
    chosen: Sequence[Claim],
    seeds: Sequence[int],
    cache: Cache,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Reproduction:
    """Put the chosen claims to the test over several seeds.

    The configuration's seed, blocks and what a condition changes are replaced. Results found in the cache
    are not computed again; new ones are kept as they come. Units are carried out in the executor, by default
    in this process; the figures do not depend on it. ``progress`` is told the units done and in all, at the
    start and after each. Raises a UserError if a seed is none, the task is not of one cue and two events, or
    the cache cannot be written.
    """
    check_config(config)
    seeds = seeds_of(seeds)
    check_one_cue_two_events(config)
    laid_out = [[claim.units(config, seed) for seed in seeds] for claim in chosen]
    units = {unit.key: unit for of_claim in laid_out for of_seed in of_claim for unit in of_seed.values()}
    found, reused = {}, 0
    for one, result, known in results_of(units.values(), cache, executor, progress):
        found[one.key] = result
        reused += known
    judged = []
    for claim, of_claim in zip(chosen, laid_out, strict=True):
        results = [{name: found[one.key] for name, one in of_seed.items()} for of_seed in of_claim]
        criteria, verdict = judge(claim, claim.measured(results))
        judged.append(JudgedClaim(claim, criteria, verdict, claim.pictures(config, results)))
    return Reproduction(config, tuple(seeds), judged, len(units), reused)
