"""Where settings come from: presets, TOML files there and back, --set texts, and the parts' own defaults."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import Config, UserError, config_from, load_config, load_preset, preset_names
from lava_predict.neurons import adaptive_lif
from lava_predict.registry import NEURONS
from lava_predict.settings.files import parse_toml, with_changes
from lava_predict.tasks.meet import EVENT_MS

PRESETS = Path(__file__).parents[2] / "lava_predict" / "settings" / "presets"
LIF = "reservoir.neuron=adaptive_lif"

# Digests of all values, from the time when every preset listed all of them. Whoever changes a preset on
# purpose changes its digest, and the published figures with it.
DIGESTS = {
    "robust": "e92d61beb3da15246d96e51c2ab97fac4196ebbcdc1a5dee960259baa04d1dfb",
    "paper": "85611bf2c761a554cd2ed4a2dae8321403fe805f960882aa33f3c5090104aef7",
    "smoke": "9a8cf249ca46050cde894ad7bd270712c6436b9ead0646152c1c87601d8ef1a3",
}
# These came later, with the values that the network had before without saying so.
LATER = {
    "reservoir.neuron": "izhikevich",
    "reservoir.synapse": "exponential",
    "reservoir.delay_ms": [0.0, 0.0],
    "task.name": "meet",
    "task.cue_overlap": "drawn",
    "task.latency_sd_ms": 0.0,
    "fixed.on_chip_groups": 8,
    "stream.labels_max": 64,
    "stream.horizon_ms": 1000.0,
    "stream.window_ms": 100.0,
    "stream.mean_rate": 0.003,
    "stream.first_rate": 2.0,
    "stream.least_rate": 0.1,
    "stream.surprise_bits": 1.2,
    "stream.settle_ms": 2000.0,
    "stream.times": True,
    "task.event_names": [],
    "task.cue_names": [],
}
# These were settings that nothing varied and are constants now, or are gone with what they were for.
CONSTANT = {
    "task.event_ms": EVENT_MS,
    "fixed.on_chip_impulse": 4,
    "fixed.on_chip_error_bits": 8,
    "fixed.on_chip_rate": 0.11,
    "fixed.on_chip_weight_range": 27.0,
    "fixed.on_chip_epoch": 0,
}


def leaves(values: Any, path: str = "") -> dict[str, Any]:
    """Flatten nested tables to dotted keys; a list is a leaf."""
    if not isinstance(values, dict):
        return {path.lstrip("."): values}
    return {key: leaf for name in values for key, leaf in leaves(values[name], f"{path}.{name}").items()}


def own_values(preset: str) -> dict[str, Any]:
    """Return what a preset's file holds."""
    return parse_toml((PRESETS / f"{preset}.toml").read_text())


def test_presets_are_there() -> None:
    assert {"robust", "paper", "smoke"} <= set(preset_names())


@pytest.mark.parametrize("name", DIGESTS)
def test_a_preset_has_the_values_that_it_always_had(name: str) -> None:
    values = leaves(load_preset(name).to_dict()) | CONSTANT
    rule = values.pop("readout.rule")
    assert rule == ("gated_delta" if name == "paper" else "annealed_delta")
    assert {key: values.pop(key) for key in LATER} == LATER
    assert name == "paper" or values.pop("readout.causal") is False
    assert hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest() == DIGESTS[name]


def test_robust_lists_every_setting() -> None:
    cells = ("reservoir.excitatory", "reservoir.inhibitory")
    own, complete = (
        {
            key.rsplit(".", 1)[0] if key.count(".") > 2 and key.startswith(cells) else key
            for key in leaves(one)
        }
        for one in (own_values("robust"), load_preset("robust").to_dict())
    )
    assert own == complete


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "robust"])
def test_another_preset_holds_only_what_differs_from_robust(name: str) -> None:
    own = own_values(name)
    rule = own.get("readout", {}).pop("rule", "annealed_delta")
    robust = config_from({"preset": "robust", "readout": {"rule": rule}})
    assert own["preset"] == name
    assert load_preset(name).to_dict().keys() == robust.to_dict().keys()
    for key, value in leaves(own).items():
        path = key.split(".")
        if path[0] == "reservoir" and len(path) > 2:
            path, value = path[:3], own["reservoir"][path[1]][path[2]]
        nested: dict[str, Any] = {path[-1]: value}
        for part in reversed(path[:-1]):
            nested = {part: nested}
        readout = {"rule": rule, **nested.pop("readout", {})}
        assert config_from({"preset": "robust", "readout": readout, **nested}) != robust, (
            f"{key} is as in robust"
        )


@pytest.mark.parametrize("name", preset_names())
def test_toml_reads_back_equal(name: str, tmp_path: Path) -> None:
    config = load_preset(name, ["reservoir.noise=0.123456789012345678", "run.seed=77"])
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    assert load_config(path) == config


def test_a_file_needs_only_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('preset = "paper"\n[reservoir]\nneurons = 50\n[reservoir.excitatory]\na = 0.03\n')
    config, paper = load_config(path), load_preset("paper")
    assert config.reservoir.neurons == 50
    assert config.reservoir.excitatory.a.start == config.reservoir.excitatory.a.stop == 0.03
    assert config.reservoir.excitatory.c == paper.reservoir.excitatory.c
    assert config.readout == paper.readout
    assert config.preset == "paper"


def test_set_comes_last(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[run]\nseed = 3\n")
    assert load_config(path, ["run.seed=4", "run.seed=5"]).run.seed == 5


def test_set_reaches_into_a_spread() -> None:
    config = load_preset("robust", ["reservoir.excitatory.bias.stop=9.0"])
    assert config.reservoir.excitatory.bias.stop == 9.0
    assert config.reservoir.excitatory.bias.start == load_preset("robust").reservoir.excitatory.bias.start


def test_several_cues_may_share_statistics_or_have_their_own() -> None:
    block = "task.blocks=[{trials=2, probability=[[0.9, 0.1], [0.2, 0.3]], latency_ms=[300, 600]}]"
    task = load_preset("smoke", ["task.cues=2", block]).task
    assert task.events == 2
    assert task.blocks[0].of_cue(1) == ((0.2, 0.3), (300.0, 600.0))


def test_a_block_names_the_cues_that_it_shows_or_shows_all() -> None:
    one = "{trials=2, probability=[0.9], latency_ms=[300], cues=[3, 1]}"
    config = load_preset("smoke", ["task.cues=3", f"task.blocks=[{one}, {one.replace('[3, 1]', '[2]')}]"])
    task = config.task
    assert [list(block.shown(3)) for block in task.blocks] == [[2, 0], [1]]
    assert [task.last_shown(1, cue) for cue in range(3)] == [0, 1, 0]
    assert [task.last_shown(0, cue) for cue in range(3)] == [0, None, 0]
    assert config_from(parse_toml(config.to_toml())) == config
    plain = load_preset("smoke", ["task.cues=2"])
    assert list(plain.task.blocks[0].shown(2)) == [0, 1]
    assert "cues" not in plain.to_dict()["task"]["blocks"][0]


def test_settings_are_changed_by_texts_or_by_values() -> None:
    texts = ["reservoir.noise=0.5", "reservoir.excitatory.a={start=0.01, stop=0.03}", "task.cues=2"]
    values = {
        "reservoir.noise": np.float64(0.5),
        "reservoir.excitatory.a": {"start": 0.01, "stop": 0.03},
        "task.cues": np.int64(2),
    }
    assert load_preset("smoke", values) == load_preset("smoke", texts)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"noise": 0.5}, "'noise': must be section.key"),
        ({"reservoir.nois": 0.5}, "did you mean 'noise'"),
        ({3: 0.5}, "overrides = 3"),
    ],
)
def test_values_by_wrong_keys_are_refused(values: dict[Any, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_preset("smoke", values)


def test_an_unknown_preset_suggests_one() -> None:
    with pytest.raises(UserError, match="did you mean 'robust'"):
        load_preset("robst")
    with pytest.raises(UserError, match="preset = 3"):
        config_from({"preset": 3})


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"reservoir = [", "not a TOML"), (b"\xff\xfe", "not a TOML"), (None, "No such file")],
)
def test_unreadable_files(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=reason) as raised:
        load_config(path)
    assert str(path) in str(raised.value)


# Parts.


@pytest.mark.parametrize("preset", preset_names())
def test_naming_a_neuron_is_enough(preset: str) -> None:
    config, before = load_preset(preset, [LIF]), load_preset(preset).to_dict()
    changed = {
        key
        for key, value in leaves(config.to_dict()["reservoir"]).items()
        if value != leaves(before["reservoir"]).get(key)
    }
    defaults = leaves(adaptive_lif.DEFAULTS)
    assert {key.split(".")[0] for key in changed} <= {"neuron", *adaptive_lif.DEFAULTS}
    own = leaves(config.to_dict()["reservoir"])
    for key, value in defaults.items():
        place = key if key in own else f"{key}.start"
        assert own[place] == own.get(f"{key}.stop", value) == value
    for section in ("readout", "task", "run", "fixed"):
        assert config.to_dict()[section] == before[section]


def test_the_order_of_set_texts_does_not_matter() -> None:
    texts = [
        LIF,
        "reservoir.excitatory.tau_v_ms=30.0",
        "reservoir.cue_current=7.0",
        "reservoir.delay_ms=[1, 5]",
    ]
    found = [load_preset("paper", order) for order in itertools.permutations(texts)]
    assert found[0].reservoir.excitatory.tau_v_ms.start == 30.0
    assert found[0].reservoir.inhibitory.tau_v_ms.start == 20.0
    assert found[0].reservoir.cue_current == 7.0
    assert all(one == found[0] for one in found)


def test_a_file_that_names_the_neuron_may_set_single_parameters(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'preset = "smoke"\n[reservoir]\nneuron = "adaptive_lif"\n'
        "[reservoir.inhibitory]\ntau_v_ms = 10.0\ntau_h_ms = { start = 50.0, stop = 60.0, power = 1.0, "
        'scale = "linear", draw = "own" }\n'
    )
    config = load_config(path)
    inhibitory, plain = config.reservoir.inhibitory, load_preset("smoke", [LIF])
    assert (inhibitory.tau_v_ms.start, inhibitory.tau_h_ms.stop) == (10.0, 60.0)
    assert inhibitory.v_reset == plain.reservoir.inhibitory.v_reset
    assert config.reservoir.excitatory == plain.reservoir.excitatory
    assert load_config(path, ["reservoir.excitatory.v_rest=-70.0"]).reservoir.excitatory.v_rest.stop == -70.0


PART_ERRORS = {
    (
        LIF,
        "reservoir.excitatory.a=0.02",
    ): "excitatory.a = 0.02: there is no such setting; allowed: tau_v_ms, ",
    ("reservoir.excitatory.tau_v_ms=9.0",): "excitatory.tau_v_ms = 9.0: .*allowed: a, b, c, d, bias",
    (LIF, "reservoir.excitatory.tau_v=9.0"): "excitatory.tau_v = 9.0: .*did you mean 'tau_v_ms'",
    (LIF, "reservoir.excitatory.tau_h_ms=0.0"): "excitatory.tau_h_ms: from 0 to 0; must be above 0 ms",
    (LIF, "reservoir.inhibitory.v_reset=-40.0"): "inhibitory.v_reset: up to -40; must be below v_threshold",
    ("reservoir.neuron=adaptive_lf",): "reservoir.neuron = 'adaptive_lf': .*did you mean 'adaptive_lif'",
    ("reservoir.neuron=3",): "reservoir.neuron = 3: there is no such part; allowed: adaptive_lif, izhikevich",
    ("reservoir.synapse=exponentia",): "reservoir.synapse = 'exponentia': .*did you mean 'exponential'",
    ("readout.rule=gated_dleta",): "readout.rule = 'gated_dleta': .*did you mean 'gated_delta'",
    ("task.name=met",): "task.name = 'met': .*did you mean 'meet'",
    ("reservoir.delay_ms=[5.0, 1.0]",): "reservoir.delay_ms = .5, 1.: the least delay must come before",
    (
        "reservoir.delay_ms=[1.0, 2000.0]",
    ): "reservoir.delay_ms.1. = 2000.0: must be less than or equal to 1000",
}


@pytest.mark.parametrize(("texts", "message"), PART_ERRORS.items(), ids=[one[-1] for one in PART_ERRORS])
def test_a_part_that_is_not_there_or_not_the_one_is_explained(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_preset("smoke", texts)


@pytest.fixture(params=[[], [LIF], [LIF, "reservoir.delay_ms=[1, 20]", "reservoir.excitatory.v_rest=-66.0"]])
def config(request: pytest.FixtureRequest) -> Config:
    return load_preset("paper", request.param)


def test_a_config_with_any_parts_reads_back_equal(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    assert load_config(path) == config
    assert config_from(config.to_dict()) == config


def test_a_config_with_any_parts_can_be_copied_and_pickled(config: Config) -> None:
    for other in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config), copy.copy(config)):
        assert other == config
        assert type(other) is type(config)
    changed = config.model_copy(update={"run": config.run.model_copy(update={"seed": 9})})
    assert pickle.loads(pickle.dumps(changed)).run.seed == 9


def test_changes_may_name_another_neuron() -> None:
    robust, lif = load_preset("robust"), load_preset("robust", [LIF])
    excitatory = {"tau_v_ms": 30.0}
    changes = [("reservoir", "excitatory", excitatory), ("reservoir", "neuron", "adaptive_lif")]
    assert with_changes(robust, changes[1:]) == lif
    changed = with_changes(robust, changes, seed=5)
    assert changed == load_preset("robust", [LIF, "reservoir.excitatory.tau_v_ms=30.0", "run.seed=5"])
    assert with_changes(lif, [("reservoir", "neuron", "izhikevich")]) == robust
    with pytest.raises(UserError, match="did you mean 'izhikevich'"):
        with_changes(lif, [("reservoir", "neuron", "izikevich")])


def test_every_neuron_brings_defaults_for_the_same_settings() -> None:
    keys = [set(NEURONS.get(name).DEFAULTS) for name in NEURONS.names()]
    assert all(one == keys[0] for one in keys)


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[run]\nseed = 7\n")
    assert load_config(path).run.seed == 7
