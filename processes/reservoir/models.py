"""How the Reservoir Process runs: as a graph of smaller Processes, or as one kernel."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from scipy.sparse import csc_matrix

from lava_predict.kernels.float import reservoir_step, step_constants
from lava_predict.kernels.noise import fold, key_of
from lava_predict.network import Network, excitatory_cells
from lava_predict.processes.event_sparse.process import EventSparse
from lava_predict.processes.izhikevich.process import Izhikevich
from lava_predict.processes.reservoir.process import Reservoir

# Any number above 0 makes Dense multiply by what it receives; inputs and fed-back readouts are graded.
_GRADED_BITS = 24


def _columns(network: Network, part: slice) -> csc_matrix:
    """Return the outgoing synapses of some cells as a matrix over all cells, (N, N)."""
    cells = network.a.size
    whole = csc_matrix((network.weight, network.target, network.first), shape=(cells, cells))
    chosen = np.zeros(cells)
    chosen[part] = 1.0
    return csc_matrix(whole.multiply(chosen[None, :]))


@implements(proc=Reservoir, protocol=LoihiProtocol)
class SubReservoirModel(AbstractSubProcessModel):
    """Izhikevich, a Dense each for inputs and feedback, an EventSparse for each sign of synapse."""

    def __init__(self, proc: Any) -> None:
        config, network, state = (proc.proc_params[name] for name in ("config", "network", "state"))
        playbook = proc.proc_params.get("playbook")
        in_flight = proc.proc_params.get("inhibitory_in_flight")
        excitatory = excitatory_cells(config)
        self.cells = Izhikevich(
            shape=state.v.shape,
            **{name: getattr(network, name) for name in ("a", "b", "c", "d", "bias")},
            **{name: getattr(state, name).copy() for name in ("v", "u", "s")},
            tau_s_ms=config.reservoir.tau_s_ms,
            dt_ms=config.run.dt_ms,
            noise=config.reservoir.noise,
            noise_seed=config.run.seed,
            playbook=playbook,
            shared={name: getattr(state, name) for name in ("v", "u", "s")},
        )
        self.inputs = Dense(weights=network.input_weight.T.copy(), num_message_bits=_GRADED_BITS)
        self.excitatory = EventSparse(
            weights=_columns(network, slice(0, excitatory)), playbook=playbook, shared={"a_buff": state.a_in}
        )
        self.inhibitory = EventSparse(
            weights=_columns(network, slice(excitatory, None)),
            playbook=playbook,
            shared={} if in_flight is None else {"a_buff": in_flight},
        )
        proc.in_ports.level_in.connect(self.inputs.in_ports.s_in)
        self.inputs.out_ports.a_out.connect(self.cells.in_ports.i_in)
        if config.reservoir.feedback_gain != 0.0:
            self.feedback = Dense(weights=network.feedback_weight.T.copy(), num_message_bits=_GRADED_BITS)
            proc.in_ports.feedback_in.connect(self.feedback.in_ports.s_in)
            self.feedback.out_ports.a_out.connect(self.cells.in_ports.i_in)
        for synapses in (self.excitatory, self.inhibitory):
            self.cells.out_ports.s_out.connect(synapses.in_ports.s_in)
            synapses.out_ports.a_out.connect(self.cells.in_ports.a_in)
        self.cells.out_ports.s_out.connect(proc.out_ports.s_out)
        for name in ("v", "u", "s"):
            getattr(proc.vars, name).alias(getattr(self.cells.vars, name))


@implements(proc=Reservoir, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyReservoirFloat(PyLoihiProcessModel):
    """The whole reservoir in one kernel, one step a Lava time step."""

    level_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    feedback_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    v: np.ndarray = LavaPyType(np.ndarray, float)
    u: np.ndarray = LavaPyType(np.ndarray, float)
    s: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        config, state = proc_params["config"], proc_params["state"]
        self._network = proc_params["network"]
        self._constants = step_constants(config)
        self._state = state
        self._playbook = proc_params.get("playbook")
        self._key = key_of(config.run.seed)
        cells = state.v.size
        self._level = np.zeros(self._network.input_weight.shape[0])
        # What is fed back comes in through the port, a step before it acts, as in the graph.
        self._feedback = np.zeros(config.task.events)
        self._i_in, self._spiking = np.empty(cells), np.empty(cells, np.int64)

    def run_spk(self) -> None:
        """Advance by what came in one step before, send the spikes, then receive."""
        if self.v is not self._state.v:
            self.v, self.u, self.s = self._state.v, self._state.u, self._state.s
        key, step = (self._key, self.time_step - 1)
        if self._playbook is not None:
            key, step = self._playbook.position(self.time_step)
        spikes = np.zeros(self.v.size)
        if step >= 0:
            state = self._state._replace(z=self._feedback)
            step_key = np.uint64(fold(key, np.uint64(step)))
            count = reservoir_step(
                self._network, self._constants, state, self._level, step_key, self._i_in, self._spiking
            )
            spikes[self._spiking[:count]] = 1.0
        self.s_out.send(spikes)
        self._level = self.level_in.recv()
        self._feedback = self.feedback_in.recv()
