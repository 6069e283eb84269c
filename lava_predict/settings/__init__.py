"""Settings: validated, read from presets and files, and explained when wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.settings.files import (
        config_from,
        load_config,
        load_preset,
        parse_toml,
        preset_names,
        with_changes,
    )
    from lava_predict.settings.schema import (
        Config,
        FixedSettings,
        Parameter,
        ReadoutSettings,
        Section,
        TaskSettings,
    )
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
