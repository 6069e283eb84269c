"""The page in a real browser: nothing fetched, nothing cut off, readable on a screen and on a phone."""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium is not installed")
from browser import SCREENS, Browser
from pictures import pngs

from lava_predict import Experiment, load_preset
from lava_predict.analysis.integer_health import check_health
from lava_predict.reports import plot_style
from lava_predict.reports.page import Number, Page, environment
from lava_predict.reports.print_style import render
from lava_predict.reports.run_page import page, run_outcome

pytestmark = pytest.mark.long

LEAST_CONTRAST = 4.5
"""Of text (WCAG 2.2, 1.4.3, level AA)."""


def of_a_run() -> Page:
    """Return the page of a run in integers that does badly, so that it has warnings and long settings."""
    config = load_preset(
        "smoke",
        [
            "reservoir.neurons=80",
            "run.probe_trials=[0, 2]",
            "task.settle_ms=400",
            "fixed.fraction_bits=20",
            "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]},"
            "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
        ],
    )
    experiment = Experiment(config)
    result = experiment.run(precision="fixed")
    made = run_outcome(result, check_health(experiment, result))
    return page(made.summary, pngs(made.figures))


EVERYTHING = """\
{% extends "page.html.j2" %}
{% from "macros.html.j2" import callout, code, figure, key_values, section, table with context %}
{% block sections %}
{% for number in range(4) %}
{% call section("Part %d" % number) %}
<p>{{ "Words that a reader can follow. " * 12 }}</p>
{{ table("A wide table, and a caption that is itself longer than a phone is wide", header, rows) }}
{{ table("A small table", ["", "n"], [["one", 1]]) }}
{{ figure("rising", "four rising lines", "They rise, which takes words to say. " * 4) }}
{{ figure("small", "a rising line", "A drawing.") }}
{% for kind in ["info", "warning", "pass", "fail"] %}
{{ callout(kind, "Mind this, it is said at some length. " * 3) }}
{% endfor %}
{{ code("lava-predict run --set " ~ "x" * 300) }}
{{ key_values([("fingerprint", "0123456789abcdef" * 8), ("n", 8)]) }}
<h3>Inside</h3>
<p>{{ "w" * 300 }}</p>
{% endcall %}
{% endfor %}
{% endblock %}
"""
"""A page of all that a page can hold, with words and tables that are too long for a phone."""


def of_everything() -> str:
    header = ["variant", *(f"a column that is named at length, {n}" for n in range(9)), "said of it"]
    long = "a text in a table that takes more than a line wherever it stands, " * 2
    rows = [[name, *[Number("0.123 ± 0.045")] * 9, long] for name in ("float", "fixed", "float, other noise")]
    figures = {"rising": lines(12, 4), "small": lines(3, 1)}
    content = {"header": header, "rows": rows, "figures": figures, "section_titles": []}
    template = environment().from_string(EVERYTHING)
    return template.render(content, title="Everything", lead="What there is. " * 9)


def lines(width: float, panels: int) -> bytes:
    figure = plot_style.new_figure(width, 3)
    for axes in figure.subplots(1, panels, squeeze=False)[0]:
        axes.plot([0, 1], color=plot_style.colour_of(0))
    return render(figure)["png"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {"run": of_a_run().html(), "everything": of_everything()}
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


BOXES = """
return [...document.querySelectorAll('.wide')].map(e => {
  const box = e.getBoundingClientRect(), y = window.scrollY;
  return {at: [box.left, box.top + y, box.right, box.bottom + y], cut: e.scrollWidth > e.clientWidth,
          figure: e.parentElement.tagName == 'FIGURE'}});
"""
"""Where on the page each box stands that scrolls sideways, and whether it has to."""

PAGES = pytest.mark.parametrize("name", ["run", "everything"])
EVERY_SCREEN = pytest.mark.parametrize("screen", SCREENS)
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def test_a_page_that_asks_for_more_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text('<img src="http://pictures.invalid/a.png"><script>console.error("oh")</script>')
    browser.show(file)
    assert "http://pictures.invalid/a.png" in browser.requests()
    assert any("oh" in message for message in browser.console())


@PAGES
def test_nothing_is_asked_of_the_network_and_the_console_stays_empty(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    browser.requests(), browser.console()
    for screen in SCREENS:
        browser.show(pages[name], screen)
    requests = browser.requests()
    assert pages[name].as_uri() in requests
    assert all(url == pages[name].as_uri() or url.startswith("data:") for url in requests)
    assert browser.console() == []


@PAGES
@EVERY_SCREEN
def test_the_page_fits_the_screen_and_what_is_wider_scrolls_by_itself(
    browser: Browser, pages: dict[str, Path], name: str, screen: str
) -> None:
    browser.check_that_it_fits(pages[name])
    browser.show(pages[name], screen)
    facts = browser.facts()
    assert any(box["cut"] for box in facts["wide"]) == (screen == "phone" or name == "everything")
    # Some 80 characters a line at most.
    assert facts["measure"] <= 42 * 17


@PAGES
@EVERY_SCREEN
def test_pictures_are_drawn_in_their_proportions_large_enough_to_read(
    browser: Browser, pages: dict[str, Path], name: str, screen: str
) -> None:
    browser.show(pages[name], screen)
    images = browser.facts()["images"]
    assert len(images) == {"run": 4, "everything": 8}[name]
    for image in images:
        assert image["alt"].strip()
        assert image["width"] > 0
        drawn = image["drawn"]
        assert drawn["height"] / drawn["width"] == pytest.approx(image["ratio"], rel=0.01)
        # Letters of 10 points, drawn at 150 pixels an inch, are at least 9 pixels high.
        if name == "run":
            assert drawn["width"] >= 0.69 * image["width"] * 96 / 150


@PAGES
def test_headings_and_tables_say_what_they_are(browser: Browser, pages: dict[str, Path], name: str) -> None:
    browser.show(pages[name])
    facts = browser.facts()
    levels = facts["headings"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - sooner <= 1 for sooner, later in pairwise(levels))
    assert facts["tables"]
    for table in facts["tables"]:
        assert table["caption"]
        assert set(table["scopes"]) == {"col", "row"}
        assert set(table["rows"]) == {"row"}


@PAGES
@EVERY_SCREEN
@SCHEMES
def test_text_is_large_enough_and_stands_out(
    browser: Browser, pages: dict[str, Path], name: str, screen: str, scheme: str
) -> None:
    browser.show(pages[name], screen, scheme)
    facts = browser.facts()
    assert facts["ground"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    assert len(facts["texts"]) > 50
    for text in facts["texts"]:
        assert text["contrast"] >= LEAST_CONTRAST, text
        assert text["size"] >= 14, text
        assert text["height"] > 0, text


@EVERY_SCREEN
@SCHEMES
def test_a_picture_of_the_page_shows_words_and_figures(
    browser: Browser, pages: dict[str, Path], screen: str, scheme: str
) -> None:
    browser.show(pages["run"], screen, scheme)
    seen, images = browser.picture(), browser.facts()["images"]
    assert seen.shape[1] == SCREENS[screen][0]
    assert seen.shape[0] > 3 * SCREENS[screen][1]
    assert (np.median(seen) > 200) == (scheme == "light")
    # No screenful is blank, and in each there is something of high contrast.
    height = SCREENS[screen][1]
    for top in range(0, seen.shape[0] - height, height):
        assert np.ptp(seen[top : top + height]) > 150
        assert seen[top : top + height].std() > 5
    for image in images:
        box = image["drawn"]
        left, top = round(box["left"]), round(box["top"])
        drawn = seen[top : round(box["bottom"]), left : min(round(box["right"]), seen.shape[1])]
        # Black on white in the light, black on a dimmed white in the dark.
        assert drawn.min() < 100
        assert np.median(drawn) == pytest.approx(255 if scheme == "light" else 0.88 * 255, abs=2)


def edges(seen: np.ndarray) -> list[float]:
    """Return how much the left and the right edge of a box, three pixels, differ from its ground at least."""
    columns = np.median(seen, axis=0) - np.median(seen)
    return [min(side, key=abs) for side in (columns[:3], columns[-3:])]


@SCHEMES
def test_what_scrolls_has_a_shadow_where_there_is_more_to_see(
    browser: Browser, pages: dict[str, Path], scheme: str
) -> None:
    browser.show(pages["everything"], "phone", scheme)
    scroll = "for (const box of document.querySelectorAll('.wide')) box.scrollLeft = arguments[0]"
    sides = []
    for place in (0, 9999):
        browser.driver.execute_script(scroll, place)
        seen, darker = browser.settled_picture(), []
        for box in browser.driver.execute_script(BOXES):
            left, top, right, bottom = map(round, box["at"])
            darker.append((box["figure"], box["cut"], *edges(seen[top:bottom, left:right])))
        sides.append(darker)
    for (figure, cut, left, right), (*_, left_at_end, right_at_end) in zip(*sides, strict=True):
        shadow = pytest.approx(0, abs=3)
        assert (left, right_at_end) == (shadow, shadow), (figure, cut)
        assert (abs(right) > 8) == cut, (figure, right)
        if figure:  # A table's first column stays in sight, and hides the shadow.
            assert (abs(left_at_end) > 8) == cut, left_at_end
    assert {(figure, cut) for figure, cut, *_ in sides[0]} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }


def test_a_command_is_broken_between_its_words(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["run"], "phone")
    lines = "return [...document.querySelectorAll('pre')].map(p => p.getBoundingClientRect().height)"
    words = "return [...document.querySelectorAll('pre span')].map(w => w.getBoundingClientRect().height)"
    assert max(browser.driver.execute_script(lines)) > 80
    assert len(set(browser.driver.execute_script(words))) == 1
    for shown in browser.driver.find_elements("css selector", "pre"):
        assert shown.text.startswith("lava-predict run ")


def test_contents_lead_to_their_sections(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["run"], "phone")
    links = browser.driver.find_elements("css selector", "nav a")
    assert len(links) > 3
    for link in links[:-1]:
        target, title = link.get_attribute("href").split("#")[1], link.text
        browser.driver.execute_script("arguments[0].click()", link)
        section = browser.driver.find_element("id", target)
        assert section.find_element("css selector", "h2").text == title
        top = browser.driver.execute_script("return arguments[0].getBoundingClientRect().top", section)
        assert top == pytest.approx(0, abs=2)


def test_paper_is_white_and_nothing_on_it_is_cut_off(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["run"], "desktop", "dark", "print")
    facts = browser.facts()
    assert facts["ground"] == "rgb(255, 255, 255)"
    assert all(text["contrast"] >= LEAST_CONTRAST for text in facts["texts"])
    assert {box["scrolls"] for box in facts["wide"]} == {"visible"}
    printed = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
