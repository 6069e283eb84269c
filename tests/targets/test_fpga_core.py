"""The whole core against the integers of the cpu: state, spikes, readouts, weights and saturations."""

from __future__ import annotations

import shutil
from contextlib import closing
from itertools import chain
from typing import Any

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from amaranth.hdl import Signal
from tiny_core import TINY

from lava_predict import load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.registry import TASKS
from lava_predict.settings.schema import Config
from lava_predict.targets.fpga import bus, cells, core, learning, noise, traces
from lava_predict.targets.fpga.engine import FpgaEngine
from lava_predict.targets.fpga.flow import Value
from lava_predict.targets.fpga.needs import refuse
from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.targets.fpga.simulated import SimulatedBus
from lava_predict.targets.fpga.verify import verify
from lava_predict.targets.fpga.verilator import VerilatorBus

needs_verilator = pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator is not installed")
READ = ("spike_step", "spike_cell", "z", "what_drive", "norm", "p", "w_when", "w_what", "saturations")
SMALL = (
    "reservoir.neurons=80",
    "task.settle_ms=100",
    "task.before_ms=50",
    "task.after_ms=320",
    "task.pause_ms=[50, 60]",
    "task.blocks=[{trials=9, probability=[0.5, 0.5], latency_ms=[100, 200]}]",
)
THREE = "task.blocks=[{trials=9, probability=[0.3,0.3,0.3], latency_ms=[100.0,150.0,200.0]}]"
WORDS = ("v_bits=20", "u_bits=21", "s_bits=19", "trace_bits=20", "mean_bits=21", "readout_bits=18")
TWO = "task.cues=2"
NETWORKS: dict[str, tuple[str, ...]] = {
    "three events that drive the cells, feedback": (
        THREE,
        "task.events_drive_reservoir=true",
        "reservoir.feedback_gain=20",
    ),
    "two cues, floor, short words": (TWO, "fixed.rounding=floor", *(f"fixed.{word}" for word in WORDS)),
    "delays, saturating": (
        "reservoir.delay_ms=[0.0,7.0]",
        "fixed.fraction_bits=17",
        "fixed.readout_fraction_bits=23",
        "reservoir.noise=20",
    ),
    "banks of memory, adaptive LIF, delays, shared weights, constant norm": (
        TWO,
        "readout.cue_weights=shared",
        "readout.when_norm=constant",  # Not measured here, so that the rates have to be lower.
        "readout.first_rate=0.004",
        "readout.least_rate=0.002",
        "reservoir.neurons=900",
        "reservoir.connection_probability=0.015",
        "reservoir.neuron=adaptive_lif",
        "reservoir.delay_ms=[0.0,2.0]",
        "task.after_ms=80",
        "task.blocks=[{trials=3, probability=[0.5,0.5], latency_ms=[30.0,60.0]}]",
        "readout.what_window_ms=[0,60]",
        "readout.gate_window_ms=20",
    ),
}


def differences(config: Config, trials: int, open_bus: Any, probes: int = 1) -> list[str]:
    """Name what differs between core and cpu after any segment of some trials and of a probe, if any."""
    task, network = TASKS.get(config.task.name)(config), draw_network(config)
    segments = [*chain.from_iterable(task.trial(0, trial) for trial in range(trials))]
    segments += task.probe(0, trials, 0, 0) * probes
    cpu, spikes = CpuEngine(FixedArithmetic(config, network), task), 0
    with closing(FpgaEngine(FixedArithmetic(config, network), task, open_bus=open_bus)) as fpga:
        for mine, theirs in zip(fpga.play(segments), cpu.play(segments), strict=True):
            found = [
                name
                for name in READ
                if not np.array_equal(*(getattr(one, name) for one in (mine, theirs)), True)
            ]
            if found or (found := fpga.state.differences(cpu.state)):
                return found
            spikes += mine.spike_cell.size
    assert spikes > config.reservoir.neurons  # silent or unlearned ones would agree, too
    assert np.any(cpu.state.when.w)
    return []


@needs_verilator
@pytest.mark.long
@pytest.mark.usefixtures("quickly_built")
@pytest.mark.parametrize("overrides", NETWORKS.values(), ids=NETWORKS.keys())
def test_a_network_learns_on_the_core_with_the_bits_of_the_cpu(overrides: tuple[str, ...]) -> None:
    config = load_preset("smoke", [*SMALL, *overrides])
    assert differences(config, 2, VerilatorBus) == []


@pytest.mark.long
def test_a_tiny_network_learns_in_amaranths_simulator_with_the_bits_of_the_cpu() -> None:
    shorter = (
        "reservoir.neurons=6",
        "task.settle_ms=0",
        "task.before_ms=2",
        "task.after_ms=26",
        "task.cue_ms=8",
        "task.pause_ms=[0,0]",
        "task.blocks=[{trials=3, probability=[0.5,0.5], latency_ms=[12.0,20.0]}]",
        "readout.gate_window_ms=10",
        "readout.what_window_ms=[0,20]",
    )
    config = load_preset("smoke", [*TINY, *shorter])
    assert differences(config, 1, SimulatedBus, probes=0) == []


FAULT = 127
"""A register of the core under test, which no other core has: the number of the block that is wrong."""

BLOCKS: dict[str, tuple[Any, str]] = {
    "noise": (noise, "noise_sum"),
    "synaptic current": (core, "decayed"),
    "cell": (cells, "_half_step"),
    "trace": (traces, "advanced"),
    "slow mean": (traces, "followed"),
    "centring": (traces, "centred"),
    "when readout": (learning, "read_when"),
    "what readout": (learning, "read_what"),
    "when rule": (learning, "change"),
}


def _wrong(right: Any, number: int, fault: Signal) -> Any:
    """Return a block whose first value is too great by 1 while ``fault`` is its number."""

    def raised(flow: Any, value: Any) -> Any:
        return flow.stage(lambda a: (a + (fault == number))[: len(a)].as_signed(), value)

    def wrong(flow: Any, *arguments: Any, **named: Any) -> Any:
        value = right(flow, *arguments, **named)
        if isinstance(value, learning.Reading):
            return value._replace(value=raised(flow, value.value))
        if isinstance(value, tuple) and not isinstance(value, Value):
            return (raised(flow, value[0]), *value[1:])
        return raised(flow, value)

    return wrong


@needs_verilator
@pytest.mark.long
@pytest.mark.usefixtures("quickly_built")
def test_each_block_that_is_wrong_by_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Signal(8)
    for number, (module, name) in enumerate(BLOCKS.values(), 1):
        monkeypatch.setattr(module, name, _wrong(getattr(module, name), number, fault))
    registers = bus.HostPort._registers
    monkeypatch.setattr(bus.HostPort, "_registers", lambda port: registers(port) | {FAULT: (fault, True)})
    config = load_preset("smoke", [*TINY])
    task, network = TASKS.get(config.task.name)(config), draw_network(config)

    def different(number: int) -> int:
        class Faulty(VerilatorBus):
            def __init__(self, shape: CoreShape) -> None:
                super().__init__(shape)
                self.write(FAULT, np.array([number]))

        found = verify(FixedArithmetic(config, network), task, steps=200, lead_to=Faulty)
        return sum(found.different.values())

    assert different(0) == 0
    seen = {name: different(number) > 0 for number, name in enumerate(BLOCKS, 1)}
    assert seen == dict.fromkeys(BLOCKS, True)


@pytest.mark.parametrize(
    "setting",
    [
        "readout.rule=gated_delta",
        "readout.causal=true",
        "fixed.rounding=stochastic",
        "fixed.learning=on_chip",
        "run.dt_ms=0.5",
    ],
)
def test_what_the_core_does_not_have_is_refused_by_name(setting: str) -> None:
    with pytest.raises(UserError, match=rf"{setting.partition('=')[0]} = .*FPGA core"):
        refuse(load_preset("smoke", [setting]))


def test_what_the_core_has_is_not_refused() -> None:
    for overrides in NETWORKS.values():
        refuse(load_preset("smoke", [*overrides]))
