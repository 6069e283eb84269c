"""Counters of a run beyond 2^31 and 2^32: the bits are those of a run that has counted less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lava_predict import Config, Experiment, load_preset
from lava_predict.experiment.results import RunState
from lava_predict.network.state import leaves
from lava_predict.numerics.noise import TRAIN

LONG_AGO = 10**6
"""After so many occurrences every rate has reached its least."""
MASK, GOLDEN = 2**64 - 1, 0x9E3779B97F4A7C15


def config_of(*more: str) -> Config:
    settings = ["reservoir.neurons=30", "run.probe_trials=[1]", "run.probe_repeats=1", "task.settle_ms=50"]
    blocks = "task.blocks=[{trials=4, probability=[0.6, 0.3], latency_ms=[60, 140]}]"
    return load_preset("smoke", [*settings, blocks, "task.after_ms=260", "task.pause_ms=[20, 40]", *more])


def counted(state: RunState, count: int, ring: int) -> RunState:
    """Return a state that has counted so much, in whole turns of its ring."""
    network = state.network.copy()
    network.when.settled[:] = network.when.occurrences[:] = count
    network.saturations[:] = count
    if network.when.late.spikes.size:
        network.when.late.now[0] += count // ring * ring
    return replace(state.copy(), network=network)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
@pytest.mark.parametrize("causal", ["false", pytest.param("true", marks=pytest.mark.long)])
@pytest.mark.parametrize("limit", [2**31, 2**32])
def test_counts_beyond_a_limit_of_32_bits(limit: int, causal: str, precision: str) -> None:
    experiment = Experiment(config_of(f"readout.causal={causal}"))
    session = experiment.start(precision=precision)
    session.advance(2)
    reached, ring = session.state, max(1, len(session.state.network.when.late.spikes))
    ends = []
    for count in (LONG_AGO, limit - 2):
        going_on = experiment.start(precision=precision)
        going_on.restore(counted(reached, count, ring))
        going_on.advance(2)
        ends.append(going_on.state)
    early, late = ends
    assert vars(late.fingerprint) == vars(early.fingerprint)
    assert late.network.when.settled.max() > limit
    turns = (limit - 2) // ring * ring - LONG_AGO // ring * ring
    for (name, one), (_, two) in zip(leaves(early.network), leaves(late.network), strict=True):
        further = set(np.unique(two.astype(float) - one))
        assert further <= {0.0, float(limit - 2 - LONG_AGO), float(turns)}, name
    assert late.probes[-1].o.tobytes() == early.probes[-1].o.tobytes()


def mixed(key: int, word: int) -> int:
    """Output number ``word + 1`` of SplitMix64 from a key, in Python's integers."""
    z = (key + GOLDEN * (word + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2**31, 2**32])
def test_trials_beyond_a_limit_of_32_bits_have_their_own_noise(limit: int) -> None:
    experiment = Experiment(config_of())
    engine = experiment.start()._engine
    keys = set()
    for number in range(limit - 3, limit + 3):
        *_, trial = experiment.task.trial(0, number)
        expected = 0
        for word in (experiment.config.run.seed, experiment.config.run.draws.noise, TRAIN, number, 1):
            expected = mixed(expected, word)
        assert (trial.noise_key, trial.trial) == (expected, number)
        keys.add(trial.noise_key)
        if number in (limit - 1, limit):
            before = engine.state
            (played,) = engine.play([trial])
            engine.restore(before)
            (again,) = engine.play([replace(trial, trial=number - limit + 5)])
            engine.restore(before)
            assert played.z.tobytes() == again.z.tobytes()
            assert np.array_equal(played.spike_step, again.spike_step)
            assert played.spike_step.max() < trial.steps
    assert len(keys) == 6
