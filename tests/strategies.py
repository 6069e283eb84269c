"""Networks of every kind for hypothesis, the absurd included, and integers for their states."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from plain_integers import HIGHEST, LOWEST, ROUNDINGS

from lava_predict import Config, load_preset
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.numerics.integers import FLOOR, NEAREST, STOCHASTIC
from lava_predict.settings.schema import validated

STATE = st.integers(LOWEST, HIGHEST) | st.sampled_from([LOWEST, LOWEST + 1, -1, 0, 1, HIGHEST - 1, HIGHEST])
ROUNDING = st.sampled_from([NEAREST, FLOOR, STOCHASTIC])


def magnitudes(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of every order of magnitude between two."""
    exponents = st.floats(np.log10(low), np.log10(high))
    return exponents.map(lambda exponent: min(max(10.0**exponent, low), high))


def signed(low: float, high: float) -> st.SearchStrategy[float]:
    return st.tuples(magnitudes(low, high), st.sampled_from([-1.0, 1.0])).map(lambda pair: pair[0] * pair[1])


def spread(start: float, stop: float, scale: str = "linear") -> dict[str, Any]:
    return {"start": start, "stop": stop, "power": 1.0, "scale": scale, "draw": "own"}


@st.composite
def wild_cells(draw: Callable[..., Any], dt_ms: float) -> dict[str, Any]:
    large = signed(1e-3, 1e6)
    b = draw(large), draw(large)
    # Up to the limit of docs/time-step.md.
    rate = magnitudes(1e-9, 1.99 / (dt_ms * (1.0 + 0.5 * dt_ms * max(*b, 0.0))))
    return {
        "a": spread(draw(rate), draw(rate), "log"),
        "b": spread(*b),
        "c": spread(-draw(magnitudes(1e-3, 128.0)), draw(st.floats(-100.0, 29.9))),
        "d": spread(draw(large), draw(large)),
        "bias": spread(draw(large), draw(large)),
    }


@st.composite
def wild_lif_cells(draw: Callable[..., Any], dt_ms: float) -> dict[str, Any]:
    tau, large = magnitudes(0.5 * dt_ms, 1e6), signed(1e-3, 1e6)
    threshold = draw(st.floats(-100.0, 100.0))
    return {
        "tau_v_ms": spread(draw(tau), draw(tau), "log"),
        "v_rest": spread(draw(large), draw(st.floats(-100.0, 100.0))),
        "v_threshold": spread(threshold, threshold + draw(magnitudes(1e-3, 1e5))),
        "v_reset": spread(threshold - draw(magnitudes(1e-2, 1e5)), threshold - 1.0),
        "tau_h_ms": spread(draw(tau), draw(tau), "log"),
        "threshold_step": spread(draw(large), draw(large)),
        "bias": spread(draw(large), draw(large)),
    }


WILD_CELLS = {"izhikevich": wild_cells, "adaptive_lif": wild_lif_cells}


@st.composite
def configurations(
    draw: Callable[..., Any], neuron: str = "izhikevich", most_delay_ms: float = 0.0
) -> Config:
    """Anything that is valid, the absurd included, on a few cells."""
    chosen = load_preset("smoke", ["readout.rule=gated_delta", f"reservoir.neuron={neuron}"]).to_dict()
    reservoir, readout, word = chosen["reservoir"], chosen["readout"], chosen["fixed"]
    reservoir["neurons"] = draw(st.integers(3, 12))
    reservoir["excitatory_fraction"] = draw(st.sampled_from([0.0, 0.5, 0.8, 1.0]))
    reservoir["connection_probability"] = draw(st.sampled_from([0.0, 0.3, 1.0]))
    reservoir["feedback_gain"] = draw(st.just(0.0) | st.just(2.0) | signed(1e-4, 1000.0))
    readout["centred"] = draw(st.booleans())
    readout["when_norm"] = draw(st.sampled_from(["moment", "constant"]))
    chosen["task"]["cues"] = draw(st.integers(1, 2))
    chosen["task"]["events_drive_reservoir"] = draw(st.booleans())
    chosen["run"]["seed"] = draw(st.integers(0, 2**32))
    chosen["run"]["dt_ms"] = draw(st.sampled_from([1.0, 0.5, 0.1, 0.01]) | st.floats(0.01, 1.0))
    readout["what_window_ms"] = [0.0, 9 * chosen["run"]["dt_ms"]]
    if draw(st.booleans()):
        reservoir |= {
            "excitatory_charge": draw(magnitudes(1e-6, 1000.0)),
            "inhibitory_charge": -draw(magnitudes(1e-6, 1000.0)),
            "tau_s_ms": draw(magnitudes(0.5, 1e6)),
            "cue_current": draw(signed(1e-3, 1000.0)),
            "event_current": draw(signed(1e-3, 1000.0)),
            "noise": draw(st.just(0.0) | magnitudes(1e-6, 1000.0)),
            "excitatory": draw(WILD_CELLS[neuron](chosen["run"]["dt_ms"])),
            "inhibitory": draw(WILD_CELLS[neuron](chosen["run"]["dt_ms"])),
        }
        readout |= {
            "tau_x_ms": draw(magnitudes(0.5, 1e9)),
            "tau_m_ms": draw(magnitudes(0.5 * MEAN_EVERY, 1e9)),
            "constant_input": draw(signed(1e-6, 1e6)),
            "when_rate": draw(st.just(0.0) | magnitudes(1e-12, 100.0)),
            "when_norm_floor": draw(magnitudes(1e-12, 1e9)),
        }
    word["rounding"] = draw(st.sampled_from(ROUNDINGS))
    word["constant_rounding"] = draw(st.sampled_from(["nearest", "floor"]))
    if draw(st.booleans()):
        for name in ("fraction_bits", "readout_fraction_bits"):
            word[name] = draw(st.integers(0, 23))
        for name in ("v_bits", "u_bits", "s_bits", "trace_bits", "mean_bits", "readout_bits"):
            word[name] = draw(st.just(24) | st.integers(2, 24))
        for name in ("parameter_bits", "decay_bits"):
            word[name] = draw(st.integers(2, 16))
        word["weight_bits"] = draw(st.integers(1, 14))
    if most_delay_ms:
        # The longest is never 0, which would choose the synapses without delays.
        ends = sorted(draw(st.tuples(st.floats(0.0, most_delay_ms), st.floats(0.01, most_delay_ms))))
        reservoir["delay_ms"] = ends
    return validated(chosen)


def integers(rng: random.Random, shape: Any, low: int, high: int, extreme: float) -> np.ndarray:
    """Draw integers from ``low`` to ``high``, a share of them from the ends and around 0."""
    corners = [value for value in (low, low + 1, -1, 0, 1, high - 1, high) if low <= value <= high]
    drawn = [
        rng.choice(corners) if rng.random() < extreme else rng.randint(low, high)
        for _ in range(int(np.prod(shape)))
    ]
    return np.array(drawn, np.int64).reshape(shape)
