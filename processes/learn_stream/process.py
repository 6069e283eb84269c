"""The LearnStream Process: a network that learns a stream, an event each Lava time step."""

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort

from lava_predict.network.shared_memory import EventBook, Parcel
from lava_predict.network.stream_network import StreamNetwork
from lava_predict.processes.base import Process


class LearnStream(Process):
    """Learns a stream of events and says what it expected of each. L labels, S samples up to the horizon.

    In each Lava time step it takes a message, plays the steps that it tells, and answers.

    Parameters
    ----------
    network : StreamNetwork
        What it goes on from. The Process works on a copy; `gather` brings the network up to date.
    book : EventBook, optional
        Gets the links of the network's digests.

    Attributes
    ----------
    event_in : InPort
        (2,): steps since the event before, or since the message before; and the label that comes then. Or a
        marker of `lava_predict.network.stream_network` instead: `BEGIN` as steps for the first event of a
        sequence, `NOTHING` as label if only time passes, `GATHER` as steps to leave for `gather` all that
        has been learned.
    p_out, time_out : OutPort
        (L,): probability of each label to come next, and when, ms after the event before; 0 and NaN for
        labels that are not known. The first label that has not come yet stands for any that is new.
    o_out : OutPort
        (S, L): expectation of each label every 10 ms since the event before; 0 for what lies ahead. In a
        network of Processes in integers p and o have 16 fraction bits, times are whole, and -1 is none.
    """

    def __init__(self, *, network: StreamNetwork, book: EventBook | None = None, **kwargs: Any) -> None:
        self._network, self._parcel = network, Parcel()
        super().__init__(network=network, book=book, parcel=self._parcel, **kwargs)
        labels, samples = network.config.stream.labels_max, len(network.moment.ongoing.o)
        self.event_in = InPort(shape=(2,))
        self.p_out, self.time_out = OutPort(shape=(labels,)), OutPort(shape=(labels,))
        self.o_out = OutPort(shape=(samples, labels))

    def gather(self) -> None:
        """Bring the network up to date with what was left at the last marker `GATHER`."""
        self._network.restore(self._parcel.get())
