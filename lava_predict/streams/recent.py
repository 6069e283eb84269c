"""The last seconds of a stream: events, expectation and spikes, to be drawn."""

from __future__ import annotations

import numpy as np

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.learning.streams.memory import STEP
from lava_predict.network.stream_network import StreamNetwork

SPAN_MS = 3000.0
MOST_CELLS, MOST_EVENTS = 100, 1000
_KEPT = ("events", "o_step", "o", "spikes")


class Recent:
    """What happened in the last `SPAN_MS` before the last event.

    Parameters
    ----------
    network : StreamNetwork
    labels : int
        How many o has.

    Attributes
    ----------
    span, sample : int
        Steps that are kept, and those from one reading of o to the next.
    stride : int
        The spikes of every so-manieth cell are kept, of at most `MOST_CELLS`.
    events : (E, 3) int64
        Of each event the step before which it came, its label, and the steps since the event before; -1 for
        the first of a sequence. At most `MOST_EVENTS`.
    o_step, o : (S,) int64, (S, labels) float64
        Expectation after so many steps; 0 at an event and beyond the horizon.
    spikes : (2, n) int64
        Step and cell.
    """

    def __init__(self, network: StreamNetwork, labels: int) -> None:
        config = network.config
        self.span, self.sample = config.steps(SPAN_MS), max(1, config.steps(SAMPLE_MS))
        self.stride = -(-config.reservoir.neurons // MOST_CELLS)
        self.events, self.o_step = np.empty((0, 3), np.int64), np.empty(0, np.int64)
        self.o, self.spikes = np.empty((0, labels)), np.empty((2, 0), np.int64)
        self.hear(network)

    def hear(self, network: StreamNetwork) -> None:
        """Take note of a network's spikes from now on."""
        self._network, network.heard = network, self._add_spikes

    def add(self, label: int, gap: int, o: np.ndarray) -> None:
        """Take note of the event that came last, and of what was expected since the event before."""
        now = self._now()
        event = np.array([[now, label, gap]])
        self.events = np.concatenate([self.events, event])[-MOST_EVENTS:]
        self.events = self.events[self.events[:, 0] >= now - self.span]
        if gap > 0:
            beyond = gap > (len(o) + 1) * self.sample
            rows = np.zeros((1 + len(o) + beyond, self.o.shape[1]))
            rows[1 : 1 + len(o)] = o
            self.o_step = np.concatenate([self.o_step, now - gap + np.arange(len(rows)) * self.sample])
            kept = self.o_step >= now - self.span
            self.o_step, self.o = self.o_step[kept], np.concatenate([self.o, rows])[kept]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was noted, for a checkpoint."""
        return {name: getattr(self, name) for name in _KEPT}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        for name in _KEPT:
            setattr(self, name, arrays[name].copy())

    def _now(self) -> int:
        return int(self._network.moment.ongoing.now[STEP])

    def _add_spikes(self, step: np.ndarray, cell: np.ndarray) -> None:
        """Add spikes of some cells, the steps being modulo 2^32, and forget old ones."""
        now, shown = self._now(), cell % self.stride == 0
        age = (np.uint32(now % 2**32) - step[shown]).astype(np.int64)
        spikes = np.concatenate([self.spikes, np.array([now - age, cell[shown]])], axis=1)
        self.spikes = spikes[:, spikes[0] >= now - self.span]
