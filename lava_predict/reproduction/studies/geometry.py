"""What the geometry of the readouts' weights is compared with: endpoints of single blocks, states visited."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from lava_predict.analysis import geometry
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk, LocalRules, when_inputs
from lava_predict.learning.what import Reading
from lava_predict.reproduction.conditions import OPEN_LOOP, with_blocks
from lava_predict.reproduction.studies.own_rules import OwnRules, steps_of
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment, Task
from lava_predict.tasks.meet import Meet
from lava_predict.work.unit import Found

_EVERY_MS = 10.0
"""Between two states that enter the covariance: traces change over several times that."""

_SAMPLES = 500
"""Of each null."""

_REPLAYED: tuple[tuple[str, str, Any], ...] = (OPEN_LOOP, ("run", "probe_trials", []))
"""In an open loop the reservoir does not depend on the readouts; only the ends of blocks are looked at."""


class InCondition(OwnRules):
    """The package's own rules, taught outcomes, gates and targets of another task than the one played."""

    def __init__(self, rules: LocalRules, meet: Task) -> None:
        super().__init__(rules)
        self._meet = meet

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn; in pauses, where no gate is open, do neither."""
        if segment.kind is Kind.PAUSE:
            return np.zeros_like(chunk.target)
        own = self._own(segment)
        streams, steps = self._meet.streams(own), steps_of(chunk)
        return super().step(own, chunk._replace(gate=streams.gate[steps], target=streams.target[steps]))

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the other block's outcome."""
        return super().end(self._own(segment), reading)

    def _own(self, segment: Segment) -> Segment:
        if segment.kind is not Kind.TRIAL:
            return segment
        return replace(segment, outcome=self._meet.trial(0, segment.trial)[-1].outcome)


def endpoints(
    config: Config, probabilities: Sequence[float], latencies_ms: Sequence[Sequence[float]]
) -> Found:
    """Learn one block of every condition, each from nothing, on one and the same reservoir.

    The reservoir is played once, with the loop opened, as it does not depend on the readouts. Its noise and
    pauses, and the outcomes of every condition, have draws of their own. So the configuration's own run, of
    one cue and two events, can be compared with the endpoints: both share nothing but the network. The
    blocks are as long as its first one.

    The conditions are all pairs of P probabilities of the first event, the second one's being the rest, and
    L latencies of both. Returns ``w_what`` (P * L, K, N) and ``w_when`` (P * L, K, inputs) at the block's
    end; ``probability`` and ``latency`` (P * L,), the number of the pair of latencies.
    """
    seed, draws = config.run.seed, config.run.draws
    crossed = [(p, number) for number in range(len(latencies_ms)) for p in probabilities]
    apart = {"noise": draws.noise + 1, "task": draws.task + 1 + len(crossed)}
    played = [((0.5, 0.5), latencies_ms[0])]
    replay = Replay(with_blocks(config, seed, ("run", "draws", apart), *_REPLAYED, blocks=played))
    rules = {}
    for place, (p, number) in enumerate(crossed):
        change = ("run", "draws", {"task": draws.task + 1 + place})
        own = with_blocks(config, seed, change, blocks=[((p, 1.0 - p), latencies_ms[number])])
        rules[str(place)] = InCondition(replay.local_rules(), Meet(own))
    ends = [probes[-1] for probes in replay.run(rules).values()]
    return {
        "w_what": np.array([end.w_what for end in ends]),
        "w_when": np.array([end.w_when for end in ends]),
        "probability": np.array([p for p, _ in crossed]),
        "latency": np.array([number for _, number in crossed]),
    }


class StateMoments:
    """Second moments of what both readouts learn from, (N, N); a `recorded_spikes.Rule` that reads nothing.

    ``what`` sums, over trials, those of what the what readout reads; ``when``, over trials and
    every tenth millisecond, those of the traces as the when rule sees them, each weighted by its gate.
    """

    copy = deepcopy

    def __init__(self, config: Config) -> None:
        cells = config.reservoir.neurons
        self.what, self.when = np.zeros((cells, cells)), np.zeros((cells, cells))
        self.w_what: np.ndarray = np.zeros((config.task.events, cells))
        self.w_when: np.ndarray = np.zeros((config.task.events, when_inputs(config)))
        self._every = max(1, config.steps(_EVERY_MS))

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Add the traces of a trial; return zeros, (steps, K)."""
        if segment.kind is Kind.TRIAL:
            rows = slice(-chunk.first_step % self._every, None, self._every)
            x, gate = chunk.xc[rows, : len(self.what)], chunk.gate[rows].sum(axis=1)
            self.when += (x * gate[:, None]).T @ x
        return np.zeros_like(chunk.target)

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Add what is read of a trial; return zeros, (K,)."""
        if segment.kind is Kind.TRIAL:
            self.what += np.outer(reading.x, reading.x)
        return np.zeros(len(self.w_what))


def visited_states(config: Config) -> Found:
    """Measure the angles of random weights within the states that the reservoir visits, with the loop opened.

    The rules add up states times errors; with random errors their weights would be such vectors. Returns
    ``angle``, degrees, and ``cosine`` (S,) of random what and when rows; ``angle_anywhere`` and
    ``cosine_anywhere`` (S,), of rows without a preferred direction; ``dimensions`` (2,), participation
    ratios of what and when states.
    """
    events, cells = config.task.events, config.reservoir.neurons
    moments = StateMoments(config)
    Replay(with_changes(config, _REPLAYED)).run({"states": moments})
    rng = np.random.default_rng(config.run.seed)
    shape = (_SAMPLES, events)
    what, when = (geometry.states_within(of, shape, rng) for of in (moments.what, moments.when))
    anywhere = rng.standard_normal((2, *shape, cells))
    return {
        "angle": geometry.smallest_angles(what, when),
        "cosine": geometry.mean_cosines(what, when),
        "angle_anywhere": geometry.smallest_angles(*anywhere),
        "cosine_anywhere": geometry.mean_cosines(*anywhere),
        "dimensions": np.array([geometry.participation_ratio(of) for of in (moments.what, moments.when)]),
    }
