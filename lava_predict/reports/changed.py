"""Settings that differ from those of the preset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lava_predict.registry import NEURONS, RULES, SYNAPSES, TASKS
from lava_predict.settings.files import load_preset
from lava_predict.settings.schema import Config

_NAMED_IN_THE_TITLE = ("preset", "run.seed")
_PARTS = tuple(registry.key for registry in (NEURONS, SYNAPSES, RULES, TASKS))

CHANGED = [{"setting": str, "preset": object, "value": object}]
"""What `changed_settings` is in summary.json."""


def changed_settings(config: Config) -> list[dict[str, Any]]:
    """Return name, the preset's value and this value of every setting that differs from the preset.

    Settings that another part brings with it are those of the preset with that part.
    """
    chosen, plain = _flat(config.to_dict()), _flat(load_preset(config.preset).to_dict())
    parts = {key: chosen[key] for key in _PARTS if chosen[key] != plain[key]}
    with_parts = load_preset(config.preset, [f"{key}={name}" for key, name in parts.items()])
    preset = _flat(with_parts.to_dict()) | {key: plain[key] for key in parts}
    return [
        {"setting": key, "preset": preset[key], "value": value}
        for key, value in chosen.items()
        if key not in _NAMED_IN_THE_TITLE and value != preset[key]
    ]


def changed_rows(changed: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each of `changed_settings`: name, the preset's value, this value; as TOML has them."""
    return [[one["setting"], as_toml(one["preset"]), as_toml(one["value"])] for one in changed]


def of_preset(preset: str, changed: Sequence[Any]) -> str:
    """Name a preset, and how many settings differ from it."""
    if not changed:
        return preset
    return f"{preset} with {len(changed)} changed setting{'s' * (len(changed) > 1)}"


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return nested settings under their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, Mapping) else {f"{path}{key}": value}
    return flat


def as_toml(value: Any) -> str:
    """Write a value as TOML has it, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return json.dumps(value)
