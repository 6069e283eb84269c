"""How the Predictor Process runs: as a graph of Reservoir and Readout, or as one kernel."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava_predict.processes.predictor.process import Predictor
from lava_predict.processes.readout.process import Readout
from lava_predict.processes.reservoir.process import Reservoir

from lava_predict.between import check_finite
from lava_predict.kernels.float import Recording, advance, step_constants


@implements(proc=Predictor, protocol=LoihiProtocol)
class SubPredictorModel(AbstractSubProcessModel):
    """A Reservoir and a Readout Process; the readout is fed back if the reservoir listens."""

    def __init__(self, proc: Any) -> None:
        given = proc.proc_params
        common = {name: given[name] for name in ("config", "state", "playbook")}
        self.reservoir = Reservoir(
            network=given["network"], inhibitory_in_flight=given["inhibitory_in_flight"], **common
        )
        self.readout = Readout(logbook=given["logbook"], what_window=given["what_window"], **common)
        proc.in_ports.level_in.connect(self.reservoir.in_ports.level_in)
        proc.in_ports.teach_in.connect(self.readout.in_ports.teach_in)
        self.reservoir.out_ports.s_out.connect(self.readout.in_ports.s_in)
        self.readout.out_ports.prediction_out.connect(proc.out_ports.prediction_out)
        if given["config"].reservoir.feedback_gain != 0.0:
            self.readout.out_ports.feedback_out.connect(self.reservoir.in_ports.feedback_in)


@implements(proc=Predictor, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPredictorFloat(PyLoihiProcessModel):
    """Runs the kernel of the reference engine, several steps a Lava time step."""

    level_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    teach_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    prediction_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._config, self._network = proc_params["config"], proc_params["network"]
        self._state, self._window = proc_params["state"], proc_params["what_window"]
        self._playbook, self._logbook = proc_params["playbook"], proc_params["logbook"]
        self._constants = step_constants(self._config)
        self._steps = self._playbook.steps_per_lava_step
        self._buffer = np.empty((2, self._steps * self._state.v.size), np.uint32)
        self._columns = np.cumsum([0, self._state.z.size, self._state.z.size, 1])

    def run_spk(self) -> None:
        """Receive a chunk of inputs and teaching signals, advance by it, send the predictions."""
        row, first = self._playbook.locate(self.time_step)
        segment = self._playbook.segment(row)
        steps = min(self._steps, segment.steps - first)
        level = self.level_in.recv().reshape(self._steps, -1)[:steps]
        teach = self.teach_in.recv().reshape(self._steps, -1)[:steps]
        prediction = np.zeros((self._steps, self._columns[-1]))
        z, what_drive, norm = (
            prediction[:steps, low:high]
            for low, high in zip(self._columns[:-1], self._columns[1:], strict=True)
        )
        events = self._state.z.size
        recording = Recording(
            self._buffer[0], self._buffer[1], *(np.zeros(part.shape) for part in (z, what_drive, norm[:, 0]))
        )
        count, diverged = advance(
            self._network,
            self._constants,
            self._state,
            np.ascontiguousarray(level),
            np.ascontiguousarray(teach[:, :events]),
            np.ascontiguousarray(teach[:, events:]),
            np.uint64(segment.noise_key),
            first,
            self._window,
            segment.learning,
            recording,
        )
        check_finite(segment, max(diverged, first), diverged >= 0, self._state.v, self._config)
        z[:], what_drive[:], norm[:, 0] = recording.z, recording.what_drive, recording.norm
        self._logbook.log_chunk(self._buffer[:, :count])
        self.prediction_out.send(prediction.reshape(-1))
