"""The engine against the same network in NumPy, which shares no arithmetic with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy_network import NumpyNetwork

from lava_predict import Config, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.tasks.meet import Meet

pytestmark = pytest.mark.slow

CELLS = 100
TOLERANCE = 1e-9

SMALL = (
    "readout.rule=gated_delta",
    f"reservoir.neurons={CELLS}",
    "run.seed=3",
    "task.settle_ms=300",
)


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays agree to `TOLERANCE` of the largest value; NaN equals NaN."""
    largest = np.max(np.abs(other), initial=0.0, where=np.isfinite(other))
    return one.shape == other.shape and np.allclose(
        one, other, rtol=0.0, atol=TOLERANCE * largest, equal_nan=True
    )


def _compare(config: Config, learning: bool) -> tuple[np.ndarray, float]:
    """Play a learned trial, then one with or without learning; return the spikes and the largest |z|.

    Fed-back z is rounded to multiples of 2^-16 before it reaches a cell. The two z differ by some 1e-15,
    so they round apart only where z lies that close to a boundary: less than one step in 10^9. Until
    then nothing of the difference reaches the reservoir, and the spikes must be identical.
    """
    network, meet = draw_network(config), Meet(config)
    engine = CpuEngine(FloatArithmetic(config, network), meet)
    oracle = NumpyNetwork(config, network, meet)
    second = [replace(segment, learning=learning) for segment in meet.trial(0, 1)]
    cells, largest = [], 0.0
    for played in engine.play([*meet.trial(0, 0), *second]):
        expected = oracle.play(played.segment)
        np.testing.assert_array_equal(played.spike_step, expected.spike_step)
        np.testing.assert_array_equal(played.spike_cell, expected.spike_cell)
        for name in ("z", "what_drive", "norm", "p"):
            assert _close(getattr(played, name), getattr(expected, name)), name
        assert _close(played.w_when, oracle.w_when)
        assert _close(played.w_what, oracle.w_what)
        cells.append(played.spike_cell)
        largest = float(np.abs(played.z).max())
    state = engine.state
    for part, names in ((state.cells, "v u"), (state.synapses, "s a_in"), (state.when, "x m")):
        for name in names.split():
            np.testing.assert_array_equal(getattr(part, name), getattr(oracle, name), err_msg=name)
    np.testing.assert_array_equal(state.what.x_sum, oracle.x_sum)
    return np.concatenate(cells), largest


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("gain", [0.0, 2.0])
def test_engine_equals_numpy(learning: bool, noise: float, gain: float) -> None:
    config = load_preset("robust", [*SMALL, f"reservoir.noise={noise}", f"reservoir.feedback_gain={gain}"])
    spikes, largest = _compare(config, learning)
    assert spikes.size > 5 * CELLS  # a silent network would agree with anything
    assert largest > 0.1


def test_noise_and_feedback_reach_the_compared_spikes() -> None:
    spikes = []
    for noise, gain in ((0.0, 0.0), (0.3, 0.0), (0.0, 2.0)):
        overrides = [*SMALL, f"reservoir.noise={noise}", f"reservoir.feedback_gain={gain}"]
        spikes.append(_compare(load_preset("robust", overrides), True)[0].tobytes())
    assert len(set(spikes)) == len(spikes)


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("paper", ()),
        ("robust", ("run.dt_ms=0.5",)),
        ("robust", ("readout.centred=false", 'readout.when_norm="constant"')),
        ("robust", ("task.cues=2", "task.events_drive_reservoir=true", "reservoir.feedback_gain=2.0")),
        (
            "robust",
            ("task.blocks=[{trials=2, probability=[0.5, 0.3, 0.1], latency_ms=[200.0, 400.0, 700.0]}]",),
        ),
    ],
    ids=["paper", "half-steps", "uncentred", "two-cues-and-events", "three-events"],
)
def test_engine_equals_numpy_in_other_settings(preset: str, overrides: tuple[str, ...]) -> None:
    spikes, _ = _compare(load_preset(preset, [*SMALL, *overrides]), True)
    assert spikes.size > CELLS
