"""Reads configurations: presets, TOML files laid over them, and single settings on top."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lava_predict.errors import UserError, check_kind, one_of, path_of, plain, short, whole
from lava_predict.registry import NEURONS, RULES, TASKS
from lava_predict.settings.explain import explain, sections
from lava_predict.settings.schema import Config, check_config, schema_for

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PRESETS = resources.files("lava_predict.settings.presets")

_PARTS = (NEURONS, RULES, TASKS)

Overrides = Sequence[str] | Mapping[str, Any]
"""Settings to change: texts ``section.key=value``, or values by ``section.key``."""

parse_toml = tomllib.loads
"""Parse TOML text to nested dicts; raises a ValueError for anything else."""


def preset_names() -> list[str]:
    """Name the presets that come with the package."""
    return sorted(file.name[:-5] for file in _PRESETS.iterdir() if file.name.endswith(".toml"))


def load_preset(name: str, overrides: Overrides = ()) -> Config:
    """Load one of the package's presets.

    Parameters
    ----------
    name : str
        One of `preset_names`.
    overrides : sequence of str, or mapping
        Settings to change, each ``section.key=value``; or values by ``section.key``.

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
    >>> load_preset("robust", {"reservoir.noise": 0.5}).reservoir.noise
    0.5
    """
    return _validated(_laid_over(_preset_values(name), *_nested(overrides)))


def load_config(path: str | Path, overrides: Overrides = ()) -> Config:
    """Load a TOML file, laid over the preset that it names (``preset = "..."``, else robust).

    Parameters
    ----------
    path : str or Path
        The file.
    overrides : sequence of str, or mapping
        Settings to change on top, as for `load_preset`.

    Returns
    -------
    Config
        Validated settings.

    Raises
    ------
    UserError
        If the file cannot be read, is not TOML, or holds a bad key or value.
    """
    path = path_of("CONFIG", path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        values = parse_toml(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not a TOML text in UTF-8: {error}"
        raise UserError(f"CONFIG = {str(path)!r}: {reason}; give the path of a readable TOML file") from None
    return config_from(values, overrides)


def config_from(values: Mapping[str, Any], overrides: Overrides = ()) -> Config:
    """Validate settings given as nested dicts, laid over the preset that they name.

    ``values`` are as a TOML file would give them; the rest is as for `load_config`. Raises a UserError if a
    key or value is bad.
    """
    check_kind("settings", values, Mapping, "nested tables, such as {'run': {'seed': 1}}")
    values = plain(values)
    base = _preset_values(values.get("preset", "robust"))
    return _validated(_laid_over(base, (values, False), *_nested(overrides)))


def _preset_values(name: Any) -> dict[str, Any]:
    """Return all values of a preset: those of ``robust`` with its own laid over them."""
    names = preset_names()
    if name not in names:
        raise UserError(f"preset = {name!r}: there is no such preset; {one_of(str(name), names)}")
    own = parse_toml(_PRESETS.joinpath(f"{name}.toml").read_text("utf-8"))
    return own if name == "robust" else _laid_over(_preset_values("robust"), (own, False))


def _laid_over(base: Mapping[str, Any], *layers: tuple[Mapping[str, Any], bool]) -> dict[str, Any]:
    """Lay settings over others, after the defaults of the parts that are named in the end.

    Merged are the sections. A value that is a table itself (a Spread) replaces the old one whole, unless the
    second entry of its layer is True.
    """
    named = dict(base)
    for top, _ in layers:
        named = _merged(named, top, {})
    values, known = _with_defaults(base, named), sections(schema_for(named))
    for top, at_keys in layers:
        values = _merged(values, top, known, at_keys)
    return values


def _with_defaults(base: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Where ``named`` names another neuron, rule or task than ``base``, bring in that part's own settings."""
    values = {key: dict(value) if isinstance(value, Mapping) else value for key, value in base.items()}
    for registry in _PARTS:
        section, key = registry.key.split(".")
        found = named[section]
        if not isinstance(found, Mapping) or found[key] == values[section][key]:
            continue
        part = registry.get(found[key])
        if section == "reservoir":
            values[section] |= part.DEFAULTS
        else:
            kept = {k: v for k, v in values[section].items() if k in part.Settings.model_fields}
            # A setting of the same name need not mean the same.
            values[section] = kept | part.DEFAULTS
    return values


def _merged(
    base: Mapping[str, Any],
    top: Mapping[str, Any],
    known: Mapping[tuple[str, ...], Any],
    at_keys: bool = False,
    path: tuple[str, ...] = (),
) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        inner = (*path, key)
        old = merged.get(key)
        deeper = inner in known or at_keys or not known
        if deeper and isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = _merged(old, value, known, at_keys, inner)
        else:
            merged[key] = value
    return merged


def _nested(overrides: Overrides) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Turn --set texts, or values by their keys, into layers of `_laid_over`."""
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            check_kind("overrides", key, str, "section.key, such as 'reservoir.noise'")
            bad = f"{key!r}: must be section.key, as 'reservoir.noise'"
            yield _at(key, plain(value), bad), True
        return
    if isinstance(overrides, str) or not isinstance(overrides, Iterable):
        raise UserError(
            f"overrides = {short(overrides)}: must be a list of texts, such as ['reservoir.noise=0.5'], or "
            "values by their keys, such as {'reservoir.noise': 0.5}"
        )
    for text in overrides:
        check_kind("overrides", text, str, "texts of the form section.key=value")
        key, equals, value = text.partition("=")
        bad = f"--set {text!r}: must have the form section.key=value, as reservoir.noise=0.5"
        yield _at(key if equals else "", _toml_value(value.strip()), bad), True


def _at(key: str, value: Any, bad: str) -> dict[str, Any]:
    """Return a value within the tables that a dotted key names; a UserError with ``bad`` for no such key."""
    path = [part.strip() for part in key.split(".")]
    if not all(path) or len(path) < 2:
        raise UserError(bad)
    nested: dict[str, Any] = {path[-1]: value}
    for part in reversed(path[:-1]):
        nested = {part: nested}
    return nested


def _toml_value(text: str) -> Any:
    try:
        return parse_toml(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _validated(values: Mapping[str, Any]) -> Config:
    schema = schema_for(values)
    try:
        return schema.model_validate(values)
    except ValidationError as invalid:
        raise UserError(explain(invalid, schema, _preset_values("robust"))) from None


def with_changes(config: Config, changes: Sequence[tuple[str, str, Any]], seed: int | None = None) -> Config:
    """Return a configuration with some settings changed, validated.

    Each change is a section, key and value; a dict is laid over the section of that name. ``seed`` replaces
    ``run.seed``.
    """
    check_config(config)
    top: dict[str, dict[str, Any]] = {}
    for change in changes:
        if not (
            isinstance(change, list | tuple)
            and list(map(type, change))[:2] == [str, str]
            and len(change) == 3
        ):
            raise UserError(
                f"changes = {short(change)}: must be a section, a key and a value, such as "
                "('reservoir', 'noise', 0.5)"
            )
        section, key, value = change
        top.setdefault(section, {})[key] = plain(value)
    if seed is not None:
        top.setdefault("run", {})["seed"] = whole("seed", seed)
    return _validated(_laid_over(config.to_dict(), (top, True)))


def with_seed(config: Config, seed: int | None) -> Config:
    """Return a configuration with another ``run.seed``, or as it is for None.

    Raises a UserError if these are no settings, or the seed is not a whole number from 0 to 2^63 - 1.
    """
    check_config(config)
    if seed is None:
        return config
    return config.model_copy(update={"run": config.run.model_copy(update={"seed": whole("seed", seed)})})
