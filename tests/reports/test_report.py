"""The page, read back by an HTML parser: self-contained, accessible, texts taken literally."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest

from lava_predict.reports import plot_style
from lava_predict.reports.page import Number, column_kinds, environment, shown
from lava_predict.reports.print_style import render

NASTY = "<script>alert(\"x\")</script> & 'more' </table>"
VOID = {"meta", "link", "img"}


class Read(HTMLParser):
    """The page as a list of elements, each with its attributes and the text directly in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.parents: list[tuple[str, ...]] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()
        assert not self._open, "an element is never closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.parents.append(tuple(self.elements[n][0] for n in self._open))
        self.elements.append((tag, {name: value or "" for name, value in attributes}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.elements[self._open[-1]][2].append(data)

    def all(self, *tags: str) -> list[tuple[str, dict[str, str], str]]:
        return [(tag, found, "".join(text)) for tag, found, text in self.elements if tag in tags]

    def texts(self, *tags: str) -> list[str]:
        return [text for _, _, text in self.all(*tags)]


def png() -> bytes:
    figure = plot_style.new_figure(2, 1)
    figure.subplots().plot([0, 1])
    return render(figure)["png"]


PNG = png()
CAPTION, HEADER = "Error, by variant", ("variant", "error", "seeds", "rate (Hz)", "passed")
ROWS = (("float", Number("0.31 ± 0.02"), 8, 4.56789, True), ("fixed", None, 12345, float("nan"), False))
TEMPLATE = """\
{% extends "page.html.j2" %}
{% from "macros.html.j2" import callout, code, figure, key_values, section, table with context %}
{% block sections %}
{% for heading in headings %}
{% call section(heading) %}
<p>{{ text }}</p>
{{ table(caption, header, rows) }}
{{ figure("line", alt, caption) }}
{{ figure("missing", alt, caption) }}
{% for kind in ["info", "warning", "pass", "fail"] %}
{{ callout(kind, text) }}
{% endfor %}
{{ code(typed) }}
{{ key_values(items) }}
{% endcall %}
{% endfor %}
{% endblock %}
"""
CONTENT = {
    "text": "Some words.",
    "caption": CAPTION,
    "header": HEADER,
    "rows": ROWS,
    "alt": "a rising line",
    "typed": "lava-predict run  \\\n    --seed 1",
    "items": (("preset", "robust"), ("seeds", 8), ("rate", -0.000123456)),
}


def sample(sections: int = 4) -> str:
    headings = [f"Part {n}" for n in range(sections)]
    return rendered("A title", "A lead.", CONTENT | {"headings": headings})


def every_text(text: str) -> str:
    content = dict.fromkeys(("text", "caption", "alt", "typed"), text) | {"headings": [text] * 4}
    table = {"header": (text, text), "rows": ((text, text), (Number(text), Number(text)))}
    return rendered(text, text, content | table | {"items": ((text, text),)})


def rendered(title: str, lead: str, content: dict[str, object]) -> str:
    template = environment().from_string(TEMPLATE)
    return template.render(content, title=title, lead=lead, figures={"line": PNG}, section_titles=[])


def test_a_page_that_says_its_language_title_and_width() -> None:
    html = sample()
    page = Read(html)
    assert html.startswith("<!DOCTYPE html>")
    assert page.all("html")[0][1]["lang"] == "en"
    assert page.texts("title") == ["A title"]
    viewport = [found["content"] for _, found, _ in page.all("meta") if found.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]
    assert len(page.all("main")) == 1


def test_nothing_is_fetched_and_nothing_runs() -> None:
    html = sample()
    page = Read(html)
    assert not re.search(r"https?://|url\(|@import", html)
    assert not page.all("script", "iframe", "object", "embed", "base", "form")
    for _, attributes, _ in page.all("img", "link", "a"):
        target = attributes.get("src") or attributes["href"]
        assert target.startswith(("data:", "#"))
    assert not any(name.startswith("on") for _, found, _ in page.elements for name in found)
    (policy,) = (found["content"] for _, found, _ in page.all("meta") if "http-equiv" in found)
    assert policy.startswith("default-src 'none'")


def without_boxes(html: str) -> str:
    """Take away the boxes around words to type, so that their text is whole."""
    return re.sub(r"<span>(.*?)</span>", r"\1", html)


def test_every_text_is_taken_literally() -> None:
    page = Read(without_boxes(every_text(NASTY)))
    assert not page.all("script")
    places = ("h1", "h2", "p", "caption", "th", "td", "figcaption", "dt", "dd", "a", "title", "code")
    for tag in places:
        assert any(NASTY in text for text in page.texts(tag)), tag
    assert all(found["alt"] == NASTY for _, found, _ in page.all("img"))
    regions = [found for _, found, _ in page.elements if found.get("role") == "region"]
    assert regions
    assert all(found["aria-label"] == NASTY for found in regions)


def test_headings_start_at_one_and_skip_no_level() -> None:
    page = Read(sample())
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - sooner <= 1 for sooner, later in pairwise(levels))
    assert max(levels) == 2


def test_pictures_are_inside_the_page_to_the_bit_with_alt_and_size() -> None:
    ((_, image, _),) = Read(sample(1)).all("img")
    assert image["alt"] == "a rising line"
    kind, content = image["src"].split(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(content) == PNG
    # 2 by 1 inch, whatever the resolution.
    assert (image["width"], image["height"]) == ("192", "96")


def test_tables_have_captions_and_headers_and_scroll_by_themselves() -> None:
    page = Read(sample(1))
    (table,) = (n for n, (tag, _, _) in enumerate(page.elements) if tag == "table")
    around = page.elements[table - 1][1]
    assert page.parents[table][-1] == "div"
    assert (around["tabindex"], around["role"], around["aria-label"]) == ("0", "region", CAPTION)
    assert page.texts("caption") == [CAPTION]
    headers = page.all("th")
    assert [text for _, found, text in headers if found["scope"] == "col"] == list(HEADER)
    assert [text for _, found, text in headers if found["scope"] == "row"] == ["float", "fixed"]


def test_numbers_are_written_alike_and_stand_right_under_their_header() -> None:
    page = Read(sample(1))
    shown = ["0.31 ± 0.02", "8", "4.568", "yes", "–", "12,345", "–", "no"]
    assert page.texts("td") == shown
    right = ["number" in found.get("class", "") for _, found, _ in page.all("td")]
    assert right == [True, True, True, False] * 2
    columns = [found for _, found, _ in page.all("th") if found["scope"] == "col"]
    assert ["number" in found.get("class", "") for found in columns] == [False, *right[:4]]
    assert page.texts("dd") == ["robust", "8", "−0.0001235"]


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="1 entries for 2 columns"):
        column_kinds(("a", "b"), (("x",),))


def test_columns_are_told_apart_and_large_numbers_are_grouped() -> None:
    rows = [["a", 1, "x" * 25, "yes"], ["b", None, "", True]]
    assert column_kinds("abcd", rows) == ["brief", "number", "worded", "brief"]
    assert [shown(entry) for entry in (-1234567, -0.5, 10**15, float("inf"))] == [
        "−1,234,567", "−0.5", "1,000,000,000,000,000", "inf",
    ]  # fmt: skip


def test_a_callout_says_in_words_what_its_colour_says() -> None:
    page = Read(without_boxes(sample(1)))
    assert page.texts("strong") == ["Note:", "Warning:", "Pass:", "Fail:"]
    signs = [(found["aria-hidden"], text) for _, found, text in page.all("span")]
    assert signs == [("true", sign) for sign in "i!✓✗"]


def test_what_to_type_keeps_its_spaces_and_lines() -> None:
    assert Read(without_boxes(sample(1))).texts("code") == ["lava-predict run  \\\n    --seed 1"]


def test_every_word_to_type_is_in_a_box_of_its_own() -> None:
    words = [text for _, found, text in Read(sample(1)).all("span") if not found]
    assert words == ["lava-predict", "run", "\\", "--seed", "1"]


@pytest.mark.parametrize("sections", [3, 4])
def test_contents_lead_to_every_section_of_a_long_page(sections: int) -> None:
    page = Read(sample(sections))
    links = [(found["href"], text) for _, found, text in page.all("a")]
    ids = [found["id"] for _, found, _ in page.elements if "id" in found]
    assert len(set(ids)) == len(ids)
    assert bool(page.all("nav")) == (sections > 3)
    if sections > 3:
        assert links == [(f"#{name}", f"Part {n}") for n, name in enumerate(ids)]


STYLE = resources.files("lava_predict.reports").joinpath("templates", "page.css").read_text("utf-8")
PALETTES = [
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", colours))
    for colours in re.findall(r":root \{(.*?)\}", STYLE, re.S)
]


def luminance(colour: str) -> float:
    rgb = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_page_has_the_style_with_a_light_and_a_dark_palette() -> None:
    assert STYLE in sample(1)
    light, dark = PALETTES
    assert light.keys() == dark.keys() > {"page", "panel", "text", "link", "info", "warning", "pass", "fail"}


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(palette: dict[str, str]) -> None:
    behind = {"page", "panel"}
    for name in palette.keys() - behind - {"rule"}:
        for ground in behind:
            assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)


def test_the_style_names_no_colour_that_is_not_checked() -> None:
    # White stands behind the pictures only, which are drawn for it; a shadow beside them says nothing alone.
    style = re.sub(r":root \{.*?\}", "", STYLE, flags=re.S).replace("--ground: #fff; --shadow: #9aa5b1;", "")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|hsl", style)
    assert set(re.findall(r"var\(--(\w+)\)", style)) - {"edge", "ground", "shadow"} <= PALETTES[0].keys()
