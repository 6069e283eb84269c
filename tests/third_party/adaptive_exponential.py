"""Adaptive exponential cells (Brette & Gerstner 2005, doi 10.1152/jn.00686.2005), in float64 only.

    TAU dv/dt = REST - v + WIDTH exp((v - THRESHOLD) / WIDTH) + TAU (I - w),    tau_w dw/dt = -w
    spike where v >= PEAK:  v = REST,  w += w_step

A step is one of Euler's. `lava_predict.neurons` says what each name below is for.
"""

from typing import NamedTuple

import numpy as np
from pydantic import Field

from lava_predict.neurons.izhikevich import Constants, constants  # noqa: F401  The time step alone.
from lava_predict.numerics.compiled import kernel
from lava_predict.settings.schema import Parameter, Section, TimeParameter

REST, THRESHOLD, PEAK, WIDTH, TAU = -65.0, -50.0, 20.0, 2.0, 20.0  # mV, and ms for TAU
_BIAS = {"start": 0.7, "stop": 1.0, "power": 1.0, "scale": "linear", "draw": "own"}
_CELLS = {"tau_w_ms": 120.0, "w_step": 0.3, "bias": _BIAS}
_CURRENTS = {"excitatory_charge": 0.3, "inhibitory_charge": -0.3, "cue_current": 20.0, "event_current": 20.0}
DEFAULTS = {**_CURRENTS, "excitatory": _CELLS, "inhibitory": _CELLS}


class Settings(Section):
    tau_w_ms: TimeParameter = Field(description="decay of the adaptation current, ms")
    w_step: Parameter = Field(description="rise of the adaptation current at a spike, mV/ms")
    bias: Parameter = Field(description="constant current, mV/ms")


Parameters = NamedTuple("Parameters", [(name, np.ndarray) for name in Settings.model_fields])


class State(NamedTuple):
    v: np.ndarray  # Membrane potential, mV.
    w: np.ndarray  # Adaptation current, mV/ms.


def start(parameters: Parameters) -> State:
    return State(np.full(parameters.bias.size, REST), np.zeros(parameters.bias.size))


@kernel
def advance(cells: State, parameters: Parameters, k: Constants, j: int, current: float) -> None:
    v, w = cells.v[j], cells.w[j]
    drift = (REST - v + WIDTH * np.exp((v - THRESHOLD) / WIDTH)) / TAU
    cells.v[j] = min(v + k.dt * (drift + current - w), PEAK)
    cells.w[j] = w - k.dt * w / parameters.tau_w_ms[j]


@kernel
def at_threshold(cells: State, parameters: Parameters, k: Constants, j: int) -> bool:
    return cells.v[j] >= PEAK


@kernel
def reset(cells: State, parameters: Parameters, k: Constants, j: int) -> None:
    cells.v[j] = REST
    cells.w[j] += parameters.w_step[j]
