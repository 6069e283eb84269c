"""The Reservoir Process: Izhikevich cells, their recurrent synapses, and what reaches them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lava_predict.errors import UserError, short
from lava_predict.network.alone import MakeArithmetic, reservoir_alone
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.shared_memory import Playbook
from lava_predict.network.state import State
from lava_predict.processes.base import Process, checked_count, checked_shape
from lava_predict.settings.schema import FixedSettings


class Reservoir(Process):
    """Reservoir of Izhikevich cells with fixed recurrent weights. N cells, C inputs, K fed-back readouts.

    In any network, with plain arguments: ``Reservoir(shape=(200,))``. It then runs as one fused kernel. The
    engine gives ``arithmetic`` and ``state`` in their place.

    Two ways to run a network of the engine, in float64 or integers: a graph of Izhikevich, Dense and
    EventSparse Processes, the decomposition that maps to hardware, and the fused kernel. Both give the same
    spikes in the same time steps: what comes in at ``level_in`` and ``feedback_in`` acts one time step
    later, as Dense buffers it. So it sends before it receives, and a loop through it does not lock.

    Parameters
    ----------
    shape : (int,)
        Number of cells, N.
    cues, events : int
        C, and K.
    dt_ms : float
        Duration of a time step, ms; 0.01 to 1.
    seed : int
        Of the cells, the synapses, the cells that inputs reach, and the noise.
    excitatory_fraction : float, optional
        Share of the cells that are excitatory, the first ones. This and all that follow are by default as in
        the section ``reservoir`` of the preset ``robust``, which explains them.
    connection_probability : float, optional
        Probability that an ordered pair of cells is connected.
    excitatory_charge, inhibitory_charge : float, optional
        Current times ms that a spike adds, at 100 synapses per cell, mV; inhibitory below 0.
    tau_s_ms : float, optional
        Decay of the synaptic current, ms.
    cue_fraction, cue_current : float, optional
        Share of the cells that an input reaches, and the current into them while it is 1, mV / ms.
    noise : float, optional
        Standard deviation of each cell's private current per 1 ms step, mV / ms.
    feedback_gain : float, optional
        Current per unit of a fed-back readout, times a random number -1 .. 1 for each cell; by default 0.
    excitatory, inhibitory : mapping, optional
        Parameters of the cells to change, such as ``{"bias": 4.0}``: a number, or a spread over the cells as
        the preset has it.
    fixed : FixedSettings or mapping, optional
        Word lengths and rounding of the model in integers, all or some by name; else those of the presets.
    arithmetic : Arithmetic or callable
        In place of all above: a network and its numbers, or what makes them for a precision.
    state : State, optional
        Where v, u, s and a_in stand; by default at their start. Shared memory lets the host see it.
    playbook : Playbook, optional
        As for Izhikevich.
    inhibitory_in_flight : ndarray, optional
        The graph's (N,) buffer for what inhibitory spikes in flight will add.
    **kwargs
        Lava's ``name`` and ``log_config``.

    Attributes
    ----------
    level_in : InPort
        (C,), cues then events, 0 or 1.
    feedback_in : InPort
        (K,), graded spikes in 0 .. 1: multiples of 2^-16, or integers of 8 fraction bits.
    s_out : OutPort
        (N,), 1 where a cell spikes, else 0.
    v, u, s : Var
        (N,), membrane potential (mV), recovery variable, synaptic current; in these units also in integers.

    Raises
    ------
    UserError
        For a bad value of an argument; the message names it, the value and what is allowed.
    TypeError
        For an argument that there is not, or neither shape nor arithmetic.

    Examples
    --------
    >>> reservoir = Reservoir(shape=(200,), cues=2, noise=0.5)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        shape: tuple[int] | None = None,
        cues: int = 1,
        events: int = 1,
        dt_ms: float = 1.0,
        seed: int = 1,
        excitatory_fraction: float | None = None,
        connection_probability: float | None = None,
        excitatory_charge: float | None = None,
        inhibitory_charge: float | None = None,
        tau_s_ms: float | None = None,
        cue_fraction: float | None = None,
        cue_current: float | None = None,
        noise: float | None = None,
        feedback_gain: float | None = None,
        excitatory: Mapping[str, Any] | None = None,
        inhibitory: Mapping[str, Any] | None = None,
        fixed: FixedSettings | Mapping[str, Any] | None = None,
        arithmetic: Arithmetic | MakeArithmetic | None = None,
        state: State | None = None,
        playbook: Playbook | None = None,
        inhibitory_in_flight: np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        if arithmetic is None:
            settings = {
                "excitatory_fraction": excitatory_fraction,
                "connection_probability": connection_probability,
                "excitatory_charge": excitatory_charge,
                "inhibitory_charge": inhibitory_charge,
                "tau_s_ms": tau_s_ms,
                "cue_fraction": cue_fraction,
                "cue_current": cue_current,
                "noise": noise,
                "feedback_gain": feedback_gain,
                "excitatory": excitatory,
                "inhibitory": inhibitory,
            }
            counts = (_cells(shape), checked_count("cues", cues), checked_count("events", events))
            arithmetic = reservoir_alone(*counts, dt_ms=dt_ms, seed=seed, fixed=fixed, settings=settings)
        shown = arithmetic if isinstance(arithmetic, Arithmetic) else arithmetic("float")
        start = shown.physical(state or shown.start)
        super().__init__(
            arithmetic=arithmetic,
            state=state,
            playbook=playbook,
            inhibitory_in_flight=inhibitory_in_flight,
            **kwargs,
        )
        self.level_in = InPort(shape=(shown.network.input_weight.shape[0],))
        self.feedback_in = InPort(shape=start.z.shape)
        cells = (shown.network.size,)
        self.s_out = OutPort(shape=cells)
        self.v = Var(shape=cells, init=start.cells.v)
        self.u = Var(shape=cells, init=start.cells.u)
        self.s = Var(shape=cells, init=start.synapses.s)


def _cells(shape: Any) -> int:
    """Return the number of cells of a population in one dimension."""
    if shape is None:
        raise TypeError("Reservoir: needs shape, as in Reservoir(shape=(200,))")
    cells, *more = checked_shape(shape)
    if more:
        raise UserError(f"shape = {short(shape)}: must have one dimension, such as (200,)")
    return int(cells)
