"""The last seconds of a stream: events, expectation and spikes, to be drawn."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.learning.streams.memory import STEP
from lava_predict.network.stream_network import StreamNetwork

SPAN_MS = 3000.0
MOST_CELLS, MOST_EVENTS = 100, 1000


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
    """

    def __init__(self, network: StreamNetwork, labels: int) -> None:
        config = network.config
        self.span, self.sample = config.steps(SPAN_MS), max(1, config.steps(SAMPLE_MS))
        self.stride = -(-config.reservoir.neurons // MOST_CELLS)
        self._read = {
            "events": np.empty((0, 3), np.int64),
            "o_step": np.empty(0, np.int64),
            "o": np.empty((0, labels)),
            "spikes": np.empty((2, 0), np.int64),
        }
        self._events: deque[tuple[int, int, int, np.ndarray]] = deque(maxlen=MOST_EVENTS)
        self._spikes: deque[tuple[int, np.ndarray]] = deque()
        self.hear(network)

    def hear(self, network: StreamNetwork) -> None:
        """Take note of a network's spikes from now on."""
        self._network, network.heard = network, self._add_spikes

    def add(self, step: int, label: int, gap: int, o: np.ndarray) -> None:
        """Take note of an event before this step, and of what was expected since the event before."""
        self._events.append((step, label, gap, o))
        self._forget(self._events)

    @property
    def events(self) -> np.ndarray:
        """Of each event the step before which it came, its label, and the gap, steps; (E, 3) int64.

        The gap of the first event of a sequence is -1. There are at most `MOST_EVENTS`.
        """
        events = np.array([event[:3] for event in self._events], np.int64).reshape(-1, 3)
        events = np.concatenate([self._read["events"], events])[-MOST_EVENTS:]
        kept: np.ndarray = events[events[:, 0] >= self._first()]
        return kept

    @property
    def o_step(self) -> np.ndarray:
        """Steps at which there is an `o`, (S,) int64."""
        return self._expected()[0]

    @property
    def o(self) -> np.ndarray:
        """Expectation after so many steps, (S, labels) float64; 0 at an event and beyond the horizon."""
        return self._expected()[1]

    @property
    def spikes(self) -> np.ndarray:
        """Step and cell of each spike, (2, n) int64."""
        parts = [self._read["spikes"]]
        for now, spikes in self._spikes:
            shown = spikes[spikes[:, 1] % self.stride == 0]
            age = (np.uint32(now % 2**32) - shown[:, 0]).astype(np.int64)
            parts.append(np.array([now - age, shown[:, 1]]))
        spikes = np.concatenate(parts, axis=1)
        return spikes[:, spikes[0] >= self._first()]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was noted, for a checkpoint."""
        return {name: getattr(self, name) for name in self._read}

    def from_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `to_arrays`."""
        self._read = {name: arrays[name].copy() for name in self._read}
        self._events.clear()
        self._spikes.clear()

    def _expected(self) -> tuple[np.ndarray, np.ndarray]:
        """Return `o_step` and `o`."""
        steps, whole = [self._read["o_step"]], [self._read["o"]]
        for now, _, gap, o in self._events:
            if gap > 0:
                beyond = gap > (len(o) + 1) * self.sample
                rows = np.zeros((1 + len(o) + beyond, o.shape[1]))
                rows[1 : 1 + len(o)] = o
                steps.append(now - gap + np.arange(len(rows)) * self.sample)
                whole.append(rows)
        o_step = np.concatenate(steps)
        kept = o_step >= self._first()
        return o_step[kept], np.concatenate(whole)[kept]

    def _now(self) -> int:
        return int(self._network.moment.ongoing.now[STEP])

    def _first(self) -> int:
        return self._now() - self.span

    def _add_spikes(self, spikes: np.ndarray) -> None:
        """Keep all spikes as they came, steps modulo 2^32."""
        self._spikes.append((self._now(), spikes.copy()))
        self._forget(self._spikes)

    def _forget(self, noted: deque[Any]) -> None:
        """Forget what was noted too long ago."""
        while noted and noted[0][0] < self._first():
            noted.popleft()
