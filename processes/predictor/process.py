"""The Predictor Process: a reservoir with its readouts, as a graph or in one kernel."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.shared_memory import Logbook, Playbook
from lava_predict.network.state import State
from lava_predict.processes.base import Process


class Predictor(Process):
    """Reservoir and readouts. C input channels, K events, S steps of the model in a message.

    Two ways to run, in float64 or integers: the graph of a Reservoir and a Readout Process, a step and a
    message each Lava time step, and one fused kernel, for speed on a CPU: it advances several steps a Lava
    time step and exchanges a message every few of these. Nothing outside needs the steps between.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    state : State
        In shared memory (`shared_state`).
    playbook : Playbook
        Which segment a Lava time step belongs to.
    logbook : Logbook
        Gets the spikes.
    inhibitory_in_flight : ndarray, optional
        The graph's (N,) buffer for what inhibitory spikes in flight will add.

    Attributes
    ----------
    level_in : InPort
        (S C,), input channels of S steps end to end.
    teach_in : InPort
        (S 2 K,), gates (in integers: times the learning rate) and targets of S steps.
    prediction_out : OutPort
        (S (2 K + 1),): z, W_what . x and |xc|^2 of S steps; 0 for steps after the segment's end.
    """

    def __init__(
        self,
        *,
        arithmetic: Arithmetic,
        state: State,
        playbook: Playbook,
        logbook: Logbook,
        inhibitory_in_flight: Any = None,
        **kwargs: Any,
    ) -> None:
        parts = {"arithmetic": arithmetic, "state": state, "playbook": playbook, "logbook": logbook}
        parts["inhibitory_in_flight"] = inhibitory_in_flight
        super().__init__(**parts, **kwargs)
        steps, events = playbook.steps_per_message, state.z.size
        self.level_in = InPort(shape=(steps * arithmetic.network.input_weight.shape[0],))
        self.teach_in = InPort(shape=(steps * 2 * events,))
        self.prediction_out = OutPort(shape=(steps * (2 * events + 1),))
