"""Every part that the registries name: it has what its room asks for, and it runs."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise

import numpy as np
import pytest

from lava_predict import Config, Experiment, load_preset
from lava_predict.engines import Engine
from lava_predict.engines.cpu import CpuEngine
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.network.state import leaves
from lava_predict.registry import ENGINES, NEURONS, RULES, SYNAPSES, TASKS, Registry
from lava_predict.settings.schema import ReadoutSettings, Section, TaskSettings
from lava_predict.tasks import Played, Task

SYNAPSE_SETTINGS = {"exponential": (), "delayed": ("reservoir.delay_ms=[1, 25]",)}
"""What lets a synapse do what it is for; one that is not here runs with the preset's settings."""

ARITHMETICS = {
    "float": ("float", ()),
    "fixed": ("fixed", ()),
    "stochastic": ("fixed", ('fixed.rounding="stochastic"', "fixed.v_bits=20")),
    "on_chip": ("fixed", ('fixed.learning="on_chip"',)),
}

PARTS = [(registry, name) for registry in (NEURONS, SYNAPSES, RULES) for name in registry.names()]
CHOICES = [(n, s, r) for n in NEURONS.names() for s in SYNAPSES.names() for r in RULES.names()]
EVERYDAY = (
    ("izhikevich", "exponential", "annealed_delta"),
    ("izhikevich", "exponential", "gated_delta"),
    ("adaptive_lif", "delayed", "annealed_delta"),
)
"""Choices that are tested every day: every part once; each choice more is another kernel to compile."""


def demanded(registry: Registry) -> Iterator[tuple[str, str | None, bool]]:
    """Read from a room's docstring the names, the arguments of functions, and whether they are optional."""
    text = importlib.import_module(registry.room).__doc__
    assert text is not None
    lines = text.splitlines()
    for line, below in pairwise(lines):
        if line.startswith("``"):
            for name, arguments in re.findall(r"``(\w+)(?:\(([^`]*)\))?``", line):
                has_arguments = f"``{name}(" in line
                yield name, arguments if has_arguments else None, "Optional" in below


def test_a_rooms_docstring_is_read_as_a_person_would() -> None:
    found = {name: arguments for name, arguments, _ in demanded(NEURONS)}
    assert found["Settings"] is None
    assert found["advance"] == "cells, parameters, k, j, current"
    assert found["fixed_nothing_seen"] == ""
    assert len(found) >= 20


@pytest.mark.parametrize(("registry", "name"), PARTS, ids=lambda value: getattr(value, "key", value))
def test_a_part_has_what_its_room_asks_for(registry: Registry, name: str) -> None:
    part = registry.get(name)
    for wanted, arguments, optional in demanded(registry):
        if optional and not hasattr(part, wanted):
            continue
        assert hasattr(part, wanted), wanted
        found = getattr(part, wanted)
        if arguments is None:
            assert not inspect.isfunction(found), wanted
            continue
        parameters = inspect.signature(getattr(found, "py_func", found)).parameters
        given = [argument.strip() for argument in arguments.split(",") if argument]
        if "..." in given:
            assert len(parameters) >= len(given) - 1, wanted
        else:
            assert len(parameters) == len(given), wanted


@pytest.mark.parametrize("name", NEURONS.names())
def test_a_neurons_settings_are_its_parameters(name: str) -> None:
    neuron = NEURONS.get(name)
    assert issubclass(neuron.Settings, Section)
    assert list(neuron.Settings.model_fields) == list(neuron.Parameters._fields)
    assert "bias" in neuron.Parameters._fields
    assert "bias" in neuron.FixedParameters._fields
    assert set(neuron.SATURATING) <= set(neuron.State._fields)
    for sign in ("excitatory", "inhibitory"):
        neuron.Settings.model_validate(neuron.DEFAULTS[sign])
        described = [neuron.Settings.model_fields[field].description for field in neuron.Parameters._fields]
        assert all(described)


@pytest.mark.parametrize("name", SYNAPSES.names())
def test_a_synapses_connections_are_columns(name: str) -> None:
    synapse = SYNAPSES.get(name)
    assert synapse.Connections._fields[:3] == ("first", "target", "weight")
    config = load_preset("smoke", [f"reservoir.synapse={name}", *SYNAPSE_SETTINGS.get(name, ())])
    words = synapse.state_words(config)
    assert len(set(words)) == len(words) > 0
    assert "s" in words


@pytest.mark.parametrize("name", RULES.names())
def test_a_rules_settings_are_of_the_readout(name: str) -> None:
    rule = RULES.get(name)
    assert issubclass(rule.Settings, ReadoutSettings)
    own = rule.Settings.model_fields.keys() - ReadoutSettings.model_fields.keys()
    assert rule.DEFAULTS.keys() == own
    assert {"x", "w", *rule.RESET} <= set(rule.Memory._fields)


def test_tasks_and_engines_are_subclasses_with_settings_and_options_of_their_own() -> None:
    for name in TASKS.names():
        task = TASKS.get(name)
        assert issubclass(task, Task)
        assert issubclass(task.Settings, TaskSettings)
        assert task.DEFAULTS.keys() == task.Settings.model_fields.keys() - TaskSettings.model_fields.keys()
    for name in ENGINES.names():
        engine = ENGINES.get(name)
        assert issubclass(engine, Engine)
        assert is_dataclass(engine.Options)
        engine.Options()
        assert all(field.name.isidentifier() for field in fields(engine.Options))


def tiny(neuron: str, synapse: str, rule: str, *more: str) -> Config:
    return load_preset(
        "smoke",
        [
            f"reservoir.neuron={neuron}",
            f"reservoir.synapse={synapse}",
            f"readout.rule={rule}",
            "reservoir.neurons=40",
            "reservoir.feedback_gain=1.0",
            "run.probe_trials=[0]",
            "run.probe_repeats=1",
            "task.before_ms=50",
            "task.after_ms=300",
            "readout.what_window_ms=[20, 200]",
            "task.settle_ms=100",
            "task.pause_ms=[20, 50]",
            "task.blocks=[{trials=3, probability=[0.5, 0.5], latency_ms=[100, 200]}]",
            *SYNAPSE_SETTINGS.get(synapse, ()),
            *more,
        ],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("neuron", "synapse", "rule", "arithmetic"),
    [
        pytest.param(
            *choice,
            arithmetic,
            marks=() if choice in EVERYDAY and arithmetic != "on_chip" else pytest.mark.long,
        )
        for choice in CHOICES
        for arithmetic in ARITHMETICS
        if arithmetic != "on_chip" or hasattr(RULES.get(choice[2]), "CHIP")
    ],
)
def test_two_trials_in_every_arithmetic(neuron: str, synapse: str, rule: str, arithmetic: str) -> None:
    precision, settings = ARITHMETICS[arithmetic]
    session = Experiment(tiny(neuron, synapse, rule, *settings)).start(precision=precision)
    before = session.state.network
    session.advance(2)
    state = session.state
    assert len(state.trials) == 2
    assert sum(trial.spikes for trial in state.trials) > 40
    assert all(np.isfinite(array).all() for _, array in leaves(state.network))
    for place, array in leaves(state.network):
        assert array.dtype == dict(leaves(before))[place].dtype
    assert np.abs(state.network.when.w).max() > 0
    assert np.abs(state.network.what.w).max() > 0
    assert len(session.saturations) == state.network.saturations.size
    assert all(np.isfinite(probe.o).all() for probe in state.probes)
    session.close()


each_choice = pytest.mark.parametrize(
    ("neuron", "synapse", "rule"),
    [pytest.param(*choice, marks=() if choice in EVERYDAY else pytest.mark.long) for choice in CHOICES],
)


def bytes_of(played: Played) -> list[bytes]:
    return [
        array.tobytes()
        for array in (
            *(played.spike_step, played.spike_cell, played.z, played.what_drive, played.norm, played.p),
            *(played.w_when, played.w_what, played.saturations),
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@each_choice
def test_chunks_of_any_size_give_the_same_bits(neuron: str, synapse: str, rule: str, precision: str) -> None:
    experiment = Experiment(tiny(neuron, synapse, rule))
    task = experiment.task
    segments = [*task.trial(0, 0), *task.trial(0, 1), *task.probe(0, 2, 0, 0)]
    found, states = [], []
    for chunk in (None, 1, 7, 100, 349):
        engine = CpuEngine(experiment.arithmetic(precision), task, chunk_steps=chunk)
        found.append([bytes_of(played) for played in engine.play(segments)])
        states.append(engine.state)
    for other, state in zip(found[1:], states[1:], strict=True):
        assert other == found[0]
        assert state.differences(states[0]) == []


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@each_choice
def test_a_run_that_is_stopped_and_restored_gives_the_same_bits(
    neuron: str, synapse: str, rule: str, precision: str
) -> None:
    config = tiny(neuron, synapse, rule)
    whole = Experiment(config).start(precision=precision)
    whole.advance(3)
    first = Experiment(config).start(precision=precision)
    first.advance(1)
    kept = first.state
    first.advance(1)  # What is kept must not change with the session.
    second = Experiment(config).start(precision=precision)
    second.restore(kept)
    second.advance(2)
    one, other = whole.state, second.state
    assert other.network.differences(one.network) == []
    assert other.fingerprint == one.fingerprint
    assert [trial.p.tobytes() for trial in other.trials] == [trial.p.tobytes() for trial in one.trials]
    assert other.saturations.tolist() == one.saturations.tolist()


@pytest.mark.slow
def test_the_other_parts_give_other_runs() -> None:
    """A setting that named a part without using it would pass all that is above."""
    prints = {}
    for choice in CHOICES:
        session = Experiment(tiny(*choice)).start()
        session.advance(1)
        prints[choice] = session.state.network.z.tobytes(), len(session.state.network.cells)
    assert len(set(prints.values())) == len(CHOICES)
