"""The when readout on Lava's learning engine: its integers by brute force, and bit for bit against Lava."""

from __future__ import annotations

import math
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict import Experiment, load_preset
from lava_predict.errors import UserError
from lava_predict.learning import annealed_on_chip, on_chip
from lava_predict.learning.on_chip import OnChipConstants, OnChipPlan, OnChipState, on_chip_constants
from lava_predict.numerics.noise import fold, key_of

CELLS, EVENTS, PERIOD = 30, 2, 100

SHORT = ["fixed.learning=on_chip", "task.settle_ms=300", "task.after_ms=700", "task.pause_ms=[100, 200]"]

needs_lava = pytest.mark.skipif(find_spec("lava") is None, reason="lava-nc is not installed")


def plan(**changes: Any) -> OnChipPlan:
    tau = np.linspace(5.0, 40.0, CELLS)
    settings: dict[str, Any] = {
        "decay": np.round(np.exp(-1.0 / tau) * 4096).astype(np.int32),
        "decay_bits": 12,
        "mean_cycles": 64.0,
        "norm": 1.0,
        "first_rate": 0.4,
        "keep": 0.25,
        "groups": 8,
    }
    return on_chip_constants(**{**settings, **changes})


class Lesson(NamedTuple):
    """Spikes (steps, N), rates times gates, targets and what to forget (steps, K) as integers."""

    spikes: np.ndarray
    rate_gate: np.ndarray
    target: np.ndarray
    forget: np.ndarray


def lesson(periods: int, seed: int = 1, rate: int = 4000) -> Lesson:
    """Cells that spike near a phase of their own; a bump on each channel; the last period is not taught."""
    rng = np.random.default_rng(seed)
    steps = periods * PERIOD
    phase = np.arange(steps) % PERIOD
    due = (rng.random(CELLS) * PERIOD).astype(int)
    chance = 0.5 * (np.abs(phase[:, None] - due) <= 2) + 0.01
    spikes = (rng.random((steps, CELLS)) < chance).astype(np.int64)
    target = np.exp(-((phase[:, None] - np.array([40, 70])) ** 2) / 200.0)
    gate = np.where(np.abs(phase[:, None] - np.array([40, 70])) < 30, 1.0, 0.3)
    gate[-PERIOD:] = 0.0
    forget = np.zeros((steps, EVENTS), np.int32)
    return Lesson(
        spikes, np.round(gate * rate).astype(np.int32), np.round(target * 65536).astype(np.int32), forget
    )


def lava_numbers(constants: OnChipConstants, steps: int) -> np.ndarray:
    """Random number of every step, 0 .. 127, as Lava's ConnVarRandom draws it: seed 2, the first dropped."""
    epoch = 10 if constants.groups == 1 else 1
    drawn = np.random.default_rng(2).random(steps // epoch + 2)[1:]
    return (drawn[np.arange(steps) // epoch] * 128).astype(np.int64)


def step_by(k: OnChipConstants, state: OnChipState, taught: Lesson, step: int, number: int) -> None:
    spiking = np.flatnonzero(taught.spikes[step])
    state.forget[:] |= taught.forget[step]
    given = (taught.rate_gate[step], taught.target[step], True, number)
    on_chip.on_chip_step(k, state, spiking, spiking.size, *given)


def emulate(k: OnChipConstants, taught: Lesson, state: OnChipState) -> np.ndarray:
    """Advance by the whole lesson with Lava's random numbers; z of every step."""
    steps = taught.spikes.shape[0]
    numbers, z = lava_numbers(k, steps), np.empty((steps, EVENTS), np.int64)
    for step in range(steps):
        step_by(k, state, taught, step, int(numbers[step]))
        z[step] = state.z
    return z


def rmse(z: np.ndarray, target: np.ndarray) -> float:
    return float(np.sqrt(np.mean((z - target.astype(float)) ** 2))) / 65536


def test_pre_trace_is_what_lava_makes_of_a_graded_spike() -> None:
    payload = np.arange(255)
    expected = np.round(payload / 2).astype(np.uint8)
    assert [on_chip.pre_trace(p) for p in range(255)] == expected.tolist()
    assert expected.max() == 127


@pytest.mark.slow
@given(st.integers(-256, 255), st.integers(1, 127), st.integers(-127, 127), st.sampled_from([0, 1, 64, 127]))
def test_weight_update_is_lavas(weight: int, x1: int, y1: int, y2: int) -> None:
    # As LearningRuleApplierBitApprox and LearningConnectionModelBitApproximate write it, in floats.
    total = np.int64(weight) << 7
    for product, shift, exponent in ((1 * (x1 - 64) * y1, 3, 0), (-6 * weight * y2, 5, 2)):
        change = np.clip(np.left_shift(np.right_shift(product, shift), exponent), -(2**15) - 1, 2**15 - 1)
        total = np.clip(total + change, -(2**15) - 1, 2**15 - 1)
    for number in np.random.default_rng(weight + 256).random(4):
        fraction = (total / 128) % 1
        expected = np.clip(np.floor(total / 128) + (number < fraction), -256, 255)
        assert on_chip.add_to_weight(weight, x1, y1, y2, int(number * 128)) == expected


def test_rounding_is_unbiased_but_for_the_products_rounding_down() -> None:
    for y1 in range(-127, 128):
        mean = np.mean([on_chip.add_to_weight(10, 100, y1, 0, number) for number in range(128)])
        assert mean == 10 + math.floor(Fraction(36 * y1, 8)) / 128


@pytest.mark.slow
@given(st.integers(0, 4096), st.integers(-(2**17), 2**17), st.integers(-(2**23), 2**23 - 1))
def test_gated_error_rounds_towards_zero_and_saturates(rate_gate: int, target: int, z: int) -> None:
    error = min(max(target - z, -(2**23)), 2**23 - 1)
    exact = math.trunc(Fraction(rate_gate * error, 2**20))
    assert on_chip.gated_error(rate_gate, target, z, 20) == min(max(exact, -127), 127)


@pytest.mark.slow
@given(st.integers(-(2**24), 2**24), st.integers(128, 255), st.integers(1, 20))
def test_z_rounds_to_nearest_and_saturates(difference: int, mantissa: int, shift: int) -> None:
    held = min(max(difference, -(2**23)), 2**23 - 1)
    exact = math.floor(Fraction(held * mantissa, 2**shift) + Fraction(1, 2))
    assert on_chip.scale_z(difference, mantissa, shift) == min(max(exact, -(2**23)), 2**23 - 1)


@pytest.mark.slow
def test_traces_and_means_are_those_of_exact_arithmetic() -> None:
    k, taught = plan().constants, lesson(3)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    r, x, m = np.zeros(CELLS), np.zeros(CELLS), np.zeros(CELLS)
    for step in range(3 * PERIOD):
        step_by(k, state, taught, step, 0)
        r = np.where(taught.spikes[step] > 0, 1.0, r * k.decay / 4096)
        x += (r - x) * (1 - k.decay / 4096)
        if step % 10 == 0:
            m += (x - m) / 2 ** min(6, (step // 10).bit_length())
            assert state.q / 512 == pytest.approx(np.clip(x - m, -126 / 512, 126 / 512), abs=0.006)
    assert np.abs(state.x / 2**15 - x).max() < 0.003


@pytest.mark.slow
def test_z_is_the_sum_of_weights_and_centred_traces() -> None:
    k, taught = plan().constants, lesson(2)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    state.w[:] = np.random.default_rng(3).integers(-256, 256, state.w.shape)
    for step in range(50):
        step_by(k, state, taught._replace(rate_gate=np.zeros_like(taught.rate_gate)), step, 0)
        if step % 10 == 2:
            exact = state.w @ (state.q / 512) * plan().weight
            assert state.z / 65536 == pytest.approx(exact, abs=2**-15 + 0.005 * np.abs(exact).max())


@pytest.mark.slow
def test_extremes_saturate() -> None:
    k = plan().constants._replace(z_mantissa=255, z_shift=1)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    state.w[0], state.w[1] = 255, -256
    given = (np.full(EVENTS, 4096, np.int32), np.array([2**20, -(2**20)], np.int32))
    for step in range(80):
        everyone = np.arange(CELLS if step >= 10 else 0)
        on_chip.on_chip_step(k, state, everyone, everyone.size, *given, False, 0)
    assert state.q.tolist() == [126] * CELLS
    assert state.z.tolist() == [2**23 - 1, -(2**23)]
    assert state.y1.tolist() == [-127, 127]


@pytest.mark.parametrize("cells", [8, 30, 33])
def test_every_group_has_its_turn_once_a_cycle_and_at_each_step(cells: int) -> None:
    k = plan(decay=np.full(cells, 4000)).constants
    turns = np.array([on_chip.group_at(k, step) for step in range(80)]).reshape(8, 10)
    assert (turns[:, :2] == -1).all()
    assert all(sorted(row) == list(range(8)) for row in turns[:, 2:].tolist())
    assert all(sorted(column) == list(range(8)) for column in turns.T[2:].tolist())
    bounds = [on_chip.cells_of(group, 8, cells) for group in range(8)]
    assert np.concatenate([np.arange(*pair) for pair in bounds]).tolist() == list(range(cells))
    assert [on_chip.group_at(k._replace(groups=1), step) for step in range(20)] == ([-1] * 9 + [0]) * 2


@pytest.mark.parametrize("groups", [8, 1])
def test_a_surprise_leaves_a_share_of_one_events_weights(groups: int) -> None:
    found = plan(groups=groups, keep=0.5)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    state.w[:] = 200
    state.forget[1] = 1
    nothing = np.zeros(EVENTS, np.int32)
    for _ in range(30):
        on_chip.on_chip_step(
            found.constants,
            state,
            np.empty(0, np.int64),
            0,
            nothing,
            nothing,
            True,
            64,
        )
    assert (state.w[0] == 200).all()
    assert np.abs(state.w[1] - 100).max() <= 1
    assert found.kept == pytest.approx(0.5, abs=0.005)
    assert not state.forget.any()


def test_plan_follows_the_settings() -> None:
    found = plan(decay=np.full(1000, 4000), norm=12.0)
    k = found.constants
    assert found.weight == pytest.approx(10 / math.sqrt(1000 * 12.0) / 256)
    # A change of a weight, in physical units, is rate * error * xc / norm.
    q, error = 80, 0.2
    y1 = on_chip.gated_error(round(0.1 * found.rate), round(error * 65536), 0, k.error_shift)
    change = (64 + q // 2 - 64) * y1 / 1024 * found.weight
    assert change == pytest.approx(0.1 * error * (q / 512) / 12.0, rel=0.1)
    assert on_chip.gated_error(round(0.4 * found.rate), 32768, 0, k.error_shift) > 64
    assert 0.4 * found.rate <= 4096
    # z is weight times trace, of one cell.
    z = on_chip.scale_z(2 * 100 * q, k.z_mantissa, k.z_shift) / 65536
    assert z == pytest.approx(100 * found.weight * q / 512, rel=0.005, abs=2**-16)
    assert k.mean_shift == 6


@given(st.floats(1e-6, 120.0), st.integers(4, 12))
def test_scale_integers_keep_the_factor(factor: float, bits: int) -> None:
    if factor >= 2 ** (bits - 1) - 1:
        return
    mantissa, shift = on_chip.scale_integers(factor, bits)
    assert 2 ** (bits - 1) <= mantissa < 2**bits
    assert shift >= 1
    assert mantissa / 2.0**shift == pytest.approx(factor, rel=2.0**-bits * 1.0001)


def test_scale_that_is_too_large_is_an_error() -> None:
    with pytest.raises(ValueError, match="shift to the left"):
        on_chip.scale_integers(300.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"norm": float("nan")}, "norm = nan"),
        ({"first_rate": 0.0}, "first_rate = 0.0"),
        ({"groups": 4}, "groups = 4: must be 1 or 8"),
        ({"decay": np.full(7, 4000)}, "7 cells: 8 to 33,000"),
        ({"decay": np.full(40_000, 4000)}, "40000 cells"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan(**wrong)


def test_means_and_weights_can_be_held() -> None:
    k, taught = plan().constants, lesson(2)
    state = on_chip.initial_on_chip_state(CELLS, EVENTS)
    for step in range(PERIOD):
        step_by(k, state, taught, step, step % 128)
    w, m, x = state.w.copy(), state.m.copy(), state.x.copy()
    assert np.abs(w).max() > 5
    nothing = np.zeros(EVENTS, np.int32)
    for step in range(PERIOD):
        spiking = np.flatnonzero(taught.spikes[step])
        on_chip.on_chip_step(k, state, spiking, spiking.size, nothing, taught.target[step], False, 0)
    assert np.array_equal(state.w, w)
    assert np.array_equal(state.m, m)
    assert not np.array_equal(state.x, x)


def test_rounding_numbers_are_even() -> None:
    drawn = [on_chip.rounding_number(np.uint64(fold(np.uint64(5), np.uint64(n)))) for n in range(12_800)]
    counts = np.bincount(drawn, minlength=128)
    assert counts.size == 128
    assert counts.min() > 60


@pytest.mark.slow
def test_weights_of_each_cues_own_are_refused() -> None:
    settings = ["fixed.learning=on_chip", "task.cues=2"]
    with pytest.raises(UserError, match=r"set readout\.cue_weights"):
        Experiment(load_preset("smoke", settings)).arithmetic("fixed")
    shared = Experiment(load_preset("smoke", [*settings, "readout.cue_weights=shared"])).arithmetic("fixed")
    assert shared.start.when.w.shape == (2, 200)


@pytest.mark.parametrize("usual", [2.0, 0.01])
def test_a_surprise_is_noted_for_the_engine(usual: float) -> None:
    config = load_preset("smoke", SHORT)
    memory, task = annealed_on_chip.fixed_start(config), Experiment(config).task
    trial = next(s for n in range(9) for s in task.trial(0, n) if s.outcome == 1)
    memory.w[:], memory.error[:], memory.occurrences[:] = 40, usual, 7
    streams = task.streams(trial)
    given = (np.zeros_like(streams.target), streams.gate, streams.target, config.readout)
    assert not annealed_on_chip.end_of_trial(memory, trial, *given)
    surprised = usual == 0.01
    assert memory.forget.tolist() == [0, surprised]
    assert memory.occurrences.tolist() == [[7, 0 if surprised else 8]]
    assert (memory.w == 40).all()


class Found(NamedTuple):
    """What a Lava network left: z of every step, and the rest after each run of some steps."""

    z: np.ndarray
    after: list[dict[str, np.ndarray]]


def run_lava(k: OnChipConstants, taught: Lesson, chunk: int, weights: np.ndarray | None = None) -> Found:
    """Play a lesson to an OnChipReadout, some steps a run."""
    from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

    import_lava()
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lava_predict.processes.on_chip_readout.process import OnChipReadout

    steps = taught.spikes.shape[0]
    readout = OnChipReadout(events=EVENTS, constants=k, weights=weights)
    spikes, teacher = Source(data=taught.spikes.T), Source(data=np.concatenate(taught[1:], axis=1).T)
    sink = Sink(shape=(EVENTS,), buffer=steps)
    spikes.s_out.connect(readout.s_in)
    teacher.s_out.connect(readout.teach_in)
    readout.z_out.connect(sink.a_in)
    after = []
    with SupervisedRun(readout, Loihi2SimCfg(select_tag="fixed_pt")) as run:
        for _ in range(0, steps, chunk):
            run.run(chunk)
            found = {name: getattr(readout, name).get() for name in ("r", "x", "m", "q", "z", "y1")}
            after.append({**found, "w": readout.read("weights"), "x1": readout.read("x1")})
        z = sink.data.get().T
    return Found(z, after)


def check_against_lava(
    k: OnChipConstants, taught: Lesson, chunk: int, weights: np.ndarray | None = None
) -> Found:
    """Compare z in every step, and weights and traces after every chunk, with the emulation."""
    found, steps = run_lava(k, taught, chunk, weights), taught.spikes.shape[0]
    state, numbers = on_chip.initial_on_chip_state(CELLS, EVENTS), lava_numbers(k, taught.spikes.shape[0])
    state.w[:] = 0 if weights is None else weights
    for step in range(steps):
        step_by(k, state, taught, step, int(numbers[step]))
        assert np.array_equal(found.z[step], state.z), step
        if (step + 1) % chunk == 0:
            lavas = found.after[step // chunk]
            for name in ("r", "x", "m", "q", "w", "y1"):
                assert np.array_equal(lavas[name], getattr(state, name)), (name, step)
            payload = 128 + (state.q if step % 10 else -state.q)
            assert lavas["x1"].tolist() == [on_chip.pre_trace(int(p)) for p in payload], step
    return found


@pytest.mark.slow
@needs_lava
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("groups", [pytest.param(8, marks=pytest.mark.long), 1])
def test_lava_learns_and_the_emulation_is_equal_to_it(groups: int) -> None:
    taught = lesson(6)
    found = check_against_lava(plan(groups=groups).constants, taught, 50)
    last = taught.target[-PERIOD:]
    assert rmse(found.z[-PERIOD:], last) < 0.6 * rmse(np.zeros_like(last), last)
    assert np.array_equal(found.after[-1]["w"], found.after[-2]["w"])  # the last period's gates are 0
    assert {1, 0} <= {int(w) & 1 for w in found.after[-1]["w"].reshape(-1)}  # learned weights are odd, too


@needs_lava
@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("changes", "chunk", "start"),
    [
        pytest.param({}, 1, 0, marks=pytest.mark.long),
        pytest.param({"groups": 1}, 10, 0, marks=pytest.mark.long),
        ({"first_rate": 40.0}, 25, 254),  # weights and y1 run into their bounds
        pytest.param({"first_rate": 0.004}, 25, 100, marks=pytest.mark.long),  # the smallest y1
        pytest.param({"groups": 1, "keep": 0.8}, 25, -256, marks=pytest.mark.long),
    ],
)
def test_the_emulation_is_equal_to_lava(changes: dict[str, Any], chunk: int, start: int) -> None:
    taught = lesson(3)
    taught.forget[100:110, 1] = taught.forget[160:170, 0] = 1
    weights = np.full((EVENTS, CELLS), start, np.int64)
    found = check_against_lava(plan(**changes).constants, taught, chunk, weights)
    if start == 254:
        assert max(after["w"].max() for after in found.after) == 255


@needs_lava
def test_lava_reads_the_rule_as_it_is_meant() -> None:
    from lava_predict.engines.lava.supervised import import_lava

    import_lava()
    from lava_predict.processes.on_chip_readout.models import learning_rule

    for groups, epoch in ((8, 1), (1, 10)):
        rule = learning_rule(plan(groups=groups).constants)
        read = [
            (product.s_mantissa, product.s_exp, [(f.state_var, f.const) for f in product.factors])
            for product in rule.dw.products
        ]
        assert read == [(1, 0, [("x1", -64), ("y1", None)]), (-6, 2, [("w", None), ("y2", None)])]
        assert {product.dependency for product in rule.dw.products} == {"u"}
        assert (rule.decimate_exponent, rule.t_epoch) == (0, epoch)
        assert np.exp(-1.0 / rule.x1_tau) == np.exp(-1.0 / rule.y1_tau) == np.exp(-1.0 / rule.y2_tau) == 1.0


@needs_lava
@pytest.mark.parametrize(
    "weights", [np.ones((EVENTS, CELLS)), np.zeros((1, CELLS)), np.full((EVENTS, CELLS), 256)]
)
def test_weights_that_lava_would_change_are_refused(weights: np.ndarray) -> None:
    from lava_predict.engines.lava.supervised import import_lava

    import_lava()
    from lava_predict.processes.on_chip_readout.process import OnChipReadout

    with pytest.raises(ValueError, match="even whole numbers"):
        OnChipReadout(events=EVENTS, constants=plan().constants, weights=weights)


@needs_lava
@pytest.mark.long
@pytest.mark.usefixtures("nothing_left")
def test_a_whole_network_learns_in_lava_as_it_does_emulated() -> None:
    """Cells, synapses, relays and learning synapses as Lava Processes, over two short trials."""
    from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

    import_lava()
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lava_predict.processes.on_chip_readout.process import OnChipReadout
    from lava_predict.processes.reservoir.process import Reservoir

    shorter = [
        "reservoir.neurons=80",
        "task.settle_ms=40",
        "task.before_ms=20",
        "task.after_ms=260",
        "task.pause_ms=[5, 10]",
        "task.blocks=[{trials=2, probability=[0.5, 0.5], latency_ms=[80, 160]}]",
    ]
    experiment = Experiment(load_preset("smoke", [*SHORT, *shorter]), seed=5)
    arithmetic, task = experiment.arithmetic("fixed"), experiment.task
    k, occurrences, rows = arithmetic.constants.when, np.zeros(2, int), []
    for segment in [*task.settling(), *(one for n in range(3) for one in task.trial(0, n))]:
        level, gate, target = arithmetic.streams(task.streams(segment))
        rows.append((level, (gate * k.rates[occurrences] + 2048) >> 12, target, np.zeros_like(gate)))
        if segment.outcome >= 0:
            occurrences[segment.outcome] += 1
    level, *teaching = (np.concatenate(part) for part in zip(*rows, strict=True))
    steps, cells = len(level), experiment.network.size

    reservoir, readout = Reservoir(arithmetic=arithmetic), OnChipReadout(events=2, constants=k.chip)
    inputs, teacher = Source(data=level.T), Source(data=np.concatenate(teaching, axis=1).T)
    read, spikes = Sink(shape=(2,), buffer=steps), Sink(shape=(cells,), buffer=steps)
    inputs.s_out.connect(reservoir.level_in)
    teacher.s_out.connect(readout.teach_in)
    reservoir.s_out.connect([readout.s_in, spikes.a_in])
    readout.z_out.connect(read.a_in)
    configuration = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=True)
    with SupervisedRun(readout, configuration) as run:
        run.run(steps)
        z, fired, weights = read.data.get().T, spikes.data.get().T, readout.read("weights")

    state, network = on_chip.initial_on_chip_state(cells, 2), arithmetic.start.copy()
    spiking, numbers = np.empty(cells, np.int64), lava_numbers(k.chip, steps)
    now = np.zeros_like(level[0])
    for step in range(steps):
        step_key = np.uint64(fold(key_of(experiment.config.run.seed), np.uint64(step)))
        count = arithmetic.reservoir_step(network, now, step_key, spiking)
        now = level[step]
        assert np.array_equal(np.flatnonzero(fired[step]), spiking[:count]), step
        on_chip.on_chip_step(
            k.chip, state, spiking, count, teaching[0][step], teaching[1][step], True, int(numbers[step])
        )
        assert np.array_equal(z[step], state.z), step
    assert np.array_equal(weights, state.w)
    assert np.abs(weights).max() > 20
