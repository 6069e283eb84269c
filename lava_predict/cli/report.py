"""``lava-predict report``: one page of what a command left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lava_predict.cli import shared


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What run, compare, reproduce or check left.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write; default DIR/report.html.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file that --out names.")
    ] = False,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Make one report.html of a folder of results: table, pictures, settings; it needs no other file."""
    from lava_predict.reports.outcome import Outcome, show
    from lava_predict.reports.run_page import command_of, page_of, write_page

    page = page_of(folder)
    file = out if out is not None else folder / "report.html"
    # DIR/report.html is made from what DIR holds, so nothing is lost when it is replaced.
    write_page(page, file, overwrite or out is None)
    values = {"of": command_of(folder), "file": str(file)}
    show(Outcome("report", values, lines=[page.lead, f"page: {file}"]), None, quiet, as_json)
