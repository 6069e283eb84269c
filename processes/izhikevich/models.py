"""How the Izhikevich Process runs on a CPU, in float64."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.kernels.float import advance_cells, decay_of_step, noise_of_step, reset_spiking
from lava_predict.kernels.noise import fold, key_of
from lava_predict.processes.izhikevich.process import Izhikevich

_CELLS = ("v", "u", "s", "a", "b", "c", "d", "bias")
_SETTINGS = ("tau_s_ms", "dt_ms", "noise")


@implements(proc=Izhikevich, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyIzhikevichFloat(PyLoihiProcessModel):
    """Runs the package's float kernels, one time step a Lava step.

    Two entries of ``proc_params``, both optional, let a host direct a population:

    ``playbook``
        An object whose ``position(time_step)`` returns the noise key (uint64) of the segment that this
        Lava step (from 1) belongs to, and the step within it. A step below 0 means idle: inputs are
        dropped, nothing changes and no cell spikes. Without it the key comes from ``noise_seed`` and
        the step is ``time_step - 1``.
    ``shared``
        A mapping from "v", "u" or "s" to a float64 array in memory that host and model share. The model
        works on that array in place of its own, from its first step on; the array's values count, not
        the Var's initial ones.
    """

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    i_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    v: np.ndarray = LavaPyType(np.ndarray, float)
    u: np.ndarray = LavaPyType(np.ndarray, float)
    s: np.ndarray = LavaPyType(np.ndarray, float)
    a: np.ndarray = LavaPyType(np.ndarray, float)
    b: np.ndarray = LavaPyType(np.ndarray, float)
    c: np.ndarray = LavaPyType(np.ndarray, float)
    d: np.ndarray = LavaPyType(np.ndarray, float)
    bias: np.ndarray = LavaPyType(np.ndarray, float)
    tau_s_ms: np.ndarray = LavaPyType(np.ndarray, float)
    dt_ms: np.ndarray = LavaPyType(np.ndarray, float)
    noise: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._key = key_of(proc_params["noise_seed"])
        self._playbook = proc_params.get("playbook")
        self._shared = proc_params.get("shared") or {}
        # The arrays that the model works on, by name. They stay the same for good, and so do the flat
        # views of them that the kernels get.
        self._held: dict[str, np.ndarray] = {}
        self._changed = True

    def run_spk(self) -> None:
        """Receive the inputs, advance all cells by a step, send the spikes."""
        attributes = self.__dict__
        if self._changed or any(attributes[name] is not array for name, array in self._held.items()):
            self._take_vars()
        a_in = self.a_in.recv().reshape(-1)
        i_in = self.i_in.recv().reshape(-1)
        self._spikes.fill(0.0)
        if self._playbook is None:
            key, step = self._key, self.time_step - 1
        else:
            key, step = self._playbook.position(self.time_step)
        if step >= 0:
            v, u, s, a, b, c, d, bias = self._flat
            if self._noise > 0.0:
                # What a kernel returns is a plain int, which would become a signed one.
                key = np.uint64(fold(key, np.uint64(step)))
            advance_cells(v, u, s, a_in, i_in, a, b, bias, self._dt, self._synapse_decay, self._noise, key)
            count = reset_spiking(v, u, c, d, self._spiking)
            self._spikes[self._spiking[:count]] = 1.0
        self.s_out.send(self._spikes_out)

    def on_var_update(self) -> None:
        """Note that a Var was set, as constants may depend on it."""
        self._changed = True

    def _take_vars(self) -> None:
        """Bring the arrays that the kernels get, and the constants, up to date with the Vars."""
        if not self._held:
            for name in _CELLS + _SETTINGS:
                own = getattr(self, name)
                array = self._shared.get(name, own)
                self._held[name] = array if array.shape == own.shape else array.reshape(own.shape)
                setattr(self, name, self._held[name])
            self._flat = tuple(self._held[name].reshape(-1) for name in _CELLS)
            self._spikes = np.zeros(self.v.size)
            self._spikes_out = self._spikes.reshape(self.v.shape)
            self._spiking = np.zeros(self.v.size, np.int64)
        for name, array in self._held.items():
            if getattr(self, name) is not array:
                # A RefPort's write puts an array of its own, of any type, in the place of the Var.
                array[...] = getattr(self, name)
                setattr(self, name, array)
        dt = float(self.dt_ms[0])
        self._dt = dt
        self._synapse_decay = decay_of_step(dt, float(self.tau_s_ms[0]))
        self._noise = noise_of_step(float(self.noise[0]), dt)
        self._changed = False
