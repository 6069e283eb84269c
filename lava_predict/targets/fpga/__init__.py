"""An FPGA core of the integer network, in Amaranth, and its host."""
