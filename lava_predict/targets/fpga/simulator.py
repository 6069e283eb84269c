"""Where a core is simulated unless something else is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Amaranth is an extra.
    from lava_predict.targets.fpga.device import Bus
    from lava_predict.targets.fpga.shape import CoreShape


def open_bus(shape: CoreShape) -> Bus:
    """Lead to a simulated core: in Verilator, or for a tiny network without it in Amaranth's simulator."""
    from lava_predict.targets.fpga.simulated import SimulatedBus
    from lava_predict.targets.fpga.verilator import VerilatorBus, missing_program

    return SimulatedBus(shape) if missing_program() else VerilatorBus(shape)
