"""The last seconds of a stream: events, expectation and spikes, to be drawn."""

from __future__ import annotations

from collections import deque

import numpy as np

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.learning.streams.memory import STEP
from lava_predict.network.stream_network import StreamNetwork

SPAN_MS = 3000.0
MOST_CELLS, MOST_EVENTS = 100, 1000
_ARRAYS = ("events", "o_step", "o", "spikes")


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
    """

    def __init__(self, network: StreamNetwork, labels: int) -> None:
        config = network.config
        self.span, self.sample = config.steps(SPAN_MS), max(1, config.steps(SAMPLE_MS))
        self.stride = -(-config.reservoir.neurons // MOST_CELLS)
        self.events, self.o_step = np.empty((0, 3), np.int64), np.empty(0, np.int64)
        self.o = np.empty((0, labels))
        self._kept = np.empty((2, 0), np.int64)
        self._heard: deque[tuple[int, np.ndarray]] = deque()
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

    @property
    def spikes(self) -> np.ndarray:
        """Step and cell of each spike, (2, n) int64."""
        parts = [self._kept]
        for now, spikes in self._heard:
            shown = spikes[spikes[:, 1] % self.stride == 0]
            age = (np.uint32(now % 2**32) - shown[:, 0]).astype(np.int64)
            parts.append(np.array([now - age, shown[:, 1]]))
        spikes = np.concatenate(parts, axis=1)
        return spikes[:, spikes[0] >= self._now() - self.span]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was noted, for a checkpoint."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        for name in ("events", "o_step", "o"):
            setattr(self, name, arrays[name].copy())
        self._kept = arrays["spikes"].copy()
        self._heard.clear()

    def _now(self) -> int:
        return int(self._network.moment.ongoing.now[STEP])

    def _add_spikes(self, spikes: np.ndarray) -> None:
        """Keep all spikes as they came, steps modulo 2^32, and forget those that are too old by now."""
        now = self._now()
        self._heard.append((now, spikes.copy()))
        while self._heard[0][0] < now - self.span:
            self._heard.popleft()
