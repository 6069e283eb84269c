"""The kernel against two implementations that share nothing with it, and the firing patterns by name.

What counts as the named pattern follows the descriptions in Izhikevich 2004, doi
10.1109/TNN.2004.832719, and is asked for at the network's step of 1 ms and at 0.1 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lava_predict.analysis.firing_patterns import (
    FIRING_PATTERNS,
    FiringPattern,
    Injection,
    Response,
    simulate,
)
from lava_predict.neurons.izhikevich import V_PEAK

NAMES = sorted(FIRING_PATTERNS)
LONG = np.longdouble


def extended_precision(pattern: FiringPattern, dt_ms: float) -> tuple[np.ndarray, np.ndarray, float]:
    """One cell in the platform's long double: v (30 at a spike), spiking steps, least distance to 30.

    The distance is that of v, before it is cut off, from the threshold: where it is tiny, rounding may
    decide whether the cell spikes.
    """
    a, b, c, d, v = (LONG(value) for value in (pattern.a, pattern.b, pattern.c, pattern.d, pattern.v0))
    u = b * v if pattern.u0 is None else LONG(pattern.u0)
    dt = LONG(dt_ms)
    trace, spikes, distance = [], [], np.inf
    for step, injected in enumerate(pattern.current(dt_ms)):
        for _ in range(2):
            v = max(v + dt / 2 * (v * v / 25 + 5 * v + 140 - u + LONG(injected)), LONG(-128))
        distance = min(distance, abs(float(v) - V_PEAK))
        if v >= 30:
            trace.append(30.0)
            spikes.append(step)
            u += a * dt * (30 * b - u)
            v, u = c, u + d
        else:
            trace.append(float(v))
            u += a * dt * (b * v - u)
    return np.array(trace), np.array(spikes, int), distance


def spiking_steps(response: Response, dt_ms: float) -> np.ndarray:
    return np.rint(response.spikes_ms / dt_ms).astype(int) - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_spike_times_equal_an_extended_precision_loop(name: str) -> None:
    pattern = FIRING_PATTERNS[name]
    trace, spikes, distance = extended_precision(pattern, 1.0)
    response = simulate(pattern)
    assert distance > 1e-6
    assert spikes.size > 0
    np.testing.assert_array_equal(spiking_steps(response, 1.0), spikes)
    np.testing.assert_allclose(response.v, trace, rtol=0.0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_spike_times_equal_brian2() -> None:
    """All patterns in one Brian2 group: half step, half step, cut-off, recovery, threshold, reset."""
    brian2 = pytest.importorskip(
        "brian2", reason="Brian2 2.9 does not import beside NumPy 2.4; Python 3.10 has an older NumPy"
    )
    patterns = [FIRING_PATTERNS[name] for name in NAMES]
    steps = [pattern.current(1.0).size for pattern in patterns]
    injected = np.zeros((max(steps), len(patterns)))
    for column, pattern in enumerate(patterns):
        injected[: steps[column], column] = pattern.current(1.0)

    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        dt = 1.0 * brian2.ms
        cells = brian2.NeuronGroup(
            len(patterns),
            "v : 1\nu : 1\na : 1 (constant)\nb : 1 (constant)\nc : 1 (constant)\nd : 1 (constant)",
            threshold="v >= 30",
            reset="v = c; u += d",
            dt=dt,
            namespace={"injected": brian2.TimedArray(injected, dt=dt)},
        )
        cells.run_regularly(
            """
            v = clip(v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + injected(t, i)), -128, inf)
            v = clip(v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + injected(t, i)), -128, 30)
            u = u + a * (b * v - u)
            """,
            dt=dt,
            when="groups",
        )
        for name in "abcd":
            setattr(cells, name, [getattr(pattern, name) for pattern in patterns])
        cells.v = [pattern.v0 for pattern in patterns]
        cells.u = "b * v"
        spikes = brian2.SpikeMonitor(cells)
        potential = brian2.StateMonitor(cells, "v", record=True, when="before_resets", dt=dt)
        brian2.Network(cells, spikes, potential).run(max(steps) * dt)
    finally:
        brian2.prefs.codegen.target = target

    trains = {cell: np.rint(times / dt).astype(int) for cell, times in spikes.spike_trains().items()}
    for column, pattern in enumerate(patterns):
        response = simulate(pattern)
        theirs = trains[column]
        np.testing.assert_array_equal(
            spiking_steps(response, 1.0), theirs[theirs < steps[column]], err_msg=pattern.name
        )
        np.testing.assert_allclose(
            response.v, potential.v[column, : steps[column]], rtol=0.0, atol=1e-7, err_msg=pattern.name
        )


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    a=st.floats(0.001, 0.2),
    b=st.floats(0.1, 0.3),
    c=st.floats(-70.0, -50.0),
    d=st.floats(0.0, 10.0),
    v0=st.floats(-80.0, -50.0),
    dt_ms=st.sampled_from([1.0, 0.5, 0.1]),
    currents=st.lists(st.floats(-15.0, 40.0) | st.floats(-1000.0, 40.0), min_size=1, max_size=10),
)
def test_random_cells_match_the_extended_precision_loop(
    a: float, b: float, c: float, d: float, v0: float, dt_ms: float, currents: list[float]
) -> None:
    """Ten stretches of four steps with random currents."""
    stretch = 4 * dt_ms
    injections = tuple(Injection(k * stretch, (k + 1) * stretch, level) for k, level in enumerate(currents))
    pattern = FiringPattern("random", a, b, c, d, v0, len(currents) * stretch, injections)
    trace, spikes, distance = extended_precision(pattern, dt_ms)
    assume(distance > 1e-6)
    response = simulate(pattern, dt_ms)
    assert response.v.size == 4 * len(currents)
    np.testing.assert_array_equal(spiking_steps(response, dt_ms), spikes)
    np.testing.assert_allclose(response.v, trace, rtol=0.0, atol=1e-6)


def test_current_is_sampled_at_the_beginning_of_a_step() -> None:
    pattern = replace(
        FIRING_PATTERNS["tonic spiking"],
        duration_ms=4.0,
        injections=(Injection(1.0, 3.0, 2.0), Injection(2.0, float("inf"), 0.0, 4.0)),
        holding=1.0,
    )
    np.testing.assert_array_equal(pattern.current(1.0), [1.0, 3.0, 3.0, 5.0])
    np.testing.assert_array_equal(pattern.current(0.5), [1.0, 1.0, 3.0, 3.0, 3.0, 5.0, 5.0, 7.0])
    with pytest.raises(ValueError, match="dt_ms"):
        pattern.current(0.0)


@pytest.mark.slow
def test_start_of_recovery_is_b_v0_unless_given() -> None:
    pattern = FIRING_PATTERNS["spike latency"]
    same = simulate(replace(pattern, u0=pattern.b * pattern.v0))
    np.testing.assert_array_equal(same.v, simulate(pattern).v)
    assert simulate(replace(pattern, u0=0.0)).v[0] < same.v[0]


# What each pattern is named for. A check gets the pattern and the step, and runs what it needs.


def spikes_of(pattern: FiringPattern, dt_ms: float) -> np.ndarray:
    return simulate(pattern, dt_ms).spikes_ms


def with_current(pattern: FiringPattern, *injections: Injection) -> FiringPattern:
    return replace(pattern, injections=injections)


def bursts(spikes_ms: np.ndarray, gap_ms: float) -> list[np.ndarray]:
    """Split a train where an interval exceeds ``gap_ms``."""
    return np.split(spikes_ms, np.flatnonzero(np.diff(spikes_ms) > gap_ms) + 1)


def onset(pattern: FiringPattern) -> float:
    return pattern.injections[0].start_ms


def tonic_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """Single spikes at a steady pace as long as the current lasts."""
    spikes = spikes_of(pattern, dt_ms)
    steady = np.diff(spikes)[-5:]
    assert spikes.size >= 7
    assert spikes[0] > onset(pattern)
    assert np.ptp(steady) <= max(dt_ms, 0.1 * steady.mean())
    assert pattern.duration_ms - spikes[-1] < 1.1 * steady.mean()


def phasic_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """One spike at the onset, none after it though the current goes on."""
    spikes = spikes_of(pattern, dt_ms)
    assert spikes.size == 1
    assert 0 < spikes[0] - onset(pattern) < 30
    assert pattern.current(dt_ms)[-1] > 0


def tonic_bursting(pattern: FiringPattern, dt_ms: float) -> None:
    """At least three bursts; intervals are of two kinds, with nothing between them."""
    spikes = spikes_of(pattern, dt_ms)
    intervals = np.diff(spikes)
    groups = bursts(spikes, 20.0)
    assert len(groups) >= 3
    assert all(group.size >= 3 for group in groups[:-1])
    assert not np.any((intervals > 12) & (intervals < 30))


def phasic_bursting(pattern: FiringPattern, dt_ms: float) -> None:
    """One burst at the onset, and silence after it though the current goes on."""
    spikes = spikes_of(pattern, dt_ms)
    assert spikes.size >= 3
    assert np.diff(spikes).max() < 10
    assert 0 < spikes[0] - onset(pattern) < 30
    assert pattern.duration_ms - spikes[-1] > 300
    assert pattern.current(dt_ms)[-1] > 0


def mixed_mode(pattern: FiringPattern, dt_ms: float) -> None:
    """A burst at the onset, single spikes after it."""
    first, *later = bursts(spikes_of(pattern, dt_ms), 20.0)
    assert first.size >= 3
    assert first[0] - onset(pattern) < 10
    assert len(later) >= 5
    assert all(group.size == 1 for group in later)


def spike_frequency_adaptation(pattern: FiringPattern, dt_ms: float) -> None:
    """Intervals lengthen until they are steady, several times as long as the first."""
    intervals = np.diff(spikes_of(pattern, dt_ms))
    assert intervals.size >= 10
    assert np.all(np.diff(intervals) > -1.01 * dt_ms)
    assert intervals[-1] > 5 * intervals[0]


def class_1_excitable(pattern: FiringPattern, dt_ms: float) -> None:
    """The rate starts near zero: the slower the ramp, the longer the first interval."""
    fast, slow = first_intervals(pattern, dt_ms)
    intervals = np.diff(spikes_of(pattern, dt_ms))
    assert np.all(np.diff(intervals) < 1.01 * dt_ms)
    assert intervals[0] > 2 * intervals[-1]
    assert slow > 1.8 * fast
    assert slow > 80


def class_2_excitable(pattern: FiringPattern, dt_ms: float) -> None:
    """The rate starts away from zero, however slow the ramp."""
    fast, slow = first_intervals(pattern, dt_ms)
    assert spikes_of(pattern, dt_ms).size >= 10
    assert slow < 1.3 * fast
    assert slow < 30


def first_intervals(pattern: FiringPattern, dt_ms: float) -> tuple[float, float]:
    """First interval with the pattern's own ramp and with one four times slower."""
    (ramp,) = pattern.injections
    slower = replace(
        with_current(pattern, ramp._replace(slope=ramp.slope / 4)),
        duration_ms=onset(pattern) + 4 * (pattern.duration_ms - onset(pattern)),
    )
    fast, slow = (np.diff(spikes_of(each, dt_ms))[0] for each in (pattern, slower))
    return float(fast), float(slow)


def spike_latency(pattern: FiringPattern, dt_ms: float) -> None:
    """The spike comes well after the pulse has ended, and later the weaker the pulse."""
    (pulse,) = pattern.injections
    (spike,) = spikes_of(pattern, dt_ms)
    weaker, stronger = (
        spikes_of(with_current(pattern, pulse._replace(level=level)), dt_ms) for level in (6.8, 8.0)
    )
    assert spike - pulse.stop_ms > 3
    assert stronger[0] < spike < weaker[0]


def subthreshold_oscillation(pattern: FiringPattern, dt_ms: float) -> None:
    """After the spike v rings: it swings to both sides of rest, less each time, and never spikes again."""
    response = simulate(pattern, dt_ms)
    assert response.spikes_ms.size == 1
    rest = simulate(with_current(pattern), dt_ms).v[-1]
    swing = (response.v - rest)[response.times_ms > response.spikes_ms[0] + 5]
    half_waves = np.split(swing, np.flatnonzero(np.diff(np.sign(swing)) != 0) + 1)
    extremes = np.array([np.abs(half).max() for half in half_waves])
    assert extremes.size >= 3
    assert extremes[0] > 2
    assert extremes[1] > 0.5
    assert np.all(extremes[1:-1] < extremes[:-2])


def resonator(pattern: FiringPattern, dt_ms: float) -> None:
    """Two pulses make it fire if they come at its own rhythm, not if they come closer together."""
    spikes = spikes_of(pattern, dt_ms)
    close, rhythmic = pattern.injections[:2], pattern.injections[2:]
    assert close[1].start_ms - close[0].start_ms < rhythmic[1].start_ms - rhythmic[0].start_ms
    assert spikes.size == 1
    assert 0 < spikes[0] - rhythmic[1].start_ms < 30
    assert spikes_of(with_current(pattern, rhythmic[0]), dt_ms).size == 0


def integrator(pattern: FiringPattern, dt_ms: float) -> None:
    """Two pulses make it fire if they come close together, not if they come further apart."""
    spikes = spikes_of(pattern, dt_ms)
    close, apart = pattern.injections[:2], pattern.injections[2:]
    assert close[1].start_ms - close[0].start_ms < apart[1].start_ms - apart[0].start_ms
    assert spikes.size == 1
    assert 0 < spikes[0] - close[1].start_ms < 10
    assert spikes_of(with_current(pattern, *apart), dt_ms).size == 0


def rebound_spike(pattern: FiringPattern, dt_ms: float) -> None:
    """One spike, after an inhibitory pulse has ended; none without the pulse."""
    (pulse,) = pattern.injections
    spikes = spikes_of(pattern, dt_ms)
    assert pulse.level < 0
    assert spikes.size == 1
    assert spikes[0] > pulse.stop_ms
    assert spikes_of(with_current(pattern), dt_ms).size == 0


def rebound_burst(pattern: FiringPattern, dt_ms: float) -> None:
    """One burst, after an inhibitory pulse has ended; no spike without the pulse."""
    (pulse,) = pattern.injections
    spikes = spikes_of(pattern, dt_ms)
    assert pulse.level < 0
    assert spikes.size >= 3
    assert spikes[0] > pulse.stop_ms
    assert np.diff(spikes).max() < 10
    assert pattern.duration_ms - spikes[-1] > 50
    assert spikes_of(with_current(pattern), dt_ms).size == 0


def threshold_variability(pattern: FiringPattern, dt_ms: float) -> None:
    """The same pulse is too weak alone and strong enough after an inhibitory one."""
    first, inhibition, second = pattern.injections
    spikes = spikes_of(pattern, dt_ms)
    assert first.level == second.level
    assert inhibition.level < 0
    assert spikes.size == 1
    assert spikes[0] > second.start_ms
    assert spikes_of(with_current(pattern, first, inhibition), dt_ms).size == 0
    assert spikes_of(with_current(pattern, first, second), dt_ms).size == 0


def bistability(pattern: FiringPattern, dt_ms: float) -> None:
    """Under one holding current the cell rests, fires after a pulse, and rests again after another."""
    start, stop = pattern.injections
    spikes = spikes_of(pattern, dt_ms)
    period = np.diff(spikes)
    assert spikes[0] > start.start_ms
    assert spikes.size >= 5
    assert np.ptp(period) < 0.05 * period.mean()
    assert stop.start_ms - spikes[-1] < period[-1]
    assert pattern.duration_ms - spikes[-1] > 4 * period[-1]
    assert spikes_of(with_current(pattern), dt_ms).size == 0
    assert spikes_of(with_current(pattern, start), dt_ms)[-1] > pattern.duration_ms - 1.1 * period[-1]


def inhibition_induced_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """Silent under the holding current, tonic while it is reduced."""
    (inhibition,) = pattern.injections
    spikes = spikes_of(pattern, dt_ms)
    assert inhibition.level < 0
    assert spikes.size >= 4
    assert spikes[0] > inhibition.start_ms
    assert spikes_of(with_current(pattern), dt_ms).size == 0


def regular_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """Single spikes whose intervals lengthen after the first and then stay."""
    intervals = np.diff(spikes_of(pattern, dt_ms))
    assert intervals.size >= 5
    assert intervals[0] < 0.6 * intervals[-1]
    assert np.ptp(intervals[1:]) <= max(dt_ms, 0.05 * intervals[-1])


def intrinsically_bursting(pattern: FiringPattern, dt_ms: float) -> None:
    """A burst first, then single spikes at a steady pace."""
    mixed_mode(pattern, dt_ms)
    steady = np.diff(spikes_of(pattern, dt_ms))[-5:]
    assert np.ptp(steady) <= 1.01 * dt_ms


def chattering(pattern: FiringPattern, dt_ms: float) -> None:
    """Burst after burst, with spikes so close that they come at more than 150 Hz."""
    groups = bursts(spikes_of(pattern, dt_ms), 20.0)
    assert len(groups) >= 4
    assert all(group.size >= 3 for group in groups)
    assert all(1000 / np.diff(group).mean() > 150 for group in groups)


def fast_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """Several times the rate of a regular-spiking cell with the same current, with little adaptation."""
    spikes = spikes_of(pattern, dt_ms)
    regular = with_current(FIRING_PATTERNS["regular spiking"], *pattern.injections)
    assert spikes.size > 3 * spikes_of(regular, dt_ms).size
    steady = np.diff(spikes)[2:]
    assert steady.max() < 1.3 * steady.min()


def low_threshold_spiking(pattern: FiringPattern, dt_ms: float) -> None:
    """Fires at a current that leaves regular- and fast-spiking cells silent, and adapts."""
    weak = Injection(20, float("inf"), 2.0)
    intervals = np.diff(spikes_of(pattern, dt_ms))
    assert intervals[-1] > 2 * intervals[0]
    assert spikes_of(with_current(pattern, weak), dt_ms).size > 3
    for name in ("regular spiking", "fast spiking"):
        assert spikes_of(with_current(FIRING_PATTERNS[name], weak), dt_ms).size == 0


CHECKS: dict[str, Callable[[FiringPattern, float], None]] = {
    "tonic spiking": tonic_spiking,
    "phasic spiking": phasic_spiking,
    "tonic bursting": tonic_bursting,
    "phasic bursting": phasic_bursting,
    "mixed mode": mixed_mode,
    "spike frequency adaptation": spike_frequency_adaptation,
    "class 1 excitable": class_1_excitable,
    "class 2 excitable": class_2_excitable,
    "spike latency": spike_latency,
    "subthreshold oscillation": subthreshold_oscillation,
    "resonator": resonator,
    "integrator": integrator,
    "rebound spike": rebound_spike,
    "rebound burst": rebound_burst,
    "threshold variability": threshold_variability,
    "bistability": bistability,
    "inhibition-induced spiking": inhibition_induced_spiking,
    "regular spiking": regular_spiking,
    "intrinsically bursting": intrinsically_bursting,
    "chattering": chattering,
    "fast spiking": fast_spiking,
    "low-threshold spiking": low_threshold_spiking,
}


def test_every_pattern_is_checked() -> None:
    assert set(CHECKS) == set(FIRING_PATTERNS)


@pytest.mark.slow
@pytest.mark.parametrize("dt_ms", [1.0, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_pattern_shows_what_it_is_named_for(name: str, dt_ms: float) -> None:
    CHECKS[name](FIRING_PATTERNS[name], dt_ms)
