"""A stream whose reservoir is on the core; the host hears its spikes, and the stream's rules learn there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lava_predict.events import Event, Prediction
from lava_predict.learning.streams.memory import STEP
from lava_predict.network import stream_step
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.network.step import Recording
from lava_predict.network.stream_network import StreamNetwork
from lava_predict.numerics.binding import bind
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.noise import GOLDEN
from lava_predict.targets.fpga.device import Bus, Device
from lava_predict.targets.fpga.needs import refuse_stream
from lava_predict.targets.fpga.shape import CoreShape, shape_of
from lava_predict.targets.fpga.simulator import open_bus
from lava_predict.tasks import Kind, Segment, Streams


class Heard(NamedTuple):
    """Spikes of some steps: those of step t are ``cell[first[t] : first[t + 1]]``."""

    first: np.ndarray
    cell: np.ndarray


@lean_kernel
def heard_step(
    heard: Heard, k: Any, step: np.ndarray, level: np.ndarray, key: Any, i_in: np.ndarray, spiking: np.ndarray
) -> int:
    """Stand for `reservoir_step`: give the spikes that the core sent in the next step."""
    first, last = heard.first[step[0]], heard.first[step[0] + 1]
    for index in range(last - first):
        spiking[index] = heard.cell[first + index]
    step[0] += 1
    return int(last - first)


class CoreStream:
    """Plays a stream with the reservoir on a core, as `StreamNetwork.play` and to the same bits.

    Parameters
    ----------
    network : StreamNetwork
        In integers. It has settled on the cpu; until `close` the core plays all its steps, those ahead too.
    open_bus : callable
        Leads to a core of a shape.
    """

    def __init__(self, network: StreamNetwork, open_bus: Callable[[CoreShape], Bus] = open_bus) -> None:
        refuse_stream(network.config)
        arithmetic = FixedArithmetic(network.config, draw_network(network.config))
        # The rule of the trials rests; the reservoir needs no memory of many cues.
        self.shape = replace(shape_of(arithmetic), cues=1, blocks=1)
        self._network, self._bus = network, open_bus(self.shape)
        self.device = Device(self._bus, self.shape, arithmetic)
        listen = network._arithmetic.kernels.listen
        self._listen: Any = bind(stream_step.advance, reservoir_step=heard_step, listen=listen)
        self._own, network._advance = network._advance, self._advance

    def play(self, events: Iterable[Event]) -> Iterator[Prediction | None]:
        """Learn events; yield what was expected of each, None for the first of a sequence."""
        return self._network.play(events)

    def gather(self) -> None:
        """Do nothing: all is here after every event."""

    def close(self) -> None:
        """Give the network back to the cpu."""
        self._network._advance = self._own
        self._bus.close()

    def _advance(
        self, network: Any, k: Any, state: Any, rules: Any, ongoing: Any, learned: Any, steps: int, *rest: Any
    ) -> int:
        """Advance as `lava_predict.network.stream_step.advance`: the reservoir first, then the rules."""
        _, key = rest[:2]
        level = (ongoing.cue > np.arange(steps)[:, None]).astype(np.int32)
        nothing: np.ndarray = np.zeros((steps, self.shape.events), np.int32)
        noise_key = (int(key) + int(GOLDEN) * int(ongoing.now[STEP])) % 2**64
        segment = Segment(Kind.PAUSE, steps, noise_key, 0, 0, learning=False)
        empty = np.empty(0, np.uint32)
        recording = Recording(empty, empty, nothing, nothing.copy(), np.empty(steps, np.int64))
        self.device.put_reservoir(state)
        spikes, _ = self.device.play(Streams(level, nothing, nothing), segment, 0, recording)
        self.device.take_reservoir(state)
        first = np.searchsorted(spikes[0], np.arange(steps + 1))
        heard = Heard(first, spikes[1].astype(np.int64))
        return int(self._listen(heard, k, np.zeros(1, np.int64), rules, ongoing, learned, steps, *rest))
