"""The rule `annealed_delta` in integers on Lava's learning engine, which `on_chip` emulates.

The engine has one set of weights for all cues and a constant norm. The host counts events and finds
surprises between trials; it tells the readout neurons the rate, and which weights shall shrink.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.errors import UserError
from lava_predict.learning import what
from lava_predict.learning.cue_units import UNKNOWN
from lava_predict.learning.on_chip import (
    CENTRED_BITS,
    CYCLE,
    MEAN_BITS,
    RATE_BITS,
    TRACE_BITS,
    OnChipConstants,
    OnChipState,
    initial_on_chip_state,
    on_chip_constants,
    on_chip_step,
    rounding_number,
)
from lava_predict.learning.readouts import fixed_diverged, fixed_sum_spiking
from lava_predict.learning.traces import CENTRED_FRACTION
from lava_predict.learning.when import Scales, annealed_delta
from lava_predict.learning.when.annealed_delta import (
    count_spikes,
    fixed_find_cue,
    gate_rates,
    reading,
    row_blocks,
)
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.grid import on_grid
from lava_predict.numerics.noise import CHIP_WORD, fold
from lava_predict.numerics.plan import ROUNDINGS, Planner
from lava_predict.settings.schema import Config
from lava_predict.tasks import Segment

__all__ = ["reading", "row_blocks"]

SATURATING = ("w_when",)
RESET = ("r", "x", "onset")

_MOST_DECAY_BITS = 16
_NORM_SHIFT = 2 * (CENTRED_FRACTION - CENTRED_BITS)


class Memory(NamedTuple):
    """What the rule changes but z: `OnChipState`, and of `annealed_delta.Memory` what the host needs."""

    r: np.ndarray
    x: np.ndarray
    m: np.ndarray
    settled: np.ndarray
    q: np.ndarray
    w: np.ndarray
    a_in: np.ndarray
    a_first: np.ndarray
    y1: np.ndarray
    forget: np.ndarray
    step: np.ndarray
    occurrences: np.ndarray
    error: np.ndarray
    onset: np.ndarray
    units: np.ndarray
    cue: np.ndarray
    spikes: np.ndarray
    steps: np.ndarray
    rate: np.ndarray


class FixedConstants(NamedTuple):
    """What a step needs: the engine's constants, and as in `annealed_delta`.

    ``rates``, (R,) int32, are for a cycle, in the engine's unit.
    """

    chip: OnChipConstants
    rates: np.ndarray
    readout_fraction: int
    onset: int
    what_low: int
    what_high: int
    rounding: int


def fixed_start(config: Config) -> Memory:
    """Return the memory before the first step."""
    chip = initial_on_chip_state(config.reservoir.neurons, config.task.events)
    both = {**annealed_delta.fixed_start(config)._asdict(), **chip._asdict()}
    return Memory(**{name: both[name] for name in Memory._fields})


def check(config: Config) -> None:
    """Raise a UserError for settings of the when rule that Lava's learning engine has no form for."""
    if row_blocks(config) > 1:
        raise UserError(
            f'readout.cue_weights = "own", task.cues = {config.task.cues}: the learning engine has the same '
            'weights for all cues; set readout.cue_weights = "shared" or fixed.learning = "own"'
        )
    if config.readout.causal:
        raise UserError(
            "readout.causal = true: Lava's learning engine cannot learn from traces that lag behind; set it "
            'to false, or set fixed.learning = "own"'
        )


def quantise(planner: Planner, config: Config, chip_norm: float | None) -> tuple[FixedConstants, Scales]:
    """Turn the settings of the when rule into what Lava's learning engine takes.

    ``chip_norm`` is the mean |xc|^2 before anything is learned, plus the floor.

    Raises
    ------
    UserError
        If the settings do not fit the engine.
    ValueError
        Without ``chip_norm``.
    """
    settings, readout, dt = config.fixed, config.readout, config.run.dt_ms
    if chip_norm is None:
        raise ValueError("chip_norm: is needed with fixed.learning = 'on_chip'; `Experiment` measures it")
    k = annealed_delta.constants(config)
    decay, bits = planner.decays("decay of x", annealed_delta.time_constants_ms(config), dt)
    fewer = max(0, bits - _MOST_DECAY_BITS)
    rates = on_grid(1.0 - (1.0 - k.rates) ** CYCLE)
    try:
        plan = on_chip_constants(
            decay=decay >> fewer,
            decay_bits=bits - fewer,
            mean_cycles=readout.tau_m_ms / (CYCLE * dt),
            norm=chip_norm,
            first_rate=float(rates[0]),
            keep=readout.surprise_keep,
            groups=settings.on_chip_groups,
        )
    except ValueError as error:
        raise UserError(
            f'fixed.learning = "on_chip": {error}; change that, or set fixed.learning = "own"'
        ) from None
    lost, wanted = 1.0 - plan.kept, 1.0 - readout.surprise_keep
    if wanted > 0.0:
        name = "on chip: share forgotten"
        planner.approximation(name, "readout.surprise_keep", wanted, lost / wanted - 1.0)
    integers = FixedConstants(
        chip=plan.constants,
        rates=np.round(rates * plan.rate).astype(np.int32),
        readout_fraction=settings.readout_fraction_bits,
        onset=k.onset,
        what_low=k.what_low,
        what_high=k.what_high,
        rounding=ROUNDINGS[settings.rounding],
    )
    return integers, Scales(2.0**RATE_BITS, plan.weight, norm=4.0**-CENTRED_FRACTION, x_sum=1.0)


def physical(memory: Memory, scales: Scales) -> Memory:
    """Return traces and weights in physical units; what passes between neurons stays integers."""
    unit = 2.0**-TRACE_BITS
    return memory._replace(
        r=memory.r * unit, x=memory.x * unit, m=memory.m * 2.0**-MEAN_BITS, w=memory.w * scales.weight
    )


def end_of_trial(memory: Memory, segment: Segment, *trial: np.ndarray) -> bool:
    """Count the event that occurred; after a surprise its weights shrink at the end of the next cycle.

    The arguments are those of `annealed_delta.end_of_trial`. Returns False: the host changes no weight.
    """
    aside = memory._replace(w=np.zeros(memory.w.shape))
    if annealed_delta.end_of_trial(aside, segment, *trial):  # type: ignore[arg-type]
        memory.forget[segment.outcome] = 1
    return False


def fixed_scratch(memory: Memory) -> np.ndarray:
    """Return room for the rates times gates, (K,) int32."""
    return np.zeros(memory.occurrences.shape[1], np.int32)


@lean_kernel
def fixed_step(
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
    rate_gate: np.ndarray,
    what_drive: np.ndarray,
    step: int,
    step_key: np.uint64,
    lost: np.ndarray,
) -> int:
    """Advance traces and readouts by one step, as `annealed_delta.fixed_step`; z changes once a cycle.

    Returns |xc|^2 of this cycle, or -1 if a when readout has diverged.
    """
    count_spikes(memory, what.x_sum, spiking, count, since_cue, k.onset, k.what_low, k.what_high, learning)
    if since_cue == k.onset:
        fixed_find_cue(memory, learning)
    cue = memory.cue[0]
    rate_gate[:] = 0
    if learning:
        gate_rates(k.rates, memory.occurrences[cue], gate, RATE_BITS, rate_gate)
    chip = OnChipState(
        memory.r,
        memory.x,
        memory.m,
        memory.settled,
        memory.q,
        memory.w,
        memory.a_in,
        memory.a_first,
        z,
        memory.y1,
        memory.forget,
        memory.step,
    )
    number = rounding_number(fold(step_key, CHIP_WORD))
    lost[0] += on_chip_step(k.chip, chip, spiking, count, rate_gate, target, learning, number)
    if fixed_diverged(z):
        return -1
    if cue == UNKNOWN:
        what_drive[:] = 0
    else:
        fixed_sum_spiking(what.w, 0, spiking, count, k.readout_fraction, k.rounding, what_drive)
    norm = np.int64(0)
    for j in range(memory.q.size):
        norm += memory.q[j] * memory.q[j]
    return norm << _NORM_SHIFT
