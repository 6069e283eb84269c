"""Other learning rules than the network's own, on the same reservoir run and the same streams.

The constants below were tuned on seeds 1 .. 4 of the preset `robust`, if nothing else is said with the traces
of "gated_delta", each to the advantage of its rule: of those tried they are the best over all four blocks, if
nothing else is said. docs/reproduction.md says what was tried.
"""

from __future__ import annotations

from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Rule
from lava_predict.numerics.noise import key_of
from lava_predict.reproduction.baselines.broadcast import BroadcastReadout
from lava_predict.reproduction.baselines.merged import MergedReadout
from lava_predict.reproduction.baselines.rls import EVERY_MS, MergedRlsReadout, RlsReadout
from lava_predict.reproduction.conditions import OPEN_LOOP
from lava_predict.reproduction.studies.blocks import learn_side_by_side
from lava_predict.reproduction.studies.own_rules import local_rules_at
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found

RLS_RIDGES = (0.01, 0.1)
"""Of the when and what readout, in multiples of the size of their inputs: as good as any within the first
block, and the best after a switch with P reset."""

RLS_MEMORY_TRIALS = (5.0, 80.0)
"""Memory of the forgetting variant, when and what."""

MERGED_RATES = {"gated_delta": (0.0014, 0.02), "annealed_delta": (0.003, 0.006)}
"""Per ms, by the rule whose traces are shown; the second was the best soon after a switch of the timing."""

MERGED_RLS_RIDGE, MERGED_RLS_MEMORY_TRIALS = 0.1, 20.0
"""Of the merged readout by RLS: ridge with P reset at each switch, memory of the forgetting variant."""

BROADCAST: dict[str, float] = {"when_rate": 0.01, "what_rate": 0.03, "noise": 0.3}

_KEY = 1
"""Sets the perturbations apart from all that the seed decides otherwise."""


def baseline_rules(replay: Replay) -> dict[str, Rule]:
    """Return all rules before the first trial of a replay.

    "local" is the network's own. "rls kept", "rls reset" (P at each switch, of which it is told) and "rls
    forgetting" have the local rule's gates and targets. "local slow" and "local fast" have the when rate of
    "merged" and "merged fast". Further "merged rls reset", "merged rls forgetting" and "broadcast".
    """
    config = replay.config
    when_norm, what_norm = replay.input_norms()
    ridges = (RLS_RIDGES[0] * when_norm, RLS_RIDGES[1] * what_norm)
    merged_ridge = MERGED_RLS_RIDGE * when_norm
    slow, fast = MERGED_RATES.get(config.readout.rule, MERGED_RATES["annealed_delta"])
    updates_of_trial = config.task.after_ms / EVERY_MS

    def of_memory(trials: float) -> float:
        return float(1.0 - 1.0 / (trials * updates_of_trial))

    forgetting = (of_memory(RLS_MEMORY_TRIALS[0]), 1.0 - 1.0 / RLS_MEMORY_TRIALS[1])
    return {
        "local": replay.local_rules(),
        "rls kept": RlsReadout(config, ridges),
        "rls reset": RlsReadout(config, ridges, reset_at_switch=True),
        "rls forgetting": RlsReadout(config, ridges, forgetting),
        "merged": MergedReadout(config, slow),
        "merged fast": MergedReadout(config, fast),
        "local slow": local_rules_at(replay, slow),
        "local fast": local_rules_at(replay, fast),
        "merged rls reset": MergedRlsReadout(config, merged_ridge, reset_at_switch=True),
        "merged rls forgetting": MergedRlsReadout(config, merged_ridge, of_memory(MERGED_RLS_MEMORY_TRIALS)),
        "broadcast": BroadcastReadout(config, int(key_of(config.run.seed, _KEY)), **BROADCAST),
    }


def baselines(config: Config) -> Found:
    """Learn blocks of one cue, with the loop opened, with all `baseline_rules`; as `learn_side_by_side`."""
    replay = Replay(with_changes(config, [OPEN_LOOP]))
    return learn_side_by_side(replay, baseline_rules(replay))
