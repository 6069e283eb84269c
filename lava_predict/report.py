"""One self-contained HTML page: words, numbers and pictures, without scripts or anything from a network."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

Kind = Literal["info", "warning", "pass", "fail"]

_PNG = b"\x89PNG\r\n\x1a\n"
_MISSING = "–"


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

    image: bytes
    alt: str
    caption: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"figure {self.caption!r}: needs a text in place of the picture (alt)")


@dataclass(frozen=True)
class Callout:
    """A remark set apart, or a verdict."""

    kind: Kind
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


Element = Paragraph | Table | Figure | Callout | KeyValues | Section


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

_KINDS: dict[Kind, str] = {"info": "Note", "warning": "Warning", "pass": "Pass", "fail": "Fail"}

_STYLE = """
* { box-sizing: border-box; }
html { background: var(--page); color: var(--text); font: 1.0625rem/1.6 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2rem);
  overflow-wrap: anywhere; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 2.5rem 0 .75rem; text-wrap: balance; }
h1 { font-size: clamp(1.7rem, 5vw, 2.3rem); margin-top: 0; }
h2 { font-size: 1.5rem; padding-top: 2rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.2rem; }
h4, h5, h6 { font-size: 1.0625rem; }
p { margin: 0 0 1rem; max-width: 42rem; }
.lead { font-size: 1.2rem; color: var(--muted); }
a { color: var(--link); }
a:focus-visible, .wide:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav { background: var(--panel); border-radius: .5rem; padding: 1rem 1.25rem; margin: 2rem 0; }
nav strong { display: block; margin-bottom: .25rem; }
nav ol { margin: 0; padding-left: 1.5rem; }
nav li { padding: .2rem 0; }
figure { margin: 1.75rem 0; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: .5rem; }
figcaption, caption { color: var(--muted); font-size: .95rem; text-align: left; }
figcaption { margin-top: .6rem; max-width: 42rem; }
caption { padding-bottom: .6rem; }
.wide { overflow-x: auto; margin: 1.75rem 0; }
table { border-collapse: collapse; min-width: 100%; overflow-wrap: normal; }
th, td { padding: .45rem .9rem .45rem 0; text-align: left; vertical-align: baseline;
  border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-size: .9rem; font-weight: 600; border-bottom-width: 2px; }
tbody th { font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: fit-content(45%) minmax(0, 1fr); gap: .35rem 1.5rem;
  margin: 1.25rem 0; }
dt { color: var(--muted); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.callout { background: var(--panel); border-left: .3rem solid var(--edge); border-radius: .3rem;
  padding: .9rem 1.1rem; margin: 1.5rem 0; }
.callout p { margin: 0; }
.callout strong { color: var(--edge); }
@media print {
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  .wide { overflow: visible; }
  figure, tr, .callout { break-inside: avoid; }
  h1, h2, h3, h4, h5, h6 { break-after: avoid; }
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
    in_the_dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    return f"\n:root {{ {light} }}\n{in_the_dark}\n{kinds}"


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Contents"><strong>Contents</strong><ol>{links}</ol></nav>'


def _section(section: Section, level: int) -> Iterator[str]:
    if level > 6:
        raise ValueError(f"section {section.title!r}: HTML has headings for five levels of sections")
    yield f"<h{level}>{escape(section.title)}</h{level}>"
    for element in section.elements:
        if isinstance(element, Section):
            yield from _section(element, level + 1)
        else:
            yield _element(element)


def _element(element: Paragraph | Table | Figure | Callout | KeyValues) -> str:
    if isinstance(element, Paragraph):
        return f"<p>{escape(element.text)}</p>"
    if isinstance(element, Table):
        return _table(element)
    if isinstance(element, Figure):
        return _figure(element)
    if isinstance(element, Callout):
        return (
            f'<div class="callout {element.kind}" role="note">'
            f"<p><strong>{_KINDS[element.kind]}:</strong> {escape(element.text)}</p></div>"
        )
    items = "".join(f"<dt>{escape(name)}</dt><dd>{_text(value)}</dd>" for name, value in element.items)
    return f"<dl>{items}</dl>"


def _table(table: Table) -> str:
    columns = range(len(table.header))
    worded = [any(isinstance(row[n], str | bool | np.bool_) for row in table.rows) for n in columns]
    classes = ["" if words or not table.rows else ' class="number"' for words in worded]
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
    if figure.image.startswith(_PNG):
        # The size in the file's header keeps the page from jumping while the picture is decoded.
        width, height = (int.from_bytes(figure.image[n : n + 4], "big") for n in (16, 20))
        source, size = f"data:image/png;base64,{encoded}", f' width="{width}" height="{height}"'
    elif figure.image.lstrip().startswith(b"<"):
        source, size = f"data:image/svg+xml;base64,{encoded}", ""
    else:
        raise ValueError(f"figure {figure.caption!r}: is neither a PNG nor an SVG file")
    return (
        f'<figure><img src="{source}" alt="{escape(figure.alt)}"{size}>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )
