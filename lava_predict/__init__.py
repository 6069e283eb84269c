"""Networks that learn a prediction object: what will happen, when, and with what probability."""

from lava_predict.errors import RunError, UserError
from lava_predict.experiment.experiment import Experiment, Result
from lava_predict.settings.files import config_from, load_config, load_preset, preset_names
from lava_predict.settings.schema import Config

__all__ = [
    "Config",
    "Experiment",
    "Result",
    "RunError",
    "UserError",
    "config_from",
    "load_config",
    "load_preset",
    "preset_names",
]
__version__ = "0.1.0"
