"""Counters beyond 2^31 and 2^32: a stream's bits are those of the same stream at its beginning."""

from __future__ import annotations

from math import lcm
from typing import Any

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.learning.streams.memory import STEP
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.network.state import leaves
from lava_predict.network.stream_network import BEGIN, StreamNetwork
from lava_predict.numerics.noise import GOLDEN
from lava_predict.streams.recent import Recent

CONFIG = load_preset("stream", ["reservoir.neurons=40", "stream.settle_ms=60", "stream.first_rate=1.0"])
EVENTS = [(BEGIN, 0), (150, 1), (170, 0), (150, 1), (170, 2), (BEGIN, 1), (260, 0), (150, 1), (90, 2)] * 4
STEPS = sum(gap for gap, _ in EVENTS if gap > 0)
LONG_AGO = 10**6
"""After so many updates every rate has reached its least."""


def put_off(network: StreamNetwork, steps: int) -> None:
    """Let a network take it that it has played so many more steps, with the noise of where it was.

    The noise of a step is output number step + 1 of SplitMix64 from a key; so the key goes back.
    """
    for moment in (network.moment, network.settled):
        moment.ongoing.now[STEP] += steps
    network._spare = network.moment.copy()
    network._key = np.uint64((int(network._key) - int(GOLDEN) * steps) % 2**64)


def played(network: StreamNetwork) -> tuple[list[Any], np.ndarray]:
    """Play all events; return what was predicted, and step (modulo 2^32) and cell of each spike."""
    heard: list[np.ndarray] = []
    network.heard = lambda spikes: heard.append(spikes.astype(np.int64))
    predicted = [one for gap, label in EVENTS if (one := network.hear(gap, label)) is not None]
    return [array.tobytes() for one in predicted for array in one], np.concatenate(heard)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
@pytest.mark.parametrize("limit", [2**31, 2**32])
def test_steps_beyond_a_limit_of_32_bits(limit: int, precision: str) -> None:
    early, late = (StreamNetwork(CONFIG, 3, precision) for _ in range(2))
    period = lcm(early.moment.ongoing.first.size, MEAN_EVERY)
    steps = (limit - STEPS // 2 - early.step) // period * period
    put_off(late, steps)
    recent = Recent(late, 3)
    expected, spikes = played(early)
    found, later = played(late)
    assert late.step == early.step + steps
    assert late.step - STEPS < limit < late.step
    assert found == expected
    assert later.tolist() == [[(step + steps) % 2**32, cell] for step, cell in spikes.tolist()]
    assert late.weights_digest() == early.weights_digest()
    for (name, one), (_, two) in zip(leaves(early.learned), leaves(late.learned), strict=True):
        assert np.array_equal(one, two), name
    late.heard = recent._add_spikes
    late.wait(100)
    assert (np.diff(recent.spikes[0]) >= 0).all()
    assert ((late.step - 100 <= recent.spikes[0]) & (recent.spikes[0] < late.step)).all()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
@pytest.mark.parametrize("limit", [2**31, 2**32])
def test_counts_beyond_a_limit_of_32_bits(limit: int, precision: str) -> None:
    def counted(begin: int) -> tuple[list[Any], StreamNetwork]:
        network = StreamNetwork(CONFIG, 3, precision)
        for array in (network.learned.moved, network.learned.updates, network.learned.occurrences):
            array[:] = begin
        network.learned.loss[2] = begin
        network.moment.state.saturations[:] = begin
        return played(network)[0], network

    expected, early = counted(LONG_AGO)
    found, late = counted(limit - 2)
    assert found == expected
    assert late.learned.moved.max() > limit
    assert late.weights_digest() == early.weights_digest()
    for (name, one), (_, two) in zip(leaves(early.learned), leaves(late.learned), strict=True):
        further = np.unique(two.astype(float) - one)
        assert set(further) <= {0.0, float(limit - 2 - LONG_AGO)}, name
