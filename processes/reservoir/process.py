"""The Reservoir Process: Izhikevich cells, their recurrent synapses, and what reaches them."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, LogConfig
from lava.magma.core.process.variable import Var

from lava_predict.config import Config
from lava_predict.network import Network
from lava_predict.state import State, initial_state


class Reservoir(AbstractProcess):
    """Reservoir of Izhikevich cells with fixed recurrent weights. N cells, C inputs, K fed-back readouts.

    Two models: a graph of Izhikevich, Dense and EventSparse Processes, the decomposition that maps to
    hardware, and one fused kernel. Both give the same spikes in the same time steps: what comes in at
    ``level_in`` and ``feedback_in`` acts one time step later, as Dense buffers it.

    Parameters
    ----------
    config : Config
        Its reservoir, task and run sections are used.
    network : Network
        As `draw_network` draws it.
    state : State, optional
        Where v, u, s and a_in stand; by default at their start. Shared memory lets the host see it.
    name : str, optional
        Of the Process.
    log_config : LogConfig, optional
        Lava's logging.
    **kwargs
        Further entries of ``proc_params``: ``playbook`` as for Izhikevich; ``inhibitory_in_flight``, the
        graph's (N,) buffer for what inhibitory spikes in flight will add.

    Attributes
    ----------
    level_in : InPort
        (C,), cues then events, 0 or 1.
    feedback_in : InPort
        (K,), graded spikes in 0 .. 1, multiples of 2^-16.
    s_out : OutPort
        (N,), 1 where a cell spikes, else 0.
    v, u, s : Var
        (N,), membrane potential (mV), recovery variable, synaptic current.
    """

    def __init__(
        self,
        *,
        config: Config,
        network: Network,
        state: State | None = None,
        name: str | None = None,
        log_config: LogConfig | None = None,
        **kwargs: Any,
    ) -> None:
        cells, events = network.a.size, config.task.events
        state = initial_state(network, events, config.task.cues) if state is None else state
        super().__init__(
            config=config, network=network, state=state, name=name, log_config=log_config, **kwargs
        )
        self.level_in = InPort(shape=(network.input_weight.shape[0],))
        self.feedback_in = InPort(shape=(events,))
        self.s_out = OutPort(shape=(cells,))
        self.v = Var(shape=(cells,), init=state.v)
        self.u = Var(shape=(cells,), init=state.u)
        self.s = Var(shape=(cells,), init=state.s)
