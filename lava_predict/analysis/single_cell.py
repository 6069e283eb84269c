"""How a single cell responds to a constant current, whatever arithmetic it is simulated in.

The arithmetic is passed as a function: `simulate_float`, or one that `simulate_fixed` returns. Units: ms, mV,
and the current units of Izhikevich 2003 (doi 10.1109/TNN.2003.820440).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lava_predict.analysis.spike_statistics import Raster, SpikeTimeLag, spike_time_lag
from lava_predict.network.population import FixedPopulation, FloatPopulation, Population
from lava_predict.neurons import izhikevich
from lava_predict.neurons.izhikevich import Parameters
from lava_predict.settings.schema import FixedSettings


class Cell(NamedTuple):
    """An Izhikevich cell: its name in tables and figures, and its parameters.

    ``a`` is the rate of recovery, 1 / ms, ``b`` its sensitivity to v, ``c`` the reset potential, mV, and
    ``d`` the step of recovery at a spike.
    """

    name: str
    a: float
    b: float
    c: float
    d: float


CELLS = (
    Cell("regular spiking", 0.02, 0.2, -65.0, 8.0),
    Cell("robust, r = 0, slow", 0.003, 0.2, -65.0, 8.0),
    Cell("robust, r = 0, fast", 0.009, 0.2, -65.0, 8.0),
    Cell("robust, r = 1, slow", 0.003, 0.2, -50.0, 2.0),
    Cell("robust, r = 1, fast", 0.009, 0.2, -50.0, 2.0),
    Cell("a = 0.002", 0.002, 0.2, -65.0, 8.0),
)
"""Regular spiking (Izhikevich 2003); the corners of the excitatory cells of preset robust, whose c and d
share a draw r; and a still slower recovery, the hardest to represent in few bits."""


Spikes = tuple[np.ndarray, np.ndarray]
"""Step, from 0, and cell of each spike, both (spikes,) uint32, in order of step, then of cell."""

Simulate = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Spikes]
"""Simulates n unconnected cells, each under its own constant current, from rest: takes a, b, c, d and
current, all (n,) float64, and a number of time steps."""


def simulate_float(
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    current: np.ndarray,
    steps: int,
    dt_ms: float = 1.0,
) -> Spikes:
    """Simulate in float64, with the network's own kernels; a `Simulate` at its time step in ms."""
    cells = FloatPopulation(Population(Parameters(a, b, c, d, current), 1.0, dt_ms, 0.0))
    v, u = izhikevich.start(cells.parameters)
    synaptic, none = np.zeros((2, a.size))
    spiking = np.zeros(a.size, np.int64)

    def step() -> int:
        return cells.step(v, u, synaptic, none, none, np.uint64(0), spiking)

    return _record(step, spiking, steps)


def simulate_fixed(settings: FixedSettings, dt_ms: float = 1.0) -> Simulate:
    """Return a `Simulate` in integers as the settings say, with the network's own kernels and quantising."""

    def simulate(
        a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, current: np.ndarray, steps: int
    ) -> Spikes:
        # No synapses and no noise; tau_s is of no consequence.
        cells = FixedPopulation(settings, Population(Parameters(a, b, c, d, current), 1.0, dt_ms, 0.0))
        v, u = izhikevich.fixed_start(cells.parameters, cells.constants.cells, settings.fraction_bits)
        synaptic = np.zeros(a.size, np.int32)
        none, current_in, spiking = np.zeros((3, a.size), np.int64)
        lost = np.zeros(4, np.int64)

        def step() -> int:
            current_in[:] = 0
            return cells.step(v, u, synaptic, none, current_in, np.uint64(0), spiking, lost)

        return _record(step, spiking, steps)

    return simulate


def _record(step: Callable[[], int], spiking: np.ndarray, steps: int) -> Spikes:
    """Take steps, each leaving its spiking cells at the head of ``spiking``, and return the spikes."""
    cells = [np.array([], np.uint32)]
    for _ in range(steps):
        count = step()
        cells.append(spiking[:count].astype(np.uint32))
    spikes = np.array([part.size for part in cells[1:]], np.int64)
    return np.repeat(np.arange(steps, dtype=np.uint32), spikes), np.concatenate(cells)


def fi_curve(
    simulate: Simulate,
    cells: Sequence[Cell],
    currents: np.ndarray,
    duration_ms: float = 10000.0,
    settle_ms: float = 500.0,
    dt_ms: float = 1.0,
) -> np.ndarray:
    """Measure firing rates, Hz, with each current given to every cell, (cells, currents).

    Spikes are counted for ``duration_ms`` after the first ``settle_ms``, which leave out the onset. The time
    step of the arithmetic must be ``dt_ms``.
    """
    settled, steps = round(settle_ms / dt_ms), round((settle_ms + duration_ms) / dt_ms)
    a, b, c, d = np.repeat(_parameters(cells), currents.size, axis=1)
    step, cell = simulate(a, b, c, d, np.tile(currents, len(cells)), steps)
    spikes = np.bincount(cell[step >= settled], minlength=len(cells) * currents.size)
    counted_s = (steps - settled) * dt_ms / 1000.0
    return np.asarray(spikes.reshape(len(cells), currents.size) / counted_s)


def lag(
    reference: Simulate,
    other: Simulate,
    cells: Sequence[Cell],
    current: float,
    duration_ms: float = 3000.0,
    dt_ms: float = 1.0,
) -> list[SpikeTimeLag]:
    """Measure how far one arithmetic's spikes fall behind another's, cell by cell, under a constant current.

    The current flows from time 0 on. The time step of both must be ``dt_ms``; the time of a spike is the end
    of its step.
    """
    steps = round(duration_ms / dt_ms)
    a, b, c, d = _parameters(cells)
    trains = []
    for simulate in (reference, other):
        step, cell = simulate(a, b, c, d, np.full(len(cells), current), steps)
        raster = Raster(step, cell, len(cells), steps, dt_ms)
        trains.append([dt_ms * (train + 1) for train in raster.trains()])
    return [spike_time_lag(one, two) for one, two in zip(*trains, strict=True)]


def _parameters(cells: Sequence[Cell]) -> np.ndarray:
    """Return a, b, c and d, (4, cells) float64."""
    return np.array([[getattr(cell, name) for cell in cells] for name in "abcd"])
