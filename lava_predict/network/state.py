"""The whole dynamic state of network and readouts, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lava_predict.network.draw import Network

UNTAUGHT_ERROR = 2.0
"""Error of the when readout, in squares of a silent readout's, that is usual until more is known.

What one trial has taught makes the error of the next few greater than a silent readout's.
"""

_CACHE_LINE = 64
"""Bytes; also the widest vector's."""


class State(NamedTuple):
    """Everything that changes while a network runs. N cells, K events, M cues.

    Types and units are those of the float network; in the integer network the same arrays hold integers,
    in the formats of `lava_predict.network.fixed_step`.

    Attributes
    ----------
    v, u, s : (N,) float64
        Membrane potential (mV), recovery variable, synaptic current.
    a_in : (N,) float64
        Spikes in flight: what the last step's spikes add to ``s`` in the next.
    x, m : (N,) float64
        Traces and their slow means, spikes per ms.
    z : (K,) float64
        When readout of the last step.
    x_sum : (N,) float64
        Sum of the traces over the what window of the trial so far.
    w_when : (K, N + 1) float64
        Weights of the when readout; the last column belongs to the constant input.
    w_what : (K, N) float64
        Weights of the what readout.
    norm : (1,) float64
        Mean |xc|^2 over an unlearned trial, used only with readout.when_norm = "constant".
    what_trials : (M,) int64
        Trials with each cue that the rate of the what rule counts; surprise sets it back.
    what_error : (M, K) float64
        Running mean of the error of the what readout after each cue.
    when_error : (M, K) float64
        Running mean of the squared error of the when readout after each cue, divided by a silent readout's.
    on_chip : (P,) int32
        Rest of the state of the when readout on Lava's learning engine (`on_chip_view`); else empty.
    saturations : (V,) int64
        How often each variable of the integer network has hit its bounds; empty in float.
    """

    v: np.ndarray
    u: np.ndarray
    s: np.ndarray
    a_in: np.ndarray
    x: np.ndarray
    m: np.ndarray
    z: np.ndarray
    x_sum: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray
    norm: np.ndarray
    what_trials: np.ndarray
    what_error: np.ndarray
    when_error: np.ndarray
    on_chip: np.ndarray
    saturations: np.ndarray

    def copy(self) -> State:
        """Return a state that shares no memory with this one, every array from a cache line's start on."""
        return State(*(_copy_on_cache_lines(array) for array in self))

    def restore(self, other: State) -> None:
        """Overwrite this state with ``other``, in place."""
        for mine, theirs in zip(self, other, strict=True):
            np.copyto(mine, theirs)

    def differences(self, other: State) -> list[str]:
        """Name the arrays whose bits are not the same in ``other``; empty if the states are equal."""
        return [
            name
            for name, mine, theirs in zip(self._fields, self, other, strict=True)
            if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes()
        ]


def _copy_on_cache_lines(array: np.ndarray) -> np.ndarray:
    """Copy an array to where its vectors lie in one cache line each; a step takes a twentieth less then."""
    room = np.empty(array.nbytes + _CACHE_LINE, np.uint8)
    start = -room.ctypes.data % _CACHE_LINE
    copy: np.ndarray = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    np.copyto(copy, array)
    return copy


def initial_state(network: Network, events: int, cues: int) -> State:
    """Return the state before the first step: cells at rest, nothing learned.

    Parameters
    ----------
    network : Network
        Gives the number of cells and b, for u = b v.
    events, cues : int
        How many there are.

    Returns
    -------
    State
        v = -65 mV, u = b v, when errors as `UNTAUGHT_ERROR`, all else 0.
    """
    cells = network.a.size
    v = np.full(cells, -65.0)
    return State(
        v=v,
        u=network.b * v,
        s=np.zeros(cells),
        a_in=np.zeros(cells),
        x=np.zeros(cells),
        m=np.zeros(cells),
        z=np.zeros(events),
        x_sum=np.zeros(cells),
        w_when=np.zeros((events, cells + 1)),
        w_what=np.zeros((events, cells)),
        norm=np.ones(1),
        what_trials=np.zeros(cues, np.int64),
        what_error=np.zeros((cues, events)),
        when_error=np.full((cues, events), UNTAUGHT_ERROR),
        on_chip=np.zeros(0, np.int32),
        saturations=np.zeros(0, np.int64),
    )


def reset_reservoir(state: State, start: State) -> None:
    """Put the reservoir back to its start, in place; slow means and weights stay.

    Parameters
    ----------
    state : State
        v, u, s, x and z are set, spikes in flight are dropped.
    start : State
        Before the first step.
    """
    for name in ("v", "u", "s", "a_in", "x", "z"):
        np.copyto(getattr(state, name), getattr(start, name))
    # The last number counts steps, as the chip goes on to do.
    state.on_chip[:-1] = start.on_chip[:-1]
