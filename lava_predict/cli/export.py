"""``lava-predict export``: a trained network for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lava_predict.errors import UserError, one_of

FORMATS = ("nir",)


def export(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of run or learn, or its checkpoint.h5.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    file_format: Annotated[str, typer.Option("--format", help=f"Allowed: {', '.join(FORMATS)}.")] = "nir",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
) -> None:
    """Write a trained network for other tools."""
    if file_format not in FORMATS:
        raise UserError(f"--format {file_format!r}: there is no such format; {one_of(file_format, FORMATS)}")
    from lava_predict.reports.outcome import Outcome, show
    from lava_predict.targets.nir.export import export_nir

    network = export_nir(run, out, overwrite).network
    line = f"{out}: {network.size} cells, {network.synapses.weight.size} synapses; see docs/export.md"
    show(Outcome("export", {"file": str(out)}, lines=[line]))
