"""How the Predictor Process runs: as a graph of Reservoir and Readout, or as one kernel."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.network.step import Recording
from lava_predict.processes.base import Model, model
from lava_predict.processes.predictor.process import Predictor
from lava_predict.processes.readout.process import Readout
from lava_predict.processes.reservoir.process import Reservoir
from lava_predict.tasks import Segment, Streams


@implements(proc=Predictor, protocol=LoihiProtocol)
class SubPredictorModel(AbstractSubProcessModel):
    """A Reservoir and a Readout Process; the readout is fed back if the reservoir listens."""

    def __init__(self, proc: Any) -> None:
        given = proc.proc_params
        common = {name: given[name] for name in ("arithmetic", "state", "playbook")}
        self.reservoir = Reservoir(inhibitory_in_flight=given["inhibitory_in_flight"], **common)
        self.readout = Readout(logbook=given["logbook"], **common)
        proc.in_ports.level_in.connect(self.reservoir.in_ports.level_in)
        proc.in_ports.teach_in.connect(self.readout.in_ports.teach_in)
        self.reservoir.out_ports.s_out.connect(self.readout.in_ports.s_in)
        self.readout.out_ports.prediction_out.connect(proc.out_ports.prediction_out)
        if given["arithmetic"].config.reservoir.feedback_gain != 0.0:
            self.readout.out_ports.feedback_out.connect(self.reservoir.in_ports.feedback_in)


@model(Predictor, "float")
class PyPredictorFloat(Model):
    """Runs the kernel of the reference engine in float64, several steps a Lava time step."""

    level_in: PyInPort
    teach_in: PyInPort
    prediction_out: PyOutPort

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._arithmetic = proc_params["arithmetic"]
        self._state, self._logbook = proc_params["state"], proc_params["logbook"]
        self._steps = self._playbook.steps_per_lava_step
        most_spikes = self._steps * self._arithmetic.network.size
        self._spike_step, self._spike_cell = np.empty((2, most_spikes), np.uint32)
        events, rows = self._state.z.size, self._playbook.steps_per_message
        number = self._arithmetic.number
        # What the message under way holds, and what the next one will.
        self._streams = Streams(*np.empty((3, 0, 0), number))
        self._z, self._what_drive = np.zeros((2, rows, events), number)
        self._norm = np.zeros(rows, self._arithmetic.accumulator)

    def run_spk(self) -> None:
        """Advance by some steps; exchange inputs and predictions where a message begins and ends."""
        row, first = self._playbook.locate(self.time_step)
        if self._playbook.begins_message(first):
            self._receive()
        self._advance(self._playbook.segment(row), first)
        if self._playbook.ends_message(self.time_step):
            prediction = np.concatenate((self._z, self._what_drive, self._norm[:, None]), axis=1)
            self.prediction_out.send(prediction.reshape(-1))

    def _receive(self) -> None:
        """Receive the inputs, gates and targets of the steps that come."""
        rows = self._playbook.steps_per_message
        level = self.level_in.recv().reshape(rows, -1)
        halves = np.split(self.teach_in.recv().reshape(rows, -1), 2, axis=1)
        self._streams = Streams(level, *map(np.ascontiguousarray, halves))

    def _advance(self, segment: Segment, first: int) -> None:
        """Advance from a step of a segment on, by as many as a Lava time step takes."""
        low = first % self._playbook.steps_per_message
        rows = slice(low, low + min(self._steps, segment.steps - first))
        outputs = (self._z[rows], self._what_drive[rows], self._norm[rows])
        recording = Recording(self._spike_step, self._spike_cell, *outputs)
        chunk = Streams(*(part[rows] for part in self._streams))
        spikes = self._arithmetic.advance(self._state, chunk, segment, first, recording)
        self._logbook.log_spikes(spikes)


@model(Predictor, "fixed", np.int32, prediction_out=np.int64)
class PyPredictorFixed(PyPredictorFloat):
    """In integers; |xc|^2 takes more than 32 bits."""
