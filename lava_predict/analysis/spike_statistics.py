"""What two runs' spikes have in common: rates, regularity, when they part, and how far apart they are.

Nothing here knows how the spikes came about, so float and fixed point, two seeds, or a run and its
disturbed copy are compared alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lava_predict.numerics.compiled import kernel

if TYPE_CHECKING:
    from lava_predict.engines import Played

_ROUNDING = 1e-11
"""Squared distances below this share of what they are the difference of are rounding, hence 0."""


@dataclass(frozen=True)
class Raster:
    """The spikes of all cells over a stretch of steps. S spikes.

    Attributes
    ----------
    step, cell : (S,) uint32
        Step and cell of each spike, in order of step, then of cell; no spike twice.
    cells, steps : int
        How many cells there are, and how many steps were simulated.
    dt_ms : float
        Time step, ms.
    """

    step: np.ndarray
    cell: np.ndarray
    cells: int
    steps: int
    dt_ms: float = 1.0

    @property
    def duration_s(self) -> float:
        """Simulated time, s."""
        return self.steps * self.dt_ms / 1000.0

    def spikes_per_cell(self) -> np.ndarray:
        """Count the spikes of each cell, (cells,) int64."""
        return np.bincount(self.cell, minlength=self.cells)

    def trains(self) -> list[np.ndarray]:
        """Return the steps at which each cell spiked, ascending, as int64 arrays, one a cell."""
        order = np.argsort(self.cell, kind="stable")
        ends = np.cumsum(self.spikes_per_cell())
        return np.split(self.step[order].astype(np.int64), ends[:-1])


def raster_of(played: Iterable[Played], cells: int, dt_ms: float) -> Raster:
    """Lay the spikes of segments that an engine has played end to end.

    Parameters
    ----------
    played : iterable of Played
        At least one, in order.
    cells : int
        How many cells there are.
    dt_ms : float
        Time step, ms.

    Returns
    -------
    Raster
        See there.
    """
    steps = 0
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    for record in played:
        columns.append((record.spike_step + np.uint32(steps), record.spike_cell))
        steps += record.segment.steps
    step, cell = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Raster(step, cell, cells, steps, dt_ms)


def firing_rates(raster: Raster) -> np.ndarray:
    """Mean rate of each cell.

    Parameters
    ----------
    raster : Raster
        Spikes.

    Returns
    -------
    (cells,) float64
        Rates, Hz.
    """
    return np.asarray(raster.spikes_per_cell() / raster.duration_s)


def silent_share(raster: Raster) -> float:
    """Share of the cells that never spike."""
    return float(np.mean(raster.spikes_per_cell() == 0))


def interval_cv(raster: Raster) -> np.ndarray:
    """Coefficient of variation of each cell's inter-spike intervals: 0 for a clock, 1 for a Poisson train.

    Parameters
    ----------
    raster : Raster
        Spikes.

    Returns
    -------
    (cells,) float64
        Standard deviation (of the intervals there are) over mean; NaN for a cell with fewer than 3 spikes.
    """
    order = np.argsort(raster.cell, kind="stable")
    cell = raster.cell[order].astype(np.int64)
    interval = np.diff(raster.step[order].astype(np.int64))[cell[1:] == cell[:-1]]
    of_cell = cell[1:][cell[1:] == cell[:-1]]
    count = np.bincount(of_cell, minlength=raster.cells)
    total = np.bincount(of_cell, weights=interval, minlength=raster.cells)
    squares = np.bincount(of_cell, weights=interval**2, minlength=raster.cells)
    cv = np.full(raster.cells, np.nan)
    known = count >= 2
    # Sums of whole numbers are exact in float64, so a regular train gives exactly 0.
    spread = count[known] * squares[known] - total[known] ** 2
    cv[known] = np.sqrt(spread) / total[known]
    return cv


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two quantities of the same cells.

    Parameters
    ----------
    one, other : (n,) float64
        For instance rates, or weights.

    Returns
    -------
    float
        NaN where it has no meaning: fewer than two entries, or all entries alike.
    """
    if np.size(one) < 2 or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def rate_correlation(one: Raster, other: Raster) -> float:
    """Pearson's correlation over cells of two runs' rates; NaN where `pearson` is."""
    return pearson(firing_rates(one), firing_rates(other))


def differing_spikes(one: Raster, other: Raster, tolerance_steps: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of either raster that the same cell of the other one lacks.

    Parameters
    ----------
    one, other : Raster
        Of the same cells and steps.
    tolerance_steps : int
        A spike has its counterpart if the other raster has one within so many steps of it.

    Returns
    -------
    step, cell : (D,) int64
        Of these spikes, in order of step, then of cell.
    """
    _require_alike(one, other)
    # Trains are laid end to end, further apart than the tolerance, so that one search serves all cells.
    span = one.steps + tolerance_steps
    keys = [np.sort(raster.cell.astype(np.int64) * span + raster.step) for raster in (one, other)]
    lacking = [_lacking(keys[0], keys[1], tolerance_steps), _lacking(keys[1], keys[0], tolerance_steps)]
    cell, step = np.divmod(np.unique(np.concatenate(lacking)), span)
    order = np.lexsort((cell, step))
    return step[order], cell[order]


def _require_alike(one: Raster, other: Raster) -> None:
    if (one.cells, one.steps, one.dt_ms) != (other.cells, other.steps, other.dt_ms):
        raise ValueError("only rasters of the same cells, steps and time step can be compared")


def _lacking(keys: np.ndarray, others: np.ndarray, tolerance: int) -> np.ndarray:
    """Entries of ``keys`` without one of ``others`` (both ascending) within the tolerance."""
    nearest_after = np.searchsorted(others, keys - tolerance)
    padded = np.append(others, np.iinfo(np.int64).max)
    return np.asarray(keys[padded[nearest_after] > keys + tolerance])


def divergence_horizon(one: Raster, other: Raster, tolerance_steps: int = 0) -> int | None:
    """First step at which the two rasters differ.

    Parameters
    ----------
    one, other : Raster
        Of the same cells and steps.
    tolerance_steps : int
        As in `differing_spikes`; 0 asks for the same spikes at the same steps.

    Returns
    -------
    int or None
        Step of the first spike without its counterpart; None if there is none.
    """
    step, _ = differing_spikes(one, other, tolerance_steps)
    return int(step[0]) if step.size else None


def differing_share(
    one: Raster, other: Raster, window_steps: int = 200, tolerance_steps: int = 0
) -> np.ndarray:
    """Of the cells that spike lately, the share whose spikes differ between the two rasters.

    A chaotic network parts for good once a difference has spread, but the first differing spike says
    little about when that happens: single cells differ, and agree again, long before. This share is
    near 0 as long as the runs go together and near 1 once they share only their statistics. Cells
    that are silent in both rasters say nothing and do not count, so the share depends little on
    the rates.

    Parameters
    ----------
    one, other : Raster
        Of the same cells and steps.
    window_steps : int
        "Lately" is in the last so many steps, the present one included.
    tolerance_steps : int
        As in `differing_spikes`: above 0, a slight jitter of a spike is no difference.

    Returns
    -------
    (steps,) float64
        Share of the cells with a spike in either raster; 0 where there is no spike at all, NaN until
        the window is complete, when a few cells would decide.
    """
    either = np.unique(np.concatenate([r.cell.astype(np.int64) * one.steps + r.step for r in (one, other)]))
    differing = _cells_lately(*differing_spikes(one, other, tolerance_steps), one.steps, window_steps)
    spiking = _cells_lately(either % one.steps, either // one.steps, one.steps, window_steps)
    share = differing / np.maximum(spiking, 1)
    share[: window_steps - 1] = np.nan
    return np.asarray(share)


def _cells_lately(step: np.ndarray, cell: np.ndarray, steps: int, window: int) -> np.ndarray:
    """Count the cells with at least one of the spikes within the last ``window`` steps, (steps,) int64."""
    order = np.lexsort((step, cell))
    step, cell = step[order], cell[order]
    # A spike counts for its cell for the length of the window, or until the cell's next one takes over.
    until = np.minimum(step + window, steps)
    same = cell[1:] == cell[:-1]
    until[:-1][same] = np.minimum(until[:-1], step[1:])[same]
    change = np.bincount(step, minlength=steps + 1) - np.bincount(until, minlength=steps + 1)
    return np.asarray(np.cumsum(change)[:steps])


def population_horizon(
    one: Raster, other: Raster, threshold: float = 0.5, window_steps: int = 200, tolerance_steps: int = 0
) -> int | None:
    """First step at which so many of the active cells differ that the two runs have parted as a whole.

    Parameters
    ----------
    one, other : Raster
        Of the same cells and steps.
    threshold : float
        The share that `differing_share` must exceed.
    window_steps, tolerance_steps : int
        As in `differing_share`; the window ends at the step that is returned.

    Returns
    -------
    int or None
        None if the share never exceeds the threshold.
    """
    apart = np.flatnonzero(differing_share(one, other, window_steps, tolerance_steps) > threshold)
    return int(apart[0]) if apart.size else None


class DistanceOverLag(NamedTuple):
    """Distance of two rasters, cell by cell, for one of them moved against the other. L most lag.

    Attributes
    ----------
    lag_steps : (2 L + 1,) int64
        From -L to L; positive where ``other`` comes later than ``one``.
    distance : (cells, 2 L + 1) float64
        0 for identical trains, about 1 for unrelated ones; NaN where both trains are silent.
    """

    lag_steps: np.ndarray
    distance: np.ndarray


def distance_over_lag(one: Raster, other: Raster, tau_ms: float, most_lag_steps: int) -> DistanceOverLag:
    """Van Rossum's spike-train distance (2001, doi 10.1162/089976601300014321) for a range of lags.

    Spikes at t_i and s_j are replaced by exp(-(t - t_i) / tau) for t >= t_i; the squared difference of the
    two traces, integrated over all time and divided by tau, is

        D^2 = 1/2 (S_1 + S_2 - 2 C),    S_1 = sum_ii' exp(-|t_i - t_i'| / tau),
                                        C   = sum_ij  exp(-|t_i - s_j| / tau), S_2 like S_1.

    Move one train at random and C becomes n_1 n_2 kappa on average, with n_1 and n_2 the numbers of
    spikes and kappa the mean of exp(-|i - j| / tau) over all pairs of steps. What is returned is

        sqrt((S_1 + S_2 - 2 C) / (S_1 + S_2 - 2 n_1 n_2 kappa)),

    so that trains with nothing in common but their own rates and regularity have a mean square of 1,
    Poisson trains or others, whatever tau. Above 1 they avoid each other.

    At a lag, a spike of ``other`` at step s is compared with step s - lag of ``one``. The first
    and last ``most_lag_steps`` of ``one`` are left out, so that every lag compares as many steps, all
    of them simulated: a raster and its shifted copy are at distance 0, even where the shift has cut
    spikes off.

    Parameters
    ----------
    one, other : Raster
        Of the same cells and steps.
    tau_ms : float
        Time constant, ms: below it differences in time count little.
    most_lag_steps : int
        L; less than half of the steps.

    Returns
    -------
    DistanceOverLag
        Lags and distances.
    """
    _require_alike(one, other)
    if not 0 <= 2 * most_lag_steps < one.steps:
        raise ValueError(
            f"most_lag_steps = {most_lag_steps}: must be from 0 to below half of {one.steps} steps"
        )
    decay = float(np.exp(-one.dt_ms / tau_ms))
    distance = np.empty((one.cells, 2 * most_lag_steps + 1))
    for cell, (first, second) in enumerate(zip(one.trains(), other.trains(), strict=True)):
        distance[cell] = _train_distance(first, second, one.steps, decay, most_lag_steps)
    return DistanceOverLag(np.arange(-most_lag_steps, most_lag_steps + 1), distance)


def _train_distance(
    first: np.ndarray, second: np.ndarray, steps: int, decay: float, most_lag: int
) -> np.ndarray:
    """Return the distance of two trains (steps of their spikes) for every lag, (2 most_lag + 1,)."""
    compared = steps - 2 * most_lag
    first = first[(first >= most_lag) & (first < steps - most_lag)] - most_lag
    starts = np.arange(2 * most_lag + 1)
    self_terms = (
        _self_terms(first, compared, decay, compared, starts[:1])
        + _self_terms(second, steps, decay, compared, starts)
    )  # fmt: skip
    spikes_until = np.searchsorted(second, [starts, starts + compared])
    unrelated = first.size * (spikes_until[1] - spikes_until[0]) * _mean_overlap(compared, decay)
    # Gathered per spike of the second train: the first one, smoothed, around that spike.
    smoothed = np.pad(_smoothed(first, compared, decay), 2 * most_lag)
    around = np.lib.stride_tricks.sliding_window_view(smoothed, 2 * most_lag + 1)
    cross_terms = around[second].sum(axis=0)[::-1]
    squared = self_terms - 2.0 * cross_terms
    squared[squared < _ROUNDING * self_terms] = 0.0
    expected = self_terms - 2.0 * unrelated
    comparable = expected > _ROUNDING * self_terms
    ratio = np.divide(squared, expected, out=np.full(starts.size, np.nan), where=comparable)
    return np.asarray(np.sqrt(ratio))


def _self_terms(train: np.ndarray, steps: int, decay: float, window: int, starts: np.ndarray) -> np.ndarray:
    """Sum exp(-|t_i - t_j| / tau) over all pairs within windows of so many steps, one a start."""
    spikes = np.zeros(steps)
    spikes[train] = 1.0
    past = _leaky_count(spikes, decay)
    future = np.append(_leaky_count(spikes[::-1].copy(), decay)[::-1], 0.0)
    # Each spike with itself once and with all before it twice, less the pairs that reach behind the start.
    pairs = np.append(0.0, np.cumsum(spikes * (2.0 * past - 1.0)))
    inside = future[starts] - decay**window * future[starts + window]
    behind = decay * np.append(0.0, past)[starts]
    return np.asarray(pairs[starts + window] - pairs[starts] - 2.0 * behind * inside)


def _smoothed(train: np.ndarray, steps: int, decay: float) -> np.ndarray:
    """Sum exp(-|t - t_i| / tau) over the train's spikes at every step, (steps,)."""
    spikes = np.zeros(steps)
    spikes[train] = 1.0
    past, future = _leaky_count(spikes, decay), _leaky_count(spikes[::-1].copy(), decay)[::-1]
    return np.asarray(past + future - spikes)


@kernel
def _leaky_count(spikes: np.ndarray, decay: float) -> np.ndarray:
    """Count spikes, each fading by ``decay`` a step, (steps,)."""
    count = np.empty(spikes.size)
    level = 0.0
    for step in range(spikes.size):
        level = level * decay + spikes[step]
        count[step] = level
    return count


def _mean_overlap(steps: int, decay: float) -> float:
    """Return the mean of decay^|i - j| over all pairs (i, j) of so many steps."""
    apart = np.arange(1, steps)
    return float(steps + 2.0 * np.sum((steps - apart) * decay**apart)) / steps**2


class SpikeTimeLag(NamedTuple):
    """How much later than a reference a cell spikes, spike by spike.

    Attributes
    ----------
    reference_ms : (spikes,) float64
        When the reference's n-th spike comes, for every n that both trains reach.
    lag_ms : (spikes,) float64
        How much later the other train's n-th spike comes.
    """

    reference_ms: np.ndarray
    lag_ms: np.ndarray

    @property
    def last_ms(self) -> float:
        """Lag of the last common spike, ms; NaN without one."""
        return float(self.lag_ms[-1]) if self.lag_ms.size else float("nan")

    @property
    def per_second(self) -> float:
        """Lag of the last common spike per second since time 0, ms / s; NaN without one."""
        return 1000.0 * self.last_ms / float(self.reference_ms[-1]) if self.lag_ms.size else float("nan")


def spike_time_lag(reference_ms: np.ndarray, other_ms: np.ndarray) -> SpikeTimeLag:
    """Compare two spike trains of one cell, n-th spike with n-th spike.

    Parameters
    ----------
    reference_ms, other_ms : (spikes,) float64
        Times of the spikes since the stimulus began, above 0, ascending, ms; one may have more.

    Returns
    -------
    SpikeTimeLag
        For the spike numbers that both reach.
    """
    common = min(reference_ms.size, other_ms.size)
    reference = np.asarray(reference_ms[:common], np.float64)
    return SpikeTimeLag(reference, other_ms[:common] - reference)
