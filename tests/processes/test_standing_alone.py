"""Readout and Reservoir from plain arguments: the bits of the whole network's kernels, and clear refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import plain_grid
import pytest

pytest.importorskip("lava", reason="lava-nc is not installed")

from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lava_predict import UserError, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.engines.lava.supervised import SupervisedRun
from lava_predict.network.arithmetic import arithmetic_of
from lava_predict.network.draw import draw_network
from lava_predict.numerics.noise import fold, key_of
from lava_predict.processes import Readout, Reservoir
from lava_predict.tasks import Meet

TAGS = {"float": "floating_pt", "fixed": "fixed_pt"}
UNITS = {"float": 1.0, "fixed": 2.0**-16}
NUMBERS = {"float": float, "fixed": np.int32}
PRECISION = pytest.mark.parametrize("precision", list(TAGS))
CELLS, STEPS = 30, 240
CUE = 40


def played(process: Any, port: Any, steps: int, precision: str, look: Callable[[], Any] = bool) -> Any:
    """Run a network under supervision; what a port sends, (steps, ...), and what ``look`` then returns."""
    sink = Sink(shape=port.shape, buffer=steps)
    port.connect(sink.a_in)
    with SupervisedRun(process, Loihi2SimCfg(select_tag=TAGS[precision])) as run:
        run.run(steps)
        return np.moveaxis(sink.data.get(), -1, 0), look()


def source(data: Any, precision: str) -> Any:
    return Source(data=np.ascontiguousarray(np.asarray(data).T).astype(NUMBERS[precision]))


def lesson(steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Gates and targets of two events, (steps, 2)."""
    since = np.arange(steps)[:, None] - np.array([90, 170])
    return np.where(np.abs(since) < 30, 1.0, 0.3), np.exp(-0.5 * (since / 20) ** 2)


def spikes(steps: int = STEPS) -> np.ndarray:
    return np.random.default_rng(3).random((steps, CELLS)) < 0.05


def taught(precision: str, raster: np.ndarray, more: Callable[[Any], None] = bool, **arguments: Any) -> Any:
    """Play spikes to a Readout; z in each step, in physical units, and the weights."""
    readout = Readout(shape=(CELLS,), events=2, **arguments)
    sender = source(raster, precision)
    sender.s_out.connect(readout.s_in)
    more(readout)
    sent, weights = played(
        readout, readout.prediction_out, len(raster), precision, lambda: readout.w_when.get()
    )
    return sent[:, :2] * UNITS[precision], weights


@pytest.mark.slow
@PRECISION
@pytest.mark.parametrize("rule", [pytest.param("gated_delta", marks=pytest.mark.long), "annealed_delta"])
def test_a_readout_alone_has_the_bits_of_a_trial_of_the_network(
    rule: str, precision: str, nothing_left: None
) -> None:
    """The cpu plays the first trial, to whose spikes a Readout then listens."""
    config = load_preset(
        "smoke",
        [
            f"reservoir.neurons={CELLS}",
            f"readout.rule={rule}",
            "run.probe_trials=[]",
            "task.settle_ms=0",
            "task.pause_ms=[0, 0]",
            "task.before_ms=208.0",  # Slow means move in every 16th step, counted from the cue on.
            "task.blocks=[{trials=1, probability=[0.0, 1.0], latency_ms=[300, 600]}]",
        ],
    )
    task = Meet(config)
    engine = CpuEngine(arithmetic_of(config, draw_network(config), precision), task)
    (trial,) = engine.play(task.trial(0, 0))
    raster = np.zeros((trial.segment.steps, CELLS))
    raster[trial.spike_step, trial.spike_cell] = 1
    streams = task.streams(trial.segment)
    cue = np.zeros(len(raster))
    cue[trial.segment.cue_step] = 1
    own = {key: value for key, value in config.readout.model_dump().items() if key != "rule"}
    z, _ = taught(
        precision, raster, rule=rule, settings=own, gate=streams.gate, target=streams.target, cue=cue
    )
    assert np.abs(trial.z).max() > 0.1
    np.testing.assert_array_equal(z, trial.z)


@pytest.mark.slow
@PRECISION
def test_ports_teach_what_a_schedule_does(precision: str, nothing_left: None) -> None:
    """With "annealed_delta", which needs to be told of cues; over two periods of the schedule."""
    gate, target = lesson()
    raster = spikes(2 * STEPS)
    cue = np.arange(STEPS) == CUE
    arguments = {"rule": "annealed_delta", "rate": 0.04}
    z, weights = taught(precision, raster, gate=gate, target=target, cue=cue, **arguments)
    assert np.all(z[: CUE + 10] == 0.0)
    assert np.abs(z[CUE + 10 :]).max() > 0.3

    def connected(readout: Any) -> None:
        lessons = Source(data=readout.teaching(gate, target, precision))
        cues = source(cue[:, None], precision)
        lessons.s_out.connect(readout.teach_in)
        cues.s_out.connect(readout.cue_in)

    again, same = taught(precision, raster, connected, **arguments)
    np.testing.assert_array_equal(again, z)
    np.testing.assert_array_equal(same, weights)
    assert np.any(weights != 0)


@pytest.mark.slow
def test_rate_and_time_constants_count_and_shapes_are_the_populations(nothing_left: None) -> None:
    """The trace of a single spike, and a step of the rule by its definition, in float64."""
    gate, target = np.ones((3, 1)), np.full((3, 1), 0.5)
    readout = Readout(
        shape=(2, 3), events=1, rate=0.2, tau_x_ms=5.0, tau_m_ms=1e9, gate=gate, target=target,
        settings={"constant_input": 0.25, "when_norm_floor": 0.125},
    )  # fmt: skip
    raster = np.zeros((2, 3, 3))
    raster[1, 0, 0] = 1
    sender = Source(data=raster)
    sender.s_out.connect(readout.s_in)
    sent, (x, w) = played(
        readout, readout.prediction_out, 3, "float", lambda: (readout.x.get(), readout.w_when.get())
    )
    decay = plain_grid.decay(1.0, 5.0)
    trace, weights, z = np.zeros(7), np.zeros(7), []
    trace[6] = 0.25
    for step in range(3):
        trace[3] = trace[3] * decay + (1 - decay) * (step == 0)
        z.append(weights @ trace)
        weights = weights + 0.2 * (0.5 - z[-1]) / (trace @ trace + 0.125) * trace
    np.testing.assert_allclose(sent[:, 0], z, rtol=1e-7)
    np.testing.assert_allclose(w[0], weights, rtol=1e-7)
    np.testing.assert_allclose(x, trace[:6], rtol=1e-12)


@pytest.mark.slow
@PRECISION
def test_a_reservoir_alone_is_the_network_of_its_settings(precision: str, nothing_left: None) -> None:
    """Bit for bit the kernels on a network drawn from a configuration, with both inputs and noise."""
    texts = ["reservoir.neurons=50", "reservoir.noise=0.5", "reservoir.feedback_gain=2.0", "run.seed=7"]
    texts += ["reservoir.tau_s_ms=10.0", "reservoir.excitatory.bias=4.5", "task.cues=2"]
    config = load_preset("robust", texts)
    steps, rng = 150, np.random.default_rng(2)
    level = (rng.random((steps, 2)) < 0.3).astype(float)
    feedback = rng.integers(0, 257, (steps, 2)) / 256
    reservoir = Reservoir(
        shape=(50,), cues=2, events=2, noise=0.5, feedback_gain=2.0, tau_s_ms=10.0, seed=7,
        excitatory={"bias": 4.5},
    )  # fmt: skip
    levels = source(level, precision)
    fed_back = source(feedback * (1 if precision == "float" else 256), precision)
    levels.s_out.connect(reservoir.level_in)
    fed_back.s_out.connect(reservoir.feedback_in)
    sent, v = played(reservoir, reservoir.s_out, steps, precision, lambda: reservoir.v.get())
    arithmetic = arithmetic_of(config, draw_network(config), precision)
    state, spiking = arithmetic.start.copy(), np.zeros(50, np.int64)
    expected = np.zeros((steps, 50))
    for step in range(steps):
        before = max(step - 1, 0)
        state.z[:] = 0 if step == 0 else feedback[before] / UNITS[precision]
        given = (level[before] * (step > 0)).astype(arithmetic.number)
        key = np.uint64(fold(key_of(7), np.uint64(step)))
        count = arithmetic.reservoir_step(state, given, key, spiking)
        expected[step, spiking[:count]] = 1
    assert expected.sum() > 100
    np.testing.assert_array_equal(sent, expected)
    np.testing.assert_array_equal(v, arithmetic.physical(state).cells.v)


@pytest.mark.slow
@PRECISION
def test_a_reservoir_and_a_readout_close_a_loop(precision: str, nothing_left: None) -> None:
    """Neither waits for the other, and what is fed back reaches the cells."""
    gate, target = lesson(100)
    rasters = []
    for gain in (0.0, 20.0):
        reservoir = Reservoir(shape=(CELLS,), events=2, noise=0.0, feedback_gain=gain)
        readout = Readout(shape=(CELLS,), events=2, gate=gate, target=target + 0.5)
        reservoir.s_out.connect(readout.s_in)
        readout.feedback_out.connect(reservoir.feedback_in)
        rasters.append(played(readout, reservoir.s_out, 100, precision)[0])
    assert rasters[0].sum() > 0
    assert np.any(rasters[0] != rasters[1])


@pytest.mark.slow
def test_a_graph_of_a_reservoir_from_plain_arguments_is_refused(nothing_left: None) -> None:
    configuration = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=True)
    with (
        SupervisedRun(Reservoir(shape=(5,)), configuration) as run,
        pytest.raises(UserError, match=r"runs as one kernel.* leave select_sub_proc_model out"),
    ):
        run.run(1)


@pytest.mark.slow
def test_a_readout_that_diverges_says_so_once_and_goes_on(
    nothing_left: None, caplog: pytest.LogCaptureFixture
) -> None:
    from lava_predict.processes.readout.models import PyReadoutFloat

    readout = Readout(shape=(CELLS,), events=1, rate=100.0, settings={"when_norm": "constant"})
    model = PyReadoutFloat(readout.proc_params)
    port = type("Port", (), {"recv": lambda self: np.ones(CELLS), "send": lambda self, data: None})
    for name in ("s_in", "teach_in", "cue_in", "prediction_out", "feedback_out"):
        setattr(model, name, port())
    model.w_when = model.w_what = model.x = model.m = model.z = np.zeros(1)
    with caplog.at_level(logging.WARNING):
        for model.time_step in range(1, 400):
            model.run_spk()
    assert [record.message for record in caplog.records if "diverged" in record.message] == [
        f"Readout: diverged in step {first} and learns nothing as long as it does; lower rate"
        for first in [int(caplog.records[0].message.split()[4])]
    ]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Readout(), TypeError, r"needs shape and events, as in Readout\(shape="),
        (lambda: Readout(shape=(3,)), TypeError, "needs shape and events"),
        (lambda: Reservoir(), TypeError, r"needs shape, as in Reservoir\(shape="),
        (lambda: Readout(shape=3, events=2), ValueError, "shape = 3: must be a tuple"),
        (lambda: Readout(shape=(3,), events=0), ValueError, "events = 0: must be a whole number above 0"),
        (lambda: Readout(shape=(3,), events=2, cues=1.5), ValueError, "cues = 1.5: must be a whole"),
        (lambda: Readout(shape=(3,), events=2, rule="gated"), UserError, "rule = 'gated': .*gated_delta"),
        (lambda: Readout(shape=(3,), events=2, rate=-1.0), UserError, "when_rate = -1.0: "),
        (lambda: Readout(shape=(3,), events=2, tau_x_ms=0.0), UserError, "tau_x_ms = 0.0: "),
        (lambda: Readout(shape=(3,), events=2, dt_ms=2.0), UserError, "dt_ms = 2.0: "),
        (
            lambda: Readout(shape=(3,), events=2, settings={"constant_inputs": 1.0}),
            UserError,
            "constant_inputs = 1.0: there is no such setting; did you mean 'constant_input'",
        ),
        (
            lambda: Readout(
                shape=(3,), events=2, fixed=load_preset("robust", ["fixed.learning=on_chip"]).fixed
            ),
            UserError,
            "fixed.learning = 'on_chip': must be 'own'; or use OnChipReadout",
        ),
        (
            lambda: Readout(shape=(3,), events=2, gate=np.ones((4, 3))),
            ValueError,
            r"gate = .*: must be an array of finite numbers, \(T, 2\)",
        ),
        (
            lambda: Readout(shape=(3,), events=2, gate=np.full((4, 2), 2.0)),
            ValueError,
            "gate = .*: must be 0 to 1",
        ),
        (
            lambda: Readout(shape=(3,), events=1, target=[[np.nan]]),
            ValueError,
            r"target = .*: must be an array of finite numbers, \(T, 1\)",
        ),
        (lambda: Readout(shape=(3,), events=1, cue=[[1]]), ValueError, r"cue = .* numbers, \(T,\)"),
        (
            lambda: Readout(shape=(3,), events=1, gate=np.ones((4, 1)), cue=np.ones(5)),
            ValueError,
            "equally many steps; gate has 4, cue has 5",
        ),
        (
            lambda: Readout(shape=(3,), events=1).teaching([[1.0]], [[1.0]], "fixd"),
            UserError,
            "precision = 'fixd': .* did you mean 'fixed'",
        ),
        (lambda: Reservoir(shape=(3, 4)), ValueError, r"shape = \(3, 4\): must have one dimension"),
        (lambda: Reservoir(shape=(9,), noise=-1.0), UserError, "reservoir.noise = -1.0: "),
        (lambda: Reservoir(shape=(9,), excitatory={"bia": 1.0}), UserError, "did you mean 'bias'"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
