"""Several threads for the spikes of one large network, to the same bits.

The columns of packed synapses are cut into ranges of targets. In every step each thread takes some ranges at
a time, until none is left, and adds up what arrives there. So no two write to the same place, and sums of
weights are exact in any order. The first thread does all else: it lays out the ranges once the spiking cells
are known, reads out and learns, and then helps with what is left. It never waits for a thread that has not
begun, so that a busy machine makes a run no slower than one thread would.

Between two segments the other threads sleep. A forked process starts its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network.draw import Network
from lava_predict.numerics.atomic import add, exchange, give_way, load, pause, store
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.columns import range_count
from lava_predict.numerics.compiled import lean_kernel

# These stand for a synapse's kernels.
deliver_ranges = delivered = part

OPEN, DONE, COUNT, STOP, SHARE = 0, 16, 32, 48, 64
"""Words of the board, each in cache lines of its own: what is open, as round and first range; ranges that are
done; spiking cells; whether the threads end; ranges that are taken at a time."""

_BOARD = 80
_ROUND = 2**8
_PATIENCE = 2000
"""How often a thread looks before it lets others have the processor."""


class Shared(NamedTuple):
    """Synapses, and the board by which threads share the work on them.

    Attributes
    ----------
    connections : Connections
        The synapse's.
    board : (80,) int64
        As `OPEN` and what follows it say.
    """

    connections: Any
    board: np.ndarray


def deliver(synapses: Any, shared: Any, k: Any, spiking: np.ndarray, count: int) -> None:
    """Lay out the ranges of a step for the threads, instead of a synapse's own ``deliver``."""
    board = shared.board
    store(board, COUNT, count)
    store(board, DONE, 0)
    store(board, OPEN, (load(board, OPEN) // _ROUND + 1) * _ROUND)


def complete(synapses: Any, shared: Any, k: Any, spiking: np.ndarray) -> None:
    """Take part in what `deliver` has laid out, and wait until all of it is done."""
    board = shared.board
    while take_part(synapses, shared, k, spiking):
        pass
    looked, ranges = 0, range_count(synapses.s.size, shared.connections.target)
    while load(board, DONE) < ranges:
        looked = wait(looked)
    delivered(synapses)


def assist(synapses: Any, shared: Any, k: Any, spiking: np.ndarray) -> None:
    """Take part in step after step until the board says that it is over."""
    looked = 0
    while load(shared.board, STOP) == 0:
        looked = 0 if take_part(synapses, shared, k, spiking) else wait(looked)


def take_part(synapses: Any, shared: Any, k: Any, spiking: np.ndarray) -> bool:
    """Do some ranges of the step, if any are open; return whether there were."""
    board, connections = shared.board, shared.connections
    found, ranges = load(board, OPEN), range_count(synapses.s.size, connections.target)
    low = found % _ROUND
    if low >= ranges:
        return False
    high = min(low + board[SHARE], ranges)
    # A thread that is late finds another round here and takes nothing.
    if exchange(board, OPEN, found, found - low + high):
        deliver_ranges(synapses, connections, k, spiking, load(board, COUNT), low, high)
        add(board, DONE, high - low)
    return True


@lean_kernel
def wait(looked: int) -> int:
    """Wait for a moment; return how often this was so."""
    pause()
    if looked >= _PATIENCE:
        give_way()
        return 0
    return looked + 1


class Team:
    """Threads that share a network's spikes.

    Parameters
    ----------
    network : Network
        In an arithmetic's numbers.
    synapse : module
        Its synapse.
    constants : Constants
        The synapse's.
    spiking : (N,) int64
        Whose head holds the indices of the spiking cells in each step.
    threads : int
        How many, that of the caller among them.
    fixed : bool
        Whether the network is in integers.

    Attributes
    ----------
    network : Network
        The network, with `Shared` synapses.
    """

    def __init__(
        self,
        network: Network,
        synapse: Any,
        constants: Any,
        spiking: np.ndarray,
        threads: int,
        fixed: bool,
    ) -> None:
        board: np.ndarray = np.zeros(_BOARD, np.int64)
        ranges = range_count(network.size, network.synapses.target)
        # One share each: halved, the pieces of columns are shorter, which costs more than late threads do.
        board[OPEN], board[SHARE] = ranges, -(-ranges // threads)
        self.network = network._replace(synapses=Shared(network.synapses, board))
        self._given = (self.network.synapses, constants, spiking)
        self._helpers = min(threads, ranges) - 1
        self._assist = team_kernels(synapse, fixed)["assist"]
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._process = 0

    @contextmanager
    def at_work(self, synapses: Any) -> Iterator[None]:
        """Let the other threads take part in the steps that are taken meanwhile, with this state."""
        self._start()
        board = self.network.synapses.board
        board[STOP] = 0
        for _ in range(self._helpers):
            self._tasks.put((synapses, *self._given))
        try:
            yield
        finally:
            board[STOP] = 1
            for _ in range(self._helpers):
                self._ended.get()

    def _start(self) -> None:
        """Start the other threads, unless they wait for work; a forked process has none."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        self._tasks, self._ended = SimpleQueue(), SimpleQueue()
        given = (self._assist, self._tasks, self._ended)
        for number in range(self._helpers):
            name = f"lava-predict spikes {number + 2}"
            threading.Thread(target=_work, args=given, name=name, daemon=True).start()
        weakref.finalize(self, _end, self._tasks, self._helpers)


def _work(assist: Any, tasks: SimpleQueue[Any], ended: SimpleQueue[None]) -> None:
    """Take part in one call after the other, until told to end."""
    while (given := tasks.get()) is not None:
        try:
            assist(*given)
        finally:
            ended.put(None)


def _end(tasks: SimpleQueue[Any], helpers: int) -> None:
    for _ in range(helpers):
        tasks.put(None)


def team_kernels(synapse: Any, fixed: bool) -> dict[str, Any]:
    """Compile the functions above for a synapse: what stands for ``deliver``, ``complete`` and `assist`."""
    ranges = synapse.fixed_deliver_ranges if fixed else synapse.deliver_ranges
    taking = bind(take_part, deliver_ranges=ranges)
    return {
        "deliver": bind(deliver),
        "complete": bind(complete, take_part=taking, delivered=synapse.delivered),
        "assist": bind(assist, take_part=taking),
    }
