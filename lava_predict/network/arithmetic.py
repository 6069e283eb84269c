"""The two arithmetics a network can be run in, behind one face: float64, and Loihi-style integers.

Backends, and all that happens between segments, know a network by its `Arithmetic` alone; within one
arithmetic every way of running gives the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from lava_predict.engines import Played
from lava_predict.learning.what import learn_outcome, read_estimate
from lava_predict.learning.when.gated_delta import add_timing_error, learn_timing
from lava_predict.learning.when.on_chip import on_chip_size
from lava_predict.network import fixed_step as fixed
from lava_predict.network import float_step as float_kernel
from lava_predict.network.draw import Network
from lava_predict.network.float_step import Recording
from lava_predict.network.quantise import Plan, quantise, to_state
from lava_predict.network.state import UNTAUGHT_ERROR, State, initial_state
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Kind, Meet, Segment, Streams

PRECISIONS = ("float", "fixed")
"""float64, or integers as config.fixed describes them."""


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
    start : State
        Before the first step; leave it as it is.
    network : Network or FixedNetwork
        What never changes, in this arithmetic's numbers.
    constants : StepConstants or FixedConstants
        What else a step needs.
    plan : Plan or None
        What became of the parameters in quantising.
    number, accumulator : type
        Of states and streams, and of |xc|^2.
    saturating : tuple of str
        What may saturate, in the order of ``State.saturations``.
    """

    precision: str
    start: State
    network: Any
    constants: Any
    plan: Plan | None = None
    number: type = np.float64
    accumulator: type = np.float64
    saturating: tuple[str, ...] = ()

    _kernel: Any
    _payload_unit = 1.0
    _norm_unit = 1.0
    _when_unit = 1.0
    _what_unit = 1.0
    _graded_shift = 0

    def __init__(self, config: Config, drawn: Network) -> None:
        self.config = config
        self.drawn = drawn
        self._streams: dict[int, tuple[Streams, Streams]] = {}

    def streams(self, streams: Streams) -> Streams:
        """Turn the streams of a segment into this arithmetic's numbers; do not write to the arrays."""
        # The task hands out the same arrays for the same kind of trial; holding on to them keeps their id.
        if id(streams) not in self._streams:
            self._streams[id(streams)] = (streams, self._convert(streams))
        return self._streams[id(streams)][1]

    def advance(
        self,
        state: State,
        streams: Streams,
        noise_key: int,
        first_step: int,
        what_window: tuple[int, int],
        learning: bool,
        recording: Recording,
    ) -> tuple[int, int]:
        """Advance the network by a chunk of steps, in place; see the kernels' `advance`.

        Parameters
        ----------
        state : State
            Changed in place.
        streams : Streams
            Rows of what `streams` gave.
        noise_key, first_step, what_window, learning, recording
            As for the kernel.

        Returns
        -------
        spikes, diverged : int
            As the kernel returns them.
        """
        chunk = (np.uint64(noise_key), first_step, what_window, learning, recording)
        found = self._kernel.advance(self.network, self.constants, state, *streams, *chunk)
        return found  # type: ignore[no-any-return]

    def reservoir_step(
        self, state: State, level: np.ndarray, step_key: np.uint64, i_in: np.ndarray, spiking: np.ndarray
    ) -> int:
        """Advance the reservoir alone by a step; see the kernels' `reservoir_step`."""
        step = (level, step_key, i_in, spiking)
        return self._kernel.reservoir_step(self.network, self.constants, state, *step)  # type: ignore[no-any-return]

    def readout_step(
        self,
        state: State,
        spiking: np.ndarray,
        gate: np.ndarray,
        target: np.ndarray,
        in_what_window: bool,
        learning: bool,
        step: int,
        step_key: np.uint64,
        what_drive: np.ndarray,
    ) -> Any:
        """Advance the readout alone by a step; see the kernels' `readout_step`."""
        given = (spiking, spiking.size, gate, target, in_what_window, learning)
        scratch = self._scratch(step, step_key)
        return self._kernel.readout_step(self.constants, state, *given, *scratch, what_drive)

    def graded(self, z: np.ndarray) -> np.ndarray:
        """Turn when readouts into the graded spikes that are fed back, (K,)."""
        return np.array([self._kernel.graded(value) for value in z], self.number)

    def read_graded(self, spikes: np.ndarray) -> np.ndarray:
        """Turn graded spikes, (K,), into when readouts that `graded` would turn into the same."""
        return spikes << self._graded_shift if self._graded_shift else spikes

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
        return Played(
            segment,
            spikes[0],
            spikes[1],
            z * self._payload_unit,
            what_drive * self._payload_unit,
            norm * self._norm_unit,
            p,
            w_when * self._when_unit,
            w_what * self._what_unit,
            saturations,
        )

    @abstractmethod
    def _convert(self, streams: Streams) -> Streams:
        """Turn streams into this arithmetic's numbers."""

    @abstractmethod
    def _scratch(self, step: int, step_key: np.uint64) -> tuple[Any, ...]:
        """Return what `readout_step` of the kernel needs beside the state."""

    @abstractmethod
    def set_norm(self, state: State, norm: np.floating[Any]) -> None:
        """Set the constant norm of the when rule, given as spikes^2 per ms^2."""

    @abstractmethod
    def physical(self, state: State) -> State:
        """Return a state in physical units, float64, for looking at it; counts stay what they are."""

    @abstractmethod
    def _store_what(self, state: State, w_what: np.ndarray) -> None:
        """Write the weights that the what rule, on the host, has changed."""

    @abstractmethod
    def _store_when(self, state: State, w_when: np.ndarray) -> None:
        """Write the weights of which a surprise, on the host, has left a part."""

    @property
    def _forgets(self) -> bool:
        """Whether a surprise about timing changes weights: the host does not touch a learning engine's."""
        return self.precision == "float" or self.config.fixed.learning == "own"

    def finish(self, segment: Segment, state: State, meet: Meet, z: np.ndarray) -> np.ndarray:
        """Read the what estimate at the end of a segment and, after a trial, learn from it as a whole.

        This runs on the host, in float64 for every precision.

        Parameters
        ----------
        segment : Segment
            What has been played.
        state : State
            After its last step; changed in place.
        meet : Meet
            The task that the segment is of.
        z : (steps, K)
            When readout in each step, in this arithmetic's numbers.

        Returns
        -------
        (K,) float64
            What readout before learning, not clipped; NaN for a pause.
        """
        if segment.kind is Kind.PAUSE:
            return np.full(state.z.size, np.nan)
        low, high = meet.what_window
        host, readout = self.physical(state), self.config.readout
        p = read_estimate(host, high - low)
        if segment.kind is Kind.TRIAL:
            learn_outcome(host, high - low, segment.cue, segment.outcome, p, readout)
            self._store_what(state, host.w_what)
            if self._forgets:
                streams, sums = meet.streams(segment), np.zeros((2, z.shape[1]))
                add_timing_error(z * self._payload_unit, streams.gate, streams.target, sums)
                if learn_timing(host, segment.cue, segment.outcome, sums, readout):
                    self._store_when(state, host.w_when)
        return p


class FloatArithmetic(Arithmetic):
    """float64, units as in `lava_predict.network.float_step`.

    Parameters
    ----------
    config : Config
        Settings.
    network : Network
        As `draw_network` draws it.
    """

    precision = "float"
    _kernel = float_kernel

    def __init__(self, config: Config, network: Network) -> None:
        super().__init__(config, network)
        self.network = network
        self.constants = float_kernel.step_constants(config)
        self.start = initial_state(network, config.task.events, config.task.cues)
        self._xc = np.empty(network.a.size + 1)

    def _convert(self, streams: Streams) -> Streams:
        return streams

    def _scratch(self, step: int, step_key: np.uint64) -> tuple[Any, ...]:
        return (self._xc,)

    def set_norm(self, state: State, norm: np.floating[Any]) -> None:  # noqa: D102
        state.norm[0] = norm

    def physical(self, state: State) -> State:  # noqa: D102
        return state

    def _store_what(self, state: State, w_what: np.ndarray) -> None:
        """Do nothing: the rule has worked on the state's own weights."""

    def _store_when(self, state: State, w_when: np.ndarray) -> None:
        """Do nothing, for the same reason."""


class FixedArithmetic(Arithmetic):
    """Integers, formats as in `lava_predict.network.fixed_step`.

    Parameters
    ----------
    config : Config
        Settings; its ``fixed`` section gives the word lengths.
    network : Network
        As `draw_network` draws it.
    """

    precision = "fixed"
    _kernel = fixed
    number = np.int32
    accumulator = np.int64
    saturating = fixed.SATURATING
    _graded_shift = fixed.PAYLOAD_FRACTION - fixed.FEEDBACK_FRACTION

    def __init__(self, config: Config, network: Network) -> None:
        super().__init__(config, network)
        on_chip = config.fixed.learning == "on_chip"
        norm = _uncentred_norm(config, network) if on_chip else None
        self.network, self.constants, self._rate, chip, self.plan = quantise(config, network, norm)
        settings = config.fixed
        self._state_unit = 2.0**-settings.fraction_bits
        self._what_unit = 2.0**-settings.readout_fraction_bits
        self._when_unit = self._what_unit if chip is None else chip.weight
        self._payload_unit = 2.0**-fixed.PAYLOAD_FRACTION
        self._norm_unit = self._payload_unit**2
        self.start = self._initial_state()
        self._xc = np.empty(network.a.size + 1, np.int32)
        self._xq = np.empty(network.a.size, np.int32)

    def _sums_fit_32_bits(self) -> bool:
        """Whether 32 bits hold what a cell's synapses and inputs add up to; less memory is moved then."""
        network, k = self.network, self.constants
        synapses = _sizes(network.weight, k.excitatory_shift, k.inhibitory_shift)
        inputs = _sizes(network.input_weight, k.input_positive_shift, k.input_negative_shift)
        up = (
            fixed.FEEDBACK_FRACTION - k.feedback_positive_shift,
            fixed.FEEDBACK_FRACTION - k.feedback_negative_shift,
        )
        fed_back = _sizes(network.feedback_weight, *up)
        largest = np.bincount(network.target, synapses, 1).max()
        return bool(max(largest, (inputs.sum(axis=0) + fed_back.sum(axis=0)).max()) < 2.0**31)

    def _initial_state(self) -> State:
        """Return the float state before the first step in integers: v = -65 mV, u = b v, all else 0."""
        config, k = self.config, self.constants
        cells, events = self.network.a.size, config.task.events
        v = to_state(np.full(cells, -65.0), config.fixed.fraction_bits, k.v_grain)
        u = to_state(v.astype(np.int64) * self.network.b / 2.0**k.b_shift, 0, k.u_grain)
        return State(
            v=v,
            u=u,
            s=np.zeros(cells, np.int32),
            a_in=np.zeros(cells, np.int32 if self._sums_fit_32_bits() else np.int64),
            x=np.zeros(cells, np.int32),
            m=np.zeros(cells, np.int32),
            z=np.zeros(events, np.int32),
            x_sum=np.zeros(cells, np.int64),
            w_when=np.zeros((events, cells + 1), np.int32),
            w_what=np.zeros((events, cells), np.int32),
            norm=np.ones(1, np.int64),
            what_trials=np.zeros(config.task.cues, np.int64),
            what_error=np.zeros((config.task.cues, events)),
            when_error=np.full((config.task.cues, events), UNTAUGHT_ERROR),
            on_chip=np.zeros(on_chip_size(cells, events) if k.on_chip else 0, np.int32),
            saturations=np.zeros(len(self.saturating), np.int64),
        )

    def _convert(self, streams: Streams) -> Streams:
        level = streams.level.astype(np.int32)
        rate_gate = np.floor(streams.gate * self._rate + 0.5).astype(np.int32)
        target = np.floor(streams.target / self._payload_unit + 0.5).astype(np.int32)
        return Streams(level, rate_gate, target)

    def _scratch(self, step: int, step_key: np.uint64) -> tuple[Any, ...]:
        return (step, step_key, self._xc, self._xq)

    def set_norm(self, state: State, norm: np.floating[Any]) -> None:  # noqa: D102
        state.norm[0] = int(norm / self._norm_unit + 0.5)

    def physical(self, state: State) -> State:  # noqa: D102
        unit = self._state_unit
        return state._replace(
            v=state.v * unit,
            u=state.u * unit,
            s=state.s * unit,
            a_in=state.a_in * unit,
            x=state.x * 2.0**-fixed.TRACE_FRACTION,
            m=state.m * 2.0**-fixed.MEAN_FRACTION,
            z=state.z * self._payload_unit,
            x_sum=state.x_sum * self._payload_unit,
            w_when=state.w_when * self._when_unit,
            w_what=state.w_what * self._what_unit,
            norm=state.norm * self._norm_unit,
        )

    def _store_what(self, state: State, w_what: np.ndarray) -> None:
        beyond = np.abs(w_what) > (fixed.HIGHEST + 1) * self._what_unit
        state.saturations[fixed.W_WHAT] += int(np.sum(beyond))
        fraction = self.config.fixed.readout_fraction_bits
        state.w_what[:] = to_state(w_what, fraction, self.constants.readout_grain)

    def _store_when(self, state: State, w_when: np.ndarray) -> None:
        fraction = self.config.fixed.readout_fraction_bits
        state.w_when[:] = to_state(w_when, fraction, self.constants.readout_grain)


def _sizes(weight: np.ndarray, positive_shift: int, negative_shift: int) -> np.ndarray:
    """Return the magnitudes of weights on the states' grid."""
    shift = np.where(weight > 0, positive_shift, negative_shift)
    sizes: np.ndarray = np.ldexp(np.abs(weight.astype(np.float64)), shift)
    return sizes


def _uncentred_norm(config: Config, network: Network) -> float:
    """Measure what the when rule on Lava's learning engine divides by, before anything is learned.

    That is the mean of |x|^2 from the cue on, without slow means and with the constant input, plus the
    floor, as ``readout.when_norm = "constant"`` has it.
    """
    from lava_predict.engines.cpu import CpuEngine

    readout = config.readout.model_copy(update={"centred": False})
    own = config.fixed.model_copy(update={"learning": "own"})
    plain = config.model_copy(update={"readout": readout, "fixed": own})
    meet = Meet(plain)
    engine = CpuEngine(FixedArithmetic(plain, network), meet)
    *_, probe = engine.play([*meet.settling(), *meet.probe(0, 0, 0, 0)])
    return float(probe.norm[meet.cue_step :].mean()) + config.readout.when_norm_floor


def arithmetic_of(config: Config, network: Network, precision: str) -> Arithmetic:
    """Return the arithmetic of one of `PRECISIONS` for a configuration and its drawn network."""
    return {"float": FloatArithmetic, "fixed": FixedArithmetic}[precision](config, network)
