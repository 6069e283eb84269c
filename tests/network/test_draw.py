"""What is drawn: numbers, signs, ranges, independence of the streams."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.network.draw import Network, draw_network
from lava_predict.network.state import leaves


def columns(network: Network) -> list[np.ndarray]:
    first, target, _ = network.synapses
    return [target[a:b] for a, b in pairwise(first)]


@pytest.fixture(scope="module", params=["robust", "paper"])
def drawn(request: pytest.FixtureRequest) -> Network:
    return draw_network(load_preset(request.param))


def test_synapses_are_as_many_as_asked_and_none_on_the_cell_itself(drawn: Network) -> None:
    expected, deviation = 1000 * 999 * 0.1, np.sqrt(1000 * 999 * 0.1 * 0.9)
    assert abs(drawn.synapses.target.size - expected) < 4 * deviation
    for cell, targets in enumerate(columns(drawn)):
        assert cell not in targets
        assert np.all(np.diff(targets) > 0)


def test_dales_law_and_exact_weights(drawn: Network) -> None:
    source = np.repeat(np.arange(1000), np.diff(drawn.synapses.first))
    assert np.all(drawn.synapses.weight[source < 800] >= 0)
    assert np.all(drawn.synapses.weight[source >= 800] <= 0)
    for weights in (drawn.synapses.weight, drawn.input_weight, drawn.feedback_weight):
        assert np.all(weights * 2.0**24 == np.round(weights * 2.0**24))


def test_weights_have_the_mean_of_their_distribution(drawn: Network) -> None:
    preset = load_preset("robust")
    network = draw_network(preset).wide()
    source = np.repeat(np.arange(1000), np.diff(network.synapses.first))
    excitatory = network.synapses.weight[source < 800]
    expected = preset.reservoir.excitatory_charge / 2 / preset.reservoir.tau_s_ms
    assert excitatory.mean() == pytest.approx(expected, rel=0.02)


def test_paper_cells_follow_the_spread_of_2003() -> None:
    network = draw_network(load_preset("paper"))
    a, b, c, d = network.cells[:4]
    assert np.all(a[:800] == 0.02)
    assert np.all(b[:800] == 0.2)
    r_squared = (c[:800] + 65) / 15
    np.testing.assert_allclose(d[:800], 8 - 6 * r_squared, atol=1e-12)
    r = (a[800:] - 0.02) / 0.08
    np.testing.assert_allclose(b[800:], 0.25 - 0.05 * r, atol=1e-12)
    assert np.all((c[800:] == -65) & (d[800:] == 2))
    assert 0.4 < np.sqrt(r_squared).mean() < 0.6
    assert 0.4 < r.mean() < 0.6


def test_robust_rates_of_recovery_are_log_uniform() -> None:
    preset = load_preset("robust")
    network = draw_network(preset).wide()
    spread = preset.reservoir.excitatory.a
    position = np.log(network.cells.a / spread.start) / np.log(spread.stop / spread.start)
    assert 0 <= position.min() < 0.01
    assert 0.99 < position.max() <= 1
    counts, _ = np.histogram(position, 10, (0, 1))
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # 9 degrees of freedom, p = 0.001


def test_the_cue_reaches_the_share_it_should() -> None:
    preset = load_preset("robust")
    current = draw_network(preset).input_weight[0]
    reached = current > 0
    assert abs(reached.mean() - preset.reservoir.cue_fraction) < 0.06
    assert current[reached].min() >= preset.reservoir.cue_current / 2
    assert current[reached].max() <= preset.reservoir.cue_current


@pytest.mark.parametrize(("overlap", "common"), [(0.0, 0), (0.25, 5), (1.0, 20)])
def test_cues_have_the_share_of_their_cells_in_common_that_is_asked_for(overlap: float, common: int) -> None:
    settings = ["reservoir.cue_fraction=0.1", "task.cues=4", f"task.cue_overlap={overlap}"]
    preset = load_preset("smoke", settings)
    weight = draw_network(preset).input_weight
    reached = weight > 0
    assert (reached.sum(axis=1) == 20).all()
    for one, other in combinations(range(4), 2):
        both = reached[one] & reached[other]
        assert both.sum() == common
        np.testing.assert_array_equal(weight[one, both], weight[other, both])
    current = weight[reached]
    assert current.min() >= preset.reservoir.cue_current / 2
    assert current.max() <= preset.reservoir.cue_current


def test_more_overlap_or_another_cue_keeps_the_common_cells() -> None:
    fraction = "reservoir.cue_fraction=0.2"
    less, more, fewer = (
        (draw_network(load_preset("smoke", [fraction, *settings])).input_weight > 0).all(axis=0)
        for settings in (
            ["task.cues=3", "task.cue_overlap=0.3"],
            ["task.cues=3", "task.cue_overlap=0.6"],
            ["task.cues=2", "task.cue_overlap=0.3"],
        )
    )
    assert (less <= more).all()
    np.testing.assert_array_equal(less, fewer)


def changed_arrays(one: Network, other: Network) -> set[str]:
    pairs = zip(leaves(one), leaves(other), strict=True)
    return {place for (place, mine), (_, theirs) in pairs if not np.array_equal(mine, theirs)}


ARRAYS_OF = {
    "cells": {"cells.a", "cells.c", "cells.d", "cells.b", "cells.bias"},
    "synapses": {"synapses.first", "synapses.target", "synapses.weight"},
    "inputs": {"input_weight", "feedback_weight"},
    "task": set(),
    "noise": set(),
}


@pytest.mark.parametrize("stream", ARRAYS_OF)
def test_another_draw_of_a_stream_leaves_the_others_as_they_were(stream: str) -> None:
    settings = ["reservoir.feedback_gain=0.3"]
    one = draw_network(load_preset("smoke", settings))
    other = draw_network(load_preset("smoke", [*settings, f"run.draws.{stream}=1"]))
    changed = changed_arrays(one, other)
    assert changed <= ARRAYS_OF[stream]
    assert changed >= ARRAYS_OF[stream] - {"synapses.first"} or stream == "cells"


@pytest.mark.parametrize(
    ("setting", "may_change"),
    [
        ("reservoir.cue_fraction=0.9", {"input_weight"}),
        ("reservoir.excitatory_charge=9.0", {"synapses.weight"}),
        ("reservoir.excitatory.bias=4.0", {"cells.bias"}),
        ("reservoir.noise=2.0", set()),
        ("task.cues=2", {"input_weight"}),
        ("task.cue_overlap=0.5", {"input_weight"}),
        ("task.latency_sd_ms=50", set()),
    ],
)
def test_a_setting_changes_only_what_it_is_about(setting: str, may_change: set[str]) -> None:
    one, other = (draw_network(load_preset("smoke", s)) for s in ([], [setting]))
    changed = changed_arrays(one, other)
    assert changed == may_change


def test_more_connections_keep_those_there_were() -> None:
    few, many = (
        draw_network(load_preset("smoke", [f"reservoir.connection_probability={p}"])) for p in (0.1, 0.3)
    )
    for fewer, more in zip(columns(few), columns(many), strict=True):
        assert set(fewer) <= set(more)


def test_seed_and_fingerprint() -> None:
    prints = [draw_network(load_preset("smoke", [f"run.seed={seed}"])).fingerprint() for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_no_and_all_connections(probability: float) -> None:
    network = draw_network(load_preset("smoke", [f"reservoir.connection_probability={probability}"]))
    assert network.synapses.target.size == probability * 200 * 199


def test_one_cell() -> None:
    network = draw_network(load_preset("smoke", ["reservoir.neurons=1"]))
    assert network.synapses.target.size == 0
    assert network.cells.a.shape == (1,)


@pytest.mark.parametrize("settings", [["reservoir.neurons=500"], ["reservoir.connection_probability=0.4"]])
def test_a_cells_mean_input_does_not_depend_on_size_and_density(settings: list[str]) -> None:
    inputs = []
    for network in (draw_network(load_preset("robust")), draw_network(load_preset("robust", settings))):
        positive = np.maximum(network.wide().synapses.weight, 0)
        inputs.append(positive.sum() / network.cells.a.size)
    assert inputs[1] == pytest.approx(inputs[0], rel=0.03)
