"""The network's own rules, at another rate or shown something other than what happens.

What a rate is depends on the when rule; it says so by ``constant_rate`` and ``scaled_rate``.
"""

from __future__ import annotations

from lava_predict.errors import UserError
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk, LocalRules
from lava_predict.registry import RULES
from lava_predict.settings.files import with_changes


def local_rules_at(replay: Replay, when_rate: float) -> LocalRules:
    """Return the network's own rules before the first trial, with a constant when rate, per ms."""
    return _with_rate(replay, "constant_rate", when_rate)


def local_rules_scaled(replay: Replay, factor: float) -> LocalRules:
    """Return the network's own rules before the first trial, with their when rates times a factor."""
    return _with_rate(replay, "scaled_rate", factor)


def _with_rate(replay: Replay, offered: str, value: float) -> LocalRules:
    config = replay.config
    settings = getattr(RULES.get(config.readout.rule), offered, None)
    if settings is None:
        raise UserError(
            f"readout.rule = {config.readout.rule!r}: has no {offered}, so that it cannot be compared at "
            "another rate; choose another rule, or give it one (docs/developer.md)"
        )
    changes = [("readout", name, setting) for name, setting in settings(config, value).items()]
    own = replay.local_rules()
    return LocalRules(with_changes(config, changes), own.when, own.what)


def steps_of(chunk: Chunk) -> slice:
    """Return the steps of its segment that a chunk covers."""
    return slice(chunk.first_step, chunk.first_step + len(chunk.target))


class OwnRules(LocalRules):
    """Reads and learns as the network's own rules, in place; a subclass changes what they see."""

    def __init__(self, rules: LocalRules) -> None:
        super().__init__(rules.config, rules.when, rules.what)
