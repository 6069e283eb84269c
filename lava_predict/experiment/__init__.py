"""Runs a task on a network and scores what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.experiment.experiment import BlockResult as BlockResult
    from lava_predict.experiment.experiment import Experiment as Experiment
    from lava_predict.experiment.experiment import Result as Result
    from lava_predict.experiment.experiment import Session as Session
    from lava_predict.experiment.experiment import TrialRecord as TrialRecord
    from lava_predict.experiment.fingerprint import Fingerprint as Fingerprint
    from lava_predict.experiment.recorded_spikes import Chunk as Chunk
    from lava_predict.experiment.recorded_spikes import Replay as Replay
    from lava_predict.experiment.recorded_spikes import ReplayedProbe as ReplayedProbe
    from lava_predict.experiment.recorded_spikes import Rule as Rule
    from lava_predict.experiment.scores import amplitude as amplitude
    from lava_predict.experiment.scores import causal_estimate as causal_estimate
    from lava_predict.experiment.scores import peak_time as peak_time
    from lava_predict.experiment.scores import prediction as prediction
    from lava_predict.experiment.scores import rmse as rmse
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
