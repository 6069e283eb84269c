"""The whole dynamic state of network and readouts, as one value: a tree of the parts' states."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

from lava_predict.learning import what

Tree = TypeVar("Tree")

_CACHE_LINE = 64
"""Bytes; also the widest vector's."""


def leaves(tree: Any, place: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a tree of named tuples, in order, each with its place, such as "cells.v"."""
    for name, branch in zip(tree._fields, tree, strict=True):
        inner = f"{place}{name}"
        if isinstance(branch, np.ndarray):
            yield inner, branch
        else:
            yield from leaves(branch, f"{inner}.")


def mapped(function: Callable[[np.ndarray], np.ndarray], tree: Tree) -> Tree:
    """Return a tree of the same types with a function applied to every array."""
    branches = [
        function(branch) if isinstance(branch, np.ndarray) else mapped(function, branch)
        for branch in tree  # type: ignore[attr-defined]
    ]
    return type(tree)(*branches)


def not_finite(tree: Any) -> list[str]:
    """Name the arrays of a tree that hold a number that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        # Nearly always all are, and no names are needed.
        if _all_finite(tree):
            return []
        return [name for name, array in leaves(tree) if not _finite(array)]


def _all_finite(tree: Any) -> bool:
    return all(_finite(each) if isinstance(each, np.ndarray) else _all_finite(each) for each in tree)


def _finite(array: np.ndarray) -> bool:
    """Tell whether all numbers are finite, in no room as large as the array, which may be long."""
    # A sum that is finite says so at once; one that is not may be of large numbers. Each chunk asks for all.
    if array.dtype.kind != "f" or math.isfinite(np.add.reduce(array, axis=None)):
        return True
    return bool(np.isfinite(array.min()) and np.isfinite(array.max()))


class State(NamedTuple):
    """Everything that changes while a network runs. N cells, K events, M cues.

    In float64 in physical units, or in integers in the formats of the parts.

    Attributes
    ----------
    cells, synapses, when : neuron's State, synapse's State, rule's Memory
        For instance those of `neurons.izhikevich`, `synapses.exponential` and `learning.when.gated_delta`.
    z : (K,) float64 or int32
        When readout of the last step; in integers `PAYLOAD_FRACTION` bits.
    what : what.Memory
        Of the what rule.
    saturations : (V,) int64
        How often each variable of the integer network has hit its bounds; empty in float.
    """

    cells: Any
    synapses: Any
    z: np.ndarray
    when: Any
    what: what.Memory
    saturations: np.ndarray

    def copy(self) -> State:
        """Return a state that shares no memory with this one, every array from a cache line's start on."""
        return mapped(on_cache_lines, self)

    def restore(self, other: State) -> None:
        """Overwrite this state with ``other``, in place."""
        overwrite(self, other)

    def reset_reservoir(self, start: State, memory: tuple[str, ...]) -> None:
        """Put cells, synapses (with what is in flight) and z back to ``start``, in place.

        The fields of ``when`` that ``memory`` names go back too. Slow means and weights stay.
        """
        overwrite(self.cells, start.cells)
        overwrite(self.synapses, start.synapses)
        np.copyto(self.z, start.z)
        for name in memory:
            np.copyto(getattr(self.when, name), getattr(start.when, name))

    def differences(self, other: State) -> list[str]:
        """Name the arrays whose bits are not the same in ``other``; empty if the states are equal."""
        return [
            name
            for (name, mine), (_, theirs) in zip(leaves(self), leaves(other), strict=True)
            if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes()
        ]


def overwrite(tree: Any, other: Any) -> None:
    """Copy every array of ``other`` into a tree of the same shape."""
    for mine, theirs in zip(tree, other, strict=True):
        if isinstance(mine, np.ndarray):
            np.copyto(mine, theirs)
        else:
            overwrite(mine, theirs)


def on_cache_lines(array: np.ndarray) -> np.ndarray:
    """Copy an array to where its vectors lie in one cache line each; a step takes a twentieth less then."""
    room = np.empty(array.nbytes + _CACHE_LINE, np.uint8)
    start = -room.ctypes.data % _CACHE_LINE
    copy: np.ndarray = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    np.copyto(copy, array)
    return copy
