"""The package's own rules, at another rate or shown something other than what happens."""

from __future__ import annotations

from copy import deepcopy

from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk, LocalRules
from lava_predict.settings.files import with_changes


def local_rules_at(replay: Replay, when_rate: float) -> LocalRules:
    """Return the package's own rules before the first trial, with another when rate, per ms."""
    changed = with_changes(replay.config, [("readout", "when_rate", when_rate)])
    own = replay.local_rules()
    return LocalRules(changed, own.when, own.what)


def steps_of(chunk: Chunk) -> slice:
    """Return the steps of its segment that a chunk covers."""
    return slice(chunk.first_step, chunk.first_step + len(chunk.target))


class OwnRules(LocalRules):
    """Reads and learns as the package's own rules, in place; a subclass changes what they see."""

    copy = deepcopy

    def __init__(self, rules: LocalRules) -> None:
        super().__init__(rules._config, rules.when, rules.what)
