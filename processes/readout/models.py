"""How the Readout Process runs on a CPU, in float64 or integers."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.processes.base import Model, model
from lava_predict.processes.readout.process import Readout
from lava_predict.tasks import NO_CUE


@model(Readout, "float")
class PyReadoutFloat(Model):
    """Runs the package's kernels in float64, one step a Lava time step."""

    s_in: PyInPort
    teach_in: PyInPort
    prediction_out: PyOutPort
    feedback_out: PyOutPort
    w_when: np.ndarray
    w_what: np.ndarray
    x: np.ndarray
    m: np.ndarray
    z: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params, proc_params["arithmetic"].config.run.seed)
        self._arithmetic, self._state = proc_params["arithmetic"], proc_params["state"]
        self._logbook = proc_params.get("logbook")
        self._what_drive = np.zeros(self._state.z.size, self._arithmetic.number)

    def run_spk(self) -> None:
        """Receive spikes and teaching signals, read out, learn, send prediction and feedback."""
        state = self._state
        if self.z is not state.z:
            self.w_when, self.w_what = state.when.w, state.what.w
            self.x, self.m, self.z = state.when.x, getattr(state.when, "m", self.m), state.z
        step_key, step = self._position()
        spiking = np.flatnonzero(self.s_in.recv())
        teach = self.teach_in.recv()
        prediction = np.zeros(2 * state.z.size + 1, self._arithmetic.accumulator)
        if step >= 0:
            norm = self._advance(step, step_key, spiking, teach)
            prediction[:] = np.concatenate((state.z, self._what_drive, [norm]))
        self.prediction_out.send(prediction)
        self.feedback_out.send(self._arithmetic.graded(state.z))

    def _advance(self, step: int, step_key: np.uint64, spiking: np.ndarray, teach: np.ndarray) -> Any:
        """Advance by one step of the model and return |xc|^2."""
        state, events = self._state, self._state.z.size
        segment = None
        if self._playbook is not None:
            segment = self._playbook.segment(self._playbook.locate(self.time_step)[0])
        if self._logbook is not None:
            self._logbook.log_spikes(np.stack((np.full_like(spiking, step), spiking)))
        since_cue, learning = (
            (step - NO_CUE, True) if segment is None else (step - segment.cue_step, segment.learning)
        )
        given = (spiking, teach[:events], teach[events:], since_cue, learning)
        norm = self._arithmetic.readout_step(state, *given, step, step_key, self._what_drive)
        # A network that diverged has no norm: NaN, or -1.
        if segment is not None and not norm >= 0:
            self._arithmetic.check_finite(segment, step, True, state)
        return norm


@model(Readout, "fixed", np.int32, prediction_out=np.int64)
class PyReadoutFixed(PyReadoutFloat):
    """In integers; |xc|^2 takes more than 32 bits."""
