"""The Readout Process: traces of spikes, the when and what readouts, and the gated when rule."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, LogConfig
from lava.magma.core.process.variable import Var

from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.state import State


class Readout(AbstractProcess):
    """Reads a reservoir of N cells out for K events, and learns when they occur.

    The what readout is formed, and learns, between segments (`segment_borders`), from the sum of
    traces that this Process keeps.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network's numbers and settings.
    state : State
        Where x, m, z, x_sum and the weights stand; shared memory lets the host see them.
    name : str, optional
        Of the Process.
    log_config : LogConfig, optional
        Lava's logging.
    **kwargs
        Further entries of ``proc_params``: ``playbook``, which tells the segment (without it there is one, in
        which every step learns); ``what_window``, the steps of a segment whose traces are summed;
        ``logbook``, which then gets the spikes.

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
        (K, N + 1) and (K, N), weights.
    x, m : Var
        (N,), traces and their slow means, spikes per ms.
    z : Var
        (K,), when readout. In integers all Vars are, in the formats of `lava_predict.network.fixed_step`.
    """

    def __init__(
        self,
        *,
        arithmetic: Arithmetic,
        state: State,
        name: str | None = None,
        log_config: LogConfig | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arithmetic=arithmetic, state=state, name=name, log_config=log_config, **kwargs)
        events = state.z.size
        self.s_in = InPort(shape=state.v.shape)
        self.teach_in = InPort(shape=(2 * events,))
        self.prediction_out = OutPort(shape=(2 * events + 1,))
        self.feedback_out = OutPort(shape=(events,))
        self.w_when = Var(shape=state.w_when.shape, init=state.w_when)
        self.w_what = Var(shape=state.w_what.shape, init=state.w_what)
        self.x = Var(shape=state.x.shape, init=state.x)
        self.m = Var(shape=state.m.shape, init=state.m)
        self.z = Var(shape=state.z.shape, init=state.z)
