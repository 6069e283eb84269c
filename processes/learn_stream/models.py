"""How the LearnStream Process runs: by the kernels of the reference engine, in either arithmetic."""

from typing import Any

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyOutPort

from lava_predict.events.scores import Prediction
from lava_predict.network.stream_network import GATHER
from lava_predict.numerics.integers import PAYLOAD_FRACTION
from lava_predict.processes.base import Model, model
from lava_predict.processes.learn_stream.process import LearnStream


@model(LearnStream, "float", event_in=np.int64)
class PyLearnStreamFloat(Model):
    """Plays a network, of either arithmetic, in this process; what it expects is float64."""

    event_in: PyInPort
    p_out: PyOutPort
    time_out: PyOutPort
    o_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._network, self._parcel = proc_params["network"], proc_params["parcel"]
        self._labels = self._network.config.stream.labels_max
        self._samples = len(self._network.moment.ongoing.o)
        self._book = proc_params["book"]
        if self._book is not None:
            self._log_links()

    def run_spk(self) -> None:
        """Take a message and answer it."""
        gap, label = map(int, self.event_in.recv())  # Other Processes may send float64.
        p, time_ms, o = self._answer(self._hear(gap, label))
        self.p_out.send(p)
        self.time_out.send(time_ms)
        self.o_out.send(o)

    def _hear(self, gap: int, label: int) -> Prediction | None:
        """Do what a message says."""
        if gap == GATHER:
            self._parcel.put(self._network.content())
            return None
        expected: Prediction | None = self._network.hear(gap, label)
        if self._book is not None:
            self._log_link("", b"")
        return expected

    def _answer(self, expected: Prediction | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give a prediction the ports' shapes."""
        p, time_ms = np.zeros(self._labels), np.full(self._labels, np.nan)
        o = np.zeros((self._samples, self._labels))
        if expected is not None:
            known = expected.p.size
            p[:known], time_ms[:known] = expected.p, expected.time_ms
            o[: len(expected.o), :known] = expected.o
        return p, time_ms, o

    def _log_links(self) -> None:
        """Let the host link its digests too, and so hear the spikes."""
        link = self._network._link

        def logged(chain: str, data: bytes) -> None:
            link(chain, data)
            self._log_link(chain, data)

        self._network._link = logged

    def _log_link(self, chain: str, data: bytes) -> None:
        network = self._network
        self._book.log_link(self.time_step, chain, network.step, network.labels, data)


@model(LearnStream, "fixed", np.int32, event_in=np.int64)
class PyLearnStreamFixed(PyLearnStreamFloat):
    """For a network of Processes in integers."""

    def _answer(self, expected: Prediction | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Round to integers: p and o with `PAYLOAD_FRACTION` bits, times to ms; -1 for none."""
        p, time_ms, o = super()._answer(expected)
        rounded = (p * 2.0**PAYLOAD_FRACTION, np.nan_to_num(time_ms, nan=-1.0), o * 2.0**PAYLOAD_FRACTION)
        p, time_ms, o = (np.rint(array).astype(np.int32) for array in rounded)
        return p, time_ms, o
