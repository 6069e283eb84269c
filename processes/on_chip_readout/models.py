"""How the Processes of the on-chip readout run on a CPU, in integers."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import LearningDense
from lava.utils.weightutils import SignMode

from lava_predict.learning.on_chip import OnChipConstants, advance_relays, learning_rule_text, read_neurons
from lava_predict.processes.base import Model, model
from lava_predict.processes.on_chip_readout.process import OnChipReadout, ReadoutNeuron, TraceRelay

_PAYLOAD_BITS = 8

_NO_DECAY = 10**18
"""A time constant in steps with which exp(-1 / tau) is exactly 1: Lava lets a trace decay in every step."""

_ANY_SEED = 1
"""Of the generators that round traces, which here have nothing to round."""


def learning_rule(constants: OnChipConstants) -> Loihi3FLearningRule:
    """Build the rule of the LearningDense.

    In it x1 is what the graded spikes put there, and y1 what the neurons write; neither decays.
    """
    rule = Loihi3FLearningRule(
        dw=learning_rule_text(constants),
        x1_impulse=0,
        x1_tau=_NO_DECAY,
        t_epoch=constants.epoch,
        rng_seed=_ANY_SEED,
    )
    # Lava's own 65,535 steps would let y1 decay by 1 once in a while, by chance.
    rule.y1_tau = _NO_DECAY
    return rule


@model(TraceRelay, "fixed", (np.int32, 24), s_in=(np.int32, 1), payload_out=(np.int32, 8))
class PyTraceRelayFixed(Model):
    """Runs the package's integer kernel, one step a Lava time step."""

    s_in: PyInPort
    payload_out: PyOutPort
    trace: np.ndarray

    def run_spk(self) -> None:
        """Receive spikes, send the traces."""
        spiking = np.flatnonzero(self.s_in.recv())
        payload = np.zeros(self.trace.size + 1, np.int32)
        advance_relays(self.proc_params["constants"], self.trace, payload, spiking, spiking.size)
        self.payload_out.send(payload)


@model(ReadoutNeuron, "fixed", (np.int32, 24), s_out_y1=(np.int32, 7), y1=(np.int32, 7))
class PyReadoutNeuronFixed(Model):
    """Runs the package's integer kernel, one step a Lava time step."""

    a_in: PyInPort
    teach_in: PyInPort
    z_out: PyOutPort
    s_out_y1: PyOutPort
    z: np.ndarray
    y1: np.ndarray

    def run_spk(self) -> None:
        """Receive the sums and what is taught, send z and y1."""
        a_in = np.asarray(self.a_in.recv(), np.int32)
        gate, target = np.split(np.asarray(self.teach_in.recv(), np.int32), 2)
        read_neurons(self.proc_params["constants"], a_in, gate, target, True, self.z, self.y1)
        self.z_out.send(self.z)
        self.s_out_y1.send(self.y1)


@implements(proc=OnChipReadout, protocol=LoihiProtocol)
class SubOnChipReadoutModel(AbstractSubProcessModel):
    """A TraceRelay, a LearningDense and a ReadoutNeuron."""

    def __init__(self, proc: Any) -> None:
        constants, start = proc.proc_params["constants"], proc.proc_params["start"]
        events, inputs = start.shape
        self.relay = TraceRelay(cells=inputs - 1, constants=constants)
        self.synapses = LearningDense(
            weights=start,
            learning_rule=learning_rule(constants),
            num_message_bits=_PAYLOAD_BITS,
            graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
            sign_mode=SignMode.MIXED,
        )
        self.neurons = ReadoutNeuron(events=events, constants=constants)
        proc.in_ports.s_in.connect(self.relay.in_ports.s_in)
        self.relay.out_ports.payload_out.connect(self.synapses.in_ports.s_in)
        self.synapses.out_ports.a_out.connect(self.neurons.in_ports.a_in)
        proc.in_ports.teach_in.connect(self.neurons.in_ports.teach_in)
        self.neurons.out_ports.s_out_y1.connect(self.synapses.in_ports.s_in_y1)
        self.neurons.out_ports.z_out.connect(proc.out_ports.z_out)
        proc.vars.weights.alias(self.synapses.vars.weights)
        proc.vars.x1.alias(self.synapses.vars.x1)
        proc.vars.trace.alias(self.relay.vars.trace)
        proc.vars.z.alias(self.neurons.vars.z)
        proc.vars.y1.alias(self.neurons.vars.y1)
