"""The Meet Process: drives the paradigm, receives the prediction, records."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.shared_memory import Logbook, Playbook
from lava_predict.network.state import State
from lava_predict.processes.base import Process
from lava_predict.tasks import Task


class Meet(Process):
    """Plays the segments of a playbook to a Predictor, and pauses the run after the last.

    It stands for the host: after a segment's last step, when all other Processes wait, it applies what is
    learned from a trial as a whole and a reset to the state in shared memory and notes what the
    segment led to. A run of more time steps than the playbook holds returns when the playbook is at
    its end.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    task : Task
        The task, which gives the streams of a segment.
    state : State
        In shared memory.
    playbook : Playbook
        What to play.
    logbook : Logbook
        Where predictions and weights are noted.
    lead : int
        Steps by which inputs are sent ahead: 1 if they reach the cells through Dense, which buffers.
    in_flight : tuple of ndarray
        Buffers in shared memory that a reset empties beside the state.

    Attributes
    ----------
    level_out : OutPort
        (S C,), input channels, cues then events, of the S steps of a message end to end.
    teach_out : OutPort
        (S 2 K,), gates (in integers: times the learning rate) and targets of S steps.
    prediction_in : InPort
        (S (2 K + 1),), as `Predictor` sends them.
    """

    def __init__(
        self,
        *,
        arithmetic: Arithmetic,
        task: Task,
        state: State,
        playbook: Playbook,
        logbook: Logbook,
        lead: int,
        in_flight: tuple[Any, ...] = (),
        **kwargs: Any,
    ) -> None:
        parts = {"arithmetic": arithmetic, "task": task, "state": state, "playbook": playbook}
        super().__init__(**parts, logbook=logbook, lead=lead, in_flight=in_flight, **kwargs)
        steps, events = playbook.steps_per_message, state.z.size
        self.level_out = OutPort(shape=(steps * arithmetic.network.input_weight.shape[0],))
        self.teach_out = OutPort(shape=(steps * 2 * events,))
        self.prediction_in = InPort(shape=(steps * (2 * events + 1),))
