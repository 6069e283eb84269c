"""Learning that lags behind: a ring of the last steps' spikes, a bit a cell, feeds a late copy of the traces.

Whether an event has come within the ring's time of a step is known when that step leaves the ring. S slots,
one more than the steps of the lag; N cells, K events.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.learning.cue_units import UNKNOWN
from lava_predict.numerics.compiled import kernel, lean_kernel

NEVER = 2**40
"""As steps since an event: it has not come."""

_ONE = np.uint64(1)
_DE_BRUIJN, _TOP = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
# 2^n times the number above has another word in its six highest bits for each n: that tells n.
_PLACE = np.argsort([0x03F79D71B4CB0A89 * 2**n % 2**64 >> 58 for n in range(64)])


class Late(NamedTuple):
    """What lags behind; all of it is empty where learning does not lag.

    Attributes
    ----------
    now : (2,) int64
        Steps put in, and the cue that learned last, or `UNKNOWN`.
    spikes : (S, words of 64) uint64
        Which cells spiked, a bit a cell.
    since, cue, reset : (S,) int64
        Steps since the cue came on, the cue as recognised, and 1 in the first step after a reset.
    events : (S, K) int64
        1 where the event came.
    past : (K,) int64
        Steps since each event, if after the cue, as of the step that left last; else at least `NEVER`.
    r, x : (N,) float64 or int32
        Traces of either stage as of that step.
    tag : (K, N) float64 or int32
        Changes that wait for their event: they count if it comes before the next cue.
    """

    now: np.ndarray
    spikes: np.ndarray
    since: np.ndarray
    cue: np.ndarray
    reset: np.ndarray
    events: np.ndarray
    past: np.ndarray
    r: np.ndarray
    x: np.ndarray
    tag: np.ndarray


def start(cells: int, events: int, slots: int, number: Any) -> Late:
    """Return an empty ring; without slots it has no room for anything."""
    if slots == 0:
        cells = events = 0
    return Late(
        now=np.array([0, UNKNOWN]),
        spikes=np.zeros((slots, -(-cells // 64)), np.uint64),
        since=np.zeros(slots, np.int64),
        cue=np.zeros(slots, np.int64),
        reset=np.zeros(slots, np.int64),
        events=np.zeros((slots, events), np.int64),
        past=np.full(events, NEVER),
        r=np.zeros(cells, number),
        x=np.zeros(cells, number),
        tag=np.zeros((events, cells), number),
    )


@lean_kernel
def unpack(words: np.ndarray, spiking: np.ndarray) -> int:
    """Write the numbers of the bits that are 1, ascending, to the head of ``spiking``; return how many."""
    count = 0
    for n in range(words.size):
        count = unpack_word(words[n], 64 * n, spiking, count)
    return count


@lean_kernel
def unpack_word(word: np.uint64, first: int, spiking: np.ndarray, count: int) -> int:
    """Append the numbers of the bits that are 1, from ``first`` on; return how many there then are."""
    while word != 0:
        lowest = word & (~word + _ONE)
        spiking[count] = first + _PLACE[(lowest * _DE_BRUIJN) >> _TOP]
        count += 1
        word ^= lowest
    return count


@lean_kernel
def pack(spiking: np.ndarray, count: int, words: np.ndarray) -> None:
    """Set the bits of the cells that spike, and no others."""
    words[:] = np.uint64(0)
    for index in range(count):
        j = spiking[index]
        words[j // 64] |= _ONE << np.uint64(j % 64)


@lean_kernel
def put(
    late: Late,
    spiking: np.ndarray,
    count: int,
    since_cue: int,
    cue: int,
    fresh: np.ndarray,
    came: np.ndarray,
) -> int:
    """Put a step in, where an event came if ``came``, (K,), is not 0.

    ``fresh``, (1,), is 1 in the first step after a reset, and then set to 0.

    Returns the slot of the step that leaves for it, the oldest, or -1 while there is room.
    """
    slots = late.since.size
    slot = late.now[0] % slots
    pack(spiking, count, late.spikes[slot])
    late.since[slot], late.cue[slot], late.reset[slot] = since_cue, cue, fresh[0]
    for event in range(came.size):
        late.events[slot, event] = came[event] != 0
    fresh[0] = 0
    late.now[0] += 1
    return late.now[0] % slots if late.now[0] >= slots else -1


@lean_kernel
def leave(late: Late, slot: int, spiking: np.ndarray) -> int:
    """Take a step out: its spikes to the head of ``spiking``, (N,), how many of them is returned.

    A reset of the reservoir and the onset of a cue take effect on what lags behind.
    """
    if late.reset[slot]:
        late.r[:] = 0
        late.x[:] = 0
    if late.since[slot] == 0:
        late.past[:] = NEVER
        late.tag[:] = 0
    for event in range(late.past.size):
        late.past[event] = 0 if late.events[slot, event] else late.past[event] + 1
    return unpack(late.spikes[slot], spiking)


@kernel
def nearest(late: Late, slot: int, distance: np.ndarray) -> None:
    """Write how many steps each event is from the step that leaves, (K,), S or more where it is not near.

    The onset of the next cue ends the search.
    """
    slots = late.since.size
    distance[:] = late.past
    for ahead in range(1, slots):
        step = (slot + ahead) % slots
        if late.since[step] == 0:
            return
        for event in range(distance.size):
            if late.events[step, event]:
                distance[event] = min(distance[event], ahead)


@kernel
def open_gates(
    late: Late,
    slot: int,
    profile: np.ndarray,
    residual: Any,
    whole: Any,
    gate: np.ndarray,
    waiting: np.ndarray,
    target: np.ndarray,
) -> None:
    """Teach the step that leaves: write what gates weights and tags, and the targets, all (K,).

    Near an event the weights' gate is ``whole`` and the target its ``profile``, (S,), at this distance.
    Elsewhere the target is 0 and the gate ``residual``: of the weights where the event has come since the
    cue, else of the tag, which waits for it.
    """
    distance = np.empty(gate.size, np.int64)
    nearest(late, slot, distance)
    for event in range(gate.size):
        near = distance[event] < profile.size
        come = near or distance[event] < NEVER
        target[event] = profile[distance[event]] if near else 0
        gate[event] = whole if near else residual if come else 0
        waiting[event] = 0 if come else residual
