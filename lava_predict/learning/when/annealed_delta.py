"""The when rule on bounded traces, annealed, with weights of each cue's own, in float64 and in integers.

As `gated_delta` (Yamada & Chao, arXiv:2510.14382) it is online, local, gated and of three factors. What is
this project's own: traces that a burst cannot dominate, slow means that hold from the first trial on, a rate
that falls with the occurrences of an event, and weights that the cue opens which the network recognises.
docs/learning.md says what each of them is worth.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from lava_predict.errors import digits, pair, short
from lava_predict.learning import projection, ring, what
from lava_predict.learning.cue_units import (
    ONSET_MS,
    UNIT_FRACTION,
    UNKNOWN,
    fixed_follow,
    fixed_recognise,
    follow,
    recognise,
)
from lava_predict.learning.readouts import (
    add_to_row,
    diverged,
    fixed_add_rows,
    fixed_diverged,
    fixed_read_rows,
    fixed_sum_spiking,
    read_centred,
    read_rows,
    sum_spiking,
)
from lava_predict.learning.traces import (
    BOUNDED_FRACTION,
    CENTRED_FRACTION,
    MEAN_EVERY,
    advance_bounded_traces,
    advance_mean,
    fixed_advance_bounded_traces,
    fixed_advance_mean,
    fixed_subtract_mean,
    subtract_mean,
)
from lava_predict.learning.when import Scales
from lava_predict.learning.when.gated_delta import (
    LEADING_BIT,
    UNTAUGHT_ERROR,
    add_timing_error,
    fixed_gated_delta,
)
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.compiled import kernel, lean_kernel, merged_kernel
from lava_predict.numerics.draws import TRACES, generator
from lava_predict.numerics.grid import on_grid
from lava_predict.numerics.integers import PAYLOAD_FRACTION, bit_length
from lava_predict.numerics.plan import MOST_FACTOR_FRACTION, ROUNDINGS, Planner
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.settings.schema import Config, Decays, Positive, ReadoutSettings, TimeConstants
from lava_predict.tasks import Kind, Segment

# These stand for what a step learns; `step_for` says which.
learn = fixed_learn = part

MEAN_MS = 10_000.0
"""Time constant of the mean rates that the what rule subtracts, ms."""

RATE_MS = 10.0
"""Time for which the rates in the settings hold, ms."""

GATE_FRACTION = 12
"""Fraction bits of the gate in integers."""

MOST_LAG_MS = 1000.0
"""Most time by which learning may lag, ms."""

MOST_FALL = 10_000.0
"""The first rate is at most so many times the least: a table has each rate between them."""

CHIP = "lava_predict.learning.annealed_on_chip"
"""The module of the rule on Lava's learning engine."""

SATURATING = ("z", "w_when")
RESET = ("r", "x", "onset", "fresh")


class Settings(ReadoutSettings):
    """Traces, gate and both learning rules."""

    tau_x_ms: TimeConstants = Field(
        description="least and greatest time constant of a cell's trace, log-uniform, ms"
    )
    tau_m_ms: Annotated[Positive, Decays(MEAN_EVERY)] = Field(description="slow mean of the trace, ms")
    first_rate: float = Field(
        gt=0, lt=1, description="rate of the when rule, per 10 ms, at an event's first time"
    )
    least_rate: float = Field(gt=0, lt=1, description="least rate of the when rule, per 10 ms")
    when_norm: Literal["moment", "constant"] = Field(description="divisor of the when rule")
    when_norm_floor: Positive = Field(description="added to |xc|^2")
    timing_surprise: Positive = Field(
        description="when error that counts as a surprise, in multiples of its running mean"
    )
    surprise_keep: float = Field(
        ge=0, le=1, description="share of the when weights kept after such a surprise"
    )
    cue_weights: Literal["own", "shared"] = Field(
        description="weights and slow mean of each cue its own, or shared"
    )
    protect: Literal["none", "hebbian"] = Field(
        description="what keeps shared when weights from forgetting the cues before"
    )

    causal: bool = Field(description="learn gate_window_ms later, when it is known whether an event has come")

    @model_validator(mode="before")
    @classmethod
    def _one_rate(cls, values: Any) -> Any:
        """Take ``when_rate``, per ms, the rate of other when rules, as both rates: one that does not fall."""
        if not isinstance(values, dict) or "when_rate" not in values:
            return values
        rate = values["when_rate"]
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
            raise ValueError(
                f".when_rate = {short(rate)}: must be a number above 0 and below 1 (a constant rate of the "
                "when rule, per ms; it takes the place of first_rate and least_rate)"
            )
        rest = {key: value for key, value in values.items() if key != "when_rate"}
        share = float(on_grid(1.0 - (1.0 - rate) ** RATE_MS))
        return {**rest, "first_rate": share, "least_rate": share}

    @model_validator(mode="after")
    def _the_rates_fit_a_table(self) -> Settings:
        if self.first_rate > MOST_FALL * self.least_rate:
            least = self.first_rate / MOST_FALL
            raise ValueError(
                f".least_rate = {digits(self.least_rate)}: must be at least first_rate / {MOST_FALL:g} = "
                f"{digits(least)}; raise it, or lower first_rate"
            )
        return self

    @model_validator(mode="after")
    def _the_lag_fits_a_ring(self) -> Settings:
        if self.causal and self.gate_window_ms > MOST_LAG_MS:
            raise ValueError(
                f".gate_window_ms = {digits(self.gate_window_ms)}: must be at most {MOST_LAG_MS:g} with "
                "causal = true, as the spikes of so long a time are kept; shorten it, or set causal = false"
            )
        return self

    @model_validator(mode="after")
    def _only_shared_weights_need_protection(self) -> Settings:
        if self.protect != "none" and self.cue_weights == "own":
            raise ValueError(
                f'.protect = "{self.protect}": must be "none" with cue_weights = "own", which forget no cue; '
                'set cue_weights = "shared" to protect these'
            )
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Settings:
        low, high = self.tau_x_ms
        if low > high:
            raise ValueError(f".tau_x_ms = {pair(low, high)}: the shortest must come before the longest")
        return self


DEFAULTS = {
    "tau_x_ms": [20.0, 150.0],
    "tau_m_ms": 8192.0,
    "first_rate": 0.4,
    "least_rate": 0.05,
    "when_norm": "moment",
    "when_norm_floor": 0.05,
    "timing_surprise": 5.0,
    "surprise_keep": 0.25,
    "cue_weights": "own",
    "protect": "none",
    "causal": False,
}


class Memory(NamedTuple):
    """What the rule changes. N cells, K events, M cues; C = M, or 1 with ``readout.cue_weights`` "shared".

    Attributes
    ----------
    r, x : (N,) float64 or int32
        Traces of either stage, 0 .. 1.
    m : (C, N) float64 or int32
        Slow means of x, a row for each cue's own weights.
    settled : (C,) int64
        How often each has moved.
    w : (C K, N) float64 or int32
        Weights: K rows for each cue.
    norm : (1,) float64 or int64
        Mean |xc|^2 over an unlearned trial, used only with readout.when_norm = "constant".
    occurrences : (M, K) int64
        How often an event came after a cue since its last timing surprise.
    error : (M, K) float64
        Running mean of the squared error after each cue, divided by a silent readout's.
    onset : (N,) float64 or int32
        Spikes since the last onset of a cue, while it is not yet recognised.
    units : (M, N) float64 or int32
        Units of the known cues.
    cue : (2,) int64
        The cue that was recognised last, and how many are known.
    spikes : (N,) int64
        Spikes since the end of the last trial.
    steps : (2,) int64
        Steps since then, and up to then.
    rate : (N,) float64
        Slow mean of the spikes of a step, on the host.
    directions, overlap, learned
        As ``units``, ``overlap`` and ``counts`` of `projection.Memory`; of no cues without protection.
    fresh : (1,) int64
        1 until the first step after a reset that learns, if learning lags.
    late : ring.Late
        What lags behind with ``readout.causal``; else empty.
    """

    r: np.ndarray
    x: np.ndarray
    m: np.ndarray
    settled: np.ndarray
    w: np.ndarray
    norm: np.ndarray
    occurrences: np.ndarray
    error: np.ndarray
    onset: np.ndarray
    units: np.ndarray
    cue: np.ndarray
    spikes: np.ndarray
    steps: np.ndarray
    rate: np.ndarray
    directions: np.ndarray
    overlap: np.ndarray
    learned: np.ndarray
    fresh: np.ndarray
    late: ring.Late


class Constants(NamedTuple):
    """What a step needs.

    Attributes
    ----------
    decay : (N,) float64
        exp(-dt / tau) of each cell's trace.
    mean_rate : float
        `MEAN_EVERY` dt / tau_m.
    rates : (R,) float64
        Rate of the when rule per change after so many occurrences; the last one holds from there on.
    norm_floor : float
        What is added to |xc|^2 before dividing by it.
    moment_norm, own : bool
        Divide by |xc|^2 of the moment, or else by the constant norm; whether each cue has its own weights.
    onset, what_low, what_high : int
        Steps after the cue's onset in which it is recognised, and from and up to which spikes are counted for
        the what rule.
    protect : bool
        Change weights across the directions of other cues.
    every : int
        Steps from one change of the weights to the next; 1 without protection and lag.
    profile : (S,) float64
        What z is taught so many steps from an event, up to the lag; empty if learning does not lag.
    residual : float
        The gate farther from it.
    """

    decay: np.ndarray
    mean_rate: float
    rates: np.ndarray
    norm_floor: float
    moment_norm: bool
    own: bool
    onset: int
    what_low: int
    what_high: int
    protect: bool
    every: int
    profile: np.ndarray
    residual: float


def time_constants_ms(config: Config) -> np.ndarray:
    """Draw the time constant of each cell's trace, (N,), log-uniform in ``readout.tau_x_ms``."""
    low, high = config.readout.tau_x_ms
    drawn = generator(config, TRACES, config.run.draws.cells).random(config.reservoir.neurons)
    return np.asarray(low * on_grid((high / low) ** drawn))


def annealed_rates(config: Config) -> np.ndarray:
    """Return the rate of the when rule in a change, by the occurrences before it, up to where it is least.

    The rate for `RATE_MS` is max(least_rate, first_rate / (1 + n / 10)); it is that of an error that
    is left after so many steps.
    """
    first, least = config.readout.first_rate, config.readout.least_rate
    occurrences = np.arange(1 + max(0, int(np.ceil(10.0 * (first / least - 1.0)))))
    rate = np.maximum(least, first / (1.0 + occurrences / 10.0))
    return np.asarray(on_grid(1.0 - (1.0 - rate) ** (learn_every(config) * config.run.dt_ms / RATE_MS)))


def learn_every(config: Config) -> int:
    """Return from one change of the when weights to the next how many steps there are."""
    if config.readout.protect == "none" and not config.readout.causal:
        return 1
    return max(1, int(config.steps(projection.LEARN_EVERY_MS)))


def lag_slots(config: Config) -> int:
    """Return how many steps the ring of spikes has, the newest included; 0 if learning does not lag."""
    return config.steps(config.readout.gate_window_ms) + 1 if config.readout.causal else 0


def constant_rate(config: Config, rate: float) -> dict[str, float]:
    """Return settings at which the rule learns at one rate, per ms, whatever has occurred."""
    dt = config.run.dt_ms
    share = float(on_grid(1.0 - (1.0 - rate * dt) ** (RATE_MS / dt)))
    return {"first_rate": share, "least_rate": share}


def scaled_rate(config: Config, factor: float) -> dict[str, float]:
    """Return settings at which the first and the least rate are multiplied by a factor."""
    readout = config.readout
    return {"first_rate": factor * readout.first_rate, "least_rate": factor * readout.least_rate}


def constants(config: Config) -> Constants:
    """Multiply the readout's settings out for the time step."""
    dt, readout = config.run.dt_ms, config.readout
    low, high = (config.steps(time) for time in readout.what_window_ms)
    away_ms = np.arange(lag_slots(config)) * dt
    return Constants(
        decay=decay_of_step(dt, time_constants_ms(config)),
        mean_rate=MEAN_EVERY * dt / readout.tau_m_ms,
        rates=annealed_rates(config),
        norm_floor=readout.when_norm_floor,
        moment_norm=readout.when_norm == "moment",
        own=readout.cue_weights == "own",
        onset=max(1, config.steps(ONSET_MS)),
        what_low=low,
        what_high=high,
        protect=readout.protect == "hebbian",
        every=learn_every(config),
        profile=on_grid(np.exp(-0.5 * (away_ms / config.task.event_width_ms) ** 2)),
        residual=readout.gate_residual,
    )


def row_blocks(config: Config) -> int:
    """Return how many blocks of K rows the weights have: one for each cue, or one for all."""
    return int(config.task.cues) if config.readout.cue_weights == "own" else 1


def _start(config: Config, number: Any, norm: Any) -> Memory:
    cells, events, cues = config.reservoir.neurons, config.task.events, config.task.cues
    blocks = row_blocks(config)
    units = projection.start(cells, cues if config.readout.protect == "hebbian" else 0, number is np.int32)
    return Memory(
        r=np.zeros(cells, number),
        x=np.zeros(cells, number),
        m=np.zeros((blocks, cells), number),
        settled=np.zeros(blocks, np.int64),
        w=np.zeros((blocks * events, cells), number),
        norm=np.ones(1, norm),
        occurrences=np.zeros((cues, events), np.int64),
        error=np.full((cues, events), UNTAUGHT_ERROR),
        onset=np.zeros(cells, number),
        units=np.zeros((cues, cells), number),
        cue=np.zeros(2, np.int64),
        spikes=np.zeros(cells, np.int64),
        steps=np.zeros(2, np.int64),
        rate=np.zeros(cells),
        directions=units.units,
        overlap=units.overlap,
        learned=units.counts,
        fresh=np.ones(1, np.int64),
        late=ring.start(cells, events, lag_slots(config), number),
    )


def start(config: Config) -> Memory:
    """Return the memory before the first step: errors as `UNTAUGHT_ERROR`, a norm of 1, all else 0."""
    return _start(config, np.float64, np.float64)


def scratch(memory: Memory) -> np.ndarray:
    """Return room for xc, (N,) float64."""
    return np.empty(memory.x.size)


@merged_kernel
def count_spikes(
    memory: Memory,
    x_sum: np.ndarray,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    onset: int,
    what_low: int,
    what_high: int,
    learning: bool,
) -> None:
    """Count a step's spikes for the cue's unit, for the what rule (``x_sum``) and for the mean rate."""
    if since_cue == 0:
        memory.onset[:] = 0
    for index in range(count):
        j = spiking[index]
        if 0 <= since_cue < onset:
            memory.onset[j] += 1
        if what_low <= since_cue < what_high:
            x_sum[j] += 1
        if learning:
            memory.spikes[j] += 1
    if learning:
        memory.steps[0] += 1


@lean_kernel
def directions_of(memory: Memory) -> projection.Memory:
    """Return what is known of the directions of all cues; it shares memory with the rule's."""
    return projection.Memory(memory.directions, memory.overlap, memory.learned)


@lean_kernel
def copy_row(values: np.ndarray, rows: np.ndarray, row: int) -> None:
    """Write an array to a row, as ``rows[row] = values``, which takes ten times as long to compile."""
    for j in range(values.size):
        rows[row, j] = values[j]


@merged_kernel
def open_cue(memory: Memory, found: int, learning: bool) -> bool:
    """Make the cue that was ``found`` the current one; return whether it is a new one, if ``learning``.

    A new one takes over the slow mean, so that its first trial learns on centred traces. When all units are
    taken, the last cue's is used. In a probe an unknown cue opens nothing.
    """
    new = found == UNKNOWN and learning and memory.cue[1] < memory.units.shape[0]
    if new:
        found = memory.cue[1]
        memory.cue[1] += 1
        if found > 0 and memory.m.shape[0] > 1:
            last = max(memory.cue[0], 0)
            copy_row(memory.m[last], memory.m, found)
            memory.settled[found] = memory.settled[last]
    elif found == UNKNOWN and learning:
        found = max(memory.cue[0], 0)
    memory.cue[0] = found
    return new


@merged_kernel
def recognise_cue(k: Constants, memory: Memory, learning: bool) -> None:
    """Make the cue that the counted spikes tell the current one, and let its unit follow them."""
    last = memory.cue[0]
    found = recognise(memory.units, memory.cue[1], memory.onset)
    if open_cue(memory, found, learning):
        copy_row(memory.onset, memory.units, memory.cue[0])
    elif learning and found != UNKNOWN:
        follow(memory.units[memory.cue[0]], memory.onset)
    if k.protect and k.profile.size == 0 and last != UNKNOWN and memory.cue[0] != last:
        projection.remember(directions_of(memory), last)


@merged_kernel
def follow_spikes(
    k: Constants,
    memory: Memory,
    what: what.Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    learning: bool,
) -> int:
    """Advance traces, slow means and counts, recognise the cue, and return the row of slow means in use.

    Changes all of the memory but weights, errors, occurrences and rate, and ``x_sum`` of the what rule.
    """
    advance_bounded_traces(memory.r, memory.x, spiking, count, k.decay)
    count_spikes(memory, what.x_sum, spiking, count, since_cue, k.onset, k.what_low, k.what_high, learning)
    if since_cue == k.onset:
        recognise_cue(k, memory, learning)
    block = max(memory.cue[0], 0) if k.own else 0
    if learning and since_cue % MEAN_EVERY == 0:
        rate = max(k.mean_rate, 1.0 / (memory.settled[block] + 1))
        advance_mean(memory.m, block, memory.x, rate)
        memory.settled[block] += 1
    return block


@lean_kernel
def current_cue(k: Constants | FixedConstants, memory: Memory, since_cue: int) -> int:
    """Return the current cue: `UNKNOWN` from its onset until it is recognised, and where none is on."""
    return memory.cue[0] if since_cue >= k.onset else UNKNOWN  # type: ignore[no-any-return]


@merged_kernel
def trace_step(
    k: Constants,
    memory: Memory,
    what: what.Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    learning: bool,
    xc: np.ndarray,
) -> int:
    """As `follow_spikes`; write xc, and return the current cue."""
    block = follow_spikes(k, memory, what, spiking, count, since_cue, learning)
    subtract_mean(memory.x, memory.m, block, xc)
    return current_cue(k, memory, since_cue)


@merged_kernel
def change_rows(
    k: Constants,
    memory: Memory,
    cue: int,
    w: np.ndarray,
    first: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: float,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """Change rows of ``w`` by presynaptic trace x timing error x gate, at the rates of a cue's events."""
    divisor = k.norm_floor + (norm if k.moment_norm else memory.norm[0])
    for event in range(z.size):
        if gate[event] != 0.0:
            rate = k.rates[min(memory.occurrences[cue, event], k.rates.size - 1)]
            change = ((rate * gate[event]) * (target[event] - z[event])) / divisor
            add_to_row(w, first + event, xc, change)


@merged_kernel
def learn_step(
    k: Constants,
    memory: Memory,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: float,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """Change the weights of a cue by `change_rows`.

    The cue becomes the memory's current one, which it is already unless another memory's traces are shown.
    """
    memory.cue[0] = cue
    change_rows(k, memory, cue, memory.w, cue * z.size if k.own else 0, xc, z, norm, gate, target)


@kernel
def across(memory: Memory, cue: int, xc: np.ndarray, direction: np.ndarray) -> float:
    """Let the units of other cues follow what is read, and write what is across them; return its square."""
    units = directions_of(memory)
    projection.learn_units(units, cue, xc)
    return projection.project(units, cue, xc, direction)


@kernel
def learn_across(
    k: Constants,
    memory: Memory,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """As `learn_step`, across the directions of other cues, which are learned too."""
    direction = np.empty_like(xc)
    norm = across(memory, cue, xc, direction)
    learn_step(k, memory, cue, direction, z, norm, gate, target)


@kernel
def learn_late(
    k: Constants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    came: np.ndarray,
) -> None:
    """Put a step into the ring, and learn from the one that leaves it, by what has come since."""
    late, size = memory.late, came.size
    slot = ring.put(late, spiking, count, since_cue, cue, memory.fresh, came)
    if slot < 0:
        return
    left = np.empty(memory.x.size, np.int64)
    count = ring.leave(late, slot, left)
    advance_bounded_traces(late.r, late.x, left, count, k.decay)
    cue = late.cue[slot]
    if cue == UNKNOWN or (late.since[slot] - k.onset) % k.every != 0:
        return
    xc, first = np.empty(memory.x.size), cue * size if k.own else 0
    subtract_mean(late.x, memory.m, cue if k.own else 0, xc)
    gate, waiting, target, z, tagged = np.empty((5, size))
    ring.open_gates(late, slot, k.profile, k.residual, 1.0, gate, waiting, target)
    norm = read_rows(memory.w, first, xc, z)
    read_rows(late.tag, 0, xc, tagged)
    for event in range(size):
        z[event] += tagged[event]
        if gate[event] > 0.0:
            memory.w[first + event] += late.tag[event]
            late.tag[event] = 0.0
    direction = xc
    if k.protect:
        last, late.now[1] = late.now[1], cue
        if last != UNKNOWN and last != cue:
            projection.remember(directions_of(memory), last)
        direction = np.empty_like(xc)
        norm = across(memory, cue, xc, direction)
    change_rows(k, memory, cue, memory.w, first, direction, z, norm, gate, target)
    change_rows(k, memory, cue, late.tag, 0, direction, z, norm, waiting, target)


@merged_kernel
def learn_at_once(
    k: Constants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: float,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """Learn in a step, as `learn_somehow`, where the settings have neither lag nor protection."""
    if cue != UNKNOWN:
        learn_step(k, memory, cue, xc, z, norm, gate, target)


@kernel
def learn_somehow(
    k: Constants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: float,
    gate: np.ndarray,
    target: np.ndarray,
) -> None:
    """Learn in a step, at once or late, across the directions of other cues or not."""
    if k.profile.size > 0:
        learn_late(k, memory, spiking, count, since_cue, cue, gate)
    elif cue == UNKNOWN:
        return
    elif not k.protect:
        learn_step(k, memory, cue, xc, z, norm, gate, target)
    elif (since_cue - k.onset) % k.every == 0:
        learn_across(k, memory, cue, xc, z, gate, target)


def _step(
    k: Constants,
    memory: Memory,
    what: what.Memory,
    z: np.ndarray,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    xc: np.ndarray,
    what_drive: np.ndarray,
) -> float:
    """Advance traces and readouts by one step, after the spikes of that step, and learn.

    Changes all of the memory but errors, occurrences and rate, and ``x_sum`` of the what rule. If a when
    readout has diverged, nothing is learned.
    """
    block = follow_spikes(k, memory, what, spiking, count, since_cue, learning)
    cue, first = current_cue(k, memory, since_cue), block * z.size
    norm = read_centred(memory.w, first, memory.x, memory.m, block, xc, z)
    if cue == UNKNOWN:
        z[:] = 0.0
        what_drive[:] = 0.0
    else:
        sum_spiking(what.w, first, spiking, count, what_drive)
        if diverged(z):
            return np.nan
    if learning:
        learn(k, memory, spiking, count, since_cue, cue, xc, z, norm, gate, target)
    return norm


step = bind(_step, learn=learn_somehow)


def set_norm(memory: Memory, norm: Any) -> None:
    """Take the constant norm, in whatever numbers the memory has."""
    integers = memory.norm.dtype == np.int64
    memory.norm[0] = int(norm * 4.0**CENTRED_FRACTION + 0.5) if integers else norm


def reading(memory: Memory, spikes: np.ndarray, segment: Segment, config: Config) -> what.Reading:
    """Return what the what rule reads of a trial or probe: spikes per step less their slow mean, (N,).

    ``spikes``, (N,), were counted in the what window. At the end of a trial, the spikes since the trial
    before move the slow mean first.
    """
    if segment.kind is Kind.TRIAL:
        lately, before = memory.steps
        share = min(1.0, max(lately / (before + lately), lately * config.run.dt_ms / MEAN_MS))
        memory.rate[:] += (memory.spikes / lately - memory.rate) * share
        memory.steps[:] = 0, before + lately
        memory.spikes[:] = 0
    low, high = (config.steps(time) for time in config.readout.what_window_ms)
    cue = int(memory.cue[0])
    return what.Reading(
        spikes / (high - low) - memory.rate, cue, max(cue, 0) if row_blocks(config) > 1 else 0
    )


def end_of_trial(
    memory: Memory, segment: Segment, z: np.ndarray, gate: np.ndarray, target: np.ndarray, readout: Settings
) -> bool:
    """Count the event that occurred, and let its readout forget if its time was a surprise.

    As in `gated_delta.learn_timing`: an error far above its running mean is a surprise. Then the weights of
    this event after this cue shrink, and its rate starts again. Returns whether it was one.
    """
    cue, event = int(memory.cue[0]), segment.outcome
    sums = np.zeros((2, z.shape[1]))
    if readout.causal:
        gate = np.arange(len(z))[:, None] >= segment.cue_step + np.zeros_like(z)
    add_timing_error(z, gate, target, sums)
    if event < 0 or sums[1, event] <= 0.0:
        return False
    error, usual = sums[0, event] / sums[1, event], memory.error[cue]
    if error <= readout.timing_surprise * usual[event]:
        usual[event] += readout.surprise_rate * (error - usual[event])
        memory.occurrences[cue, event] += 1
        return False
    usual[event], memory.occurrences[cue, event] = UNTAUGHT_ERROR, 0
    block = cue if memory.m.shape[0] > 1 else 0
    memory.w[block * z.shape[1] + event] *= readout.surprise_keep
    return True


# In integers.


class FixedConstants(NamedTuple):
    """What an integer step needs.

    Attributes
    ----------
    decay, decay_bits : (N,) int32, int
        exp(-dt / tau) of each cell's trace, and its fraction bits.
    mean_shift : int
        The slow mean moves by 2^-mean_shift of its distance, or by more as long as it has moved seldom.
    trace_grain, mean_grain, weight_grain : int
        How many of the lowest of 24 bits are kept at 0.
    rates : (R,) int32
        As in `Constants`, times ln 2; fraction bits are part of ``when_shift``.
    norm_floor : int
        As in `Constants`, twice `CENTRED_FRACTION` bits.
    when_shift : int
        The rule's shift, less the bits of the norm.
    readout_fraction : int
        Fraction bits of the readouts' weights.
    moment_norm, own, onset, what_low, what_high, protect, every
        As in `Constants`.
    rounding : int
        `NEAREST`, `FLOOR` or `STOCHASTIC`.
    """

    decay: np.ndarray
    decay_bits: int
    mean_shift: int
    trace_grain: int
    mean_grain: int
    weight_grain: int
    rates: np.ndarray
    norm_floor: int
    when_shift: int
    readout_fraction: int
    moment_norm: bool
    own: bool
    onset: int
    what_low: int
    what_high: int
    rounding: int
    protect: bool
    every: int
    profile: np.ndarray
    residual: int


def quantise(planner: Planner, config: Config, chip_norm: float | None) -> tuple[FixedConstants, Scales]:
    """Turn traces and learning into integers; ``chip_norm`` is not used, as the norm is a state here."""
    settings, readout, k = planner.settings, config.readout, constants(config)
    # Of 1 - d, too, a factor's word must hold all bits.
    decay, decay_bits = planner.decays(
        "decay of x", time_constants_ms(config), config.run.dt_ms, most=settings.parameter_bits - 1
    )
    mean_shift = max(0, round(-float(np.log2(k.mean_rate))))
    if settings.rounding == "nearest":
        # Rounded to its grid, a trace that is to move by less than half a unit stays where it is.
        stuck = 2.0 ** (planner.grain("trace") - 1 - BOUNDED_FRACTION) / (1.0 - k.decay).min()
        planner.approximation("trace that no longer decays", "fixed.trace_bits", stuck, stuck)
    error = 2.0**mean_shift * k.mean_rate - 1.0
    planner.approximation("slow mean", "readout.tau_m_ms", readout.tau_m_ms, error)
    square = (MOST_FACTOR_FRACTION, 2 * CENTRED_FRACTION)
    floor = planner.hold("norm floor", k.norm_floor, "", "readout.when_norm_floor", *square)
    rates, rate_fraction = planner.factor("when rates", k.rates * LEADING_BIT, "ln 2")
    integers = FixedConstants(
        decay=decay.astype(np.int32),
        decay_bits=decay_bits,
        mean_shift=mean_shift,
        trace_grain=planner.grain("trace"),
        mean_grain=planner.grain("mean"),
        weight_grain=planner.grain("readout"),
        rates=rates.astype(np.int32),
        norm_floor=max(int(floor), 1),
        when_shift=rate_fraction - settings.readout_fraction_bits - CENTRED_FRACTION - 1,
        readout_fraction=settings.readout_fraction_bits,
        moment_norm=k.moment_norm,
        own=k.own,
        onset=k.onset,
        what_low=k.what_low,
        what_high=k.what_high,
        rounding=ROUNDINGS[settings.rounding],
        protect=k.protect,
        every=k.every,
        profile=np.floor(k.profile * 2.0**PAYLOAD_FRACTION + 0.5).astype(np.int32),
        residual=int(k.residual * 2.0**GATE_FRACTION + 0.5),
    )
    scales = Scales(
        gate=2.0**GATE_FRACTION,
        weight=2.0**-settings.readout_fraction_bits,
        norm=4.0**-CENTRED_FRACTION,
        x_sum=1.0,
    )
    return integers, scales


def fixed_start(config: Config) -> Memory:
    """Return the memory before the first step, as in float."""
    return _start(config, np.int32, np.int64)


def physical(memory: Memory, scales: Scales) -> Memory:
    """Return the memory in physical units, float64; counts and the units of cues stay what they are."""
    unit, late = 2.0**-BOUNDED_FRACTION, memory.late
    return memory._replace(
        r=memory.r * unit,
        x=memory.x * unit,
        m=memory.m * unit,
        w=memory.w * scales.weight,
        norm=memory.norm * 4.0**-CENTRED_FRACTION,
        directions=memory.directions * 2.0**-projection.UNIT_FRACTION,
        overlap=memory.overlap * 2.0**-projection.UNIT_FRACTION,
        late=late._replace(r=late.r * unit, x=late.x * unit, tag=late.tag * scales.weight),
    )


def fixed_scratch(memory: Memory) -> tuple[np.ndarray, np.ndarray]:
    """Return room for xc, (N,), and the rates times gates, (K,), int32."""
    return np.empty(memory.x.size, np.int32), np.empty(memory.occurrences.shape[1], np.int32)


@merged_kernel
def fixed_find_cue(memory: Memory, learning: bool) -> None:
    """Make the cue that the counted spikes tell the current one, and let its unit follow them."""
    found = fixed_recognise(memory.units, memory.cue[1], memory.onset)
    if open_cue(memory, found, learning):
        for j in range(memory.onset.size):
            memory.units[memory.cue[0], j] = memory.onset[j] << UNIT_FRACTION
    elif learning and found != UNKNOWN:
        fixed_follow(memory.units[memory.cue[0]], memory.onset)


@lean_kernel
def gate_rates(
    rates: np.ndarray, occurrences: np.ndarray, gate: np.ndarray, fraction: int, rate_gate: np.ndarray
) -> None:
    """Write each event's rate after its ``occurrences``, (K,), times its gate, to ``rate_gate``, (K,) int32.

    ``rates`` are those of the constants; ``gate`` has ``fraction`` bits, which the product does not keep.
    """
    for event in range(gate.size):
        rate = rates[min(occurrences[event], rates.size - 1)]
        rate_gate[event] = (rate * gate[event] + (1 << (fraction - 1))) >> fraction


@merged_kernel
def fixed_recognise_cue(k: FixedConstants, memory: Memory, learning: bool) -> None:
    """As `recognise_cue`, in integers."""
    last = memory.cue[0]
    fixed_find_cue(memory, learning)
    if k.protect and k.profile.size == 0 and last != UNKNOWN and memory.cue[0] != last:
        projection.fixed_remember(directions_of(memory), last)


@merged_kernel
def fixed_change_rows(
    k: FixedConstants,
    memory: Memory,
    cue: int,
    w: np.ndarray,
    first: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: int,
    gate: np.ndarray,
    target: np.ndarray,
    rate_gate: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """As `change_rows`, in integers; ``rate_gate``, (K,), is scratch."""
    gate_rates(k.rates, memory.occurrences[cue], gate, GATE_FRACTION, rate_gate)
    divisor = k.norm_floor + (norm if k.moment_norm else memory.norm[0])
    lost[1] += fixed_gated_delta(w, first, xc, rate_gate, target, z, divisor, k, step_key)


@kernel
def fixed_across(memory: Memory, cue: int, xc: np.ndarray, direction: np.ndarray) -> int:
    """As `across`, in integers."""
    units = directions_of(memory)
    projection.fixed_learn_units(units, cue, xc)
    return projection.fixed_project(units, cue, xc, direction)


@kernel
def fixed_learn_across(
    k: FixedConstants,
    memory: Memory,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    rate_gate: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """As `learn_across`, in integers."""
    direction = np.empty_like(xc)
    norm, first = fixed_across(memory, cue, xc, direction), cue * z.size if k.own else 0
    fixed_change_rows(
        k, memory, cue, memory.w, first, direction, z, norm, gate, target, rate_gate, step_key, lost
    )


@kernel
def fixed_learn_late(
    k: FixedConstants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    came: np.ndarray,
    rate_gate: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """As `learn_late`, in integers."""
    late, size = memory.late, came.size
    slot = ring.put(late, spiking, count, since_cue, cue, memory.fresh, came)
    if slot < 0:
        return
    left = np.empty(memory.x.size, np.int64)
    count = ring.leave(late, slot, left)
    traces = (late.r, late.x, left, count, k.decay, k.decay_bits)
    fixed_advance_bounded_traces(*traces, k.trace_grain, k.rounding, step_key)
    cue = late.cue[slot]
    if cue == UNKNOWN or (late.since[slot] - k.onset) % k.every != 0:
        return
    xc, first = np.empty(memory.x.size, np.int32), cue * size if k.own else 0
    norm = fixed_subtract_mean(late.x, memory.m, cue if k.own else 0, k.rounding, xc)
    gate, waiting, target, z, tagged = np.empty((5, size), np.int32)
    ring.open_gates(late, slot, k.profile, k.residual, 1 << GATE_FRACTION, gate, waiting, target)
    fraction = k.readout_fraction + CENTRED_FRACTION - PAYLOAD_FRACTION
    lost[0] += fixed_read_rows(memory.w, first, xc, fraction, k.rounding, z)
    lost[0] += fixed_read_rows(late.tag, 0, xc, fraction, k.rounding, tagged)
    for event in range(size):
        z[event] += tagged[event]
        if gate[event] > 0:
            lost[1] += fixed_add_rows(memory.w[first + event], late.tag[event])
            late.tag[event] = 0
    direction = xc
    if k.protect:
        last, late.now[1] = late.now[1], cue
        if last != UNKNOWN and last != cue:
            projection.fixed_remember(directions_of(memory), last)
        direction = np.empty_like(xc)
        norm = fixed_across(memory, cue, xc, direction)
    fixed_change_rows(
        k, memory, cue, memory.w, first, direction, z, norm, gate, target, rate_gate, step_key, lost
    )
    fixed_change_rows(
        k, memory, cue, late.tag, 0, direction, z, norm, waiting, target, rate_gate, step_key, lost
    )


@merged_kernel
def fixed_learn_at_once(
    k: FixedConstants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: int,
    gate: np.ndarray,
    target: np.ndarray,
    rate_gate: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """As `learn_at_once`, in integers."""
    if cue != UNKNOWN:
        first = cue * z.size if k.own else 0
        fixed_change_rows(
            k, memory, cue, memory.w, first, xc, z, norm, gate, target, rate_gate, step_key, lost
        )


@kernel
def fixed_learn_somehow(
    k: FixedConstants,
    memory: Memory,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    xc: np.ndarray,
    z: np.ndarray,
    norm: int,
    gate: np.ndarray,
    target: np.ndarray,
    rate_gate: np.ndarray,
    step_key: np.uint64,
    lost: np.ndarray,
) -> None:
    """As `learn_somehow`, in integers."""
    moment = (rate_gate, step_key, lost)
    if k.profile.size > 0:
        fixed_learn_late(k, memory, spiking, count, since_cue, cue, gate, *moment)
    elif cue == UNKNOWN:
        return
    elif not k.protect:
        fixed_learn_at_once(
            k, memory, spiking, count, since_cue, cue, xc, z, norm, gate, target, rate_gate, step_key, lost
        )
    elif (since_cue - k.onset) % k.every == 0:
        fixed_learn_across(k, memory, cue, xc, z, gate, target, *moment)


def _fixed_step(
    k: FixedConstants,
    memory: Memory,
    what: what.Memory,
    z: np.ndarray,
    spiking: np.ndarray,
    count: int,
    gate: np.ndarray,
    target: np.ndarray,
    since_cue: int,
    learning: bool,
    scratch: tuple[np.ndarray, np.ndarray],
    what_drive: np.ndarray,
    step: int,
    step_key: np.uint64,
    lost: np.ndarray,
) -> int:
    """As `step`, in integers; ``gate`` has `GATE_FRACTION` bits, z, ``target`` and ``what_drive`` others.

    These are `PAYLOAD_FRACTION`. Returns |xc|^2, twice `CENTRED_FRACTION` bits, or -1.
    """
    xc, rate_gate = scratch
    traces = (memory.r, memory.x, spiking, count, k.decay, k.decay_bits)
    fixed_advance_bounded_traces(*traces, k.trace_grain, k.rounding, step_key)
    count_spikes(memory, what.x_sum, spiking, count, since_cue, k.onset, k.what_low, k.what_high, learning)
    if since_cue == k.onset:
        fixed_recognise_cue(k, memory, learning)
    block = max(memory.cue[0], 0) if k.own else 0
    if learning and since_cue % MEAN_EVERY == 0:
        shift = min(bit_length(memory.settled[block]), k.mean_shift)
        fixed_advance_mean(memory.m, block, memory.x, shift, k.mean_grain, k.rounding, step_key)
        memory.settled[block] += 1
    norm = fixed_subtract_mean(memory.x, memory.m, block, k.rounding, xc)
    cue, first = current_cue(k, memory, since_cue), block * z.size
    if cue == UNKNOWN:
        z[:] = 0
        what_drive[:] = 0
    else:
        fraction = k.readout_fraction + CENTRED_FRACTION - PAYLOAD_FRACTION
        lost[0] += fixed_read_rows(memory.w, first, xc, fraction, k.rounding, z)
        fixed_sum_spiking(what.w, first, spiking, count, k.readout_fraction, k.rounding, what_drive)
        if fixed_diverged(z):
            return -1
    if learning:
        fixed_learn(
            k, memory, spiking, count, since_cue, cue, xc, z, norm, gate, target, rate_gate, step_key, lost
        )
    return norm


fixed_step = bind(_fixed_step, fixed_learn=fixed_learn_somehow)


def step_for(config: Config, fixed: bool) -> Any:
    """Return `step` or `fixed_step` without what the settings leave out: a third of the time to compile."""
    if config.readout.causal or config.readout.protect != "none":
        return fixed_step if fixed else step
    if fixed:
        return bind(_fixed_step, fixed_learn=fixed_learn_at_once)
    return bind(_step, learn=learn_at_once)
