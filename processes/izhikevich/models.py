"""How the Izhikevich Process runs on a CPU, in float64 or integers."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.network.population import FixedPopulation, FloatPopulation, Population
from lava_predict.neurons.izhikevich import Parameters
from lava_predict.numerics.integers import to_state
from lava_predict.numerics.physical_units import PhysicalView
from lava_predict.processes.base import Model, model
from lava_predict.processes.izhikevich.process import Izhikevich

_STATES = ("v", "u", "s")
_PARAMETERS = Parameters._fields
_SETTINGS = ("tau_s_ms", "dt_ms", "noise")


@model(Izhikevich, "float", saturations=np.int64)
class PyIzhikevichFloat(Model):
    """Runs the package's kernels in float64, one time step a Lava step."""

    # Whether what is shared are the Vars themselves.
    _shares_vars = True
    a_in: PyInPort
    i_in: PyInPort
    s_out: PyOutPort
    v: np.ndarray
    u: np.ndarray
    s: np.ndarray
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    tau_s_ms: np.ndarray
    dt_ms: np.ndarray
    noise: np.ndarray
    saturations: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params, proc_params["noise_seed"])
        # The arrays behind the Vars, by name. They stay the same for good, and so do the flat views of
        # them that the kernels get.
        self._held: dict[str, np.ndarray] = {}
        self._changed = True

    def run_spk(self) -> None:
        """Receive the inputs, advance all cells by a step, send the spikes."""
        attributes = self.__dict__
        if self._changed or any(attributes[name] is not array for name, array in self._held.items()):
            self._take_vars()
        a_in = self.a_in.recv().reshape(-1)
        i_in = self.i_in.recv().reshape(-1)
        self._spikes.fill(0)
        step_key, step = self._position()
        if step >= 0:
            count = self._advance(a_in, i_in, step_key)
            self._spikes[self._spiking[:count]] = 1
        self.s_out.send(self._spikes_out)

    def on_var_update(self) -> None:
        """Note that a Var was set, as constants may depend on it."""
        self._changed = True

    def _take_vars(self) -> None:
        """Bring what the kernels get up to date with the Vars."""
        if not self._held:
            for name in _STATES + _PARAMETERS + _SETTINGS:
                own = getattr(self, name)
                array = self._shared.get(name, own) if self._shares_vars else own
                self._held[name] = array if array.shape == own.shape else array.reshape(own.shape)
                setattr(self, name, self._held[name])
            self._flat = {name: array.reshape(-1) for name, array in self._held.items()}
            self._spikes = np.zeros(self.v.size, self.s_out._d_type)
            self._spikes_out = self._spikes.reshape(self.v.shape)
            self._spiking = np.zeros(self.v.size, np.int64)
        for name, array in self._held.items():
            if getattr(self, name) is not array:
                # A RefPort's write puts an array of its own, of any type, in the place of the Var.
                array[...] = getattr(self, name)
                setattr(self, name, array)
        self._bring_up_to_date()
        self._changed = False

    def _population(self) -> Population:
        """Gather the parameters and settings."""
        parameters = Parameters(*(self._flat[name] for name in _PARAMETERS))
        return Population(parameters, *(float(self._flat[name][0]) for name in _SETTINGS))

    def _bring_up_to_date(self) -> None:
        """Work out what follows from the Vars."""
        self._cells: Any = FloatPopulation(self._population())

    def _advance(self, a_in: np.ndarray, i_in: np.ndarray, step_key: np.uint64) -> int:
        """Advance all cells by a step; leave the spiking ones in ``_spiking`` and return how many."""
        v, u, s = (self._flat[name] for name in _STATES)
        return int(self._cells.step(v, u, s, a_in, i_in, step_key, self._spiking))


@model(
    Izhikevich, "fixed", a_in=(np.int64, 24), i_in=(np.int64, 24), s_out=(np.int32, 1), saturations=np.int64
)
class PyIzhikevichFixed(PyIzhikevichFloat):
    """In integers, Loihi-style: the Vars are physical, and quantised here whenever one of them is set."""

    _shares_vars = False

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._settings = proc_params["fixed"]
        self._views: dict[str, PhysicalView] = {}

    def on_var_update(self) -> None:
        """Round what was set to the grid of the states at once, so that it reads back as it is held."""
        super().on_var_update()
        if self._held:
            self._take_vars()

    def _bring_up_to_date(self) -> None:
        self._cells = FixedPopulation(self._settings, self._population())
        if not self._views:
            self._log_warnings(self._cells.plan)
            self._views = {name: self._view(name) for name in _STATES}
            if "saturations" in self._shared:
                self.saturations = self._shared["saturations"]
        for view in self._views.values():
            view.take()

    def _view(self, name: str) -> PhysicalView:
        """Lay a state in integers behind its Var: the shared one, or one of the Var's values."""
        shown, bits = self._flat[name], self._settings.fraction_bits
        grain = self._cells.grain(name)
        integers = self._shared.get(name)
        if integers is None:
            integers = to_state(shown, bits, grain)
        return PhysicalView(integers.reshape(-1), shown, bits, grain)

    def _advance(self, a_in: np.ndarray, i_in: np.ndarray, step_key: np.uint64) -> int:
        v, u, s = (view.integers for view in self._views.values())
        inputs = (a_in.astype(np.int64, copy=False), i_in.astype(np.int64, copy=False))
        count = int(self._cells.step(v, u, s, *inputs, step_key, self._spiking, self.saturations))
        for view in self._views.values():
            view.show()
        return count
