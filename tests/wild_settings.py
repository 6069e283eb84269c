"""Whole configurations for a fuzz: of every part, small enough to run in a moment, values of any size."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from lava_predict import Config, UserError, config_from, load_preset
from lava_predict.settings.schema import Section, Spread

PARTS = {
    "reservoir.neuron": ("izhikevich", "adaptive_lif"),
    "readout.rule": ("annealed_delta", "gated_delta"),
}
SIZES = {"neurons", "delay_ms", "connection_probability", "cues", "blocks", "horizon_ms", "labels_max"}
"""Settings that decide how long a run takes, which `small` chooses, and not `of_field`."""

SIZES |= {"before_ms", "after_ms", "cue_ms", "pause_ms", "settle_ms", "what_window_ms", "probe_repeats"}
SIZES |= {"probe_trials", "dt_ms", "event_names", "cue_names", "window_ms", "times", "steps_per_lava_step"}
NAMES = {"preset", "neuron", "synapse", "rule", "name"}


def between(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of every size between two, and the two."""
    if low < 0.0:
        below = between(max(0.0, -high), -low).map(lambda value: -value)
        return below | between(0.0, high) if high > 0.0 else below
    smallest = max(low, high * 1e-12, 1e-12)
    sized = st.floats(math.log10(smallest), math.log10(high)).map(lambda e: min(max(10.0**e, low), high))
    return st.sampled_from([low, high]) | sized


def of_field(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any] | None:
    """Values that a setting's type and bounds allow; None for what cannot be told from them."""
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if annotation is bool:
        return st.booleans()
    low, high = -1e6, 1e6
    for mark in metadata:
        low = float(getattr(mark, "ge", getattr(mark, "gt", low)))
        high = float(getattr(mark, "le", getattr(mark, "lt", high)))
        if isinstance(mark, annotated_types.Gt):
            low = math.nextafter(low, math.inf) if annotation is float else low + 1
        if isinstance(mark, annotated_types.Lt):
            high = math.nextafter(high, -math.inf) if annotation is float else high - 1
    if annotation is float:
        return between(low, min(high, 1e9))
    if annotation is int:
        most = int(high)
        return st.integers(int(low), most) | st.integers(int(low), min(most, int(low) + 40))
    if annotation is Spread:
        number = between(-1e6, 1e6) | between(0.0, 1e3) | st.floats(-100.0, 100.0)
        whole = {"start": number, "stop": number, "power": between(1e-3, 1e3)}
        more = {"scale": st.sampled_from(["linear", "log"]), "draw": st.sampled_from(["own", "shared"])}
        return st.fixed_dictionaries(whole | more) | number
    if get_origin(annotation) is tuple and len(inner := get_args(annotation)) == 2 and inner[1] is not ...:
        one = of_field(*_opened(inner[0]))
        return None if one is None else st.lists(one, min_size=2, max_size=2).map(sorted)
    return None


def _opened(annotation: Any) -> tuple[Any, list[Any]]:
    """Part a type from what is annotated to it, also within."""
    field = FieldInfo.from_annotation(annotation)
    return field.annotation, list(field.metadata)


def wild(section: type[Section], path: str = "") -> dict[str, st.SearchStrategy[Any]]:
    """Return strategies by the dotted key of every setting of a section that has one."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in section.model_fields.items():
        annotation, key = field.annotation, f"{path}{name}"
        if get_origin(annotation) in (Union, types.UnionType) or name in SIZES | NAMES:
            continue
        if isinstance(annotation, type) and issubclass(annotation, Section) and annotation is not Spread:
            found |= wild(annotation, f"{key}.")
        elif (strategy := of_field(annotation, list(field.metadata))) is not None:
            found[key] = strategy
    return found


@cache
def wild_of_parts(*names: str) -> dict[str, st.SearchStrategy[Any]]:
    """Return `wild` of the settings with some `PARTS`."""
    parts = [f"{key}={name!r}" for key, name in zip(PARTS, names, strict=True)]
    return wild(type(load_preset("smoke", parts)))


@st.composite
def small(draw: Callable[..., Any], neurons: tuple[str, ...], delays: bool) -> dict[str, Any]:
    """What decides how long a run takes, and the parts, by dotted key."""
    dt = draw(st.sampled_from([1.0, 0.5, 0.1, 0.01]) | st.floats(0.01, 1.0))
    cues, events = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    before, cue, after = draw(st.integers(0, 5)), draw(st.integers(1, 10)), draw(st.integers(11, 60))
    window = sorted(draw(st.lists(st.integers(0, after), min_size=2, max_size=2, unique=True)))
    parts = PARTS | {"reservoir.neuron": neurons}
    chosen: dict[str, Any] = {key: draw(st.sampled_from(names)) for key, names in parts.items()}
    chosen |= {
        "reservoir.neurons": draw(st.integers(1, 12)),
        "reservoir.connection_probability": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "run.dt_ms": dt,
        "run.probe_trials": draw(st.sampled_from([[], [0], [0, 1], [1, 7]])),
        "run.probe_repeats": draw(st.integers(1, 2)),
        "task.cues": cues,
        "task.before_ms": before * dt,
        "task.cue_ms": cue * dt,
        "task.after_ms": after * dt,
        "task.pause_ms": draw(st.sampled_from([[0.0, 0.0], [0.0, 20 * dt], [7 * dt, 7 * dt]])),
        "task.settle_ms": draw(st.integers(0, 30)) * dt,
        "task.blocks": [draw(block(cues, events, (after - 1) * dt)) for _ in range(draw(st.integers(1, 2)))],
        "readout.what_window_ms": [window[0] * dt, window[1] * dt],
        "readout.gate_window_ms": draw(st.sampled_from([0.0, 3 * dt, 20 * dt])),
    }
    if delays and draw(st.booleans()):
        chosen["reservoir.delay_ms"] = sorted(draw(st.lists(between(0.0, 1000.0), min_size=2, max_size=2)))
    return chosen


@st.composite
def block(draw: Callable[..., Any], cues: int, events: int, last_ms: float) -> dict[str, Any]:
    """A block of a few trials; probabilities may lie at the ends of what is allowed."""
    shares = st.lists(st.sampled_from([0.0, 1.0, 3.0]), min_size=events, max_size=events)
    rows = []
    for _ in range(cues):
        row = draw(shares)
        rows.append([share / max(sum(row), 1.0) for share in row])
    times = st.lists(between(0.0, last_ms), min_size=events, max_size=events)
    whole = {
        "trials": draw(st.integers(1, 3)),
        "probability": rows,
        "latency_ms": [draw(times) for _ in rows],
    }
    if draw(st.booleans()):
        whole["cues"] = sorted(draw(st.sets(st.integers(1, cues), min_size=1)))
    return whole


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into tables."""
    tables: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return tables


@st.composite
def settings_of_any_kind(
    draw: Callable[..., Any],
    neurons: tuple[str, ...] = PARTS["reservoir.neuron"],
    delays: bool = True,
    on_chip: bool = True,
) -> dict[str, Any]:
    """Nested settings of a small run, some values anywhere in their bounds; not all of them fit together."""
    values = draw(small(neurons, delays))
    strategies = wild_of_parts(*(values[key] for key in PARTS))
    for key in draw(st.lists(st.sampled_from(sorted(strategies)), max_size=10, unique=True)):
        if on_chip or key != "fixed.learning":
            values[key] = draw(strategies[key])
    if draw(st.booleans()):
        values["task.cue_overlap"] = draw(st.just("drawn") | st.floats(0.0, 1.0))
    return {"preset": "smoke", **nested(values)}


def taken(values: dict[str, Any]) -> Config | None:
    """Return settings, or None where they are refused, which must be by a UserError."""
    try:
        return config_from(values)
    except UserError:
        return None
