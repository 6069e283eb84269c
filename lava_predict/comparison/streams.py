"""A stream learned in float and in integers, beside the nulls of `lava_predict.comparison.study`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lava_predict.comparison.study import FIXED, FLOAT, NOISE, ULP, Variant, disturbed
from lava_predict.errors import seeds_of
from lava_predict.events import Events
from lava_predict.experiment.trial_loop import Progress
from lava_predict.pool import carry_out
from lava_predict.settings.files import config_from, with_changes
from lava_predict.settings.schema import Config
from lava_predict.streams import ScoredLearner, StreamLearner
from lava_predict.tasks import Example

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


class StreamUnit(NamedTuple):
    """A stream learned once: settings as plain values, the rest as in `Variant`; or with ``baselines``."""

    config: dict[str, Any]
    precision: str
    disturbed: bool
    events: Events
    baselines: bool


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


def learn_stream(unit: StreamUnit) -> StreamOutcome:
    """Learn a stream from its first event to its last, and score what was predicted."""
    config, events = config_from(unit.config), unit.events
    learner = StreamLearner(config=config, ms_per_unit=events.ms_per_unit, precision=unit.precision)
    network = learner.network
    if unit.disturbed:
        network.moment, network.settled = (
            moment._replace(state=disturbed(moment.state)) for moment in (network.moment, network.settled)
        )
    scored = ScoredLearner(learner, len(events.labels), int(np.sum(events.gap >= 0)), unit.baselines)
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


def compare_streams(
    config: Config,
    seeds: Sequence[int],
    stream_of: Callable[[int], Example],
    jobs: int = 1,
    progress: Progress | None = None,
) -> StreamComparison:
    """Learn a stream in every variant over several seeds, at least one, that replace ``run.seed``.

    ``stream_of`` gives the stream of a seed. The figures do not depend on ``jobs``, the processes at a time.
    """
    seeds = seeds_of(seeds)
    examples, variants = [stream_of(seed) for seed in seeds], variants_of(config)
    units = [
        StreamUnit(
            with_changes(config, variant.changes, seed).to_dict(),
            variant.precision,
            variant.disturbed,
            example.events,
            name == FLOAT,
        )
        for name, variant in variants.items()
        for seed, example in zip(seeds, examples, strict=True)
    ]
    found = carry_out(learn_stream, units, jobs, progress)
    by_variant = np.arange(len(units)).reshape(len(variants), -1)
    outcomes = {name: [found[n] for n in row] for name, row in zip(variants, by_variant, strict=True)}
    return StreamComparison(config, tuple(seeds), examples, outcomes)
