"""Float against fixed point: the same configuration in several precisions, beside their nulls.

Two float runs that differ by one unit in the last place, or in their noise, diverge as well. Only a
difference beyond these two nulls is due to integers, so every figure is shown with both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from lava_predict.analysis import spike_statistics, trajectories
from lava_predict.analysis.integer_health import check_health
from lava_predict.analysis.single_cell import CELLS, fi_curve, lag, simulate_fixed, simulate_float
from lava_predict.analysis.spike_statistics import Raster, SpikeTimeLag
from lava_predict.comparison.fewest_bits import knee
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import Caution, RunError, seeds_of
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.session import Session
from lava_predict.experiment.trial_loop import Progress
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.state import State
from lava_predict.pool import local_processes
from lava_predict.registry import RULES
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config, FixedSettings, check_config
from lava_predict.tasks import Played
from lava_predict.work.cache import Cache
from lava_predict.work.carried_out import results_of
from lava_predict.work.packed import packed, unpacked
from lava_predict.work.unit import Found, Unit, unit

Change = tuple[str, str, Any]
"""Section, key and value of a setting."""


class Variant(NamedTuple):
    """A way of running a configuration: precision, changed settings, and whether v starts one ulp higher."""

    precision: str
    changes: tuple[Change, ...] = ()
    disturbed: bool = False


FLOAT, FIXED, ON_CHIP = "float", "fixed", "on-chip"
ULP, NOISE = "float + 1 ulp", "float, other noise"
NULLS = (ULP, NOISE)

STATE_VARIABLES = ("v_bits", "u_bits", "s_bits", "trace_bits", "mean_bits", "readout_bits")
COEFFICIENTS = ("parameter_bits", "decay_bits", "weight_bits")
WIDTHS = {
    **dict.fromkeys(STATE_VARIABLES, np.array([8, 10, 12, 14, 16, 20])),
    **dict.fromkeys(COEFFICIENTS, np.array([2, 3, 4, 5, 6, 8, 10, 12])),
}
"""Word lengths that are tried for each variable, with full lengths for all others."""

TOLERANCE = 1.25
"""Largest good ratio of the mean error at a word length to that with full lengths.

The latter is the mean over the runs in fixed, float and both nulls, because single runs vary by 20 %."""

_LEVELS = np.arange(11) / 10
_MOST_SWEEP_SEEDS = 3
_RASTER_MS = 10_000.0
_LAG_MS = 50.0
_VAN_ROSSUM_MS = 10.0
_TRACE_MS, _SAMPLE_MS, _MAIN_SHARE = 50.0, 10.0, 0.8
"""Time constant and sampling of the traces whose courses are compared; variance of the main directions."""
_SHORT_BITS = 8
_CURRENTS = np.array([0.0, 2.0, 3.0, 3.6, 3.7, 3.75, 3.8, 3.9, 4.0, 4.5, 5.0, 6.0, 8.0, 10.0, 14.0])
_LAG_CURRENT = 10.0


def variants_of(config: Config) -> dict[str, Variant]:
    """Name the ways in which a configuration is run; the last two are the nulls.

    The ``fixed`` section of the configuration says what "fixed" and "on-chip" are; some when rules have no
    form for the learning engine, which has the same weights for all cues.
    """
    chip = Variant("fixed", (("fixed", "learning", "on_chip"), ("readout", "cue_weights", "shared")))
    return {
        FLOAT: Variant("float"),
        FIXED: Variant("fixed", (("fixed", "learning", "own"),)),
        **({ON_CHIP: chip} if hasattr(RULES.get(config.readout.rule), "CHIP") else {}),
        ULP: Variant("float", disturbed=True),
        NOISE: Variant("float", (("run", "draws", {"noise": config.run.draws.noise + 1}),)),
    }


@dataclass(frozen=True)
class TaskOutcome:
    """Results of a run of the task, for the first cue; what is missing after it diverged is NaN.

    Of each probe, (probes,): its ``block``, ``trials`` of it that had been learned, and ``error`` over that
    of predicting nothing. ``amplitude``, (blocks, K), is the mean of o near each event at the last probe of a
    block. ``prediction`` and ``truth``, (steps, K), and ``w_when``, as the when rule has it, are those of
    the last probe of the first block. ``saturations`` says how often each variable hit its bounds (empty in
    float).
    """

    block: np.ndarray
    trials: np.ndarray
    error: np.ndarray
    amplitude: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray
    w_when: np.ndarray
    rate_hz: float
    saturations: dict[str, int]


def _unit(config: Config, variant: Variant, seed: int, *more: Change) -> Unit:
    changed = with_changes(config, (*variant.changes, *more), seed)
    return unit(task_arrays, changed, precision=variant.precision, disturb=variant.disturbed)


def disturbed(state: State) -> State:
    """Raise every cell's v by one unit in the last place."""
    return state._replace(cells=state.cells._replace(v=np.nextafter(state.cells.v, np.inf)))


def run_task(config: Config, precision: str = "float", disturb: bool = False) -> TaskOutcome:
    """Carry out one run of the task on the reference engine; ``disturb`` as `disturbed` does it."""
    experiment = Experiment(config)
    session = experiment.start(precision=precision)
    if disturb:
        state = session.state
        session.restore(replace(state, network=disturbed(state.network)))
    # With few bits a readout may leave all bounds; that is a finding too.
    with contextlib.suppress(RunError):
        session.advance(experiment.task.first_trials[-1])
    return _task_outcome(experiment, session)


def task_arrays(config: Config, precision: str, disturb: bool) -> Found:
    """Return the arrays of a `TaskOutcome`."""
    return packed(run_task(config, precision, disturb))


def _task_outcome(experiment: Experiment, session: Session) -> TaskOutcome:
    config, meet = experiment.config, experiment.task
    due = [
        (number, trials)
        for number, block in enumerate(config.task.blocks)
        for trials in sorted({n for n in config.run.probe_trials if n <= block.trials} | {block.trials})
    ]
    probes = session.state.probes
    error = np.full(len(due), np.nan)
    error[: len(probes)] = [p.error / p.zero_error if p.zero_error else np.nan for p in probes]
    amplitude = np.full((len(config.task.blocks), config.task.events), np.nan)
    if len(probes) == len(due):
        amplitude[:] = [block.amplitude[0] for block in session.blocks()]
    after = slice(meet.cue_step, None)
    truth = meet.truth(0, 0)[after]
    prediction = np.full_like(truth, np.nan)
    w_when = np.full_like(RULES.get(config.readout.rule).start(config).w, np.nan)
    for probe in probes:
        if probe.block == 0:
            prediction, w_when = probe.o[0, after], probe.w_when
    trials = session.state.trials
    spikes, steps = (sum(getattr(trial, name) for trial in trials) for name in ("spikes", "steps"))
    seconds = steps * config.run.dt_ms / 1000.0
    return TaskOutcome(
        block=np.array([number for number, _ in due]),
        trials=np.array([trials for _, trials in due]),
        error=error,
        amplitude=amplitude,
        prediction=prediction,
        truth=truth,
        w_when=w_when,
        rate_hz=spikes / (experiment.network.size * seconds) if seconds else np.nan,
        saturations=session.saturations,
    )


@dataclass(frozen=True)
class Pair:
    """How far a raster is from that of the float network.

    The first spike differs at ``horizon_ms``, and at ``half_diverged_ms`` the ``share`` of the recently
    active cells whose spikes differ, (steps,) as `differing_share` gives it, exceeds a half; both are NaN for
    never. ``rate_correlation`` is Pearson's, of the cells' rates; ``distance``, (lags,), the spike-train
    distance over lag, median over cells: 0 identical, 1 unrelated. ``cka`` is the linear centred kernel
    alignment of the courses of the cells' traces, ``angle_deg`` the mean angle between their main directions.
    """

    horizon_ms: float
    half_diverged_ms: float
    share: np.ndarray
    rate_correlation: float
    distance: np.ndarray
    cka: float
    angle_deg: float


@dataclass(frozen=True)
class NetworkOutcome:
    """Rasters of one seed in float, fixed and both nulls, by name; ``pairs`` compares the others with float.

    ``rate_hz`` is the mean of the cells' ``rates_hz`` (N,), ``interval_cv`` the median over the cells of the
    coefficient of variation of their intervals, ``silent_share`` the share of silent cells, ``dimension`` the
    participation ratio of the course of their traces.
    """

    rate_hz: dict[str, float]
    interval_cv: dict[str, float]
    silent_share: dict[str, float]
    dimension: dict[str, float]
    rates_hz: dict[str, np.ndarray]
    pairs: dict[str, Pair]


def run_network(config: Config) -> NetworkOutcome:
    """Run the unlearned network of one seed in float, fixed and both nulls, and compare the rasters."""
    experiment = Experiment(config)
    other = Experiment(with_changes(config, variants_of(config)[NOISE].changes))
    exact = experiment.arithmetic("float")
    rasters = {
        FLOAT: _raster(experiment, exact),
        FIXED: _raster(experiment, experiment.arithmetic("fixed")),
        ULP: _raster(experiment, exact, disturb=True),
        NOISE: _raster(other, exact),
    }
    courses = {name: trajectories.traces(raster, _TRACE_MS, _SAMPLE_MS) for name, raster in rasters.items()}
    rates_hz = {name: spike_statistics.firing_rates(raster) for name, raster in rasters.items()}
    return NetworkOutcome(
        rate_hz={name: float(np.mean(rates)) for name, rates in rates_hz.items()},
        interval_cv={name: _median_cv(raster) for name, raster in rasters.items()},
        silent_share={name: spike_statistics.silent_share(raster) for name, raster in rasters.items()},
        dimension={name: trajectories.dimension(course) for name, course in courses.items()},
        rates_hz=rates_hz,
        pairs={
            name: _pair(rasters[FLOAT], rasters[name], courses[FLOAT], courses[name])
            for name in (FIXED, *NULLS)
        },
    )


def network_arrays(config: Config) -> Found:
    """Return the arrays of a `NetworkOutcome`."""
    return packed(run_network(config))


def _median_cv(raster: Raster) -> float:
    values = spike_statistics.interval_cv(raster)
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else np.nan


def _raster(experiment: Experiment, arithmetic: Arithmetic, disturb: bool = False) -> Raster:
    """Play the first trials, some seconds, and return the spikes; learning does not reach the reservoir."""
    engine = CpuEngine(arithmetic, experiment.task)
    if disturb:
        engine.restore(disturbed(engine.state))
    dt = experiment.config.run.dt_ms
    played: list[Played] = []
    trial = 0
    while sum(record.segment.steps for record in played) * dt < _RASTER_MS:
        played.extend(engine.play(experiment.task.trial(0, trial)))
        trial += 1
    return spike_statistics.raster_of(played, experiment.network.size, dt)


def _pair(one: Raster, other: Raster, course: np.ndarray, other_course: np.ndarray) -> Pair:
    share = spike_statistics.differing_share(one, other)
    steps = (spike_statistics.divergence_horizon(one, other), spike_statistics.population_horizon(share))
    first, half = (np.nan if step is None else step * one.dt_ms for step in steps)
    lags = spike_statistics.distance_over_lag(one, other, _VAN_ROSSUM_MS, round(_LAG_MS / one.dt_ms))
    known = lags[~np.isnan(lags).any(axis=1)]
    distance = np.median(known, axis=0) if len(known) else np.full(lags.shape[1], np.nan)
    cka = trajectories.linear_cka(course, other_course)
    angle = trajectories.mean_angle(course, other_course, _MAIN_SHARE)
    return Pair(first, half, share, spike_statistics.rate_correlation(one, other), distance, cka, angle)


@dataclass(frozen=True)
class SingleCells:
    """Cells alone under constant current, mV / ms.

    ``rates_hz``, (cells, currents), are those at the ``currents``, (currents,), in each precision. ``lags``
    say how far, at ``lag_current``, the spikes of each cell fall behind those of float: in fixed, and with
    parameters of few bits, rounded to the nearest and down.
    """

    currents: np.ndarray
    rates_hz: dict[str, np.ndarray]
    lag_current: float
    lags: dict[str, list[SpikeTimeLag]]


def compare_cells(settings: FixedSettings, dt_ms: float) -> SingleCells:
    """Measure f-I curves and spike-time lag of the cells in `CELLS`, float against fixed."""
    exact, fixed = partial(simulate_float, dt_ms=dt_ms), simulate_fixed(settings, dt_ms)
    others = {FIXED: fixed}
    for rounding, words in (("nearest", "nearest"), ("floor", "rounded down")):
        short = settings.model_copy(update={"parameter_bits": _SHORT_BITS, "constant_rounding": rounding})
        others[f"{_SHORT_BITS}-bit parameters, {words}"] = simulate_fixed(short, dt_ms)
    rates_hz = {
        name: fi_curve(simulate, CELLS, _CURRENTS, dt_ms=dt_ms)
        for name, simulate in ((FLOAT, exact), (FIXED, fixed))
    }
    lags = {name: lag(exact, other, CELLS, _LAG_CURRENT, dt_ms=dt_ms) for name, other in others.items()}
    return SingleCells(_CURRENTS, rates_hz, _LAG_CURRENT, lags)


@dataclass(frozen=True)
class Comparison:
    """All that `compare` found.

    ``networks``, unlearned, and ``tasks``, the whole task in every variant, have one entry per seed. The
    ``amplitude`` of the first event after a block with each probability of it, ``levels`` (levels,), is
    (seeds, levels), and there only if the task has one cue and two events. ``sweep``, (seeds, widths), is the
    error at the end of the first block for each variable whose word length alone was reduced; ``warnings``
    are those of the health check of the first seed.
    """

    config: Config
    seeds: tuple[int, ...]
    cells: SingleCells
    networks: list[NetworkOutcome]
    tasks: dict[str, list[TaskOutcome]]
    levels: np.ndarray
    amplitude: dict[str, np.ndarray]
    sweep: dict[str, np.ndarray]
    warnings: tuple[Caution, ...]

    @cached_property
    def errors(self) -> dict[str, np.ndarray]:
        """Errors relative to predicting nothing of every variant of the task, (seeds, probes)."""
        return {name: np.array([one.error for one in outcomes]) for name, outcomes in self.tasks.items()}

    @property
    def first_end(self) -> int:
        """Which probe is the one at the end of the first block."""
        return int(np.flatnonzero(self.tasks[FLOAT][0].block == 0)[-1])

    def full_error(self, variant: str = FIXED) -> np.ndarray:
        """Return what `sweep` has for full word lengths, (seeds,); the same runs, as probes leave no mark."""
        return self.errors[variant][:_MOST_SWEEP_SEEDS, self.first_end]

    @cached_property
    def knees(self) -> dict[str, int | None]:
        """Smallest word lengths that keep the mean error within `TOLERANCE`, as `knee` finds them."""
        reference = float(np.mean([self.full_error(name) for name in (FIXED, FLOAT, *NULLS)]))
        return {
            name: knee(WIDTHS[name], error.mean(axis=0), reference, TOLERANCE)
            for name, error in self.sweep.items()
        }


Key = tuple[str, str]
"""Part of the comparison, and the variant or the variable that it is about."""

_AT_THE_END: Change = ("run", "probe_trials", [])


def compare(
    config: Config,
    seeds: Sequence[int],
    jobs: int = 1,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Comparison:
    """Compare float and fixed point over several seeds, at least one, that replace ``run.seed``.

    The figures do not depend on ``jobs``, the processes at a time. ``progress`` is told the units of work
    done and in all, at the start and after each. Results that the ``cache`` has are not computed again.
    Raises a UserError for seeds that are none.
    """
    check_config(config)
    seeds = seeds_of(seeds)
    # These compile the kernels, or load them; processes started later find them on disk.
    health = check_health(Experiment(config, seed=seeds[0]))
    cells = compare_cells(config.fixed, config.run.dt_ms)
    laid_out = _lay_out(config, seeds)
    units = [one for of_key in laid_out.values() for one in of_key]
    results = {}
    with local_processes(jobs) as executor:
        for one, arrays, _ in results_of(units, cache, executor, progress):
            kind = NetworkOutcome if one.study is network_arrays else TaskOutcome
            results[one.key] = unpacked(kind, arrays)
    found: dict[Key, list[Any]] = {
        key: [results[one.key] for one in of_key] for key, of_key in laid_out.items()
    }
    tasks = {name: found["task", name] for name in variants_of(config)}
    amplitude = {
        name: np.reshape([one.amplitude[-1, 0] for one in outcomes], (-1, _LEVELS.size))
        for (part, name), outcomes in found.items()
        if part == "amplitude"
    }
    sweep = {
        name: np.reshape([one.error[-1] for one in found["sweep", name]], (-1, widths.size))
        for name, widths in WIDTHS.items()
    }
    networks, warnings = found["network", ""], health.warnings
    return Comparison(config, tuple(seeds), cells, networks, tasks, _LEVELS, amplitude, sweep, warnings)


def _lay_out(config: Config, seeds: Sequence[int]) -> dict[Key, Sequence[Unit]]:
    """Lay out the units of work by the part of the comparison that they serve."""
    variants = variants_of(config)
    networks = [unit(network_arrays, with_changes(config, (), seed)) for seed in seeds]
    laid_out: dict[Key, Sequence[Unit]] = {("network", ""): networks}
    for name, variant in variants.items():
        laid_out["task", name] = [_unit(config, variant, seed) for seed in seeds]
    if config.task.cues == 1 and config.task.events == 2:
        for name in [name for name in variants if name not in NULLS]:
            laid_out["amplitude", name] = _amplitude_units(config, variants[name], seeds)
    # The first block alone, tested at its end.
    first = ("task", "blocks", config.to_dict()["task"]["blocks"][:1])
    for name, widths in WIDTHS.items():
        laid_out["sweep", name] = [
            _unit(config, variants[FIXED], seed, first, _AT_THE_END, ("fixed", name, bits))
            for seed in seeds[:_MOST_SWEEP_SEEDS]
            for bits in widths.tolist()
        ]
    return laid_out


def _amplitude_units(config: Config, variant: Variant, seeds: Sequence[int]) -> list[Unit]:
    """Lay out one block per level, each with its own task draw."""
    block = config.task.blocks[0]
    _, latency = block.of_cue(0)
    changes = []
    for number, level in enumerate(_LEVELS.tolist()):
        probability = [level, round(1 - level, 1)]
        blocks = [{"trials": block.trials, "probability": probability, "latency_ms": list(latency)}]
        draws = {"task": config.run.draws.task + number}
        changes.append((("task", "blocks", blocks), ("run", "draws", draws), _AT_THE_END))
    return [_unit(config, variant, seed, *change) for seed in seeds for change in changes]
