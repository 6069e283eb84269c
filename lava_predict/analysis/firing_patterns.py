"""Named firing patterns of the Izhikevich cell, to look at and to check the kernel against.

Cells are from Izhikevich 2003 (doi 10.1109/TNN.2003.820440) and 2004 (doi 10.1109/TNN.2004.832719),
as are most stimuli. Some stimuli are changed so that the pattern shows both at the 1 ms step of the
network and at fine steps; `FiringPattern.adapted` says how. Units: ms, mV, and the current units of
Izhikevich 2003 (mV per ms).

All cells here obey v' = 0.04 v^2 + 5 v + 140 - u + I. The 2004 paper writes two of them, class 1 and
integrator, with 4.1 v + 108; with v moved by 11.25 mV and I by 20.3125 this is the same equation, except
that the spike is cut off at 41.25 mV on the paper's scale, under 0.1 ms later. Three cells of the 2004 paper
are left out: accommodation (another equation for u), depolarising after-potential and inhibition-induced
bursting (fine steps do not show them with the paper's parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lava_predict.network.population import FloatPopulation, Population
from lava_predict.neurons.izhikevich import Parameters


class Injection(NamedTuple):
    """A stretch of injected current: ``level + slope * (t - start_ms)`` for start_ms <= t < stop_ms."""

    start_ms: float
    stop_ms: float
    level: float
    slope: float = 0.0


class Response(NamedTuple):
    """What a cell did: ends of the steps, ms, and membrane potential then, mV, (steps,); spike times, ms.

    The potential is 30 where the cell spikes, before its reset; a spike is at the end of its step.
    """

    times_ms: NDArray[np.float64]
    v: NDArray[np.float64]
    spikes_ms: NDArray[np.float64]


@dataclass(frozen=True)
class FiringPattern:
    """A cell, what is injected into it, and what it then does; ``year`` is of the paper that has it.

    The cell has a rate of recovery ``a`` (1 / ms), its sensitivity ``b`` to v, a reset potential ``c`` (mV)
    and a step of recovery ``d``. It starts at ``v0`` (mV) and ``u0``, None for b * v0, and is simulated for
    ``duration_ms``. The injections add up, on top of the current ``holding``. ``adapted`` says how the
    stimulus differs from the paper's; it is empty if it does not.
    """

    name: str
    a: float
    b: float
    c: float
    d: float
    v0: float
    duration_ms: float
    injections: tuple[Injection, ...]
    holding: float = 0.0
    u0: float | None = None
    year: int = 2004
    adapted: str = ""

    def current(self, dt_ms: float) -> NDArray[np.float64]:
        """Sample the current at the beginning of every step, (steps,); injections move to the nearest one."""
        if not dt_ms > 0.0:
            raise ValueError(f"dt_ms = {dt_ms}: must be above 0")
        steps = round(self.duration_ms / dt_ms)
        current = np.full(steps, self.holding)
        for start_ms, stop_ms, level, slope in self.injections:
            first = round(start_ms / dt_ms)
            last = round(min(stop_ms, self.duration_ms) / dt_ms)
            current[first:last] += level + slope * dt_ms * np.arange(last - first)
        return current


def simulate(pattern: FiringPattern, dt_ms: float = 1.0) -> Response:
    """Run one cell through the network's own kernel.

    >>> simulate(FIRING_PATTERNS["rebound spike"]).spikes_ms
    array([61.])
    """
    a, b, c, d, v = (np.array([value]) for value in (pattern.a, pattern.b, pattern.c, pattern.d, pattern.v0))
    u = b * v if pattern.u0 is None else np.array([pattern.u0])
    none, synaptic = np.zeros(1), np.zeros(1)
    spiking = np.zeros(1, np.int64)
    cells = FloatPopulation(Population(Parameters(a, b, c, d, none), 1.0, dt_ms, 0.0))
    current = pattern.current(dt_ms)
    trace = np.empty(current.size)
    spiked = np.zeros(current.size, np.bool_)
    for step in range(current.size):
        injected = current[step : step + 1]
        cells.advance(v, u, synaptic, none, injected, np.uint64(0))
        trace[step] = v[0]
        spiked[step] = cells.reset(v, u, spiking) == 1
    times_ms = dt_ms * np.arange(1, current.size + 1)
    return Response(times_ms, trace, times_ms[spiked])


_ALWAYS = float("inf")
_SHIFTED_HOLDING = 20.3125
_SHIFT = "the paper's cell with v moved by 11.25 mV into the form of the kernel"

_PATTERNS = (
    FiringPattern(
        "tonic spiking", 0.02, 0.2, -65.0, 6.0, -70.0, 200.0, (Injection(10, _ALWAYS, 14),),
        adapted="200 ms instead of 100",
    ),
    FiringPattern(
        "phasic spiking", 0.02, 0.25, -65.0, 6.0, -64.0, 400.0, (Injection(20, _ALWAYS, 0.5),),
        adapted="400 ms instead of 200",
    ),
    FiringPattern("tonic bursting", 0.02, 0.2, -50.0, 2.0, -70.0, 220.0, (Injection(22, _ALWAYS, 15),)),
    FiringPattern(
        "phasic bursting", 0.02, 0.25, -55.0, 0.05, -64.0, 400.0, (Injection(20, _ALWAYS, 0.6),),
        adapted="400 ms instead of 200",
    ),
    FiringPattern(
        "mixed mode", 0.02, 0.2, -55.0, 4.0, -70.0, 320.0, (Injection(16, _ALWAYS, 10),),
        adapted="320 ms instead of 160",
    ),
    FiringPattern(
        "spike frequency adaptation", 0.01, 0.2, -65.0, 8.0, -70.0, 320.0, (Injection(20, _ALWAYS, 30),),
        adapted="320 ms instead of 85, step at 20 ms",
    ),
    FiringPattern(
        "class 1 excitable", 0.02, -0.1, -66.25, 6.0, -71.25, 300.0, (Injection(30, _ALWAYS, 0, 0.075),),
        holding=_SHIFTED_HOLDING, adapted=_SHIFT,
    ),
    FiringPattern(
        "class 2 excitable", 0.2, 0.26, -65.0, 0.0, -64.0, 300.0, (Injection(30, _ALWAYS, 0, 0.015),),
        holding=-0.5,
    ),
    FiringPattern("spike latency", 0.02, 0.2, -65.0, 6.0, -70.0, 100.0, (Injection(10, 13, 7.04),)),
    FiringPattern(
        "subthreshold oscillation", 0.05, 0.26, -60.0, 0.0, -62.0, 200.0, (Injection(20, 25, 2),)
    ),
    FiringPattern(
        "resonator", 0.1, 0.26, -60.0, -1.0, -62.0, 400.0,
        (
            Injection(40, 44, 0.65), Injection(60, 64, 0.65),
            Injection(280, 284, 0.65), Injection(320, 324, 0.65),
        ),
    ),
    FiringPattern(
        "integrator", 0.02, -0.1, -66.25, 6.0, -71.25, 100.0,
        (Injection(9, 11, 9), Injection(14, 16, 9), Injection(60, 62, 9), Injection(70, 72, 9)),
        holding=_SHIFTED_HOLDING, adapted=f"{_SHIFT}; pulses on whole ms",
    ),
    FiringPattern("rebound spike", 0.03, 0.25, -60.0, 4.0, -64.0, 200.0, (Injection(20, 25, -15),)),
    FiringPattern("rebound burst", 0.03, 0.25, -52.0, 0.0, -64.0, 200.0, (Injection(20, 25, -15),)),
    FiringPattern(
        "threshold variability", 0.03, 0.25, -60.0, 4.0, -64.0, 120.0,
        (Injection(10, 15, 1), Injection(70, 75, -6), Injection(80, 85, 1)),
        adapted="120 ms instead of 100",
    ),
    # The window in which a pulse ends the train is 4 to 7 ms wide and drifts with the period, which is
    # 44 ms at a step of 1 ms and 39 ms at 0.1; 384 ms lies inside it for both.
    FiringPattern(
        "bistability", 0.1, 0.26, -60.0, 0.0, -61.0, 600.0, (Injection(37, 42, 1), Injection(384, 387, -1)),
        holding=0.24,
        adapted="600 ms instead of 300; the pulse that ends the train is at 384 ms and -1 for 3 ms "
        "instead of at 216 ms and +1 for 5 ms",
    ),
    FiringPattern(
        "inhibition-induced spiking", -0.02, -1.0, -60.0, 8.0, -63.8, 350.0, (Injection(50, _ALWAYS, -5),),
        holding=80.0,
        adapted="inhibition lasts to the end instead of 250 ms, because its release can add a spike",
    ),
    *(
        FiringPattern(
            name, a, b, c, d, v0, 300.0, (Injection(20, _ALWAYS, 10),),
            year=2003, adapted="step of 10 at 20 ms, 300 ms",
        )
        for name, a, b, c, d, v0 in (
            ("regular spiking", 0.02, 0.2, -65.0, 8.0, -65.0),
            ("intrinsically bursting", 0.02, 0.2, -55.0, 4.0, -65.0),
            ("chattering", 0.02, 0.2, -50.0, 2.0, -65.0),
            ("fast spiking", 0.1, 0.2, -65.0, 2.0, -65.0),
            ("low-threshold spiking", 0.02, 0.25, -65.0, 2.0, -64.0),
        )
    ),
)  # fmt: skip

FIRING_PATTERNS = {pattern.name: pattern for pattern in _PATTERNS}
"""The table, by name."""
