"""The Readout Process: traces of spikes, the when and what readouts, and the gated when rule."""

from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.state import State
from lava_predict.processes.base import Process


class Readout(Process):
    """Reads a reservoir of N cells out for K events, and learns when they occur.

    The what readout is formed, and learns, between segments (`segment_borders`), from the sum of
    traces that this Process keeps.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network's numbers and settings.
    state : State
        Where x, m, z, x_sum and the weights stand; shared memory lets the host see them.
    **kwargs
        Lava's ``name`` and ``log_config``; ``playbook``, which tells the segment (without it there is one, in
        which every step learns and no cue comes on); ``logbook``, which then gets the spikes.

    Attributes
    ----------
    s_in : InPort
        (N,), spikes of the reservoir.
    teach_in : InPort
        (2 K,), gates (in integers: times the learning rate), then targets.
    prediction_out : OutPort
        (2 K + 1,): z, W_what . x and |xc|^2 of this step.
    feedback_out : OutPort
        (K,), z as graded spikes in 0 .. 1: multiples of 2^-16, or integers of 8 fraction bits.
    w_when, w_what : Var
        Weights, as the rules have them.
    x, m : Var
        Traces, (N,), and their slow means, as the rule has them; a rule without slow means shows 0.
    z : Var
        (K,), when readout. In integers all Vars are, in the formats of docs/fixed-point.md.
    """

    def __init__(self, *, arithmetic: Arithmetic, state: State, **kwargs: Any) -> None:
        super().__init__(arithmetic=arithmetic, state=state, **kwargs)
        events = state.z.size
        self.s_in = InPort(shape=state.when.x.shape)
        self.teach_in = InPort(shape=(2 * events,))
        self.prediction_out = OutPort(shape=(2 * events + 1,))
        self.feedback_out = OutPort(shape=(events,))
        when, what = state.when, state.what
        self.w_when = Var(shape=when.w.shape, init=when.w)
        self.w_what = Var(shape=what.w.shape, init=what.w)
        self.x = Var(shape=when.x.shape, init=when.x)
        m = getattr(when, "m", np.zeros_like(when.x))
        self.m = Var(shape=m.shape, init=m)
        self.z = Var(shape=state.z.shape, init=state.z)
