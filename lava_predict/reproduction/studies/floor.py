"""How far the local rules are from an ideal observer's prediction, trial by trial, and in which part."""

from __future__ import annotations

import numpy as np

from lava_predict.analysis import ideal_observer as observer
from lava_predict.experiment import scores as metrics
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.results import Probe
from lava_predict.settings.schema import Config
from lava_predict.tasks import Task
from lava_predict.tasks.meet import Meet
from lava_predict.work.unit import Found

_LATENCY_KEPT = 0.5
"""Probability, to the observer, that an event keeps its latency at a change."""


def floor(config: Config) -> Found:
    """Learn blocks of one cue with a probe before every trial, beside the ideal observer.

    ``run.probe_trials`` should name every trial. Returns for T probes ``trial`` and ``block`` (T,), and
    errors relative to predicting nothing (T,): of the ``local`` rules; of the same with the true timing,
    ``local_what``, or the true probability, ``local_when``; of the observer that infers changes,
    ``observer``, and that counts all outcomes alike, ``counting_observer``.
    """
    experiment = Experiment(config)
    meet, probes = experiment.task, experiment.run().state.probes
    trial = np.array([meet.first_trials[probe.block] + probe.trials for probe in probes])
    seen, known = observer.observations(meet), observer.expectation(meet)
    hazard = 1.0 / config.task.blocks[0].trials
    observers = {
        "observer": observer.detect_changes(seen, 1, known, hazard, _LATENCY_KEPT),
        "counting_observer": observer.count_outcomes(seen, 1, known),
    }
    errors = {
        name: [
            observer.prediction_error(beliefs, int(number), known, meet, probe.block)
            for number, probe in zip(trial, probes, strict=True)
        ]
        for name, beliefs in observers.items()
    }
    parts = [_parts(meet, probe) for probe in probes]
    errors["local"] = [probe.error for probe in probes]
    errors["local_what"], errors["local_when"] = [what for what, _ in parts], [when for _, when in parts]
    of_nothing = np.array([probe.zero_error for probe in probes])
    found = {name: np.array(error) / of_nothing for name, error in errors.items()}
    return found | {"trial": trial, "block": np.array([probe.block for probe in probes])}


def _parts(meet: Task, probe: Probe) -> tuple[float, float]:
    """Return the error with the true timing, and that with the true probability."""
    after = slice(meet.cue_step, None)
    probability, _ = meet.task.blocks[probe.block].of_cue(0)
    profiles, truth = Meet(meet.config).profiles(probe.block, 0)[after], probe.truth[0, after]
    what = metrics.prediction(profiles, probe.p[0])
    when = metrics.prediction(probe.z[0, after], np.array(probability))
    return metrics.rmse(what, truth), metrics.rmse(when, truth)
