"""A stream learned in float and in integers, beside the nulls of `lava_predict.comparison.study`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from lava_predict.comparison.study import FIXED, FLOAT, NOISE, ULP, Variant, disturbed
from lava_predict.errors import seeds_of
from lava_predict.events import Events
from lava_predict.experiment.trial_loop import Progress
from lava_predict.pool import local_processes
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.streams import ScoredLearner, StreamLearner
from lava_predict.tasks import Example
from lava_predict.work.cache import Cache
from lava_predict.work.carried_out import results_of
from lava_predict.work.packed import packed, unpacked
from lava_predict.work.unit import Found, unit

Summary = Mapping[str, Mapping[str, float | None]]
"""What `lava_predict.events.Scores.summary` returns."""


def variants_of(config: Config) -> dict[str, Variant]:
    """Name the ways in which a stream is learned; the last two are the nulls."""
    return {
        FLOAT: Variant("float"),
        FIXED: Variant("fixed"),
        ULP: Variant("float", disturbed=True),
        NOISE: Variant("float", (("run", "draws", {"noise": config.run.draws.noise + 1}),)),
    }


@dataclass(frozen=True)
class StreamOutcome:
    """What learning a stream once gave.

    Attributes
    ----------
    scores : Summary
        Of the network.
    baselines : dict of str to Summary
        Of learners that only count, by name; empty if they were not asked for.
    log2_loss : (E,) float64
        At each event that was predicted.
    rate_hz : float
        Mean rate of the cells.
    saturations : dict of str to int
        How often each variable hit its bounds; empty in float.
    """

    scores: Summary
    baselines: dict[str, Summary]
    log2_loss: np.ndarray
    rate_hz: float
    saturations: dict[str, int]


@dataclass(frozen=True)
class StreamComparison:
    """All that `compare_streams` found.

    Attributes
    ----------
    config : Config
    seeds : tuple of int
    examples : list of Example
        The stream of each seed.
    outcomes : dict of str to list of StreamOutcome
        Of each variant, one a seed; that of float has the baselines.
    """

    config: Config
    seeds: tuple[int, ...]
    examples: list[Example]
    outcomes: dict[str, list[StreamOutcome]]


def learn_stream(
    config: Config, events: Events, precision: str, disturb: bool, baselines: bool
) -> StreamOutcome:
    """Learn a stream from its first event to its last, and score what was predicted.

    ``disturb`` is as `lava_predict.comparison.study.disturbed` does it; ``baselines`` asks for theirs.
    """
    learner = StreamLearner(config=config, ms_per_unit=events.ms_per_unit, precision=precision)
    network = learner.network
    if disturb:
        network.moment, network.settled = (
            moment._replace(state=disturbed(moment.state)) for moment in (network.moment, network.settled)
        )
    scored = ScoredLearner(learner, len(events.labels), int(np.sum(events.gap >= 0)), baselines)
    lost, counts, begin = [], [], network.step
    network.heard = lambda spikes: counts.append(len(spikes))  # Nobody draws the last seconds here.
    for row in events.rows():
        found = scored.add(row)
        if found is not None:
            lost.append(found.log2_loss)
    seconds = (network.step - begin) * config.run.dt_ms / 1000.0
    whole = scored.summary()
    return StreamOutcome(
        whole["scores"],
        whole.get("baselines", {}),
        np.array(lost),
        sum(counts) / (seconds * config.reservoir.neurons),
        network.saturations,
    )


def stream_arrays(
    config: Config, events: Mapping[str, Any], precision: str, disturb: bool, baselines: bool
) -> Found:
    """Return the arrays of a `StreamOutcome`, given the fields of `Events`."""
    return packed(learn_stream(config, Events(**events), precision, disturb, baselines))


def _fields(events: Events) -> dict[str, Any]:
    """Return what makes the same events, but for notes to the user."""
    return {one.name: getattr(events, one.name) for one in fields(events) if one.name != "notes"}


def compare_streams(
    config: Config,
    seeds: Sequence[int],
    stream_of: Callable[[int], Example],
    jobs: int = 1,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> StreamComparison:
    """Learn a stream in every variant over several seeds, at least one, that replace ``run.seed``.

    ``stream_of`` gives the stream of a seed. The rest is as for `lava_predict.comparison.study.compare`.
    """
    seeds = seeds_of(seeds)
    examples, variants = [stream_of(seed) for seed in seeds], variants_of(config)
    units = {
        (name, seed): unit(
            stream_arrays,
            with_changes(config, variant.changes, seed),
            events=_fields(example.events),
            precision=variant.precision,
            disturb=variant.disturbed,
            baselines=name == FLOAT,
        )
        for name, variant in variants.items()
        for seed, example in zip(seeds, examples, strict=True)
    }
    results = {}
    with local_processes(jobs) as executor:
        for one, arrays, _ in results_of(units.values(), cache, executor, progress):
            results[one.key] = unpacked(StreamOutcome, arrays)
    outcomes = {name: [results[units[name, seed].key] for seed in seeds] for name in variants}
    return StreamComparison(config, tuple(seeds), examples, outcomes)
