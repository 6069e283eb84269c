"""A self-checking test bench: accesses to the core's registers, and what the cpu says that they must read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.targets.fpga import bus
from lava_predict.targets.fpga.device import Device, network_columns, state_columns
from lava_predict.targets.fpga.shape import CoreShape, shape_of
from lava_predict.targets.fpga.simulated import play_steps
from lava_predict.tasks import Segment, Streams, Task

STEPS = 20
_WRITE, _CHECK = 1, 2

VERILOG = """\
// Plays bench.hex on the core: each row is what to do (1 write, 2 read and compare), a register, a word.
`timescale 1ns / 1ps
module bench;
  localparam ROWS = {rows};
  reg clk = 0, we = 0, stb = 0;
  reg [6:0] adr = 0;
  reg [31:0] dat_w = 0;
  wire [31:0] dat_r;
  wire ack;
  reg [43:0] rows [0:ROWS-1];
  reg again;
  integer row, compared = 0, different = 0;
  top core (.clk(clk), .adr(adr), .dat_w(dat_w), .dat_r(dat_r), .we(we), .stb(stb), .ack(ack));
  always #10 clk = ~clk;
  initial begin
    $readmemh("bench.hex", rows);
    for (row = 0; row < ROWS; row = row + 1) begin
      we = rows[row][43:40] == 1;
      adr = rows[row][38:32];
      dat_w = rows[row][31:0];
      again = 1;
      while (again) begin
        @(negedge clk) stb = 1;
        @(negedge clk) while (ack !== 1) @(negedge clk);
        stb = 0;
        // STATUS is read until the core is no longer busy.
        again = !we && adr == 0 && dat_r[0];
      end
      if (rows[row][43:40] == 2) begin
        compared = compared + 1;
        if (dat_r !== rows[row][31:0]) begin
          different = different + 1;
          $display("row %0d: register %0d reads %h, not %h", row, adr, dat_r, rows[row][31:0]);
        end
      end
      @(negedge clk) ;
    end
    $display("%0d compared, %0d different", compared, different);
    $finish;
  end
endmodule
"""


class _Recorder:
    """A bus that notes what goes over it; what is read is what it has been told to expect."""

    def __init__(self, kept: set[int]) -> None:
        self.rows: list[str] = []
        self.expected: Iterator[int] = iter(())
        self._kept, self._column = kept, 0

    def write(self, register: int, words: np.ndarray) -> None:
        """Note what is written, but not the columns that the memories' first contents have."""
        if register == bus.MEMORY:
            self._column = int(words[0])
        if register != bus.DATA or self._column not in self._kept:
            self.rows += [f"{_WRITE:x}{register:02x}{int(word) & 0xFFFFFFFF:08x}" for word in words]

    def read(self, register: int, count: int) -> np.ndarray:
        """Note what must be read; nobody but the core knows how many clocks a step takes."""
        if register == bus.CLOCKS:
            return np.zeros(count, np.int64)
        words = [next(self.expected) for _ in range(count)]
        self.rows += [f"{_CHECK:x}{register:02x}{word & 0xFFFFFFFF:08x}" for word in words]
        return np.array(words)

    def steps(
        self, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
    ) -> int:
        """Note some steps."""
        return play_steps(self, events, spiking, inputs, outputs, spikes)

    def close(self) -> None:
        """Do nothing."""


def bench_rows(arithmetic: FixedArithmetic, task: Task, state: State) -> list[str]:
    """Return the rows of bench.hex: `STEPS` steps of a trial, in the middle of which the rule learns.

    Parameters
    ----------
    arithmetic, task : FixedArithmetic, Task
        The network and what it learns.
    state : State
        Between two segments.
    """
    shape, state, segment = shape_of(arithmetic), state.copy(), task.trial(0, 0)[-1]
    kept = network_columns(arithmetic)
    recorder = _Recorder({n for n, column in enumerate(shape.columns) if column.name in kept})
    device = Device(recorder, shape, arithmetic)
    arithmetic.enter(segment, state)
    streams = arithmetic.streams(task.streams(segment))
    first = max(0, int(np.flatnonzero(streams.gate.any(axis=1))[0]) - STEPS // 2)
    _advance(arithmetic, state, streams, segment, 0, first)
    device.put(state)
    played = _advance(arithmetic, state, streams, segment, first, STEPS)
    recorder.expected = _expected(played, first)
    device.play(
        Streams(*(part[first : first + STEPS] for part in streams)), segment, first, _room(shape, STEPS)
    )
    for name, values in state_columns(state).items():
        if name in (*(f"cells.{one}" for one in shape.states), "synapses.s", "when.x", "when.w0"):
            recorder.expected = iter(values.tolist())
            device.fetch(name)
    return recorder.rows


def _room(shape: CoreShape, steps: int) -> Recording:
    spikes = np.empty((2, steps * shape.cells), np.uint32)
    z: np.ndarray = np.empty((steps, shape.events), np.int32)
    return Recording(spikes[0], spikes[1], z, np.empty_like(z), np.empty(steps, np.int64))


def _advance(
    arithmetic: FixedArithmetic, state: State, streams: Streams, segment: Segment, first: int, steps: int
) -> tuple[Recording, np.ndarray]:
    recording = _room(shape_of(arithmetic), steps)
    chunk = Streams(*(part[first : first + steps] for part in streams))
    return recording, arithmetic.advance(state, chunk, segment, first, recording)


def _expected(played: tuple[Recording, np.ndarray], first: int) -> Iterator[int]:
    """Yield the words of `play_steps` in the order in which it reads them."""
    recording, (when, cell) = played
    for step in range(STEPS):
        spikes = cell[when == first + step].tolist()
        norm = int(recording.norm[step])
        yield from (0, norm & 0xFFFFFFFF, norm >> 32, len(spikes))
        for z, drive in zip(recording.z[step].tolist(), recording.what_drive[step].tolist(), strict=True):
            yield from (z, drive)
        yield from spikes
