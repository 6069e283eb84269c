"""Cells are replaced by the nearest CubaLIF cells, which are near, and the file says how near."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from plain_cuba import play_graph
from typer.testing import CliRunner

nir = pytest.importorskip("nir")

from lava_predict import Experiment, StreamLearner, UserError, load_preset
from lava_predict.analysis.spike_statistics import Raster
from lava_predict.cli import app
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.targets.nir import cuba_fit, export
from lava_predict.targets.nir.approximation import Approximation, approximate
from lava_predict.targets.nir.cuba_cells import CubaCells, play_cuba, respond_to
from lava_predict.targets.nir.responses import presentations, respond

PLAIN_LIF = ["reservoir.neuron=adaptive_lif", "reservoir.noise=0.0"]
PLAIN_LIF += [f"reservoir.{sign}.threshold_step=0.0" for sign in ("excitatory", "inhibitory")]
PLAIN_LIF += [f"reservoir.{sign}.tau_v_ms=25.0" for sign in ("excitatory", "inhibitory")]


def checkpoint_of(config, precision: str = "float") -> Checkpoint:
    experiment = Experiment(config)
    session = experiment.start(precision=precision)
    return Checkpoint(config, precision, "cpu", None, experiment.network, session.state, 0.0)


@pytest.fixture(scope="module")
def smoke() -> Checkpoint:
    return checkpoint_of(load_preset("smoke", ["run.seed=3", "task.cues=2"]))


@pytest.fixture(scope="module")
def found(smoke) -> Approximation:
    return approximate(smoke.config, smoke.network, 2)


@pytest.fixture(scope="module")
def graph(smoke, tmp_path_factory):
    path = tmp_path_factory.mktemp("cuba") / "network.nir"
    export.write_nir(path, export.to_cuba(smoke)[0])
    return nir.read(path)


def spikes_of(raster: Raster) -> np.ndarray:
    spikes = np.zeros((raster.steps, raster.cells))
    spikes[raster.step, raster.cell] = 1.0
    return spikes


@pytest.mark.slow
def test_the_file_by_nirs_equations_is_the_network_whose_rates_it_states(graph, found, smoke) -> None:
    level = found.responses.level
    played = play_graph(graph, level, graph.metadata["dt_s"])
    ours = spikes_of(play_cuba(found.fit.cells, smoke.network, level, 1.0, found.tau_s_ms))
    # Rounding differs, so that a spike close to the threshold can differ after a while.
    assert ours[:1000].sum() > 500
    assert np.array_equal(played[:1000], ours[:1000])
    settled = found.responses.settled
    rates = played[settled:].mean(axis=0) * 1000.0
    stated = graph.metadata["cells_rate_in_network_hz"]
    assert np.median(np.abs(rates - stated)) < 0.2
    assert rates.mean() == pytest.approx(graph.metadata["rate_hz"], rel=0.02)


@pytest.mark.slow
def test_the_file_says_what_was_recorded_and_how_near_each_cell_is(graph, found) -> None:
    told, responses = graph.metadata, found.responses
    late = spikes_of(responses.raster)[responses.settled :]
    np.testing.assert_allclose(told["cells_original_rate_hz"], late.sum(axis=0) / len(late) * 1000.0)
    away = np.abs(told["cells_rate_hz"] - told["cells_original_rate_hz"])
    assert told["cell_rate_error_hz"] == pytest.approx(np.median(away))
    assert told["cell_rate_error_most_hz"] == pytest.approx(away.max())
    assert told["cell_distance"] == pytest.approx(np.nanmedian(told["cells_distance"]))
    assert "approximation" in str(told["format"])
    assert "izhikevich" in str(told["approximation"])
    assert sorted(graph.nodes) == ["cells", "input", "input_weights", "output", "recurrent_weights"]


@pytest.mark.slow
def test_the_cells_are_nearer_than_the_same_cells_in_other_places(found, smoke) -> None:
    level, original = found.responses.level, found.original_hz
    dealt = np.random.default_rng(0).permutation(original.size)
    others = CubaCells(*(values[dealt] for values in found.fit.cells))
    null = found.responses.rates_hz(play_cuba(others, smoke.network, level, 1.0, found.tau_s_ms))
    assert np.abs(found.fit.rate_hz - original).max() < 1.0
    assert np.median(np.abs(found.network_hz - original)) < 0.1 * np.median(np.abs(null - original))
    assert found.network_hz.mean() == pytest.approx(original.mean(), rel=0.1)
    assert np.corrcoef(found.network_hz, original)[0, 1] > 0.9
    assert np.corrcoef(null, original)[0, 1] < 0.5


@pytest.mark.slow
def test_cells_of_the_kind_that_is_fitted_are_met_as_well_as_by_their_own_parameters(tiny) -> None:
    config = tiny(*PLAIN_LIF)
    network = Experiment(config).network
    responses = respond(config, network, 1)
    found = cuba_fit.fit(network, responses, config.reservoir.tau_s_ms)
    often = responses.rates_hz(responses.raster) > 2.0
    assert often.sum() > 60
    # Euler's step with this time constant is the exact step of theirs.
    leak = np.exp(-1.0 / network.cells.tau_v_ms)
    gain = network.cells.tau_v_ms * (1.0 - leak) / (network.cells.v_threshold - network.cells.v_reset)
    distances = []
    for number, target in enumerate(cuba_fit._targets(network, responses, config.reservoir.tau_s_ms)):
        part = slice(32 * number, 32 * (number + 1))
        own = cuba_fit._candidate(1.0 / (1.0 - leak[part]), gain[part], target, 1.0)
        distances.append(own[4] / (target.trace.var(axis=0) * len(target.trace)).clip(1e-9))
    own = np.concatenate(distances)
    assert np.median(own[often]) < 0.2
    assert np.median(found.distance[often]) < 1.2 * np.median(own[often])


def test_a_candidates_response_is_that_of_the_equations() -> None:
    rng = np.random.default_rng(1)
    current, target = rng.uniform(0, 10, (400, 3)), rng.uniform(0, 2, (400, 3))
    leak, gain, bias = np.array([0.9, 0.95, 0.99]), np.array([0.05, 0.02, 0.01]), np.array([0.01, 0, -0.01])
    count, distance, scratch = np.empty(3), np.empty(3), np.empty((2, 3))
    respond_to(current, target, leak, gain, bias, 0.98, *scratch, count, distance)
    for j in range(3):
        v = trace = spikes = away = 0.0
        for t in range(400):
            v = leak[j] * v + gain[j] * current[t, j] + bias[j]
            spike = v > 1.0
            v, trace, spikes = (0.0, 0.98 * trace + 1.0, spikes + 1) if spike else (v, 0.98 * trace, spikes)
            away += (trace - target[t, j]) ** 2
        assert spikes == count[j] > 5
        assert away == pytest.approx(distance[j])


@pytest.mark.parametrize("tau_ms", [3.0, 20.0, 1000.0])
def test_the_drive_of_a_rate_is_that_at_which_cells_have_it(tau_ms: float) -> None:
    rate = np.array([0.0, 0.01, 0.1])
    drive = cuba_fit._drive(np.full(3, tau_ms), rate, 0.5)
    count, distance, scratch = np.empty(3), np.empty(3), np.empty((2, 3))
    # A little above it, as the threshold has to be crossed.
    given = (np.full(3, 1.0 - 0.5 / tau_ms), np.zeros(3), drive * 0.5 * (1.0 + 1e-10))
    respond_to(np.zeros((1000, 3)), np.zeros((1000, 3)), *given, 0.9, *scratch, count, distance)
    np.testing.assert_allclose(count / 1000, rate, rtol=0, atol=1e-3)


def test_each_channel_in_use_is_presented_in_turn(tiny) -> None:
    config = tiny("run.dt_ms=0.5")
    level, settled = presentations(config, 3, 2)
    on = np.flatnonzero(np.diff(level, axis=0, prepend=0.0) > 0) // 3
    assert settled == 4000
    assert on.tolist() == [4000, 7000, 10000, 13000]
    assert level[4000:4100].tolist() == [[1.0, 0.0, 0.0]] * 100
    assert level[7000:7100].tolist() == [[0.0, 1.0, 0.0]] * 100
    assert level.sum() == 400.0


@pytest.mark.slow
def test_it_is_the_same_each_time_and_for_another_draw_of_the_noise_another(tiny) -> None:
    config = tiny()
    network = Experiment(config).network
    one, two = (respond(config, network, 1) for _ in range(2))
    other = respond(config, network, 1, draw=1)
    assert np.array_equal(one.raster.step, two.raster.step)
    assert one.raster.step.size != other.raster.step.size
    for a, b in zip(cuba_fit.fit(network, one, 20.0), cuba_fit.fit(network, two, 20.0), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_odd_times_and_cells_that_never_spike(tiny) -> None:
    config = tiny("run.dt_ms=0.7", "reservoir.tau_s_ms=7.3", "reservoir.inhibitory.bias=0.0")
    checkpoint = checkpoint_of(config)
    graph, found = export.to_cuba(checkpoint)
    silent = found.original_hz == 0.0
    assert silent.any()
    assert not found.fit.rate_hz[silent].any()
    assert np.isnan(found.fit.distance[silent]).all()
    assert all(np.isfinite(values).all() for values in found.fit.cells)
    played = play_graph(graph, found.responses.level[:800], 0.7e-3)
    ours = play_cuba(found.fit.cells, checkpoint.network, found.responses.level[:800], 0.7, 7.3)
    assert played.sum() > 100
    assert np.array_equal(played, spikes_of(ours))


@pytest.mark.slow
def test_any_neuron_can_be_approximated(tiny) -> None:
    graph, found = export.to_cuba(checkpoint_of(tiny("reservoir.neuron=adaptive_lif")))
    assert "adaptive_lif" in graph.metadata["approximation"]
    assert found.summary["cell_rate_error_hz"] < 0.5


@pytest.mark.slow
def test_a_stream_presents_the_labels_that_came(tmp_path: Path) -> None:
    few = ["reservoir.neurons=80", "stream.settle_ms=200", "stream.horizon_ms=300", "stream.labels_max=9"]
    learner = StreamLearner(config=load_preset("stream", few))
    for number in range(6):
        learner.learn_one(200 * number, "ABC"[number % 3])
    graph, found = export.to_cuba(learner)
    assert graph.nodes["input"].input_type["input"].tolist() == [9]
    assert found.responses.level.any(axis=0).tolist() == [True] * 3 + [False] * 6
    assert json.loads(graph.metadata["labels"]) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("setting", "precision", "message"),
    [
        ("reservoir.delay_ms=[1, 20]", "float", r"reservoir\.delay_ms = \[1.0, 20.0\]: with --cells cubalif"),
        (
            "reservoir.feedback_gain=0.3",
            "float",
            r"reservoir\.feedback_gain = 0\.3: .* no readout that could",
        ),
        ("run.seed=1", "fixed", "precision = 'fixed': only float networks"),
    ],
)
def test_what_cannot_be_approximated_is_said(setting: str, precision: str, message: str, tiny) -> None:
    with pytest.raises(UserError, match=message):
        export.to_cuba(checkpoint_of(tiny(setting), precision))


@pytest.mark.slow
def test_it_is_not_read_back_as_the_network(graph) -> None:
    with pytest.raises(
        UserError, match=r"node 'cells': is a CubaLIF.*export the run again with --cells izhi"
    ):
        export.from_nir(graph)


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    return result.exit_code, result.output + str(result.exception or "")


@pytest.mark.slow
def test_the_command_says_that_it_is_an_approximation_and_how_near(tiny, tmp_path: Path) -> None:
    run, out = tmp_path / "checkpoint.h5", tmp_path / "network.nir"
    run.write_bytes(checkpoint_of(tiny()).to_bytes())
    code, text = command(run, "--to", "nir", "--cells", "cubalif", "--out", out)
    assert code == 0
    assert "80 CubaLIF cells" in text
    assert "an approximation of the izhikevich cells" in text
    told = nir.read(out).metadata
    assert f"{told['rate_hz']:.1f} Hz a cell beside {told['original_rate_hz']:.1f} Hz" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cells", "cubalife"), "--cells 'cubalife': there are no such cells; did you mean 'cubalif'"),
        (("--cells", "cubalif", "--to", "csv"), "--cells cubalif: is for --to nir only; leave it out"),
    ],
)
def test_wrong_cells_are_refused(arguments, message, tmp_path: Path) -> None:
    code, text = command(tmp_path, *arguments, "--out", tmp_path / "network.nir")
    assert code != 0
    assert message in text
