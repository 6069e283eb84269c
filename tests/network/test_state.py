"""The state of a network as one value: a tree of the parts' states."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from lava_predict import load_preset
from lava_predict.network.arithmetic import arithmetic_of
from lava_predict.network.draw import draw_network
from lava_predict.network.layout import Expected, lengths, network_layout, state_layout
from lava_predict.network.state import State, leaves, mapped, not_finite

CHOICES = [
    (neuron, delay, precision)
    for neuron in ("izhikevich", "adaptive_lif")
    for delay in (0, 9)
    for precision in ("float", "fixed")
]


@pytest.fixture(params=CHOICES, ids=lambda choice: "-".join(map(str, choice)))
def start(request: pytest.FixtureRequest) -> State:
    """The state before the first step."""
    neuron, delay, precision = request.param
    overrides = [f"reservoir.neuron={neuron}", f"reservoir.delay_ms=[0, {delay}]", "reservoir.neurons=15"]
    config = load_preset("smoke", overrides)
    return arithmetic_of(config, draw_network(config), precision).start


def filled(start: State) -> State:
    state = start.copy()
    for number, (_, array) in enumerate(leaves(state), start=1):
        array[...] = number
    return state


def test_leaves_are_named_by_their_place(start: State) -> None:
    places = [place for place, _ in leaves(start)]
    assert len(set(places)) == len(places)
    for place, array in leaves(start):
        branch = start
        for name in place.split("."):
            branch = getattr(branch, name)
        assert branch is array
    assert {"cells.v", "synapses.s", "z", "when.w", "what.w", "saturations"} <= set(places)


def test_a_copy_shares_no_memory_and_begins_at_cache_lines(start: State) -> None:
    copy = start.copy()
    assert copy.differences(start) == []
    for (_, mine), (_, theirs) in zip(leaves(copy), leaves(start), strict=True):
        assert not np.shares_memory(mine, theirs)
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        assert mine.ctypes.data % 64 == 0 or mine.size == 0


def test_differences_names_every_array_that_is_not_the_same_to_the_bit(start: State) -> None:
    for changed, array in leaves(start):
        if array.size:
            other = start.copy()
            found = dict(leaves(other))[changed]
            # 0.0 and -0.0 are equal, but not the same bits.
            found.reshape(-1).view(np.uint8)[-1] ^= 0x80
            assert other.differences(start) == [changed]


def test_restoring_overwrites_in_place(start: State) -> None:
    state = filled(start)
    arrays = [array for _, array in leaves(state)]
    state.restore(start)
    assert state.differences(start) == []
    assert all(one is other for one, (_, other) in zip(arrays, leaves(state), strict=True))


def test_a_reset_puts_the_reservoir_back_and_leaves_what_was_learned(start: State) -> None:
    state, before = filled(start), filled(start)
    state.reset_reservoir(start, ("x",))
    kept = {place for place, _ in leaves(state)} - set(state.differences(before))
    assert {"when.m", "when.w", "when.norm", "when.error", "saturations"} <= kept
    assert {place for place, _ in leaves(start.what, "what.")} <= kept
    back = {place for place, _ in leaves(state)} - set(state.differences(start))
    assert back >= {"z", "when.x"} | {
        place for place, _ in leaves(start) if place.startswith(("cells.", "synapses."))
    }


def test_mapped_keeps_the_types(start: State) -> None:
    doubled = mapped(lambda array: array * 2, start)
    assert type(doubled.cells) is type(start.cells)
    assert type(doubled.synapses) is type(start.synapses)
    for (place, one), (_, two) in zip(leaves(start), leaves(doubled), strict=True):
        np.testing.assert_array_equal(two, 2 * one, err_msg=place)


CHOICES_OF_RULES = [(*choice, rule) for choice in CHOICES for rule in ("annealed_delta", "gated_delta")]


@pytest.mark.parametrize(("neuron", "delay", "precision", "rule"), CHOICES_OF_RULES)
def test_the_layout_is_that_of_what_is_drawn_and_of_the_start(
    neuron: str, delay: int, precision: str, rule: str
) -> None:
    settings = [f"reservoir.neuron={neuron}", f"reservoir.delay_ms=[0, {delay}]", f"readout.rule={rule}"]
    config = load_preset("smoke", [*settings, "reservoir.neurons=15", "task.cues=2"])
    drawn = draw_network(config)
    start = arithmetic_of(config, drawn, precision).start
    for layout, tree in ((network_layout(config), drawn), (state_layout(config, drawn, precision), start)):
        known = lengths(config)
        for expected, (place, array) in zip(flat(layout), leaves(tree), strict=True):
            assert array.dtype.name in expected.kinds, place
            assert len(expected.shape) == array.ndim, place
            for length, name in zip(array.shape, expected.shape, strict=True):
                assert length == (known.setdefault(name, length) if isinstance(name, str) else name), place


def flat(layout: Any) -> list[Expected]:
    if isinstance(layout, Expected):
        return [layout]
    return [one for part in layout for one in flat(part)]


class Tree(NamedTuple):
    small: np.ndarray
    large: np.ndarray
    whole: np.ndarray


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_is_named_and_what_is_only_large_is_not(bad: float) -> None:
    tree = Tree(np.zeros((2, 3)), np.full(5, 1e308), np.full(4, 2**62))
    assert not_finite(tree) == []
    tree.large[-1] = bad
    assert not_finite(tree) == ["large"]
    tree.small[1, 2] = bad
    assert not_finite(tree) == ["small", "large"]
