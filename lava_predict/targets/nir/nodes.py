"""Nodes that NIR does not have; docs/export.md states their equations. Needs the package nir."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nir
import numpy as np


class _Extension(nir.NIRNode):  # type: ignore[misc]
    """A node whose type in the file cannot be taken for one of NIR's own, now or later."""

    @classmethod
    def type_name(cls) -> str:
        """Return the type that the file gives."""
        return f"lava_predict.{cls.__name__}"

    def to_dict(self) -> dict[str, Any]:
        """Return what `nir.write` writes."""
        return {**super().to_dict(), "type": self.type_name()}

    @classmethod
    def from_dict(cls, kwargs: dict[str, Any]) -> _Extension:
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in kwargs.items() if name != "type"})

    def _set_shape(self, *arrays: np.ndarray) -> None:
        shape = np.shape(arrays[0])
        if any(np.shape(array) != shape for array in arrays):
            raise ValueError(f"{self.type_name()}: its arrays must have one shape")
        self._set_types(shape, shape)

    def _set_types(self, given: tuple[int, ...], result: tuple[int, ...]) -> None:
        self.input_type = {"input": np.array(given)}
        self.output_type = {"output": np.array(result)}


@dataclass(eq=False)
class Izhikevich(_Extension):
    """Izhikevich cells (2003, doi 10.1109/TNN.2003.820440), stepped as their author stepped them. N cells.

    Its input is a current, mV/ms; its output is 1 in a step with a spike, else 0.

    Attributes
    ----------
    a, b, c, d : (N,) float64
        Rate of recovery (1/ms), its sensitivity to v (1/ms), reset potential (mV), step of recovery (mV/ms).
    bias : (N,) float64
        Constant current, mV/ms.
    v_peak : float
        Where a cell spikes and to which v is clipped, mV.
    noise : float
        Standard deviation of each cell's own current in a step of 1 ms, mV/ms.
    dt : float
        Time step, ms: part of the model, as the two half steps of v are far from the limit of short ones.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    bias: np.ndarray
    v_peak: float
    noise: float
    dt: float

    def __post_init__(self) -> None:
        self._set_shape(self.a, self.b, self.c, self.d, self.bias)
        self.v_peak, self.noise, self.dt = float(self.v_peak), float(self.noise), float(self.dt)


@dataclass(eq=False)
class Graded(_Extension):
    """A value as a graded spike: clipped, then rounded to a multiple of a grain. K channels.

    Attributes
    ----------
    low, high : (K,) float64
        Least and greatest value.
    grain : (K,) float64
        What the result is a multiple of; halves are rounded up.
    """

    low: np.ndarray
    high: np.ndarray
    grain: np.ndarray

    def __post_init__(self) -> None:
        self._set_shape(self.low, self.high, self.grain)


@dataclass(eq=False)
class BoundedTraces(_Extension):
    """Traces of spikes in two stages, 0 .. 1. N cells.

    Attributes
    ----------
    tau : (N,) float64
        Time constant of both stages, ms.
    dt : float
        Time step, ms.
    """

    tau: np.ndarray
    dt: float

    def __post_init__(self) -> None:
        self._set_shape(self.tau)
        self.dt = float(self.dt)


@dataclass(eq=False)
class Centred(_Extension):
    """Its input less means, once for each of C rows of them. N inputs, C N outputs.

    Attributes
    ----------
    mean : (C, N) float64
        What is subtracted.
    """

    mean: np.ndarray

    def __post_init__(self) -> None:
        rows, inputs = np.shape(self.mean)
        self._set_types((inputs,), (rows * inputs,))


@dataclass(eq=False)
class Cue(_Extension):
    """Which of M cues it is, told from the first spikes after its onset. N inputs, C K outputs.

    Attributes
    ----------
    units : (M, N) float64
        Mean spikes after each cue's onset; 0 for a cue that is not known.
    likeness : float
        Least squared cosine between a known cue's unit and the spikes.
    onset : int
        Steps in which spikes are counted.
    rows, events : int
        C, one row of outputs for each cue, or 1 for all; and K.
    """

    units: np.ndarray
    likeness: float
    onset: int
    rows: int
    events: int

    def __post_init__(self) -> None:
        _, inputs = np.shape(self.units)
        self.likeness, self.onset = float(self.likeness), int(self.onset)
        self.rows, self.events = int(self.rows), int(self.events)
        self._set_types((inputs,), (self.rows * self.events,))


@dataclass(eq=False)
class Choice(_Extension):
    """The greatest of C values for each of K channels, 0 if all are -inf. C K inputs, K outputs.

    Attributes
    ----------
    rows, events : int
        C and K.
    """

    rows: int
    events: int

    def __post_init__(self) -> None:
        self.rows, self.events = int(self.rows), int(self.events)
        self._set_types((self.rows * self.events,), (self.events,))


@dataclass(eq=False)
class Spiked(_Extension):
    """Which cells spiked in a window after the last event: one bit a cell. N inputs and outputs.

    Attributes
    ----------
    cells, window : int
        N, and the length of the window, steps.
    """

    cells: int
    window: int

    def __post_init__(self) -> None:
        self.cells, self.window = int(self.cells), int(self.window)
        self._set_types((self.cells,), (self.cells,))


@dataclass(eq=False)
class WithLength(_Extension):
    """Its input, and a share of the length of that as one value more. N inputs, N + 1 outputs.

    Attributes
    ----------
    inputs : int
        N.
    share : float
        Of the length.
    """

    inputs: int
    share: float

    def __post_init__(self) -> None:
        self.inputs, self.share = int(self.inputs), float(self.share)
        self._set_types((self.inputs,), (self.inputs + 1,))


_NODES = (Izhikevich, Graded, BoundedTraces, Centred, Cue, Choice, Spiked, WithLength)
EXTENSIONS = {node.type_name(): node for node in _NODES}
"""By their types in the file."""
