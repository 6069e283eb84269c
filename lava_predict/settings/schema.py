"""Settings, validated, in physical units. Presets hold every value; only a block's cues have a default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_serializer,
    model_validator,
)

from lava_predict.errors import UserError, check_kind, digits, pair, short
from lava_predict.registry import NEURONS, RULES, SYNAPSES, TASKS, Registry

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

MOST_SYNAPSES = 300_000_000
"""Limit on expected synapses (12 bytes each)."""

MOST_WAITING = 100_000_000
"""Limit on cells times steps of the longest axonal delay (8 bytes each)."""

MOST_STEPS = 10_000_000
"""Limit on the steps of one trial."""


def tuple_of_lists(value: Any) -> Any:
    """Let a list, as TOML has it, stand for a tuple."""
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Decays:
    """Marks a setting, a number, a range or a `Spread`, as a time constant in ms.

    What it decays is moved every so many time steps (``every``). A time constant below half of them is
    refused: an explicit step of it would overshoot by more than it had to go, and an exact one would leave
    less than e^-2.
    """

    every: int = 1

    def check(self, key: str, value: Any, dt_ms: float) -> None:
        """Raise a UserError that begins with ``key`` if the least value is too short for a step."""
        ends = (value.start, value.stop) if isinstance(value, Spread) else np.atleast_1d(value)
        shortest, least = min(ends), 0.5 * self.every * dt_ms
        if shortest < least:
            steps = "a step" if self.every == 1 else f"the {self.every} steps after which it moves"
            raise UserError(
                f"{key} = {digits(shortest)}: a time constant must be at least {digits(least)} ms, half of "
                f"{steps} (run.dt_ms = {digits(dt_ms)}); lengthen it or shorten run.dt_ms"
            )


class _Explained(ModelMetaclass):
    """Explains what is wrong with settings that are given by their names as a command would."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except ValidationError as invalid:
            from lava_predict.settings.explain import explain

            schema: Any = self
            remedy = "all values come from presets: use load_preset or load_config, and change some of them"
            raise UserError(f"{self.__name__}: {explain(invalid, schema, {})}; {remedy}") from None


class Section(BaseModel, metaclass=_Explained):
    """A group of settings; unknown keys are errors, and values keep their type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def check_step(self, dt_ms: float) -> None:
        """Refuse values that a time step of ``dt_ms`` is too long for, by a ValueError as a validator's.

        Here these are the time constants, marked by `Decays`; a part's `Settings` may add to it.
        """
        for name, field in type(self).model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, Decays):
                    mark.check(f".{name}", getattr(self, name), dt_ms)


Positive = Annotated[float, Field(gt=0, le=1e9)]
TimeConstant = Annotated[Positive, Decays()]
TimeConstants = Annotated[tuple[Positive, Positive], BeforeValidator(tuple_of_lists), Decays()]
NonNegative = Annotated[float, Field(ge=0, le=1e9)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
Current = Annotated[float, Field(ge=-1000, le=1000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**6)]
Draw = Annotated[int, Field(ge=0, lt=2**32)]
_OneDelay = Annotated[float, Field(ge=0, le=1000)]
Delay = Annotated[tuple[_OneDelay, _OneDelay], BeforeValidator(tuple_of_lists)]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=40)], ...], BeforeValidator(tuple_of_lists)
]
Interval = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(tuple_of_lists)]


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
            raise ValueError(
                f'.scale = "log": needs start = {digits(self.start)} and stop = {digits(self.stop)} above 0'
            )
        return self

    @property
    def ends(self) -> str:
        """Say between which values the parameter lies, for messages."""
        return f"from {digits(self.start)} to {digits(self.stop)}"


def _spread_of_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"start": value, "stop": value, "power": 1.0, "scale": "linear", "draw": "own"}
    return value


Parameter = Annotated[Spread, BeforeValidator(_spread_of_number)]
TimeParameter = Annotated[Parameter, Decays()]


class ReservoirSettings(Section):
    """The recurrent network of cells and what reaches it."""

    neuron: str = Field(description="model of the cells")
    synapse: str = Field(description="model of the recurrent synapses")
    neurons: int = Field(ge=1, le=100_000, description="number of cells")
    excitatory_fraction: Fraction = Field(description="share of cells that are excitatory")
    connection_probability: Fraction = Field(
        description="probability that an ordered pair of cells is connected"
    )
    excitatory_charge: float = Field(
        ge=0, le=1000, description="current * ms per spike at 100 synapses per cell"
    )
    inhibitory_charge: float = Field(
        le=0, ge=-1000, description="current * ms per spike at 100 synapses per cell"
    )
    tau_s_ms: Annotated[float, Decays()] = Field(
        ge=0.5, le=1e6, description="decay of the synaptic current, ms"
    )
    cue_fraction: Fraction = Field(description="share of the cells that a cue reaches")
    cue_current: Current = Field(description="current into the cells that a cue reaches")
    event_current: Current = Field(description="current into the cells that an event reaches")
    noise: float = Field(ge=0, le=1000, description="private current's deviation per 1 ms step")
    feedback_gain: Current = Field(description="current per unit of fed-back when readout")
    delay_ms: Delay = Field(description="least and longest axonal delay, ms; 0: one step")
    excitatory: Any  # The `Settings` of the neuron; see `schema_for`.
    inhibitory: Any

    @property
    def excitatory_cells(self) -> int:
        """Number of excitatory cells, which come first."""
        return round(self.neurons * self.excitatory_fraction)

    @property
    def synapse_part(self) -> str:
        """Name of the part that carries the spikes: exponential synapses with delays are one of their own."""
        return "delayed" if self.synapse == "exponential" and self.delay_ms[1] > 0 else self.synapse

    @property
    def synapse_setting(self) -> str:
        """The setting that decides `synapse_part`, for messages."""
        if self.synapse_part == self.synapse:
            return f"reservoir.synapse = {self.synapse!r}"
        return f"reservoir.delay_ms = {list(self.delay_ms)}"

    @model_validator(mode="after")
    def _delays_and_synapses_fit(self) -> ReservoirSettings:
        low, high = self.delay_ms
        if low > high:
            raise ValueError(f".delay_ms = {pair(low, high)}: the least delay must come before the longest")
        expected = self.neurons * (self.neurons - 1) * self.connection_probability
        if expected > MOST_SYNAPSES:
            raise ValueError(
                f".neurons = {self.neurons}: with connection_probability = "
                f"{digits(self.connection_probability)} gives {expected:.3g} synapses; "
                f"at most {MOST_SYNAPSES:.3g} are allowed: lower one"
            )
        return self


class ReadoutSettings(Section):
    """The gate, and the what rule; the when rule's own `Settings` add to these."""

    rule: str = Field(description="the when rule")
    gate_window_ms: NonNegative = Field(description="distance from the event within which the gate is 1, ms")
    gate_residual: Fraction = Field(description="gate at other times after the cue")
    what_rate: Fraction = Field(description="least rate of the what rule, per trial")
    surprise_rate: Fraction = Field(description="rate of the running means of the errors")
    surprise_threshold: Positive = Field(
        description="length, over the events, of the running mean of the what error that is a surprise"
    )
    surprise_trials: int = Field(ge=0, le=10**6, description="trials counted after a surprise")
    what_window_ms: Interval = Field(description="window after the cue that the what readout reads, ms")


class Block(Section):
    """Some trials with fixed statistics."""

    trials: Count = Field(description="number of trials")
    probability: Any = Field(description="probability of each event, summing to at most 1")
    latency_ms: Any = Field(description="latency of each event after the cue, ms")
    cues: Any = Field("all", description='numbers, from 1, of the cues that training shows, or "all"')

    def shown(self, cues: int) -> Sequence[int]:
        """Return the cues, numbered from 0, that training shows, of so many."""
        return range(cues) if self.cues == "all" else [cue - 1 for cue in self.cues]

    @model_serializer(mode="wrap")
    def _leave_out_the_default(self, serialise: Any) -> dict[str, Any]:
        return {key: value for key, value in serialise(self).items() if (key, value) != ("cues", "all")}

    def of_cue(self, cue: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Probabilities and latencies (ms) of the events after one cue."""
        return _row(self.probability, cue), _row(self.latency_ms, cue)


def _row(value: Sequence[Any], cue: int) -> tuple[float, ...]:
    row = value[cue] if isinstance(value[0], Sequence) else value
    return tuple(float(number) for number in row)


def _rows(value: Any, key: str, cues: int) -> list[Sequence[Any]]:
    """Check the form of a per-event list, or of one such list per cue, and return one per cue."""
    wanted = f"{key} = {short(value)}: must be a list of numbers, one per event"
    if cues > 1:
        wanted += f", or a list of {cues} such lists, one per cue (task.cues = {cues})"
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


def _check_shown(given: Any, key: str, cues: int) -> None:
    """Check the numbers of the cues that a block shows."""
    if given == "all":
        return
    known = isinstance(given, list | tuple) and all(type(n) is int and 1 <= n <= cues for n in given)
    if not known or not given or len(set(given)) < len(given):
        raise ValueError(
            f'{key} = {short(given)}: must be "all", or a list of different numbers of cues, from 1 to '
            f"task.cues = {cues}"
        )


def event_name(event: int) -> str:
    """Name the n-th event: A, B, ..."""
    return chr(ord("A") + event) if event < 26 else f"E{event + 1}"


def _check_names(key: str, names: tuple[str, ...], count: int) -> None:
    """Check that names, if there are any, are as many as what they name, and different."""
    if names and (len(names) != count or len(set(names)) < count):
        raise ValueError(f".{key} = {short(list(names))}: must be {count} different names, or [] for none")


class TaskSettings(Section):
    """Cues, events, their probabilities and latencies, block by block."""

    name: str = Field(description="the task")
    cues: int = Field(ge=1, le=64, description="number of different cues")
    cue_ms: Positive = Field(description="duration of a cue, ms")
    before_ms: NonNegative = Field(description="time of a trial before its cue, ms")
    after_ms: Positive = Field(description="time of a trial from its cue on, ms")
    cue_overlap: Any = Field(
        description='share of a cue\'s cells that is common to all cues, 0 to 1, or "drawn"'
    )
    event_width_ms: float = Field(ge=1e-3, le=1e9, description="deviation of an event's timing profile, ms")
    latency_sd_ms: NonNegative = Field(description="deviation of an event's time from trial to trial, ms")
    pause_ms: Interval = Field(description="least and longest pause before a trial, ms")
    settle_ms: NonNegative = Field(description="time before the very first trial, ms")
    reset: bool = Field(description="put the reservoir back to its start before each trial")
    events_drive_reservoir: bool = Field(description="events reach the reservoir too")
    event_names: Names = Field(description="names of the events; none: A, B, ...")
    cue_names: Names = Field(description="names of the cues; none: 1, 2, ...")
    blocks: Annotated[tuple[Block, ...], BeforeValidator(tuple_of_lists), Field(min_length=1)]

    @property
    def events(self) -> int:
        """Number of events K."""
        return len(self.blocks[0].of_cue(0)[0])

    @property
    def names_of_events(self) -> tuple[str, ...]:
        """The name of each event: A, B, ... unless they are set."""
        return self.event_names or tuple(map(event_name, range(self.events)))

    @property
    def names_of_cues(self) -> tuple[str, ...]:
        """The name of each cue: 1, 2, ... unless they are set."""
        return self.cue_names or tuple(str(cue + 1) for cue in range(self.cues))

    def last_shown(self, block: int, cue: int) -> int | None:
        """Return the last block, up to number ``block``, that shows a cue; None if none does."""
        shown = (n for n in range(block, -1, -1) if cue in self.blocks[n].shown(self.cues))
        return next(shown, None)

    def statistics(self, block: int, cue: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Probabilities and latencies (ms) after a cue in a block: of `last_shown`, NaN if it is None."""
        last = self.last_shown(block, cue)
        unknown = (float("nan"),) * self.events
        return (unknown, unknown) if last is None else self.blocks[last].of_cue(cue)

    @model_validator(mode="after")
    def _times_and_cues_fit(self) -> TaskSettings:
        low, high = self.pause_ms
        if low > high:
            raise ValueError(
                f".pause_ms = {pair(low, high)}: the first number (shortest pause) must not exceed the "
                "second (longest pause)"
            )
        if self.cue_ms > self.after_ms:
            raise ValueError(
                f".cue_ms = {digits(self.cue_ms)}: must be at most task.after_ms = {digits(self.after_ms)}"
            )
        share = self.cue_overlap
        is_share = type(share) in (int, float) and 0 <= share <= 1
        if share != "drawn" and not is_share:
            raise ValueError(f'.cue_overlap = {short(share)}: must be a number from 0 to 1, or "drawn"')
        return self

    @model_validator(mode="after")
    def _blocks_fit_the_trial(self) -> TaskSettings:
        events = None
        for n, block in enumerate(self.blocks):
            place = f".blocks[{n}]"
            _check_shown(block.cues, f"{place}.cues", self.cues)
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
                        f"{place}.probability = {list(row)}: each must be 0 or more, and their sum at most "
                        f"1 (here {digits(round(sum(row), 12))}); the rest up to 1 is the share of omissions"
                    )
                if min(times) < 0 or max(times) >= self.after_ms:
                    raise ValueError(
                        f"{place}.latency_ms = {list(times)}: must lie within the trial, from 0 to below "
                        f"task.after_ms = {digits(self.after_ms)}; move the event or lengthen the trial"
                    )
        _check_names("event_names", self.event_names, self.events)
        _check_names("cue_names", self.cue_names, self.cues)
        return self


class StreamSettings(Section):
    """What is predicted of a stream of events, and the rule that learns which label comes next."""

    labels_max: int = Field(ge=1, le=64, description="most different labels")
    horizon_ms: float = Field(ge=10, le=100_000, description="times are predicted up to this, ms")
    window_ms: Positive = Field(description="time after an event whose spikes tell the next label, ms")
    mean_rate: Fraction = Field(description="least rate of the cells' mean bits, per event")
    first_rate: Positive = Field(description="rate of the what rule at first")
    least_rate: Positive = Field(description="least rate of the what rule")
    surprise_bits: Positive = Field(
        description="rise of the running mean of the log2 loss that is a surprise, bits"
    )
    settle_ms: Annotated[float, Field(ge=0, le=1e6)] = Field(description="time before a sequence, ms")
    times: bool = Field(description="state a time for each label, by playing on past the longest gaps")


class DrawSettings(Section):
    """Numbers of the draws; another number redraws that stream and leaves the others."""

    cells: Draw
    synapses: Draw
    inputs: Draw
    task: Draw
    noise: Draw


class RunSettings(Section):
    """Seed, time step and probes."""

    seed: int = Field(ge=0, lt=2**63, description="seed of all random draws")
    dt_ms: float = Field(ge=0.01, le=1, description="time step, ms")
    probe_trials: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(tuple_of_lists)] = Field(
        description="trials of a block after which it is tested on the cue alone"
    )
    steps_per_lava_step: int = Field(
        ge=1, le=10_000, description="time steps that a Lava time step advances in the fused form"
    )
    probe_repeats: int = Field(ge=1, le=1000, description="presentations that a probe averages")
    draws: DrawSettings


Bits = Annotated[int, Field(ge=2, le=24)]
ParameterBits = Annotated[int, Field(ge=2, le=16)]


class FixedSettings(Section):
    """Word lengths and rounding of the integer network; used with precision "fixed" only."""

    fraction_bits: int = Field(ge=0, le=23, description="fraction bits of v, u, s and currents, of 24")
    v_bits: Bits = Field(description="bits of v that are kept, of 24")
    u_bits: Bits = Field(description="bits of u that are kept, of 24")
    s_bits: Bits = Field(description="bits of s that are kept, of 24")
    parameter_bits: ParameterBits = Field(description="a, b and factors, with sign")
    decay_bits: ParameterBits = Field(
        description="fraction bits of the decay of s, and of x with gated_delta"
    )
    weight_bits: int = Field(ge=1, le=14, description="magnitude of a synapse's weight")
    trace_bits: Bits = Field(description="bits of x that are kept, of 24")
    mean_bits: Bits = Field(description="bits of m that are kept, of 24")
    readout_bits: Bits = Field(description="bits of the readouts' weights that are kept, of 24")
    readout_fraction_bits: int = Field(
        ge=0, le=23, description="fraction bits of the readouts' weights, of 24"
    )
    rounding: Literal["nearest", "floor", "stochastic"] = Field(
        description="rounding of the bits that a step cuts off"
    )
    constant_rounding: Literal["nearest", "floor"] = Field(description="rounding of parameters and weights")
    learning: Literal["own", "on_chip"] = Field(
        description="this package's when rule, or Lava's learning engine"
    )
    on_chip_groups: Literal[1, 8] = Field(description="groups of cells that the engine rounds on their own")


class Config(Section):
    """A complete configuration.

    ``reservoir.neuron``, ``readout.rule`` and ``task.name`` decide which settings the sections
    ``reservoir.excitatory`` and ``reservoir.inhibitory``, ``readout`` and ``task`` have: see `schema_for`.
    """

    preset: str = Field(description="the preset that this configuration started from")
    reservoir: ReservoirSettings
    readout: Any  # The `Settings` of the when rule, a `ReadoutSettings`.
    task: Any  # The `Settings` of the task, a `TaskSettings`.
    run: RunSettings
    stream: StreamSettings
    fixed: FixedSettings

    @model_validator(mode="after")
    def _steps_and_windows_fit(self) -> Config:
        dt, task, readout = self.run.dt_ms, self.task, self.readout
        if max(task.before_ms + task.after_ms, task.pause_ms[1], task.settle_ms) / dt > MOST_STEPS:
            raise ValueError(
                f"task.before_ms = {digits(task.before_ms)}, task.after_ms = {digits(task.after_ms)}, "
                f"task.pause_ms = {list(task.pause_ms)}, task.settle_ms = {digits(task.settle_ms)}: a "
                f"trial or pause may have at most {MOST_STEPS} steps of run.dt_ms = {digits(dt)}; shorten it"
            )
        if min(task.cue_ms, task.after_ms) < dt:
            raise ValueError(
                f"task.cue_ms = {digits(task.cue_ms)}, task.after_ms = {digits(task.after_ms)}: must each be "
                f"at least one step, run.dt_ms = {digits(dt)}"
            )
        reservoir = self.reservoir
        waiting = reservoir.neurons * self.steps(reservoir.delay_ms[1])
        if waiting > MOST_WAITING:
            raise ValueError(
                f"reservoir.delay_ms = {list(reservoir.delay_ms)}: its steps of run.dt_ms = {digits(dt)} "
                f"times reservoir.neurons = {reservoir.neurons} are {waiting:.3g}; at most "
                f"{MOST_WAITING:.3g} are allowed: shorten it"
            )
        low, high = readout.what_window_ms
        if high > task.after_ms or round(high / dt) - round(low / dt) < 1:
            raise ValueError(
                f"readout.what_window_ms = {pair(low, high)}: must begin before it ends and end by "
                f"task.after_ms = {digits(task.after_ms)}"
            )
        return self

    @model_validator(mode="after")
    def _the_step_is_short_enough(self) -> Config:
        for place, section in _sections_in(self):
            try:
                section.check_step(self.run.dt_ms)
            except ValueError as error:
                raise ValueError(f"{place}{error}") from None
        return self

    @model_validator(mode="after")
    def _cues_find_their_cells(self) -> Config:
        if self.task.cue_overlap == "drawn":
            return self
        cues, cells = self.task.cues, self.reservoir.neurons
        reached, common = self.cue_cells
        if common + cues * (reached - common) > cells:
            least = (cues * reached - cells) / ((cues - 1) * reached)
            raise ValueError(
                f"task.cue_overlap = {digits(self.task.cue_overlap)}: task.cues = {cues} cues of {reached} "
                f"cells, {common} of them common to all, need more than reservoir.neurons = {cells}; raise "
                f"it to at least {np.ceil(100 * least) / 100:g}, or lower reservoir.cue_fraction or task.cues"
            )
        return self

    @property
    def cue_cells(self) -> tuple[int, int]:
        """Cells that a cue reaches, and how many of them are common to all cues, with a ``cue_overlap``."""
        reached = round(self.reservoir.cue_fraction * self.reservoir.neurons)
        return reached, round(self.task.cue_overlap * reached)

    def steps(self, time_ms: float) -> int:
        """Turn a time into the nearest number of time steps."""
        return round(time_ms / self.run.dt_ms)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers, as TOML has them."""
        return self.model_dump(mode="json")

    def to_toml(self) -> str:
        """Return the complete configuration as TOML text that reads back equal."""
        return tomli_w.dumps(self.to_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle plain values, as the class is made for the parts that they name."""
        return validated, (self.model_dump(),)


def check_config(config: Any) -> None:
    """Raise a UserError if a caller gave something else than settings."""
    check_kind("config", config, Config, "settings, from load_preset, load_config or config_from")


def _sections_in(section: Section, place: str = "") -> Iterator[tuple[str, Section]]:
    """Yield the sections of a section, each with its key."""
    for name in type(section).model_fields:
        inner = getattr(section, name)
        if isinstance(inner, Section):
            key = f"{place}.{name}".lstrip(".")
            yield key, inner
            yield from _sections_in(inner, key)


def schema_for(values: Mapping[str, Any]) -> type[Config]:
    """Return the configuration class for the parts that some values, nested dicts, name.

    A part that is not named is the one of the preset ``robust``. Raises a UserError if there is no such part.
    """

    def named(registry: Registry, default: str) -> str:
        section, key = registry.key.split(".")
        found = values.get(section)
        name: Any = found.get(key, default) if isinstance(found, Mapping) else default
        registry.get(name)  # A synapse has no settings, but must be there, too.
        return str(name)

    named(SYNAPSES, "exponential")
    return _schema(named(NEURONS, "izhikevich"), named(RULES, "annealed_delta"), named(TASKS, "meet"))


@cache
def _schema(neuron: str, rule: str, task: str) -> type[Config]:
    cells = NEURONS.get(neuron).Settings
    reservoir = create_model(
        "ReservoirSettings", __base__=ReservoirSettings, excitatory=(cells, ...), inhibitory=(cells, ...)
    )
    sections: dict[str, Any] = {
        "reservoir": (reservoir, ...),
        "readout": (RULES.get(rule).Settings, ...),
        "task": (TASKS.get(task).Settings, ...),
    }
    return create_model("Config", __base__=Config, __doc__=Config.__doc__, **sections)


def validated(values: Mapping[str, Any]) -> Config:
    """Validate complete nested values; raises pydantic's ValidationError, or a UserError for a part."""
    return schema_for(values).model_validate(values)
