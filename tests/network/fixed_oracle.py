"""The integer network once more, in plain Python integers, from docs/fixed-point.md, not from the kernels.

It has both neurons, and synapses with and without delays.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from plain_annealed import PlainFixedRule
from plain_cells import AdaptiveLifCells, IzhikevichCells
from plain_gated import PlainGatedRule
from plain_integers import (
    HIGHEST,
    LOWEST,
    ROUNDINGS,
    STATE_BITS,
    at_bounds,
    clipped,
    cut,
    down,
    field_of,
    fits,
    fold,
    kept,
    product,
    sat,
    up,
)

from lava_predict.network.state import leaves

STATES = {
    "v": "cells.v",
    "u": "cells.u",
    "s": "synapses.s",
    "a_in": "synapses.a_in",
    "r": "when.r",
    "x": "when.x",
    "m": "when.m",
    "settled": "when.settled",
    "onset": "when.onset",
    "units": "when.units",
    "cue": "when.cue",
    "occurrences": "when.occurrences",
    "spikes": "when.spikes",
    "steps": "when.steps",
    "z": "z",
    "x_sum": "what.x_sum",
    "w_when": "when.w",
    "w_what": "what.w",
    "norm": "when.norm",
}
"""The arrays of integers of a `State` that a step uses, by the oracle's names; each rule has some of them."""

RENAMED = {
    "synapses.decay": "synapse_decay",
    "synapses.decay_bits": "synapse_decay_bits",
    "inputs.positive_shift": "input_positive_shift",
    "inputs.negative_shift": "input_negative_shift",
}
"""Constants that have a name of their own here and in the vectors; the others have their field's."""


LAG = {"profile": [], "residual": 0}
"""Constants of learning that lags, which the oracle has not: `plain_lagged` has it."""


def numbers_of(constants: Any, place: str = "") -> dict[str, Any]:
    """Flatten the tree of constants; one that is in several parts must be the same in all."""
    found: dict[str, Any] = {}
    for name, value in constants._asdict().items():
        if name in LAG:
            continue
        inner = numbers_of(value, f"{name}.") if hasattr(value, "_asdict") else None
        flat = {RENAMED.get(place + name, name): (np.asarray(value) + 0).tolist()} if inner is None else inner
        assert all(found.get(key, number) == number for key, number in flat.items())
        found |= flat
    return found


def arrays_of(tree: Any) -> dict[str, Any]:
    """Give the arrays of a tree by their places, as (nested) lists of Python integers."""
    return {place: array.tolist() for place, array in leaves(tree)}


def state_of(state: Any) -> dict[str, Any]:
    """Give a state of any parts as the oracle has it, what is in flight in the order of its arrival."""
    arrays = arrays_of(state)
    names = {place: name for name, place in STATES.items()}
    names |= {f"cells.{name}": name for name in state.cells._fields}
    held = {names[place]: array for place, array in arrays.items() if place in names}
    if "synapses.ring" in arrays:
        ring, row = arrays["synapses.ring"], arrays["synapses.row"][0]
        held["arriving"] = ring[row:] + ring[:row]
    order = [*state.cells._fields, *list(STATES)[2:], "arriving"]
    return {name: held[name] for name in order if name in held}


def graded(z: int) -> int:
    return (min(max(z, 0), 2**16) + 128) // 2**8


@dataclass
class Step:
    """What one step recorded. ``norm`` is -1 where the run must stop."""

    spikes: list[int]
    z: list[int]
    what_drive: list[int]
    norm: int


@dataclass
class Oracle:
    """A network in integers: constants, arrays and state.

    Attributes
    ----------
    constants : dict of int
        As `numbers_of` gives them, ``rounding`` as one of `ROUNDINGS`.
    network : dict of list
        The arrays of `Network` by the names of their fields.
    state : dict of list
        As `state_of` gives it.
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
    saturations: dict[str, int] = field(default_factory=dict)
    trials: list[int] = field(default_factory=list)
    error: list[list[float]] = field(default_factory=list)
    when_error: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.neuron = IzhikevichCells if "u" in self.state else AdaptiveLifCells
        fixed_rule = PlainFixedRule.of if "r" in self.state else PlainGatedRule
        self.rule: Any = fixed_rule(self.constants, self.state)
        counted = (*self.neuron.STATES, "s", "current", *self.rule.saturations, "w_what")
        self.saturations = dict.fromkeys(counted, 0)

    @classmethod
    def of(cls, network: Any, constants: Any, state: Any) -> Oracle:
        """Take over what the package's own classes hold."""
        numbers: dict[str, Any] = numbers_of(constants)
        numbers["rounding"] = ROUNDINGS[numbers["rounding"]]
        arrays = {place.split(".")[-1]: array for place, array in arrays_of(network.wide()).items()}
        held = cls(numbers, arrays, state_of(state))
        held.trials, held.error = state.what.trials.tolist(), state.what.error.tolist()
        held.when_error = state.when.error.tolist()
        return held

    def step(
        self,
        level: Sequence[int],
        rate_gate: Sequence[int],
        target: Sequence[int],
        key: int,
        step: int,
        since_cue: int,
        learning: bool,
    ) -> Step:
        """Advance by one time step; ``key`` is the segment's, ``step`` counts from its beginning."""
        step_key = fold(key, step)
        self._cells(self._steady(self._input(level), step_key), step_key)
        spikes = self._spike()
        read = self.rule.step(spikes, rate_gate, target, since_cue, learning, step_key, step)
        self.state["z"][:] = read[0]
        self.saturations |= self.rule.saturations
        return Step(spikes, *read)

    def _input(self, level: Sequence[int]) -> list[int]:
        k, network = self.constants, self.network
        currents = [0] * len(network["bias"])
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
            steady.append(clipped(current, self.saturations, "current"))
        return steady

    def _cells(self, steady: list[int], step_key: int) -> None:
        k, state, rounding = self.constants, self.state, self.constants["rounding"]
        tagged = fold(step_key, 2**32)
        arriving = state["arriving"][0] if "arriving" in state else state["a_in"]
        for j in range(len(steady)):
            bits = fold(tagged, j)
            r = [field_of(bits, lowest) for lowest in (0, 16, 32, 48)]
            s = fits(state["s"][j], STATE_BITS)
            decayed = kept(
                product(s, k["synapse_decay"]), k["synapse_decay_bits"], k["s_grain"], rounding, r[0]
            )
            s = state["s"][j] = sat(decayed + arriving[j])
            self.neuron.advance(k, self.network, state, j, steady[j] + s, r[1:])
        for name, count in self.neuron.at_bounds(k, state).items():
            self.saturations[name] += count
        self.saturations["s"] += at_bounds(state["s"])

    def _spike(self) -> list[int]:
        k, network, state = self.constants, self.network, self.state
        spikes = [j for j in range(len(state["v"])) if self.neuron.at_threshold(k, network, state, j)]
        for j in spikes:
            name, reached = self.neuron.reset(network, state, j)
            state[name][j] = clipped(reached, self.saturations, name)
        if "arriving" in state:
            state["arriving"] = [*state["arriving"][1:], [0] * len(state["v"])]
        else:
            state["a_in"] = [0] * len(state["v"])
        for j in spikes:
            later = state["arriving"][network["delay"][j] - 1] if "arriving" in state else state["a_in"]
            shift = k["excitatory_shift"] if j < k["first_inhibitory"] else k["inhibitory_shift"]
            for i in range(network["first"][j], network["first"][j + 1]):
                later[network["target"][i]] += up(network["weight"][i], shift)
        return spikes

    def begin(self, reset_to: dict[str, Any] | None) -> None:
        """Begin a segment, maybe with the reservoir as ``reset_to`` has it."""
        for name in (*self.neuron.STATES, "s", "a_in", "arriving", "r", "x", "onset", "z"):
            if reset_to and name in self.state:
                self.state[name][:] = copy.deepcopy(reset_to[name])
        self.state["x_sum"][:] = [0] * len(self.state["x_sum"])

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
        if math.hypot(*error) > settings.surprise_threshold:
            error, self.trials[cue] = [0.0] * len(p), settings.surprise_trials
        self.error[cue] = error
        rate = max(settings.what_rate, 1.0 / (self.trials[cue] + 1))
        self.trials[cue] += 1
        norm = 0.0
        for x in x_mean:
            norm += x * x
        unit, grain = 2.0 ** -k["readout_fraction"], 2 ** k["weight_grain"]
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
        grain, row = 2 ** self.constants["weight_grain"], self.state["w_when"][outcome]
        row[:] = [math.floor(weight * settings.surprise_keep / grain + 0.5) * grain for weight in row]
        return True

    def _x_mean(self, steps: int) -> list[float]:
        return [total * 2.0**-16 / steps for total in self.state["x_sum"]]
