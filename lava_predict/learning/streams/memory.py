"""What the rules of a stream change: `Learned` stays, `Ongoing` belongs to the moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.learning.when.annealed_delta import time_constants_ms
from lava_predict.learning.when.gated_delta import UNTAUGHT_ERROR
from lava_predict.settings.schema import Config

CONSTANT_INPUT = 0.05
"""What the when readout reads beside the traces."""

STEP, ELAPSED, LABEL, OLD_ELAPSED, OLD_LABEL = range(5)
"""Places in `Ongoing.now`."""

NOTHING = -1
"""As a label: none has come yet."""


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
    loss : (3,) float64
        Running means of -log2 p of what came, fast and slow, and how many of these there were.
    occurrences, error : (L L,) int64, float64
        How often a label came after another since its last timing surprise, and the running mean of the
        squared error of its time by a silent readout's.
    longest : (L L,) int64
        The longest gap, steps, from one label to the other; each shorter one lets it shrink.
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

    @property
    def room(self) -> int:
        """How many labels have room, L."""
        return self.updates.size


class Ongoing(NamedTuple):
    """What belongs to the moment; a copy of it can be played on as if nothing came.

    Attributes
    ----------
    now : (5,) int64
        Steps played, steps since the last event and its label; the latter two as of the end of the ring.
    cue : (C,) int64
        Steps for which each cue is still on.
    level : (C,) float64
        Input channels of the step.
    r, x, old_r, old_x : (N,) float64
        Traces in two stages, 0 .. 1, now and as of the end of the ring.
    ring : (R, words of 64) uint64
        Which cells spiked in the last R steps, a bit a cell.
    first, last : (R,) int64
        Labels of the first and last event at the end of each of these steps.
    bits, label_x : (N,) int64, (N + 1,) float64
        Which cells spiked in the window after the event; what the what readout has read of that.
    p : (L,) float64
        Probability of each label to be the next one.
    rows, mean : (L, N + 1), (N,) float64
        The when readout's rows of the last label and the traces' slow means, as they were at its event: what
        is predicted of the next one is fixed then, whenever that comes.
    spiking, xc, p_now : (N,) int64, (N + 1,) float64, (L,) float64
        Room.
    z, expired, o : (S, L) float64
        In each sample since the event: when readout, its integral in ms, and expectation.
    missed : (2,) float64
        Squared error of the time of the event to come, and a silent readout's.
    """

    now: np.ndarray
    cue: np.ndarray
    level: np.ndarray
    r: np.ndarray
    x: np.ndarray
    old_r: np.ndarray
    old_x: np.ndarray
    ring: np.ndarray
    first: np.ndarray
    last: np.ndarray
    bits: np.ndarray
    label_x: np.ndarray
    p: np.ndarray
    rows: np.ndarray
    mean: np.ndarray
    spiking: np.ndarray
    xc: np.ndarray
    p_now: np.ndarray
    z: np.ndarray
    expired: np.ndarray
    o: np.ndarray
    missed: np.ndarray


def constants(config: Config) -> Constants:
    """Multiply the settings out for the time step."""
    dt, readout, stream = config.run.dt_ms, config.readout, config.stream
    ahead_ms = np.arange(config.steps(readout.gate_window_ms) + 1) * dt
    return Constants(
        decay=np.exp(-dt / time_constants_ms(config)),
        trace_mean_rate=MEAN_EVERY * dt / readout.tau_m_ms,
        bit_mean_rate=stream.mean_rate,
        cue=config.steps(config.task.cue_ms),
        window=config.steps(stream.window_ms),
        sample=max(1, config.steps(SAMPLE_MS)),
        sample_ms=max(1, config.steps(SAMPLE_MS)) * dt,
        profile=np.exp(-0.5 * (ahead_ms / config.task.event_width_ms) ** 2),
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


def start_learned(config: Config, room: int = 4) -> Learned:
    """Return what is known before the first event, with room for so many labels."""
    cells = config.reservoir.neurons
    return Learned(
        labels=np.ones(1, np.int64),
        label_w=np.zeros((room * room, cells + 1)),
        time_w=np.zeros((room * room, cells + 1)),
        bit_mean=np.zeros(cells),
        trace_mean=np.zeros(cells),
        moved=np.zeros(2, np.int64),
        updates=np.zeros(room, np.int64),
        loss=np.zeros(3),
        occurrences=np.zeros(room * room, np.int64),
        error=np.full(room * room, UNTAUGHT_ERROR),
        longest=np.zeros(room * room, np.int64),
    )


def start_ongoing(config: Config, room: int = 4) -> Ongoing:
    """Return the moment before the first step, with room for so many labels."""
    cells, ring = config.reservoir.neurons, config.steps(config.readout.gate_window_ms)
    samples = config.steps(config.stream.horizon_ms) // max(1, config.steps(SAMPLE_MS))
    return Ongoing(
        now=np.array([0, 0, NOTHING, 0, NOTHING]),
        cue=np.zeros(config.task.cues, np.int64),
        level=np.zeros(config.task.cues),
        r=np.zeros(cells),
        x=np.zeros(cells),
        old_r=np.zeros(cells),
        old_x=np.zeros(cells),
        ring=np.zeros((ring, -(-cells // 64)), np.uint64),
        first=np.full(ring, NOTHING),
        last=np.full(ring, NOTHING),
        bits=np.zeros(cells, np.int64),
        label_x=np.zeros(cells + 1),
        p=np.zeros(room),
        rows=np.zeros((room, cells + 1)),
        mean=np.zeros(cells),
        spiking=np.zeros(cells, np.int64),
        xc=np.zeros(cells + 1),
        p_now=np.zeros(room),
        z=np.zeros((samples, room)),
        expired=np.zeros((samples, room)),
        o=np.zeros((samples, room)),
        missed=np.zeros(2),
    )


def make_room(learned: Learned, ongoing: Ongoing, config: Config, labels: int) -> tuple[Learned, Ongoing]:
    """Return the same knowledge and moment with room for at least so many labels, twice as many as before."""
    old, new = learned.room, 2 * learned.room
    while new < labels:
        new *= 2
    wider, later = start_learned(config, new), start_ongoing(config, new)
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
