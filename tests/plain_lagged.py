"""Learning that lags behind, on the plain rules of `plain_annealed`: whole histories, and no ring."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from plain_annealed import PlainFixedRule, PlainRule
from plain_gated import read, teach
from plain_grid import on_grid
from plain_integers import WORD_BITS, clipped, cut, fits
from plain_projection import dot, learned, projected


class Past(NamedTuple):
    """A step that learns: what spiked, how long after the cue, which cue, and which events came."""

    spiking: Any
    since: int
    cue: int | None
    came: np.ndarray


def taught(history: list[Past], step: int, lag: int) -> list[int | None]:
    """Return how far each event of the step's trial is, None if it has not come up to ``lag`` steps later."""
    onsets = [n for n, past in enumerate(history) if past.since == 0]
    first = max((n for n in onsets if n <= step), default=0)
    last = min((n for n in onsets if n > step), default=len(history))
    trial = range(first, min(last, step + lag + 1))
    events = range(len(history[0].came))
    return [min((abs(n - step) for n in trial if history[n].came[k]), default=None) for k in events]


class PlainLagged(PlainRule):
    """In float64."""

    def __init__(self, config: Any, decay: np.ndarray) -> None:
        super().__init__(config, decay)
        self.lag = round(config.readout.gate_window_ms / self.dt)
        self.width = config.task.event_width_ms / self.dt
        self.across, self.protect = self.protect, False
        self.tag = np.zeros_like(self.w[0])
        self.history: list[Past] = []
        self.traces: list[np.ndarray] = []
        self.first_stage = self.second_stage = np.zeros(len(decay))

    def reset(self) -> None:
        self.r, self.x, self.onset, self.first_stage, self.second_stage = np.zeros((5, len(self.x)))

    def step(self, spiking: Any, gate: Any, target: Any, since: int, learning: bool) -> Any:
        found = super().step(spiking, np.zeros(len(gate)), np.zeros(len(gate)), since, learning)
        if learning:
            known = self.cue if since >= round(20 / self.dt) else None
            self.history.append(Past(spiking, since, known, gate > 0))
            self.first_stage = self.first_stage * self.decay
            self.first_stage[spiking] = 1.0
            way = self.first_stage - self.second_stage
            self.second_stage = self.second_stage + (1 - self.decay) * way
            self.traces.append(self.second_stage)
            if len(self.history) > self.lag:
                self.learn(len(self.history) - 1 - self.lag)
        return found

    def learn(self, step: int) -> None:
        readout, (_, since, cue, _) = self.readout, self.history[step]
        if since == 0:
            self.tag[:] = 0.0
        every = round(10 / self.dt)
        if cue is None or (since - round(20 / self.dt)) % every != 0:
            return
        block = cue if self.own else 0
        d = xc = self.traces[step] - self.m[block]
        z = (self.w[block] + self.tag) @ xc
        if self.across:
            of_cue = self.directions[cue]
            of_cue[:] = of_cue[0] + 1, learned(of_cue[1], of_cue[0], xc)
            others = [h for n, h in self.directions if n and h is not of_cue[1]]
            d = projected(np.reshape(others, (-1, xc.size)), xc)
        rate = np.maximum(readout.least_rate, readout.first_rate / (1 + 0.1 * self.n[cue]))
        rate = on_grid(1 - (1 - rate) ** (every * self.dt / 10))
        for event, distance in enumerate(taught(self.history, step, self.lag)):
            near = distance is not None and distance <= self.lag
            target = on_grid(np.exp(-0.5 * (distance / self.width) ** 2)) if near else 0.0
            share = rate[event] * (1.0 if near else readout.gate_residual)
            change = share * (target - z[event]) / (readout.when_norm_floor + xc @ d) * d
            if distance is None:
                self.tag[event] += change
            else:
                self.w[block, event] += self.tag[event] + change
                self.tag[event] = 0.0


class PlainFixedLagged(PlainFixedRule):
    """In integers."""

    def __init__(self, k: dict[str, Any], cells: int, events: int, cues: int) -> None:
        super().__init__(k | {"protect": False}, cells, events, cues)
        self.protect = k["protect"]
        self.history: list[Past] = []
        self.late = PlainFixedRule(k, cells, events, cues)
        self.tag = [[0] * cells for _ in range(events)]

    def step(
        self, spiking: Any, gate: Any, target: Any, since: int, learning: bool, step_key: int, _: int = 0
    ) -> Any:
        found = super().step(spiking, [0] * len(gate), target, since, learning, step_key)
        if learning:
            known = self.cue[0] if since >= self.k["onset"] and self.cue[0] >= 0 else None
            self.history.append(Past(spiking, since, known, np.array(gate) > 0))
            step = len(self.history) - len(self.k["profile"])
            if step >= 0:
                self.learn(step, step_key)
        return found

    def learn(self, step: int, step_key: int) -> None:
        k, rounding, (spiking, since, cue, _) = self.k, self.k["rounding"], self.history[step]
        if since == 0:
            self.tag = [[0] * len(self.x) for _ in self.tag]
        self.late._traces(spiking, step_key)
        if cue is None or (since - k["onset"]) % k["every"] != 0:
            return
        block, events = cue if k["own"] else 0, range(len(self.tag))
        means = zip(self.late.x, self.m[block], strict=True)
        d = xc = [fits(cut(x - mean, 7, rounding), 17) for x, mean in means]
        length, shift = fits(dot(xc, xc), WORD_BITS), k["readout_fraction"] - 1
        parts = [read(w, xc, shift, rounding) for w in (self.w[block], self.tag)]
        z = [sum(clipped(part[n], self.saturations, "z") for part in parts) for n in events]
        distance = taught(self.history, step, len(k["profile"]) - 1)
        for event in events:
            if distance[event] is not None:
                both = zip(self.w[block][event], self.tag[event], strict=True)
                self.w[block][event][:] = [clipped(a + b, self.saturations, "w_when") for a, b in both]
                self.tag[event][:] = [0] * len(self.x)
        current, self.cue[0] = self.cue[0], cue
        if self.protect:
            d = self.across(xc)
            length = max(0, dot(xc, d))
        near = [n is not None and n < len(k["profile"]) for n in distance]
        gate = [2**12 if one else k["residual"] for one in near]
        wanted = [k["profile"][n] if one else 0 for n, one in zip(distance, near, strict=True)]
        error = [one - found for one, found in zip(wanted, z, strict=True)]
        divisor = (length if k["moment_norm"] else self.norm[0]) + k["norm_floor"]
        for w, come in ((self.w[block], True), (self.tag, False)):
            gates = [g if (n is not None) == come else 0 for g, n in zip(gate, distance, strict=True)]
            teach(k, w, self.rates(gates), error, d, divisor, step_key, self.saturations)
        self.cue[0] = current
