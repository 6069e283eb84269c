"""The Reservoir Process: Izhikevich cells, their recurrent synapses, and what reaches them."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.state import State
from lava_predict.processes.base import Process


class Reservoir(Process):
    """Reservoir of Izhikevich cells with fixed recurrent weights. N cells, C inputs, K fed-back readouts.

    Two ways to run, in float64 or integers: a graph of Izhikevich, Dense and EventSparse Processes, the
    decomposition that maps to hardware, and one fused kernel. Both give the same spikes in the same time
    steps: what comes in at ``level_in`` and ``feedback_in`` acts one time step later, as Dense buffers it.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    state : State, optional
        Where v, u, s and a_in stand; by default at their start. Shared memory lets the host see it.
    **kwargs
        Lava's ``name`` and ``log_config``; ``playbook`` as for Izhikevich; ``inhibitory_in_flight``, the
        graph's (N,) buffer for what inhibitory spikes in flight will add.

    Attributes
    ----------
    level_in : InPort
        (C,), cues then events, 0 or 1.
    feedback_in : InPort
        (K,), graded spikes in 0 .. 1: multiples of 2^-16, or integers of 8 fraction bits.
    s_out : OutPort
        (N,), 1 where a cell spikes, else 0.
    v, u, s : Var
        (N,), membrane potential (mV), recovery variable, synaptic current; in these units also in integers.
    """

    def __init__(self, *, arithmetic: Arithmetic, state: State | None = None, **kwargs: Any) -> None:
        state = arithmetic.start.copy() if state is None else state
        super().__init__(arithmetic=arithmetic, state=state, **kwargs)
        shown = arithmetic.physical(state)
        self.level_in = InPort(shape=(arithmetic.network.input_weight.shape[0],))
        self.feedback_in = InPort(shape=state.z.shape)
        cells = (arithmetic.network.size,)
        self.s_out = OutPort(shape=cells)
        self.v = Var(shape=cells, init=shown.cells.v)
        self.u = Var(shape=cells, init=shown.cells.u)
        self.s = Var(shape=cells, init=shown.synapses.s)
