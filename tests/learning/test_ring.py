"""Learning that lags behind: against whole histories in plain NumPy and plain integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import plain_grid
import pytest
from plain_integers import fold
from plain_lagged import PlainFixedLagged, PlainLagged

from lava_predict import Config, Experiment, UserError, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.experiment.session import Session
from lava_predict.learning import what
from lava_predict.learning.when import annealed_delta
from lava_predict.numerics.plan import Planner

CELLS, EVENTS, CUES = 24, 3, 3
CAUSAL = "readout.causal=true"
OWN, SHARED = (), ("readout.cue_weights=shared",)
PROTECTED = (*SHARED, "readout.protect=hebbian")
CAME = {0: {0: 60}, 1: {1: 5, 2: 250}, 2: {0: 5, 1: 120}, 4: {2: 180}, 5: {}}
"""By trial and event, how many steps after the cue it comes; two in a trial, at its very ends, none."""


def config_of(*settings: str) -> Config:
    blocks = "task.blocks=[{trials=5, probability=[0.4, 0.3, 0.2], latency_ms=[150, 400, 700]}]"
    own = (f"reservoir.neurons={CELLS}", f"task.cues={CUES}", blocks, "readout.tau_m_ms=512")
    return load_preset("smoke", [*own, CAUSAL, "readout.gate_window_ms=50", *settings])


def moments(seed: int) -> Iterator[tuple[int, np.ndarray, np.ndarray, int, bool]]:
    """Play cues A, B, A, an unknown one in a probe, C, and D for which no unit is left."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(CELLS)
    shown = [cells[:8], cells[8:16], cells[:8], cells[12:20], cells[16:], cells[4:12]]
    for number, driven in enumerate(shown):
        for since in range(-60, 260):
            rate = np.full(CELLS, 0.02)
            if 0 <= since < 30:
                rate[driven] = 0.5
            came = np.array([CAME.get(number, {}).get(k) == since for k in range(EVENTS)], float)
            yield number, np.flatnonzero(rng.random(CELLS) < rate), came, since, number != 3


@pytest.mark.slow
@pytest.mark.parametrize("settings", [OWN, SHARED, PROTECTED], ids=["own", "shared", "protected"])
@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_float_is_the_same_as_plain_numpy(settings: tuple[str, ...], dt: float) -> None:
    config = config_of(*settings, f"run.dt_ms={dt}")
    k, memory = annealed_delta.constants(config), annealed_delta.start(config)
    host = what.start(CELLS, EVENTS, CUES, annealed_delta.row_blocks(config))
    plain = PlainLagged(config, plain_grid.decay(dt, annealed_delta.time_constants_ms(config)))
    memory.occurrences[:] = plain.n[:] = np.arange(CUES * EVENTS).reshape(CUES, EVENTS) * 12
    z, drive = np.zeros((2, EVENTS))
    for number, spiking, came, since, learning in moments(5):
        if (number, since) == (4, -60):
            plain.reset()
            for name in annealed_delta.RESET:
                getattr(memory, name)[:] = getattr(annealed_delta.start(config), name)
        # What the target would say of the future is not read.
        given = (k, memory, host, z, spiking, spiking.size, came, np.full(EVENTS, np.nan), since, learning)
        annealed_delta.step(*given, annealed_delta.scratch(memory), drive)
        np.testing.assert_allclose(z, plain.step(spiking, came, came, since, learning)[0], atol=1e-9)
    np.testing.assert_allclose(memory.w.reshape(plain.w.shape), plain.w, atol=1e-9)
    np.testing.assert_allclose(memory.late.tag, plain.tag, atol=1e-9)
    assert np.abs(plain.w).max() > 0.05
    assert plain.tag.any()


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "rounding"),
    [(OWN, "nearest"), (OWN, "floor"), (OWN, "stochastic"), (PROTECTED, "stochastic")],
)
def test_integers_are_the_same_as_plain_integers(settings: tuple[str, ...], rounding: str) -> None:
    config = config_of(*settings, f"fixed.rounding={rounding}", "fixed.readout_bits=18")
    k, scales = annealed_delta.quantise(Planner(config.fixed), config, None)
    memory = annealed_delta.fixed_start(config)
    host = what.start(CELLS, EVENTS, CUES, annealed_delta.row_blocks(config), fixed=True)
    values: dict[str, Any] = {name: np.asarray(value).tolist() for name, value in k._asdict().items()}
    plain = PlainFixedLagged(values | {"rounding": rounding, "norm": 1.0}, CELLS, EVENTS, CUES)
    z, drive, lost = np.zeros(EVENTS, np.int32), np.zeros(EVENTS, np.int32), np.zeros(2, np.int64)
    scratch, unread = annealed_delta.fixed_scratch(memory), np.full(EVENTS, 2**20, np.int32)
    for step, (_, spiking, came, since, learning) in enumerate(moments(6)):
        gate, key = (came * scales.gate).astype(np.int32), fold(0x1234567, step)
        given = (k, memory, host, z, spiking, spiking.size, gate, unread, since, learning)
        annealed_delta.fixed_step(*given, scratch, drive, step, np.uint64(key), lost)
        expected = plain.step(spiking.tolist(), gate.tolist(), [0] * EVENTS, since, learning, key)
        assert z.tolist() == expected[0]
    assert memory.w.reshape(-1, EVENTS, CELLS).tolist() == plain.w
    assert memory.late.tag.tolist() == plain.tag
    assert lost.tolist() == plain.lost
    assert np.abs(memory.w).max() > 100


def small(*settings: str) -> Config:
    """A task whose last event is still in the ring at the end of its trial."""
    blocks = "task.blocks=[{trials=6, probability=[0.5, 0.5], latency_ms=[300, 950]}]"
    few = ("reservoir.neurons=80", "task.settle_ms=400", "run.probe_trials=[0, 2]", "run.probe_repeats=1")
    return load_preset("smoke", [CAUSAL, blocks, *few, *settings])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
@pytest.mark.parametrize("settings", [(), ("task.reset=true",)], ids=["pauses", "resets"])
def test_chunks_and_probes_change_no_bit(precision: str, settings: tuple[str, ...]) -> None:
    config = small(*settings)
    whole = Experiment(config).run(precision=precision)
    other = Experiment(small(*settings, "run.probe_trials=[]"))
    arithmetic = other.arithmetic(precision)
    session = Session(arithmetic, other.task, CpuEngine(arithmetic, other.task, chunk_steps=7))
    session.advance(6)
    assert session.state.fingerprint == whole.fingerprint
    assert session.state.network.differences(whole.state.network) == []


@pytest.mark.long
def test_what_is_in_the_ring_at_the_end_of_a_trial_is_learned_in_the_pause() -> None:
    experiment = Experiment(small("task.pause_ms=[300, 300]"))
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    last = next(n for n in range(6) if experiment.task.trial(0, n)[-1].outcome == 1)
    for number in range(last + 1):
        list(engine.play(experiment.task.trial(0, number)))
    after = engine.state.when
    assert (after.late.now[0] - 1) % after.late.since.size != 0
    pause, _ = experiment.task.trial(0, last + 1)
    list(engine.play([pause]))
    row = int(after.cue[0]) * 2 + 1
    assert (engine.state.when.w[row] != after.w[row]).any()
    assert (engine.state.when.w[row - 1] == after.w[row - 1]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("readout.gate_window_ms=2000",), r"readout.gate_window_ms = 2000: must be at most 1000"),
        (("readout.rule=gated_delta",), r"readout.causal"),
    ],
)
def test_settings_that_cannot_lag_are_refused(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_preset("smoke", [*settings, CAUSAL])


def test_the_learning_engine_and_rules_on_recorded_spikes_are_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(CpuEngine, "play")
    for start in (
        lambda: Experiment(small("fixed.learning=on_chip")).start(precision="fixed"),
        lambda: Replay(small()),
    ):
        with pytest.raises(UserError, match=r"readout.causal = true: "):
            start()
