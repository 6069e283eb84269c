"""A reservoir, or a readout, that stands alone: made from plain values, without a task.

What they return makes the arithmetic of one of `PRECISIONS` by name, as a Lava Process knows its precision
only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lava_predict.errors import UserError
from lava_predict.network.arithmetic import Arithmetic, arithmetic_of, parts_of
from lava_predict.network.draw import draw_network, without_connections
from lava_predict.numerics.plan import loihi_style
from lava_predict.settings.files import load_preset, with_changes
from lava_predict.settings.schema import Config, FixedSettings

MakeArithmetic = Callable[[str], Arithmetic]


def reservoir_alone(
    cells: int,
    cues: int,
    events: int,
    *,
    dt_ms: float,
    seed: int,
    fixed: FixedSettings | Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> MakeArithmetic:
    """Draw a reservoir. Raises a UserError for a bad value.

    Parameters
    ----------
    cells, cues, events : int
        N, input channels, and fed-back readouts.
    dt_ms, seed : float, int
        Time step, and what is drawn.
    fixed : FixedSettings or mapping, optional
        Word lengths, all or some by name; else those of the presets.
    settings : mapping
        Of the section ``reservoir``, by name; those that are None, and all others, are those of ``robust``.
    """
    config = _settings(cells, cues, events, dt_ms, seed, fixed, "reservoir", settings)
    return partial(arithmetic_of, config, draw_network(config))


def readout_alone(
    cells: int,
    cues: int,
    events: int,
    *,
    dt_ms: float,
    seed: int,
    fixed: FixedSettings | Mapping[str, Any] | None,
    rate: float | None,
    settings: Mapping[str, Any],
) -> MakeArithmetic:
    """Make the readouts of cells that stand elsewhere. Raises a UserError for a bad value.

    Parameters
    ----------
    cells, cues, events, dt_ms, seed, fixed
        As for `reservoir_alone`; the most cues that are told apart, and events that are read out.
    rate : float, optional
        Of the when rule, per ms; by default the rule's own.
    settings : mapping
        Of the section ``readout``, by name, with ``rule``; those that are None are the rule's own.
    """
    config = _settings(cells, cues, events, dt_ms, seed, fixed, "readout", settings)
    if config.fixed.learning != "own":
        raise UserError(f"fixed.learning = {config.fixed.learning!r}: must be 'own'; or use OnChipReadout")
    if rate is not None:
        rule = parts_of(config).rule
        if not hasattr(rule, "constant_rate"):
            raise UserError(
                f"rate = {rate}: rule = {config.readout.rule!r} has no such rate; give its own in settings"
            )
        own = rule.constant_rate(config, rate)
        config = with_changes(config, [("readout", key, value) for key, value in own.items()])
    return partial(arithmetic_of, config, without_connections(config))


def _settings(
    cells: int,
    cues: int,
    events: int,
    dt_ms: float,
    seed: int,
    fixed: FixedSettings | Mapping[str, Any] | None,
    section: str,
    settings: Mapping[str, Any],
) -> Config:
    """Lay values over the preset ``robust``; the task has so many cues and events, and is never played."""
    block = {"trials": 1, "probability": [0.0] * events, "latency_ms": [0.0] * events}
    changes: list[tuple[str, str, Any]] = [
        ("reservoir", "neurons", cells),
        ("task", "cues", cues),
        ("task", "blocks", [block]),
        ("run", "dt_ms", dt_ms),
    ]
    changes += [(section, key, value) for key, value in settings.items() if value is not None]
    if fixed is not None:
        changes += [("fixed", key, value) for key, value in loihi_style(fixed).model_dump().items()]
    return with_changes(load_preset("robust"), changes, seed)
