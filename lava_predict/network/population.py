"""Izhikevich cells with exponential synaptic currents that stand alone, without a network's connections."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.network import fixed_step, float_step, inputs
from lava_predict.network.step import Constants
from lava_predict.neurons import izhikevich
from lava_predict.neurons.izhikevich import Parameters
from lava_predict.numerics.plan import ROUNDINGS, Plan, Planner
from lava_predict.numerics.time_step import decay_of_step, noise_of_step
from lava_predict.settings.schema import FixedSettings
from lava_predict.synapses import exponential


class Population(NamedTuple):
    """Cells and their time step in physical units.

    Attributes
    ----------
    parameters : Parameters
        Of N cells.
    tau_s_ms, dt_ms : float
        Decay of the synaptic current, and time step.
    noise : float
        Standard deviation of the private current per 1 ms step, mV / ms.
    """

    parameters: Parameters
    tau_s_ms: float
    dt_ms: float
    noise: float


_UNREAD_COUNTERS: np.ndarray = np.zeros(4, np.int64)


class _AnyPopulation:
    """What advances a population: the kernels of a network of the same cells."""

    parameters: Any
    constants: Constants
    _advance: Any
    _reset: Any

    def step(
        self,
        v: np.ndarray,
        u: np.ndarray,
        s: np.ndarray,
        a_in: np.ndarray,
        i_in: np.ndarray,
        step_key: np.uint64,
        spiking: np.ndarray,
        lost: np.ndarray = _UNREAD_COUNTERS,
    ) -> int:
        """Advance by a step and reset the cells that spike.

        Parameters
        ----------
        v, u, s : (N,) float64 or int32
            State: mV, and mV / ms twice, or 24 bits with F fraction bits; changed in place.
        a_in, i_in : (N,) float64 or int64
            What arrives at the synapses, and current of this step only: mV / ms, or F fraction bits.
        step_key : uint64
            Noise key of this step.
        spiking : (N,) int64
            Its head receives the indices of the spiking cells, ascending.
        lost : (4,) int64
            In integers counters of v, u, s and the current, changed in place.

        Returns
        -------
        int
            How many cells spiked.
        """
        self.advance(v, u, s, a_in, i_in, step_key, lost)
        return self.reset(v, u, spiking, lost)

    def advance(
        self,
        v: np.ndarray,
        u: np.ndarray,
        s: np.ndarray,
        a_in: np.ndarray,
        i_in: np.ndarray,
        step_key: np.uint64,
        lost: np.ndarray = _UNREAD_COUNTERS,
    ) -> None:
        """Advance by a step, up to the threshold; the arguments are those of `step`."""
        cells, synapses = izhikevich.State(v, u), exponential.State(s, a_in)
        # The kernels add bias and noise to the current, in place.
        self._advance(cells, synapses, self.parameters, self.constants, i_in.copy(), step_key, lost)

    def reset(
        self, v: np.ndarray, u: np.ndarray, spiking: np.ndarray, lost: np.ndarray = _UNREAD_COUNTERS
    ) -> int:
        """Reset the cells at the threshold and return their number; the arguments are those of `step`."""
        cells, room = izhikevich.State(v, u), np.empty_like(spiking)
        return int(self._reset(cells, self.parameters, self.constants, room, spiking, lost))


class FloatPopulation(_AnyPopulation):
    """A population in float64.

    Parameters
    ----------
    cells : Population
        In physical units.
    """

    def __init__(self, cells: Population) -> None:
        self.parameters = cells.parameters
        dt = cells.dt_ms
        self.constants = Constants(
            cells=izhikevich.constants(cells.parameters, dt),
            synapses=exponential.Constants(decay_of_step(dt, cells.tau_s_ms)),
            when=(),
            inputs=inputs.Constants(noise_of_step(cells.noise, dt), False),
        )
        self._advance, self._reset = float_step.population_kernels(izhikevich, exponential)


class FixedPopulation(_AnyPopulation):
    """A population in integers: the same ones as in a network of the same cells.

    Parameters
    ----------
    settings : FixedSettings
        Word lengths and rounding.
    cells : Population
        In physical units.

    Attributes
    ----------
    parameters, constants, plan
        Of the cells, in integers, and how they were quantised.
    """

    plan: Plan

    def __init__(self, settings: FixedSettings, cells: Population) -> None:
        planner = Planner(settings)
        self.parameters, constants = izhikevich.quantise(planner, cells.parameters, cells.dt_ms)
        noise, noise_shift = inputs.quantise_noise(planner, cells.noise, cells.dt_ms)
        synapses = exponential.FixedConstants(
            decay=planner.decay("decay of s", cells.tau_s_ms, cells.dt_ms),
            decay_bits=settings.decay_bits,
            s_grain=planner.grain("s"),
            first_inhibitory=0,
            excitatory_shift=0,
            inhibitory_shift=0,
        )
        outside = inputs.FixedConstants(0, 0, 0, 0, noise, noise_shift, False, ROUNDINGS[settings.rounding])
        self.constants = Constants(constants, synapses, (), outside)
        self.plan = planner.plan
        self._advance, self._reset = fixed_step.population_kernels(izhikevich, exponential)

    def grain(self, name: str) -> int:
        """Return how many of the lowest of 24 bits of "v", "u" or "s" are kept at 0."""
        held = self.constants.synapses if name == "s" else self.constants.cells
        return int(getattr(held, f"{name}_grain"))
