"""The rule `annealed_delta` once more, in NumPy and in plain integers, from the equations alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from plain_integers import cut, field_of, fold, kept, sat
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
            rate = 1 - (1 - share) ** (every * self.dt / 10)
            size = rate * gate * (target - z) / (readout.when_norm_floor + xc @ d)
            self.w[block] += np.outer(size, d)
        return z, drive


class PlainFixedRule:
    """In integers; ``k`` are the constants of the package's rule, as plain numbers and lists."""

    def __init__(self, k: dict[str, Any], cells: int, events: int, cues: int) -> None:
        self.k = k
        blocks = cues if k["own"] else 1
        self.r, self.x, self.onset, self.x_sum = ([0] * cells for _ in range(4))
        self.m, self.moves = [[0] * cells for _ in range(blocks)], [0] * blocks
        self.w, self.w_what = (
            [[[0] * cells for _ in range(events)] for _ in range(blocks)] for _ in range(2)
        )
        self.n = [[0] * events for _ in range(cues)]
        self.units: list[list[int]] = []
        units = np.minimum(np.floor(first_units(cells) * ONE + 0.5), ONE - 1).astype(int).tolist()
        self.directions: list[Any] = [[0, units] for _ in range(cues)]
        self.most = cues
        self.cue: int | None = 0
        self.lost = [0, 0]

    def recognise(self, learning: bool) -> None:
        onset, best = self.onset, None
        size = sum(n * n for n in onset)
        dropped = max(0, len(onset).bit_length() + 14 - 20)
        value = (63 * size, 128)
        for number, unit in enumerate(self.units):
            product = sum(u * n for u, n in zip(unit, onset, strict=True)) >> dropped
            length = sum(u * u for u in unit) >> (2 * dropped)
            if product**2 * value[1] > value[0] * length:
                best, value = number, (product**2, length)
        if best is not None:
            self.cue = best
            if learning:
                unit = self.units[best]
                self.units[best] = [u + ((16 * n - u + 4) >> 3) for u, n in zip(unit, onset, strict=True)]
        elif learning and len(self.units) < self.most:
            if self.k["own"] and self.units:
                last = self.cue or 0
                self.m[len(self.units)], self.moves[len(self.units)] = list(self.m[last]), self.moves[last]
            self.cue = len(self.units)
            self.units.append([16 * n for n in onset])
        elif not learning:
            self.cue = None

    def step(self, spiking: Any, gate: Any, target: Any, since: int, learning: bool, step_key: int) -> Any:
        k, rounding = self.k, self.k["rounding"]
        tagged = fold(step_key, 2**32 + 1)
        for j, r in enumerate(self.r):
            bits = fold(tagged, j)
            r = kept(r * k["decay"][j], k["decay_bits"], k["trace_grain"], rounding, field_of(bits, 0))
            self.r[j] = 2**22 if j in spiking else r
            way = (self.r[j] - self.x[j]) * (2 ** k["decay_bits"] - k["decay"][j])
            self.x[j] += kept(way, k["decay_bits"], k["trace_grain"], rounding, field_of(bits, 16))
        if since == 0:
            self.onset = [0] * len(self.onset)
        for j in spiking:
            self.onset[j] += 0 <= since < k["onset"]
            self.x_sum[j] += k["what_low"] <= since < k["what_high"]
        if since == k["onset"]:
            self.recognise(learning)
        block = (self.cue or 0) if k["own"] else 0
        if learning and since % 16 == 0:
            shift = min(self.moves[block].bit_length(), k["mean_shift"])
            for j, m in enumerate(self.m[block]):
                r = field_of(fold(tagged, j), 32)
                self.m[block][j] += kept(self.x[j] - m, shift, k["mean_grain"], rounding, r)
            self.moves[block] += 1
        xc = [cut(x - m, 7, rounding) for x, m in zip(self.x, self.m[block], strict=True)]
        norm = sum(value * value for value in xc)
        late = since - k["onset"]
        if late < 0 or self.cue is None:
            return [0] * len(gate), [0] * len(gate), norm
        z = []
        for row in self.w[block]:
            value = cut(
                sum(w * value for w, value in zip(row, xc, strict=True)), k["readout_fraction"] - 1, rounding
            )
            self.lost[0] += sat(value) != value
            z.append(sat(value))
        sums = [sum(row[j] for j in spiking) for row in self.w_what[block]]
        drive = [sat(cut(total, k["readout_fraction"] - 16, rounding)) for total in sums]
        if learning and k["protect"]:
            if late % k["every"] == 0:
                d = self.across(xc)
                self._learn(block, gate, target, z, d, self.divisor(max(0, dot(xc, d))), step_key)
        elif learning:
            self._learn(block, gate, target, z, xc, self.divisor(norm), step_key)
        return z, drive, norm

    def across(self, xc: list[int]) -> list[int]:
        """Let the units of the cue learn, and return what those of the others leave of xc."""
        of_cue = self.directions[self.cue or 0]
        of_cue[:] = of_cue[0] + 1, fixed_learned(of_cue[1], of_cue[0], xc)
        others = [row for n, h in self.directions if n and h is not of_cue[1] for row in h]
        return fixed_projected(others, xc)

    def divisor(self, norm: int) -> int:
        """The norm of the moment, or the constant one as the test has set it."""
        own = norm if self.k["moment_norm"] else int(self.k["norm"] * 2**30 + 0.5)
        return int(own + self.k["norm_floor"])

    def _learn(
        self, block: int, gate: Any, target: Any, z: Any, xc: Any, divisor: int, step_key: int
    ) -> None:
        k, rounding = self.k, self.k["rounding"]
        shift = min(max(k["when_shift"] + divisor.bit_length(), 0), 38)
        tagged = fold(step_key, 2**32 + 2)
        for event, row in enumerate(self.w[block]):
            rate = k["rates"][min(self.n[self.cue or 0][event], len(k["rates"]) - 1)]
            rate_gate = (rate * gate[event] + 2**11) >> 12
            if rate_gate == 0:
                continue
            most = 2 ** (shift + 15)
            size = sat(min(max(cut((target[event] - z[event]) * rate_gate, 16, rounding), -most), most))
            for j, value in enumerate(xc):
                r = field_of(fold(tagged, event * len(xc) + j), 0)
                moved = row[j] + kept(size * value, shift, k["weight_grain"], rounding, r)
                self.lost[1] += sat(moved) != moved
                row[j] = sat(moved)
