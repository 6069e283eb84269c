"""Other learning rules than the network's own, on the same reservoir run and the same streams.

The constants below were tuned on seeds 1 .. 4 of the preset `robust`, each for the benefit of the rule that
it belongs to; docs/reproduction.md gives what was tried.
"""

from __future__ import annotations

import numpy as np

from lava_predict.experiment.recorded_spikes import LocalRules, Replay, Rule
from lava_predict.numerics.noise import key_of
from lava_predict.reproduction.baselines.broadcast import BroadcastReadout
from lava_predict.reproduction.baselines.merged import MergedReadout
from lava_predict.reproduction.baselines.rls import MergedRlsReadout, RlsReadout
from lava_predict.reproduction.studies.course import probe_arrays
from lava_predict.reproduction.unit import Found
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config

RLS_RIDGES = (0.01, 0.1)
"""Of the when and what readout, in multiples of the size of their inputs: as good as any within the first
block, and the best after a switch with P reset."""

RLS_MEMORY_TRIALS = (5.0, 80.0)
"""What the forgetting variant remembers, when and what: of those tried the best over the whole course."""

RLS_EVERY_MS = 10.0
"""Between two updates of the when readout. Its inputs change over several times that."""

MERGED_RATE = 0.0014
"""Per ms: of those tried the best over the whole course."""

MERGED_FAST_RATE = 0.02
"""Per ms: of those tried the best soon after a switch of the timing."""

MERGED_RLS_RIDGE = 0.1
"""Of the merged readout by RLS: of those tried the best over the course with P reset at each switch."""

MERGED_RLS_MEMORY_TRIALS = 20.0
"""What its forgetting variant remembers: of those tried the best over the course."""

BROADCAST: dict[str, float] = {"when_rate": 0.01, "what_rate": 0.03, "noise": 0.3}
"""Of those tried the best over the whole course."""

_KEY = 1
"""Sets the perturbations apart from all that the seed decides otherwise."""

_SHARED = ("block", "trials", "truth", "time_ms", "probability", "latency_ms")
"""What the arrays of all rules have in common."""


def baseline_rules(replay: Replay) -> dict[str, Rule]:
    """Return all rules before the first trial.

    Parameters
    ----------
    replay : Replay
        What they are to learn from.

    Returns
    -------
    dict of str to Rule
        "local", the network's own; "rls kept", "rls reset" (P at each switch, of which it is told) and "rls
        forgetting", with the local rule's gates and targets; "merged" and "merged fast", and "local slow" and
        "local fast", whose when rate is that of the former two; "merged rls reset" and "merged rls
        forgetting"; "broadcast".
    """
    config = replay.config
    when_norm, what_norm = replay.input_norms()
    ridges = (RLS_RIDGES[0] * when_norm, RLS_RIDGES[1] * what_norm)
    updates_of_trial = config.task.after_ms / RLS_EVERY_MS

    def of_memory(trials: float) -> float:
        return 1.0 - 1.0 / (trials * updates_of_trial)

    forgetting = (of_memory(RLS_MEMORY_TRIALS[0]), 1.0 - 1.0 / RLS_MEMORY_TRIALS[1])
    merged_ridge = MERGED_RLS_RIDGE * when_norm
    merged_forgetting = of_memory(MERGED_RLS_MEMORY_TRIALS)
    key = int(key_of(config.run.seed, _KEY))
    return {
        "local": replay.local_rules(),
        "rls kept": RlsReadout(config, ridges, every_ms=RLS_EVERY_MS),
        "rls reset": RlsReadout(config, ridges, every_ms=RLS_EVERY_MS, reset_at_switch=True),
        "rls forgetting": RlsReadout(config, ridges, forgetting, every_ms=RLS_EVERY_MS),
        "merged": MergedReadout(config, MERGED_RATE),
        "merged fast": MergedReadout(config, MERGED_FAST_RATE),
        "local slow": _local_at(replay, MERGED_RATE),
        "local fast": _local_at(replay, MERGED_FAST_RATE),
        "merged rls reset": MergedRlsReadout(
            config, merged_ridge, every_ms=RLS_EVERY_MS, reset_at_switch=True
        ),
        "merged rls forgetting": MergedRlsReadout(
            config, merged_ridge, merged_forgetting, every_ms=RLS_EVERY_MS
        ),
        "broadcast": BroadcastReadout(config, key, **BROADCAST),
    }


def _local_at(replay: Replay, when_rate: float) -> LocalRules:
    """Return the network's own rules with another when rate, per ms."""
    changed = with_changes(replay.config, [("readout", "when_rate", when_rate)])
    return LocalRules(changed, replay.local_rules().state)


def baselines(config: Config) -> Found:
    """Learn the configuration's blocks with every rule.

    Parameters
    ----------
    config : Config
        Of one cue; the loop from readout to reservoir is opened.

    Returns
    -------
    Found
        As `probe_arrays`, and ``w_when`` (probes, K, N + 1) and ``w_what`` (probes, K, N); what is not the
        same for all rules as "RULE: name". `of_rule` takes out those of one.
    """
    replay = Replay(with_changes(config, [("reservoir", "feedback_gain", 0.0)]))
    found: Found = {}
    for rule, probes in replay.run(baseline_rules(replay)).items():
        arrays = probe_arrays(replay.meet, probes)
        for weights in ("w_when", "w_what"):
            arrays[weights] = np.array([getattr(probe, weights) for probe in probes])
        found |= {name if name in _SHARED else f"{rule}: {name}": array for name, array in arrays.items()}
    return found


def of_rule(found: Found, rule: str) -> Found:
    """Return the arrays of one rule under their own names, with those that all rules share."""
    shared = {name: found[name] for name in _SHARED}
    own = f"{rule}: "
    return shared | {name[len(own) :]: array for name, array in found.items() if name.startswith(own)}
