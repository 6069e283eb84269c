"""One spike through exponential synapses: when it arrives, how it decays, where its weight goes."""

from __future__ import annotations

import numpy as np
import plain_grid
import pytest
from plain_integers import ROUNDINGS, kept

from lava_predict import load_preset
from lava_predict.network.draw import draw_network
from lava_predict.numerics.columns import columns
from lava_predict.numerics.integers import NEAREST
from lava_predict.numerics.plan import Planner
from lava_predict.registry import SYNAPSES
from lava_predict.synapses import exponential
from lava_predict.synapses.exponential import Connections

STEPS = 40
CONNECTIONS = Connections(
    first=np.array([0, 2, 3, 3]), target=np.array([1, 2, 0], np.int32), weight=np.array([0.5, 0.25, -0.75])
)
"""Cell 0, excitatory, reaches 1 and 2; cell 1, inhibitory, reaches 0; cell 2 reaches none."""


@pytest.mark.slow
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


@pytest.mark.slow
def test_in_integers_each_sign_has_its_own_exponent() -> None:
    config = load_preset("smoke", ["reservoir.neurons=3", "reservoir.excitatory_fraction=0.34"])
    held, k = exponential.quantise(Planner(config.fixed), config, CONNECTIONS)
    assert config.reservoir.excitatory_cells == k.first_inhibitory == 1
    assert columns(held).weight.tolist() == [128, 64, -192]
    assert (k.excitatory_shift, k.inhibitory_shift) == (8, 8)
    strong = CONNECTIONS._replace(weight=np.array([50.0, 25.0, -0.75]))
    held, k = exponential.quantise(Planner(config.fixed), config, strong)
    assert columns(held).weight.tolist() == [200, 100, -192]
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("synapse", "cells"),
    [("exponential", 300), ("delayed", 300), ("exponential", 2500), ("delayed", 2500), ("exponential", 8400)],
)
def test_packed_and_wide_synapses_deliver_the_same_bits(synapse: str, cells: int) -> None:
    part = SYNAPSES.get(synapse)
    settings = [f"reservoir.neurons={cells}", f"reservoir.synapse={synapse}", "reservoir.delay_ms=[2, 9]"]
    config = load_preset("smoke", settings if synapse == "delayed" else settings[:2])
    drawn = draw_network(config)
    wide, none = drawn.wide().synapses, part.constants(config)
    packed, together = part.packed(wide, none)
    assert packed.weight.dtype == np.int32
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(packed, drawn.synapses, strict=True))
    assert 0 < together.together < 2**31
    rng = np.random.default_rng(2)
    ways = [(wide, none), (packed, together), (packed, none)]
    states = [part.start(connections) for connections, _ in ways]
    for share in (0.0, 0.003, 0.5, 1.0):
        spiking = np.flatnonzero(rng.random(cells) < share)
        room = np.concatenate((spiking, np.full(cells - spiking.size, -1)))
        for state, (connections, k) in zip(states, ways, strict=True):
            part.deliver(state, connections, k, room, spiking.size)
        for state in states[1:]:
            assert all(
                mine.tobytes() == theirs.tobytes() for mine, theirs in zip(state, states[0], strict=True)
            )
    assert any(array.any() for array in states[0])


def test_no_more_cells_spike_together_than_32_bits_can_sum() -> None:
    weight = np.array([100.0, 100.0, -120.0])
    strong = Connections(np.array([0, 1, 2, 3]), np.array([2, 2, 0], np.int32), weight)
    config = load_preset("smoke", ["reservoir.neurons=3"])
    packed, k = exponential.packed(strong, exponential.constants(config))
    assert k.together == 1
    state = exponential.start(packed)
    exponential.deliver(state, packed, k, np.arange(3), 3)
    assert state.a_in.tolist() == [-120.0, 0.0, 200.0]


def test_weights_that_32_bits_do_not_hold_stay_as_they_are() -> None:
    config = load_preset(
        "smoke", ["reservoir.connection_probability=0.001", "reservoir.excitatory_charge=900"]
    )
    synapses = draw_network(config).synapses
    assert synapses.weight.dtype == np.float64
    assert synapses.weight.max() > 128.0
    k = exponential.constants(config)
    assert exponential.packed(synapses, k) == (synapses, k)


@pytest.mark.slow
def test_each_range_of_targets_can_be_delivered_to_on_its_own() -> None:
    config = load_preset("smoke", ["reservoir.neurons=2500"])
    connections, k = exponential.packed(draw_network(config).synapses, exponential.constants(config))
    held, fixed_k = exponential.quantise(Planner(config.fixed), config, connections)
    spiking = np.arange(0, 2500, 7)
    for kernels, state, synapses, constants in (
        ("", exponential.start, connections, k),
        ("fixed_", lambda given: exponential.fixed_start(given, False), held, fixed_k),
    ):
        whole, parts = state(synapses), state(synapses)
        parts.a_in[:] = 7
        getattr(exponential, f"{kernels}deliver")(whole, synapses, constants, spiking, spiking.size)
        for low, high in ((5, 8), (0, 3), (3, 5)):
            given = (synapses, constants, spiking, spiking.size, low, high)
            getattr(exponential, f"{kernels}deliver_ranges")(parts, *given)
        assert parts.a_in.tobytes() == whole.a_in.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "excitatory", "inhibitory"),
    [
        pytest.param(2500, 9.0, -1.0, id="finer inhibition"),
        pytest.param(8400, 0.3, -9.0, id="finer excitation, in blocks"),
    ],
)
def test_in_integers_each_weight_is_shifted_by_its_own_sign(
    cells: int, excitatory: float, inhibitory: float
) -> None:
    charges = [f"reservoir.excitatory_charge={excitatory}", f"reservoir.inhibitory_charge={inhibitory}"]
    config = load_preset("smoke", [f"reservoir.neurons={cells}", *charges])
    held, k = exponential.quantise(Planner(config.fixed), config, draw_network(config).synapses)
    assert (k.excitatory_shift > k.inhibitory_shift) == (excitatory > -inhibitory)
    state, spiking = exponential.fixed_start(held, False), np.arange(0, cells, 7)
    exponential.fixed_deliver(state, held, k, spiking, spiking.size)
    first, target, weight = columns(held)
    expected = np.zeros(cells, np.int64)
    for j in spiking:
        part = slice(first[j], first[j + 1])
        shift = k.excitatory_shift if j < config.reservoir.excitatory_cells else k.inhibitory_shift
        expected[target[part]] += weight[part].astype(np.int64) << shift
    assert state.a_in.tolist() == expected.tolist()
