"""The annealed when rule against itself in plain NumPy and plain integers, and what it must do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import plain_grid
import pytest
from plain_annealed import PlainFixedRule, PlainRule
from plain_integers import ROUNDINGS, fold

from lava_predict import Config, UserError, load_preset
from lava_predict.learning import traces, what
from lava_predict.learning.when import annealed_delta
from lava_predict.learning.when.gated_delta import UNTAUGHT_ERROR
from lava_predict.network.state import leaves
from lava_predict.numerics.plan import Planner
from lava_predict.tasks import Kind, Segment

CELLS, EVENTS, CUES = 24, 3, 3
KEY = 0x1234567


def config_of(*settings: str, preset: str = "smoke") -> Config:
    blocks = "task.blocks=[{trials=5, probability=[0.4, 0.3, 0.2], latency_ms=[150, 400, 700]}]"
    return load_preset(
        preset, [f"reservoir.neurons={CELLS}", f"task.cues={CUES}", blocks, "readout.tau_m_ms=512", *settings]
    )


class Moment(NamedTuple):
    """What a step is given; gate and target in physical units."""

    spiking: np.ndarray
    gate: np.ndarray
    target: np.ndarray
    since: int
    learning: bool


def moments(seed: int, probes: bool = True) -> Iterator[Moment]:
    """Play cues A, B, A, an unknown one in a probe, C, and D for which no unit is left."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(CELLS)
    shown = [cells[:8], cells[8:16], cells[:8], cells[12:20], cells[16:], cells[4:12]]
    for number, driven in enumerate(shown):
        learning = not (probes and number == 3)
        for since in range(-60, 260):
            rate = np.full(CELLS, 0.02)
            if 0 <= since < 30:
                rate[driven] = 0.5
            gate, target = np.zeros((2, EVENTS))
            if learning and since >= 0:
                gate[number % EVENTS] = 1.0 if 100 <= since < 180 else 0.3
                target[:] = np.exp(-0.5 * ((since - 60 * np.arange(1, EVENTS + 1)) / 20) ** 2)
            yield Moment(np.flatnonzero(rng.random(CELLS) < rate), gate, target, since, learning)


SHARED = "readout.cue_weights=shared"
PROTECTED = (SHARED, "readout.protect=hebbian")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "dt"),
    [
        pytest.param((), 1.0, id="own"),
        pytest.param((SHARED,), 0.5, id="shared, fine steps"),
        pytest.param(PROTECTED, 1.0, id="protected", marks=pytest.mark.long),
        pytest.param(PROTECTED, 0.5, id="protected, fine steps", marks=pytest.mark.long),
    ],
)
def test_float_is_the_same_as_plain_numpy(settings: tuple[str, ...], dt: float) -> None:
    config = config_of(*settings, f"run.dt_ms={dt}")
    k, memory = annealed_delta.constants(config), annealed_delta.start(config)
    host = what.start(CELLS, EVENTS, CUES, annealed_delta.row_blocks(config))
    host.w[:] = np.random.default_rng(1).normal(size=host.w.shape)
    plain = PlainRule(config, plain_grid.decay(dt, annealed_delta.time_constants_ms(config)))
    plain.w_what[:] = host.w.reshape(plain.w_what.shape)
    memory.occurrences[:] = plain.n[:] = np.arange(CUES * EVENTS).reshape(CUES, EVENTS) * 12
    z, drive = np.zeros((2, EVENTS))
    take_step, xc = annealed_delta.step_for(config, fixed=False), annealed_delta.scratch(memory)
    cues = []
    for one in moments(5):
        state = (k, memory, host, z, one.spiking, one.spiking.size, one.gate, one.target)
        norm = take_step(*state, one.since, one.learning, xc, drive)
        expected = plain.step(*one)
        np.testing.assert_allclose(z, expected[0], atol=1e-9)
        np.testing.assert_allclose(drive, expected[1], atol=1e-9)
        assert norm == pytest.approx(xc @ xc)
        if one.since == 200:
            cues.append(int(memory.cue[0]))
    assert cues == [0, 1, 0, -1, 2, 2]
    np.testing.assert_allclose(memory.w.reshape(plain.w.shape), plain.w, atol=1e-9)
    np.testing.assert_allclose(memory.m, plain.m, atol=1e-12)
    np.testing.assert_array_equal(host.x_sum, plain.x_sum)
    assert np.abs(plain.w).max() > 0.05


SHORT_WORDS = (SHARED, "fixed.trace_bits=18", "fixed.mean_bits=20", "fixed.readout_bits=18")
FINE_STEPS = ("run.dt_ms=0.5", "readout.when_norm=constant")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "rounding"),
    [
        *(pytest.param((), rounding, id=f"own-{rounding}") for rounding in ROUNDINGS),
        pytest.param(SHORT_WORDS, "floor", id="shared, short words"),
        pytest.param(FINE_STEPS, "nearest", id="fine steps, constant norm", marks=pytest.mark.long),
        pytest.param(PROTECTED, "nearest", id="protected-nearest", marks=pytest.mark.long),
        pytest.param(PROTECTED, "stochastic", id="protected-stochastic", marks=pytest.mark.long),
    ],
)
def test_integers_are_the_same_as_plain_integers(settings: tuple[str, ...], rounding: str) -> None:
    config = config_of(*settings, f"fixed.rounding={rounding}")
    k, scales = annealed_delta.quantise(Planner(config.fixed), config, None)
    memory = annealed_delta.fixed_start(config)
    annealed_delta.set_norm(memory, np.float64(0.3))
    host = what.start(CELLS, EVENTS, CUES, annealed_delta.row_blocks(config), fixed=True)
    host.w[:] = np.random.default_rng(1).integers(-(2**22), 2**22, host.w.shape)
    values = {name: np.asarray(value).tolist() for name, value in k._asdict().items()}
    plain = PlainFixedRule(values | {"rounding": rounding, "norm": 0.3}, CELLS, EVENTS, CUES)
    plain.w_what = host.w.reshape(-1, EVENTS, CELLS).tolist()
    memory.occurrences[:] = np.arange(CUES * EVENTS).reshape(CUES, EVENTS) * 12
    plain.n = memory.occurrences.tolist()
    z, drive, lost = np.zeros(EVENTS, np.int32), np.zeros(EVENTS, np.int32), np.zeros(2, np.int64)
    take_step, scratch = annealed_delta.step_for(config, fixed=True), annealed_delta.fixed_scratch(memory)
    for step, one in enumerate(moments(6)):
        gate, target = np.round(one.gate * scales.gate), np.round(one.target * 2**16)
        given = (gate.astype(np.int32), target.astype(np.int32), one.since, one.learning)
        step_key = fold(KEY, step)
        state = (k, memory, host, z, one.spiking, one.spiking.size)
        norm = take_step(*state, *given, scratch, drive, step, np.uint64(step_key), lost)
        expected = plain.step(
            one.spiking.tolist(), *(part.tolist() for part in given[:2]), *given[2:], step_key
        )
        assert (z.tolist(), drive.tolist(), norm) == expected
    assert memory.w.reshape(-1, EVENTS, CELLS).tolist() == plain.w
    assert memory.m.tolist() == plain.m
    assert lost.tolist() == plain.lost
    assert np.abs(memory.w).max() > 100


@pytest.mark.slow
def test_what_the_settings_do_without_can_be_left_out_to_the_same_bits() -> None:
    config, found = config_of(), []
    for take_step in (annealed_delta.step, annealed_delta.step_for(config, fixed=False)):
        k, memory = annealed_delta.constants(config), annealed_delta.start(config)
        host = what.start(CELLS, EVENTS, CUES, annealed_delta.row_blocks(config))
        z, drive = np.zeros((2, EVENTS))
        xc, norms = annealed_delta.scratch(memory), []
        for one in moments(5):
            state = (k, memory, host, z, one.spiking, one.spiking.size, one.gate, one.target)
            norms.append(take_step(*state, one.since, one.learning, xc, drive))
        found.append((np.array(norms), z, drive, host.x_sum, *(part for _, part in leaves(memory))))
    for whole, spared in zip(*found, strict=True):
        np.testing.assert_array_equal(whole, spared)
    assert np.abs(memory.w).max() > 0.05


def test_weights_that_forget_no_cue_are_not_protected() -> None:
    with pytest.raises(UserError, match=r'readout.protect = "hebbian".*cue_weights = "shared"'):
        config_of("readout.protect=hebbian")


def played(memory: Any, config: Config, cue: int, event: int, error: float) -> bool:
    """End a trial in which the when readout of an event made an error, relative to a silent readout's."""
    memory.cue[0] = cue
    target = np.full((5, EVENTS), 1.0)
    z, gate = target - np.sqrt(error), np.zeros((5, EVENTS))
    gate[:, max(event, 0)] = 1.0
    segment = Segment(Kind.TRIAL, 5, 0, 0, 0, cue, event)
    return annealed_delta.end_of_trial(memory, segment, z, gate, target, config.readout)


def test_a_surprise_shrinks_the_weights_of_its_cue_and_event_alone() -> None:
    config = config_of()
    memory = annealed_delta.start(config)
    memory.w[:] = 1.0
    memory.cue[1] = CUES
    for _ in range(30):
        assert not played(memory, config, 1, 2, 0.1)
    assert memory.occurrences.tolist() == [[0] * 3, [0, 0, 30], [0] * 3]
    assert played(memory, config, 1, 2, 9.0)
    expected = np.ones((CUES, EVENTS))
    expected[1, 2] = config.readout.surprise_keep
    np.testing.assert_array_equal(
        memory.w.reshape(CUES, EVENTS, CELLS), np.repeat(expected, CELLS).reshape(CUES, EVENTS, CELLS)
    )
    assert memory.occurrences.sum() == 0
    assert memory.error[1, 2] == UNTAUGHT_ERROR


def test_an_omission_says_nothing_about_timing() -> None:
    config = config_of()
    memory = annealed_delta.start(config)
    assert not played(memory, config, 0, -1, 9.0)
    assert memory.occurrences.sum() == 0


def test_the_rate_falls_with_the_occurrences_down_to_the_least() -> None:
    config = config_of("readout.first_rate=0.4", "readout.least_rate=0.1", "run.dt_ms=1.0")
    rates = annealed_delta.annealed_rates(config)
    left = (1.0 - rates) ** 10
    np.testing.assert_allclose(1.0 - left, np.maximum(0.1, 0.4 / (1 + 0.1 * np.arange(rates.size))))
    assert rates[-1] == pytest.approx(1 - 0.9**0.1)
    assert rates[-2] > rates[-1]


def test_a_rate_that_falls_further_than_the_table_has_room_is_refused() -> None:
    assert annealed_delta.annealed_rates(config_of("readout.least_rate=4e-5")).size == 99_991
    with pytest.raises(UserError, match=r"readout\.least_rate = 1e-12: must be at least first_rate / 10000"):
        config_of("readout.least_rate=1e-12")


def test_a_when_rate_is_a_rate_per_ms_that_does_not_fall() -> None:
    config = config_of("readout.when_rate=0.05")
    expected = annealed_delta.constant_rate(config, 0.05)
    assert config.readout.first_rate == config.readout.least_rate
    assert config.readout.least_rate == pytest.approx(expected["least_rate"], rel=1e-12)
    for bad in ("0", "1", "true", "fast"):
        with pytest.raises(UserError, match=r"readout\.when_rate = .*: must be a number above 0 and below 1"):
            config_of(f"readout.when_rate={bad}")


def test_what_is_read_are_spikes_beyond_the_mean_rate() -> None:
    config = config_of()
    memory = annealed_delta.start(config)
    trial = Segment(Kind.TRIAL, 1200, 0, 0, 0, 0, 0)
    memory.spikes[:], memory.steps[0] = 24, 1200
    memory.cue[0] = 2
    reading = annealed_delta.reading(memory, np.full(CELLS, 15.0), trial, config)
    np.testing.assert_allclose(reading.x, 15 / 250 - 24 / 1200)
    assert (reading.cue, reading.block) == (2, 2)
    memory.spikes[:], memory.steps[0] = 0, 2000
    before = 24 / 1200
    reading = annealed_delta.reading(memory, np.zeros(CELLS), trial, config)
    np.testing.assert_allclose(reading.x, -(before - before * 2000 / 3200))


def test_the_trace_of_a_silent_cell_ends_at_zero() -> None:
    """Else it would stay among numbers so small that arithmetic on them is slow."""
    r, x, decay = np.ones(2), np.ones(2), np.array([np.exp(-1 / 20), np.exp(-1 / 150)])
    for _ in range(120_000):
        traces.advance_bounded_traces(r, x, np.zeros(0, np.int64), 0, decay)
    assert r.tolist() == x.tolist() == [0.0, 0.0]
