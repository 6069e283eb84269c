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

from lava_predict import Experiment, StreamLearner, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.state import State, leaves
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.records.trained_network import TrainedNetwork
from lava_predict.streams import StreamNetwork
from lava_predict.targets.nir import export
from lava_predict.targets.nir.nodes import (
    BoundedTraces,
    Centred,
    Choice,
    Cue,
    Graded,
    Izhikevich,
    Spiked,
    WithLength,
)
from lava_predict.tasks.meet import Meet

GRID = 1e-7
"""A graph has time constants; what decays in a step is rounded to 24 bits in the network."""
GATED = "readout.rule=gated_delta"
ODD = ["run.dt_ms=0.7", "reservoir.tau_s_ms=7.3", "reservoir.noise=0.17"]

SHAPES = pytest.mark.parametrize(
    "settings",
    [
        pytest.param([], id="plain"),
        pytest.param(["reservoir.feedback_gain=0.3"], id="feedback"),
        pytest.param(["task.cues=3", "task.events_drive_reservoir=true"], id="channels"),
        pytest.param(
            ["task.cues=2", "readout.cue_weights=shared", "readout.protect=hebbian"],
            id="shared",
            marks=pytest.mark.long,
        ),
        pytest.param([*ODD, "run.seed=7", "readout.tau_x_ms=[7.7, 133.3]"], id="odd numbers"),
        pytest.param(["reservoir.connection_probability=0.0"], id="zeros"),
        pytest.param([GATED], id="gated"),
        pytest.param([GATED, "reservoir.feedback_gain=0.3"], id="gated, feedback"),
        pytest.param([GATED, "readout.centred=false"], id="gated, uncentred"),
        pytest.param([GATED, "task.cues=2", "task.events_drive_reservoir=true"], id="gated, channels"),
        pytest.param(
            [GATED, *ODD, "readout.tau_x_ms=33.3", "readout.constant_input=0.013"], id="gated, odd numbers"
        ),
        pytest.param(
            [GATED, "readout.constant_input=0.0", "reservoir.connection_probability=0.0"], id="gated, zeros"
        ),
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
    names = [name for name in ("m", "w", "rate", "units") if hasattr(own.when, name)]
    when = start.when._replace(**{name: getattr(own.when, name) for name in names})
    if "units" in names:
        when = when._replace(cue=np.array([0, own.when.cue[1]]))
    return start._replace(when=when, what=start.what._replace(w=own.what.w))


@pytest.mark.slow
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
    probe = [segment for cue in range(config.task.cues) for segment in experiment.task.probe(0, 3, cue, 0)]
    wanted = list(engine.play(probe))
    # The settings of a network need not be known: all but the task comes from the graph.
    told = ("task", "run.seed", GATED, "readout.constant")
    other = tiny("run.draws.cells=3", *(text for text in settings if text.startswith(told)))
    assert read.settings(other).reservoir.tau_s_ms == config.reservoir.tau_s_ms
    found = list(read.engine(other).play(probe))
    assert sum(played.spike_step.size for played in wanted) > 100
    for one, two in zip(found, wanted, strict=True):
        for name in ("spike_step", "spike_cell", "z", "what_drive", "norm"):
            # |xc|^2 is not a readout, and without centring x - 0 is the same as x.
            assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert np.array_equal(found[-1].p, wanted[-1].p)


def chosen(node: Cue, told: dict[str, np.ndarray], given: np.ndarray) -> np.ndarray:
    """Return 0 for the rows of the cue that is on, -inf for others; ``told`` is what the node keeps."""
    on, spikes = given[0] >= 2, given % 2
    told["since"] = np.array(0 if on and not told["on"] else told["since"] + 1)
    told["on"] = on
    if told["since"] == 0:
        told["counts"], told["cue"] = np.zeros(given.shape), -1
    if told["since"] < node.onset:
        told["counts"] = told["counts"] + spikes
    elif told["since"] == node.onset:
        lengths = np.linalg.norm(node.units, axis=1) * np.linalg.norm(told["counts"])
        cosine = node.units @ told["counts"] / np.where(lengths > 0, lengths, np.inf)
        told["cue"] = np.argmax(cosine) if cosine.max() ** 2 > node.likeness else -1
    rows = np.full((node.rows, node.events), -np.inf)
    if told["cue"] >= 0:
        rows[told["cue"] if node.rows > 1 else 0] = 0.0
    return rows.ravel()


def bits(node: Spiked, told: dict[str, np.ndarray], given: np.ndarray) -> np.ndarray:
    """Return which cells spiked in the window after the last event; ``told`` is what the node keeps."""
    told["since"] = np.array(1 if given[0] >= 2 else told["since"] + 1)
    if told["since"] == 1:
        told["bits"] = np.zeros(given.shape)
    if told["since"] <= node.window:
        told["bits"] = np.maximum(told["bits"], given % 2)
    return told["bits"]


def run_graph(graph, level: np.ndarray, event: int | None = None) -> dict[str, np.ndarray]:
    """Run a graph by what docs/export.md says of each node; return each node's output, a row a step."""
    nodes = graph.nodes
    cells = nodes["cells"]
    dt_s = cells.dt / 1000.0
    v, u = np.full(cells.a.shape, -65.0), cells.b * -65.0
    leaky = {name: node.v_leak.copy() for name, node in nodes.items() if isinstance(node, nir.LI)}
    told = {"on": False, "since": np.array(10**6), "cue": -1, "bits": np.zeros(cells.a.shape)}
    r = x = np.zeros(cells.a.shape)
    values = {name: np.zeros(node.output_type["output"]) for name, node in nodes.items()}
    rows = []

    def arriving(name: str) -> np.ndarray:
        return sum(values[start] for start, end in graph.edges if end == name)

    order = ["input_weights", "recurrent_weights", "synapses", "graded", "feedback_weights", "cells"]
    order += [
        "traces",
        "centred_traces",
        "centred_spikes",
        "event_on",
        "spiked",
        "centred_bits",
        "with_length",
    ]
    order += ["when", "what", "cue_on", "cue", "when_of_cue", "what_of_cue", "when_output", "what_output"]
    for step, row in enumerate(level):
        values["input"], values["event"] = row, np.array([float(step == event)])
        for name in (name for name in order if name in nodes):
            node, given = nodes[name], arriving(name)
            if isinstance(node, nir.Output):
                values[name] = given
            elif isinstance(node, nir.Affine):
                values[name] = node.weight @ given + node.bias
            elif isinstance(node, nir.Linear):
                values[name] = node.weight @ given
            elif isinstance(node, Graded):
                clipped = np.minimum(np.maximum(given, node.low), node.high)
                values[name] = np.floor(clipped / node.grain + 0.5) * node.grain
            elif isinstance(node, BoundedTraces):
                decay = np.exp(-node.dt / node.tau)
                r = np.where(given > 0, 1.0, r * decay)
                values[name] = x = x + (1 - decay) * (r - x)
            elif isinstance(node, Centred):
                values[name] = (given - node.mean).ravel()
            elif isinstance(node, Spiked):
                values[name] = bits(node, told, given)
            elif isinstance(node, WithLength):
                values[name] = np.append(given, node.share * np.sqrt((given**2).sum()))
            elif isinstance(node, Cue):
                values[name] = chosen(node, told, given)
            elif isinstance(node, Choice):
                greatest = given.reshape(node.rows, node.events).max(axis=0)
                values[name] = np.where(greatest == -np.inf, 0.0, greatest)
            elif isinstance(node, nir.LI):
                decayed = node.v_leak + (leaky[name] - node.v_leak) * np.exp(-dt_s / node.tau)
                values[name] = leaky[name] = decayed + node.r * dt_s / node.tau * given
            elif isinstance(node, Izhikevich):
                for _ in range(2):
                    v = v + node.dt / 2 * (0.04 * v**2 + 5 * v + 140 - u + given + node.bias)
                    v = np.maximum(v, -128.0)
                v = np.minimum(v, node.v_peak)
                u = u + node.dt * node.a * (node.b * v - u)
                spiking = v >= node.v_peak
                v, u = np.where(spiking, node.c, v), np.where(spiking, u + node.d, u)
                values[name] = spiking.astype(float)
        rows.append(dict(values))
    return {name: np.array([row[name] for row in rows]) for name in nodes}


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["task.cues=2", "reservoir.feedback_gain=0.3"],
        ["task.cues=2", "readout.cue_weights=shared"],
        [GATED],
        [GATED, "reservoir.feedback_gain=0.3"],
        [GATED, "readout.centred=false"],
    ],
)
def test_the_graph_by_its_documented_equations_is_the_network(settings, tiny, tmp_path: Path) -> None:
    config = tiny("reservoir.noise=0.0", "task.reset=true", "task.pause_ms=[0.0, 0.0]", *settings)
    checkpoint = checkpoint_of(config)
    export.write_nir(tmp_path / "network.nir", export.to_nir(checkpoint))
    trained, meet = TrainedNetwork.of(checkpoint), Meet(config)
    (segment,) = meet.probe(0, 3, config.task.cues - 1, 0)
    (played,) = trained.engine(config).play([segment])
    steps = 500  # where rounding in another order has not yet grown to a spike
    level = meet.streams(segment).level[:steps]
    values = run_graph(export.read_graph(tmp_path / "network.nir"), level)
    found, when, what = np.argwhere(values["cells"]), values["when_output"], values["what_output"]
    early = played.spike_step < steps
    assert early.sum() > 100
    assert np.array_equal(found[:, 0], played.spike_step[early])
    assert np.array_equal(found[:, 1], played.spike_cell[early])
    np.testing.assert_allclose(when, played.z[:steps], rtol=0, atol=GRID)
    offset = (played.what_drive[:steps] - what)[meet.cue_step + 20 :]  # what slow means take away
    np.testing.assert_allclose(offset, np.tile(offset[-1], (len(offset), 1)), rtol=0, atol=GRID)
    assert offset[-1].any() or trained.RULE == "gated_delta"
    rows = values["what"].reshape(steps, -1, config.task.events)
    row = int(values["cue"][-1].argmax()) // config.task.events if "cue" in values else 0
    low, high = meet.what_window
    np.testing.assert_allclose(rows[low:high, row % rows.shape[1]].mean(axis=0), played.p, rtol=0, atol=GRID)
    assert np.abs(when).max() > 0.01


STREAM = ["reservoir.neurons=80", "stream.settle_ms=200", "stream.horizon_ms=300", "stream.labels_max=5"]


def learned_stream(*settings: str, precision: str = "float") -> StreamLearner:
    learner = StreamLearner(config=load_preset("stream", [*STREAM, *settings]), precision=precision)
    for number in range(30):
        learner.learn_one(200 * number, "ABC"[number * number % 3])
    return learner


@pytest.mark.slow
def test_a_streams_network_comes_back_to_the_bit(tmp_path: Path) -> None:
    learner = learned_stream()
    learner.save(tmp_path / "checkpoint.h5")
    export.export_nir(tmp_path, tmp_path / "stream.nir")
    read, learned = export.read_nir(tmp_path / "stream.nir"), learner.network.learned
    network = StreamNetwork(learner.config)._network
    for (_, a), (name, b) in zip(leaves(read.network), leaves(network), strict=True):
        assert "feedback" in name or np.array_equal(a, b), name
    # Labels A, C come, B does not; the third row of a label is for one that is new.
    assert learned.labels.tolist() == [3]
    rows = [learned.room * last + label for last in range(3) for label in range(3)]
    assert np.array_equal(read.w_what, learned.label_w[rows])
    assert np.array_equal(read.w_when, learned.time_w[rows, :-1])
    assert np.array_equal(read.bit_mean, learned.bit_mean)
    assert np.array_equal(read.mean, learned.trace_mean)
    assert np.abs(read.w_what[:4]).max() > 0
    assert read.window == 100


@pytest.mark.slow
def test_the_graph_of_a_stream_by_its_documented_equations_is_the_network() -> None:
    learner = learned_stream("reservoir.noise=0.0")
    graph, c = export.to_nir(learner), 1
    fresh = StreamNetwork(learner.config)
    fresh.learned = learner.network.learned
    fresh.begin(c)
    wanted = fresh.ahead()
    level = np.zeros((500, 5))
    level[200 : 200 + learner.config.steps(learner.config.task.cue_ms), c] = 1.0
    values = run_graph(graph, level, event=200)
    drive = values["what_output"].reshape(500, 3, 3)[200 + 100 - 1, c]
    p = np.exp(drive) / np.exp(drive).sum()
    np.testing.assert_allclose(p, wanted.p, rtol=0, atol=GRID)
    z = np.clip(values["when_output"].reshape(500, 3, 3)[209::10, c], 0.0, 1.0)
    np.testing.assert_allclose(p * z, wanted.o, rtol=0, atol=GRID)
    assert np.ptp(wanted.p) > 0.1
    assert wanted.o.max() > 0.1


@pytest.mark.slow
def test_weights_stand_to_the_row_from_the_column(tiny) -> None:
    checkpoint = checkpoint_of(tiny("task.cues=2", "reservoir.feedback_gain=0.2"), trials=1)
    network, synapses = checkpoint.network, checkpoint.network.wide().synapses
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


@pytest.mark.slow
def test_slow_means_and_weights_stand_where_the_page_says(tiny) -> None:
    gated = checkpoint_of(tiny(GATED), trials=1)
    own = gated.state.network.when
    nodes = export.to_nir(gated).nodes
    assert np.array_equal(nodes["centred_traces"].v_leak, -own.m)
    assert np.array_equal(nodes["when"].weight, own.w[:, :80])
    np.testing.assert_allclose(nodes["when"].bias, own.w[:, 80] * 0.018, rtol=1e-15)
    annealed = checkpoint_of(tiny("task.cues=2"))
    own = annealed.state.network.when
    nodes = export.to_nir(annealed).nodes
    assert np.array_equal(nodes["centred_traces"].mean, own.m)
    assert np.array_equal(nodes["when"].weight[:2, :80], own.w[:2])
    assert np.array_equal(nodes["when"].weight[2:, 80:], own.w[2:])
    assert not nodes["when"].weight[:2, 80:].any()
    assert not nodes["when"].weight[2:, :80].any()
    assert own.w[:2].any()
    assert own.w[2:].any()
    assert TrainedNetwork.of(annealed).events == 2


@pytest.mark.slow
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


@pytest.mark.slow
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
    weight, former = (network.network.wide().synapses.weight for network in (after, before))
    assert np.sum(weight != former) == 1
    # The nearest multiple of 2^-24, which keeps sums exact.
    assert round(0.1 * 2**24) / 2**24 in weight


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


@pytest.mark.slow
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
        (put("nodes/synapses/tau", np.arange(1.0, 81.0)), "node 'synapses': tau must be above 0 and the sam"),
        (put("nodes/traces/tau", np.arange(80.0)), "node 'traces': tau must be above 0"),
        (put("nodes/traces/dt", 0.5), "node 'traces': dt must be 1"),
        (
            put("nodes/centred_traces/mean", np.full((1, 80), np.inf)),
            "mean: holds a value that is not finite",
        ),
        (put("nodes/cue/likeness", 0.9), "node 'cue': likeness must be 0.492188"),
        (put("nodes/cue/rows", 2), "cannot be read as a NIR graph"),
        (put("nodes/cue_on/weight", np.ones((80, 1))), "node 'cue_on': weight must be 2"),
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


@pytest.mark.slow
def test_a_cues_weights_read_no_other_cues_traces(tiny) -> None:
    graph = export.to_nir(checkpoint_of(tiny("task.cues=2"), trials=1))
    graph.nodes["when"].weight[0, 80] = 0.5
    with pytest.raises(UserError, match="node 'when': a weight from the traces of another cue must be 0"):
        export.from_nir(graph)


@pytest.mark.slow
def test_a_graph_with_other_nodes_or_edges_is_refused(tiny) -> None:
    graph = export.to_nir(checkpoint_of(tiny(), trials=1))
    fewer = [edge for edge in graph.edges if edge != ("cells", "recurrent_weights")]
    with pytest.raises(UserError, match=r"edges: .*cells -> recurrent_weights"):
        export.from_nir(nir.NIRGraph(dict(graph.nodes), fewer, type_check=False))
    nodes = {**graph.nodes, "what": nir.Affine(graph.nodes["what"].weight, np.zeros(2))}
    with pytest.raises(UserError, match=r"node 'what': is missing \(needed: a Linear\)"):
        export.from_nir(nir.NIRGraph(nodes, list(graph.edges)))


@pytest.mark.parametrize("content", [None, b"no", "other"])
def test_a_folder_of_neither_a_run_nor_a_stream_is_refused(content, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.h5"
    if content == "other":
        with h5py.File(path, "w") as file:
            file.attrs["format"] = "lava-predict results"
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"give the checkpoint\.h5 that a run wrote or ") as caught:
        export.export_nir(tmp_path, tmp_path / "network.nir")
    assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "network.nir").exists()


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_cannot_be_exported_is_said(tiny, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UserError, match="precision = 'fixed': only float networks"):
        export.to_nir(checkpoint_of(tiny(), "fixed", 1))
    with pytest.raises(UserError, match="precision = 'fixed': only float networks"):
        export.to_nir(learned_stream(precision="fixed"))
    checkpoint = checkpoint_of(tiny(), trials=1)
    with monkeypatch.context() as smaller:
        smaller.setattr(export, "MOST_CELLS", 79)
        with pytest.raises(UserError, match=r"reservoir\.neurons = 80: at most 79"):
            export.to_nir(checkpoint)
    with pytest.raises(UserError, match="has 2 input channels and 2 events, the network 1 and 2"):
        TrainedNetwork.of(checkpoint).engine(tiny("task.cues=2"))
    monkeypatch.setitem(sys.modules, "nir", None)
    for call in (lambda: export.to_nir(checkpoint), lambda: export.read_nir(tmp_path / "network.nir")):
        with pytest.raises(UserError, match=r"needs the package nir, .*`pip install '\.\[nir\]'`"):
            call()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("reservoir.neuron=adaptive_lif", "reservoir.neuron = 'adaptive_lif'"),
        ("reservoir.delay_ms=[1, 20]", r"reservoir.delay_ms = \[1.0, 20.0\]"),
    ],
)
def test_a_network_of_other_parts_is_refused(setting: str, message: str, tiny, tmp_path: Path) -> None:
    checkpoint, run = checkpoint_of(tiny(setting), trials=0), tmp_path / "run"
    with pytest.raises(UserError, match=f"^{message}: only networks of 'izhikevich' cells.*use the run's ch"):
        export.to_nir(checkpoint)
    run.mkdir()
    (run / "checkpoint.h5").write_bytes(checkpoint.to_bytes())
    with pytest.raises(UserError, match=message):
        export.export_nir(run, tmp_path / "network.nir")
    assert not (tmp_path / "network.nir").exists()


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["annealed_delta", "gated_delta"])
def test_the_page_names_every_dataset_and_node(rule: str, tiny) -> None:
    """docs/export.md is what another tool is written from."""
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    config = tiny("reservoir.feedback_gain=0.3", f"readout.rule={rule}")
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
