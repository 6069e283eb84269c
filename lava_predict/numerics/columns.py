"""Synapses in compressed columns: wide, in physical units, or packed into 6 bytes each, in integers 4.

Wide columns have targets of int32 and weights of float64. Packed ones have the lowest 16 bits of a target
and a weight as a multiple of `WEIGHT_GRAIN` in int32. In integers these 16 bits and a weight of 16 bits share
32, so that a synapse is read at once: in a quarter less time than from two arrays.

Above `SMALL` cells each column is cut at the borders of `RANGES` ranges of targets: so each of some threads
can own ranges, and the higher bits of a target are those of its range. The order of synapses is that of wide
columns.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.draws import WEIGHT_GRAIN

_LOG = logging.getLogger(__name__)

PAGE_BITS = 16
"""Bits of a target that are held."""

SMALL, RANGES = 2048, 8
"""Up to how many cells columns are not cut, and into how many pieces otherwise."""

LARGEST = 2.0**31 * WEIGHT_GRAIN
"""What a weight must be below to be packed, mV / ms."""

NEAR = 2**15
"""Bytes of sums that a processor's nearest cache holds."""

LONG = 512
"""Synapses of a piece of a column that memory hands over as fast as those of a whole one; measured."""

_LOWER, _UPPER = (0, 1) if sys.byteorder == "little" else (1, 0)  # Halves of 32 bits.

DRAWN = "synapses of %d of %d cells"
"""What is logged of columns that are gathered for long."""

_TOLD_EVERY_S = 1.0

_AT_A_TIME = 2**18
"""Synapses that are converted at a time, so that a large network needs no second copy."""


class Columns(NamedTuple):
    """Synapses in columns, wide unless stated otherwise.

    Attributes
    ----------
    first : (N + 1,) int64
        Cell j's outgoing synapses are ``first[j] .. first[j + 1] - 1``.
    target : (S,) int32
        Postsynaptic cell, ascending within a column. Packed (S,) or, joined with the weight, (0,) uint16.
    weight : (S,) float64 or int16
        mV / ms, or as an integer network has it. Packed int32, or uint32 with the target in the lower half.
    """

    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray


def columns(connections: Any) -> Columns:
    """Return the synapses of a part's Connections as wide columns; what is wide already is not copied."""
    if not is_packed(connections):
        return Columns(*connections[:3])
    size = connections.weight.size
    target, weight = np.empty(size, np.int32), np.empty(size, _wide_type(connections))
    for part, piece in _pieces(connections):
        target[part], weight[part] = piece.target, piece.weight
    return Columns(_begins(connections), target, weight)


def in_pieces(connections: Any) -> Iterator[Columns]:
    """Yield wide columns some at a time: each with ``first`` from 0 on, and as many cells as come next."""
    return (piece for _, piece in _pieces(connections))


def arrays(connections: Any) -> Iterator[np.ndarray]:
    """Yield what the arrays of wide columns hold, one after the other, each in as many pieces as need be.

    Other arrays of the Connections come last.
    """
    if is_packed(connections):
        yield _begins(connections)
        yield from (piece.target for piece in in_pieces(connections))
        yield from (piece.weight for piece in in_pieces(connections))
        yield from connections[3:]
    else:
        yield from connections


def is_packed(connections: Any) -> bool:
    """Tell whether a part's Connections are packed columns."""
    return getattr(connections, "target", np.empty(0)).dtype == np.uint16


def join(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return room for targets and weights in integers, uint32, and that of the weights in it, int16.

    The lower halves are filled with the packed ``target``.
    """
    joined = np.empty(target.size, np.uint32)
    lower, weight = _halves(joined)
    lower[:] = target
    return joined, weight


@lean_kernel
def joined_target(synapse: Any) -> Any:
    """Return the target of a synapse in integers, as it is held: its lowest 16 bits."""
    return np.uint32(synapse) & np.uint32(0xFFFF)


@lean_kernel
def joined_weight(synapse: Any) -> Any:
    """Return the weight of a synapse in integers, int32."""
    return np.right_shift(np.int32(synapse), np.int32(16))


def cells_of(connections: Any) -> int:
    """Return the number of cells N."""
    rows = int(connections.first.size - 1)
    return rows // RANGES if is_packed(connections) and rows > SMALL else rows


def pack(wide: Any) -> Columns | None:
    """Pack wide columns; None if a weight does not fit, or targets do not ascend."""
    return pack_pieces((wide,), wide.first.size - 1, wide.target.size)


def pack_pieces(pieces: Iterable[Any], cells: int, expected: int) -> Columns | None:
    """Pack wide columns that come some at a time, as from `in_pieces`; the rest is as for `Packing`."""
    packing = Packing(cells, expected)
    for wide in pieces:
        fits = bool(np.all(np.abs(wide.weight) < LARGEST))
        if not fits or np.any(wide.weight != np.round(wide.weight / WEIGHT_GRAIN) * WEIGHT_GRAIN):
            return None
        for low, high in zip(wide.first[:-1].tolist(), wide.first[1:].tolist(), strict=True):
            if np.any(np.diff(wide.target[low:high]) <= 0):
                return None
            packing.add(wide.target[low:high], wide.weight[low:high])
    return packing.packed()


class Packing:
    """Packs columns as they come.

    Parameters
    ----------
    cells : int
        N.
    expected : int
        For how many synapses there is room; more of them cost a copy. What stays empty takes no memory.
    """

    def __init__(self, cells: int, expected: int) -> None:
        self._ranges = 1 if cells <= SMALL else RANGES
        self._borders = np.arange(1, self._ranges) * range_size(cells, self._ranges)
        self._first = np.zeros(cells * self._ranges + 1, np.int64)
        self._target, self._weight = np.empty(expected, np.uint16), np.empty(expected, np.int32)
        self._cell = self._size = 0

    def add(self, target: np.ndarray, weight: np.ndarray) -> None:
        """Add the next cell's synapses, targets ascending, weights in multiples of `WEIGHT_GRAIN`."""
        low, high = self._size, self._size + target.size
        if high > self._target.size:
            more = high + high // 8 - self._target.size
            self._target = np.concatenate((self._target, np.empty(more, np.uint16)))
            self._weight = np.concatenate((self._weight, np.empty(more, np.int32)))
        self._target[low:high] = target.astype(np.uint16)  # Its lowest bits.
        self._weight[low:high] = weight / WEIGHT_GRAIN
        begin = self._cell * self._ranges
        self._first[begin + 1 : begin + self._ranges] = low + np.searchsorted(target, self._borders)
        self._first[begin + self._ranges] = high
        self._cell, self._size = self._cell + 1, high

    def packed(self) -> Columns:
        """Return the packed columns."""
        return Columns(self._first, self._target[: self._size], self._weight[: self._size])


def gathered(
    found: Iterable[tuple[np.ndarray, np.ndarray]], cells: int, expected: int, packs: bool
) -> Columns:
    """Gather targets and weights, column by column, in packed or in wide columns.

    How far this is, is logged now and then.
    """
    if packs:
        packing, told = Packing(cells, expected), time.monotonic()
        for done, (target, weight) in enumerate(found, start=1):
            packing.add(target, weight)
            if time.monotonic() > told + _TOLD_EVERY_S:
                told = time.monotonic()
                _LOG.debug(DRAWN, done, cells)
        return packing.packed()
    targets, weights = zip(*found, strict=True)
    first = np.concatenate(([0], np.cumsum([target.size for target in targets])))
    return Columns(first, np.concatenate(targets).astype(np.int32), np.concatenate(weights))


@lean_kernel
def range_count(cells: int, target: np.ndarray) -> int:
    """Return how many ranges columns with these targets are cut into."""
    return RANGES if target.itemsize == 2 and cells > SMALL else 1


@lean_kernel
def range_size(cells: int, ranges: int) -> int:
    """Return how many targets a range has, so that none holds targets of two pages of 2^16 cells."""
    if ranges == 1 or cells <= 1 << PAGE_BITS:
        return (cells + ranges - 1) // ranges
    size = 1 << PAGE_BITS
    while size * ranges >= 2 * cells:
        size >>= 1
    return size


@lean_kernel
def page_of(cell: int, target: np.ndarray) -> int:
    """Return the first cell of a cell's page: what is to be added to a target as it is held."""
    return cell >> PAGE_BITS << PAGE_BITS if target.itemsize == 2 else 0


@lean_kernel
def page_end(low: int, high: int, size: int, target: np.ndarray) -> int:
    """Return up to which range, from ``low`` on and at most ``high``, all targets are of one page."""
    end = low + 1
    while end < high and page_of(end * size, target) == page_of(low * size, target):
        end += 1
    return end


@lean_kernel
def ranges_at_once(cells: int, ranges: int, synapses: int, width: int) -> int:
    """Return how many ranges of targets are filled before the next ones; ``width`` are the bytes of a sum.

    As many as `NEAR` holds the sums of, where the pieces of columns are then `LONG` still; otherwise all.
    """
    near = max(1, NEAR // (range_size(cells, ranges) * width))
    return near if synapses * near >= LONG * cells * ranges else ranges


def _halves(joined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return views of the targets, uint16, and weights, int16."""
    return joined.view(np.uint16)[_LOWER::2], joined.view(np.int16)[_UPPER::2]


def cells_at_a_time(first: np.ndarray) -> Iterator[slice]:
    """Yield ranges of cells that together have about so many synapses as are converted at a time."""
    low, cells = 0, first.size - 1
    while low < cells:
        high = max(low + 1, int(np.searchsorted(first, first[low] + _AT_A_TIME, "right")) - 1)
        yield slice(low, high)
        low = high


def _wide_type(connections: Any) -> Any:
    return {"int32": np.float64, "uint32": np.int16}.get(
        connections.weight.dtype.name, connections.weight.dtype
    )


def _begins(connections: Any) -> np.ndarray:
    """Return where each cell's synapses begin, (N + 1,)."""
    cells = cells_of(connections)
    begins: np.ndarray = connections.first[:: max(1, (connections.first.size - 1) // max(1, cells))]
    return np.ascontiguousarray(begins)


def _pieces(connections: Any) -> Iterator[tuple[slice, Columns]]:
    """Yield wide columns some at a time, each with the place of its synapses among all."""
    begins, cells = _begins(connections), cells_of(connections)
    targets, weights = connections.target, connections.weight
    if weights.dtype == np.uint32:
        targets, weights = _halves(weights)
    for some in cells_at_a_time(begins):
        low, high = some.start, some.stop
        part, first = slice(int(begins[low]), int(begins[high])), begins[low : high + 1] - begins[low]
        target, weight = targets[part], weights[part]
        if is_packed(connections):
            target, weight = target.astype(np.int32), weight.astype(_wide_type(connections))
            if cells > 1 << PAGE_BITS:
                held = np.diff(connections.first[low * RANGES : high * RANGES + 1]).reshape(-1, RANGES)
                base = np.arange(RANGES) * range_size(cells, RANGES) >> PAGE_BITS << PAGE_BITS
                target += np.repeat(np.tile(base, high - low), held.ravel()).astype(np.int32)
            if weight.dtype == np.float64:
                weight *= WEIGHT_GRAIN
                _sign_zeros(first, weight)
        yield part, Columns(first, target, weight)


def _sign_zeros(first: np.ndarray, weight: np.ndarray) -> None:
    """Give a weight that was rounded to 0 the sign of its column, as rounding does, in place."""
    for zero in np.flatnonzero(weight == 0.0):
        column = np.searchsorted(first, zero, "right") - 1
        if weight[first[column] : first[column + 1]].min() < 0.0:
            weight[zero] = -0.0
