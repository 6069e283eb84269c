"""A trained network without its run: what it is and what it has learned, ready to be played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet


@dataclass(frozen=True)
class TrainedNetwork:
    """A network and what it has learned, frozen. N cells, K events.

    Attributes
    ----------
    network : Network
        Cells and weights.
    dt_ms, tau_s_ms, tau_x_ms : float
        Time step, and time constants of synaptic current and traces.
    noise : float
        Standard deviation of the private current in a step of 1 ms, mV/ms.
    feedback : bool
        Whether the when readout is fed back.
    mean : (N,) float64
        What is subtracted from the traces that the when readout reads, spikes per ms.
    w_when, w_what : (K, N) float64
        Weights of the readouts.
    offset : (K,) float64
        What the constant input adds to the when readout.
    """

    network: Network
    dt_ms: float
    tau_s_ms: float
    tau_x_ms: float
    noise: float
    feedback: bool
    mean: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> TrainedNetwork:
        """Take the network out of a run in floating point; a run in integers raises a UserError."""
        if checkpoint.precision != "float":
            raise UserError(
                f"precision = {checkpoint.precision!r}: only float networks can be exported, because "
                "real numbers are not the integers that learned; export a run with --precision float, or use "
                "the run's checkpoint.h5, which holds the integers and their plan"
            )
        config, state = checkpoint.config, checkpoint.state.network
        reservoir = config.reservoir
        for setting, part, known in (
            (f"reservoir.neuron = {reservoir.neuron!r}", reservoir.neuron, "izhikevich"),
            (reservoir.synapse_setting, reservoir.synapse_part, "exponential"),
            (f"readout.rule = {config.readout.rule!r}", config.readout.rule, "gated_delta"),
        ):
            if part != known:
                raise UserError(
                    f"{setting}: only networks of 'izhikevich' cells, 'exponential' synapses without delay "
                    "and the rule 'gated_delta' can be exported; use the run's checkpoint.h5, which holds any"
                )
        return cls(
            network=checkpoint.network,
            dt_ms=config.run.dt_ms,
            tau_s_ms=config.reservoir.tau_s_ms,
            tau_x_ms=config.readout.tau_x_ms,
            noise=config.reservoir.noise,
            feedback=config.reservoir.feedback_gain != 0.0,
            mean=state.when.m if config.readout.centred else np.zeros_like(state.when.m),
            w_when=state.when.w[:, :-1],
            w_what=state.what.w,
            offset=state.when.w[:, -1] * config.readout.constant_input,
        )

    def settings(self, config: Config) -> Config:
        """Return settings with all that this network decides, and the task and all else from ``config``.

        Raises a UserError if the task has other numbers of input channels or events than the network.
        """
        task = config.task
        channels = task.cues + (task.events if task.events_drive_reservoir else 0)
        wanted = (self.network.input_weight.shape[0], self.w_when.shape[0])
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
            ("readout", "tau_x_ms", self.tau_x_ms),
            ("readout", "centred", True),
            ("run", "dt_ms", self.dt_ms),
        ]
        return with_changes(config, changes)

    def state(self, config: Config) -> State:
        """Return the state before the first step with what was learned; ``config`` is from `settings`."""
        state = FloatArithmetic(config, self.network).start
        constant = [_factor(value, config.readout.constant_input) for value in self.offset]
        when = state.when._replace(m=self.mean.copy(), w=np.column_stack((self.w_when, constant)))
        return state._replace(when=when, what=state.what._replace(w=self.w_what.copy()))

    def engine(self, config: Config) -> CpuEngine:
        """Return an engine that plays this network, for instance the segments of `Meet.probe`.

        Task, seed of the noise, and all else that the network does not decide come from ``config``. Raises a
        UserError as `settings` does.
        """
        own = self.settings(config)
        engine = CpuEngine(FloatArithmetic(own, self.network), Meet(own))
        engine.restore(self.state(own))
        return engine


def _factor(product: float, factor: float) -> float:
    """Return the number that gives ``product`` to the bit when multiplied by ``factor``; 0 if that is 0."""
    if factor == 0.0:
        return 0.0
    near = product / factor
    around = (near, np.nextafter(near, -np.inf), np.nextafter(near, np.inf))
    return float(next((number for number in around if number * factor == product), near))
