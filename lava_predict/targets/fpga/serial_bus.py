"""The host's end of the serial line: a core's registers behind any port that sends and receives bytes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lava_predict.errors import RunError
from lava_predict.targets.fpga.bus import REGISTER_BITS
from lava_predict.targets.fpga.simulated import play_steps

_MOST_WORDS = 256
_WORD = "<u4"


class Port(Protocol):
    """A serial line, for instance pySerial's ``Serial`` with 1 Mbit/s and a timeout."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""

    def read(self, size: int, /) -> bytes:
        """Wait for so many bytes; return fewer if the line is silent for too long."""

    def close(self) -> None:
        """Give the line back."""


class SerialBus:
    """Registers of a core behind a `SerialCore`, as `lava_predict.targets.fpga.device.Bus`.

    Parameters
    ----------
    port : Port
        Leads to the board.
    """

    def __init__(self, port: Port) -> None:
        self._port = port

    def write(self, register: int, words: np.ndarray) -> None:
        """Write words to a register, one after the other."""
        given = (np.asarray(words).astype(np.int64) & 0xFFFFFFFF).astype(_WORD)
        for first in range(0, given.size, _MOST_WORDS):
            part = given[first : first + _MOST_WORDS]
            self._port.write(bytes([register | 1 << REGISTER_BITS, part.size - 1]) + part.tobytes())

    def read(self, register: int, count: int) -> np.ndarray:
        """Read a register so many times, (count,) uint32; raises a RunError if the core does not answer."""
        parts = [np.empty(0, np.uint32)]
        for first in range(0, count, _MOST_WORDS):
            size = min(_MOST_WORDS, count - first)
            self._port.write(bytes([register, size - 1]))
            answer = self._port.read(4 * size)
            if len(answer) < 4 * size:
                raise RunError(
                    f"the core sent {len(answer)} of {4 * size} bytes of register {register}; check that the "
                    "board holds this core's bitstream, and the line's rate"
                )
            parts.append(np.frombuffer(answer, _WORD).astype(np.uint32))
        return np.concatenate(parts)

    def steps(  # noqa: D102
        self, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
    ) -> int:
        return play_steps(self, events, spiking, inputs, outputs, spikes)

    def close(self) -> None:
        """Give the line back."""
        self._port.close()
