"""Networks that learn a prediction object: what will happen, when, and with what probability."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lava_predict.lazy import find_processes, public_face
from lava_predict.newer_python import mend_lava

if TYPE_CHECKING:
    from lava_predict.analysis import check_health
    from lava_predict.comparison import compare
    from lava_predict.engines import CpuEngine, Engine, LavaEngine, SupervisedRun
    from lava_predict.errors import Caution, RunError, UserError
    from lava_predict.estimator import PredictionNetwork
    from lava_predict.experiment import Experiment, Replay, Result
    from lava_predict.network import Network, State, draw_network
    from lava_predict.records import (
        Checkpoint,
        RunData,
        RunRecord,
        TrainedNetwork,
        load_checkpoint,
        load_record,
        load_run,
    )
    from lava_predict.reproduction.reproduce import reproduce
    from lava_predict.settings import (
        Config,
        config_from,
        load_config,
        load_preset,
        parse_toml,
        preset_names,
        with_changes,
    )
    from lava_predict.streams import StreamLearner
    from lava_predict.targets import check_readiness, export_nir, read_nir, write_nir
    from lava_predict.tasks import Kind, Meet, Segment, Task
else:
    __all__, __getattr__, __dir__ = public_face(__name__)

mend_lava()
find_processes()
logging.getLogger(__name__).addHandler(logging.NullHandler())

__version__ = "0.2.0"
