"""Fails in the way it is told to."""

from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess


class Faulty(AbstractProcess):
    """Sends its step's number, until it fails.

    Parameters
    ----------
    fault : str
        One of those in models.py; "" for none.
    step : int
        When, from 1.
    told : RawArray of two int64
        Receives the child's process id and the steps done.
    """

    def __init__(self, fault, step, told):
        super().__init__(fault=fault, step=step, told=told)
        self.number_out = OutPort((1,))
