"""The page, read back by an HTML parser and from JSON: self-contained, accessible, texts taken literally."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest

from lava_predict.errors import UserError
from lava_predict.reports import plot_style
from lava_predict.reports.page import (
    Callout,
    Code,
    Figure,
    KeyValues,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    from_json,
    to_html,
    to_json,
)

NASTY = "<script>alert(\"x\")</script> & 'more' </table>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
VOID = {"meta", "link", "img"}


class Page(HTMLParser):
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
    return plot_style.to_png(figure)


PNG = png()
TABLE = Table(
    "Error, by variant",
    ("variant", "error", "seeds", "rate (Hz)", "passed"),
    (("float", Number("0.31 ± 0.02"), 8, 4.56789, True), ("fixed", None, 12345, float("nan"), False)),
)
ELEMENTS = (
    Paragraph("Some words."),
    TABLE,
    Figure(PNG, "a rising line", "It rises."),
    Figure(SVG, "nothing", "A drawing."),
    *(Callout(kind, "Mind this.") for kind in ("info", "warning", "pass", "fail")),
    Code("lava-predict run  \\\n    --seed 1"),
    KeyValues((("preset", "robust"), ("seeds", 8), ("rate", -0.000123456))),
)


def sample(sections: int = 4) -> Report:
    inner = Section("Details", (Paragraph("More."), Section("Deeper", (Paragraph("Most."),))))
    return Report("A title", "A lead.", [Section(f"Part {n}", (*ELEMENTS, inner)) for n in range(sections)])


def every_text(text: str) -> Report:
    elements = (
        Paragraph(text),
        Table(text, (text, text), ((text, text), (Number(text), Number(text)))),
        Figure(PNG, text, text),
        Callout("info", text),
        Code(text),
        KeyValues(((text, text),)),
    )
    return Report(text, text, [Section(text, elements)] * 4)


def test_a_page_that_says_its_language_title_and_width() -> None:
    html = to_html(sample())
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert page.all("html")[0][1]["lang"] == "en"
    assert page.texts("title") == ["A title"]
    viewport = [found["content"] for _, found, _ in page.all("meta") if found.get("name") == "viewport"]
    assert viewport == ["width=device-width, initial-scale=1"]
    assert len(page.all("main")) == 1


def test_nothing_is_fetched_and_nothing_runs() -> None:
    html = to_html(sample())
    page = Page(html)
    assert not re.search(r"https?://|url\(|@import", html)
    assert not page.all("script", "iframe", "object", "embed", "base", "form")
    for _, attributes, _ in page.all("img", "link", "a"):
        target = attributes.get("src") or attributes["href"]
        assert target.startswith(("data:", "#"))
    assert not any(name.startswith("on") for _, found, _ in page.elements for name in found)
    (policy,) = (found["content"] for _, found, _ in page.all("meta") if "http-equiv" in found)
    assert policy.startswith("default-src 'none'")


def test_every_text_is_taken_literally() -> None:
    page = Page(to_html(every_text(NASTY)))
    assert not page.all("script")
    places = ("h1", "h2", "p", "caption", "th", "td", "figcaption", "dt", "dd", "a", "title", "code")
    for tag in places:
        assert any(NASTY in text for text in page.texts(tag)), tag
    assert all(found["alt"] == NASTY for _, found, _ in page.all("img"))
    regions = [found for _, found, _ in page.elements if found.get("role") == "region"]
    assert regions
    assert all(found["aria-label"] == NASTY for found in regions)


def test_headings_start_at_one_and_skip_no_level() -> None:
    page = Page(to_html(sample()))
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - sooner <= 1 for sooner, later in pairwise(levels))
    assert max(levels) == 4


def test_sections_too_deep_for_html_are_refused() -> None:
    section = Section("bottom", ())
    for _ in range(5):
        section = Section("around", (section,))
    with pytest.raises(ValueError, match="'bottom'"):
        Report("", "", (section,))


def test_pictures_are_inside_the_page_to_the_bit_with_alt_and_size() -> None:
    images = Page(to_html(sample(1))).all("img")
    assert [found["alt"] for _, found, _ in images] == ["a rising line", "nothing"]
    kinds, contents = zip(*(found["src"].split(";base64,") for _, found, _ in images), strict=True)
    assert kinds == ("data:image/png", "data:image/svg+xml")
    assert [base64.b64decode(content) for content in contents] == [PNG, SVG]
    # 2 by 1 inch, whatever the resolution.
    assert (images[0][1]["width"], images[0][1]["height"]) == ("192", "96")


def test_a_picture_without_alt_or_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="alt"):
        Figure(PNG, " ", "caption")
    with pytest.raises(ValueError, match="neither a PNG nor an SVG"):
        Figure(b"GIF89a", "alt", "caption")


def test_tables_have_captions_and_headers_and_scroll_by_themselves() -> None:
    page = Page(to_html(sample(1)))
    (table,) = (n for n, (tag, _, _) in enumerate(page.elements) if tag == "table")
    around = page.elements[table - 1][1]
    assert page.parents[table][-1] == "div"
    assert (around["tabindex"], around["role"], around["aria-label"]) == ("0", "region", TABLE.caption)
    assert page.texts("caption") == [TABLE.caption]
    headers = page.all("th")
    assert [text for _, found, text in headers if found["scope"] == "col"] == list(TABLE.header)
    assert [text for _, found, text in headers if found["scope"] == "row"] == ["float", "fixed"]


def test_numbers_are_written_alike_and_stand_right_under_their_header() -> None:
    page = Page(to_html(sample(1)))
    shown = ["0.31 ± 0.02", "8", "4.568", "yes", "–", "12,345", "–", "no"]
    assert page.texts("td") == shown
    right = ["number" in found.get("class", "") for _, found, _ in page.all("td")]
    assert right == [True, True, True, False] * 2
    columns = [found for _, found, _ in page.all("th") if found["scope"] == "col"]
    assert ["number" in found.get("class", "") for found in columns] == [False, *right[:4]]
    assert page.texts("dd") == ["robust", "8", "−0.0001235"]


def test_numbers_of_numpy_are_numbers() -> None:
    row = ("x", np.int64(1234), np.float64(0.5), np.float32(2), np.bool_(True), np.float64("nan"))
    assert Page(to_html(Report("", "", (Section("", (Table("t", "abcdef", (row,)),)),)))).texts("td") == [
        "1,234",
        "0.5",
        "2",
        "yes",
        "–",
    ]


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="1 entries for 2 columns"):
        Table("t", ("a", "b"), (("x",),))


def test_a_callout_says_in_words_what_its_colour_says() -> None:
    page = Page(to_html(sample(1)))
    assert page.texts("strong") == ["Note:", "Warning:", "Pass:", "Fail:"]
    signs = [(found["aria-hidden"], text) for _, found, text in page.all("span")]
    assert signs == [("true", sign) for sign in "i!✓✗"]


def test_what_to_type_keeps_its_spaces_and_lines() -> None:
    assert Page(to_html(sample(1))).texts("code") == ["lava-predict run  \\\n    --seed 1"]


@pytest.mark.parametrize("sections", [3, 4])
def test_contents_lead_to_every_section_of_a_long_page(sections: int) -> None:
    page = Page(to_html(sample(sections)))
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
    assert STYLE in to_html(sample())
    light, dark = PALETTES
    assert light.keys() == dark.keys() > {"page", "panel", "text", "link", "info", "warning", "pass", "fail"}


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(palette: dict[str, str]) -> None:
    behind = {"page", "panel"}
    for name in palette.keys() - behind - {"rule"}:
        for ground in behind:
            assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)


def test_the_style_names_no_colour_that_is_not_checked() -> None:
    # White stands behind the pictures only, which are drawn for it.
    style = re.sub(r":root \{.*?\}", "", STYLE, flags=re.S).replace("background: #fff;", "")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|hsl", style)
    assert set(re.findall(r"var\(--(\w+)\)", style)) - {"edge"} <= PALETTES[0].keys()


@pytest.mark.parametrize("page", [sample(1), sample(4), every_text(NASTY), every_text("“é” ± \U0001f9e0\n")])
def test_a_page_from_json_is_the_page(page: Report) -> None:
    text = to_json(page)
    again = from_json(text)
    assert to_html(again) == to_html(page)
    assert to_json(again) == text


def test_numbers_keep_their_type_in_json_and_what_json_lacks_looks_the_same() -> None:
    row = ("x", 1, 1.0, True, None, np.int64(7), np.float32(0.5), np.bool_(False), Number("1 ± 2"))
    odd = ("y", float("nan"), float("inf"), float("-inf"), np.float64("nan"), 10**15, 1e-300, "", -0.0)
    page = Report("", "", (Section("", (Table("t", tuple("abcdefghi"), (row, odd)),)),))
    again = from_json(to_json(page))
    assert to_html(again) == to_html(page)
    table = again.sections[0].elements[0]
    assert isinstance(table, Table)
    read = table.rows[0]
    assert [type(entry) for entry in read] == [str, int, float, bool, type(None), int, float, bool, Number]


def test_a_page_in_json_is_plain_json_that_says_what_it_is() -> None:
    head = json.loads(to_json(sample(1)), parse_constant=pytest.fail)
    assert (head["format"], head["schema"], head["title"]) == ("lava-predict page", 1, "A title")
    types = [element["type"] for element in head["sections"][0]["elements"]]
    assert types == [
        "paragraph",
        "table",
        "figure",
        "figure",
        *["callout"] * 4,
        "code",
        "key_values",
        "section",
    ]


def changed(path: str, value: object) -> str:
    """Return the sample as JSON with one entry of it replaced."""
    head = json.loads(to_json(sample(1)))
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    inner = head
    for part in way:
        inner = inner[part]
    inner[last] = value
    return json.dumps(head)


BROKEN = [
    ("", "is not JSON"),
    (to_json(sample(1))[:-20], "is not JSON"),
    (b"\x89PNG\xff", "is not JSON"),
    ("[" * 100_000, "is not JSON"),
    ("[]", "is not a page"),
    ('{"schema": 1, "command": "run"}', "is not a page"),
    (changed("schema", 2), "schema 2, this version reads 1"),
    (changed("title", 5), "damaged at title"),
    (changed("sections", {}), "damaged at sections"),
    (changed("sections.0.elements.0.type", "video"), "damaged at sections.0.elements.0"),
    (changed("sections.0.elements.1.rows", [["a"]]), "1 entries for 5 columns"),
    (changed("sections.0.elements.1.rows.0.0", {"a": 1}), "damaged at sections.0.elements.1.table.rows.0.0"),
    (changed("sections.0.elements.2.image", "%%%"), "damaged at sections.0.elements.2.figure.image"),
    (changed("sections.0.elements.2.image", "R0lGODlh"), "neither a PNG nor an SVG"),
    (changed("sections.0.elements.2.alt", ""), r"needs a text in place of the picture \(alt\)"),
    (changed("sections.0.elements.4.kind", "joy"), "damaged at sections.0.elements.4.callout.kind"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_damaged_or_foreign_page_is_refused_with_its_name_and_place(
    text: str | bytes, message: str
) -> None:
    with pytest.raises(UserError, match=f"^here/page.json: .*{message}"):
        from_json(text, "here/page.json")


def test_too_deep_sections_in_json_are_refused() -> None:
    section: dict[str, object] = {"type": "section", "title": "bottom", "elements": []}
    for _ in range(5):
        section = {"type": "section", "title": "around", "elements": [section]}
    with pytest.raises(UserError, match="'bottom'"):
        from_json(changed("sections", [section]))
