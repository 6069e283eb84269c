"""How the EventSparse Process runs on a CPU, in float64 or integers."""

import logging
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.network import fixed_step as fixed
from lava_predict.network import float_step as float_kernel
from lava_predict.network.quantise import quantise_weights
from lava_predict.processes.event_sparse.process import EventSparse


class PyEventSparseModel(PyLoihiProcessModel):
    """Sends what the last step's spikes gave, then receives; so a loop through it does not lock."""

    s_in: PyInPort
    a_out: PyOutPort
    a_buff: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
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
        self._deliver(spiking)

    def _deliver(self, spiking: np.ndarray) -> None:
        """Sum the weights of the spiking cells' synapses into ``a_buff``."""
        raise NotImplementedError


@implements(proc=EventSparse, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyEventSparseFloat(PyEventSparseModel):
    """In float64."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    a_buff: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._columns = (proc_params["first"], proc_params["target"], proc_params["weight"])

    def _deliver(self, spiking: np.ndarray) -> None:
        float_kernel.deliver_spikes(spiking, spiking.size, *self._columns, self.a_buff)


@implements(proc=EventSparse, protocol=LoihiProtocol)
@requires(CPU)
@tag("bit_accurate_loihi", "fixed_pt")
class PyEventSparseFixed(PyEventSparseModel):
    """In integers: weights of 8 bits by default, shifted by their sign's exponent; sums do not saturate."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    a_buff: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        first, target = proc_params["first"], proc_params["target"]
        held = quantise_weights(proc_params["fixed"], proc_params["weight"])
        if not self._shared:
            for warning in held.plan.warnings:
                logging.getLogger(__name__).warning("EventSparse: %s", warning)
        shifts = (held.positive_shift, held.negative_shift)
        self._columns = [
            (*_chosen(first, target, held.weight, chosen), shift)
            for chosen, shift in zip((held.weight > 0, held.weight < 0), shifts, strict=True)
            if chosen.any()
        ]

    def _deliver(self, spiking: np.ndarray) -> None:
        self.a_buff[:] = 0
        for first, target, weight, shift in self._columns:
            fixed.deliver_spikes(spiking, spiking.size, first, target, weight, shift, self.a_buff)


def _chosen(
    first: np.ndarray, target: np.ndarray, weight: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep only some of the synapses, in compressed-column form.

    Parameters
    ----------
    first : (N_in + 1,) int64
        Cell j's synapses are ``first[j] .. first[j + 1] - 1``.
    target, weight : (S,) int32, int16
        Of each synapse.
    chosen : (S,) bool
        Which ones to keep.

    Returns
    -------
    first, target, weight : ndarray
        As given, of the chosen synapses.
    """
    before = np.concatenate(([0], np.cumsum(chosen)))
    return before[first], target[chosen], weight[chosen]
