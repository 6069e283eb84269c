"""The FeedEvents Process: gives a network the events of a stream, and notes what it expected."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort

from lava_predict.network.shared_memory import EventBook
from lava_predict.processes.base import Process


class FeedEvents(Process):
    """Stands for the host beside a LearnStream: sends a message of a book each Lava time step.

    Parameters
    ----------
    book : EventBook
        What to send, and where the answers are noted.

    Attributes
    ----------
    event_out : OutPort
        (2,), as `LearnStream.event_in`.
    p_in, time_in, o_in : InPort
        As `LearnStream` sends them, in the same time step.
    """

    def __init__(self, *, book: EventBook, **kwargs: Any) -> None:
        super().__init__(book=book, **kwargs)
        self.event_out = OutPort(shape=(2,))
        self.p_in, self.time_in = InPort(shape=book.p.shape[1:]), InPort(shape=book.time_ms.shape[1:])
        self.o_in = InPort(shape=book.o.shape[1:])
