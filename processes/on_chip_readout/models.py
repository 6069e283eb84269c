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

from lava_predict.learning.on_chip import (
    CYCLE,
    GROUPS,
    LAST_STEP,
    MIDDLE_PAYLOAD,
    RULE,
    OnChipConstants,
    advance_relays,
    centre,
    group_at,
    payload_sign,
    read_neurons,
    write_errors,
)
from lava_predict.processes.base import Model, model
from lava_predict.processes.on_chip_readout.process import (
    OnChipReadout,
    ReadoutNeuron,
    TraceRelay,
    group_cells,
)

_PAYLOAD_BITS = 8

_NO_DECAY = 10**18
"""A time constant in steps with which exp(-1 / tau) is exactly 1: Lava lets a trace decay in every step."""

_ANY_SEED = 1
"""Of the generators that round traces, which here have nothing to round."""


def learning_rule(constants: OnChipConstants) -> Loihi3FLearningRule:
    """Build the rule of a LearningDense: of several, in every step, of one, at the end of a cycle.

    In it x1 is what the graded spikes put there, y1 and y2 what the neurons write; none decays.
    """
    rule = Loihi3FLearningRule(
        dw=RULE,
        x1_impulse=0,
        x1_tau=_NO_DECAY,
        t_epoch=CYCLE if constants.groups == 1 else 1,
        rng_seed=_ANY_SEED,
    )
    # Lava's own 65,535 steps would let them decay by 1 once in a while, by chance.
    rule.y1_tau = rule.y2_tau = _NO_DECAY
    return rule


@model(TraceRelay, "fixed", (np.int32, 24), s_in=(np.int32, 1))
class PyTraceRelayFixed(Model):
    """Runs the package's integer kernels, one step a Lava time step."""

    s_in: PyInPort
    r: np.ndarray
    x: np.ndarray
    m: np.ndarray
    q: np.ndarray
    settled: np.ndarray
    __annotations__.update({f"payload_out_{group}": PyOutPort for group in range(GROUPS)})

    def run_spk(self) -> None:
        """Receive spikes, send the centred traces in the first two steps of a cycle."""
        k, now = self.proc_params["constants"], (self.time_step - 1) % CYCLE
        spiking = np.flatnonzero(self.s_in.recv())
        advance_relays(k, self.r, self.x, spiking, spiking.size)
        if now == 0:
            centre(k, self.x, self.m, self.settled, True, self.q)
        sign = payload_sign(now)
        payload = MIDDLE_PAYLOAD + sign * self.q if sign else np.zeros_like(self.q)
        for group, cells in enumerate(group_cells(k)):
            getattr(self, f"payload_out_{group}").send(payload[cells])


@model(ReadoutNeuron, "fixed", (np.int32, 24))
class PyReadoutNeuronFixed(Model):
    """Runs the package's integer kernels, one step a Lava time step."""

    a_in: PyInPort
    teach_in: PyInPort
    z_out: PyOutPort
    s_out_y2: PyOutPort
    z: np.ndarray
    a_first: np.ndarray
    y1: np.ndarray
    __annotations__.update({f"s_out_y1_{group}": PyOutPort for group in range(GROUPS)})

    def run_spk(self) -> None:
        """Receive the sums and what is taught, send z, y1 and y2."""
        k, step = self.proc_params["constants"], self.time_step - 1
        a_in = np.asarray(self.a_in.recv(), np.int32)
        rate_gate, target, forget = np.split(np.asarray(self.teach_in.recv(), np.int32), 3)
        read_neurons(k, step % CYCLE, a_in, self.a_first, self.z)
        write_errors(k, rate_gate, target, self.z, self.y1)
        self.z_out.send(self.z)
        turn = group_at(k, step)
        for group in range(k.groups):
            getattr(self, f"s_out_y1_{group}").send(self.y1 * (group == turn))
        self.s_out_y2.send((forget != 0) * k.forget * (step % CYCLE == LAST_STEP))


@implements(proc=OnChipReadout, protocol=LoihiProtocol)
class SubOnChipReadoutModel(AbstractSubProcessModel):
    """A TraceRelay, a LearningDense for each group and a ReadoutNeuron."""

    def __init__(self, proc: Any) -> None:
        constants, start = proc.proc_params["constants"], proc.proc_params["start"]
        self.relay = TraceRelay(constants=constants)
        self.neurons = ReadoutNeuron(events=start[0].shape[0], constants=constants)
        relay, neurons = self.relay.out_ports, self.neurons.out_ports
        proc.in_ports.s_in.connect(self.relay.in_ports.s_in)
        proc.in_ports.teach_in.connect(self.neurons.in_ports.teach_in)
        neurons.z_out.connect(proc.out_ports.z_out)
        for group, weights in enumerate(start):
            synapses = LearningDense(
                weights=weights,
                learning_rule=learning_rule(constants),
                num_message_bits=_PAYLOAD_BITS,
                graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
                sign_mode=SignMode.MIXED,
            )
            setattr(self, f"synapses_{group}", synapses)
            getattr(relay, f"payload_out_{group}").connect(synapses.in_ports.s_in)
            synapses.out_ports.a_out.connect(self.neurons.in_ports.a_in)
            getattr(neurons, f"s_out_y1_{group}").connect(synapses.in_ports.s_in_y1)
            neurons.s_out_y2.connect(synapses.in_ports.s_in_y2)
            getattr(proc.vars, f"weights_{group}").alias(synapses.vars.weights)
            getattr(proc.vars, f"x1_{group}").alias(synapses.vars.x1)
        for name in ("r", "x", "m", "q"):
            getattr(proc.vars, name).alias(getattr(self.relay.vars, name))
        proc.vars.z.alias(self.neurons.vars.z)
        proc.vars.y1.alias(self.neurons.vars.y1)
