"""Everything that can play segments. The experiment layer sees only the protocol below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lava_predict.lazy import public_face
from lava_predict.network.state import State
from lava_predict.tasks.meet import Segment

if TYPE_CHECKING:
    from lava_predict.engines.cpu import CpuEngine as CpuEngine
    from lava_predict.engines.lava.engine import LavaEngine as LavaEngine
    from lava_predict.engines.lava.supervised import SupervisedRun as SupervisedRun
    from lava_predict.engines.lava.supervised import import_lava as import_lava
else:
    __all__, __getattr__, __dir__ = public_face(__name__, "Engine", "Played")


@dataclass(frozen=True)
class Played:
    """What a segment left behind, in physical units whatever the precision.

    Attributes
    ----------
    segment : Segment
        What was played.
    spike_step, spike_cell : (spikes,) uint32
        Step within the segment and cell of each spike, in order of step, then of cell.
    z : (steps, K) float64
        When readout.
    what_drive : (steps, K) float64
        W_what . x, with the weights from before the segment's end; in integers 0 outside the what window.
    norm : (steps,) float64
        |xc|^2.
    p : (K,) float64
        What readout at the segment's end, before learning and not clipped; NaN for a pause.
    w_when, w_what : (K, N + 1) and (K, N) float64
        Weights after the segment.
    saturations : (V,) int64
        How often each variable hit its bounds in this segment; empty in float.
    """

    segment: Segment
    spike_step: np.ndarray
    spike_cell: np.ndarray
    z: np.ndarray
    what_drive: np.ndarray
    norm: np.ndarray
    p: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray
    saturations: np.ndarray


class Engine(Protocol):
    """A network that plays segments, on whatever it runs on."""

    @property
    def state(self) -> State:
        """A copy of the whole state between two segments."""

    def restore(self, state: State) -> None:
        """Put the network into a state that `state` gave, here or in another engine."""

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:
        """Play segments in order and yield what each left behind; exhaust it before the next call."""

    def close(self) -> None:
        """Give back what the engine holds; it cannot be used afterwards."""
