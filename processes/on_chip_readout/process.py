"""The OnChipReadout Process, which learns in a LearningDense, and the two Processes around that."""

from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lava_predict.errors import short
from lava_predict.learning.on_chip import OnChipConstants
from lava_predict.processes.base import Process


class TraceRelay(Process):
    """Traces of N cells' spikes, sent in every time step as graded spikes; and an always-on input.

    Parameters
    ----------
    cells : int
        N.
    constants : OnChipConstants
        Decay and impulse of the trace, payload of the always-on input.

    Attributes
    ----------
    s_in : InPort
        (N,), 1 where a cell spikes, else 0.
    payload_out : OutPort
        (N + 1,), graded spikes, 0 .. 254; the last is the always-on input's.
    trace : Var
        (N,), 12 fraction bits.
    """

    def __init__(self, *, cells: int, constants: OnChipConstants, **kwargs: Any) -> None:
        super().__init__(constants=constants, **kwargs)
        self.s_in = InPort(shape=(cells,))
        self.payload_out = OutPort(shape=(cells + 1,))
        self.trace = Var(shape=(cells,), init=0)


class ReadoutNeuron(Process):
    """K neurons that turn their input into z and write gate times error into their trace y1.

    Parameters
    ----------
    events : int
        K.
    constants : OnChipConstants
        Scales of z and of y1.

    Attributes
    ----------
    a_in : InPort
        (K,), sums of weights and payloads.
    teach_in : InPort
        (2 K,): gates of 12 fraction bits, then targets of 16. A gate of 0 stops learning.
    z_out : OutPort
        (K,), 16 fraction bits.
    s_out_y1 : OutPort
        (K,), -127 .. 127; for the port ``s_in_y1`` of a LearningDense. No port sends post-synaptic
        spikes: with them Lava would clip a negative y1 to 0.
    z, y1 : Var
        (K,), what was sent last.
    """

    def __init__(self, *, events: int, constants: OnChipConstants, **kwargs: Any) -> None:
        super().__init__(constants=constants, **kwargs)
        self.a_in = InPort(shape=(events,))
        self.teach_in = InPort(shape=(2 * events,))
        self.z_out = OutPort(shape=(events,))
        self.s_out_y1 = OutPort(shape=(events,))
        self.z = Var(shape=(events,), init=0)
        self.y1 = Var(shape=(events,), init=0)


class OnChipReadout(Process):
    """Reads N cells out for K events, and learns when they occur in Lava's learning engine.

    Made of a TraceRelay, a LearningDense and a ReadoutNeuron. z lags the spikes by one time step, as the
    LearningDense buffers its sums. Run it with ``select_tag="fixed_pt"``.

    Parameters
    ----------
    cells, events : int
        N and K.
    constants : OnChipConstants
        From `on_chip_constants`.
    weights : (K, N + 1) array, optional
        Weights at the start, -256 .. 254 and even: Lava drops the lowest bit of given weights of mixed
        sign, though not of learned ones. By default 0.

    Attributes
    ----------
    s_in : InPort
        (N,), 1 where a cell spikes, else 0.
    teach_in : InPort
        (2 K,): gates of 12 fraction bits, then targets of 16. A gate of 0 stops learning.
    z_out : OutPort
        (K,), 16 fraction bits.
    weights : Var
        (K, N + 1), -256 .. 255.
    x1 : Var
        (N + 1,), pre-synaptic traces, 0 .. 127.
    trace : Var
        (N,), the relays' traces.
    z, y1 : Var
        (K,), of the last step.

    Raises
    ------
    ValueError
        If the weights are not as above.
    """

    def __init__(
        self,
        *,
        cells: int,
        events: int,
        constants: OnChipConstants,
        weights: np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        shape = (events, cells + 1)
        weights = np.zeros(shape, np.int32) if weights is None else np.asarray(weights)
        if weights.shape != shape or not np.all(np.isin(weights, np.arange(-256, 255, 2))):
            raise ValueError(
                f"weights = {short(weights)}: must be an array {shape} of even whole numbers, -256 to 254"
            )
        weights = weights.astype(np.int32)
        super().__init__(constants=constants, start=weights, **kwargs)
        self.s_in = InPort(shape=(cells,))
        self.teach_in = InPort(shape=(2 * events,))
        self.z_out = OutPort(shape=(events,))
        self.weights = Var(shape=shape, init=weights)
        self.x1 = Var(shape=(cells + 1,), init=0)
        self.trace = Var(shape=(cells,), init=0)
        self.z = Var(shape=(events,), init=0)
        self.y1 = Var(shape=(events,), init=0)
