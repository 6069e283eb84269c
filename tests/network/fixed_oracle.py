"""The integer network once more, in plain Python integers, from docs/fixed-point.md, not from the kernels.

Nothing here can overflow, so what a machine word must hold is asserted: every product has at most 48 bits,
what is added to a state and the sum at most 32, every number at most 64, every shift is by 0 .. 63.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

STATE_BITS = 24
PRODUCT_BITS = 48
SUM_BITS = 32
WORD_BITS = 64
LOWEST, HIGHEST = -(2**23), 2**23 - 1
DIVERGED = 100 * 2**16
"""A |z| above this stops a run."""

COUNTED = ("v", "u", "s", "current", "x", "m", "xc", "z", "w_when", "w_what")
ROUNDINGS = ("nearest", "floor", "stochastic")

STATES = ("v", "u", "s", "a_in", "x", "m", "z", "x_sum", "w_when", "w_what", "norm")
"""The arrays of integers of `State`; the host keeps three more, of what surprises."""


def fold(key: int, word: int) -> int:
    """Output number ``word + 1`` of SplitMix64 started at ``key`` (Steele, Lea & Flood, OOPSLA 2014)."""
    z = (key + 0x9E3779B97F4A7C15 * (word + 1)) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def field_of(bits: int, lowest: int) -> int:
    """Sixteen of 64 bits, from bit ``lowest`` on."""
    return (bits >> lowest) % 2**16


def fits(value: int, bits: int) -> int:
    """Return a number unchanged, having asserted that so many bits with sign hold it."""
    assert -(2 ** (bits - 1)) <= value < 2 ** (bits - 1), f"{value} does not fit {bits} bits"
    return value


def product(one: int, other: int) -> int:
    return fits(one * other, PRODUCT_BITS)


def sat(value: int) -> int:
    return min(max(fits(value, WORD_BITS), LOWEST), HIGHEST)


def down(value: int, shift: int) -> int:
    """Shift, rounding toward minus infinity."""
    assert 0 <= shift <= 63
    return value // 2**shift


def up(value: int, shift: int) -> int:
    assert 0 <= shift <= 63
    return fits(value * 2**shift, WORD_BITS)


def offset(rounding: str, n: int, r: int) -> int:
    assert 0 <= n <= 63
    if rounding == "floor" or n == 0:
        return 0
    if rounding == "nearest":
        return 2 ** (n - 1)
    return r % 2**n if n <= 16 else r * 2 ** (n - 16)


def cut(value: int, n: int, rounding: str) -> int:
    """``cut*`` of the page: an intermediate is never rounded stochastically."""
    rounding = "nearest" if rounding == "stochastic" else rounding
    return down(fits(value + offset(rounding, n, 0), WORD_BITS), n)


def kept(value: int, n: int, g: int, rounding: str, r: int) -> int:
    shifted = down(fits(value + offset(rounding, n + g, r), WORD_BITS), n)
    return up(down(shifted, g), g)


def graded(z: int) -> int:
    return (min(max(z, 0), 2**16) + 128) // 2**8


def at_bounds(values: Sequence[int], lowest: int = LOWEST, highest: int = HIGHEST) -> int:
    return sum(value in (lowest, highest) for value in values)


def lists_of(arrays: Any, names: Sequence[str]) -> dict[str, Any]:
    """Turn named NumPy arrays into (nested) lists of Python integers."""
    return {name: getattr(arrays, name).tolist() for name in names}


@dataclass
class Step:
    """What one step recorded. ``norm`` is -1 where the run must stop."""

    spikes: list[int]
    z: list[int]
    what_drive: list[int]
    norm: int


@dataclass
class Oracle:
    """A network in integers: constants, arrays and state, by the names that the package gives them.

    Attributes
    ----------
    constants : dict of int
        Those of `FixedConstants`, ``rounding`` as one of `ROUNDINGS`.
    network : dict of list
        Those of `FixedNetwork`.
    state : dict of list
        Those of `STATES`.
    saturations : dict of int
        Counters.
    trials, error : list, list of list
        Of each cue, as the what rule counts trials and follows its error.
    when_error : list of list
        Of each cue, the running mean of the error of the when readout.
    """

    constants: dict[str, Any]
    network: dict[str, Any]
    state: dict[str, Any]
    saturations: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    trials: list[int] = field(default_factory=list)
    error: list[list[float]] = field(default_factory=list)
    when_error: list[list[float]] = field(default_factory=list)

    @classmethod
    def of(cls, network: Any, constants: Any, state: Any) -> Oracle:
        """Take over what the package's own classes hold."""
        numbers = {name: int(value) for name, value in constants._asdict().items() if name != "chip"}
        numbers["rounding"] = ROUNDINGS[numbers["rounding"]]
        held = cls(numbers, lists_of(network, network._fields), lists_of(state, STATES))
        held.trials, held.error = state.what_trials.tolist(), state.what_error.tolist()
        held.when_error = state.when_error.tolist()
        return held

    def step(
        self,
        level: Sequence[int],
        rate_gate: Sequence[int],
        target: Sequence[int],
        key: int,
        step: int,
        in_what_window: bool,
        learning: bool,
    ) -> Step:
        """Advance by one time step; ``key`` is the segment's, ``step`` counts from its beginning."""
        k, state = self.constants, self.state
        step_key = fold(key, step)
        self._cells(self._steady(self._input(level), step_key), step_key)
        spikes = self._spike()
        self._traces(spikes, step_key, learning and step % 16 == 0)
        xc = self._centred()
        norm = sum(fits(product(value, value), 32) for value in xc)
        fits(norm, WORD_BITS)
        state["z"] = self._read(state["w_when"], xc, "z")
        if any(abs(z) > DIVERGED for z in state["z"]):
            return Step(spikes, state["z"], [0] * len(state["z"]), -1)
        what_drive = [0] * len(state["z"])
        if in_what_window:
            xq = [fits(cut(x, 7, k["rounding"]), 18) for x in state["x"]]
            what_drive = self._read(state["w_what"], xq, None)
            state["x_sum"] = [total + x for total, x in zip(state["x_sum"], xq, strict=True)]
        if learning:
            self._learn(rate_gate, target, xc, norm, step_key)
        return Step(spikes, list(state["z"]), what_drive, norm)

    def _clipped(self, name: str, value: int) -> int:
        self.saturations[name] += sat(value) != value
        return sat(value)

    def _input(self, level: Sequence[int]) -> list[int]:
        k, network = self.constants, self.network
        currents = [0] * len(network["a"])
        for j in range(len(currents)):
            for on, row in zip(level, network["input_weight"], strict=True):
                if on:
                    sign = "positive" if row[j] > 0 else "negative"
                    currents[j] += up(row[j], k[f"input_{sign}_shift"])
            if k["feedback"]:
                for sign, chosen in (("positive", 1), ("negative", -1)):
                    total = 0
                    for z, row in zip(self.state["z"], network["feedback_weight"], strict=True):
                        if row[j] * chosen > 0:
                            total += product(row[j], fits(graded(z), 10))
                    shift = k[f"feedback_{sign}_shift"]
                    currents[j] += down(total, shift) if shift >= 0 else up(total, -shift)
        return currents

    def _steady(self, currents: list[int], step_key: int) -> list[int]:
        k = self.constants
        steady = []
        for j, current in enumerate(currents):
            current += self.network["bias"][j]
            if k["noise_factor"]:
                bits = fold(step_key, j)
                n = sum(field_of(bits, lowest) for lowest in (0, 16, 32, 48)) - 131070
                current += cut(product(n, k["noise_factor"]), k["noise_shift"], k["rounding"])
            steady.append(self._clipped("current", current))
        return steady

    def _cells(self, steady: list[int], step_key: int) -> None:
        k, state, rounding = self.constants, self.state, self.constants["rounding"]
        tagged = fold(step_key, 2**32)
        for j in range(len(steady)):
            bits = fold(tagged, j)
            r = [field_of(bits, lowest) for lowest in (0, 16, 32, 48)]
            v, u, s = (fits(state[name][j], STATE_BITS) for name in "vus")
            decayed = kept(product(s, k["synapse_decay"]), k["decay_bits"], k["s_grain"], rounding, r[0])
            s = sat(decayed + state["a_in"][j])
            drive = product(steady[j] + s - u - k["rest"], k["half_step"])
            for half in (1, 2):
                w = fits(v + k["vertex"], STATE_BITS + 1)
                t = fits(cut(product(w, k["square"]), k["square_shift"], rounding), STATE_BITS)
                moved = kept(product(t, w) + drive, k["v_shift"], k["v_grain"], rounding, r[half])
                v = min(max(fits(v + moved, SUM_BITS), k["lowest"]), k["peak"])
            b_v = fits(cut(product(v, self.network["b"][j]), k["b_shift"], rounding), 32)
            moved = kept(product(b_v - u, self.network["a"][j]), k["a_shift"], k["u_grain"], rounding, r[3])
            u = sat(fits(u + moved, SUM_BITS))
            state["v"][j], state["u"][j], state["s"][j] = v, u, s
        self.saturations["v"] += state["v"].count(k["lowest"])
        self.saturations["u"] += at_bounds(state["u"])
        self.saturations["s"] += at_bounds(state["s"])

    def _spike(self) -> list[int]:
        k, network, state = self.constants, self.network, self.state
        spikes = [j for j, v in enumerate(state["v"]) if v >= k["peak"]]
        state["a_in"] = [0] * len(state["v"])
        for j in spikes:
            state["v"][j] = network["c"][j]
            state["u"][j] = self._clipped("u", state["u"][j] + network["d"][j])
            shift = k["excitatory_shift"] if j < k["first_inhibitory"] else k["inhibitory_shift"]
            for i in range(network["first"][j], network["first"][j + 1]):
                state["a_in"][network["target"][i]] += up(network["weight"][i], shift)
        return spikes

    def _traces(self, spikes: list[int], step_key: int, with_means: bool) -> None:
        k, state, rounding = self.constants, self.state, self.constants["rounding"]
        tagged = fold(step_key, 2**32 + 1)
        for j, x in enumerate(state["x"]):
            bits = fold(tagged, j)
            r_x, r_m = field_of(bits, 0), field_of(bits, 16)
            x = sat(kept(product(x, k["trace_decay"]), k["decay_bits"], k["trace_grain"], rounding, r_x))
            state["x"][j] = self._clipped("x", x + k["trace_gain"]) if j in spikes else x
            if with_means:
                m = state["m"][j]
                way = product(up(state["x"][j], 3) - m, k["mean_rate"])
                state["m"][j] = sat(m + kept(way, k["mean_shift"], k["mean_grain"], rounding, r_m))
        if with_means:
            self.saturations["m"] += at_bounds(state["m"])

    def _centred(self) -> list[int]:
        k = self.constants
        xc = []
        for x, m in zip(self.state["x"], self.state["m"], strict=True):
            value = cut(up(x, 3) - (m if k["centred"] else 0), 10, k["rounding"])
            xc.append(min(max(value, -(2**15)), 2**15 - 1))
        xc.append(fits(k["constant_input"], 16))
        self.saturations["xc"] += at_bounds(xc, -(2**15), 2**15 - 1)
        return xc

    def _read(self, weights: list[list[int]], inputs: list[int], counter: str | None) -> list[int]:
        k = self.constants
        read = []
        for row in weights:
            total = sum(product(weight, value) for weight, value in zip(row, inputs, strict=True))
            value = cut(fits(total, WORD_BITS), k["readout_fraction"], k["rounding"])
            read.append(self._clipped(counter, value) if counter else sat(value))
        return read

    def _learn(
        self, rate_gate: Sequence[int], target: Sequence[int], xc: list[int], norm: int, step_key: int
    ) -> None:
        k, state, rounding = self.constants, self.state, self.constants["rounding"]
        floored = (norm if k["moment_norm"] else state["norm"][0]) + k["norm_floor"]
        n = min(max(k["when_shift"] + floored.bit_length(), 0), 38)
        tagged = fold(step_key, 2**32 + 2)
        for event, gate in enumerate(rate_gate):
            if gate <= 0:
                continue
            error = product(target[event] - state["z"][event], gate)
            most = 2 ** (n + 15)
            size = sat(min(max(cut(error, 16, rounding), -most), most))
            row = state["w_when"][event]
            for j, value in enumerate(xc):
                r = field_of(fold(tagged, event * len(xc) + j), 0)
                moved = kept(product(size, value), n, k["readout_grain"], rounding, r)
                row[j] = self._clipped("w_when", fits(row[j] + moved, SUM_BITS))

    def begin(self, reset_to: dict[str, Any] | None) -> None:
        """Begin a segment, maybe with the reservoir as ``reset_to`` has it."""
        for name in ("v", "u", "s", "a_in", "x", "z") if reset_to else ():
            self.state[name] = list(reset_to[name])
        self.state["x_sum"] = [0] * len(self.state["x_sum"])

    def estimate(self, steps: int) -> list[float]:
        """Read the what estimate over a window of ``steps``: float64, on the host."""
        unit, x_mean = 2.0 ** -self.constants["readout_fraction"], self._x_mean(steps)
        p = []
        for row in self.state["w_what"]:
            total = 0.0
            for weight, x in zip(row, x_mean, strict=True):
                total += weight * unit * x
            p.append(total)
        return p

    def learn_outcome(self, steps: int, cue: int, outcome: int, settings: Any) -> None:
        """Apply the what rule, whose ``settings`` are the readout's: float64, on the host."""
        k, p, x_mean = self.constants, self.estimate(steps), self._x_mean(steps)
        y = [float(event == outcome) for event in range(len(p))]
        error = [
            old + settings.surprise_rate * ((y[e] - p[e]) - old) for e, old in enumerate(self.error[cue])
        ]
        if max(abs(value) for value in error) > settings.surprise_threshold:
            error, self.trials[cue] = [0.0] * len(p), settings.surprise_trials
        self.error[cue] = error
        rate = max(settings.what_rate, 1.0 / (self.trials[cue] + 1))
        self.trials[cue] += 1
        norm = 0.0
        for x in x_mean:
            norm += x * x
        unit, grain = 2.0 ** -k["readout_fraction"], 2 ** k["readout_grain"]
        for event, row in enumerate(self.state["w_what"] if norm > 0.0 else []):
            size = rate * (y[event] - p[event]) / norm
            for j, x in enumerate(x_mean):
                weight = row[j] * unit + size * x
                self.saturations["w_what"] += abs(weight) > 2**23 * unit
                nearest = math.floor(weight / unit / grain + 0.5) * grain
                row[j] = min(max(nearest, LOWEST), HIGHEST // grain * grain)

    def learn_timing(
        self,
        cue: int,
        outcome: int,
        z: Sequence[int],
        gate: Sequence[float],
        target: Sequence[float],
        settings: Any,
    ) -> bool:
        """Forget after a surprise about when ``outcome`` occurred; z, gate and target are its channel's."""
        open_steps = [step for step, value in enumerate(gate) if value]
        wrong = silent = 0.0
        for step in open_steps:
            wrong += (target[step] - z[step] * 2.0**-16) ** 2
            silent += target[step] ** 2
        error, usual = wrong / silent, self.when_error[cue]
        if error <= settings.timing_surprise * usual[outcome]:
            usual[outcome] += settings.surprise_rate * (error - usual[outcome])
            return False
        usual[outcome] = 2.0
        grain, row = 2 ** self.constants["readout_grain"], self.state["w_when"][outcome]
        row[:] = [math.floor(weight * settings.surprise_keep / grain + 0.5) * grain for weight in row]
        return True

    def _x_mean(self, steps: int) -> list[float]:
        return [total * 2.0**-16 / steps for total in self.state["x_sum"]]
