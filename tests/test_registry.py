"""Parts by name: ours, another package's, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lava_predict import load_preset, registry
from lava_predict.engines import Engine
from lava_predict.errors import UserError
from lava_predict.registry import ENGINES, NEURONS, RULES, SYNAPSES, TASKS, Registry
from lava_predict.tasks.meet import Meet

REGISTRIES = (NEURONS, SYNAPSES, RULES, TASKS, ENGINES)

INTEGRATOR = '''
"""A perfect integrator without integers, of a package of its own."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from lava_predict.numerics.compiled import kernel
from lava_predict.settings.schema import Parameter, Section


class Settings(Section):
    threshold: Annotated[Parameter, Field(description="spikes here")]
    bias: Annotated[Parameter, Field(description="constant current")]


THRESHOLD = {"start": 20.0, "stop": 40.0, "power": 1.0, "scale": "linear", "draw": "own"}
CELLS = {"threshold": THRESHOLD, "bias": 1.0}
DEFAULTS = {"excitatory": CELLS, "inhibitory": CELLS}


class Parameters(NamedTuple):
    threshold: np.ndarray
    bias: np.ndarray


class State(NamedTuple):
    charge: np.ndarray


class Constants(NamedTuple):
    dt: float


def constants(parameters, dt):
    return Constants(dt)


def start(parameters):
    return State(np.zeros(parameters.bias.size))


@kernel
def advance(cells, parameters, k, j, current):
    cells.charge[j] = max(cells.charge[j] + k.dt * current, 0.0)


@kernel
def at_threshold(cells, parameters, k, j):
    return cells.charge[j] >= parameters.threshold[j]


@kernel
def reset(cells, parameters, k, j):
    cells.charge[j] = 0.0
'''

RUN = """
from lava_predict import Experiment, load_preset
from lava_predict.errors import UserError
from lava_predict.registry import NEURONS

assert NEURONS.names() == ["adaptive_lif", "broken", "integrator", "izhikevich"], NEURONS.names()
config = load_preset("smoke", ['reservoir.neuron="integrator"', "reservoir.neurons=40", "task.settle_ms=10"])
assert config.reservoir.excitatory.threshold.stop == 40.0
session = Experiment(config).start()
session.advance(2)
state = session.state
assert state.network.cells._fields == ("charge",)
assert sum(trial.spikes for trial in state.trials) > 40
try:
    Experiment(config).start(precision="fixed")
except UserError as error:
    print(error)
try:
    load_preset("smoke", ['reservoir.neuron="broken"'])
except UserError as error:
    print(error)
"""


def other_package(folder: Path, **points: str) -> None:
    """Lay out what an installed package leaves: modules, and a folder that says which parts they are."""
    (folder / "integrating_cells.py").write_text(INTEGRATOR)
    info = folder / "something-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: something\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[lava_predict.neurons]", *lines, ""]))


def test_the_parts_of_this_package() -> None:
    assert NEURONS.names() == ["adaptive_lif", "izhikevich"]
    assert SYNAPSES.names() == ["delayed", "exponential"]
    assert RULES.names() == ["annealed_delta", "gated_delta"]
    assert TASKS.names() == ["meet"]
    assert ENGINES.names() == ["cpu", "fpga-sim", "lava"]
    assert TASKS.get("meet") is Meet
    assert issubclass(ENGINES.get("cpu"), Engine)
    for found in (NEURONS, SYNAPSES, RULES):
        for name in found.names():
            part = found.get(name)
            assert isinstance(part, ModuleType)
            assert part.__name__ == f"{found.room}.{name}"


@pytest.mark.parametrize("found", REGISTRIES, ids=lambda found: found.key)
def test_what_is_not_there_is_refused_with_what_is(found: Registry) -> None:
    with pytest.raises(UserError) as refused:
        found.get("nonsense")
    assert f"{found.key} = 'nonsense'" in str(refused.value)
    assert f"allowed: {', '.join(found.names())}" in str(refused.value)


def test_a_near_miss_is_told_the_likely_name() -> None:
    with pytest.raises(UserError, match=r"reservoir\.neuron = 'izikevich'.*did you mean 'izhikevich'\?"):
        load_preset("smoke", ["reservoir.neuron=izikevich"])
    with pytest.raises(UserError, match=r"reservoir\.synapse = 'delay'.*did you mean 'delayed'\?"):
        load_preset("smoke", ["reservoir.synapse=delay"])
    with pytest.raises(UserError, match=r"readout\.rule = 'gated_deltas'.*did you mean 'gated_delta'\?"):
        load_preset("smoke", ["readout.rule=gated_deltas"])


@pytest.mark.parametrize("value", ["3", "true", "[1]", '""', '"."', '"__init__"', '"..registry"'])
@pytest.mark.parametrize("key", ["reservoir.neuron", "reservoir.synapse", "readout.rule", "task.name"])
def test_what_is_no_name_at_all_is_refused(key: str, value: str) -> None:
    with pytest.raises(UserError, match=key):
        load_preset("smoke", [f"{key}={value}"])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make another package's parts known for the time of a test."""

    def install(**points: str) -> None:
        other_package(tmp_path, **points)
        monkeypatch.syspath_prepend(tmp_path)
        registry._entry_points.cache_clear()
        registry._all_entry_points.cache_clear()

    yield install
    monkeypatch.undo()
    registry._entry_points.cache_clear()
    registry._all_entry_points.cache_clear()
    sys.modules.pop("integrating_cells", None)


def test_an_entry_point_of_another_package_is_a_part(installed: Any) -> None:
    installed(integrator="integrating_cells", packed="integrating_cells:State")
    assert NEURONS.names() == ["adaptive_lif", "integrator", "izhikevich", "packed"]
    assert NEURONS.get("integrator").__name__ == "integrating_cells"
    assert NEURONS.get("packed").__name__ == "State"
    assert SYNAPSES.names() == ["delayed", "exponential"]


def test_nothing_of_another_package_is_imported_before_it_is_asked_for(installed: Any) -> None:
    installed(integrator="integrating_cells", broken="no_such_module")
    NEURONS.names()
    NEURONS.get("izhikevich")
    load_preset("smoke")
    assert "integrating_cells" not in sys.modules
    NEURONS.get("integrator")
    assert "integrating_cells" in sys.modules


@pytest.mark.parametrize("value", ["no_such_module", "integrating_cells:NoSuchPart"])
def test_an_entry_point_that_cannot_be_loaded_is_named(installed: Any, value: str) -> None:
    installed(broken=value)
    with pytest.raises(UserError) as refused:
        load_preset("smoke", ["reservoir.neuron=broken"])
    for part in ("reservoir.neuron = 'broken'", repr(value), "install or mend the package"):
        assert part in str(refused.value)


@pytest.mark.slow
def test_a_neuron_of_another_package_runs_and_is_refused_in_integers(tmp_path: Path) -> None:
    """In a process of its own, as for a user, with nothing but the package on the path."""
    other_package(tmp_path, integrator="integrating_cells", broken="no_such_module")
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    integers, broken = done.stdout.strip().splitlines()
    assert integers.startswith("reservoir.neuron = 'integrator': has no integers")
    assert "'no_such_module'" in broken
