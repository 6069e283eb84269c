"""Settings: a clear message for whatever is wrong, whatever that is."""

from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from lava_predict import Config, UserError, config_from, load_config, load_preset
from lava_predict.settings.files import parse_toml
from lava_predict.settings.schema import Decays


def leaves(values: Any, path: str = "") -> dict[str, Any]:
    """Flatten nested tables to dotted keys; a list is a leaf."""
    if not isinstance(values, dict):
        return {path: values}
    return {key: leaf for name in values for key, leaf in leaves(values[name], f"{path}.{name}").items()}


BLOCK = "{{trials=5, probability={p}, latency_ms={t}}}"

BAD = {
    "reservoir.nois=0.5": ["reservoir.nois", "0.5", "did you mean 'noise'"],
    "resrvoir.noise=0.5": ["resrvoir", "did you mean 'reservoir'"],
    "reservoir.noise='loud'": ["reservoir.noise", "'loud'", "number"],
    "reservoir.tau_s_ms=-3": ["reservoir.tau_s_ms", "-3", "greater than or equal to 0.5", "robust has"],
    "readout.tau_x_ms=[20, 0]": ["readout.tau_x_ms", "0", "greater than 0"],
    "readout.tau_x_ms=[90, 20]": ["readout.tau_x_ms", "90", "20"],
    "reservoir.neurons=0": ["reservoir.neurons", "0", "greater than or equal to 1"],
    "reservoir.neurons=10.5": ["reservoir.neurons", "10.5", "integer"],
    "reservoir.neurons=100000": ["reservoir.neurons", "100000", "connection_probability", "lower"],
    "reservoir.inhibitory_charge=2.0": ["reservoir.inhibitory_charge", "2.0", "less than or equal to 0"],
    "reservoir.excitatory.a=-0.02": ["reservoir.excitatory.a", "-0.02", "above 0"],
    "reservoir.excitatory.a.start=0": ["reservoir.excitatory.a", "log", "above 0"],
    "reservoir.inhibitory.c=31": ["reservoir.inhibitory.c", "31", "below 30"],
    "reservoir.excitatory.bias.scal='log'": ["bias.scal", "did you mean 'scale'"],
    "reservoir.excitatory=3": ["reservoir.excitatory", "3", "table"],
    "readout.tau_m_ms=nan": ["readout.tau_m_ms", "nan", "finite"],
    "readout.when_norm='momnt'": ["readout.when_norm", "'momnt'", "'moment' or 'constant'"],
    "readout.cue_weights='owned'": ["readout.cue_weights", "'owned'", "'own' or 'shared'"],
    "task.reset=1": ["task.reset", "1", "boolean"],
    "readout.what_window_ms=[300, 200]": ["readout.what_window_ms", "300", "200"],
    "readout.what_window_ms=[50, 2000]": ["readout.what_window_ms", "2000", "task.after_ms"],
    "task.pause_ms=[700, 300]": ["task.pause_ms", "700", "300"],
    "task.cue_ms=1500": ["task.cue_ms", "1500", "task.after_ms"],
    "task.blocks=[]": ["task.blocks", "[]", "at least 1"],
    "task.blocks=[4]": ["task.blocks[0]", "4", "table"],
    f"task.blocks=[{BLOCK.format(p='[0.9, 0.2]', t='[300, 600]')}]": [
        "blocks[0].probability",
        "1.1",
        "at most 1",
    ],
    f"task.blocks=[{BLOCK.format(p='[0.7, 0.3000001]', t='[300, 600]')}]": ["(here 1.0000001)"],
    "task.cue_ms=1000.0001": ["task.cue_ms = 1000.0001", "task.after_ms = 1000"],
    f"task.blocks=[{BLOCK.format(p='[0.9, -0.2]', t='[300, 600]')}]": ["blocks[0].probability", "-0.2"],
    f"task.blocks=[{BLOCK.format(p='[0.9]', t='[300, 600]')}]": [
        "blocks[0]",
        "1 probabilities and 2 latencies",
    ],
    f"task.blocks=[{BLOCK.format(p='[1, 0]', t='[300, 1000]')}]": [
        "blocks[0].latency_ms",
        "1000",
        "after_ms",
    ],
    f"task.blocks=[{BLOCK.format(p='[1, 0]', t='[300, -1]')}]": [
        "blocks[0].latency_ms",
        "-1",
        "within the trial",
    ],
    f"task.blocks=[{BLOCK.format(p='[[1], [0]]', t='[300]')}]": ["blocks[0].probability", "list of numbers"],
    "task.blocks=[{trials=5, probability=[1], latency_ms=[300], cues=[2]}]": [
        "task.blocks[0].cues = [2]",
        "from 1 to task.cues = 1",
    ],
    "task.blocks=[{trials=5, probability=[1], latency_ms=[300], cues=[1, 1]}]": ["[1, 1]", "different"],
    "task.blocks=[{trials=5, probability=[1], latency_ms=[300], cues=[]}]": ["cues = []", "list"],
    "task.blocks=[{trials=5, probability=[1], latency_ms=[300], cues='al'}]": ["'al'", '"all"'],
    "task.blocks=[{trials=5, probability=[1], latency_ms=[300], cue=[1]}]": ["did you mean 'cues'"],
    "task.latency_sd_ms=-1": ["task.latency_sd_ms", "-1", "greater than or equal to 0"],
    "task.cue_overlap=1.5": ["task.cue_overlap = 1.5", "from 0 to 1", '"drawn"'],
    "task.cue_overlap=true": ["task.cue_overlap = True", "from 0 to 1"],
    "task.cue_overlap='draw'": ["task.cue_overlap = 'draw'", '"drawn"'],
    "run.seed=-1": ["run.seed", "-1", "greater than or equal to 0"],
    "run.dt_ms=2.0": ["run.dt_ms", "2.0", "less than or equal to 1"],
    "run.probe_trials=[-1]": ["run.probe_trials", "-1"],
    "run.draws.task=1.5": ["run.draws.task", "1.5", "integer"],
    "noise=0.5": ["noise=0.5", "section.key=value"],
    "reservoir.noise": ["reservoir.noise", "section.key=value"],
    "task..cues=1": ["task..cues=1", "section.key=value"],
}


@pytest.mark.parametrize(("override", "parts"), BAD.items(), ids=BAD.keys())
def test_bad_settings_name_key_value_and_remedy(override: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as raised:
        load_preset("smoke", [override])
    for part in parts:
        assert part in str(raised.value)


GATED, LIF = "readout.rule='gated_delta'", "reservoir.neuron='adaptive_lif'"


@pytest.mark.parametrize(
    ("part", "key", "value", "least"),
    [
        ("readout.rule='annealed_delta'", "readout.tau_m_ms", "7.9", "8 ms"),
        ("readout.rule='annealed_delta'", "readout.tau_x_ms", "[0.4, 90]", "0.5 ms"),
        (GATED, "readout.tau_m_ms", "0.4", "0.5 ms"),
        (GATED, "readout.tau_x_ms", "0.4", "0.5 ms"),
        (LIF, "reservoir.excitatory.tau_v_ms", "0.4", "0.5 ms"),
        (LIF, "reservoir.inhibitory.tau_h_ms", "{start=90, stop=0.4}", "0.5 ms"),
    ],
)
def test_every_time_constant_is_checked_against_the_step(part: str, key: str, value: str, least: str) -> None:
    with pytest.raises(UserError) as raised:
        load_preset("smoke", [part, f"{key}={value}"])
    message = str(raised.value)
    assert message.startswith(f"{key} = ")
    assert f"at least {least}" in message
    assert "run.dt_ms = 1" in message
    assert load_preset("smoke", [part, f"{key}={value}", "run.dt_ms=0.5"]).run.dt_ms == 0.5


@pytest.mark.parametrize("part", ["readout.rule='annealed_delta'", GATED, LIF])
def test_no_time_constant_is_left_out_of_that_check(part: str) -> None:
    config = load_preset("smoke", [part])
    reservoir = config.reservoir
    for section in (reservoir, reservoir.excitatory, reservoir.inhibitory, config.readout, config.stream):
        fields = type(section).model_fields
        marked = {key for key in fields if any(isinstance(mark, Decays) for mark in fields[key].metadata)}
        assert marked == {key for key in fields if key.startswith("tau_")}


def test_cues_that_share_too_little_for_the_cells_there_are_say_how_much_they_must_share() -> None:
    few = ["reservoir.neurons=100", "reservoir.cue_fraction=0.4", "task.cues=4"]
    with pytest.raises(UserError, match=r"task\.cue_overlap = 0\.25: .* raise it to at least 0\.5,"):
        load_preset("smoke", [*few, "task.cue_overlap=0.25"])
    assert load_preset("smoke", [*few, "task.cue_overlap=0.5"]).cue_cells == (40, 20)


SCALAR = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KNOWN = sorted(leaves(load_preset("smoke").to_dict()))


@st.composite
def settings_near_the_known(draw: st.DrawFn) -> dict[str, Any]:
    """Nested tables of arbitrary values under known and unknown keys."""
    values: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.sampled_from(KNOWN)).lstrip(".").split(".")
        path = path[: draw(st.integers(1, len(path)))]
        table = values
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            table = inner
        table[path[-1]] = draw(VALUE)
    values.update(draw(st.dictionaries(st.text(max_size=8), VALUE, max_size=1)))
    return values


def outcome_of(load: Any) -> Config | None:
    """Load; the only exception allowed is a UserError with a message."""
    try:
        config: Config = load()
    except UserError:
        return None
    return config


@pytest.mark.slow
@given(settings_near_the_known())
def test_arbitrary_settings_are_taken_or_explained(values: dict[str, Any]) -> None:
    config = outcome_of(lambda: config_from(values))
    if config is not None:
        assert config_from(parse_toml(config.to_toml())) == config


@pytest.mark.slow
@given(text=st.one_of(st.text(), settings_near_the_known().map(tomli_w.dumps)), data=st.binary(max_size=40))
def test_arbitrary_files_are_taken_or_explained(
    text: str, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.toml"
    for content in (text.encode(errors="surrogatepass"), data):
        path.write_bytes(content)
        outcome_of(lambda: load_config(path))


@pytest.mark.slow
@given(st.sampled_from(KNOWN), st.text(max_size=30))
def test_arbitrary_overrides_are_taken_or_explained(key: str, value: str) -> None:
    outcome_of(lambda: load_preset("smoke", [f"{key.lstrip('.')}={value}"]))
    outcome_of(lambda: load_preset("smoke", [value]))


NUMBERS = st.one_of(st.floats(), st.integers(-10, 2000), st.floats(0, 1), st.booleans(), st.text(max_size=3))
ROWS = st.one_of(st.lists(NUMBERS, max_size=3), st.lists(st.lists(NUMBERS, max_size=3), max_size=3), NUMBERS)


@pytest.mark.slow
@given(st.integers(1, 3), st.lists(st.tuples(st.integers(-1, 9), ROWS, ROWS), max_size=3))
def test_arbitrary_blocks_are_taken_or_explained(cues: int, blocks: list[Any]) -> None:
    names = ("trials", "probability", "latency_ms")
    task = {"cues": cues, "blocks": [dict(zip(names, block, strict=True)) for block in blocks]}
    config = outcome_of(lambda: config_from({"task": task}))
    if config is not None:
        for block in config.task.blocks:
            for cue in range(cues):
                probability, latency = block.of_cue(cue)
                assert len(probability) == len(latency) == config.task.events
                assert sum(probability) <= 1 + 1e-9
                assert all(0 <= time < config.task.after_ms for time in latency)
