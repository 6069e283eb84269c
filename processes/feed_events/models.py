"""How the FeedEvents Process runs, on the host."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.processes.base import Model, model
from lava_predict.processes.feed_events.process import FeedEvents


@model(FeedEvents, "float", event_out=np.int64)
class PyFeedEvents(Model):
    """Sends first, then receives."""

    event_out: PyOutPort
    p_in: PyInPort
    time_in: PyInPort
    o_in: PyInPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._book = proc_params["book"]

    def run_spk(self) -> None:
        """Send the message of this time step and note the answer."""
        book, row = self._book, self._book.row(self.time_step)
        self.event_out.send(book.messages[row])
        book.p[row], book.time_ms[row], book.o[row] = (
            port.recv() for port in (self.p_in, self.time_in, self.o_in)
        )
        book.progress[0] += 1
