"""Networks that learn a prediction object: what will happen, when, and with what probability."""

from lava_predict.config import Config
from lava_predict.config_files import config_from, load_config, load_preset, preset_names
from lava_predict.errors import RunError, UserError
from lava_predict.experiment import Experiment, Result

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
