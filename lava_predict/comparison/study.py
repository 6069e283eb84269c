"""Float against fixed point: the same configuration in several precisions, beside their nulls.

Two float runs that differ by one unit in the last place, or in their noise, part as well; only what exceeds
that difference is the price of integers. So every figure stands beside these two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lava_predict.analysis.single_cell import CELLS, fi_curve, lag, simulate_fixed, simulate_float
from lava_predict.analysis.spike_statistics import (
    Raster,
    SpikeTimeLag,
    differing_share,
    distance_over_lag,
    divergence_horizon,
    firing_rates,
    interval_cv,
    population_horizon,
    raster_of,
    rate_correlation,
    silent_share,
)
from lava_predict.comparison.fewest_bits import knee
from lava_predict.engines import Played
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import Caution, RunError
from lava_predict.experiment.experiment import Experiment, Session
from lava_predict.network.arithmetic import FixedArithmetic, FloatArithmetic
from lava_predict.network.state import State
from lava_predict.pool import carry_out
from lava_predict.settings.files import config_from, with_changes
from lava_predict.settings.schema import Config, FixedSettings


class Variant(NamedTuple):
    """A way of running a configuration.

    Attributes
    ----------
    precision : str
        One of `PRECISIONS`.
    changes : tuple of (str, str, value)
        Section, key and value of the settings that differ.
    disturbed : bool
        Whether every cell's v starts one unit in the last place higher.
    """

    precision: str
    changes: tuple[tuple[str, str, Any], ...] = ()
    disturbed: bool = False


FLOAT, FIXED, ON_CHIP = "float", "fixed", "on-chip"
UNCENTRED, ULP, NOISE = "float, uncentred", "float + 1 ulp", "float, other noise"
NULLS = (ULP, NOISE)

STATE_WIDTHS = np.array([8, 10, 12, 14, 16, 20])
STATE_VARIABLES = ("v_bits", "u_bits", "s_bits", "trace_bits", "mean_bits", "readout_bits")
COEFFICIENT_WIDTHS = np.array([2, 3, 4, 5, 6, 8, 10, 12])
COEFFICIENTS = ("parameter_bits", "decay_bits", "weight_bits")

TOLERANCE = 1.25
"""A word length is good as long as the mean error is within this factor of that with full lengths: the mean
over the runs in fixed, float and both nulls, as a single run's error is off by a fifth."""

_MOST_SWEEP_SEEDS = 3
_RASTER_MS = 10_000.0
_LAG_MS = 50.0
_VAN_ROSSUM_MS = 10.0
_PARTED = 0.5
_SHORT_BITS = 8


def variants_of(config: Config) -> dict[str, Variant]:
    """Name the ways in which a configuration is run.

    Parameters
    ----------
    config : Config
        Its ``fixed`` section says what "fixed" and "on-chip" are.

    Returns
    -------
    dict of str to Variant
        The last two are the nulls.
    """
    uncentred = (
        ("readout", "centred", False),
        ("readout", "when_norm", "constant"),
        ("readout", "when_rate", config.fixed.on_chip_rate),
    )
    return {
        FLOAT: Variant("float"),
        FIXED: Variant("fixed", (("fixed", "learning", "own"),)),
        ON_CHIP: Variant("fixed", (("fixed", "learning", "on_chip"),)),
        UNCENTRED: Variant("float", uncentred),
        ULP: Variant("float", disturbed=True),
        NOISE: Variant("float", (("run", "draws", {"noise": config.run.draws.noise + 1}),)),
    }


class TaskUnit(NamedTuple):
    """One run of the task.

    Attributes
    ----------
    config : dict
        Settings, plain.
    precision : str
        One of `PRECISIONS`.
    disturbed : bool
        As in `Variant`.
    """

    config: dict[str, Any]
    precision: str
    disturbed: bool


@dataclass(frozen=True)
class TaskOutcome:
    """What a run of the task led to; the first cue's, where there are several.

    Attributes
    ----------
    block, trials : (probes,) int
        Block of each probe, and trials of it that had been learned.
    error : (probes,) float64
        Error divided by that of predicting nothing.
    amplitude : (blocks, K) float64
        Mean of o near each event at the last probe of a block.
    probability : (blocks, K) float64
        Estimate there, 0 .. 1.
    prediction, truth : (steps, K) float64
        Of the last probe of the first block.
    w_when : (K, N + 1) float64
        Weights then.
    rate_hz : float
        Mean rate.
    saturations : dict of str to int
        How often each variable hit its bounds; empty in float.
    """

    block: np.ndarray
    trials: np.ndarray
    error: np.ndarray
    amplitude: np.ndarray
    probability: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray
    w_when: np.ndarray
    rate_hz: float
    saturations: dict[str, int]


def _unit(config: Config, variant: Variant, seed: int, *more: tuple[str, str, Any]) -> TaskUnit:
    changed = with_changes(config, (*variant.changes, *more), seed)
    return TaskUnit(changed.to_dict(), variant.precision, variant.disturbed)


def disturbed(state: State) -> State:
    """Raise every cell's v by one unit in the last place."""
    return state._replace(v=np.nextafter(state.v, np.inf))


def run_task(unit: TaskUnit) -> TaskOutcome:
    """Carry out one run of the task on the reference engine; what is missing after it diverged is NaN."""
    experiment = Experiment(config_from(unit.config))
    session = experiment.start(precision=unit.precision)
    if unit.disturbed:
        state = session.state
        state.network = disturbed(state.network)
        session.restore(state)
    # With few bits a readout may leave all bounds; that is a finding too.
    with contextlib.suppress(RunError):
        session.advance(experiment.meet.first_trials[-1])
    return _task_outcome(experiment, session)


def _task_outcome(experiment: Experiment, session: Session) -> TaskOutcome:
    config, meet = experiment.config, experiment.meet
    due = [
        (number, trials)
        for number, block in enumerate(config.task.blocks)
        for trials in sorted({n for n in config.run.probe_trials if n <= block.trials} | {block.trials})
    ]
    probes, blocks = session.state.probes, session.blocks()
    error = np.full(len(due), np.nan)
    error[: len(probes)] = [p.error / p.zero_error if p.zero_error else np.nan for p in probes]
    amplitude, probability = np.full((2, len(config.task.blocks), config.task.events), np.nan)
    if len(probes) == len(due):
        amplitude[:] = [block.amplitude[0] for block in blocks]
        probability[:] = [block.probability_estimate[0] for block in blocks]
    last = [probe for probe in probes if probe.block == 0][-1:]
    after = slice(meet.cue_step, None)
    none = np.full_like(meet.truth(0, 0)[after], np.nan)
    trials = session.state.trials
    spikes, steps = (sum(getattr(trial, name) for trial in trials) for name in ("spikes", "steps"))
    seconds = steps * config.run.dt_ms / 1000.0
    return TaskOutcome(
        block=np.array([number for number, _ in due]),
        trials=np.array([trials for _, trials in due]),
        error=error,
        amplitude=amplitude,
        probability=probability,
        prediction=last[0].o[0, after] if last else none,
        truth=meet.truth(0, 0)[after],
        w_when=last[0].w_when
        if last
        else np.full((config.task.events, config.reservoir.neurons + 1), np.nan),
        rate_hz=spikes / (experiment.network.a.size * seconds) if seconds else float("nan"),
        saturations=session.saturations,
    )


class NetworkUnit(NamedTuple):
    """The unlearned network of one seed, in every precision: settings, and the nulls' as well."""

    config: dict[str, Any]
    other_noise: dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """How far a raster is from the float network's.

    Attributes
    ----------
    horizon_ms, parted_ms : float
        When the first spike differs, and when the spikes of half of the cells active of late do; NaN for
        never.
    share : (steps,) float64
        Share of the active cells whose spikes differ, over time.
    rate_correlation : float
        Of the cells' rates.
    distance : (lags,) float64
        Spike-train distance over lag, median over cells; 0 identical, 1 unrelated.
    """

    horizon_ms: float
    parted_ms: float
    share: np.ndarray
    rate_correlation: float
    distance: np.ndarray


@dataclass(frozen=True)
class NetworkOutcome:
    """Rasters of one seed, compared.

    Attributes
    ----------
    rate_hz, interval_cv, silent_share : dict of str to float
        Mean rate, median coefficient of variation of the cells' intervals, share of silent cells.
    rates_hz : dict of str to (N,) float64
        Of every cell.
    pairs : dict of str to Pair
        Fixed and both nulls, against float.
    """

    rate_hz: dict[str, float]
    interval_cv: dict[str, float]
    silent_share: dict[str, float]
    rates_hz: dict[str, np.ndarray]
    pairs: dict[str, Pair]


def run_network(unit: NetworkUnit) -> NetworkOutcome:
    """Let the unlearned network of one seed run in float, fixed and both nulls, and compare the rasters."""
    experiment = Experiment(config_from(unit.config))
    other = Experiment(config_from(unit.other_noise))
    exact = FloatArithmetic(experiment.config, experiment.network)
    rasters = {
        FLOAT: _raster(experiment, CpuEngine(exact, experiment.meet)),
        FIXED: _raster(
            experiment, CpuEngine(FixedArithmetic(experiment.config, experiment.network), experiment.meet)
        ),
    }
    engine = CpuEngine(exact, experiment.meet)
    engine.restore(disturbed(engine.state))
    rasters[ULP] = _raster(experiment, engine)
    rasters[NOISE] = _raster(other, CpuEngine(exact, experiment.meet))
    return NetworkOutcome(
        rate_hz={name: float(np.mean(firing_rates(raster))) for name, raster in rasters.items()},
        interval_cv={name: _median(interval_cv(raster)) for name, raster in rasters.items()},
        silent_share={name: silent_share(raster) for name, raster in rasters.items()},
        rates_hz={name: firing_rates(raster) for name, raster in rasters.items()},
        pairs={name: _pair(rasters[FLOAT], rasters[name]) for name in (FIXED, *NULLS)},
    )


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _raster(experiment: Experiment, engine: CpuEngine) -> Raster:
    """Play the first trials, some seconds, and return the spikes; learning does not reach the reservoir."""
    dt = experiment.config.run.dt_ms
    played: list[Played] = []
    trial = 0
    while sum(record.segment.steps for record in played) * dt < _RASTER_MS:
        played.extend(engine.play(experiment.meet.trial(0, trial)))
        trial += 1
    return raster_of(played, experiment.network.a.size, dt)


def _pair(one: Raster, other: Raster) -> Pair:
    dt = one.dt_ms
    horizon, parted = divergence_horizon(one, other), population_horizon(one, other, _PARTED)
    lags = distance_over_lag(one, other, _VAN_ROSSUM_MS, round(_LAG_MS / dt))
    known = lags.distance[~np.isnan(lags.distance).any(axis=1)]
    return Pair(
        horizon_ms=float("nan") if horizon is None else horizon * dt,
        parted_ms=float("nan") if parted is None else parted * dt,
        share=differing_share(one, other),
        rate_correlation=rate_correlation(one, other),
        distance=np.median(known, axis=0) if len(known) else np.full(lags.lag_steps.size, np.nan),
    )


@dataclass(frozen=True)
class SingleCells:
    """Cells alone under constant current.

    Attributes
    ----------
    currents : (currents,) float64
        mV / ms.
    rates_hz : dict of str to (cells, currents) float64
        Rates in each precision.
    lag_current : float
        Current of the lag.
    lags : dict of str to list of SpikeTimeLag
        How far the spikes of each cell fall behind float's: in fixed, and with parameters of few bits,
        rounded to the nearest and down.
    """

    currents: np.ndarray
    rates_hz: dict[str, np.ndarray]
    lag_current: float
    lags: dict[str, list[SpikeTimeLag]]


def compare_cells(settings: FixedSettings, dt_ms: float) -> SingleCells:
    """Measure f-I curves and spike-time lag of the cells in `CELLS`, float against fixed."""
    currents = np.array([0.0, 2.0, 3.0, 3.6, 3.7, 3.75, 3.8, 3.9, 4.0, 4.5, 5.0, 6.0, 8.0, 10.0, 14.0])
    exact = partial(simulate_float, dt_ms=dt_ms)
    fixed = simulate_fixed(settings, dt_ms)
    short = settings.model_copy(update={"parameter_bits": _SHORT_BITS})
    nearest = short.model_copy(update={"constant_rounding": "nearest"})
    floored = short.model_copy(update={"constant_rounding": "floor"})
    others = {
        FIXED: fixed,
        f"{_SHORT_BITS}-bit parameters, nearest": simulate_fixed(nearest, dt_ms),
        f"{_SHORT_BITS}-bit parameters, rounded down": simulate_fixed(floored, dt_ms),
    }
    current = 10.0
    return SingleCells(
        currents=currents,
        rates_hz={
            name: fi_curve(simulate, CELLS, currents, dt_ms=dt_ms)
            for name, simulate in ((FLOAT, exact), (FIXED, fixed))
        },
        lag_current=current,
        lags={name: lag(exact, simulate, CELLS, current, dt_ms=dt_ms) for name, simulate in others.items()},
    )


@dataclass(frozen=True)
class Comparison:
    """All that `compare` found.

    Attributes
    ----------
    config : Config
        What was compared.
    seeds : tuple of int
        Seeds of the networks.
    cells : SingleCells
        Cells alone.
    networks : list of NetworkOutcome
        The unlearned network, seed by seed.
    tasks : dict of str to list of TaskOutcome
        The whole task in every variant, seed by seed.
    levels : (levels,) float64
        Probabilities of the first event.
    amplitude : dict of str to (seeds, levels) float64
        Its amplitude after a block with that probability; empty if the task has not one cue and two events.
    sweep : dict of str to (seeds, widths) float64
        Error at the end of the first block, for each variable whose word length alone was cut.
    knees : dict of str to int or None
        The fewest bits from which on the mean error stays within `TOLERANCE` of the reference.
    full_error : (seeds,) float64
        Error there with full lengths.
    warnings : tuple of Caution
        Of the health check of the first seed.
    """

    config: Config
    seeds: tuple[int, ...]
    cells: SingleCells
    networks: list[NetworkOutcome]
    tasks: dict[str, list[TaskOutcome]]
    levels: np.ndarray
    amplitude: dict[str, np.ndarray]
    sweep: dict[str, np.ndarray]
    knees: dict[str, int | None]
    full_error: np.ndarray
    warnings: tuple[Caution, ...]


Progress = Callable[[int, int], None]


def compare(
    config: Config, seeds: Sequence[int], jobs: int = 1, progress: Progress | None = None
) -> Comparison:
    """Compare float and fixed point over several seeds.

    Parameters
    ----------
    config : Config
        Settings; ``run.seed`` is replaced by each of the seeds.
    seeds : sequence of int
        At least one.
    jobs : int
        Processes at a time; the figures do not depend on it.
    progress : callable, optional
        Told the units of work done and in all after each.

    Returns
    -------
    Comparison
        See there.
    """
    from lava_predict.analysis.integer_health import check_health

    # What this compiles, or loads, the processes to come find on disk.
    health = check_health(Experiment(config, seed=seeds[0]))
    cells = compare_cells(config.fixed, config.run.dt_ms)
    plan = _Plan(config, seeds)
    found = carry_out(_run, plan.units, jobs, progress)
    return plan.gather(found, cells, health.warnings)


def _run(unit: TaskUnit | NetworkUnit) -> TaskOutcome | NetworkOutcome:
    return run_network(unit) if isinstance(unit, NetworkUnit) else run_task(unit)


class _Plan:
    """Lays out the units of work, one after the other, and takes their results apart again."""

    def __init__(self, config: Config, seeds: Sequence[int]) -> None:
        self.config, self.seeds = config, tuple(seeds)
        self.variants = variants_of(config)
        self.levels = np.arange(11) / 10
        self.units: list[TaskUnit | NetworkUnit] = []
        self._slices: dict[tuple[str, ...], slice] = {}
        noise = self.variants[NOISE].changes
        self._add(
            ("network",),
            [
                NetworkUnit(
                    with_changes(config, (), seed).to_dict(), with_changes(config, noise, seed).to_dict()
                )
                for seed in seeds
            ],
        )
        for name, variant in self.variants.items():
            self._add(("task", name), [_unit(config, variant, seed) for seed in seeds])
        if config.task.cues == 1 and config.task.events == 2:
            for name in (FLOAT, FIXED, ON_CHIP):
                self._add(("amplitude", name), self._amplitude_units(self.variants[name]))
        self._sweep_seeds = self.seeds[:_MOST_SWEEP_SEEDS]
        for names, widths in (
            (STATE_VARIABLES, STATE_WIDTHS),
            (COEFFICIENTS, COEFFICIENT_WIDTHS),
        ):
            for name in names:
                units = [
                    self._sweep_unit(seed, ("fixed", name, int(bits)))
                    for seed in self._sweep_seeds
                    for bits in widths
                ]
                self._add(("sweep", name), units)

    def _add(self, key: tuple[str, ...], units: Sequence[TaskUnit | NetworkUnit]) -> None:
        self._slices[key] = slice(len(self.units), len(self.units) + len(units))
        self.units.extend(units)

    def _amplitude_units(self, variant: Variant) -> list[TaskUnit]:
        """One block a level; each level has a task draw of its own."""
        block = self.config.task.blocks[0]
        _, latency = block.of_cue(0)
        units = []
        for seed in self.seeds:
            for number, level in enumerate(self.levels.tolist()):
                blocks = [_block(block.trials, [level, round(1 - level, 1)], latency)]
                draws = {"task": self.config.run.draws.task + number}
                last: tuple[str, str, Any] = ("run", "probe_trials", [])
                units.append(
                    _unit(
                        self.config, variant, seed, ("task", "blocks", blocks), ("run", "draws", draws), last
                    )
                )
        return units

    def _sweep_unit(self, seed: int, change: tuple[str, str, Any]) -> TaskUnit:
        """Lay out a run of the first block alone, tested at its end."""
        first = self.config.to_dict()["task"]["blocks"][:1]
        alone: tuple[tuple[str, str, Any], ...]
        alone = (("task", "blocks", first), ("run", "probe_trials", []))
        return _unit(self.config, self.variants[FIXED], seed, *alone, change)

    def gather(self, found: list[Any], cells: SingleCells, warnings: Sequence[Caution]) -> Comparison:
        """Put the results of `units` together."""
        by_key = {key: found[part] for key, part in self._slices.items()}
        seeds, levels = len(self.seeds), self.levels.size
        sweep, knees = {}, {}
        end = int(np.sum(by_key["task", FLOAT][0].block == 0)) - 1
        # With full lengths the sweep's run is the first block of the task's: probes leave no mark.
        full, *alike = (
            np.array([outcome.error[end] for outcome in by_key["task", name][: len(self._sweep_seeds)]])
            for name in (FIXED, FLOAT, *NULLS)
        )
        reference = float(np.mean([full, *alike]))
        for names, widths in ((STATE_VARIABLES, STATE_WIDTHS), (COEFFICIENTS, COEFFICIENT_WIDTHS)):
            for name in names:
                error = np.array([outcome.error[-1] for outcome in by_key["sweep", name]])
                sweep[name] = error.reshape(len(self._sweep_seeds), widths.size)
                knees[name] = knee(widths, sweep[name].mean(axis=0), reference, TOLERANCE)
        return Comparison(
            config=self.config,
            seeds=self.seeds,
            cells=cells,
            networks=by_key["network",],
            tasks={name: by_key["task", name] for name in self.variants},
            levels=self.levels,
            amplitude={
                key[1]: np.array([outcome.amplitude[-1, 0] for outcome in outcomes]).reshape(seeds, levels)
                for key, outcomes in by_key.items()
                if key[0] == "amplitude"
            },
            sweep=sweep,
            knees=knees,
            full_error=full,
            warnings=tuple(warnings),
        )


def _block(trials: int, probability: Sequence[float], latency: Sequence[float]) -> Mapping[str, Any]:
    return {"trials": trials, "probability": list(probability), "latency_ms": list(latency)}
