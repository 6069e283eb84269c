"""The rule `annealed_delta` once more, in NumPy and in plain integers, from the equations alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from plain_gated import read, teach
from plain_grid import on_grid
from plain_integers import WORD_BITS, clipped, cut, diverged, field_of, fits, fold, kept, product, sat, up
from plain_projection import ONE, dot, first_units, fixed_learned, fixed_projected, learned, projected


class PlainRule:
    """In float64; one call of `step` is one time step. Cues count from 0 in the order in which they come."""

    def __init__(self, config: Any, decay: np.ndarray) -> None:
        cells, events, cues = config.reservoir.neurons, config.task.events, config.task.cues
        self.readout, self.dt, self.decay = config.readout, config.run.dt_ms, decay
        self.own = config.readout.cue_weights == "own"
        blocks = cues if self.own else 1
        self.r, self.x, self.onset, self.x_sum = np.zeros((4, cells))
        self.m, self.moves = np.zeros((blocks, cells)), [0] * blocks
        self.w, self.w_what = np.zeros((2, blocks, events, cells))
        self.n = np.zeros((cues, events), int)
        self.units: list[np.ndarray] = []
        self.protect = config.readout.protect == "hebbian"
        self.directions = [[0, first_units(cells)] for _ in range(cues)]
        self.most = cues
        self.cue: int | None = 0

    def recognise(self, learning: bool) -> None:
        onset = self.onset
        likeness = [(unit @ onset) ** 2 / max((unit @ unit) * (onset @ onset), 1e-300) for unit in self.units]
        best = int(np.argmax(likeness)) if likeness else None
        if best is not None and likeness[best] > 63 / 128:
            self.cue = best
            if learning:
                self.units[best] = self.units[best] + (onset - self.units[best]) / 8
        elif learning and len(self.units) < self.most:
            if self.own and self.units:
                last = self.cue or 0
                self.m[len(self.units)], self.moves[len(self.units)] = self.m[last], self.moves[last]
            self.cue = len(self.units)
            self.units.append(onset.copy())
        elif not learning:
            self.cue = None

    def step(
        self, spiking: np.ndarray, gate: np.ndarray, target: np.ndarray, since: int, learning: bool
    ) -> Any:
        readout, steps = self.readout, round(20 / self.dt)
        self.r = self.r * self.decay
        self.r[spiking] = 1.0
        self.x = self.x + (1 - self.decay) * (self.r - self.x)
        if since == 0:
            self.onset = np.zeros_like(self.onset)
        if 0 <= since < steps:
            self.onset[spiking] += 1
        low, high = (round(time / self.dt) for time in readout.what_window_ms)
        if low <= since < high:
            self.x_sum[spiking] += 1
        if since == steps:
            self.recognise(learning)
        block = (self.cue or 0) if self.own else 0
        if learning and since % 16 == 0:
            share = max(16 * self.dt / readout.tau_m_ms, 1 / (self.moves[block] + 1))
            self.m[block] += (self.x - self.m[block]) * share
            self.moves[block] += 1
        xc = self.x - self.m[block]
        if since < steps or self.cue is None:
            return np.zeros(len(gate)), np.zeros(len(gate))
        z, drive = self.w[block] @ xc, self.w_what[block][:, spiking].sum(axis=1)
        every = round(10 / self.dt) if self.protect else 1
        if learning and (since - steps) % every == 0:
            d = xc
            if self.protect:
                of_cue = self.directions[self.cue]
                of_cue[:] = of_cue[0] + 1, learned(of_cue[1], of_cue[0], xc)
                others = [h for n, h in self.directions if n and h is not of_cue[1]]
                d = projected(np.reshape(others, (-1, xc.size)), xc)
            share = np.maximum(readout.least_rate, readout.first_rate / (1 + 0.1 * self.n[self.cue]))
            rate = on_grid(1 - (1 - share) ** (every * self.dt / 10))
            size = rate * gate * (target - z) / (readout.when_norm_floor + xc @ d)
            self.w[block] += np.outer(size, d)
        return z, drive


class PlainFixedRule:
    """In integers; ``k`` are the constants of the package's rule, as plain numbers and lists.

    Weights are in a block of rows for each cue that has its own, ``n`` are the occurrences; ``cue`` is the
    last one that was recognised, or -1, and how many are known. All else is named as in the test vectors.
    """

    def __init__(self, k: dict[str, Any], cells: int, events: int, cues: int) -> None:
        self.k = k
        blocks = cues if k["own"] else 1
        self.r, self.x, self.onset, self.x_sum, self.spikes = ([0] * cells for _ in range(5))
        self.m, self.settled = [[0] * cells for _ in range(blocks)], [0] * blocks
        self.w, self.w_what = (
            [[[0] * cells for _ in range(events)] for _ in range(blocks)] for _ in range(2)
        )
        self.n = [[0] * events for _ in range(cues)]
        self.units, self.cue, self.steps = [[0] * cells for _ in range(cues)], [0, 0], [0, 0]
        self.norm = [int(k.get("norm", 0) * 2**30 + 0.5)]
        units = np.minimum(np.floor(first_units(cells) * ONE + 0.5), ONE - 1).astype(int).tolist()
        self.directions: list[Any] = [[0, units] for _ in range(cues)]
        self.saturations = {"z": 0, "w_when": 0}

    @classmethod
    def of(cls, k: dict[str, Any], state: dict[str, Any]) -> PlainFixedRule:
        """Work on the lists of a state, in place."""
        events = len(state["z"])
        rule = cls(k, len(state["x"]), events, len(state["units"]))
        vars(rule).update({name: values for name, values in state.items() if name in vars(rule)})
        rule.n = state["occurrences"]
        rule.w, rule.w_what = (
            [state[name][row : row + events] for row in range(0, len(state[name]), events)]
            for name in ("w_when", "w_what")
        )
        return rule

    @property
    def lost(self) -> list[int]:
        return list(self.saturations.values())

    def likest(self) -> int:
        """Return which known unit is most like the counts, or -1."""
        size = sum(n * n for n in self.onset)
        dropped = max(0, len(self.onset).bit_length() + 14 - 20)
        best, over, under = -1, 63 * size, 128
        for number, unit in enumerate(self.units[: self.cue[1]]):
            square = (dot(unit, self.onset) >> dropped) ** 2
            length = dot(unit, unit) >> (2 * dropped)
            if fits(square * under, WORD_BITS) > fits(over * length, WORD_BITS):
                best, over, under = number, square, length
        return best

    def recognise(self, learning: bool) -> None:
        found, (last, known) = self.likest(), self.cue
        if found < 0 and learning and known < len(self.units):
            found = known
            self.cue[1] += 1
            self.units[found][:] = [16 * n for n in self.onset]
            if self.k["own"] and found > 0:
                self.m[found][:], self.settled[found] = self.m[max(last, 0)], self.settled[max(last, 0)]
        elif learning and found < 0:
            found = max(last, 0)
        elif learning:
            self.units[found][:] = [
                u + ((16 * n - u + 4) >> 3) for u, n in zip(self.units[found], self.onset, strict=True)
            ]
        self.cue[0] = found

    def step(
        self,
        spiking: Any,
        gate: Any,
        target: Any,
        since: int,
        learning: bool,
        step_key: int,
        _: int = 0,
    ) -> tuple[list[int], list[int], int]:
        """Return z, what_drive and |xc|^2, or -1 where the run must stop."""
        k, rounding = self.k, self.k["rounding"]
        self._traces(spiking, step_key)
        self._count(spiking, since, learning)
        if since == k["onset"]:
            self.recognise(learning)
        block = max(self.cue[0], 0) if k["own"] else 0
        m = self.m[block]
        if learning and since % 16 == 0:
            shift, tagged = min(self.settled[block].bit_length(), k["mean_shift"]), fold(step_key, 2**32 + 1)
            for j, x in enumerate(self.x):
                m[j] += kept(x - m[j], shift, k["mean_grain"], rounding, field_of(fold(tagged, j), 32))
            self.settled[block] += 1
        xc = [fits(cut(x - mean, 7, rounding), 17) for x, mean in zip(self.x, m, strict=True)]
        norm = fits(dot(xc, xc), WORD_BITS)
        late, silent = since - k["onset"], [0] * len(gate)
        if late < 0 or self.cue[0] < 0:
            return silent, silent, norm
        shift = k["readout_fraction"] - 1
        z = [clipped(wide, self.saturations, "z") for wide in read(self.w[block], xc, shift, rounding)]
        sums, shift = [sum(row[j] for j in spiking) for row in self.w_what[block]], shift - 15
        drive = [sat(cut(wide, shift, rounding) if shift >= 0 else up(wide, -shift)) for wide in sums]
        if diverged(z):
            return z, drive, -1
        if learning and late % k["every"] == 0:
            d, length = xc, norm
            if k["protect"]:
                d = self.across(xc)
                length = max(0, dot(xc, d))
            divisor = (length if k["moment_norm"] else self.norm[0]) + k["norm_floor"]
            error = [wanted - found for wanted, found in zip(target, z, strict=True)]
            teach(k, self.w[block], self.rates(gate), error, d, divisor, step_key, self.saturations)
        return z, drive, norm

    def rates(self, gate: Any) -> list[int]:
        """Rates times gates."""
        rates = self.k["rates"]
        learned = [rates[min(n, len(rates) - 1)] for n in self.n[self.cue[0]]]
        return [(rate * one + 2**11) >> 12 for rate, one in zip(learned, gate, strict=True)]

    def across(self, xc: list[int]) -> list[int]:
        """Let the units of the cue learn, and return what those of the others leave of xc."""
        of_cue = self.directions[self.cue[0]]
        of_cue[:] = of_cue[0] + 1, fixed_learned(of_cue[1], of_cue[0], xc)
        others = [row for n, h in self.directions if n and h is not of_cue[1] for row in h]
        return fixed_projected(others, xc)

    def _traces(self, spiking: Any, step_key: int) -> None:
        k, rounding, tagged = self.k, self.k["rounding"], fold(step_key, 2**32 + 1)
        one, bits_kept = 2 ** k["decay_bits"], (k["decay_bits"], k["trace_grain"], rounding)
        for j, r in enumerate(self.r):
            bits, decay = fold(tagged, j), k["decay"][j]
            left = kept(product(r, decay), *bits_kept, field_of(bits, 0))
            self.r[j] = 2**22 if j in spiking else left
            way = product(self.r[j] - self.x[j], one - decay)
            self.x[j] += kept(way, *bits_kept, field_of(bits, 16))

    def _count(self, spiking: Any, since: int, learning: bool) -> None:
        k = self.k
        if since == 0:
            self.onset[:] = [0] * len(self.onset)
        for j in spiking:
            self.onset[j] += 0 <= since < k["onset"]
            self.x_sum[j] += k["what_low"] <= since < k["what_high"]
            self.spikes[j] += learning
        self.steps[0] += learning
