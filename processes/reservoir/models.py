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
from lava.utils.weightutils import SignMode
from scipy.sparse import csc_matrix

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.draw import Network, excitatory_cells
from lava_predict.network.fixed_step import CURRENT
from lava_predict.numerics.noise import fold, key_of
from lava_predict.numerics.physical_units import PhysicalView
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
    columns = csc_matrix(whole.multiply(chosen[None, :]))
    columns.eliminate_zeros()
    return columns


def _input_connections(arithmetic: Arithmetic) -> list[Dense]:
    """Make the Dense Processes from inputs to cells."""
    weight, k = arithmetic.network.input_weight, arithmetic.constants
    if arithmetic.precision == "float":
        return [Dense(weights=weight.T.copy(), num_message_bits=_GRADED_BITS)]
    return _signed_connections(weight, k.input_positive_shift, k.input_negative_shift)


def _feedback_connections(arithmetic: Arithmetic) -> list[Dense]:
    """Make the Dense Processes from fed-back readouts to cells; there are none without feedback."""
    weight, k = arithmetic.network.feedback_weight, arithmetic.constants
    if not k.feedback:
        return []
    if arithmetic.precision == "float":
        return [Dense(weights=weight.T.copy(), num_message_bits=_GRADED_BITS)]
    # What these count down by, Dense counts up by.
    return _signed_connections(weight, -k.feedback_positive_shift, -k.feedback_negative_shift)


def _signed_connections(weight: np.ndarray, positive_exponent: int, negative_exponent: int) -> list[Dense]:
    """Make a Dense for each sign: it has an exponent of its own, and of mixed signs Dense drops a bit.

    Parameters
    ----------
    weight : (C, N) int16
        8 bits and sign, of C senders to N cells.
    positive_exponent, negative_exponent : int
        By how many bits the sums over the senders are shifted up, by the weights' sign.

    Returns
    -------
    list of Dense
        One or two.
    """
    modes = ((1, SignMode.EXCITATORY, positive_exponent), (-1, SignMode.INHIBITORY, negative_exponent))
    present = [mode for mode in modes if np.any(mode[0] * weight > 0)] or modes[:1]
    return [
        Dense(
            weights=np.where(sign * weight > 0, weight, 0).T.astype(np.int32),
            weight_exp=exponent,
            sign_mode=mode,
            num_message_bits=_GRADED_BITS,
        )
        for sign, mode, exponent in present
    ]


@implements(proc=Reservoir, protocol=LoihiProtocol)
class SubReservoirModel(AbstractSubProcessModel):
    """Izhikevich, a Dense for inputs and feedback (in integers one a sign), an EventSparse for each sign."""

    def __init__(self, proc: Any) -> None:
        arithmetic, state = proc.proc_params["arithmetic"], proc.proc_params["state"]
        playbook = proc.proc_params.get("playbook")
        in_flight = proc.proc_params.get("inhibitory_in_flight")
        config, drawn, shown = arithmetic.config, arithmetic.drawn, arithmetic.physical(state)
        excitatory = excitatory_cells(config)
        shared = {name: getattr(state, name) for name in ("v", "u", "s")}
        if state.saturations.size:
            shared["saturations"] = state.saturations[: CURRENT + 1]
        self.cells = Izhikevich(
            shape=state.v.shape,
            **{name: getattr(drawn, name) for name in ("a", "b", "c", "d", "bias")},
            **{name: getattr(shown, name).copy() for name in ("v", "u", "s")},
            tau_s_ms=config.reservoir.tau_s_ms,
            dt_ms=config.run.dt_ms,
            noise=config.reservoir.noise,
            noise_seed=config.run.seed,
            fixed=config.fixed,
            playbook=playbook,
            shared=shared,
        )
        common = {"fixed": config.fixed, "playbook": playbook}
        self.excitatory = EventSparse(
            weights=_columns(drawn, slice(0, excitatory)), shared={"a_buff": state.a_in}, **common
        )
        self.inhibitory = EventSparse(
            weights=_columns(drawn, slice(excitatory, None)),
            shared={} if in_flight is None else {"a_buff": in_flight},
            **common,
        )
        self._connect("inputs", _input_connections(arithmetic), proc.in_ports.level_in)
        self._connect("feedback", _feedback_connections(arithmetic), proc.in_ports.feedback_in)
        for synapses in (self.excitatory, self.inhibitory):
            self.cells.out_ports.s_out.connect(synapses.in_ports.s_in)
            synapses.out_ports.a_out.connect(self.cells.in_ports.a_in)
        self.cells.out_ports.s_out.connect(proc.out_ports.s_out)
        for name in ("v", "u", "s"):
            getattr(proc.vars, name).alias(getattr(self.cells.vars, name))

    def _connect(self, name: str, connections: list[Dense], source: Any) -> None:
        """Connect a port through some Dense Processes to the cells' current, and keep these for Lava."""
        for number, dense in enumerate(connections):
            # Lava finds the Processes of a graph among its attributes.
            setattr(self, f"{name}_{number}", dense)
            source.connect(dense.in_ports.s_in)
            dense.out_ports.a_out.connect(self.cells.in_ports.i_in)


class PyReservoirModel(PyLoihiProcessModel):
    """The whole reservoir in one kernel, one step a Lava time step; see the two models below."""

    level_in: PyInPort
    feedback_in: PyInPort
    s_out: PyOutPort
    v: np.ndarray = LavaPyType(np.ndarray, float)
    u: np.ndarray = LavaPyType(np.ndarray, float)
    s: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        arithmetic, state = proc_params["arithmetic"], proc_params["state"]
        self._arithmetic, self._state = arithmetic, state
        self._playbook = proc_params.get("playbook")
        self._key = key_of(arithmetic.config.run.seed)
        cells = state.v.size
        self._level = np.zeros(arithmetic.network.input_weight.shape[0], arithmetic.number)
        # What is fed back comes in through the port, a step before it acts, as in the graph.
        self._feedback = np.zeros(state.z.size, arithmetic.number)
        self._i_in, self._spiking = np.empty_like(state.a_in), np.empty(cells, np.int64)

    def run_spk(self) -> None:
        """Advance by what came in one step before, send the spikes, then receive."""
        key, step = (self._key, self.time_step - 1)
        if self._playbook is not None:
            key, step = self._playbook.position(self.time_step)
        spikes = np.zeros(self._state.v.size, self._arithmetic.number)
        if step >= 0:
            state = self._state._replace(z=self._arithmetic.read_graded(self._feedback))
            step_key = np.uint64(fold(key, np.uint64(step)))
            count = self._arithmetic.reservoir_step(state, self._level, step_key, self._i_in, self._spiking)
            spikes[self._spiking[:count]] = 1
        self._show()
        self.s_out.send(spikes)
        self._level = self.level_in.recv()
        self._feedback = self.feedback_in.recv()

    def _show(self) -> None:
        """Let the Vars show the state."""
        raise NotImplementedError


@implements(proc=Reservoir, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyReservoirFloat(PyReservoirModel):
    """In float64."""

    level_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    feedback_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def _show(self) -> None:
        self.v, self.u, self.s = self._state.v, self._state.u, self._state.s


@implements(proc=Reservoir, protocol=LoihiProtocol)
@requires(CPU)
@tag("bit_accurate_loihi", "fixed_pt")
class PyReservoirFixed(PyReservoirModel):
    """In integers; the Vars are in physical units, and what is set is rounded to the states' grid."""

    level_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32, precision=1)
    feedback_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=1)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._views: list[PhysicalView] = []

    def on_var_update(self) -> None:
        """Take over what was set."""
        for view in self._views:
            view.take()

    def _show(self) -> None:
        if not self._views:
            bits, k = self._arithmetic.config.fixed.fraction_bits, self._arithmetic.constants
            self._views = [
                PhysicalView(self._state.v, self.v, bits, k.v_grain),
                PhysicalView(self._state.u, self.u, bits, k.u_grain),
                PhysicalView(self._state.s, self.s, bits, k.s_grain),
            ]
        for view in self._views:
            view.show()
