"""A network comes back from NIR the same to the bit, and the graph by what its page says is that network."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

nir = pytest.importorskip("nir")

from lava_predict import Experiment
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.state import State, leaves
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.records.trained_network import TrainedNetwork
from lava_predict.targets.nir import export
from lava_predict.targets.nir.nodes import Graded, Izhikevich
from lava_predict.tasks.meet import Meet

SHAPES = pytest.mark.parametrize(
    "settings",
    [
        pytest.param([], id="plain"),
        pytest.param(["reservoir.feedback_gain=0.3"], id="feedback"),
        pytest.param(["readout.centred=false"], id="uncentred"),
        pytest.param(["task.cues=2", "task.events_drive_reservoir=true"], id="channels"),
        pytest.param(
            [
                "run.dt_ms=0.7",
                "reservoir.tau_s_ms=7.3",
                "readout.tau_x_ms=33.3",
                "readout.constant_input=0.013",
                "reservoir.noise=0.17",
            ],
            id="odd numbers",
        ),
        pytest.param(["readout.constant_input=0.0", "reservoir.connection_probability=0.0"], id="zeros"),
    ],
)


def checkpoint_of(config, precision: str = "float", trials: int = 3) -> Checkpoint:
    experiment = Experiment(config)
    session = experiment.start(precision=precision)
    session.advance(trials)
    return Checkpoint(config, precision, "cpu", None, experiment.network, session.state, 1.25)


@pytest.fixture
def exported(tiny, tmp_path: Path) -> Path:
    path = tmp_path / "network.nir"
    export.write_nir(path, export.to_nir(checkpoint_of(tiny())))
    return path


def learned_state(checkpoint: Checkpoint) -> State:
    """At rest, with what the run has learned."""
    own = checkpoint.state.network
    start = FloatArithmetic(checkpoint.config, checkpoint.network).start
    return start._replace(
        when=start.when._replace(m=own.when.m, w=own.when.w), what=start.what._replace(w=own.what.w)
    )


@SHAPES
def test_a_network_read_back_plays_the_same_probe_to_the_bit(settings, tiny, tmp_path: Path) -> None:
    config = tiny(*settings)
    checkpoint = checkpoint_of(config)
    export.write_nir(tmp_path / "network.nir", export.to_nir(checkpoint))
    read = export.read_nir(tmp_path / "network.nir")
    for (_, a), (name, b) in zip(leaves(read.network), leaves(checkpoint.network), strict=True):
        assert a.dtype == b.dtype, name
        assert np.array_equal(a, b), name
    experiment = Experiment(config)
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    engine.restore(learned_state(checkpoint))
    probe = experiment.task.probe(0, 3, config.task.cues - 1, 0)
    wanted = list(engine.play(probe))
    # The settings of a network need not be known: all but the task comes from the graph.
    other = tiny(*(text for text in settings if text.startswith(("task", "readout.constant"))))
    assert read.settings(other).reservoir.tau_s_ms == config.reservoir.tau_s_ms
    found = list(read.engine(other).play(probe))
    assert sum(played.spike_step.size for played in wanted) > 100
    for one, two in zip(found, wanted, strict=True):
        for name in ("spike_step", "spike_cell", "z", "what_drive", "norm"):
            # |xc|^2 is not a readout, and without centring x - 0 is the same as x.
            assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert np.array_equal(found[-1].p, wanted[-1].p)


def run_graph(graph, level: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run a graph by what docs/export.md says of each node; return spikes, when and what, a row a step."""
    cells = graph.nodes["cells"]
    dt_s = cells.dt / 1000.0
    v, u = np.full(cells.a.shape, -65.0), cells.b * -65.0
    leaky = {name: node.v_leak.copy() for name, node in graph.nodes.items() if isinstance(node, nir.LI)}
    values = {"cells": np.zeros(cells.a.shape), "when": np.zeros(graph.nodes["when"].bias.shape)}
    rows = []

    def arriving(name: str) -> np.ndarray:
        return sum(values[start] for start, end in graph.edges if end == name)

    for row in level:
        values["input"] = row
        order = ["input_weights", "recurrent_weights", "synapses", "graded", "feedback_weights", "cells"]
        order += ["traces", "centred_traces", "when", "what"]
        for name in (name for name in order if name in graph.nodes):
            node, given = graph.nodes[name], arriving(name)
            if isinstance(node, nir.Affine):
                values[name] = node.weight @ given + node.bias
            elif isinstance(node, nir.Linear):
                values[name] = node.weight @ given
            elif isinstance(node, Graded):
                clipped = np.minimum(np.maximum(given, node.low), node.high)
                values[name] = np.floor(clipped / node.grain + 0.5) * node.grain
            elif isinstance(node, nir.LI):
                decayed = node.v_leak + (leaky[name] - node.v_leak) * np.exp(-dt_s / node.tau)
                values[name] = leaky[name] = decayed + node.r * dt_s / node.tau * given
            elif isinstance(node, Izhikevich):
                for _ in range(2):
                    v = v + node.dt / 2 * (0.04 * v**2 + 5 * v + 140 - u + given + node.bias)
                v = np.minimum(v, node.v_peak)
                u = u + node.dt * node.a * (node.b * v - u)
                spiking = v >= node.v_peak
                v, u = np.where(spiking, node.c, v), np.where(spiking, u + node.d, u)
                values[name] = spiking.astype(float)
        rows.append((values["cells"], values["when"], values["what"]))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@pytest.mark.parametrize("settings", [[], ["reservoir.feedback_gain=0.3"], ["readout.centred=false"]])
def test_the_graph_by_its_documented_equations_is_the_network(settings, tiny, tmp_path: Path) -> None:
    config = tiny("reservoir.noise=0.0", "task.reset=true", "task.pause_ms=[0.0, 0.0]", *settings)
    checkpoint = checkpoint_of(config)
    export.write_nir(tmp_path / "network.nir", export.to_nir(checkpoint))
    trained, meet = TrainedNetwork.of(checkpoint), Meet(config)
    (segment,) = meet.probe(0, 3, 0, 0)
    (played,) = trained.engine(config).play([segment])
    steps = 500  # where rounding in another order has not yet grown to a spike
    level = meet.streams(segment).level[:steps]
    spikes, when, what = run_graph(export.read_graph(tmp_path / "network.nir"), level)
    found = np.argwhere(spikes)
    early = played.spike_step < steps
    assert early.sum() > 100
    assert np.array_equal(found[:, 0], played.spike_step[early])
    assert np.array_equal(found[:, 1], played.spike_cell[early])
    np.testing.assert_allclose(when, played.z[:steps], rtol=0, atol=1e-9)
    np.testing.assert_allclose(what, played.what_drive[:steps], rtol=0, atol=1e-9)
    assert np.abs(when).max() > 0.01


def test_weights_stand_to_the_row_from_the_column(tiny) -> None:
    checkpoint = checkpoint_of(tiny("task.cues=2", "reservoir.feedback_gain=0.2"), trials=1)
    network, synapses = checkpoint.network, checkpoint.network.synapses
    nodes = export.to_nir(checkpoint).nodes
    recurrent = np.zeros((80, 80))
    for source in range(80):
        for number in range(synapses.first[source], synapses.first[source + 1]):
            recurrent[synapses.target[number], source] += synapses.weight[number]
    assert np.array_equal(nodes["recurrent_weights"].weight, recurrent)
    assert nodes["input_weights"].weight.shape == (80, 2)
    assert nodes["input_weights"].weight[7, 1] == network.input_weight[1, 7]
    assert nodes["feedback_weights"].weight[7, 1] == network.feedback_weight[1, 7]
    assert nodes["synapses"].tau[0] == pytest.approx(checkpoint.config.reservoir.tau_s_ms / 1000)
    assert np.array_equal(nodes["centred_traces"].v_leak, -checkpoint.state.network.when.m)


def test_the_cells_can_be_read_with_h5py_alone_and_nir_itself_refuses_them(exported, tiny) -> None:
    network = Experiment(tiny()).network
    with h5py.File(exported, "r") as file:
        cells = file["node/nodes/cells"]
        assert cells["type"].asstr()[()] == "lava_predict.Izhikevich"
        assert sorted(cells) == sorted(["type", "a", "b", "c", "d", "bias", "v_peak", "noise", "dt"])
        assert np.array_equal(cells["a"], network.cells.a)
        assert cells["v_peak"][()] == 30.0
        assert 'preset = "smoke"' in file["node/metadata/settings"].asstr()[()]
    with pytest.raises((AssertionError, KeyError)):
        nir.read(exported)


def test_what_another_tool_changes_in_the_weights_arrives(exported) -> None:
    before = export.read_nir(exported)
    with h5py.File(exported, "r+") as file:
        weight = file["node/nodes/recurrent_weights/weight"]
        first = np.argwhere(weight[()])[0]
        weight[tuple(first)] = 0.1
        file["node/nodes/what/weight"][1, 2] = 0.25
        del file["node/metadata"]
    after = export.read_nir(exported)
    assert after.w_what[1, 2] == 0.25
    assert np.sum(after.network.synapses.weight != before.network.synapses.weight) == 1
    # The nearest multiple of 2^-24, which keeps sums exact.
    assert round(0.1 * 2**24) / 2**24 in after.network.synapses.weight


def rewritten(change: Callable[[h5py.Group], None]) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file["node"])

    return alter


def put(name: str, value) -> Callable[[Path], None]:
    def change(node: h5py.Group) -> None:
        if name in node:
            del node[name]
        node[name] = value

    return rewritten(change)


def foreign(path: Path) -> None:
    ones = np.ones(3)
    graph = nir.NIRGraph.from_list(nir.LIF(tau=ones, r=ones, v_leak=ones, v_threshold=ones))
    nir.write(path, graph)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda path: path.write_text("tau = 1\n"), "cannot be read as a NIR graph"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "cannot be read as a NIR graph"),
        (lambda path: path.unlink(), "there is no such file"),
        (foreign, "node 'lif': a network of lava-predict has no such node; .*allowed: input"),
        (put("nodes/cells/type", "somebody.Izhikevich"), "cannot be read as a NIR graph"),
        (put("nodes/cells/bias", np.zeros(79)), "must have one shape"),
        (put("nodes/cells/bias", np.full(80, np.nan)), "bias: holds a value that is not finite"),
        (put("nodes/cells/v_peak", 35.0), "node 'cells': v_peak must be 30"),
        (put("nodes/cells/dt", 0.0), "dt must be above 0"),
        (put("nodes/cells/dt", np.ones(80)), "cannot be read as a NIR graph"),
        (put("nodes/cells/bias", [b"x"] * 80), "cannot be read as a NIR graph"),
        (put("nodes/synapses/r", np.ones(80)), "node 'synapses': r must be"),
        (put("nodes/traces/tau", np.arange(1.0, 81.0)), "node 'traces': tau must be above 0 and the same"),
        (put("nodes/centred_traces/tau", np.ones(80)), "node 'centred_traces': tau must be"),
        (put("nodes/what/weight", np.ones((2, 79))), "cannot be read as a NIR graph"),
        (put("metadata/schema", 2), "has schema 2, this version reads 1"),
        (rewritten(lambda node: node.__delitem__("nodes/what")), "cannot be read as a NIR graph"),
        (rewritten(lambda node: node.__delitem__("edges")), "cannot be read as a NIR graph"),
    ],
)
def test_a_file_that_holds_no_such_network_is_refused(alter, message, exported: Path) -> None:
    alter(exported)
    with pytest.raises(UserError, match=message) as caught:
        export.read_nir(exported)
    assert str(caught.value).count(str(exported)) == 1


def test_a_graph_with_other_nodes_or_edges_is_refused(tiny) -> None:
    graph = export.to_nir(checkpoint_of(tiny(), trials=1))
    fewer = [edge for edge in graph.edges if edge != ("cells", "recurrent_weights")]
    with pytest.raises(UserError, match=r"edges: .*cells -> recurrent_weights"):
        export.from_nir(nir.NIRGraph(dict(graph.nodes), fewer, type_check=False))
    nodes = {**graph.nodes, "what": nir.Affine(graph.nodes["what"].weight, np.zeros(2))}
    with pytest.raises(UserError, match=r"node 'what': is missing \(needed: a Linear\)"):
        export.from_nir(nir.NIRGraph(nodes, list(graph.edges)))


def test_a_run_is_exported_and_nothing_is_overwritten_unasked(tiny, tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "new" / "network.nir"
    run.mkdir()
    (run / "checkpoint.h5").write_bytes(checkpoint_of(tiny()).to_bytes())
    given = export.export_nir(run, out)
    first = out.read_bytes()
    assert np.array_equal(export.read_nir(out).w_when, given.w_when)
    with pytest.raises(UserError, match="exists already; choose another file or add --overwrite"):
        export.export_nir(run / "checkpoint.h5", out)
    export.export_nir(run / "checkpoint.h5", out, overwrite=True)
    assert len(out.read_bytes()) == len(first)
    with pytest.raises(UserError, match="cannot be written"):
        export.export_nir(run, run / "checkpoint.h5" / "network.nir")
    with pytest.raises(UserError, match="exists already"):
        export.export_nir(run, tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["checkpoint.h5", "network.nir", "new", "run"]


def test_what_cannot_be_exported_is_said(tiny, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UserError, match="precision = 'fixed': only float networks"):
        export.to_nir(checkpoint_of(tiny(), "fixed", 1))
    checkpoint = checkpoint_of(tiny(), trials=1)
    with monkeypatch.context() as smaller:
        smaller.setattr(export, "MOST_CELLS", 79)
        with pytest.raises(UserError, match=r"reservoir\.neurons = 80: at most 79"):
            export.to_nir(checkpoint)
    with pytest.raises(UserError, match="has 2 input channels and 2 events, the network 1 and 2"):
        TrainedNetwork.of(checkpoint).engine(tiny("task.cues=2"))
    monkeypatch.setitem(sys.modules, "nir", None)
    for call in (lambda: export.to_nir(checkpoint), lambda: export.read_nir(tmp_path / "network.nir")):
        with pytest.raises(UserError, match=r"needs the package nir; get it with .*lava-predict\[nir\]"):
            call()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("reservoir.neuron=adaptive_lif", "reservoir.neuron = 'adaptive_lif'"),
        ("reservoir.delay_ms=[1, 20]", r"reservoir.delay_ms = \[1.0, 20.0\]"),
    ],
)
def test_a_network_of_other_parts_is_refused(setting: str, message: str, tiny, tmp_path: Path) -> None:
    checkpoint, run = checkpoint_of(tiny(setting), trials=1), tmp_path / "run"
    with pytest.raises(UserError, match=f"^{message}: only networks of 'izhikevich' cells.*use the run's ch"):
        export.to_nir(checkpoint)
    run.mkdir()
    (run / "checkpoint.h5").write_bytes(checkpoint.to_bytes())
    with pytest.raises(UserError, match=message):
        export.export_nir(run, tmp_path / "network.nir")
    assert not (tmp_path / "network.nir").exists()


def test_the_page_names_every_dataset_and_node(tiny) -> None:
    """docs/export.md is what another tool is written from."""
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    config = tiny("reservoir.feedback_gain=0.3")
    names = set(export.to_nir(checkpoint_of(config, trials=1)).nodes)
    plan = Experiment(config).arithmetic("fixed").plan
    with h5py.File(io.BytesIO(checkpoint_of(config, "fixed", 1).to_bytes(plan)), "r") as file:
        names |= set(file.attrs) | set(file) | set(file["run"]) | set(file["run"].attrs)
        names |= set(file["plan/00"].attrs) | set(file["run/trials"]) | set(file["run/probes"])
        for group in ("network", "state"):
            file[group].visititems(
                lambda name, item: names.add(name) if isinstance(item, h5py.Dataset) else None
            )
    assert {name for name in names if f"`{name}`" not in page} == set()
