"""The core on a ULX3S, a board with an ECP5, a clock of 25 MHz and a serial line over USB."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Instance, Module, Signal

from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.targets.fpga.uart import SerialCore

CLOCK_HZ = 50_000_000
BAUD = 1_000_000

CONSTRAINTS = """\
# ULX3S: the clock, and the serial line to the FTDI chip.
LOCATE COMP "clk_25mhz" SITE "G2";
IOBUF PORT "clk_25mhz" PULLMODE=NONE IO_TYPE=LVCMOS33;
FREQUENCY PORT "clk_25mhz" 25 MHZ;
# More than the PLL gives, so that nextpnr shortens paths for longer.
FREQUENCY NET "clk" 65 MHZ;
LOCATE COMP "rx" SITE "M1";
IOBUF PORT "rx" PULLMODE=UP IO_TYPE=LVCMOS33;
LOCATE COMP "tx" SITE "L4";
IOBUF PORT "tx" PULLMODE=UP IO_TYPE=LVCMOS33 DRIVE=4;
"""

_PLL = {"CLKI_DIV": 1, "CLKFB_DIV": 2, "CLKOP_DIV": 12, "CLKOP_CPHASE": 5, "CLKOP_FPHASE": 0}


class Ulx3s:
    """A `SerialCore` with its clock from the board's PLL."""

    def __init__(self, shape: CoreShape, images: Mapping[str, list[int]] | None = None) -> None:
        self._core = SerialCore(shape, CLOCK_HZ // BAUD, images)
        self.clock = Signal(name="clk_25mhz")

    @property
    def ports(self) -> list[Signal]:
        """The board's clock and both ends of the line."""
        return [self.clock, self._core.rx, self._core.tx]

    def lay_out(self) -> Module:
        """Return core, serial line and PLL as a module."""
        m = self._core.lay_out()
        clock = self._core.port.core.domain.clk
        fixed = {"FEEDBK_PATH": "CLKOP", "CLKOP_ENABLE": "ENABLED", "PLLRST_ENA": "DISABLED"}
        still = {"i_RST": 0, "i_STDBY": 0, "i_PHASESEL0": 0, "i_PHASESEL1": 0, "i_PHASEDIR": 1}
        still |= {"i_PHASESTEP": 1, "i_PHASELOADREG": 1, "i_PLLWAKESYNC": 0, "i_ENCLKOP": 0}
        parameters = {f"p_{name}": value for name, value in (_PLL | fixed).items()}
        wires = {"i_CLKI": self.clock, "o_CLKOP": clock, "i_CLKFB": clock}
        m.submodules.pll = Instance("EHXPLLL", **parameters, **still, **wires)
        return m
