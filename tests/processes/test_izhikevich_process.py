"""The Izhikevich Process under Lava's public interface, bit for bit against plain loops over the kernels."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np
import plain_grid
import psutil
import pytest

pytest.importorskip("lava", reason="lava-nc is not installed")

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.reset import Reset
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.monitor.process import Monitor
from lava.proc.sparse.process import Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix

from lava_predict import load_preset
from lava_predict.analysis.firing_patterns import FIRING_PATTERNS, simulate
from lava_predict.network import fixed_step, float_step, inputs
from lava_predict.network.population import FixedPopulation, Population
from lava_predict.network.step import Constants
from lava_predict.neurons import izhikevich
from lava_predict.numerics.integers import to_state
from lava_predict.numerics.noise import fold, key_of
from lava_predict.processes.event_sparse.process import EventSparse
from lava_predict.processes.izhikevich.process import Izhikevich
from lava_predict.settings.schema import FixedSettings
from lava_predict.synapses import exponential

Run = Callable[..., None]
FIXED = "fixed_pt"
ADVANCE, RESET = float_step.population_kernels(izhikevich, exponential)
FIXED_ADVANCE, FIXED_RESET = fixed_step.population_kernels(izhikevich, exponential)
NO_COUNTERS = np.zeros(0, np.int64)
CURRENT = 3  # The counter of the current, after those of v, u and s.

# The Process asks for a > 0, which one pattern of the paper does not have.
PATTERNS = [pattern for pattern in FIRING_PATTERNS.values() if pattern.a > 0]


def children() -> set[psutil.Process]:
    """Processes below this one; Python's own resource tracker stays until the end."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        # One that has ended in the meantime has no command line.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.add(child)
    return found


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a network for some steps; stop it after the test and check that no process is left."""
    started: list[Any] = []
    before = children()
    root = logging.getLogger()
    handlers = list(root.handlers)

    def start(process: Any, steps: int, tag: str = "floating_pt") -> None:
        if process not in started:
            started.append(process)
        process.run(RunSteps(num_steps=steps), Loihi2SimCfg(select_tag=tag))

    yield start
    for process in started:
        # After an error in a model, stop() would wait for ever.
        stopper = threading.Thread(target=process.stop, daemon=True)
        stopper.start()
        stopper.join(200)
    _, left = psutil.wait_procs(children() - before, timeout=60)
    for child in left:
        child.kill()
    # Every Process adds a handler that writes to this test's captured output.
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler and handler not in handlers:
            root.removeHandler(handler)
    assert left == []


class Plain:
    """Cells advanced by a plain loop over the kernels; the loop's own copy of what the model does.

    Parameters are one-dimensional arrays or scalars, as for the Process.
    """

    def __init__(
        self,
        cells: int,
        *,
        a: Any = 0.02,
        b: Any = 0.2,
        c: Any = -65.0,
        d: Any = 8.0,
        bias: Any = 0.0,
        v: Any = -65.0,
        u: Any = None,
        tau_s_ms: float = 10.0,
        dt_ms: float = 1.0,
        noise: float = 0.0,
        noise_seed: int = 0,
    ) -> None:
        self.a, self.b, self.c, self.d, self.bias, self.v = (
            np.array(np.broadcast_to(value, cells), np.float64) for value in (a, b, c, d, bias, v)
        )
        self.u = self.b * self.v if u is None else np.array(np.broadcast_to(u, cells), np.float64)
        self.s = np.zeros(cells)
        self.tau_s_ms, self.dt_ms, self.noise, self.key = tau_s_ms, dt_ms, noise, key_of(noise_seed)
        self.step = 0

    def parameters(self) -> izhikevich.Parameters:
        """Those of the cells, as the kernels take them."""
        return izhikevich.Parameters(self.a, self.b, self.c, self.d, self.bias)

    def advance(self, a_in: np.ndarray, i_in: np.ndarray, key: Any = None) -> np.ndarray:
        """One step; 1.0 where a cell spikes."""
        step_key = np.uint64(fold(self.key, np.uint64(self.step))) if key is None else key
        decay = float(plain_grid.decay(self.dt_ms, self.tau_s_ms))
        noise = self.noise * float(np.sqrt(1.0 / self.dt_ms))
        outside = inputs.Constants(noise, feedback=False)
        k = Constants(izhikevich.Constants(self.dt_ms), exponential.Constants(decay), (), outside)
        cells, parameters = izhikevich.State(self.v, self.u), self.parameters()
        ADVANCE(cells, exponential.State(self.s, a_in), parameters, k, i_in.copy(), step_key, NO_COUNTERS)
        spiking = np.zeros(self.v.size, np.int64)
        count = RESET(cells, parameters, k, np.empty_like(spiking), spiking, NO_COUNTERS)
        spikes = np.zeros(self.v.size)
        spikes[spiking[:count]] = 1.0
        self.step += 1
        return spikes

    def run(
        self, steps: int, weights: np.ndarray | None = None, currents: np.ndarray | None = None
    ) -> np.ndarray:
        """Spikes, (steps, N), with recurrent weights (N, N) and currents (steps, N)."""
        spikes = np.zeros((steps, self.v.size))
        before = np.zeros(self.v.size)
        for step in range(steps):
            a_in = np.zeros(self.v.size) if weights is None else weights @ before
            i_in = np.zeros(self.v.size) if currents is None else currents[step]
            spikes[step] = before = self.advance(a_in, i_in)
        return spikes


class PlainFixed:
    """The same in integers: what goes in has 16 fraction bits, what is shown is physical.

    Parameters are those of `Plain`; v, u and s are properties in physical units.
    """

    BITS = 16

    def __init__(self, cells: int, fixed: FixedSettings | None = None, **parameters: Any) -> None:
        self._plain = Plain(cells, **parameters)
        self.settings = fixed or load_preset("robust").fixed
        self.quantise()
        self.states = {
            name: to_state(getattr(self._plain, name), self.BITS, self.cells.grain(name)) for name in "vus"
        }
        self.saturations = np.zeros(CURRENT + 1, np.int64)
        self.step = 0

    def quantise(self, **changed: Any) -> None:
        """Quantise the parameters, some of them new."""
        plain = self._plain
        for name, value in changed.items():
            setattr(plain, name, value)
        self.cells = FixedPopulation(
            self.settings, Population(plain.parameters(), plain.tau_s_ms, plain.dt_ms, plain.noise)
        )

    def shown(self, name: str) -> np.ndarray:
        """A state in physical units."""
        return self.states[name] * 2.0**-self.BITS

    def advance(self, a_in: np.ndarray, i_in: np.ndarray, key: Any = None) -> np.ndarray:
        """One step; 1 where a cell spikes."""
        step_key = np.uint64(fold(self._plain.key, np.uint64(self.step))) if key is None else key
        parameters, k = self.cells.parameters, self.cells.constants
        v, u, s = self.states.values()
        cells, synapses = izhikevich.State(v, u), exponential.State(s, a_in.astype(np.int64))
        given = (i_in.astype(np.int64), step_key, self.saturations)
        FIXED_ADVANCE(cells, synapses, parameters, k, *given)
        spiking = np.zeros(v.size, np.int64)
        count = FIXED_RESET(cells, parameters, k, np.empty_like(spiking), spiking, self.saturations)
        spikes = np.zeros(v.size, np.int64)
        spikes[spiking[:count]] = 1
        self.step += 1
        return spikes

    def run(
        self, steps: int, weights: np.ndarray | None = None, currents: np.ndarray | None = None
    ) -> np.ndarray:
        """Spikes, (steps, N), with recurrent weights (N, N) and currents (steps, N), integers both."""
        spikes = np.zeros((steps, self.states["v"].size), np.int64)
        before = np.zeros(spikes.shape[1], np.int64)
        for step in range(steps):
            a_in = np.zeros_like(before) if weights is None else weights @ before
            i_in = np.zeros_like(before) if currents is None else currents[step]
            spikes[step] = before = self.advance(a_in, i_in)
        return spikes


def in_integers(currents: np.ndarray) -> np.ndarray:
    """Round currents to 16 fraction bits, as int32."""
    return np.rint(currents * 2.0**PlainFixed.BITS).astype(np.int32)


def on_grid(weights: np.ndarray) -> np.ndarray:
    """Round to multiples of 2^-24, so that sums of weights are exact in any order."""
    return np.rint(weights * 2**24) / 2**24


def fed(cells: Any, currents: np.ndarray) -> None:
    """Play currents, (steps, N), into i_in."""
    Source(data=np.ascontiguousarray(currents.T)).s_out.connect(cells.i_in)


def recorded(cells: Any, steps: int) -> Any:
    """Connect a sink for the spikes of a population."""
    sink = Sink(shape=cells.s_out.shape, buffer=steps)
    cells.s_out.connect(sink.a_in)
    return sink


def spikes_of(sink: Any) -> np.ndarray:
    """Spikes of a one-dimensional population, (steps, N)."""
    return np.asarray(sink.data.get()).T


# Firing patterns.


@pytest.mark.slow
def test_firing_patterns_of_one_population(run: Run) -> None:
    """A cell for each pattern: its own parameters, start and current."""
    steps = 400
    currents = np.zeros((steps, len(PATTERNS)))
    for column, pattern in enumerate(PATTERNS):
        current = pattern.current(1.0)[:steps]
        currents[: current.size, column] = current
    v0 = np.array([pattern.v0 for pattern in PATTERNS])
    b = np.array([pattern.b for pattern in PATTERNS])
    cells = Izhikevich(
        shape=(len(PATTERNS),),
        a=[pattern.a for pattern in PATTERNS],
        b=b,
        c=[pattern.c for pattern in PATTERNS],
        d=[pattern.d for pattern in PATTERNS],
        v=v0,
        u=[b0 * v if p.u0 is None else p.u0 for b0, v, p in zip(b, v0, PATTERNS, strict=True)],
    )
    fed(cells, currents)
    sink = recorded(cells, steps)
    run(cells, steps)
    spikes = spikes_of(sink)
    assert len(PATTERNS) >= 10
    for column, pattern in enumerate(PATTERNS):
        end_ms = min(pattern.duration_ms, steps)
        theirs = simulate(pattern).spikes_ms
        ours = np.flatnonzero(spikes[:, column]) + 1.0
        assert theirs.size > 0
        np.testing.assert_array_equal(ours[ours <= end_ms], theirs[theirs <= end_ms], err_msg=pattern.name)


@pytest.mark.slow
def test_bistability_alone_to_its_end(run: Run) -> None:
    """One cell, and the default start of u; at half a millisecond a step too."""
    for dt_ms in (1.0, 0.5):
        pattern = FIRING_PATTERNS["bistability"]
        current = pattern.current(dt_ms)
        cells = Izhikevich(
            shape=(1,), a=pattern.a, b=pattern.b, c=pattern.c, d=pattern.d, v=pattern.v0, dt_ms=dt_ms
        )
        fed(cells, current[:, None])
        sink = recorded(cells, current.size)
        run(cells, current.size)
        ours = (np.flatnonzero(spikes_of(sink)) + 1) * dt_ms
        np.testing.assert_array_equal(ours, simulate(pattern, dt_ms).spikes_ms)


@pytest.mark.slow
def test_monitor_sees_the_potential_of_one_chattering_cell(run: Run) -> None:
    """The Monitor reads v after the reset, where `simulate` gives the peak."""
    pattern = FIRING_PATTERNS["chattering"]
    current = pattern.current(1.0)[:200]
    cells = Izhikevich(shape=(1,), a=pattern.a, b=pattern.b, c=pattern.c, d=pattern.d, v=pattern.v0)
    fed(cells, current[:, None])
    monitor = Monitor()
    monitor.probe(cells.v, 200)
    run(cells, 200)
    v = monitor.get_data()[cells.name]["v"][:, 0]
    response = simulate(pattern)
    spiked = np.isin(response.times_ms[:200], response.spikes_ms)
    assert spiked.sum() > 10
    np.testing.assert_array_equal(v, np.where(spiked, pattern.c, response.v[:200]))


# Loops.


@pytest.mark.slow
def test_recurrent_dense_loop_with_injected_current(run: Run) -> None:
    cells, steps = 40, 300
    rng = np.random.default_rng(1)
    weights = on_grid(rng.normal(0.0, 1.5, (cells, cells)))
    currents = rng.normal(0.0, 4.0, (steps, cells))
    bias = rng.uniform(3.0, 8.0, cells)
    population = Izhikevich(shape=(cells,), bias=bias, tau_s_ms=5.0)
    synapses = Dense(weights=weights)
    population.s_out.connect(synapses.s_in)
    synapses.a_out.connect(population.a_in)
    fed(population, currents)
    sink = recorded(population, steps)
    run(population, steps)
    expected = Plain(cells, bias=bias, tau_s_ms=5.0).run(steps, weights, currents)
    assert expected.sum() > 200
    np.testing.assert_array_equal(spikes_of(sink), expected)
    without = Plain(cells, bias=bias, tau_s_ms=5.0).run(steps, None, currents)
    assert np.any(without != expected)


@pytest.mark.slow
def test_sparse_loops_between_excitatory_and_inhibitory_cells(run: Run) -> None:
    """Two populations, E -> E, E -> I and I -> E; the plain loop has them as one population."""
    excitatory, inhibitory, steps = 40, 10, 300
    cells = excitatory + inhibitory
    rng = np.random.default_rng(2)
    weights = on_grid(rng.uniform(0.0, 3.0, (cells, cells))) * (rng.random((cells, cells)) < 0.2)
    weights[:, excitatory:] *= -2.0
    weights[excitatory:, excitatory:] = 0.0
    bias = rng.uniform(2.0, 8.0, cells)
    e = Izhikevich(shape=(excitatory,), bias=bias[:excitatory])
    i = Izhikevich(shape=(inhibitory,), a=0.1, d=2.0, bias=bias[excitatory:])
    for source, target, rows, columns in (
        (e, e, slice(excitatory), slice(excitatory)),
        (e, i, slice(excitatory, cells), slice(excitatory)),
        (i, e, slice(excitatory), slice(excitatory, cells)),
    ):
        synapses = Sparse(weights=csr_matrix(weights[rows, columns]))
        source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(target.a_in)
    sinks = recorded(e, steps), recorded(i, steps)
    run(e, steps)
    both = Plain(
        cells,
        a=np.repeat([0.02, 0.1], [excitatory, inhibitory]),
        d=np.repeat([8.0, 2.0], [excitatory, inhibitory]),
        bias=bias,
    )
    expected = both.run(steps, weights)
    assert expected[:, :excitatory].sum() > 100
    assert expected[:, excitatory:].sum() > 100
    np.testing.assert_array_equal(np.hstack([spikes_of(sink) for sink in sinks]), expected)


@pytest.mark.slow
def test_two_populations_with_different_parameters_and_shapes(run: Run) -> None:
    """A chain; cells in a grid count in C order."""
    steps = 200
    rng = np.random.default_rng(3)
    first_bias = rng.uniform(6.0, 12.0, (2, 3))
    weights = on_grid(rng.uniform(0.0, 30.0, (4, 6)))
    charges, currents = rng.normal(0.0, 1.0, (2, steps, 6))
    first = Izhikevich(shape=(2, 3), bias=first_bias, c=[[-65.0], [-50.0]], d=[[8.0], [2.0]])
    for port, values in ((first.a_in, charges), (first.i_in, currents)):
        Source(data=np.ascontiguousarray(values.T).reshape(2, 3, steps)).s_out.connect(port)
    second = Izhikevich(shape=(4,), a=0.1, d=2, bias=1, tau_s_ms=3.0, dt_ms=0.5)
    synapses = Dense(weights=weights)
    first.s_out.reshape((6,)).connect(synapses.s_in)
    synapses.a_out.connect(second.a_in)
    sink, other = recorded(first, steps), recorded(second, steps)
    run(first, steps)
    one = Plain(6, bias=first_bias.ravel(), c=np.repeat([-65.0, -50.0], 3), d=np.repeat([8.0, 2.0], 3))
    two = Plain(4, a=0.1, d=2.0, bias=1.0, tau_s_ms=3.0, dt_ms=0.5)
    upstream = np.array([one.advance(a_in, i_in) for a_in, i_in in zip(charges, currents, strict=True)])
    delivered = np.vstack([np.zeros(6), upstream[:-1]]) @ weights.T
    downstream = np.array([two.advance(a_in, np.zeros(4)) for a_in in delivered])
    assert upstream.sum() > 20
    assert downstream.sum() > 20
    np.testing.assert_array_equal(np.asarray(sink.data.get()).reshape(6, steps).T, upstream)
    np.testing.assert_array_equal(spikes_of(other), downstream)


@pytest.mark.slow
def test_spikes_may_go_straight_into_the_current(run: Run) -> None:
    """Without a Process between them there is no delay."""
    first = Izhikevich(shape=(3,), bias=[5.0, 8.0, 11.0])
    second = Izhikevich(shape=(3,), v=-60.0)
    first.s_out.connect(second.i_in)
    run(first, 100)
    one, two = Plain(3, bias=[5.0, 8.0, 11.0]), Plain(3, v=-60.0)
    two.run(100, None, one.run(100))
    np.testing.assert_array_equal(second.v.get(), two.v)


# State.


@pytest.mark.slow
def test_state_can_be_read_and_written_between_runs(run: Run) -> None:
    rng = np.random.default_rng(4)
    bias = rng.uniform(4.0, 12.0, (2, 3))
    cells = Izhikevich(shape=(2, 3), bias=bias, v=-70, u=-14)
    assert cells.v.get().dtype == np.float64
    sink = recorded(cells, 100)
    plain = Plain(6, bias=bias.ravel(), v=-70.0, u=-14.0)
    run(cells, 50)
    first = plain.run(50)
    for var, values in ((cells.v, plain.v), (cells.u, plain.u), (cells.s, plain.s)):
        np.testing.assert_array_equal(var.get(), values.reshape(2, 3))
    assert cells.dt_ms.get() == 1.0

    plain.v = rng.uniform(-70.0, -50.0, 6)
    plain.u = rng.uniform(-20.0, 0.0, 6)
    plain.s = rng.uniform(0.0, 5.0, 6)
    plain.d = rng.uniform(2.0, 8.0, 6)
    plain.tau_s_ms = 17.0
    for name in ("v", "u", "s", "d"):
        getattr(cells, name).set(getattr(plain, name).reshape(2, 3))
        np.testing.assert_array_equal(getattr(cells, name).get(), getattr(plain, name).reshape(2, 3))
    cells.tau_s_ms.set(np.array([17.0]))
    run(cells, 50)
    second = plain.run(50)
    np.testing.assert_array_equal(cells.v.get(), plain.v.reshape(2, 3))
    np.testing.assert_array_equal(cells.s.get(), plain.s.reshape(2, 3))
    assert first.sum() > 0
    assert second.sum() > 0
    np.testing.assert_array_equal(np.asarray(sink.data.get()).reshape(6, 100).T, np.vstack([first, second]))


@pytest.mark.slow
def test_write_through_a_reference_port_counts(run: Run) -> None:
    """A RefPort's write replaces the model's array by another."""
    bias = np.array([6.0, 9.0, 12.0])
    cells = Izhikevich(shape=(3,), bias=bias)
    reset = Reset(reset_value=-80, interval=1000, offset=29)
    reset.connect_var(cells.v)
    run(cells, 60)
    plain = Plain(3, bias=bias)
    plain.run(30)
    plain.v[:] = -80.0
    plain.run(30)
    np.testing.assert_array_equal(cells.v.get(), plain.v)


# Noise.


@pytest.mark.slow
def test_noise_depends_on_the_seed_alone(run: Run) -> None:
    cells, steps = 20, 200
    bias = np.full(cells, 4.0)
    source = Source(data=np.zeros((cells, 1)))
    sinks = []
    for seed in (1, 1, 2**64 - 1):
        population = Izhikevich(shape=(cells,), bias=bias, noise=5.0, noise_seed=seed, dt_ms=0.5)
        source.s_out.connect(population.i_in)
        sinks.append(recorded(population, steps))
    run(source, steps)
    first, same, other = map(spikes_of, sinks)
    np.testing.assert_array_equal(first, same)
    assert np.any(first != other)
    for spikes, seed in ((first, 1), (other, 2**64 - 1)):
        plain = Plain(cells, bias=bias, noise=5.0, noise_seed=seed, dt_ms=0.5)
        expected = plain.run(steps)
        assert expected.sum() > 20
        np.testing.assert_array_equal(spikes, expected)


# What a host may direct.


class EveryThirdStepIdle:
    """Two segments of ten steps each, and every third Lava step idle."""

    def position(self, time_step: int) -> tuple[np.uint64, int]:
        played, rest = divmod(time_step - 1, 3)
        if rest == 2:
            return np.uint64(0), -1
        segment, step = divmod(2 * played + rest, 10)
        return key_of(7, segment), step


@pytest.mark.slow
def test_playbook_gives_the_noise_key_and_idle_steps(run: Run) -> None:
    cells, lava_steps = 10, 30
    playbook = EveryThirdStepIdle()
    rng = np.random.default_rng(5)
    currents = rng.uniform(0.0, 40.0, (lava_steps, cells))
    population = Izhikevich(shape=(cells,), noise=3.0, playbook=playbook)
    fed(population, currents)
    sink = recorded(population, lava_steps)
    run(population, lava_steps)
    plain = Plain(cells, noise=3.0)
    expected = np.zeros((lava_steps, cells))
    for row in range(lava_steps):
        key, step = playbook.position(row + 1)
        if step >= 0:
            step_key = np.uint64(fold(key, np.uint64(step)))
            expected[row] = plain.advance(np.zeros(cells), currents[row], step_key)
    assert expected.sum() > 0
    np.testing.assert_array_equal(spikes_of(sink), expected)
    np.testing.assert_array_equal(population.v.get(), plain.v)


@pytest.mark.slow
def test_shared_arrays_are_the_models_own_state(run: Run) -> None:
    shared = {name: np.frombuffer(RawArray("d", 6), np.float64) for name in ("v", "u", "s")}
    rng = np.random.default_rng(6)
    plain = Plain(6, bias=8.0)
    cells = Izhikevich(shape=(2, 3), bias=8.0, shared=shared)
    for steps in (20, 30):
        for name, array in shared.items():
            array[:] = rng.uniform(-15.0, 0.0, 6) - (50.0 if name == "v" else 0.0)
            getattr(plain, name)[:] = array
        run(cells, steps)
        plain.run(steps)
        for name, array in shared.items():
            np.testing.assert_array_equal(array, getattr(plain, name))
            np.testing.assert_array_equal(getattr(cells, name).get().ravel(), array)
    cells.v.set(np.full((2, 3), -60.5))
    np.testing.assert_array_equal(shared["v"], -60.5)


# Integers.


@pytest.mark.slow
def test_firing_patterns_in_integers(run: Run) -> None:
    """Bit for bit those of the kernels; about as many spikes as in float64."""
    steps = 400
    currents = np.zeros((steps, len(PATTERNS)))
    for column, pattern in enumerate(PATTERNS):
        current = pattern.current(1.0)[:steps]
        currents[: current.size, column] = current
    parameters = {name: np.array([getattr(pattern, name) for pattern in PATTERNS]) for name in "abcd"}
    v = np.array([pattern.v0 for pattern in PATTERNS])
    started = zip(parameters["b"], v, PATTERNS, strict=True)
    u = np.array([b * v0 if p.u0 is None else p.u0 for b, v0, p in started])
    cells = Izhikevich(shape=v.shape, **parameters, v=v, u=u)
    fed(cells, in_integers(currents))
    sink = recorded(cells, steps)
    run(cells, steps, FIXED)
    spikes = spikes_of(sink)
    expected = PlainFixed(v.size, **parameters, v=v, u=u).run(steps, None, in_integers(currents))
    np.testing.assert_array_equal(spikes, expected)
    in_float = Plain(v.size, **parameters, v=v, u=u).run(steps, None, currents)
    assert np.all(spikes.sum(axis=0) > 0)
    np.testing.assert_allclose(spikes.sum(axis=0), in_float.sum(axis=0), rtol=0.02, atol=1)


@pytest.mark.slow
def test_monitor_sees_millivolts_of_an_integer_cell(run: Run) -> None:
    pattern = FIRING_PATTERNS["chattering"]
    currents = in_integers(pattern.current(1.0)[:200, None])
    parameters = {name: getattr(pattern, name) for name in "abcd"}
    cells = Izhikevich(shape=(1,), **parameters, v=pattern.v0)
    fed(cells, currents)
    monitor = Monitor()
    monitor.probe(cells.v, 200)
    run(cells, 200, FIXED)
    plain = PlainFixed(1, **parameters, v=pattern.v0)
    expected = []
    for current in currents:
        plain.advance(np.zeros(1), current)
        expected.append(plain.shown("v")[0])
    assert expected.count(pattern.c) > 10
    np.testing.assert_array_equal(monitor.get_data()[cells.name]["v"][:, 0], expected)


@pytest.mark.slow
def test_dense_and_event_sparse_loops_in_integers(run: Run) -> None:
    """Lava's own Dense, 8 bits and an exponent for each sign, against weights in mV / ms."""
    cells, steps = 40, 300
    rng = np.random.default_rng(7)
    weights = rng.integers(1, 256, (cells, cells)) * (rng.random((cells, cells)) < 0.3)
    weights[0, :2] = 255
    sign = np.where(np.arange(cells) % 4 == 3, -1, 1)
    exponents = {1: 8, -1: 10}
    summed = weights * np.where(sign > 0, 2 ** exponents[1], -(2 ** exponents[-1]))
    bias = rng.uniform(3.0, 8.0, cells)
    by_dense, by_events = (Izhikevich(shape=(cells,), bias=bias, noise=2.0, noise_seed=3) for _ in range(2))
    for chosen, mode in ((1, SignMode.EXCITATORY), (-1, SignMode.INHIBITORY)):
        dense = Dense(
            weights=np.where(sign == chosen, chosen * weights, 0),
            weight_exp=exponents[chosen],
            sign_mode=mode,
        )
        by_dense.s_out.connect(dense.s_in)
        dense.a_out.connect(by_dense.a_in)
    synapses = EventSparse(weights=csr_matrix(summed * 2.0**-PlainFixed.BITS))
    by_events.s_out.connect(synapses.s_in)
    synapses.a_out.connect(by_events.a_in)
    source = Source(data=np.zeros((cells, 1), np.int32))
    for population in (by_dense, by_events):
        source.s_out.connect(population.i_in)
    sinks = recorded(by_dense, steps), recorded(by_events, steps)
    run(source, steps, FIXED)
    plain = PlainFixed(cells, bias=bias, noise=2.0, noise_seed=3)
    expected = plain.run(steps, summed)
    assert 100 < expected.sum() < 0.1 * expected.size
    for sink in sinks:
        np.testing.assert_array_equal(spikes_of(sink), expected)
    np.testing.assert_array_equal(by_events.s.get(), plain.shown("s"))


@pytest.mark.slow
def test_state_of_integers_reads_and_sets_in_physical_units(run: Run) -> None:
    rng = np.random.default_rng(8)
    bias = rng.uniform(4.0, 12.0, (2, 3))
    cells = Izhikevich(shape=(2, 3), bias=bias, v=-70.1, u=-14)
    plain = PlainFixed(6, bias=bias.ravel(), v=-70.1, u=-14.0)
    run(cells, 50, FIXED)
    plain.run(50)
    for name in "vus":
        np.testing.assert_array_equal(getattr(cells, name).get().ravel(), plain.shown(name))
    given = {"v": rng.uniform(-70.0, -50.0, 6), "u": np.append(rng.uniform(-20.0, 0.0, 5), 1000.0)}
    for name, values in given.items():
        getattr(cells, name).set(values.reshape(2, 3))
        plain.states[name][:] = to_state(values, PlainFixed.BITS, 0)
        np.testing.assert_array_equal(getattr(cells, name).get().ravel(), plain.shown(name))
    assert np.max(np.abs(plain.shown("v") - given["v"])) <= 2.0**-17
    cells.d.set(np.full((2, 3), 5.5))
    cells.tau_s_ms.set(np.array([17.0]))
    plain.quantise(d=np.full(6, 5.5), tau_s_ms=17.0)
    run(cells, 50, FIXED)
    assert plain.run(50).sum() > 0
    for name in "vus":
        np.testing.assert_array_equal(getattr(cells, name).get().ravel(), plain.shown(name))
    np.testing.assert_array_equal(cells.d.get(), 5.5)


@pytest.mark.slow
def test_reference_port_writes_millivolts_to_integers(run: Run) -> None:
    bias = np.array([6.0, 9.0, 12.0])
    cells = Izhikevich(shape=(3,), bias=bias)
    reset = Reset(reset_value=-80, interval=1000, offset=29)
    reset.connect_var(cells.v)
    run(cells, 60, FIXED)
    plain = PlainFixed(3, bias=bias)
    plain.run(30)
    plain.states["v"][:] = -80 << PlainFixed.BITS
    plain.run(30)
    np.testing.assert_array_equal(cells.v.get(), plain.shown("v"))


@pytest.mark.slow
def test_integers_of_shared_memory_and_words_of_choice(run: Run) -> None:
    """Fewer bits, stochastic rounding, and a current beyond the range."""
    shared = {name: np.frombuffer(RawArray("i", 6), np.int32) for name in "vus"}
    shared["saturations"] = np.frombuffer(RawArray("q", 4), np.int64)
    words = load_preset("robust").fixed.model_copy(update={"v_bits": 17, "rounding": "stochastic"})
    bias = np.array([4.0, 5.0, 6.0, 7.0, 8.0, 500.0])
    cells = Izhikevich(
        shape=(2, 3), bias=bias.reshape(2, 3), fixed=words, noise=3.0, noise_seed=5, shared=shared
    )
    plain = PlainFixed(6, words, bias=bias, noise=3.0, noise_seed=5)
    for v in (-70 << 16, -60 << 16):
        # A host may write to the memory between two runs; nothing that the Vars show undoes that.
        for name in "vus":
            shared[name][:] = plain.states[name][:] = v if name == "v" else plain.states[name]
        run(cells, 40, FIXED)
        plain.run(40)
        for name in "vus":
            np.testing.assert_array_equal(shared[name], plain.states[name])
            np.testing.assert_array_equal(getattr(cells, name).get().ravel(), plain.shown(name))
    assert np.all(plain.states["v"] % 2**7 == 0)
    assert plain.saturations[CURRENT] > 0
    np.testing.assert_array_equal(shared["saturations"], plain.saturations)
    np.testing.assert_array_equal(cells.saturations.get(), plain.saturations)


@pytest.mark.slow
def test_event_sparse_gives_each_sign_its_exponent(run: Run) -> None:
    weights = np.array([[3.0, -40.0, 0.0], [0.013, 0.0, -0.11]])
    source = Source(data=np.array([[0, 1, 0], [0, 0, 1], [0, 1, 1]], np.int32))
    synapses, sink = EventSparse(weights=csr_matrix(weights)), Sink(shape=(2,), buffer=4)
    source.s_out.connect(synapses.s_in)
    synapses.a_out.connect(sink.a_in)
    run(source, 4, FIXED)
    # 8 bits hold 3 in steps of 2^-6 and 40 in steps of 2^-2.
    held = np.rint(weights * np.where(weights > 0, 64, 4)) * np.where(weights > 0, 1024, 16384)
    expected = [[0, 0], [0, 0], held[:, 0] + held[:, 2], held[:, 1] + held[:, 2]]
    np.testing.assert_array_equal(spikes_of(sink), expected)


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["floating_pt", FIXED])
def test_event_sparse_carries_graded_spikes_as_sparse_with_message_bits_does(run: Run, tag: str) -> None:
    """Of both signs, also beside spikes of 1; and in integers by each sign's exponent."""
    rng = np.random.default_rng(4)
    weights = rng.choice([-0.5, 0.0, 0.25, 0.75], (3, 4))
    spikes = np.array([[7, 0, 1, -2], [0, 1, 0, 1], [0, 0, 0, 255]]).T
    source = Source(data=spikes.astype(float if tag == "floating_pt" else np.int32))
    synapses, sink = EventSparse(weights=csr_matrix(weights)), Sink(shape=(3,), buffer=4)
    source.s_out.connect(synapses.s_in)
    synapses.a_out.connect(sink.a_in)
    theirs = None
    if tag == "floating_pt":
        theirs, heard = Sparse(weights=csr_matrix(weights), num_message_bits=8), Sink(shape=(3,), buffer=4)
        source.s_out.connect(theirs.s_in)
        theirs.a_out.connect(heard.a_in)
    run(source, 4, tag)
    unit = 1.0 if tag == "floating_pt" else 2.0**PlainFixed.BITS
    expected = np.concatenate([np.zeros((1, 3)), spikes.T @ weights.T])
    assert np.any(expected != np.concatenate([np.zeros((1, 3)), (spikes.T != 0) @ weights.T]))
    np.testing.assert_array_equal(spikes_of(sink), expected * unit)
    if theirs is not None:
        np.testing.assert_array_equal(spikes_of(heard), expected)


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": 3}, r"shape = 3: must be a tuple of whole numbers above 0"),
        ({"shape": ()}, r"shape = \(\)"),
        ({"shape": (3, 0)}, r"shape = \(3, 0\)"),
        ({"a": 0.0}, r"a = 0.0: must be above 0"),
        ({"a": [0.02, 0.02, -0.1]}, r"a = \[0.02, 0.02, -0.1\]: must be above 0"),
        ({"a": float("nan")}, r"a = nan: must be finite"),
        ({"a": 2.1}, r"a = 2.1: must be small enough"),
        ({"b": 250.0, "a": 0.1}, r"a = 0.1: must be small enough"),
        ({"c": -129.0}, r"c = -129.0: must be at least -128"),
        ({"v": -1000.0}, r"v = -1000.0: must be at least -128"),
        ({"b": [0.2, 0.2]}, r"b = \[0.2, 0.2\]: must be a number or an array that broadcasts to \(3,\)"),
        ({"c": "low"}, r"c = 'low': must be a number"),
        ({"d": None}, r"d = None: must be a number"),
        ({"bias": float("inf")}, r"bias = inf: must be finite"),
        ({"v": 1j}, r"v = 1j: must be a number"),
        ({"u": np.zeros(4)}, r"u = array\(.*: must be a number or an array that broadcasts"),
        ({"s": float("-inf")}, r"s = -inf: must be finite"),
        ({"tau_s_ms": 0}, r"tau_s_ms = 0: must be above 0"),
        ({"tau_s_ms": [10.0, 20.0]}, r"tau_s_ms = \[10.0, 20.0\]: must be one number"),
        ({"dt_ms": 0.0}, r"dt_ms = 0.0: must be above 0 and at most 1"),
        ({"dt_ms": 1.5}, r"dt_ms = 1.5: must be above 0 and at most 1"),
        ({"noise": -1.0}, r"noise = -1.0: must be 0 or more"),
        ({"noise_seed": -1}, r"noise_seed = -1: must be a whole number"),
        ({"noise_seed": 2**64}, r"noise_seed = 18446744073709551616"),
        ({"noise_seed": 1.0}, r"noise_seed = 1.0"),
        ({"fixed": "nearest"}, r"fixed = 'nearest': must be settings of the section fixed"),
        ({"fixed": {"v_bts": 20}}, r"fixed\.v_bts = 20: there is no such setting; did you mean 'v_bits'"),
        ({"fixed": {"v_bits": 99}}, r"fixed\.v_bits = 99: "),
        ({"shared": {"saturations": np.zeros(4)}}, r"shared\['saturations'\] = .* int64 array of 4 values"),
        ({"shared": {"w": np.zeros(3)}}, r"shared\['w'\]: there is no such state; allowed: v, u, s"),
        ({"shared": {"v": np.zeros(4)}}, r"shared\['v'\] = .* float64 or int32 array of 3 values"),
        (
            {"shared": {"v": np.zeros(3, np.float32)}},
            r"shared\['v'\] = .* float64 or int32 array of 3 values",
        ),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Izhikevich(**{"shape": (3,), **arguments})


def test_arguments_broadcast_to_float64_of_the_shape() -> None:
    given = np.array([8, 2, 4])
    cells = Izhikevich(shape=(2, 3), d=given, v=-70, b=[[0.2], [0.25]])
    assert cells.d.get().dtype == np.float64
    np.testing.assert_array_equal(cells.d.get(), [[8.0, 2.0, 4.0], [8.0, 2.0, 4.0]])
    np.testing.assert_array_equal(cells.u.get(), np.repeat([[-70 * 0.2], [-70 * 0.25]], 3, axis=1))
    given[0] = 0
    assert cells.d.get()[0, 0] == 8.0
