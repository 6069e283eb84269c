"""Networks that learn a prediction object: what will happen, when, and with what probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.analysis import check_health as check_health
    from lava_predict.comparison import compare as compare
    from lava_predict.engines import CpuEngine as CpuEngine
    from lava_predict.engines import LavaEngine as LavaEngine
    from lava_predict.engines import SupervisedRun as SupervisedRun
    from lava_predict.errors import Caution as Caution
    from lava_predict.errors import RunError as RunError
    from lava_predict.errors import UserError as UserError
    from lava_predict.experiment import Experiment as Experiment
    from lava_predict.experiment import Replay as Replay
    from lava_predict.experiment import Result as Result
    from lava_predict.network import Network as Network
    from lava_predict.network import State as State
    from lava_predict.network import draw_network as draw_network
    from lava_predict.records import Checkpoint as Checkpoint
    from lava_predict.records import RunRecord as RunRecord
    from lava_predict.records import TrainedNetwork as TrainedNetwork
    from lava_predict.records import load_checkpoint as load_checkpoint
    from lava_predict.records import load_record as load_record
    from lava_predict.reproduction.reproduce import reproduce as reproduce
    from lava_predict.settings import Config as Config
    from lava_predict.settings import config_from as config_from
    from lava_predict.settings import load_config as load_config
    from lava_predict.settings import load_preset as load_preset
    from lava_predict.settings import parse_toml as parse_toml
    from lava_predict.settings import preset_names as preset_names
    from lava_predict.settings import with_changes as with_changes
    from lava_predict.targets import check_readiness as check_readiness
    from lava_predict.targets import export_nir as export_nir
    from lava_predict.targets import read_nir as read_nir
    from lava_predict.targets import write_nir as write_nir
    from lava_predict.tasks import Kind as Kind
    from lava_predict.tasks import Meet as Meet
    from lava_predict.tasks import Segment as Segment
else:
    __all__, __getattr__, __dir__ = public_face(__name__)

__version__ = "0.1.0"
