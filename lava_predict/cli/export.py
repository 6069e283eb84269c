"""``lava-predict export``: what a run found, or its trained network, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError, one_of

DATA = ("csv", "parquet", "netcdf", "neo")
FORMATS = ("nir", *DATA)
# tests/records/test_run_data.py compares DATA with the module that writes them, which takes long to import.


def export(
    run: Annotated[Path, typer.Argument(**shared.FOLDER, help="Folder of run; for nir also of learn.")],
    out: Annotated[Path, typer.Option(**shared.PATH, metavar="FILE", help="File to write.")],
    file_format: Annotated[
        str, typer.Option("--to", "--format", metavar="FORMAT", help=f"Allowed: {', '.join(FORMATS)}.")
    ] = "nir",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
) -> None:
    """Write what a run found, or its trained network, for other tools."""
    if file_format not in FORMATS:
        raise UserError(f"--to {file_format!r}: there is no such format; {one_of(file_format, FORMATS)}")
    from lava_predict.reports.outcome import Outcome, show

    if file_format in DATA:
        from lava_predict.records.run_data import load_run

        data = load_run(run)
        data.write(out, file_format, overwrite)
        probes, cues, events = data.record.p.shape
        line = f"{out}: {probes} probes, {cues} cue{'s' * (cues > 1)}, {events} events; see docs/export.md"
    else:
        from lava_predict.targets.nir.export import export_nir

        network = export_nir(run, out, overwrite).network
        line = f"{out}: {network.size} cells, {network.synapses.weight.size} synapses; see docs/export.md"
    show(Outcome("export", {"file": str(out)}, lines=[line]))
