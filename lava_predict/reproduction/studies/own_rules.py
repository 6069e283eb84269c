"""The package's own rules, at another rate or shown something other than what happens."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from lava_predict.experiment.recorded_spikes import Chunk, LocalRules, Replay
from lava_predict.settings.files import with_changes
from lava_predict.tasks.meet import Segment


def local_rules_at(replay: Replay, when_rate: float) -> LocalRules:
    """Return the package's own rules before the first trial, with another when rate, per ms."""
    changed = with_changes(replay.config, [("readout", "when_rate", when_rate)])
    return LocalRules(changed, replay.local_rules().state)


class OwnRules:
    """Reads and learns as the package's own rules; a subclass changes what they see. A `Rule`.

    Parameters
    ----------
    rules : LocalRules
        Learn in place.
    """

    copy = deepcopy

    def __init__(self, rules: LocalRules) -> None:
        self.rules = rules

    @property
    def w_when(self) -> np.ndarray:
        """Weights of the when readout, (K, N + 1)."""
        return self.rules.w_when

    @property
    def w_what(self) -> np.ndarray:
        """Weights of the what readout, (K, N)."""
        return self.rules.w_what

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), and learn where their gates are open."""
        return self.rules.step(segment, chunk)

    def end(self, segment: Segment, x_mean: np.ndarray) -> np.ndarray:
        """Read the probabilities, (K,), and after a trial learn from the outcome."""
        return self.rules.end(segment, x_mean)
