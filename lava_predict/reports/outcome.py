"""What a command found, as one value, and how it becomes files and printed text."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table as Sheet

from lava_predict.errors import Caution
from lava_predict.records.folder import SCHEMA, Content, Folder
from lava_predict.reports.page import Entry, PageOf, column_kinds, shown
from lava_predict.reports.print_style import ON_SCREEN, Printed
from lava_predict.reports.second_process import Picture, Rendering, SecondProcess

if TYPE_CHECKING:
    from lava_predict.settings.schema import Config

_WIDTH_IN_A_PIPE = 160


@dataclass(frozen=True)
class Outcome:
    """What a command found.

    Attributes
    ----------
    command : str
        Its name.
    values : mapping
        What summary.json holds beside "schema", "command", "warnings" and "figures" (their names).
    table, lines : rich renderable or None, sequence of str
        What the terminal shows, and the lines below.
    warnings : sequence of Caution
        What the user should know.
    config, page, files : Config or None, callable or None, mapping of str to Content
        Becomes config.toml; makes report.html from the summary and the figures; further files, by name.
    figures : mapping of str to Figure or callable
        Pictures by name, or what draws them when they are written; they become figures/NAME.png, and other
        files if `leave` is asked for them.
    """

    command: str
    values: Mapping[str, Any]
    table: RenderableType | None = None
    lines: Sequence[str] = ()
    warnings: Sequence[Caution] = ()
    config: Config | None = None
    figures: Mapping[str, Picture] = field(default_factory=dict)
    page: PageOf | None = None
    files: Mapping[str, Content] = field(default_factory=dict)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds: plain values."""
        head = {"schema": SCHEMA, "command": self.command, "warnings": self.warnings}
        whole: dict[str, Any] = plain({**head, **self.values, "figures": list(self.figures)})
        return whole

    def summary_text(self) -> str:
        """Return the text of summary.json."""
        return json.dumps(self.summary, indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return a value as JSON has it: arrays as lists, dataclasses as dicts, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def named(value: object, *names: str) -> dict[str, Any]:
    """Return attributes of a value by name."""
    return {name: getattr(value, name) for name in names}


def speed_in_words(timing: Mapping[str, float], took: str = "in") -> str:
    """Return how long a run took beside what it simulated, and their ratio, which may be below 1."""
    factor = timing["real_time_factor"]
    times = f"{factor:.0f}" if factor >= 10 else f"{factor:.2g}"
    return f"{timing['simulated_s']:.0f} s {took} {timing['wall_s']:.1f} s: {times} times real time"


def leave(
    outcome: Outcome, folder: Folder, printed: Printed = ON_SCREEN, second: SecondProcess | None = None
) -> None:
    """Write the files of an outcome, its pictures as asked for, summary.json last.

    A second process draws some of the pictures, where there is one.
    """
    rendering = Rendering(outcome.figures, printed, second)
    if outcome.config is not None:
        folder.write("config.toml", outcome.config.to_toml())
    for name, data in outcome.files.items():
        folder.write(name, data)
    pictures = rendering.files()
    for name, files in pictures.items():
        for ending, data in files.items():
            folder.write(f"figures/{name}.{ending}", data)
    if outcome.page is not None:
        shown = {name: files["png"] for name, files in pictures.items()}
        folder.write("report.html", outcome.page(outcome.summary, shown).html())
    folder.write("summary.json", outcome.summary_text())


def show(outcome: Outcome, folder: Path | None = None, quiet: bool = False, as_json: bool = False) -> None:
    """Print an outcome whose files are in ``folder``: warnings on stderr, the table on stdout.

    ``quiet`` prints neither; ``as_json`` prints summary.json instead of the table, with ``quiet`` only that.
    """
    if not quiet:
        for warning in outcome.warnings:
            print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        print(outcome.summary_text(), end="")
    elif not quiet:
        if outcome.table is not None:
            _print(outcome.table)
        for line in outcome.lines:
            print(line)
        if folder is not None and outcome.page is not None:
            what = "table, figures and page" if outcome.figures else "table and page"
            print(f"{what}: {folder}/ (open {folder}/report.html)")
        elif folder is not None and outcome.figures:
            print(f"table, records and pictures: {folder}/ (look at {folder}/figures/)")


def _print(table: RenderableType) -> None:
    """Print a table; in a pipe no line ends in the spaces that fill a cell."""
    if sys.stdout.isatty():
        Console().print(table)
        return
    console = Console(width=_WIDTH_IN_A_PIPE)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def sheet(
    header: Sequence[str],
    rows: Sequence[Sequence[Entry]],
    title: str | None = None,
    caption: str | None = None,
) -> Sheet:
    """Lay out a table for the terminal, columns of numbers to the right, title above and caption below.

    An empty row draws a line. Rich's markup counts in texts.
    """
    kinds = column_kinds(header, [row for row in rows if row])
    laid_out = Sheet(title=title, caption=caption)
    for number, (name, kind) in enumerate(zip(header, kinds, strict=True)):
        whole = all(isinstance(row[number], int) for row in rows if row)
        laid_out.add_column(name, justify="right" if kind == "number" else "left", no_wrap=whole)
    for row in rows:
        if row:
            laid_out.add_row(*map(shown, row))
        else:
            laid_out.add_section()
    return laid_out
