"""The ways to fail."""

import os
import signal
import sys
import time

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_failures.faulty.process import Faulty
from lava_predict.errors import RunError


class UntransportableError(Exception):
    """Cannot be pickled, as it holds a function."""

    def __init__(self, text):
        super().__init__(text)
        self.function = lambda: None


def fail(fault):
    """Do what the fault's name says."""
    if fault == "lookup":
        raise KeyError("no such cell")
    if fault == "run error":
        raise RunError("the weights are not finite")
    if fault == "untransportable":
        raise UntransportableError("a word of explanation")
    if fault == "exit":
        sys.exit(3)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "sleep":
        time.sleep(3600)
    if fault == "hard exit":
        os._exit(0)


@implements(proc=Faulty, protocol=LoihiProtocol)
@requires(CPU)
class FaultyModel(PyLoihiProcessModel):
    number_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.place, _, self.fault = proc_params["fault"].partition(": ")
        self.step = proc_params["step"]
        self.told = proc_params["told"]
        self.told[0] = os.getpid()
        if self.place == "init":
            fail(self.fault)

    def run_spk(self):
        now = self.time_step == self.step
        if now and self.place == "before send":
            fail(self.fault)
        self.number_out.send(np.array([float(self.time_step)]))
        if now and self.place == "after send":
            fail(self.fault)
        if now and self.place == "pause":
            self._req_pause = True
        if now and self.place == "ask to stop":
            self._req_stop = True
        self.told[1] += 1

    def post_guard(self):
        return self.place == "management" and self.time_step == self.step

    def run_post_mgmt(self):
        fail(self.fault)

    def _stop(self):
        if self.place == "stop":
            fail(self.fault)
        super()._stop()
