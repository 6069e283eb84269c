"""What the readiness check found, as summary.json, tables and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from lava_predict.reports.outcome import Outcome, sheet
from lava_predict.reports.page import (
    Callout,
    Element,
    Entry,
    KeyValues,
    Kind,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
)
from lava_predict.targets.loihi2.limits import LIMITS
from lava_predict.targets.loihi2.mapping import Population
from lava_predict.targets.loihi2.readiness import (
    ASSUMPTIONS,
    Activity,
    Check,
    Energy,
    Readiness,
    Status,
    Verdict,
)

_STYLES: dict[Verdict, tuple[str, Kind]] = {
    Verdict.READY: ("green", "pass"),
    Verdict.WARNINGS: ("yellow", "warning"),
    Verdict.NOT_READY: ("red", "fail"),
}
"""Colour of a verdict on the terminal, and its kind of callout."""

_SEVERITY = (Status.NOT_PUBLIC, Status.FITS, Status.WARNING, Status.FAILS)
_NOT_SIMULATED = "not measured: a network that does not fit is neither drawn nor simulated"
_NOT_PUBLIC = "not public"
_POPULATIONS = ("population", "neurons", "states", "bits a neuron", "cores", "neurons a core", "KB a core")
_CONNECTIONS = (
    "connection",
    "Process",
    "synapses",
    "fan-in",
    "fan-out",
    "weight + index",
    "KB",
    "message",
    "operations/s",
)
_NEEDS = ("limit", "where", "needs", "allowed")


def outcome(readiness: Readiness) -> Outcome:
    """Gather what `lava-predict check` leaves and prints.

    Parameters
    ----------
    readiness : Readiness
        As `check_readiness` gives it.

    Returns
    -------
    Outcome
        Its values hold "verdict", "reasons", "checks" and "limits" (each with its source), what the network
        takes, what it does, and the integers; "activity", "parameters" and "health" are None if it was not
        drawn. Its "warnings" are the reasons that do not fail; the table shows them.
    """
    layout, plan = readiness.layout, readiness.plan
    values = {
        "preset": readiness.config.preset,
        "seed": readiness.config.run.seed,
        "verdict": readiness.verdict,
        "reasons": readiness.reasons,
        "checks": [_check(check) for check in readiness.checks],
        "limits": list(LIMITS.values()),
        "resources": {
            "counted": layout.counts.drawn,
            "cores": layout.cores,
            "chips": layout.chips,
            "neurons": layout.neurons,
            "synapses": layout.synapses,
            "populations": [_population(one) for one in layout.populations],
            "connections": [
                asdict(one) | {"memory_kb": one.memory_bits / 8192} for one in layout.connections
            ],
        },
        "activity": _activity(readiness.activity),
        "energy": _energy(readiness.energy),
        "host": readiness.host,
        "missing": readiness.missing,
        "parameters": None if plan is None else plan.entries,
        "health": readiness.health,
        "warnings": [{"cause": one.text, "remedy": one.change} for one in readiness.reasons if not one.fails],
    }
    return Outcome("check", values, table(readiness), config=readiness.config, page=page(readiness))


def _check(check: Check) -> dict[str, Any]:
    return {
        "part": check.part,
        "limit": check.limit.name,
        "need": check.need,
        "allowed": _NOT_PUBLIC if check.limit.value is None else check.limit.value,
        "unit": check.limit.unit,
        "status": check.status,
        "change": check.change,
    }


def _population(one: Population) -> dict[str, Any]:
    keys = ("name", "neurons", "states", "neuron_bits", "cores", "neurons_per_core", "memory_kb")
    return {key: getattr(one, key) for key in keys}


def _activity(activity: Activity | None) -> dict[str, Any] | None:
    if activity is None:
        return None
    return {
        "duration_s": activity.duration_s,
        "rate_hz": activity.rate_hz,
        "synaptic_operations_per_s": activity.operations_per_s,
        "by_connection": activity.operations,
        "neuron_updates_per_s": activity.updates,
    }


def _energy(energy: Energy | None) -> dict[str, Any]:
    return {
        "loihi2": _NOT_PUBLIC,
        "loihi1_synapses_w": None if energy is None else energy.synapses_w,
        "loihi1_neurons_w": None if energy is None else energy.neurons_w,
        "loihi1_total_w": None if energy is None else energy.total_w,
        "assumptions": ASSUMPTIONS,
    }


def worst(checks: Sequence[Check]) -> list[Check]:
    """Return the worst check of each limit, in the order of the limits."""
    by_limit = ([check for check in checks if check.limit.name == name] for name in LIMITS)
    return [max(found, key=_severity) for found in by_limit if found]


def _severity(check: Check) -> tuple[int, float]:
    return _SEVERITY.index(check.status), check.need


def _population_rows(readiness: Readiness) -> list[list[Entry]]:
    return [
        [
            one.name,
            one.neurons,
            ", ".join(one.states),
            one.neuron_bits,
            one.cores,
            one.neurons_per_core,
            Number(f"{one.memory_kb:.1f}"),
        ]
        for one in readiness.layout.populations
    ]


def _connection_rows(readiness: Readiness) -> list[list[Entry]]:
    activity = readiness.activity
    return [
        [
            one.name,
            one.kind,
            one.synapses,
            one.fan_in,
            one.fan_out,
            Number(f"{one.weight_bits} + {one.index_bits} bits"),
            Number(f"{one.memory_bits / 8192:,.1f}"),
            Number("spike" if one.payload_bits == 1 else f"{one.payload_bits} bits"),
            None if activity is None else Number(f"{activity.operations[one.name]:,.0f}"),
        ]
        for one in readiness.layout.connections
    ]


def _need_rows(checks: Sequence[Check]) -> list[list[Entry]]:
    return [
        [
            check.limit.meaning,
            check.part,
            Number(check.limit.written(check.need)),
            Number(check.limit.in_words()),
            "" if check.status is Status.NOT_PUBLIC else check.status.value,
        ]
        for check in checks
    ]


def _activity_text(activity: Activity | None) -> str:
    if activity is None:
        return _NOT_SIMULATED
    return (
        f"in the first trial {activity.rate_hz:.1f} Hz, {activity.operations_per_s:,.0f} synaptic operations "
        f"and {activity.updates:,.0f} neuron updates per second"
    )


def _energy_text(energy: Energy | None) -> str:
    if energy is None:
        return _NOT_SIMULATED
    return (
        f"by the first Loihi's figures at least {energy.total_w * 1e6:.0f} uW ({energy.synapses_w * 1e6:.0f} "
        f"synapses, {energy.neurons_w * 1e6:.0f} neurons) beside the chip's idle power"
    )


def table(readiness: Readiness) -> Group:
    """Lay out what `lava-predict check` prints: resources, needs beside limits, energy, verdict.

    Parameters
    ----------
    readiness : Readiness
        As `check_readiness` gives it.

    Returns
    -------
    rich.console.Group
        For `rich.console.Console.print`.
    """
    layout = readiness.layout
    counted = "counted" if layout.counts.drawn else "expected, as the network was not drawn"
    cores = f"{layout.cores:,} {'core' if layout.cores == 1 else 'cores'}"
    chips = "1 chip" if layout.chips == 1 else f"{layout.chips} chips"
    return Group(
        sheet(
            _POPULATIONS,
            _population_rows(readiness),
            f"On the chip: {cores} ({chips})",
            f"synapses {counted}; packed as docs/loihi2.md says",
        ),
        sheet(_CONNECTIONS, _connection_rows(readiness)),
        sheet(
            (*_NEEDS, ""),
            _need_rows(worst(readiness.checks)),
            "Needs beside what is public of Loihi 2",
            "of each limit where the need is greatest; sources: docs/loihi2.md",
        ),
        *_closing(readiness),
    )


def _closing(readiness: Readiness) -> list[RenderableType]:
    """Say what it costs, what is not on the chip, the verdict and what to change."""
    power, (colour, _) = LIMITS["power_per_chip"], _STYLES[readiness.verdict]
    lines: list[RenderableType] = [
        Text(f"activity: {_activity_text(readiness.activity)}"),
        Text(
            f"energy on Loihi 2: {_NOT_PUBLIC} ({power.meaning}: {power.in_words()}, all around it included)"
        ),
        Text(f"energy, estimated: {_energy_text(readiness.energy)}"),
        Text("on the host:"),
        *(_indented(part) for part in readiness.host),
        Text("a chip also needs, beyond this package:"),
        *(_indented(part) for part in readiness.missing),
        Text(""),
        Text.assemble("verdict: ", (readiness.verdict.value, f"bold {colour}")),
    ]
    said: set[str] = set()
    for reason in readiness.reasons:
        lines.append(_indented(f"{'fails' if reason.fails else 'warning'}: {reason.text}"))
        if reason.change and reason.change not in said:
            lines.append(_indented(f"change: {reason.change}", 4))
            said.add(reason.change)
    return lines


def _indented(text: str, by: int = 2) -> Padding:
    return Padding(Text(text), (0, 0, 0, by), expand=False)


def page(readiness: Readiness) -> Report:
    """Lay out the page of `lava-predict check`.

    Parameters
    ----------
    readiness : Readiness
        As `check_readiness` gives it.

    Returns
    -------
    Report
        For `lava_predict.reports.page.to_html`.
    """
    layout, verdict = readiness.layout, readiness.verdict.value
    counted = "Counted" if layout.counts.drawn else "Expected from the configuration"
    populations = Table("Populations", _POPULATIONS, _population_rows(readiness))
    connections = Table(f"Connections. {counted}.", _CONNECTIONS, _connection_rows(readiness))
    needs = Table("Every need beside what is allowed", (*_NEEDS, "status"), _need_rows(readiness.checks))
    costs = [
        Paragraph(f"Activity: {_activity_text(readiness.activity)}."),
        Paragraph(f"Energy on Loihi 2: {_NOT_PUBLIC}. On the chip: {_energy_text(readiness.energy)}."),
        *(Paragraph(f"Assumed: {assumption}.") for assumption in ASSUMPTIONS),
    ]
    elsewhere = [
        *(("stays on the host", part) for part in readiness.host),
        *(("needed beyond this package", part) for part in readiness.missing),
    ]
    limits = [
        (limit.meaning, Number(limit.in_words()), limit.source.citation, limit.source.url, limit.note)
        for limit in LIMITS.values()
    ]
    sources = Table("What is public", ("limit", "figure", "source", "address", "note"), limits)
    sections = [
        Section("Verdict", _verdict(readiness)),
        Section("Resources", [populations, connections]),
        Section("Needs and limits", [needs]),
        Section("Activity and energy", costs),
        Section("Not on the chip", [KeyValues(elsewhere)]),
        Section("The parameters in integers", _integers(readiness)),
        Section("Limits and their sources", [sources]),
    ]
    taken = f"{layout.cores:,} of {LIMITS['cores'].in_words()} cores"
    lead = f"{readiness.config.preset}, seed {readiness.config.run.seed}: {verdict}; {taken}."
    return Report("Is this network ready for Loihi 2?", lead, sections)


def _verdict(readiness: Readiness) -> list[Element]:
    _, kind = _STYLES[readiness.verdict]
    elements: list[Element] = [Callout(kind, readiness.verdict.value.capitalize())]
    for reason in readiness.reasons:
        change = f" To change: {reason.change}." if reason.change else ""
        elements.append(Callout("fail" if reason.fails else "warning", f"{reason.text}.{change}"))
    text = "Nothing here has run on a chip. The verdict compares needs with public figures."
    return [*elements, Paragraph(text)]


def _integers(readiness: Readiness) -> list[Element]:
    if readiness.plan is None or readiness.health is None:
        return [Paragraph("Not derived: a network that does not fit is not drawn.")]
    health = readiness.health
    rows = [
        (one.name, one.bits, one.fraction_bits, Number(f"{one.error:.2%}"), one.clipped, one.zeroed)
        for one in readiness.plan.entries
    ]
    header = ("parameter", "bits", "behind point", "error", "clipped", "to zero")
    rates = [
        ("mean rate, integers (float), Hz", f"{health.rate_hz:.2f} ({health.float_rate_hz:.2f})"),
        ("silent cells", f"{health.silent_share:.1%} ({health.float_silent_share:.1%})"),
    ]
    return [Table("Every parameter; error relative", header, rows), KeyValues(rates)]
