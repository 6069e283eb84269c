"""``lava-predict report``: one page of what a command left."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError

if TYPE_CHECKING:
    from lava_predict.reports.print_style import Printed

_PAGES = {
    "run": "lava_predict.reports.run_page",
    "learn": "lava_predict.reports.stream_page",
    "compare": "lava_predict.comparison.page",
    "reproduce": "lava_predict.reproduction.page",
    "sweep": "lava_predict.sweeps.page",
    "check": "lava_predict.targets.loihi2.page",
}
"""Modules whose function ``page`` makes the page of a command, from what ``SUMMARY`` says of summary.json."""

_EVERY = {"figures": [str], "warnings": [{"cause": str, "remedy": str}]}
"""What summary.json of every command holds."""

_STREAM_PAGE = "lava_predict.comparison.stream_page"
"""The same of a comparison on a stream."""


def report(
    folder: Annotated[Path, typer.Argument(**shared.FOLDER, help="Folder that a command wrote.")],
    out: Annotated[
        Path | None,
        typer.Option(**shared.PATH, metavar="FILE", help="File to write; default DIR/report.html."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file that --out names.")
    ] = False,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Make one report.html of a folder of results: table, pictures, settings; it needs no other file.

    With --figures or --width-mm the pictures of a run are drawn again, from its record.
    """
    from lava_predict.records.folder import write_file
    from lava_predict.reports.outcome import Outcome, show

    if figures is not None or width_mm is not None:
        printed = shared.printed(figures, width_mm)
        with shared.waiting(quiet or as_json, "drawing"):
            draw_again(folder, printed)
    with shared.waiting(quiet or as_json, "making the page"):
        command, lead, html = page_of(folder)
    file = out if out is not None else folder / "report.html"
    # DIR/report.html is made from what DIR holds, so nothing is lost when it is replaced.
    write_file(file, html, overwrite or out is None)
    values = {"of": command, "file": str(file)}
    show(Outcome("report", values, lines=[lead, f"page: {file}"]), None, quiet, as_json)


def draw_again(folder: Path, printed: Printed) -> None:
    """Draw the pictures of a finished run from its record; they replace files of the same name.

    Raises a UserError if the folder is that of another command, or something in it is missing or damaged.
    """
    from lava_predict.records.folder import write_file
    from lava_predict.records.run_record import load_record
    from lava_predict.reports.plots import FIGURES
    from lava_predict.reports.print_style import render

    command = _summary_of(folder)["command"]
    if command != "run":
        raise UserError(
            f"--figures, --width-mm: of {command} the pictures cannot be drawn again; give them to "
            f"{command} itself"
        )
    record = load_record(folder)
    for name, draw in FIGURES.items():
        for ending, data in render(draw(record), printed).items():
            write_file(folder / "figures" / f"{name}.{ending}", data, overwrite=True)


def page_of(folder: Path) -> tuple[str, str, str]:
    """Make the page of a command's folder; nothing is simulated.

    Returns the command that wrote it, what it found in a sentence or two, and the page. Raises a UserError if
    something that is needed is missing, damaged or of another version.
    """
    from jinja2 import TemplateError

    from lava_predict.settings.plain_values import check_plain

    summary = _summary_of(folder)
    command = summary["command"]
    if not isinstance(command, str) or command not in _PAGES:
        raise UserError(
            f"DIR = {str(folder)!r}: {command!r} has no page; give a folder of {', '.join(_PAGES)}"
        )
    again = f"run it again: lava-predict {command}" + " config.toml" * (command != "learn")
    module = import_module(_STREAM_PAGE if "stream" in summary and command == "compare" else _PAGES[command])
    try:
        check_plain(summary, _EVERY | module.SUMMARY)
        files = {name: folder / "figures" / f"{name}.png" for name in summary["figures"]}
        figures = {name: file.read_bytes() for name, file in files.items()}
        page = module.page(summary, figures)
        return command, page.lead, page.html()
    except UserError as error:
        raise UserError(f"{folder / 'summary.json'}: {error}; {again}") from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}); {again}") from None
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, TemplateError) as error:
        raise UserError(
            f"{folder / 'summary.json'}: is not of this version of {command}, or damaged ({error!r}); {again}"
        ) from None


def _summary_of(folder: Path) -> dict[str, Any]:
    """Read the summary.json of a folder."""
    from lava_predict.records.folder import PREDICTIONS, SCHEMA, unfinished_folder

    file, remedy = folder / "summary.json", "give the folder that a command of lava-predict wrote"
    unfinished = unfinished_folder(folder)
    if unfinished.is_dir() and not folder.exists():
        command = "learn" if (unfinished / PREDICTIONS).exists() else "run"
        raise UserError(
            f"DIR = {str(folder)!r}: this run is unfinished; continue it with: lava-predict {command} "
            f"--resume {folder}"
        )
    if not folder.is_dir():
        raise UserError(f"DIR = {str(folder)!r}: is not a folder; {remedy}")
    try:
        summary = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}); {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: is not JSON ({error}); {remedy}") from None
    if not isinstance(summary, dict) or "command" not in summary:
        raise UserError(f"{file}: does not say which command wrote it; {remedy}")
    if summary.get("schema") != SCHEMA:
        raise UserError(
            f"{file}: has schema {summary.get('schema')!r}, this version reads {SCHEMA}; read it with the "
            "version of lava-predict that wrote it"
        )
    return summary
