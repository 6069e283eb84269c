"""A trained network without its run: what it is and what it has learned, ready to be played."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.learning.when import annealed_delta
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.numerics.time_step import decay_of_step
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet


def check_float(precision: str) -> None:
    """Raise a UserError for a network in integers."""
    if precision != "float":
        raise UserError(
            f"precision = {precision!r}: only float networks can be exported, because real numbers are not "
            "the integers that learned; export a run with --precision float, or use the run's "
            "checkpoint.h5, which holds the integers"
        )


def check_exportable(config: Config, rules: Collection[str]) -> None:
    """Raise a UserError for parts that another tool could not be told."""
    reservoir = config.reservoir
    if reservoir.neuron != "izhikevich":
        raise UserError(
            f"reservoir.neuron = {reservoir.neuron!r}: only networks of 'izhikevich' cells can be exported "
            "as they are; add --cells cubalif for the nearest cells that NIR has, or use the run's "
            "checkpoint.h5, which holds any"
        )
    for setting, part, known in (
        (reservoir.synapse_setting, reservoir.synapse_part, ["exponential"]),
        (f"readout.rule = {config.readout.rule!r}", config.readout.rule, rules),
    ):
        if part not in known:
            raise UserError(
                f"{setting}: only networks of 'izhikevich' cells, 'exponential' synapses without delay and "
                f"one of the rules {', '.join(map(repr, rules))} can be exported; use the run's "
                "checkpoint.h5, which holds any"
            )


@dataclass(frozen=True)
class TrainedNetwork(ABC):
    """A network and what it has learned, frozen. N cells, K events, M cues; C = M or 1.

    Attributes
    ----------
    network : Network
        Cells and weights.
    dt_ms, tau_s_ms : float
        Time step, and time constant of the synaptic current.
    noise : float
        Standard deviation of the private current in a step of 1 ms, mV/ms.
    feedback : bool
        Whether the when readout is fed back.
    mean : (N,) or (C, N) float64
        What is subtracted from the traces that the when readout reads, in their unit.
    w_when, w_what : (C K, N) float64
        Weights of the readouts, K rows for each cue that has its own.
    """

    network: Network
    dt_ms: float
    tau_s_ms: float
    noise: float
    feedback: bool
    mean: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray

    RULE: ClassVar[str]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> TrainedNetwork:
        """Take the network out of a run in floating point; a run in integers raises a UserError."""
        check_float(checkpoint.precision)
        config, state = checkpoint.config, checkpoint.state.network
        reservoir = config.reservoir
        kinds = {kind.RULE: kind for kind in (GatedNetwork, AnnealedNetwork)}
        check_exportable(config, kinds)
        kind = kinds[config.readout.rule]
        return kind(
            network=checkpoint.network,
            dt_ms=config.run.dt_ms,
            tau_s_ms=reservoir.tau_s_ms,
            noise=reservoir.noise,
            feedback=reservoir.feedback_gain != 0.0,
            **kind._learned(config, state),
        )

    @staticmethod
    @abstractmethod
    def _learned(config: Config, state: State) -> dict[str, Any]:
        """Return what readouts and traces are, by the names of the attributes."""

    @property
    @abstractmethod
    def events(self) -> int:
        """Number of events K."""

    @property
    @abstractmethod
    def _readout(self) -> dict[str, Any]:
        """The settings of the section readout that this network decides."""

    @abstractmethod
    def _memory(self, start: Any, config: Config) -> Any:
        """Return the when rule's memory before the first step with what was learned."""

    def settings(self, config: Config) -> Config:
        """Return settings with all that this network decides, and the task and all else from ``config``.

        Raises a UserError if the task has other numbers of input channels, cues or events than the network.
        """
        task = config.task
        channels = task.cues + (task.events if task.events_drive_reservoir else 0)
        wanted = (self.network.input_weight.shape[0], self.events)
        if (channels, task.events) != wanted:
            raise UserError(
                f"task: has {channels} input channels and {task.events} events, the network {wanted[0]} and "
                f"{wanted[1]}; change task.cues, task.events_drive_reservoir or task.blocks"
            )
        gain = float(np.abs(self.network.feedback_weight).max()) if self.feedback else 0.0
        changes = [
            ("reservoir", "neurons", self.network.size),
            ("reservoir", "tau_s_ms", self.tau_s_ms),
            ("reservoir", "noise", self.noise),
            ("reservoir", "feedback_gain", gain),
            ("readout", "rule", self.RULE),
            *(("readout", key, value) for key, value in self._readout.items()),
            ("run", "dt_ms", self.dt_ms),
        ]
        return with_changes(config, changes)

    def state(self, config: Config) -> State:
        """Return the state before the first step with what was learned; ``config`` is from `settings`."""
        state = FloatArithmetic(config, self.network).start
        when = self._memory(state.when, config)
        return state._replace(when=when, what=state.what._replace(w=self.w_what.copy()))

    def engine(self, config: Config) -> CpuEngine:
        """Return an engine that plays this network, for instance the segments of `Meet.probe`.

        Task, seed of the noise, and all else that the network does not decide come from ``config``. Raises a
        UserError as `settings` does.
        """
        own = self.settings(config)
        engine = CpuEngine(self._arithmetic(own), Meet(own))
        engine.restore(self.state(own))
        return engine

    def _arithmetic(self, config: Config) -> FloatArithmetic:
        return FloatArithmetic(config, self.network)


@dataclass(frozen=True)
class GatedNetwork(TrainedNetwork):
    """A network with the rule `gated_delta`.

    Attributes
    ----------
    tau_x_ms : float
        Time constant of the traces.
    offset : (K,) float64
        What the constant input adds to the when readout.
    """

    tau_x_ms: float
    offset: np.ndarray

    RULE = "gated_delta"

    @staticmethod
    def _learned(config: Config, state: State) -> dict[str, Any]:
        when = state.when
        return {
            "tau_x_ms": config.readout.tau_x_ms,
            "mean": when.m if config.readout.centred else np.zeros_like(when.m),
            "w_when": when.w[:, :-1],
            "w_what": state.what.w,
            "offset": when.w[:, -1] * config.readout.constant_input,
        }

    @property
    def events(self) -> int:  # noqa: D102
        return int(self.offset.size)

    @property
    def _readout(self) -> dict[str, Any]:
        return {"tau_x_ms": self.tau_x_ms, "centred": True}

    def _memory(self, start: Any, config: Config) -> Any:
        constant = [_factor(value, config.readout.constant_input) for value in self.offset]
        return start._replace(m=self.mean.copy(), w=np.column_stack((self.w_when, constant)))


@dataclass(frozen=True)
class AnnealedNetwork(TrainedNetwork):
    """A network with the rule `annealed_delta`.

    Attributes
    ----------
    tau_x_ms : (N,) float64
        Time constant of each cell's trace.
    rate : (N,) float64
        What is subtracted from the spikes that the what readout reads, per step.
    units : (M, N) float64
        What the cues are recognised by; 0 for one that is not known.
    """

    tau_x_ms: np.ndarray
    rate: np.ndarray
    units: np.ndarray

    RULE = "annealed_delta"

    @staticmethod
    def _learned(config: Config, state: State) -> dict[str, Any]:
        when = state.when
        return {
            "tau_x_ms": annealed_delta.time_constants_ms(config),
            "mean": when.m,
            "w_when": when.w,
            "w_what": state.what.w,
            "rate": when.rate,
            "units": when.units,
        }

    @property
    def events(self) -> int:  # noqa: D102
        return self.w_when.shape[0] // self.mean.shape[0]

    @property
    def _readout(self) -> dict[str, Any]:
        own = self.mean.shape[0] == self.units.shape[0]
        return {"cue_weights": "own" if own else "shared", "protect": "none"}

    def settings(self, config: Config) -> Config:  # noqa: D102
        own, cues = super().settings(config), self.units.shape[0]
        if own.task.cues != cues:
            raise UserError(
                f"task.cues = {own.task.cues}: the network has units for {cues}; set it to {cues}"
            )
        return own

    def _memory(self, start: Any, config: Config) -> Any:
        learned = {"m": self.mean, "w": self.w_when, "rate": self.rate, "units": self.units}
        known = np.array([0, self.units.any(axis=1).sum()])
        return start._replace(cue=known, **{name: array.copy() for name, array in learned.items()})

    def _arithmetic(self, config: Config) -> FloatArithmetic:
        """Return the arithmetic with this network's time constants, which are not those of any seed."""
        arithmetic = super()._arithmetic(config)
        when = arithmetic.constants.when._replace(decay=decay_of_step(self.dt_ms, self.tau_x_ms))
        arithmetic.constants = arithmetic.constants._replace(when=when)
        return arithmetic


def _factor(product: float, factor: float) -> float:
    """Return the number that gives ``product`` to the bit when multiplied by ``factor``; 0 if that is 0."""
    if factor == 0.0:
        return 0.0
    near = product / factor
    around = (near, np.nextafter(near, -np.inf), np.nextafter(near, np.inf))
    return float(next((number for number in around if number * factor == product), near))
