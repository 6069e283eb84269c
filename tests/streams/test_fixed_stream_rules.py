"""The rules of a stream in integers, beside plain Python integers, and beside float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plain_fixed_stream import PlainFixedStream, fixed_decay
from test_stream_rules import play

from lava_predict import load_preset
from lava_predict.learning.streams.fixed_label import probabilities
from lava_predict.learning.streams.memory import SATURATING, constants

pytestmark = pytest.mark.slow

CELLS, LABELS = 20, 4
AT = {299: [0], 520: [1], 640: [2], 760: [0], 980: [1, 2], 1400: [0], 1550: [1], 1770: [3], 2100: [0]}
"""Labels that come for the first time, two in one step, and gaps shorter and longer than the ring."""


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.random((2500, CELLS)) < 0.02


@pytest.mark.parametrize(
    ("settings", "grown"),
    [
        (["fixed.rounding=nearest"], 1),
        pytest.param(["fixed.rounding=floor"], 1, marks=pytest.mark.long),
        (["fixed.rounding=stochastic"], 1),
        (
            [
                "fixed.rounding=stochastic",
                "fixed.readout_bits=14",
                "fixed.trace_bits=18",
                "fixed.mean_bits=16",
            ],
            1,
        ),
        (["readout.timing_surprise=0.1", "fixed.readout_bits=16"], 1),
        pytest.param(["stream.surprise_bits=0.01"], 4, marks=pytest.mark.long),
        pytest.param(
            ["stream.first_rate=3.9", "readout.first_rate=0.99", "fixed.readout_fraction_bits=23"],
            4,
            marks=pytest.mark.long,
        ),
    ],
)
def test_the_rules_are_those_of_plain_integers(settings: list[str], grown: int, spikes: np.ndarray) -> None:
    """Also where a surprise about times or labels comes, and where weights saturate."""
    config = load_preset("stream", [f"reservoir.neurons={CELLS}", "task.cues=8", *settings])
    at = {step + 2200 * n: labels for n in range(grown) for step, labels in AT.items()}
    many = np.concatenate([spikes[:2200]] * (grown - 1) + [spikes])
    k, ongoing, learned, found = play(many, at, precision="fixed", config=config, labels=LABELS)
    plain = PlainFixedStream(config, fixed_decay(constants(config).decay), LABELS, int(k.key))
    expected = []
    for step, now in enumerate(many):
        plain.step(np.flatnonzero(now).tolist())
        for label in at.get(step, ()):
            expected.append(list(plain.p))
            plain.event(label)
    assert [p[:LABELS].tolist() for p in found[1:]] == expected[1:]
    room = learned.room
    for name, w in (("label_w", plain.w_what), ("time_w", plain.w_when)):
        assert getattr(learned, name).reshape(room, room, -1)[:LABELS, :LABELS].tolist() == w, name
    assert ongoing.x.tolist() == plain.x
    assert learned.bit_mean.tolist() == plain.bit_mean
    assert learned.trace_mean.tolist() == plain.mean
    assert learned.loss.tolist() == plain.losses
    assert learned.updates[:LABELS].tolist() == plain.updates
    samples = len(plain.o)
    assert ongoing.z[:samples, :LABELS].tolist() == [z + [0] * (LABELS - len(z)) for z in plain.z]
    assert ongoing.o[:samples, :LABELS].tolist() == [o + [0] * (LABELS - len(o)) for o in plain.o]
    counted = dict(zip(SATURATING, learned.saturations.tolist(), strict=True))
    assert counted == plain.saturations
    assert bool(counted["w_what"]) == ("fixed.readout_fraction_bits=23" in settings)


@pytest.mark.parametrize("labels", [1, 2, 5, 64])
@pytest.mark.parametrize("spread", [0.0, 0.5, 5.0, 200.0])
def test_probabilities_are_those_of_float_and_add_up_to_one(labels: int, spread: float) -> None:
    """Each is off by the rounding of all exponentials at most, and none is 0."""
    rng = np.random.default_rng(int(labels + 100 * spread))
    x = rng.integers(-256, 257, CELLS + 1).astype(np.int32)
    for _ in range(20):
        drive = spread * rng.standard_normal((labels, 1))
        w = np.clip(np.round(drive * 2**20 * x * 256 / (x @ x)), -(2**23), 2**23 - 1).astype(np.int32)
        p = np.zeros(labels, np.int64)
        probabilities(w, 0, labels, x, 20 + 8 - 16, p)
        exact = np.exp((found := (w.astype(np.float64) @ x) / 2**28) - found.max())
        assert p.sum() == 2**16
        assert p.min() >= 1
        np.testing.assert_allclose(p / 2**16, exact / exact.sum(), atol=(labels + 2) / 2**16)


def test_float_and_integers_say_nearly_the_same(spikes: np.ndarray) -> None:
    config = load_preset("stream", [f"reservoir.neurons={CELLS}", "task.cues=8"])
    runs: list[Any] = [
        play(spikes, AT, precision=each, config=config, labels=LABELS)[3] for each in ("float", "fixed")
    ]
    np.testing.assert_allclose(np.array(runs[1][1:]) / 2**16, runs[0][1:], atol=0.01)
