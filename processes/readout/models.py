"""How the Readout Process runs on a CPU, in float64 or integers."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.numerics.noise import key_of
from lava_predict.processes.base import Model, model
from lava_predict.processes.readout.process import Readout
from lava_predict.tasks import NO_CUE


@model(Readout, "float")
class PyReadoutFloat(Model):
    """Runs the package's kernels in float64, one step a Lava time step."""

    s_in: PyInPort
    teach_in: PyInPort
    cue_in: PyInPort
    prediction_out: PyOutPort
    feedback_out: PyOutPort
    w_when: np.ndarray
    w_what: np.ndarray
    x: np.ndarray
    m: np.ndarray
    z: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._arithmetic = arithmetic = self._numbers(proc_params["arithmetic"])
        self._key = key_of(arithmetic.config.run.seed)
        self._state = proc_params["state"] or arithmetic.start.copy()
        self._logbook = proc_params["logbook"]
        self._schedule = proc_params["schedule"] and arithmetic.streams(proc_params["schedule"])
        self._cue_step = NO_CUE
        self._diverged = False
        self._what_drive = np.zeros(self._state.z.size, arithmetic.number)

    def run_spk(self) -> None:
        """Receive spikes and teaching signals, read out, learn, send prediction and feedback."""
        state = self._state
        if self.z is not state.z:
            self.w_when, self.w_what = state.when.w, state.what.w
            self.x, self.m, self.z = state.when.x, getattr(state.when, "m", self.m), state.z
        step_key, step = self._position()
        spiking = np.flatnonzero(self.s_in.recv())
        teach, cue = self.teach_in.recv(), self.cue_in.recv()
        prediction = np.zeros(2 * state.z.size + 1, self._arithmetic.accumulator)
        if step >= 0:
            if self._playbook is None:
                norm = self._advance_alone(step, step_key, spiking, teach, cue)
            else:
                norm = self._advance(step, step_key, spiking, teach)
            prediction[:] = np.concatenate((state.z, self._what_drive, [norm]))
        self.prediction_out.send(prediction)
        self.feedback_out.send(self._arithmetic.graded(state.z))

    def _advance(self, step: int, step_key: np.uint64, spiking: np.ndarray, teach: np.ndarray) -> Any:
        """Advance by one step of a segment of the playbook and return |xc|^2."""
        state, events = self._state, self._state.z.size
        segment = self._playbook.segment(self._playbook.locate(self.time_step)[0])
        if self._logbook is not None:
            self._logbook.log_spikes(np.stack((np.full_like(spiking, step), spiking)))
        given = (spiking, teach[:events], teach[events:], step - segment.cue_step, segment.learning)
        norm = self._arithmetic.readout_step(state, *given, step, step_key, self._what_drive)
        # A network that diverged has no norm: NaN, or -1.
        if not norm >= 0:
            self._arithmetic.check_finite(segment, step, True, state)
        return norm

    def _advance_alone(
        self, step: int, step_key: np.uint64, spiking: np.ndarray, teach: np.ndarray, cue: np.ndarray
    ) -> Any:
        """Advance by one step of a segment without end, which learns, and return |xc|^2."""
        state, events = self._state, self._state.z.size
        gate, target = teach[:events], teach[events:]
        if self._schedule is not None:
            row = step % len(self._schedule.gate)
            gate, target = gate + self._schedule.gate[row], target + self._schedule.target[row]
            cue = cue + self._schedule.level[row]
        if cue[0] != 0:
            self._cue_step = step
            state.what.x_sum[:] = 0
        number = self._arithmetic.number
        given = (spiking, gate.astype(number, copy=False), target.astype(number, copy=False))
        moment = (step - self._cue_step, True, step, step_key)
        norm = self._arithmetic.readout_step(state, *given, *moment, self._what_drive)
        if not norm >= 0 and not self._diverged:
            self._diverged = True
            self._warn(f"diverged in step {step} and learns nothing as long as it does; lower rate")
        return norm


@model(Readout, "fixed", np.int32, prediction_out=np.int64)
class PyReadoutFixed(PyReadoutFloat):
    """In integers; |xc|^2 takes more than 32 bits."""
