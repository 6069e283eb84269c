"""One spike through exponential synapses: when it arrives, how it decays, where its weight goes."""

from __future__ import annotations

import numpy as np
import plain_grid
import pytest
from plain_integers import ROUNDINGS, kept

from lava_predict import load_preset
from lava_predict.network.draw import draw_network
from lava_predict.numerics.integers import NEAREST
from lava_predict.numerics.plan import Planner
from lava_predict.synapses import exponential
from lava_predict.synapses.exponential import Connections

STEPS = 40
CONNECTIONS = Connections(
    first=np.array([0, 2, 3, 3]), target=np.array([1, 2, 0], np.int32), weight=np.array([0.5, 0.25, -0.75])
)
"""Cell 0, excitatory, reaches 1 and 2; cell 1, inhibitory, reaches 0; cell 2 reaches none."""


@pytest.mark.parametrize("source", [0, 1, 2])
def test_a_spike_arrives_one_step_later_and_decays_exponentially(source: int) -> None:
    config = load_preset("smoke", ["reservoir.tau_s_ms=7.0", "run.dt_ms=0.5"])
    k = exponential.constants(config)
    state = exponential.start(CONNECTIONS)
    dense = np.zeros((3, 3))
    dense[[1, 2, 0], [0, 0, 1]] = CONNECTIONS.weight
    for step in range(STEPS):
        current = [exponential.arrive(state, k, j) for j in range(3)]
        decayed = plain_grid.decay(0.5, 7.0) ** (step - 1)
        wanted = dense[:, source] * decayed if step else np.zeros(3)
        np.testing.assert_allclose(current, wanted, rtol=1e-12)
        spiking = np.array([source, -1, -1])
        exponential.deliver(state, CONNECTIONS, k, spiking, int(step == 0))


def test_in_integers_each_sign_has_its_own_exponent() -> None:
    config = load_preset("smoke", ["reservoir.neurons=3", "reservoir.excitatory_fraction=0.34"])
    held, k = exponential.quantise(Planner(config.fixed), config, CONNECTIONS)
    assert config.reservoir.excitatory_cells == k.first_inhibitory == 1
    assert held.weight.tolist() == [128, 64, -192]
    assert (k.excitatory_shift, k.inhibitory_shift) == (8, 8)
    strong = CONNECTIONS._replace(weight=np.array([50.0, 25.0, -0.75]))
    held, k = exponential.quantise(Planner(config.fixed), config, strong)
    assert held.weight.tolist() == [200, 100, -192]
    assert (k.excitatory_shift, k.inhibitory_shift) == (14, 8)
    assert exponential.largest(held, k) == 200 << 14
    for wide in (False, True):
        state = exponential.fixed_start(held, wide)
        exponential.fixed_deliver(state, held, k, np.array([0, 1, 2]), 3)
        assert state.a_in.tolist() == [-192 << 8, 200 << 14, 100 << 14]


def test_in_integers_a_current_decays_as_the_page_says() -> None:
    config = load_preset("smoke", ["reservoir.neurons=3", "fixed.s_bits=20"])
    held, k = exponential.quantise(Planner(config.fixed), config, CONNECTIONS)
    assert (k.s_grain, k.decay_bits) == (4, 12)
    state = exponential.fixed_start(held, False)
    state.s[:], s = 1_234_560, 1_234_560
    cut = exponential.fixed_cut(k, NEAREST, np.uint64(0), False)
    for _ in range(STEPS):
        found, _ = exponential.fixed_arrive(state, k, cut, 1, exponential.fixed_nothing_seen())
        s = kept(s * k.decay, 12, 4, ROUNDINGS[NEAREST], 0)
        assert found == state.s[1] == s


def test_sums_of_drawn_weights_are_exact_in_any_order() -> None:
    weight = draw_network(load_preset("smoke")).synapses.weight
    order = np.random.default_rng(1).permutation(weight.size)
    assert sum(weight.tolist()) == sum(weight[order].tolist()) == np.sum(weight)
