"""Does what it should."""

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var


class Steady(AbstractProcess):
    """Adds up what it receives and passes the sum on."""

    def __init__(self):
        super().__init__()
        self.number_in = InPort((1,))
        self.sum_out = OutPort((1,))
        self.total = Var((1,), init=np.zeros(1))
