"""The node that docs/nir-izhikevich.md proposes: nir writes and reads it, and it steps as our cells do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

nir = pytest.importorskip("nir")

from lava_predict.neurons.izhikevich import izhikevich

DOCS = Path(__file__).parents[2] / "docs"
SNIPPET = DOCS / "snippets" / "nir_izhikevich.py"


@pytest.fixture
def proposal(monkeypatch):
    """The snippet as a module; nir forgets its node afterwards."""
    names, known = vars(nir.ir)["__all_ir"], dict(vars(nir.ir))
    before = list(names)
    space: dict = {"__name__": "nir_izhikevich"}
    monkeypatch.setitem(sys.modules, "nir_izhikevich", type(sys)("nir_izhikevich"))
    exec(compile(SNIPPET.read_text(), str(SNIPPET), "exec"), space)
    yield space
    names[:] = before
    for name in set(vars(nir.ir)) - set(known):
        delattr(nir.ir, name)
    del nir.Izhikevich


def parameters(cells: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    low = {"a": 0.003, "b": 0.2, "d": 2.0, "v_reset": -65.0}
    high = {"a": 0.1, "b": 0.25, "d": 8.0, "v_reset": -50.0}
    drawn = {name: rng.uniform(low[name], high[name], cells) for name in low}
    return {**drawn, "v_threshold": np.full(cells, 30.0)}


def test_a_graph_with_the_node_comes_back_the_same(proposal, tmp_path: Path) -> None:
    node = proposal["Izhikevich"](**parameters(), r=2.0)
    nodes = {
        "input": nir.Input({"input": np.array([3])}),
        "weights": nir.Linear(np.ones((40, 3))),
        "cells": node,
        "output": nir.Output({"output": np.array([40])}),
    }
    edges = [("input", "weights"), ("weights", "cells"), ("cells", "output")]
    nir.write(tmp_path / "graph.nir", nir.NIRGraph(nodes, edges))
    read = nir.read(tmp_path / "graph.nir").nodes["cells"]
    assert type(read) is proposal["Izhikevich"]
    for name in ("a", "b", "d", "v_threshold", "v_reset", "r", "k2", "k1", "k0"):
        assert np.array_equal(getattr(read, name), getattr(node, name)), name
    assert read.input_type["input"].tolist() == [40]
    assert read.r.tolist() == [2.0] * 40


def test_without_it_nir_does_not_know_the_node(proposal, tmp_path: Path) -> None:
    nir.write(tmp_path / "node.nir", proposal["Izhikevich"](**parameters()))
    vars(nir.ir)["__all_ir"].remove("Izhikevich")
    with pytest.raises(AssertionError):
        nir.read(tmp_path / "node.nir")


def test_parameters_of_different_shapes_are_refused(proposal) -> None:
    with pytest.raises(AssertionError, match="All parameters must have the same shape"):
        proposal["Izhikevich"](**{**parameters(), "a": np.ones(3)})


@pytest.mark.slow
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_a_step_is_that_of_the_networks_cells(proposal, dt: float) -> None:
    node, rng = proposal["Izhikevich"](**parameters()), np.random.default_rng(4)
    v, u = np.full(40, -65.0), -65.0 * node.b
    spiked = 0
    for _ in range(500):
        current = rng.uniform(0.0, 15.0, 40)
        kernel = [izhikevich.py_func(*each, dt) for each in zip(v, u, current, node.a, node.b, strict=True)]
        over = np.array([one >= 30.0 for one, _ in kernel])
        wanted_v = np.where(over, node.v_reset, [one for one, _ in kernel])
        wanted_u = np.array([one for _, one in kernel]) + np.where(over, node.d, 0.0)
        v, u, spikes = proposal["step"](node, v, u, current, dt)
        assert np.array_equal(spikes, over)
        np.testing.assert_allclose(v, wanted_v, rtol=1e-12)
        np.testing.assert_allclose(u, wanted_u, rtol=1e-12)
        spiked += spikes.sum()
    assert spiked > 100


def test_in_seconds_and_volts_it_is_the_same_neuron(proposal) -> None:
    """The equation has no unit of its own: other units are other numbers in the arrays."""
    given, cells = parameters(), 40
    plain = proposal["Izhikevich"](**given)
    si = proposal["Izhikevich"](
        a=given["a"] * 1e3,
        b=given["b"] * 1e3,
        d=given["d"],
        v_threshold=given["v_threshold"] * 1e-3,
        v_reset=given["v_reset"] * 1e-3,
        k2=0.04 * 1e6,
        k1=5.0 * 1e3,
        k0=140.0,
    )
    v, u = np.full(cells, -65.0), -65.0 * plain.b
    v_si, u_si = v * 1e-3, u.copy()
    for _ in range(300):
        v, u, spikes = proposal["step"](plain, v, u, np.full(cells, 6.0), 1.0)
        v_si, u_si, spikes_si = proposal["step"](si, v_si, u_si, np.full(cells, 6.0), 1e-3)
        np.testing.assert_allclose(v_si * 1e3, v, rtol=1e-6)
        assert np.array_equal(spikes, spikes_si)


@pytest.mark.slow
def test_the_form_of_2007_is_the_same_neuron(proposal) -> None:
    """Izhikevich 2007, "Dynamical systems in neuroscience", section 8.2.1: a regular spiking neuron."""
    c, k, v_r, v_t, a, b, v_reset, d, peak = 100.0, 0.7, -60.0, -40.0, 0.03, -2.0, -50.0, 100.0, 35.0
    one = np.ones(1)
    node = proposal["Izhikevich"](
        a=a * one,
        b=b / c * one,
        d=d / c * one,
        v_threshold=peak * one,
        v_reset=v_reset * one,
        r=1.0 / c,
        k2=k / c,
        k1=-k * (v_r + v_t) / c,
        k0=k * v_r * v_t / c + b / c * v_r,
    )
    v, u, spiked = v_r, 0.0, 0
    mine, recovery = v_r * one, b / c * v_r * one
    for _ in range(2000):
        v = min(v + 0.5 * (k * (v - v_r) * (v - v_t) - u + 100.0) / c, peak)
        u = u + 0.5 * a * (b * (v - v_r) - u)
        if v >= peak:
            v, u, spiked = v_reset, u + d, spiked + 1
        mine, recovery, _ = proposal["step"](node, mine, recovery, 100.0, 0.5, parts=1)
        assert mine[0] == pytest.approx(v, rel=1e-6)
        assert c * (recovery[0] - b / c * v_r) == pytest.approx(u, rel=1e-6, abs=1e-6)
    assert spiked > 5


def test_regular_spiking_chattering_and_fast_spiking_fire_as_published(proposal) -> None:
    """Izhikevich 2003, figure 2, under I = 10: the first adapts, the second bursts, the third is fast."""
    node = proposal["Izhikevich"](
        a=np.array([0.02, 0.02, 0.1]),
        b=np.full(3, 0.2),
        d=np.array([8.0, 2.0, 2.0]),
        v_threshold=np.full(3, 30.0),
        v_reset=np.array([-65.0, -50.0, -65.0]),
    )
    v, u, times = np.full(3, -65.0), np.full(3, -13.0), ([], [], [])
    for t in range(4000):
        v, u, spikes = proposal["step"](node, v, u, 10.0, 0.25)
        for cell in np.flatnonzero(spikes):
            times[cell].append(t)
    regular, chattering, fast = (np.diff(each) for each in times)
    assert regular[-1] > 1.7 * regular[0]
    assert chattering.max() > 8 * chattering.min()
    assert len(fast) > 3 * len(regular)


@pytest.mark.slow
def test_a_file_with_this_packages_own_nodes_is_read_once_they_are_registered(tmp_path: Path) -> None:
    """In a process of its own, as it changes the package nir."""
    script = f"""
import nir, numpy as np
from lava_predict import Experiment, load_preset
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.targets import read_nir, register_nodes, to_nir, write_nir
config = load_preset("smoke", ["reservoir.neurons=80"])
experiment = Experiment(config)
state = experiment.start().state
write_nir("{tmp_path}/n.nir", to_nir(Checkpoint(config, "float", "cpu", None, experiment.network, state, 0)))
try:
    nir.read("{tmp_path}/n.nir")
except AssertionError:
    print("refused")
register_nodes()
register_nodes()
graph = nir.read("{tmp_path}/n.nir")
print(type(graph.nodes["cells"]).__name__, graph.nodes["cells"].a.shape)
assert np.array_equal(graph.nodes["cells"].a, experiment.network.cells.a)
nir.write("{tmp_path}/again.nir", graph)
assert np.array_equal(read_nir("{tmp_path}/again.nir").network.cells.a, experiment.network.cells.a)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["refused", "Izhikevich (80,)"]


def test_the_page_states_every_field_of_the_node(proposal) -> None:
    page = (DOCS / "nir-izhikevich.md").read_text()
    fields = [name for name in proposal["Izhikevich"].__dataclass_fields__ if not name.endswith("_type")]
    assert {name for name in fields if f"`{name}`" not in page} == {"metadata"}
    step = re.search(r"^def step.*?(?=\n\n\n)", SNIPPET.read_text(), re.M | re.S)
    assert step is not None
    assert step[0] in page
