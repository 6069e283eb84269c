"""Steps of a stream: the reservoir, then the rules that learn from its spikes, in one compiled loop."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lava_predict.learning.streams import listen as streams
from lava_predict.learning.streams.listen import set_level
from lava_predict.learning.streams.memory import STEP, Learned, Ongoing
from lava_predict.network import step
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.network.step import Constants
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import fold

# These stand for the kernels of the parts and the arithmetic; `advance_kernel` says which.
reservoir_step = listen = part


def advance(
    network: Network,
    k: Constants,
    state: State,
    rules: Any,
    ongoing: Ongoing,
    learned: Learned,
    steps: int,
    learning: bool,
    noise_key: np.uint64,
    level: np.ndarray,
    i_in: np.ndarray,
    spiking: np.ndarray,
    spikes: np.ndarray,
) -> int:
    """Advance by so many steps in which no event comes; return how many spikes there were.

    ``rules`` are the rules' constants; ``level``, (C,), is room for the input channels in the arithmetic's
    numbers; ``spikes``, (capacity, 2) uint32, gets step (modulo 2^32) and cell of each spike; the rest is as
    for `lava_predict.network.step.reservoir_step`.
    """
    recorded = 0
    for _ in range(steps):
        number = ongoing.now[STEP]
        set_level(ongoing)
        for channel in range(level.size):
            level[channel] = ongoing.level[channel]
        step_key = fold(noise_key, np.uint64(number))
        count = reservoir_step(network, k, state, level, step_key, i_in, spiking)
        for index in range(count):
            spikes[recorded, 0] = number
            spikes[recorded, 1] = spiking[index]
            recorded += 1
        listen(rules, ongoing, learned, spiking, count, learning)
    return recorded


@cache
def advance_kernel(kernels: step.Kernels, listen: Any = streams.listen) -> Any:
    """Compile `advance` for a network's kernels and the `listen` of the same arithmetic."""
    return bind(advance, reservoir_step=kernels.reservoir_step, listen=listen)
