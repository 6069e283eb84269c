"""The what rule: at the end of a trial, two factors (Yamada & Chao, arXiv:2510.14382).

N cells, K events, M cues. ``x_mean``, (N,), is each cell's mean trace over the what window, spikes per ms;
``p``, (K,), the estimate of each event's probability, not clipped. All is float64 in physical units.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.learning.readouts import fixed_read_out
from lava_predict.learning.traces import fixed_grade_traces
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.settings.schema import Config, ReadoutSettings
from lava_predict.tasks import Segment


class Memory(NamedTuple):
    """What the what rule changes.

    Attributes
    ----------
    x_sum : (N,) float64 or int64
        Sum over the what window of the trial so far: of the traces, spikes per ms or `PAYLOAD_FRACTION` bits,
        or of spikes, as the when rule has it.
    w : (C K, N) float64 or int32
        Weights, ms, K rows for each of C cues that have their own; or 24 bits with
        ``fixed.readout_fraction_bits`` behind the point.
    trials : (M,) int64
        Trials with each cue that the rate counts; a surprise reduces it.
    error : (M, K) float64
        Running mean of the error after each cue.
    """

    x_sum: np.ndarray
    w: np.ndarray
    trials: np.ndarray
    error: np.ndarray


class Reading(NamedTuple):
    """What the what readout reads at the end of a trial or probe.

    Attributes
    ----------
    x : (N,) float64
        Input of the readout: mean traces over the what window, spikes per ms; or as the when rule has it.
    cue : int
        The cue that trials and errors are counted for; below 0 if it is not known.
    block : int
        Which block of K rows of the weights it is read with.
    """

    x: np.ndarray
    cue: int
    block: int


def mean_traces(when: Any, x_sum: np.ndarray, segment: Segment, config: Config) -> Reading:
    """Return mean traces, with weights that all cues share: what is read unless the when rule differs."""
    low, high = (config.steps(time) for time in config.readout.what_window_ms)
    return Reading(x_sum / (high - low), segment.cue, 0)


def start(cells: int, events: int, cues: int, blocks: int = 1, fixed: bool = False) -> Memory:
    """Return the memory before the first trial, all 0; weights and sums of integers if ``fixed``.

    The weights are ``blocks`` of K rows.
    """
    return Memory(
        x_sum=np.zeros(cells, np.int64 if fixed else np.float64),
        w=np.zeros((blocks * events, cells), np.int32 if fixed else np.float64),
        trials=np.zeros(cues, np.int64),
        error=np.zeros((cues, events)),
    )


@lean_kernel
def estimate(w: np.ndarray, x_mean: np.ndarray, p: np.ndarray) -> float:
    """Write W_what . x_mean, summed in ascending order of cells, to ``p``, and return |x_mean|^2."""
    norm = 0.0
    for j in range(x_mean.size):
        norm += x_mean[j] * x_mean[j]
    for k in range(p.size):
        total = 0.0
        for j in range(x_mean.size):
            total += w[k, j] * x_mean[j]
        p[k] = total
    return norm


@lean_kernel
def outcome_delta(
    w: np.ndarray, x_mean: np.ndarray, outcome: int, p: np.ndarray, rate: float, norm: float
) -> None:
    """Change the what weights by mean trace x outcome error.

    W_k += rate * (y_k - p_k) * x_mean / |x_mean|^2, where y is 1 for the ``outcome`` and 0 for other events;
    an outcome of -1 is an omission. With a rate of 1 / (n + 1) the estimate is the running mean of the
    outcomes; a floor on the rate makes it forget. Nothing is learned where |x_mean|^2 is 0 (a silent
    reservoir).
    """
    if norm <= 0.0:
        return
    for k in range(p.size):
        y = 1.0 if k == outcome else 0.0
        step = rate * (y - p[k]) / norm
        for j in range(x_mean.size):
            w[k, j] += step * x_mean[j]


@lean_kernel
def observe(memory: Memory, x: np.ndarray) -> None:
    """Add a step's traces, (N,), to the sum over the what window."""
    for j in range(x.size):
        memory.x_sum[j] += x[j]


@lean_kernel
def fixed_observe(
    memory: Memory, x: np.ndarray, fraction: int, rounding: int, xq: np.ndarray, what_drive: np.ndarray
) -> None:
    """Read out a step's traces in integers, and add them to the sum over the what window.

    ``x``, (N,) int32, has `TRACE_FRACTION` bits; ``xq``, (N,) int32, and ``what_drive``, (K,) int32, get the
    graded traces and W_what . x, of `PAYLOAD_FRACTION` bits. The weights have ``fraction`` bits.
    """
    fixed_grade_traces(x, rounding, xq)
    fixed_read_out(memory.w, xq, fraction, rounding, what_drive)
    observe(memory, xq)


def read_estimate(memory: Memory, reading: Reading) -> np.ndarray:
    """Return ``p`` at the end of a trial or probe; 0 after a cue that is not known."""
    p = np.zeros(memory.error.shape[1])
    if reading.cue >= 0:
        estimate(rows_of(memory, reading), reading.x, p)
    return p


def rows_of(memory: Memory, reading: Reading) -> np.ndarray:
    """Return the weights that a reading is of, (K, N), not copied."""
    events = memory.error.shape[1]
    return memory.w[reading.block * events : (reading.block + 1) * events]


def learn_outcome(
    memory: Memory, reading: Reading, outcome: int, p: np.ndarray, readout: ReadoutSettings
) -> None:
    """Apply the what rule at the end of a trial, in place.

    The rate is 1 / (n + 1), n trials with this cue, but at least ``what_rate``. The outcome's error also
    moves a running mean, (K,), which stays near 0 while the estimate is right. After a switch it does not.
    Where its length passes the threshold, this surprise reduces n, so that the estimate soon consists of
    outcomes since the switch. The length tells a switch, in which events change places, from chance better
    than the largest error does. The rule is local to the readout.

    Parameters
    ----------
    memory : Memory
        In physical units; ``w``, ``trials`` and ``error`` change.
    reading : Reading
        Of this trial.
    outcome : int
        The event that occurred or -1.
    p : (K,) float64
        As `read_estimate` gave it for this trial.
    readout : ReadoutSettings
        Its ``what_rate`` and the three ``surprise_*`` settings.
    """
    cue, error = reading.cue, memory.error[reading.cue]
    for k in range(p.size):
        y = 1.0 if k == outcome else 0.0
        error[k] += readout.surprise_rate * ((y - p[k]) - error[k])
    if np.sqrt((error**2).sum()) > readout.surprise_threshold:
        error[:] = 0.0
        memory.trials[cue] = readout.surprise_trials
    rate = max(readout.what_rate, 1.0 / (int(memory.trials[cue]) + 1))
    w = rows_of(memory, reading)
    norm = estimate(w, reading.x, np.empty_like(p))
    outcome_delta(w, reading.x, outcome, p, rate, norm)
    memory.trials[cue] += 1
