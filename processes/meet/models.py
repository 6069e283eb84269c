"""How the Meet Process runs, on the host, for a network in float64 or in integers."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.processes.base import Model, model
from lava_predict.processes.meet.process import Meet


def _rows(stream: np.ndarray, first: int, count: int) -> np.ndarray:
    """Cut rows out of a stream, end to end, with zeros for those that it does not have."""
    found = stream[max(first, 0) : max(first + count, 0)]
    rows = np.zeros((count, stream.shape[1]), stream.dtype)
    if found.size:
        rows[max(-first, 0) : max(-first, 0) + len(found)] = found
    return rows.reshape(-1)


@model(Meet, "float")
class PyMeetFloat(Model):
    """Wraps the plain Python task, for a network in float64."""

    level_out: PyOutPort
    teach_out: PyOutPort
    prediction_in: PyInPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._arithmetic = proc_params["arithmetic"]
        self._task, self._state = proc_params["task"], proc_params["state"]
        self._logbook, self._lead = proc_params["logbook"], proc_params["lead"]
        self._in_flight = proc_params["in_flight"]
        self._steps = self._playbook.steps_per_message
        self._row = -1
        self._recorded = 0
        # First step of the model whose prediction is under way.
        self._awaited: int | None = None

    def run_spk(self) -> None:
        """Send inputs and teaching signals; receive what the message before led to.

        Waiting for the prediction of the same time step would make the two sides work in turn.
        """
        row, step = self._playbook.locate(self.time_step)
        if row != self._row:
            self._open(row)
        if self._playbook.begins_message(step):
            self.level_out.send(_rows(self._streams.level, step + self._lead, self._steps))
            self.teach_out.send(_rows(self._teach, step, self._steps))
            self._receive()
            self._awaited = step
        self._logbook.progress[0] += 1

    def post_guard(self) -> bool:
        """Ask for the phase in which the host acts, after a segment's last step only."""
        return bool(self._playbook.ends_with(self.time_step))

    def run_post_mgmt(self) -> None:
        """Do what happens to the state between two segments, and pause after the last."""
        self._receive()
        self._awaited = None
        arithmetic, state, row = self._arithmetic, self._state, self._row
        arithmetic.check_finite(self._segment, self._segment.steps - 1, False, state)
        z = self._logbook.prediction[self._recorded - self._segment.steps : self._recorded, : state.z.size]
        p = arithmetic.finish(self._segment, state, self._task, z)
        self._logbook.log_segment(row, p, state)
        self._row = -1
        if self._playbook.is_last(row):
            self._req_pause = True
            return
        arithmetic.enter(self._playbook.segment(row + 1), state, self._in_flight)

    def _open(self, row: int) -> None:
        """Look up the streams of a segment that begins."""
        self._row, self._segment = row, self._playbook.segment(row)
        if row == 0:
            self._recorded = 0
        self._streams = self._arithmetic.streams(self._task.streams(self._segment))
        self._teach = np.concatenate((self._streams.gate, self._streams.target), axis=1)

    def _receive(self) -> None:
        """Receive and record the prediction that is under way, if any; an idle step's says nothing."""
        if self._awaited is None:
            return
        prediction = self.prediction_in.recv()
        if self._awaited >= 0:
            steps = min(self._steps, self._segment.steps - self._awaited)
            rows = slice(self._recorded, self._recorded + steps)
            self._logbook.prediction[rows] = prediction.reshape(self._steps, -1)[:steps]
            self._recorded += steps


@model(Meet, "fixed", np.int32, prediction_in=np.int64)
class PyMeetFixed(PyMeetFloat):
    """For a network in integers; |xc|^2 takes more than 32 bits."""
