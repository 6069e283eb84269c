"""Self-contained pages: templates filled with a summary, tables and pictures; no scripts, no network."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

_MISSING = "–"
_LONGEST_ON_ONE_LINE, _LONGEST_LABEL = 24, 16


@dataclass(frozen=True)
class Number:
    """A number of a table that is written out already, for instance "0.31 ± 0.02"."""

    text: str


Entry = str | Number | int | float | bool | None
"""What a table or list shows. Floats get four significant digits; None and NaN show as a dash."""


def shown(entry: Entry) -> str:
    """Write an entry as a page and the terminal show it."""
    if isinstance(entry, Number):
        return entry.text
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if isinstance(entry, str):
        return entry
    if entry is None or math.isnan(entry):
        return _MISSING
    return (f"{entry:.4g}" if isinstance(entry, float) else f"{entry:,}").replace("-", "−")


def shown_label(label: str) -> str:
    """Return a label of an event as a picture or the terminal can show it: short, on one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in label)
    return plain if len(plain) <= _LONGEST_LABEL else plain[: _LONGEST_LABEL - 1] + "…"


def column_kinds(header: Sequence[str], rows: Sequence[Sequence[Entry]]) -> list[str]:
    """Return the kind of each column: "number", "brief" words that fit on one line, or "worded" texts.

    Raises a ValueError if a row has more or fewer entries than the header.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{len(row)} entries for {len(header)} columns: {row}")
    return [_kind([row[number] for row in rows]) for number in range(len(header))]


def _kind(entries: Sequence[Entry]) -> str:
    if not any(isinstance(entry, str | bool) for entry in entries):
        return "number"
    return "brief" if max(len(shown(entry)) for entry in entries) <= _LONGEST_ON_ONE_LINE else "worded"


@dataclass(frozen=True)
class Page:
    """A page before it is rendered.

    Attributes
    ----------
    title, lead : str
        Its heading, and what was found in a sentence or two.
    template : str
        File in templates/ that extends page.html.j2. A section is a call of the macro ``section``; above
        three, a list of contents leads to them.
    figures, content : mapping
        PNG files that the template may show, by name, and what else it names.
    """

    title: str
    lead: str
    template: str
    figures: Mapping[str, bytes] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    def html(self) -> str:
        """Return a whole HTML file.

        Every text is escaped. A content security policy forbids scripts and anything from outside.
        """
        template = environment().get_template(self.template)
        return template.render(
            self.content, title=self.title, lead=self.lead, figures=self.figures, section_titles=[]
        )


PageOf = Callable[[Mapping[str, Any], Mapping[str, bytes]], Page]
"""Makes a page of the content of summary.json and of the files in figures/, by name without ending."""


@cache
def environment() -> jinja2.Environment:
    """Return what finds the templates, escapes texts and knows the filters."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("lava_predict.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {
        "shown": shown,
        "png_size": png_size,
        "base64": lambda data: base64.b64encode(data).decode("ascii"),
    }
    made.globals |= {"column_kinds": column_kinds, "number": _number}
    return made


def _number(form: str, value: float | str) -> Number:
    return Number(format(value, form))


def png_size(png: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a page (1/96 inch) by the resolution that the file states."""
    width, height = (int.from_bytes(png[n : n + 4], "big") for n in (16, 20))
    stated = png.find(b"pHYs", 0, png.find(b"IDAT"))
    per_metre = int.from_bytes(png[stated + 4 : stated + 8], "big") if stated > 0 else 0
    scale = 96 / (per_metre * 0.0254) if per_metre else 1.0
    return round(width * scale), round(height * scale)
