"""Lava channels without threads, as the hand-shake of threads takes most of a time step on a CPU.

In Lava's own channels a thread at either end waits on a semaphore and passes every message and every
acknowledgement to the thread that needs it. Here the thread that needs it waits on the semaphore itself. A
receiving end starts a thread only for an observer. Only `lava_predict.engines.lava.supervised` imports this,
after Lava.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lava.magma.compiler.channels.pypychannel import CspRecvPort, CspSelector, CspSendPort, PyPyChannel

_select_among_many = CspSelector.select


def _slots(port: Any) -> list[np.ndarray]:
    """Return the arrays in shared memory that messages pass through, as many as the channel holds."""
    parts = [port._shm.buf[port._nbytes * n : port._nbytes * (n + 1)] for n in range(port._size)]
    return [np.ndarray(port._shape, port._dtype, part) for part in parts]


class DirectSendPort(CspSendPort):  # type: ignore[misc]
    """Sends without a thread: it counts free slots, and waits for an acknowledgement when there is none."""

    _idx: int

    def start(self) -> None:
        """Lay the slots over the shared memory."""
        self._array = _slots(self)
        self._free = self._size

    def probe(self) -> bool:
        """Whether a send would not block."""
        if self._free == 0 and self._ack.acquire(block=False):
            self._free = 1
        return bool(self._free > 0)

    def send(self, data: np.ndarray) -> None:
        """Put a message of the channel's shape into the next slot; wait while all are full."""
        with self._io_watchdog:
            if data.shape != self._shape:  # Lava's own port raises the same.
                raise AssertionError(f"{data.shape=} {self._shape=} Mismatch")
            if self._free > 0:
                self._free -= 1
            else:
                self._ack.acquire()
            self._array[self._idx][:] = data
            self._idx = (self._idx + 1) % self._size
            self._req.release()

    def join(self) -> None:
        """Do nothing: no thread waits."""


class DirectRecvPort(CspRecvPort):  # type: ignore[misc]
    """Receives without a thread, unless it has an observer, which is called when a message comes."""

    _idx: int
    _observer: Callable[[], Any] | None = None
    _started = False

    @property
    def observer(self) -> Callable[[], Any] | None:
        """Called when a message comes to an empty channel."""
        return self._observer

    @observer.setter
    def observer(self, observer: Callable[[], Any] | None) -> None:
        self._observer = observer
        if observer is not None and self._started and self.thread is None:
            self._listen()

    def start(self) -> None:
        """Lay the slots over the shared memory."""
        self._array = _slots(self)
        # Messages whose semaphore is taken and that are not yet received.
        self._waiting = 0
        self._started = True
        if self._observer is not None:
            self._listen()

    def _listen(self) -> None:
        """Start a thread as Lava does, which takes the semaphore and calls the observer."""
        slots, self._array = self._array, []
        super().start()
        self._array = slots
        for _ in range(self._waiting):
            self._queue.put_nowait(0)
        self._waiting = 0

    def wait(self) -> None:
        """Block until there is a message."""
        if self.thread is not None:
            self._queue.get(peek=True)
        elif self._waiting == 0:
            self._req.acquire()
            self._waiting = 1

    def probe(self) -> bool:
        """Whether a receive would not block."""
        if self.thread is not None:
            return bool(super().probe())
        if self._waiting == 0 and self._req.acquire(block=False):
            self._waiting = 1
        return self._waiting > 0

    def peek(self) -> np.ndarray:
        """Wait for a message and return it without taking it."""
        self.wait()
        return np.array(self._array[self._idx])

    def recv(self) -> np.ndarray:
        """Wait for a message and take it."""
        with self._io_watchdog:
            if self.thread is not None:
                self._queue.get()
            else:
                self.wait()
                self._waiting -= 1
            result = np.array(self._array[self._idx])
            self._idx = (self._idx + 1) % self._size
            self._ack.release()
            return result


class DirectChannel(PyPyChannel):  # type: ignore[misc]
    """A channel with the two ends above."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Same memory, semaphores and watchdogs; only what the ends do with them differs.
        self._src_port.__class__ = DirectSendPort
        self._dst_port.__class__ = DirectRecvPort


def _select(self: Any, *channel_actions: tuple[Any, Callable[[], Any]]) -> Any:
    """Wait for one of several channels, as CspSelector does; for a single one, at its semaphore."""
    if len(channel_actions) == 1:
        channel, action = channel_actions[0]
        if isinstance(channel, DirectRecvPort):
            channel.wait()
            return action()
    return _select_among_many(self, *channel_actions)


CspSelector.select = _select
