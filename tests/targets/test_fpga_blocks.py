"""Every block of the FPGA core gives the numbers of its kernel, row for row."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from fpga_bench import through

from lava_predict import load_preset
from lava_predict.learning.readouts import fixed_read_rows
from lava_predict.learning.traces import fixed_advance_bounded_traces, fixed_advance_mean, fixed_subtract_mean
from lava_predict.learning.when.annealed_delta import gate_rates
from lava_predict.learning.when.gated_delta import fixed_gated_delta
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.draw import draw_network
from lava_predict.numerics.integers import HIGHEST, LOWEST
from lava_predict.numerics.noise import mix, noise_sum
from lava_predict.targets.fpga import learning, noise, traces
from lava_predict.targets.fpga.cells import CELLS, decayed

ROWS = 200
WORDS = ("fixed.v_bits=20", "fixed.u_bits=18", "fixed.s_bits=19", "fixed.trace_bits=20")
SHORT = (*WORDS, "fixed.mean_bits=19", "fixed.readout_bits=17", "fixed.rounding=floor")
FORMATS = pytest.mark.parametrize("overrides", [(), WORDS, SHORT], ids=["whole", "short", "floor"])


def arithmetic(*overrides: str) -> FixedArithmetic:
    config = load_preset("smoke", [f"reservoir.neurons={ROWS}", *overrides])
    return FixedArithmetic(config, draw_network(config))


def drawn(low: int, high: int, seed: int = 1) -> np.ndarray:
    """Draw whole numbers, the bounds among them."""
    numbers = np.random.default_rng(seed).integers(low, high, ROWS, endpoint=True)
    numbers[:2] = low, high
    return numbers


def test_the_hash_is_that_of_the_noise() -> None:
    words = np.random.default_rng(2).integers(0, 2**64, 50, np.uint64)
    bits, total = through(
        lambda flow, read: (hashed := noise.mix(flow, read("word")), noise.noise_sum(flow, hashed)),
        {"word": words.astype(object)},
        unsigned=["word"],
    )
    assert [int(one) for one in bits] == [int(mix(word)) for word in words]
    assert [int(one) for one in total] == [int(noise_sum(np.uint64(mix(word)))) for word in words]


@pytest.mark.slow
@FORMATS
@pytest.mark.parametrize("neuron", CELLS)
def test_a_cell_advances_spikes_and_saturates_as_the_kernel_says(neuron: str, overrides: tuple) -> None:
    network = arithmetic(f"reservoir.neuron={neuron}", *overrides)
    part, k = network.parts.neuron, network.constants
    names = type(network.start.cells)._fields
    columns = {name: drawn(LOWEST, HIGHEST, seed) for seed, name in enumerate((*names, "steady", "s"), 3)}
    columns["v"] = drawn(-(2**22), 2**21, 9)
    parameters = network.network.cells._asdict()
    states, spike, lost = [], [], []

    def block(flow, read):
        cell = CELLS[neuron](flow, read, read("steady"), read("s"), k.cells, k.inputs.rounding)
        return (*cell.states, cell.spike, *cell.lost)

    first, second, spikes, lost_first, lost_second = through(block, {**columns, **parameters})
    cells = type(network.start.cells)(*(columns[name].astype(np.int32) for name in names))
    counters = np.zeros(2, np.int64)
    cuts = part.fixed_cuts(k.cells, k.inputs.rounding, np.uint64(0), False)
    seen = part.fixed_nothing_seen()
    for j in range(ROWS):
        current = np.int32(columns["steady"][j] + columns["s"][j])
        seen = part.fixed_advance(cells, network.network.cells, k.cells, cuts, j, current, seen)
        seen = part.fixed_adapt(cells, network.network.cells, k.cells, cuts, j, seen)
    part.fixed_count(cells, k.cells, seen, counters)
    for j in range(ROWS):
        spike.append(part.fixed_at_threshold(cells, network.network.cells, k.cells, j))
        if spike[-1]:
            part.fixed_reset(cells, network.network.cells, k.cells, j, counters)
    states, lost = [first, second], [lost_first.sum(), lost_second.sum()]
    assert 0 < sum(spike) < ROWS
    np.testing.assert_array_equal(spikes != 0, spike)
    for name, got in zip(names, states, strict=True):
        np.testing.assert_array_equal(got, getattr(cells, name), err_msg=name)
    assert lost == counters.tolist()


@FORMATS
def test_a_synaptic_current_decays_and_takes_up_what_arrives(overrides: tuple) -> None:
    network = arithmetic(*overrides)
    k, rounding = network.constants.synapses, network.constants.inputs.rounding
    s, arriving = drawn(LOWEST, HIGHEST), drawn(-(2**25), 2**25, 2)
    got = through(
        lambda flow, read: [decayed(flow, read("s"), read("arriving"), k, rounding)],
        {"s": s, "arriving": arriving},
    )
    part, held = network.parts.synapse, s.astype(np.int32)
    state = type(network.start.synapses)(held, arriving.astype(np.int32))
    cut, seen = part.fixed_cut(k, rounding, np.uint64(0), False), part.fixed_nothing_seen()
    for j in range(ROWS):
        _, seen = part.fixed_arrive(state, k, cut, j, seen)
    np.testing.assert_array_equal(got[0], held)


@pytest.mark.slow
@FORMATS
@pytest.mark.parametrize("shift", [0, 1, 9])
def test_traces_and_slow_means_move_and_are_centred(overrides: tuple, shift: int) -> None:
    k = arithmetic(*overrides).constants.when
    r, x, m = drawn(0, 2**22), drawn(0, 2**22, 2), drawn(0, 2**22, 3)
    m &= -(1 << k.mean_grain)
    spiking = np.flatnonzero(drawn(0, 3, 4) == 0)
    spike = np.isin(np.arange(ROWS), spiking).astype(np.int64)

    def block(flow, read):
        given = (read("r"), read("x"), read("decay"), read("spike"))
        after_r, after_x = traces.advanced(flow, *given, k, k.rounding)
        mean = traces.followed(flow, read("m"), after_x, read("shift").signal, 1, k, k.rounding)
        return after_r, after_x, mean, traces.centred(flow, after_x, mean, k.rounding)

    columns = {"r": r, "x": x, "m": m, "decay": k.decay, "spike": spike, "shift": np.full(ROWS, shift)}
    got = through(block, columns, unsigned=["shift"])
    r, x, m = (values.astype(np.int32) for values in (r, x, m[None]))
    key, xc = np.uint64(0), np.empty(ROWS, np.int32)
    decay = (k.decay, k.decay_bits, k.trace_grain, k.rounding, key)
    fixed_advance_bounded_traces(r, x, spiking, spiking.size, *decay)
    fixed_advance_mean(m, 0, x, shift, k.mean_grain, k.rounding, key)
    fixed_subtract_mean(x, m, 0, k.rounding, xc)
    for have, wanted in zip(got, (r, x, m[0], xc), strict=True):
        np.testing.assert_array_equal(have, wanted)


@pytest.mark.parametrize("overrides", [(), ("fixed.rounding=floor", "fixed.readout_fraction_bits=12")])
def test_a_readout_is_cut_and_saturates(overrides: tuple) -> None:
    k = arithmetic(*overrides).constants.when
    weight, xc = drawn(LOWEST, HIGHEST), drawn(-(2**15), 2**15, 2)

    def block(flow, read):
        reading = learning.read_when(flow, flow.multiply(read("w"), read("xc")), k)
        return reading.value, reading.lost

    got, lost = through(block, {"w": weight, "xc": xc})
    z = np.empty(1, np.int32)
    wanted, counted = [], 0
    for w, x in zip(weight, xc, strict=True):
        row = (np.array([[w]], np.int32), 0, np.array([x], np.int32))
        counted += fixed_read_rows(*row, k.readout_fraction - 1, k.rounding, z)
        wanted.append(int(z[0]))
    np.testing.assert_array_equal(got, wanted)
    assert lost.sum() == counted


@pytest.mark.slow
@FORMATS
@pytest.mark.parametrize("norm", [0, 2**20, 2**30 + 5, 2**38])
def test_weights_learn_by_the_when_rule(overrides: tuple, norm: int) -> None:
    k = arithmetic(*overrides).constants.when
    weight, xc = drawn(LOWEST, HIGHEST), drawn(-(2**15), 2**15, 2)
    weight &= -(1 << k.weight_grain)
    z, target, gate, rate = 50_000, 2**16, 4096, int(k.rates[0])
    static = {"norm": norm, "z": z, "target": target, "gate": gate, "rate": rate}

    def block(flow, read):
        shift = learning.rule_shift(flow, read("norm"), k)
        given = (read(name) for name in ("z", "target", "gate", "rate"))
        step = learning.change(flow, *given, shift, k.rounding)
        still = (flow.at(value, step.time) for value in (step, shift))
        xc = read("xc", step.time)
        return learning.taught(flow, xc, *still, k, lambda time: read("w", time))

    columns = {"w": weight, "xc": xc} | {name: np.full(ROWS, value) for name, value in static.items()}
    got, lost = through(block, columns)
    rows, rate_gate = weight.astype(np.int32)[None], np.empty(1, np.int32)
    gate_rates(k.rates, np.zeros(1, np.int64), np.array([gate], np.int32), 12, rate_gate)
    taught = (xc.astype(np.int32), rate_gate, np.array([target]), np.array([z]), norm + k.norm_floor)
    counted = fixed_gated_delta(rows, 0, *taught, k, np.uint64(0))
    assert (rows[0] != weight).any()
    np.testing.assert_array_equal(got, rows[0])
    assert lost.sum() == counted


def test_a_sum_of_products_in_parts_is_exact() -> None:
    a, b, c = drawn(-(2**40), 2**40), drawn(-(2**24), 2**24, 2), drawn(-(2**30), 2**30, 3)
    got = through(
        lambda flow, read: [flow.multiply(read("a"), read("b"), read("c"))], {"a": a, "b": b, "c": c}
    )
    wanted = [int(x) * int(y) + int(z) for x, y, z in zip(a, b, c, strict=True)]
    assert [int(one) for one in got[0]] == wanted
