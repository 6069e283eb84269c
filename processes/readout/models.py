"""How the Readout Process runs on a CPU, in float64 or integers."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.network.segment_borders import check_finite
from lava_predict.numerics.noise import fold, key_of
from lava_predict.processes.readout.process import Readout


class PyReadoutModel(PyLoihiProcessModel):
    """Runs the package's kernels, one step a Lava time step; the two models below differ in types only."""

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
        super().__init__(proc_params)
        self._arithmetic, self._state = proc_params["arithmetic"], proc_params["state"]
        self._playbook, self._logbook = proc_params.get("playbook"), proc_params.get("logbook")
        self._window = proc_params.get("what_window", (0, 0))
        self._key = key_of(self._arithmetic.config.run.seed)
        self._what_drive = np.zeros(self._state.z.size, self._arithmetic.number)

    def run_spk(self) -> None:
        """Receive spikes and teaching signals, read out, learn, send prediction and feedback."""
        state = self._state
        if self.z is not state.z:
            self.w_when, self.w_what = state.w_when, state.w_what
            self.x, self.m, self.z = state.x, state.m, state.z
        key, step = self._key, self.time_step - 1
        if self._playbook is not None:
            key, step = self._playbook.position(self.time_step)
        spiking = np.flatnonzero(self.s_in.recv())
        teach = self.teach_in.recv()
        prediction = np.zeros(2 * state.z.size + 1, self._arithmetic.accumulator)
        if step >= 0:
            norm = self._advance(step, np.uint64(fold(key, np.uint64(step))), spiking, teach)
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
            self._logbook.log_spikes(step, spiking)
        norm = self._arithmetic.readout_step(
            state,
            spiking,
            teach[:events],
            teach[events:],
            self._window[0] <= step < self._window[1],
            segment is None or segment.learning,
            step,
            step_key,
            self._what_drive,
        )
        # A network that diverged has no norm: NaN, or -1.
        if segment is not None and not norm >= 0:
            check_finite(segment, step, True, state.v, self._arithmetic.config)
        return norm


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyReadoutFloat(PyReadoutModel):
    """In float64."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    teach_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    prediction_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    feedback_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    w_when: np.ndarray = LavaPyType(np.ndarray, float)
    w_what: np.ndarray = LavaPyType(np.ndarray, float)
    x: np.ndarray = LavaPyType(np.ndarray, float)
    m: np.ndarray = LavaPyType(np.ndarray, float)
    z: np.ndarray = LavaPyType(np.ndarray, float)


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
@tag("bit_accurate_loihi", "fixed_pt")
class PyReadoutFixed(PyReadoutModel):
    """In integers; |xc|^2 takes more than 32 bits."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    teach_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    prediction_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    feedback_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    w_when: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    w_what: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    x: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    m: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    z: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
