"""How the EventSparse Process runs on a CPU, in float64."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.kernels.float import deliver_spikes
from lava_predict.processes.event_sparse.process import EventSparse


@implements(proc=EventSparse, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyEventSparseFloat(PyLoihiProcessModel):
    """Sends what the last step's spikes gave, then receives; so a loop through it does not lock."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    a_buff: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._columns = tuple(proc_params[name] for name in ("first", "target", "weight"))
        self._playbook = proc_params.get("playbook")
        self._shared = proc_params.get("shared") or {}

    def run_spk(self) -> None:
        """Send the buffered sums, receive spikes, sum anew; nothing is summed in an idle step."""
        if "a_buff" in self._shared and self.a_buff is not self._shared["a_buff"]:
            self.a_buff = self._shared["a_buff"]
        self.a_out.send(self.a_buff)
        spiking = np.flatnonzero(self.s_in.recv())
        if self._playbook is not None and self._playbook.position(self.time_step)[1] < 0:
            return
        first, target, weight = self._columns
        deliver_spikes(spiking, spiking.size, first, target, weight, self.a_buff)
