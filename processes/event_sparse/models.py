"""How the EventSparse Process runs on a CPU, in float64 or integers."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.numerics.plan import Planner
from lava_predict.processes.base import Model, model
from lava_predict.processes.event_sparse.process import EventSparse
from lava_predict.synapses import exponential


@model(EventSparse, "float")
class PyEventSparseFloat(Model):
    """In float64. Sends what the last step's spikes gave, then receives; so a loop does not lock."""

    _add: Any = staticmethod(exponential.add_weights)
    _add_graded: Any = staticmethod(exponential.add_graded)

    s_in: PyInPort
    a_out: PyOutPort
    a_buff: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._columns = self._prepare(proc_params["first"], proc_params["target"], proc_params["weight"])

    def run_spk(self) -> None:
        """Send the buffered sums, receive spikes, sum again; nothing is summed in an idle step."""
        if "a_buff" in self._shared and self.a_buff is not self._shared["a_buff"]:
            self.a_buff = self._shared["a_buff"]
        self.a_out.send(self.a_buff)
        s_in = self.s_in.recv()
        if self._position()[1] < 0:
            return
        spiking = np.flatnonzero(s_in)
        payload = s_in[spiking]
        self.a_buff[:] = 0
        for columns in self._columns:
            if np.all(payload == 1):
                self._add(spiking, spiking.size, *columns, self.a_buff)
            else:
                self._add_graded(spiking, payload.astype(self.a_buff.dtype), *columns, self.a_buff)

    def _prepare(self, first: np.ndarray, target: np.ndarray, weight: np.ndarray) -> list[tuple[Any, ...]]:
        """Return what `_add` is called with, a call each: synapses by column (in integers, and a shift)."""
        return [(first, target, weight)]


@model(EventSparse, "fixed", np.int64, s_in=np.int32)
class PyEventSparseFixed(PyEventSparseFloat):
    """In integers: weights of 8 bits by default, shifted by their sign's exponent; sums do not saturate."""

    _add = staticmethod(exponential.fixed_add_weights)
    _add_graded = staticmethod(exponential.fixed_add_graded)

    def _prepare(self, first: np.ndarray, target: np.ndarray, weight: np.ndarray) -> list[tuple[Any, ...]]:
        planner = Planner(self.proc_params["fixed"])
        held, shifts = planner.signed_weights("weights", weight)
        self._log_warnings(planner.plan)
        columns = []
        for chosen, shift in zip((held > 0, held < 0), shifts, strict=True):
            if chosen.any():
                # Where each cell's synapses begin among the chosen ones.
                begins = np.concatenate(([0], np.cumsum(chosen)))[first]
                columns.append((begins, target[chosen], held[chosen], shift))
        return columns
