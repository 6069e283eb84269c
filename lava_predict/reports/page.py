"""One self-contained page: words, numbers and pictures, as HTML without scripts or network, and as JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import jinja2
import numpy as np
from pydantic import BeforeValidator, Discriminator, PlainSerializer, TypeAdapter, ValidationError

from lava_predict.errors import UserError

Kind = Literal["info", "warning", "pass", "fail"]

SCHEMA = 1
"""Version of the layout of page.json."""

_FORMAT = "lava-predict page"
_PNG = b"\x89PNG\r\n\x1a\n"
_MISSING = "–"
_MOST_LEVELS = 5
_LONGEST_ON_ONE_LINE = 24


@dataclass(frozen=True)
class Number:
    """A number of a table that is written out already, for instance "0.31 ± 0.02"."""

    text: str


Entry = str | Number | int | float | bool | None
"""What a table or list shows, numpy's numbers included. Floats get four significant digits; None and NaN
show as a dash."""


def shown(entry: Entry) -> str:
    """Write an entry as a page and a terminal show it."""
    if isinstance(entry, Number):
        return entry.text
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if isinstance(entry, str):
        return entry
    if entry is None:
        return _MISSING
    return (f"{entry:.4g}" if isinstance(entry, float) else f"{entry:,}").replace("-", "−")


def _plain(entry: Any) -> Entry:
    """Turn numbers of numpy into Python's, and those that JSON lacks into what they show."""
    value: Entry = entry.item() if isinstance(entry, np.generic) else entry
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else Number(shown(value))
    return value


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str
    type: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Table:
    """Rows of entries, the first of each row being what the row is about.

    Attributes
    ----------
    caption : str
        What it shows.
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence of Entry
        Entries, as many in each row as columns.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    type: Literal["table"] = "table"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"table {self.caption!r}: {len(row)} entries for {len(self.header)} columns")
        object.__setattr__(self, "rows", [[_plain(entry) for entry in row] for row in self.rows])

    @property
    def columns(self) -> list[str]:
        """Kind of each column: a "number", "brief" words that fit on one line, or "worded" texts."""
        return [self._column([row[n] for row in self.rows]) for n in range(len(self.header))]

    @staticmethod
    def _column(entries: Sequence[Entry]) -> str:
        if not any(isinstance(entry, str | bool) for entry in entries):
            return "number"
        return "brief" if max(len(shown(entry)) for entry in entries) <= _LONGEST_ON_ONE_LINE else "worded"


def _decoded(image: Any) -> Any:
    return base64.b64decode(image, validate=True) if isinstance(image, str) else image


def _encoded(image: bytes) -> str:
    return base64.b64encode(image).decode("ascii")


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes
    ----------
    image : bytes
        A PNG or SVG file.
    alt : str
        What it shows, for whoever does not see it; not empty.
    caption : str
        What to notice.
    """

    image: Annotated[bytes, BeforeValidator(_decoded), PlainSerializer(_encoded, when_used="json")]
    alt: str
    caption: str
    type: Literal["figure"] = "figure"

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"figure {self.caption!r}: needs a text in place of the picture (alt)")
        if not (self.image.startswith(_PNG) or self.image.lstrip().startswith(b"<")):
            raise ValueError(f"figure {self.caption!r}: is neither a PNG nor an SVG file")

    @property
    def address(self) -> str:
        """The picture as a data: URL."""
        kind = "png" if self.image.startswith(_PNG) else "svg+xml"
        return f"data:image/{kind};base64,{_encoded(self.image)}"

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of a PNG in pixels of the page (1/96 inch), by the resolution that it states."""
        if not self.image.startswith(_PNG):
            return None
        width, height = (int.from_bytes(self.image[n : n + 4], "big") for n in (16, 20))
        stated = self.image.find(b"pHYs", 0, self.image.find(b"IDAT"))
        per_metre = int.from_bytes(self.image[stated + 4 : stated + 8], "big") if stated > 0 else 0
        scale = 96 / (per_metre * 0.0254) if per_metre else 1.0
        return round(width * scale), round(height * scale)


@dataclass(frozen=True)
class Callout:
    """A remark set apart, or a verdict."""

    kind: Kind
    text: str
    type: Literal["callout"] = "callout"


@dataclass(frozen=True)
class Code:
    """What to type, spaces and lines kept."""

    text: str
    type: Literal["code"] = "code"


@dataclass(frozen=True)
class KeyValues:
    """Names and their values, for settings and versions."""

    items: Sequence[tuple[str, Entry]]
    type: Literal["key_values"] = "key_values"

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", [(name, _plain(value)) for name, value in self.items])


@dataclass(frozen=True)
class Section:
    """A headed part of the page; sections inside it get lower headings."""

    title: str
    elements: Sequence[Element]
    type: Literal["section"] = "section"


Element = Annotated[Paragraph | Table | Figure | Callout | Code | KeyValues | Section, Discriminator("type")]


@dataclass(frozen=True)
class Report:
    """A page.

    Attributes
    ----------
    title : str
        Its heading.
    lead : str
        What was found, in a sentence or two.
    sections : sequence of Section
        Its parts; above three, a list of contents leads to them.
    """

    title: str
    lead: str
    sections: Sequence[Section]

    def __post_init__(self) -> None:
        for section in self.sections:
            _check_depth(section)


def _check_depth(section: Section, level: int = 1) -> None:
    if level > _MOST_LEVELS:
        raise ValueError(f"section {section.title!r}: HTML has headings for five levels of sections")
    for element in section.elements:
        if isinstance(element, Section):
            _check_depth(element, level + 1)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lava_predict.reports"),
        autoescape=True,
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["shown"] = shown
    return environment.get_template("page.html.j2")


def to_html(report: Report) -> str:
    """Write the page.

    Parameters
    ----------
    report : Report
        What it holds; every text is taken literally.

    Returns
    -------
    str
        A whole HTML file. A content security policy in it forbids scripts and anything from outside.
    """
    return _template().render(report=report).lstrip()


def to_json(report: Report) -> str:
    """Write the page as page.json, from which `from_json` makes the same page.

    Parameters
    ----------
    report : Report
        What it holds. Pictures are kept in it (base64), so the file needs no other.

    Returns
    -------
    str
        JSON: "format", "schema", "title", "lead", "sections"; each element says its "type".
    """
    head = {"format": _FORMAT, "schema": SCHEMA}
    content = TypeAdapter(Report).dump_python(report, mode="json")
    return json.dumps(head | content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes, source: str = "page.json") -> Report:
    """Read what `to_json` wrote.

    Parameters
    ----------
    text : str or bytes
        The file's content.
    source : str, optional
        What errors call it.

    Returns
    -------
    Report
        The page.

    Raises
    ------
    UserError
        If it is not JSON, not a page, of another schema or damaged.
    """
    remedy = "run the command that wrote it again"
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source}: is not JSON ({error}); {remedy}") from None
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise UserError(f"{source}: is not a page that lava-predict wrote; {remedy}")
    if head.get("schema") != SCHEMA:
        raise UserError(
            f"{source}: has schema {head.get('schema')!r}, this version reads {SCHEMA}; read it with the "
            "version of lava-predict that wrote it"
        )
    try:
        return TypeAdapter(Report).validate_json(text, strict=True)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: is damaged at {place or 'its start'}: {first['msg']}; {remedy}") from None
