"""What the rules of a stream change: `Learned` stays, `Ongoing` belongs to the moment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.learning.traces import CENTRED_FRACTION, MEAN_EVERY
from lava_predict.learning.when import annealed_delta
from lava_predict.learning.when.annealed_delta import GATE_FRACTION, time_constants_ms
from lava_predict.learning.when.gated_delta import LEADING_BIT, UNTAUGHT_ERROR
from lava_predict.numerics.grid import on_grid
from lava_predict.numerics.integers import PAYLOAD_FRACTION
from lava_predict.numerics.noise import STREAM, key_of
from lava_predict.numerics.plan import Planner
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Config

CONSTANT_INPUT = 0.05
"""What the when readout reads beside the traces."""

LATE_MS, WIDTH_MS = 40.0, 80.0
"""The time of a label has passed where the integral of z so long ago has reached this."""

OCCURRENCES = 10.0
"""After so many occurrences the rate is half the first."""

STEP, ELAPSED, LABEL, OLD_LABEL, PUT, TAKEN = range(6)
"""Places in `Ongoing.now`."""

NOTHING = -1
"""As a label: none has come yet."""

SATURATING = ("z", "w_when", "w_what")
"""What can saturate in integers, in the order of `Learned.saturations`."""

Z, W_WHEN, W_WHAT = range(3)


class Constants(NamedTuple):
    """What a step needs.

    Attributes
    ----------
    decay : (N,) float64
        exp(-dt / tau) of each cell's trace.
    trace_mean_rate, bit_mean_rate : float
        Of the slow mean of traces, each `MEAN_EVERY` steps, and the least of the mean of bits, each event.
    cue, window, sample : int
        Steps for which an event's cue is on; from an event to its p; from one reading of z to the next.
    sample_ms : float
        The last, ms.
    profile : (ring + 1,) float64
        What z is taught so many steps before an event.
    residual, norm_floor : float
        Share of the rate where no event comes; and what is added to |xc|^2 before dividing by it.
    first_rate, least_rate, first_label_rate, least_label_rate : float
        Of the when rule in a sample, and of the what rule at an event.
    surprise_bits, timing_surprise, surprise_rate, surprise_keep : float
        As in the settings.
    """

    decay: np.ndarray
    trace_mean_rate: float
    bit_mean_rate: float
    cue: int
    window: int
    sample: int
    sample_ms: float
    profile: np.ndarray
    residual: float
    norm_floor: float
    first_rate: float
    least_rate: float
    first_label_rate: float
    least_label_rate: float
    surprise_bits: float
    timing_surprise: float
    surprise_rate: float
    surprise_keep: float


class Learned(NamedTuple):
    """What stays from event to event; L labels have room.

    In integers float64 is int32, or int64 where it says.

    Attributes
    ----------
    labels : (1,) int64
        How many p is spread over: those that came, and one for whatever label comes next for the first time.
    label_w, time_w : (L L, N + 1) float64
        Weights of both readouts: L rows for each last label.
    bit_mean, trace_mean : (N,) float64
        Slow means of bits and traces.
    moved : (2,) int64
        How often each of these has moved.
    updates : (L,) int64
        Events after each label that the rate of the what rule counts.
    loss : (3,) float64 (int64)
        Running means of -log2 p of what came, fast and slow, and how many of these there were.
    occurrences, error : (L L,) int64, float64 (int64)
        How often a label came after another since its last timing surprise, and the running mean of the
        squared error of its time by a silent readout's.
    longest : (L L,) int64
        The longest gap, steps, from one label to the other; each shorter one lets it shrink.
    saturations : (V,) int64
        How often each of `SATURATING` has hit its bounds in learning; empty in float.
    """

    labels: np.ndarray
    label_w: np.ndarray
    time_w: np.ndarray
    bit_mean: np.ndarray
    trace_mean: np.ndarray
    moved: np.ndarray
    updates: np.ndarray
    loss: np.ndarray
    occurrences: np.ndarray
    error: np.ndarray
    longest: np.ndarray
    saturations: np.ndarray

    @property
    def room(self) -> int:
        """How many labels have room, L."""
        return self.updates.size


class Ongoing(NamedTuple):
    """What belongs to the moment; a copy of it can be played on as if nothing came.

    In integers float64 is int32, or int64 where it says.

    Attributes
    ----------
    now : (6,) int64
        Steps played; steps since the last event, and its label; that label as of the end of the ring; row of
        ``kept_x`` that the next traces are put into, and that the next ones are taken from.
    cue : (C,) int64
        Steps for which each cue is still on.
    level : (C,) float64
        Input channels of the step.
    r, x : (N,) float64
        Traces in two stages, 0 .. 1.
    due : (R,) int64
        What the traces after each of the last R steps will be needed for: see `ring`.
    kept_x : (rows, N) float64
        These traces, where they are needed for anything.
    first, last : (R,) int64
        Labels of the first and last event at the end of each of these steps.
    bits, label_x : (N,) int64, (N + 1,) float64
        Which cells spiked in the window after the event; what the what readout has read of that.
    p : (L,) float64 (int64)
        Probability of each label to be the next one.
    rows, mean : (L, N + 1), (N,) float64
        The when readout's rows of the last label and the traces' slow means, as they were at its event: what
        is predicted of the next one is fixed then, whenever that comes.
    xc, p_now : (N + 1,) float64, (L,) float64 (int64)
        Room.
    z, expired, o : (S, L) float64
        In each sample since the event: when readout, its integral in ms (integers: in samples), expectation.
    missed : (2,) float64 (int64)
        Squared error of the time of the event to come, and a silent readout's.
    """

    now: np.ndarray
    cue: np.ndarray
    level: np.ndarray
    r: np.ndarray
    x: np.ndarray
    due: np.ndarray
    kept_x: np.ndarray
    first: np.ndarray
    last: np.ndarray
    bits: np.ndarray
    label_x: np.ndarray
    p: np.ndarray
    rows: np.ndarray
    mean: np.ndarray
    xc: np.ndarray
    p_now: np.ndarray
    z: np.ndarray
    expired: np.ndarray
    o: np.ndarray
    missed: np.ndarray


AHEAD = tuple(name for name in Ongoing._fields if name not in ("due", "kept_x", "first", "last", "missed"))
"""What of `Ongoing` a copy needs that is only played on: the rest is for learning."""


def constants(config: Config) -> Constants:
    """Multiply the settings out for the time step."""
    dt, readout, stream = config.run.dt_ms, config.readout, config.stream
    ahead_ms = np.arange(config.steps(readout.gate_window_ms) + 1) * dt
    return Constants(
        decay=decay_of_step(dt, time_constants_ms(config)),
        trace_mean_rate=MEAN_EVERY * dt / readout.tau_m_ms,
        bit_mean_rate=stream.mean_rate,
        cue=config.steps(config.task.cue_ms),
        window=config.steps(stream.window_ms),
        sample=max(1, config.steps(SAMPLE_MS)),
        sample_ms=max(1, config.steps(SAMPLE_MS)) * dt,
        profile=on_grid(np.exp(-0.5 * (ahead_ms / config.task.event_width_ms) ** 2)),
        residual=readout.gate_residual,
        norm_floor=readout.when_norm_floor,
        first_rate=readout.first_rate,
        least_rate=readout.least_rate,
        first_label_rate=stream.first_rate,
        least_label_rate=stream.least_rate,
        surprise_bits=stream.surprise_bits,
        timing_surprise=readout.timing_surprise,
        surprise_rate=readout.surprise_rate,
        surprise_keep=readout.surprise_keep,
    )


def _numbers(fixed: bool) -> tuple[type, type, float]:
    """Return the types of numbers, and of those that need more bits; and what stands for 1 in these."""
    return (np.int32, np.int64, 2.0**PAYLOAD_FRACTION) if fixed else (np.float64, np.float64, 1.0)


def start_learned(config: Config, room: int = 4, fixed: bool = False) -> Learned:
    """Return what is known before the first event, with room for so many labels."""
    cells, (number, wide, one) = config.reservoir.neurons, _numbers(fixed)
    return Learned(
        labels=np.ones(1, np.int64),
        label_w=np.zeros((room * room, cells + 1), number),
        time_w=np.zeros((room * room, cells + 1), number),
        bit_mean=np.zeros(cells, number),
        trace_mean=np.zeros(cells, number),
        moved=np.zeros(2, np.int64),
        updates=np.zeros(room, np.int64),
        loss=np.zeros(3, wide),
        occurrences=np.zeros(room * room, np.int64),
        error=np.full(room * room, UNTAUGHT_ERROR * one, wide),
        longest=np.zeros(room * room, np.int64),
        saturations=np.zeros(len(SATURATING) if fixed else 0, np.int64),
    )


def start_ongoing(config: Config, room: int = 4, fixed: bool = False) -> Ongoing:
    """Return the moment before the first step, with room for so many labels."""
    cells, ring = config.reservoir.neurons, config.steps(config.readout.gate_window_ms)
    number, wide, _ = _numbers(fixed)
    sample = max(1, config.steps(SAMPLE_MS))
    samples = config.steps(config.stream.horizon_ms) // sample
    return Ongoing(
        now=np.array([0, 0, NOTHING, NOTHING, 0, 0]),
        cue=np.zeros(config.task.cues, np.int64),
        level=np.zeros(config.task.cues, number),
        r=np.zeros(cells, number),
        x=np.zeros(cells, number),
        due=np.zeros(ring, np.int64),
        kept_x=np.zeros((ring // sample + ring // MEAN_EVERY + 2, cells), number),
        first=np.full(ring, NOTHING),
        last=np.full(ring, NOTHING),
        bits=np.zeros(cells, np.int64),
        label_x=np.zeros(cells + 1, number),
        p=np.zeros(room, wide),
        rows=np.zeros((room, cells + 1), number),
        mean=np.zeros(cells, number),
        xc=np.zeros(cells + 1, number),
        p_now=np.zeros(room, wide),
        z=np.zeros((samples, room), number),
        expired=np.zeros((samples, room), number),
        o=np.zeros((samples, room), number),
        missed=np.zeros(2, wide),
    )


def make_room(learned: Learned, ongoing: Ongoing, config: Config, labels: int) -> tuple[Learned, Ongoing]:
    """Return the same knowledge and moment with room for at least so many labels, twice as many as before."""
    old, new = learned.room, 2 * learned.room
    while new < labels:
        new *= 2
    fixed = learned.label_w.dtype == np.int32
    wider, later = start_learned(config, new, fixed), start_ongoing(config, new, fixed)
    for name, array in learned._asdict().items():
        into = getattr(wider, name)
        if array.shape == into.shape:
            into[...] = array
        elif array.shape[0] == old:
            into[:old] = array
        else:
            shape = (-1, *array.shape[1:])
            by_label = into.reshape(new, new, *shape[1:])
            by_label[:old, :old] = array.reshape(old, old, *shape[1:])
    for name, array in ongoing._asdict().items():
        getattr(later, name)[tuple(slice(size) for size in array.shape)] = array
    return wider, later


# In integers.


class FixedConstants(NamedTuple):
    """What a step in integers needs; factors and errors have `PAYLOAD_FRACTION` bits.

    Attributes
    ----------
    time : annealed_delta.FixedConstants
        Of traces, slow means and weights; the rates are those of a sample, and the norm is the moment's.
    key : uint64
        The noise's: steps and events are folded into it for stochastic rounding.
    cue, window, sample, profile, bit_mean_rate
        As in `Constants`.
    residual : int
        As in `Constants`, `GATE_FRACTION` bits.
    constant_input : int
        `CONSTANT_INPUT`, `CENTRED_FRACTION` bits.
    late, width : int
        Samples after which a label counts as late, and what an integral of z in samples is multiplied by.
    first_label_rate, least_label_rate, surprise_bits, timing_surprise, surprise_rate, surprise_keep : int
        As in `Constants`.
    """

    time: annealed_delta.FixedConstants
    key: np.uint64
    cue: int
    window: int
    sample: int
    profile: np.ndarray
    bit_mean_rate: int
    residual: int
    constant_input: int
    late: int
    width: int
    first_label_rate: int
    least_label_rate: int
    surprise_bits: int
    timing_surprise: int
    surprise_rate: int
    surprise_keep: int


def quantise(planner: Planner, config: Config, time: annealed_delta.FixedConstants) -> FixedConstants:
    """Turn the settings into integers, given those of `annealed_delta`."""
    k, readout = constants(config), config.readout
    occurrences = np.arange(1 + max(0, int(np.ceil(OCCURRENCES * (k.first_rate / k.least_rate - 1.0)))))
    rates = np.maximum(k.least_rate, k.first_rate / (1.0 + occurrences / OCCURRENCES))
    held, fraction = planner.factor("when rates", rates * LEADING_BIT, "ln 2")
    shift = fraction - time.readout_fraction - CENTRED_FRACTION - 1

    def hold(name: str, value: Any, bits: int = PAYLOAD_FRACTION, fraction: int = PAYLOAD_FRACTION) -> Any:
        return planner.hold(name, value, "", name, bits, fraction)

    return FixedConstants(
        time=time._replace(rates=held.astype(np.int32), when_shift=shift),
        key=key_of(config.run.seed, config.run.draws.noise, STREAM),
        cue=k.cue,
        window=k.window,
        sample=k.sample,
        profile=hold("profile", k.profile, PAYLOAD_FRACTION + 1).astype(np.int32),
        bit_mean_rate=int(hold("stream.mean_rate", k.bit_mean_rate)),
        residual=int(hold("readout.gate_residual", k.residual, GATE_FRACTION + 1, GATE_FRACTION)),
        constant_input=int(hold("constant input", CONSTANT_INPUT, CENTRED_FRACTION, CENTRED_FRACTION)),
        late=int(LATE_MS / k.sample_ms),
        width=int(hold("sample / width", k.sample_ms / WIDTH_MS)),
        first_label_rate=int(hold("stream.first_rate", k.first_label_rate, PAYLOAD_FRACTION + 2)),
        least_label_rate=int(hold("stream.least_rate", k.least_label_rate, PAYLOAD_FRACTION + 2)),
        surprise_bits=int(hold("stream.surprise_bits", k.surprise_bits, PAYLOAD_FRACTION + 7)),
        timing_surprise=int(hold("readout.timing_surprise", readout.timing_surprise, PAYLOAD_FRACTION + 7)),
        surprise_rate=int(hold("readout.surprise_rate", readout.surprise_rate)),
        surprise_keep=int(hold("readout.surprise_keep", readout.surprise_keep, PAYLOAD_FRACTION + 1)),
    )
