"""Settings: validated, read from presets and files, and explained when wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.settings.files import config_from as config_from
    from lava_predict.settings.files import load_config as load_config
    from lava_predict.settings.files import load_preset as load_preset
    from lava_predict.settings.files import parse_toml as parse_toml
    from lava_predict.settings.files import preset_names as preset_names
    from lava_predict.settings.files import with_changes as with_changes
    from lava_predict.settings.schema import Config as Config
    from lava_predict.settings.schema import FixedSettings as FixedSettings
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
