"""The rules of a stream written plainly, in numpy: whole arrays of spikes, no ring, nothing in place."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from plain_grid import on_grid


def softmax(drive: np.ndarray) -> np.ndarray:
    exponentials = on_grid(np.exp(drive - drive.max()))
    return np.asarray(exponentials / exponentials.sum())


@dataclass
class PlainLabels:
    """What comes next, from the bits of each event."""

    cells: int
    labels: int
    w: np.ndarray = field(init=False)
    mean: np.ndarray = field(init=False)
    updates: np.ndarray = field(init=False)
    losses: list[float] = field(default_factory=list)
    fast: float = 0.0
    slow: float = 0.0

    def __post_init__(self) -> None:
        self.w = np.zeros((self.labels, self.labels, self.cells + 1))
        self.mean = np.zeros(self.cells)
        self.updates = np.zeros(self.labels, int)
        self.events = 0

    def read(self, bits: np.ndarray) -> np.ndarray:
        x = bits - self.mean
        return np.append(x, 0.6 * np.linalg.norm(x))

    def predict(self, last: int, bits: np.ndarray) -> np.ndarray:
        return softmax(self.w[last] @ self.read(bits))

    def learn(self, last: int, came: int, bits: np.ndarray, surprise_bits: float) -> None:
        x, p = self.read(bits), self.predict(last, bits)
        loss = -on_grid(np.log2(p[came]))
        self.events += 1
        self.fast += max(0.1, 1 / self.events) * (loss - self.fast)
        self.slow += max(0.01, 1 / self.events) * (loss - self.slow)
        if self.events > 30 and self.fast - self.slow > surprise_bits:
            self.fast, self.updates = self.slow, np.minimum(self.updates, 50)
        rate = max(0.1, 2.0 / (1 + self.updates[last] / 50))
        self.w[last] += rate * np.outer(np.eye(self.labels)[came] - p, x) / (x @ x)
        self.updates[last] += 1
        self.mean = self.mean + (bits - self.mean) * max(0.003, 1 / self.events)


def traces(spikes: np.ndarray, decay: np.ndarray) -> np.ndarray:
    """Return the bounded traces of all steps, (T, N), of spikes, (T, N) bool."""
    r = x = np.zeros(spikes.shape[1])
    found = []
    for spiking in spikes:
        r = np.where(spiking, 1.0, r * decay)
        x = x + (r - x) * (1.0 - decay)
        found.append(x)
    return np.array(found)
