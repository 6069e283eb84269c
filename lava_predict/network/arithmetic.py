"""The two arithmetics a network can be run in, behind one face: float64, and Loihi-style integers.

Engines, and all that happens between segments, know a network by its `Arithmetic` alone; within one
arithmetic every way of running gives the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from lava_predict.errors import RunError, UserError, digits
from lava_predict.learning import what
from lava_predict.learning.readouts import Z_LIMIT, fixed_graded, graded
from lava_predict.network import fixed_step, inputs, step
from lava_predict.network.draw import Network
from lava_predict.network.state import State, mapped, not_finite, on_cache_lines
from lava_predict.network.step import Recording
from lava_predict.network.team import Team
from lava_predict.numerics.columns import range_count
from lava_predict.numerics.integers import FEEDBACK_FRACTION, HIGHEST, PAYLOAD_FRACTION, to_state
from lava_predict.numerics.plan import ROUNDINGS, Plan, Planner
from lava_predict.registry import NEURONS, RULES, SYNAPSES
from lava_predict.settings.schema import Config
from lava_predict.tasks import STREAMS_KEPT, Kind, Played, Segment, Streams, Task

PRECISIONS = ("float", "fixed")
"""float64, or integers as config.fixed describes them."""

_PAYLOAD_UNIT = 2.0**-PAYLOAD_FRACTION


class Parts(NamedTuple):
    """What a network is made of: a neuron, a synapse and a when rule, as the registry gives them."""

    neuron: Any
    synapse: Any
    rule: Any


def parts_of(config: Config) -> Parts:
    """Look up the parts that a configuration names."""
    reservoir = config.reservoir
    return Parts(
        NEURONS.get(reservoir.neuron), SYNAPSES.get(reservoir.synapse_part), RULES.get(config.readout.rule)
    )


class Arithmetic(ABC):
    """A network's numbers and the kernels that work on them. N cells, K events.

    Parameters
    ----------
    config : Config
        Settings.
    drawn : Network
        As `draw_network` draws it.

    Attributes
    ----------
    precision : str
        One of `PRECISIONS`.
    parts : Parts
        What the network is made of.
    start : State
        Before the first step; do not change it.
    network : Network
        What never changes, in this arithmetic's numbers.
    constants : Constants
        What else a step needs.
    plan : Plan or None
        How the parameters were quantised.
    number, accumulator : type
        Of states and streams, and of |xc|^2.
    kernels : Kernels
        The parts' kernels, bound into steps.
    current : ndarray
        Room for the currents of a step, (N,).
    saturating : tuple of str
        What may saturate, in the order of ``State.saturations``.
    """

    precision: str
    parts: Parts
    start: State
    network: Network
    constants: step.Constants
    plan: Plan | None = None
    number: type = np.float64
    accumulator: type = np.float64
    saturating: tuple[str, ...] = ()

    kernels: step.Kernels
    current: np.ndarray
    _room: Any
    _unit = 1.0
    _norm_unit = 1.0
    _when_unit = 1.0
    _what_unit = 1.0

    def __init__(self, config: Config, drawn: Network) -> None:
        self.config = config
        self.drawn = drawn
        self.parts = parts_of(config)
        self._streams: dict[int, tuple[Streams, Streams]] = {}
        self._spiking = np.empty(drawn.size, np.int64)

    def streams(self, streams: Streams) -> Streams:
        """Turn the streams of a segment into this arithmetic's numbers; do not write to the arrays."""
        # The task hands out the same arrays for the same kind of trial; holding on to them keeps their id.
        if id(streams) not in self._streams:
            if len(self._streams) == STREAMS_KEPT:
                self._streams.clear()
            self._streams[id(streams)] = (streams, self._convert(streams))
        return self._streams[id(streams)][1]

    def advance(
        self,
        state: State,
        streams: Streams,
        segment: Segment,
        first_step: int,
        recording: Recording,
        team: Team | None = None,
    ) -> np.ndarray:
        """Advance the network by a chunk of steps of a segment, in place.

        Parameters
        ----------
        state : State
            Changed in place.
        streams : Streams
            Rows of what `streams` gave, from the segment's step ``first_step`` on.
        segment, first_step : Segment, int
            What is being played, and its step at which the chunk begins.
        recording : Recording
            Filled in.
        team : Team, optional
            What `team` gave, at work: threads that take part. The bits do not depend on it.

        Returns
        -------
        (2, spikes) uint32
            Step within the segment and cell of each spike.

        Raises
        ------
        RunError
            If the network diverges.
        """
        chunk = (np.uint64(segment.noise_key), first_step, segment.cue_step, segment.learning, recording)
        room = (self.current, self._spiking, self._room)
        given = (self.constants, state, *streams, *chunk, *room)
        if team is None:
            count, diverged = self.kernels.advance(self.network, *given)
        else:
            count, diverged = self._shared_kernels().advance(team.network, *given)
        self.check_finite(segment, max(diverged, first_step), diverged >= 0, state)
        return np.stack((recording.spike_step[:count], recording.spike_cell[:count]))

    def team(self, threads: int) -> Team | None:
        """Return threads that share this network's spikes; None for one, or if nothing can be shared.

        Raises a UserError if the synapse has nothing for several threads.
        """
        synapse, name = self.parts.synapse, self.config.reservoir.synapse_part
        if threads == 1:
            return None
        if not hasattr(synapse, "delivered"):
            raise UserError(
                f"threads = {threads}: reservoir.synapse = {name!r} works in one thread only; leave it out"
            )
        if range_count(self.network.size, self.network.synapses.target) == 1:
            return None
        given = (self.network, synapse, self.constants.synapses, self._spiking, threads)
        return Team(*given, fixed=self.precision == "fixed")

    def _shared_kernels(self) -> step.Kernels:
        neuron, synapse, rule = self.parts
        fixed = self.precision == "fixed"
        rule_step = step.step_of(rule, self.config, fixed)
        return step.kernels(neuron, synapse, rule_step, fixed=fixed, shared=True)

    def reservoir_step(
        self, state: State, level: np.ndarray, step_key: np.uint64, spiking: np.ndarray
    ) -> int:
        """Advance the reservoir alone by a step, as `step.reservoir_step`."""
        step = (level, step_key, self.current, spiking)
        return int(self.kernels.reservoir_step(self.network, self.constants, state, *step))

    def readout_step(
        self,
        state: State,
        spiking: np.ndarray,
        gate: np.ndarray,
        target: np.ndarray,
        since_cue: int,
        learning: bool,
        step: int,
        step_key: np.uint64,
        what_drive: np.ndarray,
    ) -> Any:
        """Advance the readout alone by a step; the arguments are those of a when rule's ``step``."""
        given = (spiking, gate, target, since_cue, learning, step, step_key, self._room, what_drive)
        return self.kernels.readout_step(self.constants, state, *given)

    def check_finite(self, segment: Segment, step: int, diverged: bool, state: State) -> None:
        """Raise a RunError if a step of a segment ``diverged``, or if any part of the state is not finite."""
        broken = not_finite(state)
        if diverged or broken:
            config = self.config
            if (rate := getattr(config.readout, "when_rate", None)) is None:
                slower = f"the rate of readout.rule = {config.readout.rule!r}"
            else:
                slower = f"readout.when_rate = {digits(rate)}"
            cause = (
                f"not finite: {', '.join(broken)}" if broken else f"a when readout is beyond +-{Z_LIMIT:g}"
            )
            raise RunError(
                f"trial {segment.trial}, {segment.kind.value}, step {step}: the network diverged "
                f"({cause}); lower {slower}, "
                f"reservoir.feedback_gain = {digits(config.reservoir.feedback_gain)} or the synapses' charge"
            )

    def enter(self, segment: Segment, state: State, in_flight: Sequence[np.ndarray] = ()) -> None:
        """Prepare a state for a segment, in place: the reset, if it asks for one, and the sum of traces.

        ``in_flight`` are further buffers for spikes in flight, which a reset clears too.
        """
        if segment.reset:
            state.reset_reservoir(self.start, self.parts.rule.RESET)
            for buffer in in_flight:
                buffer[:] = 0
        state.what.x_sum[:] = 0

    def played(
        self,
        segment: Segment,
        spikes: np.ndarray,
        z: np.ndarray,
        what_drive: np.ndarray,
        norm: np.ndarray,
        p: np.ndarray,
        w_when: np.ndarray,
        w_what: np.ndarray,
        saturations: np.ndarray,
    ) -> Played:
        """Put together the record of a segment in physical units, from arrays in this arithmetic's."""
        read = (z * self._unit, what_drive * self._unit, norm * self._norm_unit)
        weights = (w_when * self._when_unit, w_what * self._what_unit)
        return Played(segment, spikes[0], spikes[1], *read, p, *weights, saturations)

    def finish(self, segment: Segment, state: State, task: Task, z: np.ndarray) -> np.ndarray:
        """Read the what estimate at the end of a segment and, after a trial, learn from the whole trial.

        This runs on the host, in float64 for every precision.

        Parameters
        ----------
        segment, task : Segment, Task
            What has been played, and the task that it is of.
        state : State
            After the last step; changed in place.
        z : (steps, K)
            When readout in each step, in this arithmetic's numbers.

        Returns
        -------
        (K,) float64
            What readout before learning, not clipped; NaN for a pause.

        Raises
        ------
        RunError
            If learning has left a number that is not finite.
        """
        if segment.kind is Kind.PAUSE:
            return np.full(state.z.size, np.nan)
        host, readout = self._readout(state), self.config.readout
        reading = self.reading(host, segment)
        p = what.read_estimate(host.what, reading)
        if segment.kind is Kind.TRIAL:
            what.learn_outcome(host.what, reading, segment.outcome, p, readout)
            streams = task.streams(segment)
            trial = (segment, z * self._unit, streams.gate, streams.target)
            changed = self.parts.rule.end_of_trial(host.when, *trial, readout)
            self._store(state, host, changed)
            self.check_finite(segment, segment.steps - 1, False, state)
        return p

    def reading(self, host: State, segment: Segment) -> what.Reading:
        """Return what the what readout reads of a trial or probe, of a state in physical units, at its end.

        After a trial, what the when rule subtracts from its readings moves first; so ask once.
        """
        read = getattr(self.parts.rule, "reading", what.mean_traces)
        reading: what.Reading = read(host.when, host.what.x_sum, segment, self.config)
        return reading

    def set_norm(self, state: State, norm: np.floating[Any]) -> None:
        """Set the constant norm of the when rule, given as spikes^2 per ms^2."""
        self.parts.rule.set_norm(state.when, norm)

    @abstractmethod
    def graded(self, z: np.ndarray) -> np.ndarray:
        """Turn when readouts into the graded spikes that are fed back, (K,)."""

    @abstractmethod
    def read_graded(self, spikes: np.ndarray) -> np.ndarray:
        """Turn graded spikes, (K,), into when readouts that `graded` would turn into the same."""

    @abstractmethod
    def physical(self, state: State) -> State:
        """Return a state in physical units, float64, for looking at it; counts stay what they are."""

    @abstractmethod
    def _readout(self, state: State) -> State:
        """Return a state whose readout alone is in physical units, for the rules at the end of a trial."""

    @abstractmethod
    def _convert(self, streams: Streams) -> Streams:
        """Turn streams into this arithmetic's numbers."""

    @abstractmethod
    def _store(self, state: State, host: State, when_changed: bool) -> None:
        """Write the weights that the host has changed."""


class FloatArithmetic(Arithmetic):
    """float64, in physical units; the parameters are those of `Arithmetic`."""

    precision = "float"

    def __init__(self, config: Config, network: Network) -> None:
        super().__init__(config, network)
        neuron, synapse, rule = self.parts
        connections, current = network.synapses, synapse.constants(config)
        if hasattr(synapse, "packed"):
            connections, current = synapse.packed(connections, current)
        self.network = _placed(network, connections)
        self.constants = step.Constants(
            cells=neuron.constants(network.cells, config.run.dt_ms),
            synapses=current,
            when=rule.constants(config),
            inputs=inputs.constants(config),
        )
        self.kernels = step.kernels(neuron, synapse, step.step_of(rule, config, False), fixed=False)
        self.current = np.empty(network.size)
        events, cues = config.task.events, config.task.cues
        self.start = State(
            cells=neuron.start(network.cells),
            synapses=synapse.start(connections),
            z=np.zeros(events),
            when=rule.start(config),
            what=what.start(network.size, events, cues, row_blocks(rule, config)),
            saturations=np.zeros(0, np.int64),
        )
        self._room = rule.scratch(self.start.when)

    def graded(self, z: np.ndarray) -> np.ndarray:  # noqa: D102
        return np.array([graded(value) for value in z])

    def read_graded(self, spikes: np.ndarray) -> np.ndarray:  # noqa: D102
        return spikes

    def physical(self, state: State) -> State:  # noqa: D102
        return state

    def _readout(self, state: State) -> State:
        return state

    def _convert(self, streams: Streams) -> Streams:
        return streams

    def _store(self, state: State, host: State, when_changed: bool) -> None:
        """Do nothing: the rules have worked on the state's own weights."""


class FixedArithmetic(Arithmetic):
    """Integers, in the formats of docs/fixed-point.md.

    Parameters
    ----------
    config, network
        As for `Arithmetic`; ``config.fixed`` gives the word lengths.
    chip_norm : float, optional
        Needed for ``fixed.learning = "on_chip"``: what the when rule divides by there, spikes^2 per ms^2.

    Raises
    ------
    UserError
        If a part has no integers, or settings do not fit Lava's learning engine.
    """

    precision = "fixed"
    number = np.int32
    accumulator = np.int64

    def __init__(self, config: Config, network: Network, chip_norm: float | None = None) -> None:
        super().__init__(config, network)
        self.parts = fixed_parts(config)
        neuron, synapse, rule = self.parts
        planner = Planner(config.fixed)
        cells, cell_constants = neuron.quantise(planner, network.cells, config.run.dt_ms)
        connections, synapse_constants = synapse.quantise(planner, config, network.synapses)
        input_weight, feedback_weight, input_constants = _quantise_inputs(planner, config, network)
        when, self._scales = rule.quantise(planner, config, chip_norm)
        self.plan = planner.plan
        self.network = _placed(Network(cells, connections, input_weight, feedback_weight), connections)
        self.constants = step.Constants(cell_constants, synapse_constants, when, input_constants)
        self.saturating = fixed_step.saturating(*self.parts)
        self.kernels = step.kernels(neuron, synapse, step.step_of(rule, config, True), fixed=True)
        # Where 32 bits hold what a cell's synapses and inputs add up to, less memory is moved.
        most = max(
            synapse.largest(connections, synapse_constants),
            inputs.largest(input_weight, feedback_weight, input_constants),
        )
        wide = most >= 2.0**31
        self.current = np.empty(network.size, np.int64 if wide else np.int32)
        self._unit, self._when_unit = _PAYLOAD_UNIT, self._scales.weight
        self._norm_unit = self._scales.norm
        self._what_unit = 2.0**-config.fixed.readout_fraction_bits
        self._state_unit = 2.0**-config.fixed.fraction_bits
        events, cues = config.task.events, config.task.cues
        self.start = State(
            cells=neuron.fixed_start(cells, cell_constants, config.fixed.fraction_bits),
            synapses=synapse.fixed_start(connections, wide),
            z=np.zeros(events, np.int32),
            when=rule.fixed_start(config),
            what=what.start(network.size, events, cues, row_blocks(rule, config), fixed=True),
            saturations=np.zeros(len(self.saturating), np.int64),
        )
        self._room = rule.fixed_scratch(self.start.when)

    def graded(self, z: np.ndarray) -> np.ndarray:  # noqa: D102
        return np.array([fixed_graded(value) for value in z], self.number)

    def read_graded(self, spikes: np.ndarray) -> np.ndarray:  # noqa: D102
        return spikes << (PAYLOAD_FRACTION - FEEDBACK_FRACTION)

    def physical(self, state: State) -> State:  # noqa: D102
        return self._readout(state)._replace(
            cells=mapped(lambda array: array * self._state_unit, state.cells),
            synapses=self.parts.synapse.physical(state.synapses, self._state_unit),
        )

    def _readout(self, state: State) -> State:
        return state._replace(
            z=state.z * self._unit,
            when=self.parts.rule.physical(state.when, self._scales),
            what=state.what._replace(
                x_sum=state.what.x_sum * self._scales.x_sum, w=state.what.w * self._what_unit
            ),
        )

    def _convert(self, streams: Streams) -> Streams:
        level = streams.level.astype(np.int32)
        rate_gate = np.floor(streams.gate * self._scales.gate + 0.5).astype(np.int32)
        target = np.floor(streams.target / self._unit + 0.5).astype(np.int32)
        return Streams(level, rate_gate, target)

    def _store(self, state: State, host: State, when_changed: bool) -> None:
        fraction, grain = self.config.fixed.readout_fraction_bits, 24 - self.config.fixed.readout_bits
        beyond = np.abs(host.what.w) > (HIGHEST + 1) * self._what_unit
        state.saturations[-1] += int(np.sum(beyond))
        state.what.w[:] = to_state(host.what.w, fraction, grain)
        if when_changed:
            state.when.w[:] = to_state(host.when.w, fraction, grain)


def _placed(network: Network, connections: Any) -> Network:
    """Return a network with these synapses; what vectors work on begins at a cache line.

    The synapses are not copied, as there may be many.
    """
    others = mapped(on_cache_lines, network._replace(synapses=()))
    return others._replace(synapses=connections)


def row_blocks(rule: Any, config: Config) -> int:
    """Return how many blocks of K rows the readouts' weights have."""
    return int(rule.row_blocks(config)) if hasattr(rule, "row_blocks") else 1


def fixed_parts(config: Config) -> Parts:
    """Return the `integer_parts` of a network that is to run.

    Raises a UserError as that does, and if the learning engine has no form for the rule's settings.
    """
    parts = integer_parts(config)
    if config.fixed.learning == "on_chip":
        parts.rule.check(config)
    return parts


def integer_parts(config: Config) -> Parts:
    """Return the parts in integers: with ``fixed.learning = "on_chip"`` the rule on Lava's learning engine.

    Raises a UserError if a part that the configuration names has no integers.
    """
    parts = parts_of(config)
    if config.fixed.learning == "on_chip":
        chip = getattr(parts.rule, "CHIP", None)
        if chip is None:
            raise UserError(
                f'fixed.learning = "on_chip": readout.rule = {config.readout.rule!r} has none for learning '
                'engines; set fixed.learning = "own" or readout.rule = "annealed_delta"'
            )
        parts = parts._replace(rule=import_module(chip))
    keys = (
        ("reservoir.neuron", config.reservoir.neuron, parts.neuron),
        ("reservoir.synapse", config.reservoir.synapse_part, parts.synapse),
        ("readout.rule", config.readout.rule, parts.rule),
    )
    for key, name, part in keys:
        if not hasattr(part, "quantise"):
            raise UserError(f"{key} = {name!r}: has no integers; use --precision float, or another part")
    return parts


def _quantise_inputs(
    planner: Planner, config: Config, network: Network
) -> tuple[np.ndarray, np.ndarray, inputs.FixedConstants]:
    """Quantise the weights of inputs and feedback, and the noise."""
    noise, noise_shift = inputs.quantise_noise(planner, config.reservoir.noise, config.run.dt_ms)
    weight, shifts = planner.signed_weights("input weights", network.input_weight)
    fed_back, up = planner.signed_weights("feedback weights", network.feedback_weight, FEEDBACK_FRACTION)
    k = inputs.FixedConstants(
        positive_shift=shifts[0],
        negative_shift=shifts[1],
        feedback_positive_shift=-up[0],
        feedback_negative_shift=-up[1],
        noise_factor=noise,
        noise_shift=noise_shift,
        feedback=config.reservoir.feedback_gain != 0.0,
        rounding=ROUNDINGS[config.fixed.rounding],
    )
    return weight, fed_back, k


def arithmetic_of(
    config: Config, network: Network, precision: str, chip_norm: float | None = None
) -> Arithmetic:
    """Return the arithmetic of one of `PRECISIONS` for a configuration and its drawn network."""
    if precision == "fixed":
        return FixedArithmetic(config, network, chip_norm)
    return FloatArithmetic(config, network)
