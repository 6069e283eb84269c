"""How the Readout Process runs on a CPU, in float64."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.between import check_finite
from lava_predict.kernels.float import graded, readout_step, step_constants
from lava_predict.processes.readout.process import Readout


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyReadoutFloat(PyLoihiProcessModel):
    """Runs the package's float kernels, one step a Lava time step."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    teach_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    prediction_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    feedback_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    w_when: np.ndarray = LavaPyType(np.ndarray, float)
    w_what: np.ndarray = LavaPyType(np.ndarray, float)
    x: np.ndarray = LavaPyType(np.ndarray, float)
    m: np.ndarray = LavaPyType(np.ndarray, float)
    z: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._config, self._state = proc_params["config"], proc_params["state"]
        self._constants = step_constants(self._config)
        self._playbook, self._logbook = proc_params.get("playbook"), proc_params.get("logbook")
        self._window = proc_params.get("what_window", (0, 0))
        self._xc = np.empty(self._state.x.size + 1)

    def run_spk(self) -> None:
        """Receive spikes and teaching signals, read out, learn, send prediction and feedback."""
        state = self._state
        if self.z is not state.z:
            self.w_when, self.w_what = state.w_when, state.w_what
            self.x, self.m, self.z = state.x, state.m, state.z
        row, step = (0, 0) if self._playbook is None else self._playbook.locate(self.time_step)
        spiking = np.flatnonzero(self.s_in.recv())
        teach = self.teach_in.recv()
        prediction = np.zeros(2 * state.z.size + 1)
        if step >= 0:
            self._advance(row, step, spiking, teach, prediction)
        self.prediction_out.send(prediction)
        self.feedback_out.send(np.array([graded(z) for z in state.z]))

    def _advance(
        self, row: int, step: int, spiking: np.ndarray, teach: np.ndarray, prediction: np.ndarray
    ) -> None:
        """Advance by one step of the model and fill in the prediction."""
        state, events = self._state, self._state.z.size
        segment = None if self._playbook is None else self._playbook.segment(row)
        if self._logbook is not None:
            self._logbook.log_spikes(step, spiking)
        norm = readout_step(
            self._constants,
            state,
            spiking,
            spiking.size,
            teach[:events],
            teach[events:],
            self._window[0] <= step < self._window[1],
            segment is None or segment.learning,
            self._xc,
            prediction[events : 2 * events],
        )
        if np.isnan(norm) and segment is not None:
            check_finite(segment, step, True, state.v, self._config)
        prediction[:events] = state.z
        prediction[-1] = norm
