"""The page in a real browser: nothing fetched, nothing cut off, readable on a screen and on a phone."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from pictures import pngs
from PIL import Image

from lava_predict import Experiment, load_preset
from lava_predict.analysis.integer_health import check_health
from lava_predict.reports import plot_style
from lava_predict.reports.page import Number, Page, environment
from lava_predict.reports.print_style import render
from lava_predict.reports.run_page import page, run_outcome

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.common import WebDriverException

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver") or shutil.which("chromium.chromedriver")

INSTALL = "Debian: apt-get install chromium chromium-driver"
if CHROMIUM is None or CHROMEDRIVER is None:
    # Here, not as a mark, to be one line of pytest's summary instead of one for each test.
    pytest.skip(f"no chromium or no chromedriver; {INSTALL}", allow_module_level=True)

pytestmark = pytest.mark.slow

SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
LEAST_CONTRAST = 4.5
"""Of text (WCAG 2.2, 1.4.3, level AA)."""

FACTS = """
const shown = [...document.querySelectorAll('*')];
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const luminance = colour => {
  const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const [r, g, b] = rgb(colour).map(c => linear(c / 255));
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = element => {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if ((rgb(colour)[3] ?? 1) > 0) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
  if (!text) continue;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const [low, high] = [luminance(style.color), luminance(ground(element))].sort((a, b) => a - b);
  const contrast = (high + .05) / (low + .05);
  texts.push({text, contrast, size: parseFloat(style.fontSize), height: box.height});
}
const width = document.documentElement.clientWidth;
const beyond = element => element.getBoundingClientRect().right > width + .5;
return {
  width, whole: document.documentElement.scrollWidth, ground: ground(document.body), texts,
  beyond: shown.filter(e => !e.parentElement?.closest('.wide') && beyond(e))
    .map(e => e.outerHTML.slice(0, 80)),
  wide: [...document.querySelectorAll('.wide')].map(
    e => ({tab: e.tabIndex, name: e.getAttribute('aria-label'), cut: e.scrollWidth > e.clientWidth,
           scrolls: getComputedStyle(e).overflowX})),
  images: [...document.images].map(
    i => ({alt: i.alt, width: i.naturalWidth, drawn: i.getBoundingClientRect().toJSON(),
           ratio: i.naturalHeight / i.naturalWidth})),
  headings: shown.filter(e => /^H[1-6]$/.test(e.tagName)).map(e => Number(e.tagName[1])),
  tables: [...document.querySelectorAll('table')].map(
    t => ({caption: t.caption?.textContent, scopes: [...t.querySelectorAll('th')].map(h => h.scope),
           rows: [...t.tBodies[0].rows].map(r => r.cells[0].scope)})),
  measure: Math.max(...[...document.querySelectorAll('p')].map(p => p.getBoundingClientRect().width)),
};
"""


class Browser:
    """Headless Chromium that has no network."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # Both programs are named, so Selenium has nothing to look for or to download.
        self._service = webdriver.ChromeService(CHROMEDRIVER)
        self.driver = webdriver.Chrome(options=options, service=self._service)
        self.driver.set_page_load_timeout(300)
        self.driver.set_script_timeout(300)

    def close(self) -> None:
        """End the browser; fails if a process of it goes on."""
        process = psutil.Process(self._service.process.pid)
        processes = [process, *process.children(recursive=True)]
        try:
            self.driver.quit()
        finally:
            _, left = psutil.wait_procs(processes, timeout=100)
            for one in left:
                one.kill()
        assert not left

    def show(self, file: Path, screen: str = "desktop", scheme: str = "light", medium: str = "") -> None:
        """Open a page on a screen of a size and colour scheme."""
        width, height = SCREENS[screen]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": screen == "phone"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})
        self.driver.get(file.as_uri())

    def facts(self) -> dict[str, Any]:
        return self.driver.execute_script(FACTS)

    def requests(self) -> list[str]:
        """Return the addresses asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def console(self) -> list[str]:
        """Return what the console got since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self) -> np.ndarray:
        """Return the whole page as grey values, (height, width) in 0 .. 255."""
        # A busy machine decodes and paints a picture some time after the page has loaded.
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "Promise.all([...document.images].map(image => image.decode()))"
            ".then(() => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        taken = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"captureBeyondViewport": True, "clip": {**size, "scale": 1}},
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("L"), np.float64)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        opened = Browser()
    except WebDriverException as error:
        pytest.skip(f"Chromium does not start: {error.msg}; {INSTALL}")
    yield opened
    opened.close()


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
    browser.show(pages[name], screen)
    facts = browser.facts()
    assert facts["width"] == SCREENS[screen][0]
    assert facts["whole"] == facts["width"]
    assert facts["beyond"] == []
    assert all(box["tab"] == 0 and box["name"] and box["scrolls"] == "auto" for box in facts["wide"])
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
