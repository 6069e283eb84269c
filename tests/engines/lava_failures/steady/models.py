"""Does what it should."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_failures.steady.process import Steady


@implements(proc=Steady, protocol=LoihiProtocol)
@requires(CPU)
class SteadyModel(PyLoihiProcessModel):
    number_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    sum_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    total: np.ndarray = LavaPyType(np.ndarray, float)

    def run_spk(self):
        self.total += self.number_in.recv()
        self.sum_out.send(self.total)
