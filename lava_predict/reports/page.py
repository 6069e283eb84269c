"""One self-contained page: words, numbers and pictures, as HTML without scripts or network, and as JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Discriminator, Tag, TypeAdapter, ValidationError

from lava_predict.errors import UserError

Kind = Literal["info", "warning", "pass", "fail"]

SCHEMA = 1
"""Version of the layout of page.json."""

_FORMAT = "lava-predict page"
_PNG = b"\x89PNG\r\n\x1a\n"
_MISSING = "–"
_DEEPEST = 5
_BRIEF = 24


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Number:
    """A number of a table that is written out already, for instance "0.31 ± 0.02"."""

    text: str


Entry = str | Number | int | float | bool | None
"""What a table or list shows, numpy's numbers included. Floats get four significant digits; None and NaN
show as a dash."""


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

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"table {self.caption!r}: {len(row)} entries for {len(self.header)} columns")


def _decoded(image: Any) -> Any:
    """Return a picture that page.json holds in base64."""
    return base64.b64decode(image, validate=True) if isinstance(image, str) else image


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

    image: Annotated[bytes, BeforeValidator(_decoded)]
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"figure {self.caption!r}: needs a text in place of the picture (alt)")
        if not (self.image.startswith(_PNG) or self.image.lstrip().startswith(b"<")):
            raise ValueError(f"figure {self.caption!r}: is neither a PNG nor an SVG file")


@dataclass(frozen=True)
class Callout:
    """A remark set apart, or a verdict."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Code:
    """What to type, spaces and lines kept."""

    text: str


@dataclass(frozen=True)
class KeyValues:
    """Names and their values, for settings and versions."""

    items: Sequence[tuple[str, Entry]]


@dataclass(frozen=True)
class Section:
    """A headed part of the page; sections inside it get lower headings."""

    title: str
    elements: Sequence[Element]


_TYPES: Mapping[type, str] = {
    Paragraph: "paragraph",
    Table: "table",
    Figure: "figure",
    Callout: "callout",
    Code: "code",
    KeyValues: "key_values",
    Section: "section",
}


def _type_of(element: Any) -> str | None:
    """Name the kind of an element, as page.json has it."""
    return element.get("type") if isinstance(element, dict) else _TYPES.get(type(element))


Element = Annotated[
    Annotated[Paragraph, Tag("paragraph")]
    | Annotated[Table, Tag("table")]
    | Annotated[Figure, Tag("figure")]
    | Annotated[Callout, Tag("callout")]
    | Annotated[Code, Tag("code")]
    | Annotated[KeyValues, Tag("key_values")]
    | Annotated[Section, Tag("section")],
    Discriminator(_type_of),
]


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


def _check_depth(section: Section, depth: int = 1) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"section {section.title!r}: HTML has headings for five levels of sections")
    for element in section.elements:
        if isinstance(element, Section):
            _check_depth(element, depth + 1)


LIGHT = {
    "page": "#ffffff",
    "panel": "#f4f6f8",
    "text": "#1c232b",
    "muted": "#55606c",
    "rule": "#d5dbe1",
    "link": "#0b5cad",
    "info": "#0b5cad",
    "warning": "#8a4b00",
    "pass": "#1a6b3c",
    "fail": "#b3261e",
}
"""Colours of the page in light surroundings, by what they are for."""

DARK = {
    "page": "#14181d",
    "panel": "#1e242b",
    "text": "#e6eaee",
    "muted": "#a3aebb",
    "rule": "#39434e",
    "link": "#7ab8ff",
    "info": "#7ab8ff",
    "warning": "#f0b45c",
    "pass": "#6fd195",
    "fail": "#ff938a",
}
"""The same in dark surroundings."""

_KINDS: dict[Kind, tuple[str, str]] = {
    "info": ("i", "Note"),
    "warning": ("!", "Warning"),
    "pass": ("✓", "Pass"),
    "fail": ("✗", "Fail"),
}

_STYLE = """
* { box-sizing: border-box; }
html { background: var(--page); color: var(--text); font: 1.0625rem/1.6 system-ui, sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { max-width: 66rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2rem);
  overflow-wrap: anywhere; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 2.5rem 0 .75rem; text-wrap: balance; }
h1 { font-size: clamp(1.7rem, 5vw, 2.2rem); margin-top: 0; }
h2 { font-size: 1.45rem; margin-top: 3rem; padding-top: 1.75rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.2rem; }
h4, h5, h6 { font-size: 1.0625rem; }
p, figcaption, caption, nav, .callout { max-width: 42rem; }
p { margin: 0 0 1rem; text-wrap: pretty; }
.lead { font-size: 1.15rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, .wide:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav { border-left: .2rem solid var(--rule); padding: .1rem 0 .1rem 1.1rem; margin: 2rem 0; }
nav strong { font-size: .95rem; color: var(--muted); }
nav ul { margin: .25rem 0 0; padding: 0; list-style: none; }
nav li { padding: .2rem 0; }
figure { margin: 2rem 0; }
figcaption, caption { color: var(--muted); font-size: .95rem; line-height: 1.5; text-align: left; }
figcaption { margin-top: .6rem; }
/* A caption stays in sight where its table scrolls. */
caption { padding-bottom: .6rem; position: sticky; left: 0; max-width: min(42rem, 100vw - 2rem); }
.wide { overflow-x: auto; margin: 1.75rem 0; }
figure .wide { margin: 0; background: #fff; width: fit-content; }
img { display: block; height: auto; max-width: max(100%, calc(.7 * var(--width, 0px))); }
div.wide:has(> table) { background:
  linear-gradient(to right, var(--page) 30%, transparent) left / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--page) 30%, transparent) right / 2.5rem 100% no-repeat local,
  linear-gradient(to right, var(--rule), transparent) left / .8rem 100% no-repeat,
  linear-gradient(to left, var(--rule), transparent) right / .8rem 100% no-repeat; }
table { border-collapse: separate; border-spacing: 0; min-width: min(100%, 24rem); overflow-wrap: normal;
  font-size: .95rem; line-height: 1.45; }
th, td { padding: .45rem .95rem .45rem 0; text-align: left; vertical-align: baseline; font-weight: 400;
  border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; vertical-align: bottom; border-top: 2px solid var(--text);
  border-bottom: 1px solid var(--text); }
tbody tr:last-child > * { border-bottom: 2px solid var(--text); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tbody .number, tbody .brief { white-space: nowrap; }
tbody .worded { min-width: 11.5rem; }
thead .number { min-width: 4.2rem; }
tbody th.brief { position: sticky; left: 0; background: var(--page); }
pre { background: var(--panel); margin: 1.25rem 0; padding: .8rem 1rem; font-size: .95rem; line-height: 1.5;
  white-space: pre-wrap; }
dl { display: grid; grid-template-columns: fit-content(45%) minmax(0, 1fr); gap: .35rem 1.5rem;
  margin: 1.25rem 0; }
dt { color: var(--muted); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.callout { background: var(--panel); border-left: .3rem solid var(--edge); padding: .8rem 1.1rem;
  margin: 1.5rem 0; }
.callout p { margin: 0; }
.callout span, .callout strong { color: var(--edge); font-weight: 700; }
.callout.warning { border-left-style: dashed; }
.callout.fail { border-left-style: double; border-left-width: .45rem; }
@media (max-width: 34rem) {
  dl { display: block; }
  dd { margin-bottom: .6rem; }
}
@media print {
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  .wide, div.wide:has(> table) { overflow: visible; background: none; }
  table { font-size: 8pt; }
  tbody .worded { min-width: 8rem; }
  img { max-width: min(100%, var(--width, 100%)); max-height: 20cm; width: auto; }
  nav, figure, tr, .callout { break-inside: avoid; }
  thead { display: table-header-group; }
  h1, h2, h3, h4, h5, h6, caption { break-after: avoid; }
}
"""


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
    sections = list(enumerate(report.sections, start=1))
    body = [f"<h1>{escape(report.title)}</h1>", f'<p class="lead">{escape(report.lead)}</p>']
    if len(sections) > 3:
        body.append(_contents(report.sections))
    for number, section in sections:
        body.append(f'<section id="section-{number}">')
        body.extend(_section(section, 2))
        body.append("</section>")
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
            f"<title>{escape(report.title)}</title>",
            '<link rel="icon" href="data:,">',
            f"<style>{_colours()}{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _colours() -> str:
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in palette.items()) for palette in (LIGHT, DARK)
    )
    kinds = "\n".join(f".{kind} {{ --edge: var(--{kind}); }}" for kind in _KINDS)
    # Paper is light whatever the screen is.
    in_the_dark = (
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} "
        # Pictures are drawn on white, which would glare.
        "figure .wide { padding: .75rem; filter: brightness(.88); } }"
    )
    return f"\n:root {{ {light} }}\n{in_the_dark}\n{kinds}"


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Contents"><strong>Contents</strong><ul>{links}</ul></nav>'


def _section(section: Section, level: int) -> Iterator[str]:
    yield f"<h{level}>{escape(section.title)}</h{level}>"
    for element in section.elements:
        if isinstance(element, Section):
            yield from _section(element, level + 1)
        else:
            yield _element(element)


def _element(element: Paragraph | Table | Figure | Callout | Code | KeyValues) -> str:
    if isinstance(element, Paragraph):
        return f"<p>{escape(element.text)}</p>"
    if isinstance(element, Table):
        return _table(element)
    if isinstance(element, Figure):
        return _figure(element)
    if isinstance(element, Callout):
        sign, word = _KINDS[element.kind]
        return (
            f'<div class="callout {element.kind}" role="note">'
            f'<p><span aria-hidden="true">{sign}</span> <strong>{word}:</strong> '
            f"{escape(element.text)}</p></div>"
        )
    if isinstance(element, Code):
        return f"<pre><code>{escape(element.text)}</code></pre>"
    items = "".join(f"<dt>{escape(name)}</dt><dd>{_text(value)}</dd>" for name, value in element.items)
    return f"<dl>{items}</dl>"


def _table(table: Table) -> str:
    classes = [f' class="{_column(table, n)}"' if table.rows else "" for n in range(len(table.header))]
    header = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.header, classes, strict=True)
    )
    rows = "".join(f"<tr>{_row(row, classes)}</tr>\n" for row in table.rows)
    # Only the table scrolls sideways on a narrow screen; the keyboard can reach it, too.
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.caption)}"><table>\n'
        f"<caption>{escape(table.caption)}</caption>\n"
        f"<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>"
    )


def _column(table: Table, number: int) -> str:
    """Tell columns of numbers, of words that fit a line, and of longer texts."""
    entries = [row[number] for row in table.rows]
    if not any(isinstance(entry, str | bool | np.bool_) for entry in entries):
        return "number"
    return "brief" if max(len(_text(entry)) for entry in entries) <= _BRIEF else "worded"


def _row(row: Sequence[Entry], classes: Sequence[str]) -> str:
    about = f'<th scope="row"{classes[0]}>{_text(row[0])}</th>'
    return about + "".join(
        f"<td{kind}>{_text(entry)}</td>" for entry, kind in zip(row[1:], classes[1:], strict=True)
    )


def _text(entry: Entry) -> str:
    if isinstance(entry, Number):
        return escape(entry.text)
    if isinstance(entry, np.generic):
        entry = entry.item()
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if entry is None or (isinstance(entry, float) and math.isnan(entry)):
        return _MISSING
    if isinstance(entry, float):
        return f"{entry:.4g}".replace("-", "−")
    if isinstance(entry, int):
        return f"{entry:,}".replace("-", "−")
    return escape(entry)


def _figure(figure: Figure) -> str:
    encoded = base64.b64encode(figure.image).decode("ascii")
    kind, size = "svg+xml", ""
    if figure.image.startswith(_PNG):
        # The size keeps the page from jumping while the picture is decoded.
        kind, (width, height) = "png", _size(figure.image)
        size = f' width="{width}" height="{height}" style="--width: {width}px"'
    # On a narrow screen the picture scrolls sideways rather than shrink until it cannot be read.
    return (
        f'<figure><div class="wide" tabindex="0" role="group" aria-label="{escape(figure.caption)}">'
        f'<img src="data:image/{kind};base64,{encoded}" alt="{escape(figure.alt)}"{size}></div>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels of the page (1/96 inch) by the resolution that the file states."""
    width, height = (int.from_bytes(png[n : n + 4], "big") for n in (16, 20))
    stated = png.find(b"pHYs", 0, png.find(b"IDAT"))
    per_metre = int.from_bytes(png[stated + 4 : stated + 8], "big") if stated > 0 else 0
    scale = 96 / (per_metre * 0.0254) if per_metre else 1.0
    return round(width * scale), round(height * scale)


def to_json(report: Report) -> str:
    """Write the page as page.json, from which `from_json` makes a page that looks the same.

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
    return json.dumps(head | _plain(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Return a part of a page as JSON has it."""
    if type(value) in _TYPES or isinstance(value, Report | Number):
        kind = {"type": _TYPES[type(value)]} if type(value) in _TYPES else {}
        return kind | {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else {"text": _text(value)}
    return (
        value if value is None or isinstance(value, str | int | float) else [_plain(item) for item in value]
    )


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
    remedy = "make it anew with the command that wrote it"
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
