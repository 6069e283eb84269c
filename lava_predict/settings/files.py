"""Reads configurations: presets, TOML files laid over them, and ``--set`` texts on top."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lava_predict.errors import UserError, one_of
from lava_predict.settings.explain import SECTIONS, explain
from lava_predict.settings.schema import Config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PRESETS = resources.files("lava_predict.settings.presets")

parse_toml = tomllib.loads
"""Parse TOML text to nested dicts; raises a ValueError for anything else."""


def preset_names() -> list[str]:
    """Name the presets that come with the package."""
    return sorted(
        p.name[:-5]
        for p in resources.files("lava_predict.settings.presets").iterdir()
        if p.name[-5:] == ".toml"
    )


def load_preset(name: str, overrides: Sequence[str] = ()) -> Config:
    """Load one of the package's presets.

    Parameters
    ----------
    name : str
        One of `preset_names`.
    overrides : sequence of str
        Settings to change, each ``section.key=value``.

    Returns
    -------
    Config
        Validated settings.

    Raises
    ------
    UserError
        If there is no such preset or an override is bad.

    Examples
    --------
    >>> load_preset("robust", ["reservoir.noise=0.5"]).reservoir.noise
    0.5
    """
    return _validated(_with_overrides(_preset_values(name), overrides))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load a TOML file, laid over the preset that it names (``preset = "..."``, else robust).

    Parameters
    ----------
    path : str or Path
        The file.
    overrides : sequence of str
        Settings to change on top, each ``section.key=value``.

    Returns
    -------
    Config
        Validated settings.

    Raises
    ------
    UserError
        If the file cannot be read, is not TOML, or holds a bad key or value.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
        values = parse_toml(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not a TOML text in UTF-8: {error}"
        raise UserError(f"CONFIG = {str(path)!r}: {reason}; give the path of a readable TOML file") from None
    return config_from(values, overrides)


def config_from(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Config:
    """Validate settings given as nested dicts, laid over the preset that they name.

    Parameters
    ----------
    values : mapping
        As a TOML file would give them; whatever is missing comes from the preset.
    overrides : sequence of str
        Settings to change on top, each ``section.key=value``.

    Returns
    -------
    Config
        Validated settings.

    Raises
    ------
    UserError
        If a key or value is bad.
    """
    merged = _laid_over(_preset_values(values.get("preset", "robust")), values)
    return _validated(_with_overrides(merged, overrides))


def _preset_values(name: Any) -> dict[str, Any]:
    names = preset_names()
    if name not in names:
        raise UserError(f"preset = {name!r}: there is no such preset; {one_of(str(name), names)}")
    return parse_toml(_PRESETS.joinpath(f"{name}.toml").read_text("utf-8"))


def _laid_over(base: Mapping[str, Any], top: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Merge section by section; a value that is a table itself (a Spread) replaces the old one whole."""
    merged = dict(base)
    for key, value in top.items():
        inner = (*path, key)
        if inner in SECTIONS and isinstance(value, Mapping):
            merged[key] = _laid_over(merged[key], value, inner)
        else:
            merged[key] = value
    return merged


def _with_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for text in overrides:
        key, equals, value = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path) or len(path) < 2:
            raise UserError(f"--set {text!r}: must have the form section.key=value, as reservoir.noise=0.5")
        nested: dict[str, Any] = {path[-1]: _toml_value(value.strip())}
        for part in reversed(path[:-1]):
            nested = {part: nested}
        values = _set(values, nested)
    return values


def _set(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Merge like `_laid_over`, but into a Spread as well: --set names one key at a time."""
    merged = dict(base)
    for key, value in top.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = _set(old, value)
        else:
            merged[key] = value
    return merged


def _toml_value(text: str) -> Any:
    try:
        return parse_toml(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _validated(values: Mapping[str, Any]) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as invalid:
        raise UserError(explain(invalid, _preset_values("robust"))) from None


def with_changes(config: Config, changes: Sequence[tuple[str, str, Any]], seed: int | None = None) -> Config:
    """Return a configuration with some settings changed, validated.

    Parameters
    ----------
    config : Config
        Settings.
    changes : sequence of (str, str, value)
        Section, key and value; a dict is laid over the section of that name.
    seed : int, optional
        Replaces ``run.seed``.

    Returns
    -------
    Config
        A new one.
    """
    plain = config.to_dict()
    for section, key, value in changes:
        plain[section][key] = {**plain[section][key], **value} if isinstance(value, dict) else value
    if seed is not None:
        plain["run"]["seed"] = seed
    return config_from(plain)
