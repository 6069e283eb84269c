"""Whether a network is ready for Loihi 2: its needs and their limits, and what to change."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from lava_predict.analysis.integer_health import Health, check_health
from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError
from lava_predict.experiment.experiment import Experiment
from lava_predict.learning import on_chip
from lava_predict.numerics.columns import columns
from lava_predict.numerics.integers import FEEDBACK_FRACTION, PAYLOAD_BITS, STATE_BITS
from lava_predict.numerics.plan import Plan
from lava_predict.registry import NEURONS, RULES
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config, check_config
from lava_predict.streams import StreamLearner
from lava_predict.targets.loihi2.limits import LIMITS, Limit
from lava_predict.targets.loihi2.mapping import Layout, drawn_counts, expected_counts, map_network
from lava_predict.targets.loihi2.stream_needs import StreamNeeds, stream_needs
from lava_predict.tasks import Segment

_HOST = (
    "the paradigm: cues, events, pauses, probes (Process Meet)",
    "the what rule, between trials, in float64",
    "the product of both readouts, after the trial",
)
_HOST_READOUT = "traces, slow means, both readouts and the when rule (Process Readout)"
_STREAM_HOST = ("the events: when their cues are on, and where a sequence begins",)
_MISSING_STREAM = (
    "programs of a stream's rules for neuron cores and embedded processors: this package has none"
)
_MISSING = "Intel's Lava extension for Loihi, which members of the Intel Neuromorphic Research Community get"
_PROGRAMS = {"izhikevich": ". One has run on Loihi 2 (Uludag et al. 2024), but no public copy was found"}
"""What is known of programs for a neuron's cells."""
_MISSING_LEARNING = (
    "models of the trace relays, LearningDense and the readout neuron for neuron cores: Intel's extension is "
    "publicly known to run two-factor learning on a chip (lava-nc/lava#528), not three-factor learning"
)
ASSUMPTIONS = (
    "figures of the first Loihi: none is public for Loihi 2",
    "a spike costs the least energy of a synaptic operation at each synapse that it reaches",
    "a neuron costs the first Loihi's update at each step, that of a leaky integrate-and-fire cell; other "
    "cells may compute more",
    "not counted: idle power, transport of spikes, learning, embedded processors, host",
    "in real time (1 ms takes 1 ms)",
)
"""What the estimate of energy rests on."""


class Verdict(Enum):
    """How ready a network is."""

    READY = "ready"
    WARNINGS = "ready with warnings"
    NOT_READY = "not ready"


class Status(Enum):
    """How a need compares with what is allowed."""

    FITS = "fits"
    WARNING = "warning"
    FAILS = "fails"
    NOT_PUBLIC = "not public"


@dataclass(frozen=True)
class Check:
    """What a part (a population, a connection, or "network") needs, in the limit's unit, beside its limit.

    ``change`` says what to change; it is empty where nothing needs to.
    """

    part: str
    need: float
    limit: Limit
    status: Status
    change: str = ""


@dataclass(frozen=True)
class Reason:
    """Why a verdict is not better, and what to change."""

    text: str
    change: str
    fails: bool


@dataclass(frozen=True)
class Activity:
    """What happens in the first trial of the integer network: its length and the cells' mean rate.

    ``operations`` are synaptic ones per second, by connection; ``updates`` those of all neurons per second.
    """

    duration_s: float
    rate_hz: float
    operations: Mapping[str, float]
    updates: float

    @property
    def operations_per_s(self) -> float:
        """Synaptic operations per second, all connections."""
        return sum(self.operations.values())


@dataclass(frozen=True)
class Energy:
    """The power, W, by the first Loihi's figures, under `ASSUMPTIONS`."""

    synapses_w: float
    neurons_w: float

    @property
    def total_w(self) -> float:
        """Both together."""
        return self.synapses_w + self.neurons_w


@dataclass(frozen=True)
class Readiness:
    """What `check_readiness` finds.

    Every need and its limit; the reasons why the verdict is not better, none if it is "ready"; what stays on
    the ``host``, and what is ``missing``, which a chip needs beyond this package. The integers, ``plan``, and
    what a short run in them shows are None if the network was not drawn; ``stream`` is None for MEET.
    """

    config: Config
    layout: Layout
    checks: tuple[Check, ...]
    reasons: tuple[Reason, ...]
    host: tuple[str, ...]
    missing: tuple[str, ...]
    plan: Plan | None = None
    health: Health | None = None
    activity: Activity | None = None
    energy: Energy | None = None
    stream: StreamNeeds | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict: not ready if a reason says that something fails."""
        if any(reason.fails for reason in self.reasons):
            return Verdict.NOT_READY
        return Verdict.WARNINGS if self.reasons else Verdict.READY


def check_readiness(config: Config, simulate: bool = True) -> Readiness:
    """Compare a network with what is public of Loihi 2.

    Sizes are compared first, from the configuration alone. Only a network that fits is drawn, quantised and
    played for a trial; one that is far too large costs neither memory nor time. Without ``simulate`` the
    check ends after the sizes.
    """
    check_config(config)
    return _checked(config, simulate, None)


def check_stream(learner: StreamLearner, simulate: bool = True) -> Readiness:
    """Compare the network of a learned stream with what is public of Loihi 2, as `check_readiness`.

    Health and activity are those of its cells in a trial of MEET.
    """
    config = with_changes(learner.network.config, [("fixed", "learning", "own")])
    return _checked(config, simulate, stream_needs(config, int(learner.network.learned.labels[0])))


def _checked(config: Config, simulate: bool, stream: StreamNeeds | None) -> Readiness:
    found = _judge(config, map_network(config, expected_counts(config)), stream)
    if not simulate or found.verdict is Verdict.NOT_READY:
        return found
    experiment = Experiment(config)
    found = _judge(config, map_network(config, drawn_counts(config, experiment.network)), stream)
    try:
        plan = experiment.arithmetic("fixed").plan
    except UserError as error:
        return replace(found, reasons=(Reason(str(error), "", fails=True), *found.reasons))
    health = check_health(experiment)
    activity = _activity(experiment, found.layout)
    warnings = [Reason(warning.cause, warning.remedy, fails=False) for warning in health.warnings]
    return replace(
        found,
        reasons=(*found.reasons, *warnings),
        plan=plan,
        health=health,
        activity=activity,
        energy=_energy(activity),
    )


def _judge(config: Config, layout: Layout, stream: StreamNeeds | None) -> Readiness:
    """Judge sizes and settings, what fails first."""
    checks = [_check(config, *need) for need in _needs(config, layout)]
    learns = config.fixed.learning == "on_chip"
    host: tuple[str, ...] = _HOST if learns else (*_HOST, _HOST_READOUT)
    if stream is None:
        found = _learning_reasons(config)
    else:
        checks += _stream_checks(stream, layout)
        found, host = _stream_reasons(config), _STREAM_HOST
    reasons = sorted([*_reasons(checks), *found], key=lambda reason: not reason.fails)
    neuron = config.reservoir.neuron
    cells = NEURONS.get(neuron).NAME
    program = f"a neuron program for {cells}: this package has none{_PROGRAMS.get(neuron, '')}"
    more = (_MISSING_STREAM,) if stream is not None else (_MISSING_LEARNING,) if learns else ()
    missing = (_MISSING, program, *more)
    return Readiness(config, layout, tuple(checks), tuple(reasons), host, missing, stream=stream)


def _needs(config: Config, layout: Layout) -> Iterator[tuple[str, float, str]]:
    """Give every part, what it needs, and the name of the limit."""
    for limit in ("cores", "neurons", "synapses"):
        yield "network", getattr(layout, limit), limit
    if layout.cores <= LIMITS["cores"].known:
        yield "network", layout.cores, "cores_in_hala_point"
    for population in layout.populations:
        yield population.name, population.neurons_per_core, "neurons_per_core"
        yield population.name, population.memory_kb, "memory_per_core"
        yield population.name, len(population.states), "states_per_neuron"
        yield population.name, STATE_BITS, "state_bits"
    for connection in layout.connections:
        learns = connection.kind == "LearningDense"
        for limit in ("fan_in", "fan_out", "payload_bits", *(() if learns else ("weight_bits",))):
            yield connection.name, getattr(connection, limit), limit
    for limit in ("axons_in", "axons_out"):
        yield "network", getattr(layout, limit), limit
        yield "network", getattr(layout, limit), f"{limit}_loihi1"
    if config.fixed.learning == "on_chip":
        yield "when weights", on_chip.MOST_TRACE.bit_length(), "learning_trace_bits"
        yield "when weights", on_chip.WEIGHT_BITS, "learning_weight_bits"
        yield "when weights", 3, "learning_factors"


def _check(config: Config, part: str, need: float, name: str) -> Check:
    """Compare a need with a limit; a figure that is only for orientation warns, it does not fail."""
    limit = LIMITS[name]
    if limit.value is None:
        return Check(part, need, limit, Status.NOT_PUBLIC)
    if need <= limit.value:
        return Check(part, need, limit, Status.FITS)
    softly = limit.loihi1 or name == "cores_in_hala_point"
    change = _CHANGES[name](config) if name in _CHANGES else ""
    return Check(part, need, limit, Status.WARNING if softly else Status.FAILS, change)


def _reasons(checks: Sequence[Check]) -> list[Reason]:
    """Turn what does not fit into reasons."""
    return [
        Reason(
            f"{check.part}: {check.limit.meaning}: {check.limit.written(check.need)} needed, "
            f"{check.limit.in_words()} allowed{' (not public for Loihi 2)' if check.limit.loihi1 else ''}",
            check.change,
            check.status is Status.FAILS,
        )
        for check in checks
        if check.status in (Status.WARNING, Status.FAILS)
    ]


def _learning_reasons(config: Config) -> list[Reason]:
    """Say what hinders the readout from learning on the chip."""
    if config.fixed.learning == "own":
        weight, trace = (LIMITS[f"learning_{name}_bits"].in_words() for name in ("weight", "trace"))
        text = (
            f"the when readout learns on the host, which receives every spike: its {STATE_BITS}-bit weights "
            f"and {PAYLOAD_BITS}-bit traces are longer than those of the learning engine ({weight} and "
            f"{trace})"
        )
        change = f"set {_learning_on_chip(config)} (docs/on-chip.md says what that costs)"
        return [Reason(text, change, fails=False)]
    if config.reservoir.neurons > on_chip.MOST_CELLS:
        text = f"when weights: sums of {config.reservoir.neurons:,} graded spikes may exceed 32 bits"
        return [Reason(text, f"lower reservoir.neurons to at most {on_chip.MOST_CELLS:,}", fails=True)]
    return []


def _stream_checks(stream: StreamNeeds, layout: Layout) -> list[Check]:
    """Compare the cores that cells and rules need with those of a chip; mere room for labels only warns."""
    limit = LIMITS["cores"]

    def check(part: str, need: int, worse: Status, change: str) -> Check:
        fits = need <= limit.known
        return Check(part, need, limit, Status.FITS if fits else worse, "" if fits else change)

    room = limit.known - layout.cores
    fitting = _largest(lambda labels: stream.with_room(labels).cores(most=True) <= room, stream.most)
    return [
        check(
            f"cells and rules, {stream.labels} labels",
            layout.cores + stream.cores(),
            Status.FAILS,
            "lower reservoir.neurons, or merge labels",
        ),
        check(
            f"cells and rules, room for {stream.most} labels",
            layout.cores + stream.cores(most=True),
            Status.WARNING,
            f"lower stream.labels_max to at most {fitting}",
        ),
    ]


def _stream_reasons(config: Config) -> list[Reason]:
    """Say what hinders a stream's rules on the chip."""
    weight, trace = (LIMITS[f"learning_{name}_bits"].in_words() for name in ("weight", "trace"))
    text = (
        f"both readouts' updates do not fit the learning engine: {config.fixed.readout_bits}-bit weights and "
        f"{config.fixed.trace_bits}-bit traces are longer than its {weight} and {trace}; at these lengths "
        "they need an embedded processor, or the host, which receives every spike"
    )
    copied = "what is said of an event that comes within stream.window_ms of the last one is read from a copy"
    reasons = [Reason(text, "", fails=False)]
    if config.stream.times:
        copied = "times are stated from a copy"
    change = "set stream.times = false" if config.stream.times else ""
    return [*reasons, Reason(f"{copied} of the network, which a chip cannot make", change, fails=False)]


def _learning_on_chip(config: Config) -> str:
    """Say which settings let the readout learn on the chip."""
    wanted = ["fixed.learning = 'on_chip'"]
    if not hasattr(RULES.get(config.readout.rule), "CHIP"):
        wanted.insert(0, "readout.rule = 'annealed_delta'")
    if config.task.cues > 1 and getattr(config.readout, "cue_weights", "own") == "own":
        wanted.append("readout.cue_weights = 'shared'")
    if getattr(config.readout, "causal", False):
        wanted.append("readout.causal = false")
    return " and ".join(wanted)


def _smaller(config: Config) -> str:
    """Say how far the network must shrink to fit one chip."""
    reservoir, parts = config.reservoir, 10_000

    def fits(layout: Layout) -> bool:
        return (
            layout.cores <= LIMITS["cores_in_hala_point"].known
            and layout.neurons <= LIMITS["neurons"].known
            and layout.synapses <= LIMITS["synapses"].known
            and all(population.most_per_core for population in layout.populations)
        )

    def probability(part: int) -> float:
        return reservoir.connection_probability * part / parts

    cells = _largest(lambda n: fits(_resized(config, neurons=n)), reservoir.neurons)
    sparser = _largest(lambda n: fits(_resized(config, connection_probability=probability(n))), parts)
    ways = [f"lower reservoir.neurons to at most {cells:,}"] if cells else []
    if sparser:
        written = np.format_float_positional(probability(sparser), precision=2, fractional=False, trim="-")
        ways.append(f"reservoir.connection_probability to about {written}")
    return ", or ".join(ways) or "lower reservoir.neurons and reservoir.connection_probability"


def _fewer_axons(config: Config) -> str:
    """Say how far the network must shrink for the first Loihi's axons."""

    def fits(cells: int) -> bool:
        layout = _resized(config, neurons=cells)
        return max(layout.axons_in, layout.axons_out) <= LIMITS["axons_in_loihi1"].known

    return f"lower reservoir.neurons to about {_largest(fits, config.reservoir.neurons):,}"


def _narrower_weights(_: Config) -> str:
    return f"set fixed.weight_bits to at most {LIMITS['weight_bits'].known:.0f}"


_CHANGES: Mapping[str, Callable[[Config], str]] = {
    **dict.fromkeys(("cores", "neurons", "synapses", "cores_in_hala_point", "memory_per_core"), _smaller),
    **dict.fromkeys(("axons_in_loihi1", "axons_out_loihi1"), _fewer_axons),
    "weight_bits": _narrower_weights,
}
"""What to change where a limit is passed, by the limit's name."""


def _resized(config: Config, **changed: float) -> Layout:
    """Lay out the network with another reservoir."""
    reservoir = config.reservoir.model_copy(update=changed)
    other = config.model_copy(update={"reservoir": reservoir})
    return map_network(other, expected_counts(other))


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """Return the greatest number up to ``most`` for which something holds that holds for all smaller ones."""
    return bisect_left(range(1, most + 1), True, key=lambda number: not holds(number))


def _activity(experiment: Experiment, layout: Layout) -> Activity:
    """Play the first trial and what precedes it in integers, and count the trial's synaptic operations."""
    arithmetic = experiment.arithmetic("fixed")
    played = list(CpuEngine(arithmetic, experiment.task).play(experiment.task.trial(0, 0)))[-1]
    segment: Segment = played.segment
    cells, config = experiment.network.size, experiment.config
    duration = segment.steps * config.run.dt_ms / 1000.0
    spikes = np.bincount(played.spike_cell, minlength=cells)
    reached = spikes * np.diff(columns(experiment.network.synapses).first)
    border = config.reservoir.excitatory_cells
    level = experiment.task.streams(segment).level
    # What rounds to 0 is not sent.
    fed_back = int(np.count_nonzero(played.z >= 0.5 * 2.0**-FEEDBACK_FRACTION)) * cells
    counted = {
        "excitatory synapses": int(reached[:border].sum()),
        "inhibitory synapses": int(reached[border:].sum()),
        "inputs": int(np.count_nonzero(level)) * cells,
        "feedback, positive": fed_back,
        "feedback, negative": fed_back,
        "cells to relays": int(spikes.sum()),
        # A relay sends in every step in which its trace is not 0: at most always.
        "when weights": segment.steps * (cells + 1) * config.task.events,
    }
    return Activity(
        duration_s=duration,
        rate_hz=float(spikes.mean()) / duration,
        operations={one.name: counted[one.name] / duration for one in layout.connections},
        updates=layout.neurons * segment.steps / duration,
    )


def _energy(activity: Activity) -> Energy:
    """Estimate power from what happens, with the first Loihi's figures."""
    operation = LIMITS["energy_per_synaptic_operation_loihi1"].known * 1e-12
    update = LIMITS["energy_per_neuron_update_loihi1"].known * 1e-12
    return Energy(activity.operations_per_s * operation, activity.updates * update)
