"""Axonal delays against a network in NumPy that keeps, for each cell, a list of when its spikes arrive."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import Config, Experiment, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import FloatArithmetic, arithmetic_of
from lava_predict.network.draw import draw_network
from lava_predict.network.state import leaves
from lava_predict.synapses import delayed
from lava_predict.tasks.meet import Meet

CELLS = 100
SMALL = ("readout.rule=gated_delta", f"reservoir.neurons={CELLS}", "run.seed=3", "task.settle_ms=300")


@pytest.fixture(scope="module")
def delayed_network() -> Any:
    """The network in NumPy of tests/network with delays of its own."""
    path = Path(__file__).parents[1] / "network" / "numpy_network.py"
    spec = importlib.util.spec_from_file_location("numpy_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class DelayedNetwork(module.NumpyNetwork):  # type: ignore[misc,name-defined]
        """``due`` holds for each cell the steps in which spikes of it arrive; ``now`` counts steps."""

        def _reset(self) -> None:
            super()._reset()
            self.now = 0
            self.due: list[list[int]] = [[] for _ in range(self.v.size)]

        def _deliver(self, spiking: np.ndarray) -> None:
            for j in spiking:
                self.due[j].append(self.now + int(self._network.synapses.delay[j]))
            self.now += 1
            arrived = [j for j, steps in enumerate(self.due) if self.now in steps]
            for j in arrived:
                self.due[j].remove(self.now)
            super()._deliver(np.array(arrived, int))

        def in_flight(self, rows: int) -> np.ndarray:
            """What will arrive in each of the next steps, (rows, N)."""
            sums = np.zeros((rows, self.v.size))
            sums[0] = self.a_in
            first, target, weight, _ = self._network.wide().synapses
            for j, steps in enumerate(self.due):
                for step in steps:
                    column = slice(first[j], first[j + 1])
                    sums[step - self.now, target[column]] += weight[column]
            return sums

    return DelayedNetwork


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("reservoir.delay_ms=[0, 20]",),
        ("reservoir.delay_ms=[9, 9]", "reservoir.feedback_gain=2.0"),
        ("reservoir.delay_ms=[1, 30]", "run.dt_ms=0.5", "reservoir.noise=0.3"),
        ("reservoir.delay_ms=[0, 40]", "task.reset=true"),
        ('reservoir.synapse="delayed"', "reservoir.delay_ms=[0, 0]"),
    ],
    ids=["spread", "equal", "half-steps", "reset", "none"],
)
def test_spikes_equal_those_of_a_network_with_lists_of_pending_deliveries(
    delayed_network: Any, overrides: tuple[str, ...]
) -> None:
    config = load_preset("robust", [*SMALL, *overrides])
    network, meet = draw_network(config), Meet(config)
    assert isinstance(network.synapses, delayed.Connections)
    engine = CpuEngine(FloatArithmetic(config, network), meet)
    theirs = delayed_network(config, network, meet)
    spikes = 0
    for played in engine.play([*meet.trial(0, 0), *meet.trial(0, 1)]):
        wanted = theirs.play(played.segment)
        np.testing.assert_array_equal(played.spike_step, wanted.spike_step)
        np.testing.assert_array_equal(played.spike_cell, wanted.spike_cell)
        np.testing.assert_allclose(played.z, wanted.z, rtol=0.0, atol=1e-9 * max(1.0, np.abs(wanted.z).max()))
        spikes += played.spike_cell.size
    assert spikes > 5 * CELLS  # a silent network would agree with anything
    state = engine.state
    for part, names in ((state.cells, "vu"), (state.synapses, "s"), (state.when, "xm")):
        for name in names:
            np.testing.assert_array_equal(getattr(part, name), getattr(theirs, name), err_msg=name)
    ring = np.roll(state.synapses.ring, -state.synapses.row[0], axis=0)
    np.testing.assert_array_equal(ring, theirs.in_flight(ring.shape[0]))
    if network.synapses.delay.max() > 1:
        assert ring[1:].any()


def prints(config: Config, precision: str) -> list[bytes]:
    """The bytes of all that two trials leave behind, but for what is in flight."""
    network, meet = draw_network(config), Meet(config)
    engine = CpuEngine(arithmetic_of(config, network, precision), meet)
    found = []
    for played in engine.play([*meet.trial(0, 0), *meet.trial(0, 1)]):
        arrays = (played.spike_step, played.spike_cell, played.z, played.what_drive, played.norm, played.p)
        found += [array.tobytes() for array in arrays]
    state = engine.state
    found += [array.tobytes() for place, array in leaves(state) if not place.startswith("synapses")]
    return [*found, state.synapses.s.tobytes()]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
@pytest.mark.parametrize("more", [(), ("task.reset=true", 'fixed.rounding="stochastic"')], ids=["", "reset"])
def test_delays_of_one_step_give_the_bits_of_no_delays(precision: str, more: tuple[str, ...]) -> None:
    settings = [*SMALL, "task.settle_ms=100", *more]
    plain = prints(load_preset("robust", settings), precision)
    # 1 ms is one step, as is 0.
    for own in (('reservoir.synapse="delayed"',), ("reservoir.delay_ms=[0, 1]",)):
        config = load_preset("robust", [*settings, *own])
        assert config.reservoir.synapse_part == "delayed"
        assert prints(config, precision) == plain
    other = load_preset("robust", [*settings, "reservoir.delay_ms=[0, 4]"])
    assert prints(other, precision) != plain


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float", "fixed"])
def test_a_reset_drops_what_is_in_flight(precision: str) -> None:
    config = load_preset("robust", [*SMALL, "reservoir.delay_ms=[10, 60]"])
    experiment, meet = Experiment(config), Meet(config)
    arithmetic = experiment.arithmetic(precision)
    engine = CpuEngine(arithmetic, meet)
    list(engine.play(meet.trial(0, 0)))
    state = engine.state
    assert state.synapses.ring.any()
    pause = meet.trial(0, 1)[0]
    arithmetic.enter(pause, state)
    assert state.synapses.ring.any()
    arithmetic.enter(replace(pause, reset=True), state)
    for (name, array), (_, start) in zip(
        leaves(state.synapses), leaves(arithmetic.start.synapses), strict=True
    ):
        assert array.tobytes() == start.tobytes(), name
    assert not state.synapses.ring.any()


@pytest.mark.slow
def test_delays_are_drawn_evenly_and_change_no_other_draw() -> None:
    overrides = ["reservoir.neurons=2000", "reservoir.connection_probability=0.01"]
    plain = draw_network(load_preset("robust", overrides))
    network = draw_network(load_preset("robust", [*overrides, "reservoir.delay_ms=[2, 12]"]))
    delay = network.synapses.delay
    assert (delay.min(), delay.max()) == (2, 12)
    counts = np.bincount(delay)[3:12]
    assert np.all(np.abs(counts - 200) < 4 * np.sqrt(200))
    both = dict(leaves(network))
    for place, array in leaves(plain):
        np.testing.assert_array_equal(both[place], array, err_msg=place)
    again, other, half = (
        draw_network(load_preset("robust", [*overrides, "reservoir.delay_ms=[2, 12]", more])).synapses.delay
        for more in ("run.draws.cells=1", "run.draws.synapses=1", "run.dt_ms=0.5")
    )
    np.testing.assert_array_equal(again, delay)
    assert not np.array_equal(other, delay)
    assert (half.min(), half.max()) == (4, 24)
    assert np.all(np.abs(half - 2 * delay) <= 1)


def test_bad_delays_are_refused() -> None:
    with pytest.raises(UserError, match="least delay must come before the longest"):
        load_preset("robust", ["reservoir.delay_ms=[5, 2]"])
    with pytest.raises(UserError, match="delay_ms"):
        load_preset("robust", ["reservoir.delay_ms=[-1, 2]"])
    with pytest.raises(UserError, match="delay_ms"):
        load_preset("robust", ["reservoir.delay_ms=[0, 2000]"])
