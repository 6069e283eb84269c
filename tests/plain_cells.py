"""Steps of single cells in plain Python integers, from docs/fixed-point.md.

Each class takes constants ``k`` and arrays of the network and of the state as dicts of integers and lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plain_integers import STATE_BITS, SUM_BITS, at_bounds, cut, fits, kept, product, sat


class IzhikevichCells:
    """The equations of docs/fixed-point.md, "Cell"."""

    STATES = ("v", "u")

    @staticmethod
    def advance(k: Any, network: Any, state: Any, j: int, current: int, r: Sequence[int]) -> None:
        """Advance cell j; ``r`` are the random numbers of the half steps and of u."""
        rounding = k["rounding"]
        v, u = (fits(state[name][j], STATE_BITS) for name in "vu")
        drive = product(current - u - k["rest"], k["half_step"])
        for half in (0, 1):
            w = fits(v + k["vertex"], STATE_BITS + 1)
            t = fits(cut(product(w, k["square"]), k["square_shift"], rounding), STATE_BITS)
            moved = kept(product(t, w) + drive, k["v_shift"], k["v_grain"], rounding, r[half])
            v = min(max(fits(v + moved, SUM_BITS), k["lowest"]), k["peak"])
        b_v = fits(cut(product(v, network["b"][j]), k["b_shift"], rounding), 32)
        moved = kept(product(b_v - u, network["a"][j]), k["a_shift"], k["u_grain"], rounding, r[2])
        state["v"][j], state["u"][j] = v, sat(fits(u + moved, SUM_BITS))

    @staticmethod
    def at_bounds(k: Any, state: Any) -> dict[str, int]:
        return {"v": state["v"].count(k["lowest"]), "u": at_bounds(state["u"])}

    @staticmethod
    def at_threshold(k: Any, network: Any, state: Any, j: int) -> bool:
        return bool(state["v"][j] >= k["peak"])

    @staticmethod
    def reset(network: Any, state: Any, j: int) -> tuple[str, int]:
        """Reset v; return what else a spike moves, and where to, before it saturates."""
        state["v"][j] = network["c"][j]
        return "u", state["u"][j] + network["d"][j]


class AdaptiveLifCells:
    """The equations of docs/fixed-point.md, "Adaptive LIF"."""

    STATES = ("v", "h")

    @staticmethod
    def advance(k: Any, network: Any, state: Any, j: int, current: int, r: Sequence[int]) -> None:
        """Advance cell j; ``r`` are the random numbers of v, of the current and of h."""
        rounding, rest = k["rounding"], network["v_rest"][j]
        v, h = (fits(state[name][j], STATE_BITS) for name in "vh")
        left = product(v - rest, network["v_decay"][j])
        driven = product(fits(current, STATE_BITS + 1), network["gain"][j])
        moved = kept(left, k["v_shift"], k["v_grain"], rounding, r[0])
        moved += kept(driven, k["gain_shift"], k["v_grain"], rounding, r[1])
        state["v"][j] = sat(fits(rest + moved, SUM_BITS))
        decayed = product(h, network["h_decay"][j])
        state["h"][j] = sat(kept(decayed, k["h_shift"], k["h_grain"], rounding, r[2]))

    @staticmethod
    def at_bounds(k: Any, state: Any) -> dict[str, int]:
        return {"v": at_bounds(state["v"])}

    @staticmethod
    def at_threshold(k: Any, network: Any, state: Any, j: int) -> bool:
        return bool(state["v"][j] >= network["v_threshold"][j] + state["h"][j])

    @staticmethod
    def reset(network: Any, state: Any, j: int) -> tuple[str, int]:
        """Reset v; return what else a spike moves, and where to, before it saturates."""
        state["v"][j] = network["v_reset"][j]
        return "h", state["h"][j] + network["threshold_step"][j]
