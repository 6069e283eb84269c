"""Rates and regularity of spikes, and how two runs' spikes compare: when they diverge, and how far.

Nothing here knows how the spikes were produced, so float and fixed point, two seeds, or a run and its
disturbed copy are compared in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lava_predict.tasks import Played

_ROUNDING = 1e-11
"""A squared distance below this share of the terms that it is the difference of is rounding, hence 0."""


@dataclass(frozen=True)
class Raster:
    """The spikes of so many cells over so many simulated steps.

    ``step`` and ``cell``, (spikes,) uint32, are in order of step, then of cell; no spike occurs twice.
    """

    step: np.ndarray
    cell: np.ndarray
    cells: int
    steps: int
    dt_ms: float = 1.0

    def spikes_per_cell(self) -> np.ndarray:
        """Count the spikes of each cell, (cells,) int64."""
        return np.bincount(self.cell, minlength=self.cells)

    def trains(self) -> list[np.ndarray]:
        """Return the steps at which each cell spiked, ascending, as int64 arrays, one per cell."""
        order = np.argsort(self.cell, kind="stable")
        ends = np.cumsum(self.spikes_per_cell())
        return np.split(self.step[order].astype(np.int64), ends[:-1])


def raster_of(played: Iterable[Played], cells: int, dt_ms: float) -> Raster:
    """Join the spikes of segments that an engine has played, at least one and in order, end to end."""
    steps = 0
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    for record in played:
        columns.append((record.spike_step + np.uint32(steps), record.spike_cell))
        steps += record.segment.steps
    step, cell = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Raster(step, cell, cells, steps, dt_ms)


def firing_rates(raster: Raster) -> np.ndarray:
    """Return the mean rate of each cell, Hz, (cells,) float64: Elephant's ``mean_firing_rate``."""
    return np.asarray(raster.spikes_per_cell() / (raster.steps * raster.dt_ms / 1000.0))


def silent_share(raster: Raster) -> float:
    """Return the share of the cells that never spike."""
    return float(np.mean(raster.spikes_per_cell() == 0))


def interval_cv(raster: Raster) -> np.ndarray:
    """Coefficient of variation of each cell's intervals: 0 for a clock, 1 for a Poisson train, (cells,).

    It is Elephant's ``cv`` of its ``isi``, where there are at least 3 spikes.
    The standard deviation is that of the intervals there are; NaN for a cell with fewer than 3 spikes.
    """
    intervals = [np.diff(train) for train in raster.trains()]
    return np.array([each.std() / each.mean() if each.size > 1 else np.nan for each in intervals])


def fano_factor(presentations: Sequence[Raster]) -> np.ndarray:
    """Variance over mean of each cell's spike count in several presentations, (cells,).

    It is Elephant's ``fanofactor``: 0 for equal counts, 1 for Poisson trains, NaN for a silent cell.
    """
    counts = np.array([each.spikes_per_cell() for each in presentations])
    mean = counts.mean(axis=0)
    return np.divide(counts.var(axis=0), mean, out=np.full(mean.shape, np.nan), where=mean > 0.0)


def count_correlation(raster: Raster, bin_steps: int) -> np.ndarray:
    """Pearson's correlation of the cells' spike counts in bins of so many steps, (cells, cells).

    It is Elephant's ``correlation_coefficient`` of its ``BinnedSpikeTrain``; steps that fill no bin are left
    out. NaN for a cell whose counts are all alike.
    """
    bins = raster.steps // bin_steps
    counts = np.zeros((raster.cells, bins))
    inside = raster.step < bins * bin_steps
    np.add.at(counts, (raster.cell[inside], raster.step[inside] // bin_steps), 1.0)
    counts -= counts.mean(axis=1, keepdims=True)
    length = np.linalg.norm(counts, axis=1)
    length[length == 0.0] = np.nan
    return np.asarray(counts @ counts.T / np.outer(length, length))


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two (n,) quantities; NaN for n below 2, or where one has all entries alike."""
    if np.size(one) < 2 or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def rate_correlation(one: Raster, other: Raster) -> float:
    """Return Pearson's correlation over cells of two runs' rates; NaN where `pearson` is."""
    return pearson(firing_rates(one), firing_rates(other))


def differing_spikes(one: Raster, other: Raster) -> tuple[np.ndarray, np.ndarray]:
    """Find the spikes of either raster that the other one, of the same cells and steps, lacks.

    Returns their steps and cells, (D,) int64, in order of step, then of cell.
    """
    _require_alike(one, other)
    step, cell = np.divmod(np.setxor1d(_places(one), _places(other), assume_unique=True), one.cells)
    return step, cell


def _require_alike(one: Raster, other: Raster) -> None:
    if (one.cells, one.steps, one.dt_ms) != (other.cells, other.steps, other.dt_ms):
        raise ValueError("only rasters of the same cells, steps and time step can be compared")


def _places(raster: Raster) -> np.ndarray:
    """Return the place of every spike in a table of steps by cells, row after row."""
    return np.asarray(raster.step.astype(np.int64) * raster.cells + raster.cell)


def divergence_horizon(one: Raster, other: Raster) -> int | None:
    """Return the first step at which the two rasters differ; None if they are the same."""
    step, _ = differing_spikes(one, other)
    return int(step[0]) if step.size else None


def differing_share(one: Raster, other: Raster, window_steps: int = 200) -> np.ndarray:
    """Of the recently active cells, the share whose spikes differ between two rasters, (steps,).

    A chaotic network diverges for good once a difference has spread, but the first differing spike says
    little about when that happens: single cells differ, and agree again, long before. This share is
    near 0 as long as the runs stay together and near 1 once they share only their statistics. Cells
    that are silent in both rasters do not count, so the share depends little on the rates.

    A cell is recently active if it spiked in the last ``window_steps`` steps of either raster, now included.
    The share is 0 where no cell is, and NaN until the window is complete, as a few cells would decide.
    """
    either = np.divmod(np.union1d(_places(one), _places(other)), one.cells)
    differing = _recently_active(*differing_spikes(one, other), one.steps, window_steps)
    share = differing / np.maximum(_recently_active(*either, one.steps, window_steps), 1)
    share[: window_steps - 1] = np.nan
    return np.asarray(share)


def _recently_active(step: np.ndarray, cell: np.ndarray, steps: int, window: int) -> np.ndarray:
    """Count the cells with at least one of the spikes within the last ``window`` steps, (steps,) int64."""
    order = np.lexsort((step, cell))
    step, cell = step[order], cell[order]
    # A spike counts for its cell for the length of the window, or until the cell's next one takes over.
    until = np.minimum(step + window, steps)
    same = cell[1:] == cell[:-1]
    until[:-1][same] = np.minimum(until[:-1], step[1:])[same]
    change = np.bincount(step, minlength=steps + 1) - np.bincount(until, minlength=steps + 1)
    return np.asarray(np.cumsum(change)[:steps])


def population_horizon(share: np.ndarray, threshold: float = 0.5) -> int | None:
    """Return the first step at which a `differing_share` exceeds the threshold; None if it never does."""
    apart = np.flatnonzero(share > threshold)
    return int(apart[0]) if apart.size else None


def distance_over_lag(one: Raster, other: Raster, tau_ms: float, most_lag_steps: int) -> np.ndarray:
    """Van Rossum's spike-train distance (2001, doi 10.1162/089976601300014321), cell by cell, over lag.

    The lags, in steps, are -L .. L for L = ``most_lag_steps``, above 0 where ``other`` comes later than
    ``one``. The distance, (cells, 2 L + 1), is 0 for identical trains, about 1 for unrelated ones, and NaN
    where both trains are silent.

    Spikes at t_i and s_j are replaced by exp(-(t - t_i) / tau) for t >= t_i; the squared difference of the
    two traces, integrated over all time and divided by tau, ``tau_ms``, is

        D^2 = 1/2 (S_1 + S_2 - 2 C),    S_1 = sum_ii' exp(-|t_i - t_i'| / tau),
                                        C   = sum_ij  exp(-|t_i - s_j| / tau), S_2 like S_1.

    Move one train at random and C becomes n_1 n_2 kappa on average, with n_1 and n_2 the numbers of
    spikes and kappa the mean of exp(-|i - j| / tau) over all pairs of steps. The distance returned is

        sqrt((S_1 + S_2 - 2 C) / (S_1 + S_2 - 2 n_1 n_2 kappa)),

    so that trains with nothing in common but their own rates and regularity have a mean square of 1,
    Poisson trains or others, whatever tau. Above 1 they avoid each other.
    Differences in time below tau count little.

    At a lag, a spike of ``other`` at step s is compared with step s - lag of ``one``. The first and last
    ``most_lag_steps``, less than half of all, are left out of ``one``, so that every lag compares the same
    number of steps, all of them simulated: a raster and its shifted copy are at distance 0, even where the
    shift has cut spikes off.
    """
    _require_alike(one, other)
    if not 0 <= 2 * most_lag_steps < one.steps:
        raise ValueError(
            f"most_lag_steps = {most_lag_steps}: must be from 0 to below half of {one.steps} steps"
        )
    decay = float(np.exp(-one.dt_ms / tau_ms))
    overlap = _mean_overlap(one.steps - 2 * most_lag_steps, decay)
    distance = np.empty((one.cells, 2 * most_lag_steps + 1))
    for cell, (first, second) in enumerate(zip(one.trains(), other.trains(), strict=True)):
        distance[cell] = _train_distance(first, second, one.steps, decay, overlap, most_lag_steps)
    return distance


def _train_distance(
    first: np.ndarray, second: np.ndarray, steps: int, decay: float, overlap: float, most_lag: int
) -> np.ndarray:
    """Return the distance of two trains (steps of their spikes) for every lag, (2 most_lag + 1,)."""
    compared = steps - 2 * most_lag
    first = first[(first >= most_lag) & (first < steps - most_lag)] - most_lag
    starts = np.arange(2 * most_lag + 1)
    spikes, past, future = _leaky_counts(first, compared, decay)
    smoothed = past + future - spikes
    self_terms = smoothed[first].sum() + _self_terms(second, steps, decay, compared, starts)
    spikes_until = np.searchsorted(second, [starts, starts + compared])
    unrelated = first.size * (spikes_until[1] - spikes_until[0]) * overlap
    # Gathered per spike of the second train: the first one, smoothed, around that spike.
    around = np.lib.stride_tricks.sliding_window_view(np.pad(smoothed, 2 * most_lag), 2 * most_lag + 1)
    cross_terms = around[second].sum(axis=0)[::-1]
    squared = self_terms - 2.0 * cross_terms
    squared[squared < _ROUNDING * self_terms] = 0.0
    expected = self_terms - 2.0 * unrelated
    comparable = expected > _ROUNDING * self_terms
    ratio = np.divide(squared, expected, out=np.full(starts.size, np.nan), where=comparable)
    return np.asarray(np.sqrt(ratio))


def _self_terms(train: np.ndarray, steps: int, decay: float, window: int, starts: np.ndarray) -> np.ndarray:
    """Sum exp(-|t_i - t_j| / tau) over all pairs within a window of so many steps from each start."""
    spikes, past, future = _leaky_counts(train, steps, decay)
    future = np.append(future, 0.0)
    # Each spike with itself once and with all before it twice, less the pairs that reach behind the start.
    pairs = np.append(0.0, np.cumsum(spikes * (2.0 * past - 1.0)))
    inside = future[starts] - decay**window * future[starts + window]
    behind = decay * np.append(0.0, past)[starts]
    return np.asarray(pairs[starts + window] - pairs[starts] - 2.0 * behind * inside)


def _leaky_counts(train: np.ndarray, steps: int, decay: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mark a train's spikes and count them, fading by ``decay`` a step, forwards and backwards, (steps,)."""
    from scipy.signal import lfilter  # slow to import, and rarely needed

    spikes = np.zeros(steps)
    spikes[train] = 1.0
    past, future = (lfilter([1.0], [1.0, -decay], each) for each in (spikes, spikes[::-1]))
    return spikes, past, future[::-1]


def _mean_overlap(steps: int, decay: float) -> float:
    """Return the mean of decay^|i - j| over all pairs (i, j) of so many steps."""
    apart = np.arange(1, steps)
    return float(steps + 2.0 * np.sum((steps - apart) * decay**apart)) / steps**2


class SpikeTimeLag(NamedTuple):
    """How much later than a reference a cell spikes, for every number of spikes that both trains reach.

    ``reference_ms`` is when the reference's n-th spike comes, ``lag_ms`` how much later the other's,
    (spikes,).
    """

    reference_ms: np.ndarray
    lag_ms: np.ndarray

    @property
    def per_second(self) -> float:
        """Lag of the last common spike per second since time 0, ms / s; NaN without one."""
        return float(1000.0 * self.lag_ms[-1] / self.reference_ms[-1]) if self.lag_ms.size else float("nan")


def spike_time_lag(reference_ms: np.ndarray, other_ms: np.ndarray) -> SpikeTimeLag:
    """Compare two trains by number of the spike; ms since the stimulus began, above 0 and ascending."""
    common = min(reference_ms.size, other_ms.size)
    reference = np.asarray(reference_ms[:common], np.float64)
    return SpikeTimeLag(reference, other_ms[:common] - reference)
