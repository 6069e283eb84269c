"""How well the when readout learns on Lava's learning engine: the figures that docs/on-chip.md gives.

The reservoir runs once per seed, in float; its spikes are recorded and read out in different ways, as
without feedback the readouts do not act on it. Errors are RMSE of the cue-only prediction, with the what
rule's own estimate, divided by that of predicting nothing. Settings were tuned on seeds 1-99; report on seeds
from 100 up. Progress goes to stderr.

    python benchmarks/on_chip.py compare --seeds 100-109
    python benchmarks/on_chip.py limits --seeds 100-109
    python benchmarks/on_chip.py drift --seeds 100-109
    python benchmarks/on_chip.py settings --seeds 1-15
    python benchmarks/on_chip.py rates --seeds 1-15
    python benchmarks/on_chip.py speed
    python benchmarks/on_chip.py lava
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numba
import numpy as np
from frame import (
    PROBES,
    block,
    carry_out_study,
    header,
    means,
    over_units,
    relative_errors,
    run_each,
    seeds_of,
    timed,
)

from lava_predict import Config, CpuEngine, Experiment, Kind, Segment, load_preset
from lava_predict.experiment import scores
from lava_predict.learning import on_chip
from lava_predict.numerics import fold, key_of
from lava_predict.tasks import Played

SETTINGS = (block(100, [0.7, 0.3], [300, 600]), "reservoir.feedback_gain=0.0")
UNCENTRED = ("readout.centred=false", 'readout.when_norm="constant"')
FLOAT_RATE = 0.1
"""Best of the uncentred float rule on seeds 1-15 (study `rates`)."""

GRADED, LOW_PASS, ANTICIPATED = 0, 1, 2
"""How z is formed: from graded spikes; from binary ones, filtered; the same with the change of z added."""


class Case(NamedTuple):
    """A variant of the on-chip readout; the defaults are what the package does.

    Attributes
    ----------
    weight_range, impulse, error_bits, epoch, when_rate
        As for `on_chip_constants`.
    path : int
        How z is formed.
    finer_bits : int
        Weight bits beyond 8, at the same range; may be negative.
    no_rounding, no_clipping, own_numbers, exact_trace, exact_error, exact_product : bool
        Limits to lift: rounding of weights, their clipping, the random number that all synapses share,
        rounding and clipping of the traces and of y1, and the product's rounding down.
    rectified : bool
        Whether the prediction is p * max(z, 0), as in the package, or p * z.
    """

    weight_range: float = 27.0
    impulse: int = 4
    error_bits: int = 8
    epoch: int = 1
    when_rate: float = 0.11
    path: int = GRADED
    finer_bits: int = 0
    no_rounding: bool = False
    no_clipping: bool = False
    own_numbers: bool = False
    exact_trace: bool = False
    exact_error: bool = False
    exact_product: bool = False
    rectified: bool = True


LIFTING = slice(Case._fields.index("path"), Case._fields.index("rectified"))
"""Fields of a case that the package's own kernel cannot have but as they are by default, 0."""


class Piece(NamedTuple):
    """A segment's spikes and teaching integers. ``spiking[first[t]:first[t + 1]]`` spike in step t."""

    segment: Segment
    first: np.ndarray
    spiking: np.ndarray
    gate: np.ndarray
    target: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class Recording:
    """All that a readout sees in a run, its truth, and the settings; ``norm`` is the mean |x|^2."""

    config: Config
    pieces: list[Piece]
    truth: np.ndarray
    cue_step: int
    norm: float


def record(seed: int) -> Recording:
    """Run one block of robust in float and keep its spikes."""
    experiment = Experiment(load_preset("robust", SETTINGS), seed=seed)
    meet, config = experiment.task, experiment.config
    engine = CpuEngine(experiment.arithmetic("float"), meet)
    played: list[Played] = []
    for trial in range(PROBES[-1]):
        played.extend(engine.play(meet.trial(0, trial)))
        if trial + 1 in PROBES:
            before = engine.state
            for repeat in range(config.run.probe_repeats):
                played.extend(engine.play(meet.probe(0, trial + 1, 0, repeat)))
            engine.restore(before)
    pieces = []
    for one in played:
        first = np.searchsorted(one.spike_step, np.arange(one.segment.steps + 1))
        _, gate, target = meet.streams(one.segment)
        taught = (on_chip.to_gate(gate), on_chip.to_fraction(target))
        pieces.append(Piece(one.segment, first, one.spike_cell.astype(np.int64), *taught, one.p))
    return Recording(config, pieces, meet.truth(0, 0)[meet.cue_step :], meet.cue_step, mean_norm(seed))


def mean_norm(seed: int) -> float:
    """Mean |x|^2 with the constant input, not centred, from the cue on, in a probe of the fresh network."""
    experiment = Experiment(load_preset("robust", [*SETTINGS, *UNCENTRED]), seed=seed)
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    *_, probe = engine.play(experiment.task.probe(0, 0, 0, 0))
    return float(probe.norm[experiment.task.cue_step :].mean())


def plan_of(recording: Recording, case: Case) -> on_chip.OnChipPlan:
    readout = recording.config.readout
    return on_chip.on_chip_constants(
        cells=recording.config.reservoir.neurons,
        dt_ms=recording.config.run.dt_ms,
        tau_x_ms=readout.tau_x_ms,
        norm=recording.norm + readout.when_norm_floor,
        constant_input=readout.constant_input,
        **{name: getattr(case, name) for name in Case._fields[: LIFTING.start]},
    )


@numba.njit
def advance(constants, state, spiking, first, gate, target, learning, key, z):  # type: ignore[no-untyped-def]
    """Advance the package's integer kernel by a segment."""
    for step in range(z.shape[0]):
        now = spiking[first[step] : first[step + 1]]
        rounding = on_chip.rounding_number(fold(key, np.uint64(step)))
        on_chip.on_chip_step(constants, state, now, now.size, gate[step], target[step], learning, rounding)
        for k in range(state.z.size):
            z[step, k] = state.z[k]


@numba.njit
def uniform(bits):  # type: ignore[no-untyped-def]
    """Turn 64 random bits into a number in [0, 1)."""
    return (bits >> np.uint64(11)) / 2.0**53


@numba.njit
def rounded_up(values, cut, grain):  # type: ignore[no-untyped-def]
    """Round to multiples of a grain, up where the fraction is above the cut."""
    low = np.floor(values / grain)
    return np.where(values / grain - low > cut, low + 1.0, low) * grain


@numba.njit
def advance_lifted(constants, case, anticipation, state, spiking, first, gate, target, learning, key, z):  # type: ignore[no-untyped-def]
    """Do what `advance` does in float64, exact for the integers, with the limits of the case lifted.

    All of the state is float64, in units of the integers, and x1 stands in place of the payloads.
    """
    _, _, _, a_in, z_now, y1, count = state
    z_scale = constants.z_mantissa / 2.0**constants.z_shift
    for step in range(z.shape[0]):
        step_key = fold(key, np.uint64(step))
        if case.path == GRADED:
            z_now[:] = np.floor(a_in * z_scale + 0.5)
        else:
            if case.path == ANTICIPATED:
                z_now += anticipation * y1
            z_now[:] = z_now * (1.0 - constants.trace_decay / 4096.0) + a_in * z_scale
        z[step] = z_now
        y1[:] = gate[step] * (target[step] - z_now) / 2.0**constants.error_shift
        if not case.exact_error:
            y1[:] = np.minimum(np.maximum(np.floor(y1 + 0.5), -127.0), 127.0)
        if not learning:
            y1[:] = 0.0
        send(constants, case, state, spiking[first[step] : first[step + 1]], step_key)
        count[0] += 1
        if count[0] % constants.epoch == 0:
            update(constants, case, state, step_key)


@numba.njit
def send(constants, case, state, now, step_key):  # type: ignore[no-untyped-def]
    """Advance the traces and sum what reaches the readout neurons in the next step."""
    trace, x1, w, a_in, _, _, _ = state
    keep = 1.0 - constants.trace_decay / 4096.0
    if case.path != GRADED:
        # Lava's own trace: decay rounded by one random number for all cells, then the impulse.
        x1 *= keep
        if not case.exact_trace:
            x1[:] = rounded_up(x1, uniform(fold(step_key, np.uint64(0))), 1.0)
        x1[now] = x1[now] + constants.trace_impulse / 8192.0
        if not case.exact_trace:
            x1[:] = np.minimum(x1, 127.0)
        for k in range(a_in.size):
            a_in[k] = np.sum(w[k][now] * constants.trace_impulse / 4096.0)
        return
    trace *= keep
    if not case.exact_trace:
        trace[:] = np.floor(trace)
    trace[now] = trace[now] + constants.trace_impulse
    if not case.exact_trace:
        trace[:] = np.minimum(trace, 8388607.0)
    payload = np.append(trace / 4096.0, constants.constant_payload)
    if not case.exact_trace:
        payload = np.minimum(np.floor(payload + 0.5), 254.0)
    x1[:] = payload / 2.0 if case.exact_trace else np.rint(payload / 2.0)
    for k in range(a_in.size):
        a_in[k] = np.sum(w[k] * payload)


@numba.njit
def update(constants, case, state, step_key):  # type: ignore[no-untyped-def]
    """Change the weights."""
    _, x1, w, _, _, y1, _ = state
    grain, part = 2.0**-case.finer_bits, 2.0**constants.shift / 128.0
    # Lava's number has 53 bits; the integer kernel needs its highest seven.
    cut = np.full(x1.size, uniform(step_key))
    for k in np.flatnonzero(y1):
        change = x1 * y1[k] * (constants.mantissa * 2.0**constants.shift) / 1024.0
        if not case.exact_product:
            change = np.floor(change / part) * part
        new = w[k] + change
        if case.own_numbers:
            for j in range(x1.size):
                cut[j] = uniform(fold(step_key, np.uint64(1 + k * x1.size + j)))
        if not case.no_rounding:
            new = rounded_up(new, cut, grain)
        w[k] = new if case.no_clipping else np.minimum(np.maximum(new, -256.0), 256.0 - grain)


def play_piece(kernel: Callable[..., None], state: on_chip.OnChipState, piece: Piece) -> np.ndarray:
    """Play a piece with one of the two kernels, given what the case decides, and return z."""
    if piece.segment.reset:
        on_chip.reset_on_chip(state)
    z = np.empty(piece.gate.shape)
    key = key_of(piece.segment.noise_key, 1)
    kernel(state, piece.spiking, piece.first, piece.gate, piece.target, piece.segment.learning, key, z)
    return z / 2.0**on_chip.Z_BITS


def readout_of(
    recording: Recording, case: Case, lifted: bool
) -> tuple[on_chip.OnChipState, Callable[[on_chip.OnChipState, Piece], np.ndarray]]:
    """Give a state, and what plays a piece to a state and returns z, (steps, K).

    That is the package's own kernel, or its float64 twin with limits lifted.
    """
    plan = plan_of(recording, case)
    state = on_chip.initial_on_chip_state(recording.config.reservoir.neurons, recording.truth.shape[1])
    if not lifted:
        return state, partial(play_piece, partial(advance, plan.constants))
    # What a y1 of 1 changes z by at the mean norm, in units of z.
    anticipation = case.when_rate * recording.config.run.dt_ms * plan.scales.error * 2.0**on_chip.Z_BITS
    state = on_chip.OnChipState(*(array.astype(np.float64) for array in state))
    return state, partial(play_piece, partial(advance_lifted, plan.constants, case, anticipation))


def errors_of(recording: Recording, case: Case, lifted: bool) -> list[float]:
    """Train a readout on a recording and give its relative errors after `PROBES` trials."""
    state, play = readout_of(recording, case, lifted)
    shown: dict[int, list[np.ndarray]] = {}
    probing = None
    for piece in recording.pieces:
        if piece.segment.learning:
            probing = None
            play(state, piece)
            continue
        probing = state.copy() if probing is None else probing
        z = play(probing, piece)
        if piece.segment.kind is Kind.PROBE:
            o = scores.prediction(z, piece.p) if case.rectified else np.clip(piece.p, 0.0, 1.0) * z
            shown.setdefault(piece.segment.trial, []).append(o[recording.cue_step :])
    zero = scores.rmse(np.zeros_like(recording.truth), recording.truth)
    return [scores.rmse(np.mean(shown[n], axis=0), recording.truth) / zero for n in PROBES]


def run_cases(unit: tuple[int, Sequence[Case]]) -> list[list[float]]:
    """Errors of on-chip cases on one seed, (cases, probes)."""
    seed, cases = unit
    recording = record(seed)
    twin, own = (errors_of(recording, Case(), lifted) for lifted in (True, False))
    if twin != own:
        raise AssertionError(f"seed {seed}: with nothing lifted the twin differs: {twin}, {own}")
    return [errors_of(recording, case, lifted=any(case[LIFTING])) for case in cases]


def on_chip_rows(arguments: argparse.Namespace, cases: Mapping[str, Case]) -> dict[str, np.ndarray]:
    """Errors of each case, (seeds, probes)."""
    units = [(seed, tuple(cases.values())) for seed in arguments.seeds]
    errors = np.array(over_units(run_cases, units, arguments.jobs))
    return {name: errors[:, number] for number, name in enumerate(cases)}


def float_rows(arguments: argparse.Namespace, rates: Mapping[str, float | None]) -> dict[str, np.ndarray]:
    """Errors, (seeds, probes), of the uncentred float rule at each rate; without one, of the default rule."""
    more = [() if rate is None else (*UNCENTRED, f"readout.when_rate={rate}") for rate in rates.values()]
    found = run_each("robust", [(*SETTINGS, *each) for each in more], arguments)
    return {name: relative_errors(found[number :: len(rates)]) for number, name in enumerate(rates)}


def show(arguments: argparse.Namespace, title: str, rows: Mapping[str, np.ndarray]) -> None:
    """Print mean and standard deviation over seeds at each probe, and the mean against the first row's."""
    print(f"{title}, {seeds_of(arguments)}; error / predicting nothing after so many trials")
    print(f"{'':44}{header(PROBES)}   at 100 to first row")
    first = next(iter(rows.values()))
    for name, errors in rows.items():
        ratio = errors[:, -1].mean() / first[:, -1].mean()
        print(f"{name:44}{means(errors, most=10)}   " + (f"{ratio:6.2f}" if ratio < 100 else ""))


def compare(arguments: argparse.Namespace) -> None:
    """Show the on-chip readout beside the float rules."""
    uncentred = f"(b) float, uncentred, constant norm, {FLOAT_RATE:g}"
    chip = "(c) on-chip, 8-bit weights"
    rows = float_rows(arguments, {uncentred: FLOAT_RATE, "(a) float, centred, norm of the moment": None})
    rows |= on_chip_rows(arguments, {chip: Case()})
    show(arguments, "robust, p = 0.7, 300/600 ms", rows)
    ratio = rows[chip][:, -1] / rows[uncentred][:, -1]
    print("(c) / (b) at trial 100, by seed: " + " ".join(f"{value:.2f}" for value in ratio))


def limits(arguments: argparse.Namespace) -> None:
    """One limit lifted, or tightened, at a time; and other ways to form z."""
    lifted = {
        "weights not rounded": "no_rounding",
        "weights not clipped": "no_clipping",
        "a random number for every synapse": "own_numbers",
        "traces not rounded or clipped": "exact_trace",
        "error not rounded or clipped": "exact_error",
        "product not rounded down": "exact_product",
    }
    # Weights that are not rounded need no random numbers.
    everything = Case(**{field: field != "own_numbers" for field in lifted.values()})
    slow = {"path": LOW_PASS, "when_rate": Case().when_rate / 32, "error_bits": 3}
    cases = {
        "nothing lifted": Case(),
        **{name: Case(**{field: True}) for name, field in lifted.items()},
        "all of these": everything,
        "weights of 4 bits": Case(finer_bits=-4),
        "weights of 6 bits": Case(finer_bits=-2),
        "weights of 7 bits (even numbers)": Case(finer_bits=-1),
        "weights of 10 bits": Case(finer_bits=2),
        "weights of 12 bits": Case(finer_bits=4),
        **{f"an update every {steps} steps": Case(epoch=steps) for steps in (2, 4, 8, 16)},
        "binary spikes, z filtered": Case(path=LOW_PASS),
        "binary spikes, z filtered, all lifted": everything._replace(path=LOW_PASS),
        "binary, 1/32 of the rate, all lifted": everything._replace(**slow),
        "binary spikes, change of z anticipated": Case(path=ANTICIPATED),
        "binary, anticipated, all lifted": everything._replace(path=ANTICIPATED),
    }
    show(arguments, "on-chip readout with limits lifted", on_chip_rows(arguments, cases))


def drift(arguments: argparse.Namespace) -> None:
    """Compare what the product's rounding down does to the rectified prediction and to z itself."""
    cases = {
        "p max(z, 0), as it is": Case(),
        "p max(z, 0), product not rounded down": Case(exact_product=True),
        "p z, as it is": Case(rectified=False),
        "p z, product not rounded down": Case(exact_product=True, rectified=False),
    }
    show(arguments, "drift of the weights", on_chip_rows(arguments, cases))


def settings(arguments: argparse.Namespace) -> None:
    """Weight range, impulse and bits of the error, at the lowest rate that Lava can do and at twice it."""
    cases = {}
    for weight_range in (12.0, 18.0, 27.0, 40.0):
        for impulse, error_bits in ((4, 8), (8, 7), (8, 8), (16, 6), (16, 7)):
            for product in (1, 2):
                # At 1 ms the lowest rate is in proportion to these three.
                rate = product * 0.15 * (weight_range / 18.0) * (impulse / 8) * 2.0 ** (error_bits - 8)
                name = f"range {weight_range:g}, impulse {impulse}, {error_bits} bits, rate {rate:.3g}"
                cases[name] = Case(weight_range, impulse, error_bits, when_rate=rate)
    rows = on_chip_rows(arguments, cases)
    best_first = sorted(rows, key=lambda name: rows[name][:, -1].mean())
    show(arguments, "settings, best first", {name: rows[name] for name in best_first})


def rates(arguments: argparse.Namespace) -> None:
    """Rate of the uncentred float rule."""
    tried = {f"(b) rate {rate:g}": rate for rate in (0.025, 0.05, 0.07, 0.1, 0.15, 0.2)}
    show(arguments, "float rules", float_rows(arguments, {"(a) as the preset has it": None, **tried}))


def speed(arguments: argparse.Namespace) -> None:
    """Time of a step of the emulation."""
    recording = record(arguments.seeds[0])
    steps = sum(piece.segment.steps for piece in recording.pieces)
    state, play = readout_of(recording, Case(), lifted=False)
    play(state.copy(), recording.pieces[0])
    took, _ = timed(lambda: [play(state, piece) for piece in recording.pieces])
    print(f"{1e6 * took / steps:.2f} us per step, N = {state.trace.size}, K = {state.z.size}")


def lava(arguments: argparse.Namespace) -> None:
    """Play the first pause and trial of a run to the Lava network at full size; z must be equal."""
    from lava_predict.engines import SupervisedRun, import_lava

    import_lava()
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lava_predict.processes import OnChipReadout

    recording = record(arguments.seeds[0])
    plan = plan_of(recording, Case())
    trial = next(n for n, piece in enumerate(recording.pieces) if piece.segment.kind is Kind.TRIAL)
    pieces = recording.pieces[trial - 1 : trial + 1]
    cells, events = recording.config.reservoir.neurons, recording.truth.shape[1]
    steps = sum(piece.segment.steps for piece in pieces)
    spikes, start = np.zeros((cells, steps), np.int32), 0
    for piece in pieces:
        when = np.repeat(np.arange(piece.segment.steps), np.diff(piece.first))
        spikes[piece.spiking, start + when] = 1
        start += piece.segment.steps
    gate = np.concatenate([piece.gate for piece in pieces])
    target = np.concatenate([piece.target for piece in pieces])

    readout = OnChipReadout(cells=cells, events=events, constants=plan.constants)
    source, teacher = Source(data=spikes), Source(data=np.concatenate([gate, target], axis=1).T)
    sink = Sink(shape=(events,), buffer=steps)
    source.s_out.connect(readout.s_in)
    teacher.s_out.connect(readout.teach_in)
    readout.z_out.connect(sink.a_in)
    with SupervisedRun(readout, Loihi2SimCfg(select_tag="fixed_pt")) as run:
        run.run(1)
        took, _ = timed(lambda: run.run(steps - 1))
        z, weights = sink.data.get().T, readout.weights.get()

    state = on_chip.initial_on_chip_state(cells, events)
    # Lava's generator of rounding numbers, whose first number is never used.
    rounding = (np.random.default_rng(2).random(steps + 1)[1:] * 128).astype(np.int64)
    equal = 0
    for step in range(steps):
        now = np.flatnonzero(spikes[:, step])
        on_chip.on_chip_step(
            plan.constants, state, now, now.size, gate[step], target[step], True, int(rounding[step])
        )
        equal += bool(np.array_equal(state.z, z[step]))
    same = np.count_nonzero(state.w == weights)
    print(f"seed {arguments.seeds[0]}, N = {cells}, K = {events}, the first pause and trial in Lava:")
    print(f"z equal in {equal} of {steps} steps, {same} of {weights.size} weights equal at the end")
    print(f"{1e3 * took / (steps - 1):.1f} ms per step in Lava")
    print(f"largest weight {np.abs(weights).max():.0f}, largest z {np.abs(z).max() / 65536:.2f}")


if __name__ == "__main__":
    carry_out_study(__doc__, compare, limits, drift, settings, rates, speed, lava)
