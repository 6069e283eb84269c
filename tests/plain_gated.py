"""The integer step of `gated_delta` in plain Python integers, from docs/fixed-point.md, for oracles.

`read` and `teach` are `annealed_delta`'s too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plain_integers import (
    SUM_BITS,
    WORD_BITS,
    at_bounds,
    clipped,
    cut,
    diverged,
    field_of,
    fits,
    fold,
    kept,
    product,
    sat,
    up,
)


def read(rows: Sequence[Sequence[int]], inputs: Sequence[int], shift: int, rounding: str) -> list[int]:
    """Sums of weights times inputs, before they saturate."""
    sums = [sum(product(w, x) for w, x in zip(row, inputs, strict=True)) for row in rows]
    return [cut(fits(total, WORD_BITS), shift, rounding) for total in sums]


def teach(
    k: Any,
    rows: list[list[int]],
    rate_gate: Sequence[int],
    error: Sequence[int],
    xc: Sequence[int],
    divisor: int,
    step_key: int,
    saturations: dict[str, int],
) -> None:
    """Apply the when rule to the weights of one cue, in place; ``error`` is target - z."""
    rounding = k["rounding"]
    n = min(max(k["when_shift"] + divisor.bit_length(), 0), 38)
    most, tagged = 2 ** (n + 15), fold(step_key, 2**32 + 2)
    for event, gate in enumerate(rate_gate):
        if gate <= 0:
            continue
        size = sat(min(max(cut(product(error[event], gate), 16, rounding), -most), most))
        row = rows[event]
        for j, value in enumerate(xc):
            r = field_of(fold(tagged, event * len(xc) + j), 0)
            moved = kept(product(size, value), n, k["weight_grain"], rounding, r)
            row[j] = clipped(fits(row[j] + moved, SUM_BITS), saturations, "w_when")


class PlainGatedRule:
    """The rule on constants ``k`` and a state, both dicts by the names of the test vectors."""

    def __init__(self, k: dict[str, Any], state: dict[str, Any]) -> None:
        self.k, self.state = k, state
        self.saturations = dict.fromkeys(("x", "m", "xc", "z", "w_when"), 0)

    def step(
        self,
        spikes: Sequence[int],
        rate_gate: Sequence[int],
        target: Sequence[int],
        since: int,
        learning: bool,
        step_key: int,
        step: int,
    ) -> tuple[list[int], list[int], int]:
        """Return z, what_drive and |xc|^2, or -1 where the run must stop."""
        k, state = self.k, self.state
        self._traces(spikes, step_key, learning and step % 16 == 0)
        xc = self._centred()
        norm = sum(fits(product(value, value), 32) for value in xc)
        fits(norm, WORD_BITS)
        fraction, rounding = k["readout_fraction"], k["rounding"]
        z = [clipped(wide, self.saturations, "z") for wide in read(state["w_when"], xc, fraction, rounding)]
        what_drive = [0] * len(z)
        if diverged(z):
            return z, what_drive, -1
        if k["what_low"] <= since < k["what_high"]:
            xq = [fits(cut(x, 7, rounding), 18) for x in state["x"]]
            what_drive = [sat(wide) for wide in read(state["w_what"], xq, fraction, rounding)]
            state["x_sum"][:] = [total + x for total, x in zip(state["x_sum"], xq, strict=True)]
        if learning:
            error = [wanted - found for wanted, found in zip(target, z, strict=True)]
            divisor = (norm if k["moment_norm"] else state["norm"][0]) + k["norm_floor"]
            teach(k, state["w_when"], rate_gate, error, xc, divisor, step_key, self.saturations)
        return z, what_drive, norm

    def _traces(self, spikes: Sequence[int], step_key: int, with_means: bool) -> None:
        k, state, rounding = self.k, self.state, self.k["rounding"]
        tagged = fold(step_key, 2**32 + 1)
        for j, x in enumerate(state["x"]):
            bits = fold(tagged, j)
            r_x, r_m = field_of(bits, 0), field_of(bits, 16)
            x = sat(kept(product(x, k["trace_decay"]), k["decay_bits"], k["trace_grain"], rounding, r_x))
            state["x"][j] = clipped(x + k["trace_gain"], self.saturations, "x") if j in spikes else x
            if with_means:
                m = state["m"][j]
                way = product(up(state["x"][j], 3) - m, k["mean_rate"])
                state["m"][j] = sat(m + kept(way, k["mean_shift"], k["mean_grain"], rounding, r_m))
        if with_means:
            self.saturations["m"] += at_bounds(state["m"])

    def _centred(self) -> list[int]:
        k = self.k
        xc = []
        for x, m in zip(self.state["x"], self.state["m"], strict=True):
            value = cut(up(x, 3) - (m if k["centred"] else 0), 10, k["rounding"])
            xc.append(min(max(value, -(2**15)), 2**15 - 1))
        xc.append(fits(k["constant_input"], 16))
        self.saturations["xc"] += at_bounds(xc, -(2**15), 2**15 - 1)
        return xc
