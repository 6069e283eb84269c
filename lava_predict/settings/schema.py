"""Settings, validated and in physical units. The presets hold every value; nothing here has a default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lava_predict.errors import short

MOST_SYNAPSES = 300_000_000
"""Limit on expected synapses (12 bytes each)."""

MOST_STEPS = 10_000_000
"""Limit on the steps of one trial."""


def _tuple_of_lists(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Section(BaseModel):
    """A group of settings; unknown keys are errors, and values keep their type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Positive = Annotated[float, Field(gt=0, le=1e9)]
NonNegative = Annotated[float, Field(ge=0, le=1e9)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
Current = Annotated[float, Field(ge=-1000, le=1000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**6)]
Draw = Annotated[int, Field(ge=0, lt=2**32)]
Interval = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(_tuple_of_lists)]


class Spread(Section):
    """How a parameter varies over cells: start + (stop - start) * r^power, or log-spaced."""

    start: Real
    stop: Real
    power: Positive
    scale: Literal["linear", "log"]
    draw: Literal["shared", "own"]

    @model_validator(mode="after")
    def _log_needs_positive(self) -> Spread:
        if self.scale == "log" and min(self.start, self.stop) <= 0:
            raise ValueError(f'.scale = "log": needs start = {self.start:g} and stop = {self.stop:g} above 0')
        return self

    def values(self, r: np.ndarray) -> np.ndarray:
        """Map r, uniform on 0 .. 1, to values of the parameter, elementwise."""
        if self.scale == "log":
            return np.asarray(self.start * np.exp(np.log(self.stop / self.start) * r**self.power))
        return np.asarray(self.start + (self.stop - self.start) * r**self.power)


def _spread_of_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"start": value, "stop": value, "power": 1.0, "scale": "linear", "draw": "own"}
    return value


Parameter = Annotated[Spread, BeforeValidator(_spread_of_number)]


class CellSettings(Section):
    """Parameters of the Izhikevich cells of one sign."""

    a: Annotated[Parameter, Field(description="rate of recovery, 1/ms")]
    b: Annotated[Parameter, Field(description="sensitivity of recovery to v")]
    c: Annotated[Parameter, Field(description="reset potential, mV")]
    d: Annotated[Parameter, Field(description="step of recovery at a spike")]
    bias: Annotated[Parameter, Field(description="constant current")]

    @model_validator(mode="after")
    def _within_the_models_range(self) -> CellSettings:
        if min(self.a.start, self.a.stop) <= 0:
            raise ValueError(
                f".a: from {self.a.start:g} to {self.a.stop:g}; must be above 0 (1/ms) throughout"
            )
        if max(self.c.start, self.c.stop) >= 30:
            raise ValueError(
                f".c: from {self.c.start:g} to {self.c.stop:g}; must be below 30 mV, where a cell spikes"
            )
        return self


class ReservoirSettings(Section):
    """The recurrent network of Izhikevich cells and what reaches it."""

    neurons: Annotated[int, Field(ge=1, le=100_000, description="number of cells")]
    excitatory_fraction: Annotated[Fraction, Field(description="share of cells that are excitatory")]
    connection_probability: Annotated[Fraction, Field(description="of any ordered pair of cells")]
    excitatory_charge: Annotated[
        float, Field(ge=0, le=1000, description="current * ms per spike at 100 synapses a cell")
    ]
    inhibitory_charge: Annotated[
        float, Field(le=0, ge=-1000, description="current * ms per spike at 100 synapses a cell")
    ]
    tau_s_ms: Annotated[float, Field(ge=0.5, le=1e6, description="decay of the synaptic current, ms")]
    cue_fraction: Annotated[Fraction, Field(description="share of the cells that a cue reaches")]
    cue_current: Annotated[Current, Field(description="current into the cells that a cue reaches")]
    event_current: Annotated[Current, Field(description="current into the cells that an event reaches")]
    noise: Annotated[float, Field(ge=0, le=1000, description="private current's deviation per 1 ms step")]
    feedback_gain: Annotated[Current, Field(description="current per unit of fed-back when readout")]
    excitatory: CellSettings
    inhibitory: CellSettings

    @model_validator(mode="after")
    def _synapses_fit(self) -> ReservoirSettings:
        expected = self.neurons * (self.neurons - 1) * self.connection_probability
        if expected > MOST_SYNAPSES:
            raise ValueError(
                f".neurons = {self.neurons}: with connection_probability = {self.connection_probability:g} "
                f"gives {expected:.3g} synapses; at most {MOST_SYNAPSES:.3g} are allowed: lower one"
            )
        return self


class ReadoutSettings(Section):
    """Traces, gate and the two learning rules."""

    tau_x_ms: Annotated[Positive, Field(description="trace of a cell's spikes, ms")]
    tau_m_ms: Annotated[Positive, Field(description="slow mean of the trace, ms")]
    centred: Annotated[bool, Field(description="subtract the slow mean from the traces")]
    constant_input: Annotated[Real, Field(description="the constant beside the traces")]
    when_rate: Annotated[float, Field(ge=0, le=100, description="rate of the when rule, per ms")]
    when_norm: Annotated[Literal["moment", "constant"], Field(description="what the when rule divides by")]
    when_norm_floor: Annotated[Positive, Field(description="added to |xc|^2")]
    gate_window_ms: Annotated[NonNegative, Field(description="gate 1 within this of the event, ms")]
    gate_residual: Annotated[Fraction, Field(description="gate elsewhere after the cue")]
    what_rate: Annotated[Fraction, Field(description="least rate of the what rule, per trial")]
    surprise_rate: Annotated[Fraction, Field(description="rate of the running means of the errors")]
    surprise_threshold: Annotated[Positive, Field(description="mean what error that counts as a surprise")]
    surprise_trials: Annotated[int, Field(ge=0, le=10**6, description="trials counted after a surprise")]
    timing_surprise: Annotated[Positive, Field(description="when error that is one, in running means of it")]
    surprise_keep: Annotated[Fraction, Field(description="share of the when weights kept after one")]
    what_window_ms: Annotated[Interval, Field(description="time after the cue that what reads, ms")]


class Block(Section):
    """Some trials with fixed statistics."""

    trials: Annotated[Count, Field(description="number of trials")]
    probability: Annotated[Any, Field(description="of each event, summing to at most 1")]
    latency_ms: Annotated[Any, Field(description="of each event after the cue, ms")]

    def of_cue(self, cue: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Probabilities and latencies (ms) of the events after one cue."""
        return _row(self.probability, cue), _row(self.latency_ms, cue)


def _row(value: Sequence[Any], cue: int) -> tuple[float, ...]:
    row = value[cue] if isinstance(value[0], Sequence) else value
    return tuple(float(number) for number in row)


def _rows(value: Any, key: str, cues: int) -> list[Sequence[Any]]:
    """Check the form of a per-event list, or of one such list per cue, and return one per cue."""
    wanted = f"{key} = {short(value)}: must be a list of numbers, one an event"
    if cues > 1:
        wanted += f", or a list of {cues} such lists, one a cue (task.cues = {cues})"
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(wanted)
    nested = [isinstance(item, list | tuple) for item in value]
    rows = list(value) if all(nested) else [value] * cues
    if len(rows) != cues:
        raise ValueError(wanted)
    for row in rows:
        if not row or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in row):
            raise ValueError(wanted)
        if not all(abs(n) <= 1e9 for n in row):
            raise ValueError(f"{wanted}, each finite and within +-1e9")
    return rows


class TaskSettings(Section):
    """MEET: cues, events, their probabilities and latencies, block by block."""

    cues: Annotated[int, Field(ge=1, le=64, description="number of different cues")]
    cue_ms: Annotated[Positive, Field(description="how long a cue is on, ms")]
    before_ms: Annotated[NonNegative, Field(description="time of a trial before its cue, ms")]
    after_ms: Annotated[Positive, Field(description="time of a trial from its cue on, ms")]
    event_width_ms: Annotated[Positive, Field(description="deviation of an event's timing profile, ms")]
    pause_ms: Annotated[Interval, Field(description="least and longest pause before a trial, ms")]
    settle_ms: Annotated[NonNegative, Field(description="time before the first trial of all, ms")]
    reset: Annotated[bool, Field(description="put the reservoir back to its start before each trial")]
    events_drive_reservoir: Annotated[bool, Field(description="events reach the reservoir too")]
    event_ms: Annotated[Positive, Field(description="how long an event then is on, ms")]
    blocks: Annotated[tuple[Block, ...], BeforeValidator(_tuple_of_lists), Field(min_length=1)]

    @property
    def events(self) -> int:
        """Number of events K."""
        return len(self.blocks[0].of_cue(0)[0])

    @model_validator(mode="after")
    def _pause_is_ordered(self) -> TaskSettings:
        low, high = self.pause_ms
        if low > high:
            raise ValueError(f".pause_ms = [{low:g}, {high:g}]: the least pause must come before the longest")
        if self.cue_ms > self.after_ms:
            raise ValueError(f".cue_ms = {self.cue_ms:g}: must be at most task.after_ms = {self.after_ms:g}")
        return self

    @model_validator(mode="after")
    def _blocks_fit_the_trial(self) -> TaskSettings:
        events = None
        for n, block in enumerate(self.blocks):
            place = f".blocks[{n}]"
            probabilities = _rows(block.probability, f"{place}.probability", self.cues)
            latencies = _rows(block.latency_ms, f"{place}.latency_ms", self.cues)
            for row, times in zip(probabilities, latencies, strict=True):
                events = len(row) if events is None else events
                if len(row) != events or len(times) != events:
                    raise ValueError(
                        f"{place}: {len(row)} probabilities and {len(times)} latencies; every block and cue "
                        f"needs {events} of each, as many as the first block has probabilities"
                    )
                if min(row) < 0 or sum(row) > 1 + 1e-9:
                    raise ValueError(
                        f"{place}.probability = {list(row)}: must be 0 or more each and sum to at most 1 "
                        f"(here {sum(row):g}); what is missing to 1 is the share of omissions"
                    )
                if min(times) < 0 or max(times) >= self.after_ms:
                    raise ValueError(
                        f"{place}.latency_ms = {list(times)}: must lie within the trial, from 0 to below "
                        f"task.after_ms = {self.after_ms:g}; move the event or lengthen the trial"
                    )
        return self


class DrawSettings(Section):
    """Numbers of the draws; another number draws that stream anew and leaves the others."""

    cells: Draw
    synapses: Draw
    inputs: Draw
    task: Draw
    noise: Draw


class RunSettings(Section):
    """Seed, time step and probes."""

    seed: Annotated[int, Field(ge=0, lt=2**63, description="of all random draws")]
    dt_ms: Annotated[float, Field(ge=0.01, le=1, description="time step, ms")]
    probe_trials: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        BeforeValidator(_tuple_of_lists),
        Field(description="trials of a block after which it is tested on the cue alone"),
    ]
    steps_per_lava_step: Annotated[
        int, Field(ge=1, le=10_000, description="time steps that a Lava time step advances in the fused form")
    ]
    probe_repeats: Annotated[int, Field(ge=1, le=1000, description="presentations that a probe averages")]
    draws: DrawSettings


Bits = Annotated[int, Field(ge=2, le=24)]
ParameterBits = Annotated[int, Field(ge=2, le=16)]


class FixedSettings(Section):
    """Word lengths and rounding of the integer network; used with precision "fixed" only."""

    fraction_bits: Annotated[
        int, Field(ge=0, le=23, description="of the 24 bits of v, u, s and currents, those behind the point")
    ]
    v_bits: Annotated[Bits, Field(description="bits of v that are kept, of 24")]
    u_bits: Annotated[Bits, Field(description="bits of u that are kept, of 24")]
    s_bits: Annotated[Bits, Field(description="bits of s that are kept, of 24")]
    parameter_bits: Annotated[ParameterBits, Field(description="a, b and factors, with sign")]
    decay_bits: Annotated[ParameterBits, Field(description="fraction bits of the decays of s and x")]
    weight_bits: Annotated[int, Field(ge=1, le=14, description="magnitude of a synapse's weight")]
    trace_bits: Annotated[Bits, Field(description="bits of x that are kept, of 24")]
    mean_bits: Annotated[Bits, Field(description="bits of m that are kept, of 24")]
    readout_bits: Annotated[Bits, Field(description="bits of the readouts' weights that are kept, of 24")]
    readout_fraction_bits: Annotated[
        int, Field(ge=0, le=23, description="of the 24 bits of the readouts' weights, those behind the point")
    ]
    rounding: Annotated[
        Literal["nearest", "floor", "stochastic"], Field(description="of what is cut off in a step")
    ]
    constant_rounding: Annotated[Literal["nearest", "floor"], Field(description="of parameters and weights")]
    learning: Annotated[
        Literal["own", "on_chip"], Field(description="this package's when rule, or Lava's learning engine")
    ]
    on_chip_rate: Annotated[float, Field(gt=0, le=100, description="rate of the when rule there, per ms")]
    on_chip_weight_range: Annotated[
        Positive, Field(description="largest weight there, in multiples of 1 / sqrt(N norm)")
    ]
    on_chip_impulse: Annotated[int, Field(ge=1, le=127, description="what a spike adds to a 7-bit trace")]
    on_chip_error_bits: Annotated[int, Field(ge=1, le=12, description="fraction bits of the error's trace")]
    on_chip_epoch: Annotated[
        int, Field(ge=0, le=63, description="steps between two changes of the weights; 0: as few as will do")
    ]


class Config(Section):
    """A complete configuration."""

    preset: Annotated[str, Field(description="the preset that this configuration started from")]
    reservoir: ReservoirSettings
    readout: ReadoutSettings
    task: TaskSettings
    run: RunSettings
    fixed: FixedSettings

    @model_validator(mode="after")
    def _steps_and_windows_fit(self) -> Config:
        dt, task, readout = self.run.dt_ms, self.task, self.readout
        if (task.before_ms + task.after_ms) / dt > MOST_STEPS or max(
            task.pause_ms[1], task.settle_ms
        ) / dt > MOST_STEPS:
            raise ValueError(
                f"task.before_ms = {task.before_ms:g}, task.after_ms = {task.after_ms:g}, task.pause_ms = "
                f"{list(task.pause_ms)}, task.settle_ms = {task.settle_ms:g}: a trial or pause may have "
                f"at most {MOST_STEPS} steps of run.dt_ms = {dt:g}; shorten it"
            )
        if min(task.cue_ms, task.after_ms, task.event_ms) < dt:
            raise ValueError(
                f"task.cue_ms = {task.cue_ms:g}, task.after_ms = {task.after_ms:g}, task.event_ms = "
                f"{task.event_ms:g}: must each be at least one step, run.dt_ms = {dt:g}"
            )
        low, high = readout.what_window_ms
        if high > task.after_ms or round(high / dt) - round(low / dt) < 1:
            raise ValueError(
                f"readout.what_window_ms = [{low:g}, {high:g}]: must begin before it ends and end by "
                f"task.after_ms = {task.after_ms:g}"
            )
        return self

    def steps(self, time_ms: float) -> int:
        """Turn a time into the nearest number of time steps."""
        return round(time_ms / self.run.dt_ms)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers, as TOML has them."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        return plain

    def to_toml(self) -> str:
        """Return the complete configuration as TOML text that reads back equal."""
        return tomli_w.dumps(self.to_dict())
