"""The OnChipReadout Process, which learns in Lava's learning engine, and the two Processes around that."""

from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lava_predict.errors import UserError, short
from lava_predict.learning.on_chip import GROUPS, OnChipConstants, cells_of
from lava_predict.processes.base import Process


def group_cells(constants: OnChipConstants) -> list[slice]:
    """Return the cells of each group that there is."""
    groups = range(constants.groups)
    return [slice(*cells_of(group, constants.groups, constants.decay.size)) for group in groups]


class TraceRelay(Process):
    """Centred traces of N cells' spikes, sent twice a cycle as graded spikes: 128 - q, then 128 + q.

    Parameters
    ----------
    constants : OnChipConstants
        Decays of the traces, rate of their slow means, groups of cells.

    Attributes
    ----------
    s_in : InPort
        (N,), 1 where a cell spikes, else 0.
    payload_out_0 .. payload_out_7 : OutPort
        Graded spikes of a group of cells, 2 .. 254 or 0 for none. Of groups that there are not, (1,).
    r, x, m, q : Var
        (N,) or (1, N), as in `OnChipState`.
    settled : Var
        (1,), how often the slow means have moved.
    """

    def __init__(self, *, constants: OnChipConstants, **kwargs: Any) -> None:
        super().__init__(constants=constants, **kwargs)
        cells, groups = constants.decay.size, group_cells(constants)
        self.s_in = InPort(shape=(cells,))
        for group in range(GROUPS):
            size = groups[group].stop - groups[group].start if group < len(groups) else 1
            setattr(self, f"payload_out_{group}", OutPort(shape=(size,)))
        self.r = Var(shape=(cells,), init=0)
        self.x = Var(shape=(cells,), init=0)
        self.m = Var(shape=(1, cells), init=0)
        self.q = Var(shape=(cells,), init=0)
        self.settled = Var(shape=(1,), init=0)


class ReadoutNeuron(Process):
    """K neurons that read z off two sums and write rate times gate times error into their trace y1.

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
        (3 K,): rate times gate of 12 fraction bits; targets of 16; and 1 for an event whose weights shall
        shrink, throughout a cycle. Where all are 0 nothing changes.
    z_out : OutPort
        (K,), 16 fraction bits.
    s_out_y1_0 .. s_out_y1_7 : OutPort
        (K,), -127 .. 127; for the port ``s_in_y1`` of a group's LearningDense, 0 out of its turn. No port
        sends post-synaptic spikes: with them Lava would clip a negative y1 to 0.
    s_out_y2 : OutPort
        (K,), for ``s_in_y2`` of every LearningDense.
    z, a_first, y1 : Var
        (K,), as in `OnChipState`.
    """

    def __init__(self, *, events: int, constants: OnChipConstants, **kwargs: Any) -> None:
        super().__init__(constants=constants, **kwargs)
        self.a_in = InPort(shape=(events,))
        self.teach_in = InPort(shape=(3 * events,))
        self.z_out = OutPort(shape=(events,))
        for group in range(GROUPS):
            setattr(self, f"s_out_y1_{group}", OutPort(shape=(events,)))
        self.s_out_y2 = OutPort(shape=(events,))
        self.z = Var(shape=(events,), init=0)
        self.a_first = Var(shape=(events,), init=0)
        self.y1 = Var(shape=(events,), init=0)


class OnChipReadout(Process):
    """Reads N cells out for K events, and learns when they occur in Lava's learning engine.

    Made of a TraceRelay, a LearningDense for each group of cells, and a ReadoutNeuron. Run it with
    ``select_tag="fixed_pt"``.

    Parameters
    ----------
    events : int
        K.
    constants : OnChipConstants
        From `on_chip_constants`; they tell N.
    weights : (K, N) array, optional
        Weights at the start, -256 .. 254 and even: Lava drops the lowest bit of given weights of mixed
        sign, though not of learned ones. By default 0.

    Attributes
    ----------
    s_in, teach_in, z_out
        As those of `TraceRelay` and `ReadoutNeuron`.
    weights_0, x1_0, ... : Var
        Of each group that there is: weights (K, cells), -256 .. 255, and pre-synaptic traces, 0 .. 127.
    r, x, m, q, z, y1 : Var
        As in `OnChipState`.

    Raises
    ------
    UserError
        If the weights are not as above.
    """

    def __init__(
        self, *, events: int, constants: OnChipConstants, weights: np.ndarray | None = None, **kwargs: Any
    ) -> None:
        cells = constants.decay.size
        shape = (events, cells)
        weights = np.zeros(shape, np.int32) if weights is None else np.asarray(weights)
        if weights.shape != shape or not np.all(np.isin(weights, np.arange(-256, 255, 2))):
            raise UserError(
                f"weights = {short(weights)}: must be an array {shape} of even whole numbers, -256 to 254"
            )
        self.groups = group_cells(constants)
        start = [weights[:, group].astype(np.int32) for group in self.groups]
        super().__init__(constants=constants, start=start, **kwargs)
        self.s_in = InPort(shape=(cells,))
        self.teach_in = InPort(shape=(3 * events,))
        self.z_out = OutPort(shape=(events,))
        for group, rows in enumerate(start):
            setattr(self, f"weights_{group}", Var(shape=rows.shape, init=rows))
            setattr(self, f"x1_{group}", Var(shape=rows.shape[1:], init=0))
        for name in ("r", "x", "q"):
            setattr(self, name, Var(shape=(cells,), init=0))
        self.m = Var(shape=(1, cells), init=0)
        self.z = Var(shape=(events,), init=0)
        self.y1 = Var(shape=(events,), init=0)

    def read(self, name: str) -> np.ndarray:
        """Return ``weights``, (K, N), or ``x1``, (N,), of all groups, while the network pauses."""
        parts = [getattr(self, f"{name}_{group}").get() for group in range(len(self.groups))]
        return np.concatenate(parts, axis=-1)
