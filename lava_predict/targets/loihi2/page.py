"""What the readiness check found, as summary.json, tables and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from lava_predict.reports.changed import changed_settings, of_preset
from lava_predict.reports.outcome import Outcome, named, plain, sheet
from lava_predict.reports.page import Entry, Number, Page
from lava_predict.settings.plain_values import Each, Maybe, OneOf
from lava_predict.targets.loihi2.limits import LIMITS

if TYPE_CHECKING:
    from lava_predict.targets.loihi2.readiness import Activity, Check, Readiness
    from lava_predict.targets.loihi2.stream_needs import StreamNeeds

_COLOURS = {"ready": "green", "ready with warnings": "yellow", "not ready": "red"}
_SEVERITY = ("not public", "fits", "warning", "fails")
_NOT_SIMULATED = "not measured: a network that does not fit is neither drawn nor simulated"
_NOT_PUBLIC = "not public"
_ENERGIES = ("synapses", "neurons", "total")


_POPULATION = {"name": str, "states": [str], "memory_kb": float}
_POPULATION |= dict.fromkeys(("neurons", "neuron_bits", "cores", "neurons_per_core"), int)
_CONNECTION = {"name": str, "kind": str, "memory_kb": float}
_CONNECTION |= dict.fromkeys(
    ("synapses", "fan_in", "fan_out", "weight_bits", "index_bits", "payload_bits"), float
)
_KEPT = {"name": str, "place": str, **dict.fromkeys(("count", "most", "bits", "kb", "most_kb"), float)}
_ACTIVITY = dict.fromkeys(("rate_hz", "synaptic_operations_per_s", "neuron_updates_per_s"), float)

SUMMARY: dict[str, Any] = {
    "preset": str,
    "seed": int,
    "verdict": OneOf(tuple(_COLOURS)),
    "reasons": [{"fails": bool, "text": str, "change": Maybe(str)}],
    "checks": [{"part": str, "limit": OneOf(tuple(LIMITS)), "need": float, "status": OneOf(_SEVERITY)}],
    "resources": {
        "counted": bool,
        **dict.fromkeys(("cores", "chips", "neurons", "synapses"), float),
        "populations": [_POPULATION],
        "connections": [_CONNECTION],
    },
    "activity": Maybe(_ACTIVITY | {"by_connection": Each(float)}),
    "energy": {f"loihi1_{part}_w": Maybe(float) for part in _ENERGIES},
    "host": [str],
    "missing": [str],
    "stream": Maybe(
        {"labels": int, "most": int, "cores": float, "most_cores": float, "kept": [_KEPT]}
        | {"operations": [{"name": str, "place": str}]}
    ),
    "parameters": Maybe([{"name": str}]),
}
"""What summary.json of a check holds."""


def outcome(readiness: Readiness) -> Outcome:
    """Gather what `lava-predict check` leaves and prints.

    Its values hold the verdict, reasons, checks, limits with their sources, resources, activity and energy,
    and the integers; "activity", "parameters" and "health" are None if the network was not drawn. Its
    "warnings" are the reasons that do not fail; the table shows them.
    """
    values = _values(readiness)
    return Outcome("check", values, _table(values), config=readiness.config, page=page)


def table(readiness: Readiness) -> Group:
    """Lay out what `lava-predict check` prints: resources, needs beside limits, energy, verdict."""
    return _table(_values(readiness))


def _values(readiness: Readiness) -> dict[str, Any]:
    # What `page` does not need is imported where it is used, as a page alone is quick.
    from lava_predict.targets.loihi2.readiness import ASSUMPTIONS

    config, layout, plan = readiness.config, readiness.layout, readiness.plan
    activity, energy = readiness.activity, readiness.energy
    population = ("name", "neurons", "states", "neuron_bits", "cores", "neurons_per_core", "memory_kb")
    resources = {
        "counted": layout.counts.drawn,
        **named(layout, "cores", "chips", "neurons", "synapses"),
        "populations": [named(one, *population) for one in layout.populations],
        "connections": [asdict(one) | {"memory_kb": one.memory_bits / 8192} for one in layout.connections],
    }
    watts = {part: None if energy is None else getattr(energy, f"{part}_w") for part in _ENERGIES}
    softer = [reason for reason in readiness.reasons if not reason.fails]
    values: dict[str, Any] = {
        "preset": config.preset,
        "changed": changed_settings(config),
        "seed": config.run.seed,
        **named(readiness, "verdict", "reasons"),
        "checks": [_check(check) for check in readiness.checks],
        "limits": list(LIMITS.values()),
        "resources": resources,
        "activity": None if activity is None else _activity(activity),
        "energy": {
            "loihi2": _NOT_PUBLIC,
            **{f"loihi1_{part}_w": power for part, power in watts.items()},
            "assumptions": ASSUMPTIONS,
        },
        **named(readiness, "host", "missing"),
        "stream": None if readiness.stream is None else _stream(readiness.stream),
        "parameters": None if plan is None else plan.entries,
        "health": readiness.health,
        "warnings": [{"cause": reason.text, "remedy": reason.change} for reason in softer],
    }
    return dict(plain(values))


def _check(check: Check) -> dict[str, Any]:
    allowed = _NOT_PUBLIC if check.limit.value is None else check.limit.value
    limit = {"limit": check.limit.name, "need": check.need, "allowed": allowed, "unit": check.limit.unit}
    return {"part": check.part, **limit, **named(check, "status", "change")}


def _activity(activity: Activity) -> dict[str, Any]:
    return {
        **named(activity, "duration_s", "rate_hz"),
        "synaptic_operations_per_s": activity.operations_per_s,
        "by_connection": activity.operations,
        "neuron_updates_per_s": activity.updates,
    }


def _stream(stream: StreamNeeds) -> dict[str, Any]:
    from lava_predict.targets.loihi2.stream_needs import OPERATIONS

    return {
        **named(stream, "labels", "most"),
        "cores": stream.cores(),
        "most_cores": stream.cores(most=True),
        "kept": [
            named(one, "name", "count", "most", "bits", "kb", "most_kb", "place") for one in stream.kept
        ],
        "operations": [{"name": name, "place": place} for name, place in OPERATIONS.items()],
    }


def worst(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the worst of each limit's "checks" in summary.json, in the order of the limits."""
    by_limit = ([check for check in checks if check["limit"] == name] for name in LIMITS)
    return [
        max(found, key=lambda check: (_SEVERITY.index(check["status"]), check["need"]))
        for found in by_limit
        if found
    ]


def _populations(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows."""
    rows: list[list[Entry]] = []
    for one in values["resources"]["populations"]:
        states, memory = ", ".join(one["states"]), Number(f"{one['memory_kb']:.1f}")
        sizes = (one[key] for key in ("neuron_bits", "cores", "neurons_per_core"))
        rows.append([one["name"], one["neurons"], states, *sizes, memory])
    return ["population", "neurons", "states", "bits a neuron", "cores", "neurons a core", "KB a core"], rows


def _connections(values: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows."""
    header = ["connection", "Process", "synapses", "fan-in", "fan-out", "weight + index", "KB", "message"]
    activity = values["activity"]
    rows: list[list[Entry]] = []
    for one in values["resources"]["connections"]:
        sizes = (one[key] for key in ("name", "kind", "synapses", "fan_in", "fan_out"))
        weight = Number(f"{one['weight_bits']} + {one['index_bits']} bits")
        message = Number("spike" if one["payload_bits"] == 1 else f"{one['payload_bits']} bits")
        rate = None if activity is None else Number(f"{activity['by_connection'][one['name']]:,.0f}")
        rows.append([*sizes, weight, Number(f"{one['memory_kb']:,.1f}"), message, rate])
    return [*header, "operations/s"], rows


def _kept(stream: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of what a stream's rules keep."""
    header = ["kept by the rules", f"{stream['labels']} labels", "bits each", "KB"]
    header += [f"KB, room for {stream['most']}", "could be on"]
    rows: list[list[Entry]] = [
        [one["name"], one["count"], one["bits"]]
        + [Number(f"{one[key]:,.1f}") for key in ("kb", "most_kb")]
        + [one["place"]]
        for one in stream["kept"]
    ]
    return header, rows


def _operations(stream: Mapping[str, Any]) -> tuple[list[str], list[list[Entry]]]:
    """Return header and rows of what a stream's rules compute."""
    return ["computed by the rules", "could be on"], [
        [one["name"], one["place"]] for one in stream["operations"]
    ]


def _needs(checks: Sequence[Mapping[str, Any]]) -> list[list[Entry]]:
    rows: list[list[Entry]] = []
    for check in checks:
        limit, status = LIMITS[check["limit"]], check["status"]
        need, allowed = Number(limit.written(check["need"])), Number(limit.in_words())
        rows.append([limit.meaning, check["part"], need, allowed, "" if status == _NOT_PUBLIC else status])
    return rows


def _activity_text(values: Mapping[str, Any]) -> str:
    activity = values["activity"]
    if activity is None:
        return _NOT_SIMULATED
    return (
        f"in the first trial {activity['rate_hz']:.1f} Hz, {activity['synaptic_operations_per_s']:,.0f} "
        f"synaptic operations and {activity['neuron_updates_per_s']:,.0f} neuron updates per second"
    )


def _energy_text(values: Mapping[str, Any]) -> str:
    energy = values["energy"]
    if energy["loihi1_total_w"] is None:
        return _NOT_SIMULATED
    synapses, neurons, total = (energy[f"loihi1_{part}_w"] * 1e6 for part in _ENERGIES)
    return (
        f"by the first Loihi's figures at least {total:.0f} microwatts ({synapses:.0f} synapses, "
        f"{neurons:.0f} neurons), in addition to the chip's idle power"
    )


def _table(values: Mapping[str, Any]) -> Group:
    resources = values["resources"]
    counted = "counted" if resources["counted"] else "expected, as the network was not drawn"
    cores = f"{resources['cores']:,} {'core' if resources['cores'] == 1 else 'cores'}"
    chips = "1 chip" if resources["chips"] == 1 else f"{resources['chips']} chips"
    note = f"synapses {counted}; packed as docs/loihi2.md says"
    return Group(
        sheet(*_populations(values), f"On the chip: {cores} ({chips})", note),
        sheet(*_connections(values)),
        *_stream_sheets(values["stream"]),
        sheet(
            ("limit", "where", "needs", "allowed", ""),
            _needs(worst(values["checks"])),
            "Needs and public limits of Loihi 2",
            "for each limit, the part with the greatest need; sources: docs/loihi2.md",
        ),
        *_closing(values),
    )


def _stream_sheets(stream: Mapping[str, Any] | None) -> list[RenderableType]:
    if stream is None:
        return []
    note = (
        f"at least {stream['cores']} cores beside the cells', {stream['most_cores']} with room for all labels"
    )
    return [sheet(*_kept(stream), "The rules of the stream", note), sheet(*_operations(stream))]


def _closing(values: Mapping[str, Any]) -> list[RenderableType]:
    """Say what it costs, what is not on the chip, the verdict and what to change."""
    power, verdict = LIMITS["power_per_chip"], values["verdict"]
    lines: list[RenderableType] = [
        Text(f"activity: {_activity_text(values)}"),
        Text(
            f"energy on Loihi 2: {_NOT_PUBLIC} ({power.meaning}: {power.in_words()}, including everything "
            "around it)"
        ),
        Text(f"energy, estimated: {_energy_text(values)}"),
        Text("on the host:"),
        *(_indented(part) for part in values["host"]),
        Text("in addition to this package, a chip needs:"),
        *(_indented(part) for part in values["missing"]),
        Text(""),
        Text.assemble("verdict: ", (verdict, f"bold {_COLOURS[verdict]}")),
    ]
    said: set[str] = set()
    for reason in values["reasons"]:
        lines.append(_indented(f"{'fails' if reason['fails'] else 'warning'}: {reason['text']}"))
        if reason["change"] and reason["change"] not in said:
            lines.append(_indented(f"change: {reason['change']}", 4))
            said.add(reason["change"])
    return lines


def _indented(text: str, by: int = 2) -> Padding:
    return Padding(Text(text), (0, 0, 0, by), expand=False)


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Make the page of a check from the content of summary.json; it shows no figures."""
    content = {
        "summary": summary,
        "populations": _populations(summary),
        "connections": _connections(summary),
        "needs": _needs(summary["checks"]),
        "stream": [_kept(summary["stream"]), _operations(summary["stream"])] if summary["stream"] else [],
        "activity": _activity_text(summary),
        "energy": _energy_text(summary),
        "limits": LIMITS.values(),
    }
    taken = f"{summary['resources']['cores']:,} of {LIMITS['cores'].in_words()} cores"
    preset = of_preset(summary["preset"], summary["changed"])
    lead = f"{preset}, seed {summary['seed']}: {summary['verdict']}; {taken}."
    return Page("Is this network ready for Loihi 2?", lead, "check.html.j2", figures, content)
