"""The auxiliary readout that reports the Beta posterior, learned on some blocks and read on later ones."""

from __future__ import annotations

import numpy as np

from lava_predict.analysis import ideal_observer as observer
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import LocalRules
from lava_predict.learning.what import Reading
from lava_predict.reproduction.baselines import posterior
from lava_predict.reproduction.studies.own_rules import OwnRules
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment, Task
from lava_predict.work.unit import Found

RATE = 0.02
"""Of the auxiliary readout. On seeds 1-3 the same from .005 to .05; from .1 on it follows the blocks instead
of learning what its features say."""
_SHUFFLES = 20
_LATENCY_KEPT = 0.9
"""Probability, to the observer, that an event keeps its latency at a change."""


class RecordedRules(OwnRules):
    """The local rules, recording in ``trials`` what they have at the end of each before they learn from it.

    What the what readout reads (N,), estimate (K,), trials that the what rule counts, block, and event or -1.
    """

    def __init__(self, rules: LocalRules) -> None:
        super().__init__(rules)
        self.trials: list[tuple[np.ndarray, np.ndarray, int, int, int]] = []

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read and learn as the local rules do."""
        count = int(self.what.trials[reading.cue])
        p = super().end(segment, reading)
        if segment.kind is Kind.TRIAL:
            self.trials.append((reading.x.copy(), p.copy(), count, segment.block, segment.outcome))
        return p


def confidence(config: Config) -> Found:
    """Teach the auxiliary readout in the first half of blocks of one cue and read it in the second.

    The blocks should differ in probability. It is taught the beliefs of the ideal observer, who is not told
    of switches either: its estimate of each probability, and for how many trials the statistics have been
    the same.

    Returns for reports of K events' log-odds and then K log concentrations: ``correlation`` (2 K,), and
    ``null_correlation`` (shuffles, 2 K) of readouts taught with other trials' features; the same with
    ``count_`` in front where the auxiliary readout also sees how many trials the what rule counts; of the
    latter ``report`` and ``target`` (trials, 2 K) in the second half; ``told`` (trials, 2 K), the posterior
    of one who is told of the switches, and ``told_correlation`` (2 K,) of the target with it.
    """
    replay = Replay(config)
    rules = RecordedRules(replay.local_rules())
    replay.run({"local": rules})
    x_mean, p, count, block, outcome = (np.array(column) for column in zip(*rules.trials, strict=True))
    told = posterior.confidence_targets(*posterior.beta_posterior(outcome, block, p.shape[1]))
    targets = _beliefs(replay.task, config.task.blocks[0].trials)
    half = int(np.searchsorted(block, (block[-1] + 1) / 2))
    plain = posterior.confidence_features(x_mean, p)
    counted = np.column_stack((plain, np.log(count + 2.0)))
    found: Found = {"target": targets[half:], "told": told[half:]}
    found["told_correlation"] = posterior.correlations(targets[half:], told[half:])
    for name, features in (("", plain), ("count_", counted)):
        ours, null = posterior.recovery(features, targets, RATE, half, _SHUFFLES, config.run.seed)
        found[f"{name}correlation"], found[f"{name}null_correlation"] = ours, null
    found["report"] = counted[half:] @ posterior.learn_reports(counted[:half], targets[:half], RATE).T
    return found


def _beliefs(meet: Task, block_trials: int) -> np.ndarray:
    """Return the ideal observer's log-odds and log concentrations before each trial, (T, 2 K)."""
    seen = observer.observations(meet)
    known = observer.expectation(meet)
    beliefs = observer.detect_changes(seen, 1, known, 1.0 / block_trials, _LATENCY_KEPT)
    mean, trials = beliefs.probability[:-1, 0], beliefs.run_length[:-1, None]
    # A flat prior counts as two trials, as in `posterior.beta_posterior`.
    concentration = trials + 2.0
    return posterior.confidence_targets(concentration * mean, concentration * (1.0 - mean))
