"""How the Reservoir Process runs: as a graph of smaller Processes, or as one kernel."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.utils.weightutils import SignMode
from scipy.sparse import csc_matrix

from lava_predict.errors import UserError
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.draw import Network
from lava_predict.numerics.columns import columns
from lava_predict.numerics.noise import key_of
from lava_predict.numerics.physical_units import PhysicalView
from lava_predict.processes.base import Model, model
from lava_predict.processes.event_sparse.process import EventSparse
from lava_predict.processes.izhikevich.process import COUNTERS, Izhikevich
from lava_predict.processes.reservoir.process import Reservoir

# Any number above 0 makes Dense multiply by what it receives; inputs and fed-back readouts are graded.
_GRADED_BITS = 24


def _columns(network: Network, chosen: np.ndarray) -> csc_matrix:
    """Return the outgoing synapses of some cells, (N,) bool, as a matrix over all cells, (N, N)."""
    synapses, shape = columns(network.synapses), (network.size, network.size)
    whole = csc_matrix((synapses.weight, synapses.target, synapses.first), shape=shape)
    found = csc_matrix(whole.multiply(chosen))
    found.eliminate_zeros()
    return found


def _connections(weight: np.ndarray, exponents: tuple[int, int] | None) -> list[Dense]:
    """Make the Dense Processes from C senders to N cells; in integers one a sign, so one or two.

    There each sign has an exponent of its own, and of mixed signs Dense would drop a bit.

    Parameters
    ----------
    weight : (C, N) float64 or int16
        In integers 8 bits and sign.
    exponents : (int, int), optional
        By how many bits the sums over the senders are shifted up, by the weights' sign; None in float64.
    """
    if exponents is None:
        return [Dense(weights=weight.T.copy(), num_message_bits=_GRADED_BITS)]
    modes = tuple(zip((1, -1), (SignMode.EXCITATORY, SignMode.INHIBITORY), exponents, strict=True))
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
        arithmetic, playbook = proc.proc_params["arithmetic"], proc.proc_params["playbook"]
        if not isinstance(arithmetic, Arithmetic):
            raise UserError(
                "Reservoir(shape=...): runs as one kernel, and a graph of Processes was asked for; leave "
                "select_sub_proc_model out, or name its model in exception_proc_model_map"
            )
        state = proc.proc_params["state"] or arithmetic.start.copy()
        in_flight = proc.proc_params["inhibitory_in_flight"]
        config, drawn, shown = arithmetic.config, arithmetic.drawn, arithmetic.physical(state)
        excitatory = np.arange(drawn.size) < config.reservoir.excitatory_cells
        shared = {"v": state.cells.v, "u": state.cells.u, "s": state.synapses.s}
        if state.saturations.size:
            shared["saturations"] = state.saturations[:COUNTERS]
        self.cells = Izhikevich(
            shape=(drawn.size,),
            **drawn.cells._asdict(),
            v=shown.cells.v.copy(),
            u=shown.cells.u.copy(),
            s=shown.synapses.s.copy(),
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
            weights=_columns(drawn, excitatory), shared={"a_buff": state.synapses.a_in}, **common
        )
        self.inhibitory = EventSparse(
            weights=_columns(drawn, ~excitatory),
            shared={} if in_flight is None else {"a_buff": in_flight},
            **common,
        )
        level = feedback = None
        if arithmetic.precision == "fixed":
            k = arithmetic.constants.inputs
            level = (k.positive_shift, k.negative_shift)
            # What these count down by, Dense counts up by.
            feedback = (-k.feedback_positive_shift, -k.feedback_negative_shift)
        network = arithmetic.network
        self._connect("inputs", _connections(network.input_weight, level), proc.in_ports.level_in)
        if config.reservoir.feedback_gain != 0.0:
            connections = _connections(network.feedback_weight, feedback)
            self._connect("feedback", connections, proc.in_ports.feedback_in)
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


@model(Reservoir, "float")
class PyReservoirFloat(Model):
    """The whole reservoir in one kernel in float64, one step a Lava time step."""

    level_in: PyInPort
    feedback_in: PyInPort
    s_out: PyOutPort
    v: np.ndarray
    u: np.ndarray
    s: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._arithmetic = arithmetic = self._numbers(proc_params["arithmetic"])
        self._key = key_of(arithmetic.config.run.seed)
        self._state = state = proc_params["state"] or arithmetic.start.copy()
        self._views: list[PhysicalView] = []
        self._level = np.zeros(arithmetic.network.input_weight.shape[0], arithmetic.number)
        # What is fed back comes in through the port, a step before it acts, as in the graph.
        self._feedback = np.zeros(state.z.size, arithmetic.number)
        self._spiking = np.empty(arithmetic.network.size, np.int64)

    def run_spk(self) -> None:
        """Advance by what came in one step before, send the spikes, then receive."""
        step_key, step = self._position()
        spikes = np.zeros(self._spiking.size, self._arithmetic.number)
        if step >= 0:
            state = self._state._replace(z=self._arithmetic.read_graded(self._feedback))
            count = self._arithmetic.reservoir_step(state, self._level, step_key, self._spiking)
            spikes[self._spiking[:count]] = 1
        self._show()
        self.s_out.send(spikes)
        self._level = self.level_in.recv()
        self._feedback = self.feedback_in.recv()

    def _show(self) -> None:
        """Let the Vars show the state."""
        cells, synapses = self._state.cells, self._state.synapses
        self.v, self.u, self.s = cells.v, cells.u, synapses.s


@model(Reservoir, "fixed", np.int32, v=float, u=float, s=float)
class PyReservoirFixed(PyReservoirFloat):
    """In integers; the Vars are in physical units, and what is set is rounded to the states' grid."""

    def on_var_update(self) -> None:
        """Take over what was set."""
        for view in self._views:
            view.take()

    def _show(self) -> None:
        if not self._views:
            bits, k = self._arithmetic.config.fixed.fraction_bits, self._arithmetic.constants
            cells, s = self._state.cells, self._state.synapses.s
            integers, grains = (cells.v, cells.u, s), (k.cells.v_grain, k.cells.u_grain, k.synapses.s_grain)
            for each, shown, grain in zip(integers, (self.v, self.u, self.s), grains, strict=True):
                self._views.append(PhysicalView(each, shown, bits, grain))
        for view in self._views:
            view.show()
