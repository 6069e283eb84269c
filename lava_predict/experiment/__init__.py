"""Runs a task on a network and scores what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.experiment.experiment import Experiment
    from lava_predict.experiment.fingerprint import Fingerprint
    from lava_predict.experiment.recorded_spikes import Replay, ReplayedProbe
    from lava_predict.experiment.results import BlockResult, Probe, Result, TrialRecord
    from lava_predict.experiment.scores import amplitude, causal_estimate, peak_time, prediction, rmse
    from lava_predict.experiment.session import Session
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
