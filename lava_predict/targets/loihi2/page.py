"""What the readiness check found, as summary.json, tables and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Sheet
from rich.text import Text

from lava_predict.analysis.over_seeds import plain
from lava_predict.records.run_record import SCHEMA
from lava_predict.reports.page import (
    Callout,
    Element,
    KeyValues,
    Kind,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
)
from lava_predict.targets.loihi2.limits import LIMITS
from lava_predict.targets.loihi2.mapping import Connection, Population
from lava_predict.targets.loihi2.readiness import (
    ASSUMPTIONS,
    Activity,
    Check,
    Energy,
    Readiness,
    Status,
    Verdict,
)

_COLOURS = {Verdict.READY: "green", Verdict.WARNINGS: "yellow", Verdict.NOT_READY: "red"}
_KINDS: Mapping[Verdict, Kind] = {
    Verdict.READY: "pass",
    Verdict.WARNINGS: "warning",
    Verdict.NOT_READY: "fail",
}
_SEVERITY = (Status.NOT_PUBLIC, Status.FITS, Status.WARNING, Status.FAILS)
_NOT_PLAYED = "not measured: a network that does not fit is neither drawn nor played"
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
_NEEDS = ("limit", "where", "needs", "allowed", "")


def summarise(readiness: Readiness) -> dict[str, Any]:
    """Return what summary.json of `lava-predict check` holds: plain values, NaN as None.

    Parameters
    ----------
    readiness : Readiness
        As `check_readiness` gives it.

    Returns
    -------
    dict
        "verdict", "reasons", "checks" and "limits" (each with its source), what the network takes, what it
        does, the integers; "activity", "parameters" and "health" are None if it was not drawn.
    """
    layout, plan, health = readiness.layout, readiness.plan, readiness.health
    summary: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "command": "check",
            "preset": readiness.config.preset,
            "seed": readiness.config.run.seed,
            "verdict": readiness.verdict.value,
            "reasons": [vars(reason) for reason in readiness.reasons],
            "checks": [_check(check) for check in readiness.checks],
            "limits": [
                {**vars(limit), "source": vars(limit.source), "value": limit.value}
                for limit in LIMITS.values()
            ],
            "resources": {
                "counted": layout.counts.drawn,
                "cores": layout.cores,
                "chips": layout.chips,
                "neurons": layout.neurons,
                "synapses": layout.synapses,
                "populations": [_population(one) for one in layout.populations],
                "connections": [
                    {**vars(one), "memory_kb": one.memory_bits / 8192} for one in layout.connections
                ],
            },
            "activity": _activity(readiness.activity),
            "energy": _energy(readiness.energy),
            "host": list(readiness.host),
            "missing": list(readiness.missing),
            "parameters": None if plan is None else [vars(entry) for entry in plan.entries],
            "health": None if health is None else vars(health),
        }
    )
    return summary


def _check(check: Check) -> dict[str, Any]:
    return {
        "part": check.part,
        "limit": check.limit.name,
        "need": check.need,
        "allowed": _NOT_PUBLIC if check.limit.value is None else check.limit.value,
        "unit": check.limit.unit,
        "status": check.status.value,
        "change": check.change,
    }


def _population(one: Population) -> dict[str, Any]:
    return {
        "name": one.name,
        "neurons": one.neurons,
        "states": list(one.states),
        "neuron_bits": one.neuron_bits,
        "cores": one.cores,
        "neurons_per_core": one.neurons_per_core,
        "memory_kb": one.memory_kb,
    }


def _activity(activity: Activity | None) -> dict[str, Any] | None:
    if activity is None:
        return None
    return {
        "duration_s": activity.duration_s,
        "rate_hz": activity.rate_hz,
        "synaptic_operations_per_s": activity.operations_per_s,
        "by_connection": dict(activity.operations),
        "neuron_updates_per_s": activity.updates,
    }


def _energy(energy: Energy | None) -> dict[str, Any]:
    return {
        "loihi2": _NOT_PUBLIC,
        "loihi1_synapses_w": None if energy is None else energy.synapses_w,
        "loihi1_neurons_w": None if energy is None else energy.neurons_w,
        "loihi1_total_w": None if energy is None else energy.total_w,
        "assumptions": list(ASSUMPTIONS),
    }


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
    chips = "1 chip" if layout.chips == 1 else f"{layout.chips} chips"
    populations = _sheet(
        f"On the chip: {layout.cores:,} {'core' if layout.cores == 1 else 'cores'} ({chips})",
        f"synapses {counted}; packed as docs/loihi2.md says",
        _POPULATIONS,
        _population_rows(readiness),
    )
    connections = _sheet(None, None, _CONNECTIONS, _connection_rows(readiness))
    needs = _sheet(
        "Needs beside what is public of Loihi 2",
        "of each limit where the need is greatest; sources: docs/loihi2.md",
        _NEEDS,
        [_need_row(check) for check in worst(readiness.checks)],
    )
    return Group(populations, connections, needs, *_closing(readiness))


def _sheet(
    title: str | None, caption: str | None, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> Sheet:
    sheet = Sheet(title=title, caption=caption)
    for number, name in enumerate(header):
        words = number == 0 or name in ("Process", "where", "states", "")
        sheet.add_column(name, justify="left" if words else "right", no_wrap=name == "synapses")
    for row in rows:
        sheet.add_row(*row)
    return sheet


def _closing(readiness: Readiness) -> list[RenderableType]:
    """Say what it costs, what is not on the chip, the verdict and what to change."""
    most = LIMITS["power_per_chip"]
    lines: list[RenderableType] = [
        Text(f"activity: {_activity_words(readiness.activity)}"),
        Text(f"energy on Loihi 2: not public ({most.meaning}: {most.in_words()}, all around it included)"),
        Text(f"energy, estimated: {_energy_words(readiness.energy)}"),
        Text("on the host:"),
        *(_indented(part) for part in readiness.host),
        Text("a chip also needs, beyond this package:"),
        *(_indented(part) for part in readiness.missing),
        Text(""),
        Text.assemble("verdict: ", (readiness.verdict.value, f"bold {_COLOURS[readiness.verdict]}")),
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


def worst(checks: Sequence[Check]) -> list[Check]:
    """Return of each limit the check that fares worst, in the order of the limits.

    Parameters
    ----------
    checks : sequence of Check
        All checks.

    Returns
    -------
    list of Check
        One a limit.
    """
    found: dict[str, Check] = {}
    for check in checks:
        other = found.get(check.limit.name)
        if other is None or _rank(check) > _rank(other):
            found[check.limit.name] = check
    return [found[name] for name in LIMITS if name in found]


def _rank(check: Check) -> tuple[int, float]:
    return _SEVERITY.index(check.status), check.need


def _population_rows(readiness: Readiness) -> list[tuple[str, ...]]:
    return [
        (
            one.name,
            f"{one.neurons:,}",
            ", ".join(one.states),
            str(one.neuron_bits),
            f"{one.cores:,}",
            f"{one.neurons_per_core:,}",
            f"{one.memory_kb:.1f}",
        )
        for one in readiness.layout.populations
    ]


def _connection_rows(readiness: Readiness) -> list[tuple[str, ...]]:
    return [_connection_row(one, readiness.activity) for one in readiness.layout.connections]


def _connection_row(one: Connection, activity: Activity | None) -> tuple[str, ...]:
    return (
        one.name,
        one.kind,
        *(f"{number:,}" for number in (one.synapses, one.fan_in, one.fan_out)),
        f"{one.weight_bits} + {one.index_bits} bits",
        f"{one.memory_bits / 8192:,.1f}",
        "spike" if one.payload_bits == 1 else f"{one.payload_bits} bits",
        "–" if activity is None else f"{activity.operations[one.name]:,.0f}",
    )


def _need_row(check: Check) -> tuple[str, ...]:
    return (
        check.limit.meaning,
        check.part,
        check.limit.written(check.need),
        check.limit.in_words(),
        "" if check.status is Status.NOT_PUBLIC else check.status.value,
    )


def _activity_words(activity: Activity | None) -> str:
    if activity is None:
        return _NOT_PLAYED
    return (
        f"in the first trial {activity.rate_hz:.1f} Hz, {activity.operations_per_s:,.0f} synaptic operations "
        f"and {activity.updates:,.0f} neuron updates per second"
    )


def _energy_words(energy: Energy | None) -> str:
    if energy is None:
        return _NOT_PLAYED
    return (
        f"by the first Loihi's figures at least {energy.total_w * 1e6:.0f} uW ({energy.synapses_w * 1e6:.0f} "
        f"synapses, {energy.neurons_w * 1e6:.0f} neurons) beside the chip's idle power"
    )


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
    layout = readiness.layout
    taken = f"{layout.cores:,} of {LIMITS['cores'].in_words()} cores"
    sections = [
        Section("Verdict", _verdict(readiness)),
        Section("Resources", _resources(readiness)),
        Section("Needs and limits", [_needs(readiness)]),
        Section("Activity and energy", _costs(readiness)),
        Section("Not on the chip", _elsewhere(readiness)),
        Section("The parameters in integers", _integers(readiness)),
        Section("Limits and their sources", [_sources()]),
    ]
    lead = f"{readiness.config.preset}, seed {readiness.config.run.seed}: {readiness.verdict.value}; {taken}."
    return Report("Is this network ready for Loihi 2?", lead, sections)


def _verdict(readiness: Readiness) -> list[Element]:
    callouts: list[Element] = [Callout(_KINDS[readiness.verdict], readiness.verdict.value.capitalize())]
    for reason in readiness.reasons:
        change = f" To change: {reason.change}." if reason.change else ""
        callouts.append(Callout("fail" if reason.fails else "warning", f"{reason.text}.{change}"))
    callouts.append(
        Paragraph("Nothing here has run on a chip. The verdict compares needs with public figures.")
    )
    return callouts


def _resources(readiness: Readiness) -> list[Element]:
    counted = "Counted" if readiness.layout.counts.drawn else "Expected from the configuration"
    return [
        Table("Populations", _POPULATIONS, [_numbers(row, 2) for row in _population_rows(readiness)]),
        Table(
            f"Connections. {counted}.",
            _CONNECTIONS,
            [_numbers(row, 1) for row in _connection_rows(readiness)],
        ),
    ]


def _numbers(row: Sequence[str], words: int) -> list[str | Number]:
    """Mark what is written out but a number; the first cell is a name, the cell ``words`` words too."""
    return [cell if place in (0, words) else Number(cell) for place, cell in enumerate(row)]


def _needs(readiness: Readiness) -> Table:
    header = ("part", "limit", "needs", "allowed", "status")
    rows = []
    for check in readiness.checks:
        meaning, part, need, allowed, _ = _need_row(check)
        rows.append((part, meaning, Number(need), Number(allowed), check.status.value))
    return Table("Every need beside what is allowed", header, rows)


def _costs(readiness: Readiness) -> list[Element]:
    return [
        Paragraph(f"Activity: {_activity_words(readiness.activity)}."),
        Paragraph(f"Energy on Loihi 2: not public. On the chip: {_energy_words(readiness.energy)}."),
        *(Paragraph(f"Assumed: {assumption}.") for assumption in ASSUMPTIONS),
    ]


def _elsewhere(readiness: Readiness) -> list[Element]:
    return [
        KeyValues(
            [
                *(("stays on the host", part) for part in readiness.host),
                *(("needed beyond this package", part) for part in readiness.missing),
            ]
        )
    ]


def _integers(readiness: Readiness) -> list[Element]:
    if readiness.plan is None or readiness.health is None:
        return [Paragraph("Not derived: a network that does not fit is not drawn.")]
    health = readiness.health
    rows = [
        (one.name, one.bits, one.fraction_bits, Number(f"{one.error:.2%}"), one.clipped, one.zeroed)
        for one in readiness.plan.entries
    ]
    header = ("parameter", "bits", "behind point", "error", "clipped", "to zero")
    return [
        Table("Every parameter; error relative", header, rows),
        KeyValues(
            [
                ("mean rate, integers (float), Hz", f"{health.rate_hz:.2f} ({health.float_rate_hz:.2f})"),
                ("silent cells", f"{health.silent_share:.1%} ({health.float_silent_share:.1%})"),
            ]
        ),
    ]


def _sources() -> Table:
    rows = [
        (limit.meaning, Number(limit.in_words()), limit.source.citation, limit.source.url, limit.note)
        for limit in LIMITS.values()
    ]
    return Table("What is public", ("limit", "figure", "source", "address", "note"), rows)
