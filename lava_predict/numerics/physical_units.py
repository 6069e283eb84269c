"""Shows a state in integers as a float64 array in physical units, which may be written to."""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.integers import to_state


class PhysicalView:
    """The two sides of one state: integers that a kernel works on, and what a Lava Var shows.

    Parameters
    ----------
    integers, shown : (N,) int32 and (N,) float64
        The state, 24 bits with sign; and what receives it in physical units.
    fraction_bits, grain : int
        Of the 24 bits, how many are behind the point, and how many of the lowest are kept at 0.
    """

    def __init__(self, integers: np.ndarray, shown: np.ndarray, fraction_bits: int, grain: int) -> None:
        self.integers, self._shown = integers, shown
        self._fraction_bits, self._grain = fraction_bits, grain
        self._last = shown.copy()

    def show(self) -> None:
        """Bring what is shown up to date with the integers."""
        np.multiply(self.integers, 2.0**-self._fraction_bits, out=self._last)
        self._shown[:] = self._last

    def take(self) -> None:
        """Round what was written since the last `show` to the integers' grid; all else stays."""
        # The integers may have moved on since: someone else may write to them too.
        written = self._shown != self._last
        self.integers[written] = to_state(self._shown[written], self._fraction_bits, self._grain)
        self.show()
