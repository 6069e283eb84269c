"""``lava-predict export``: what a run found, or its trained network, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError, one_of

DATA = ("csv", "parquet", "netcdf", "neo")
FORMATS = ("nir", *DATA)
CELLS = ("izhikevich", "cubalif")
# tests/records/test_run_data.py compares DATA with the module that writes them, which takes long to import.


def export(
    run: Annotated[Path, typer.Argument(**shared.FOLDER, help="Folder of run; for nir also of learn.")],
    out: Annotated[Path, typer.Option(**shared.PATH, metavar="FILE", help="File to write.")],
    file_format: Annotated[
        str, typer.Option("--to", "--format", metavar="FORMAT", help=f"Allowed: {', '.join(FORMATS)}.")
    ] = "nir",
    cells: Annotated[
        str | None,
        typer.Option(
            metavar="CELLS",
            help="For nir: izhikevich, the trained network as it is (default), or cubalif: its reservoir "
            "with the nearest cells that NIR has.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
) -> None:
    """Write what a run found, or its trained network, for other tools."""
    if file_format not in FORMATS:
        raise UserError(f"--to {file_format!r}: there is no such format; {one_of(file_format, FORMATS)}")
    if cells is not None and file_format != "nir":
        raise UserError(f"--cells {cells}: is for --to nir only; leave it out")
    if cells not in (None, *CELLS):
        raise UserError(f"--cells {cells!r}: there are no such cells; {one_of(str(cells), CELLS)}")
    if not run.exists():
        raise UserError(f"DIR = {str(run)!r}: there is no such folder; give the folder of a finished run")
    from lava_predict.reports.outcome import Outcome, show

    write = _data if file_format in DATA else _approximation if cells == "cubalif" else _network
    with shared.waiting(False, _DOING[write is _approximation]):
        values, lines = write(run, out, overwrite, file_format)
    show(Outcome("export", {"file": str(out), **values}, lines=[f"{out}: {lines[0]}", *lines[1:]]))


_DOING = ("exporting", "playing the network and fitting its cells: some ten seconds for 1,000 cells")
_Written = tuple[dict[str, Any], list[str]]
"""What summary.json would hold, and the lines that are shown."""


def _data(run: Path, out: Path, overwrite: bool, file_format: str) -> _Written:
    from lava_predict.records.run_data import load_run

    data = load_run(run)
    data.write(out, file_format, overwrite)
    probes, cues, events = data.record.p.shape
    return {}, [f"{probes} probes, {cues} cue{'s' * (cues > 1)}, {events} events; see docs/data.md"]


def _network(run: Path, out: Path, overwrite: bool, file_format: str) -> _Written:
    from lava_predict.targets.nir.export import export_nir

    network = export_nir(run, out, overwrite).network
    return {}, [f"{network.size} cells, {network.synapses.weight.size} synapses; see docs/export.md"]


def _approximation(run: Path, out: Path, overwrite: bool, file_format: str) -> _Written:
    from lava_predict.targets.nir.export import export_cuba

    found = export_cuba(run, out, overwrite)
    size, synapses, told = found.network.size, found.network.synapses.weight.size, found.summary
    return {"approximation": told}, [
        f"{size} CubaLIF cells, {synapses} synapses: an approximation of the {found.neuron} cells, without "
        "noise and readouts; see docs/export.md",
        f"A cell under its own currents: rate off by {told['cell_rate_error_hz']:.2f} Hz (median), "
        f"distance of its spikes {told['cell_distance']:.2f} (0: the same, 1: as far as a constant rate).",
        f"The network: {told['rate_hz']:.1f} Hz a cell beside {told['original_rate_hz']:.1f} Hz; "
        f"a cell's rate is off by {told['cell_rate_error_in_network_hz']:.2f} Hz (median).",
    ]
