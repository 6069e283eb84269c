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


def _is_open(semaphore: Any) -> bool:
    """Tell whether an acquire would not block; a port's semaphore has one side that acquires it."""
    if not semaphore.acquire(block=False):
        return False
    semaphore.release()
    return True


class DirectSendPort(CspSendPort):  # type: ignore[misc]
    """Sends without a thread: the semaphore of acknowledgements counts the free slots."""

    _idx: int

    def start(self) -> None:
        """Lay the slots, all free, over the shared memory."""
        self._array = _slots(self)
        for _ in range(self._size):
            self._ack.release()

    def probe(self) -> bool:
        """Whether a send would not block."""
        return _is_open(self._ack)

    def send(self, data: np.ndarray) -> None:
        """Put a message of the channel's shape into the next slot; wait while all are full."""
        with self._io_watchdog:
            if data.shape != self._shape:  # Lava's own port raises the same.
                raise AssertionError(f"{data.shape=} {self._shape=} Mismatch")
            self._ack.acquire()
            self._array[self._idx][:] = data
            self._idx = (self._idx + 1) % self._size
            self._req.release()


class DirectRecvPort(CspRecvPort):  # type: ignore[misc]
    """Receives without a thread, and becomes Lava's own port, which has one, when it gets an observer."""

    _idx: int

    @property
    def observer(self) -> Callable[[], Any] | None:
        """None: to be called when a message comes to an empty channel takes a thread."""
        return None

    @observer.setter
    def observer(self, observer: Callable[[], Any] | None) -> None:
        if observer is not None:
            self.__class__ = CspRecvPort
            self.observer = observer
            if self._array:  # Else it has yet to be started.
                self.start()

    def start(self) -> None:
        """Lay the slots over the shared memory."""
        self._array = _slots(self)

    def probe(self) -> bool:
        """Whether a receive would not block."""
        return _is_open(self._req)

    def peek(self) -> np.ndarray:
        """Wait for a message and return it without taking it."""
        self._req.acquire()
        self._req.release()
        return np.array(self._array[self._idx])

    def recv(self) -> np.ndarray:
        """Wait for a message and take it."""
        with self._io_watchdog:
            self._req.acquire()
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
        if isinstance(channel, CspRecvPort):
            channel.peek()
            return action()
    return _select_among_many(self, *channel_actions)


CspSelector.select = _select
