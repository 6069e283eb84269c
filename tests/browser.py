"""A real browser that shows pages on a screen and on a phone, without any network."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from selenium import webdriver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver") or shutil.which("chromium.chromedriver")
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}

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

    def settled_picture(self) -> np.ndarray:
        """Return the whole page once three pictures in a row are equal; what scrolled is painted later."""
        equal, seen = 0, self.picture()
        for _ in range(50):
            before, seen = seen, self.picture()
            equal = equal + 1 if np.array_equal(before, seen) else 0
            if equal == 2:
                break
        return seen

    def check_that_it_fits(self, file: Path) -> None:
        """Assert that on no screen the page scrolls sideways or anything is cut off."""
        for screen, (width, _) in SCREENS.items():
            self.show(file, screen)
            facts = self.facts()
            assert (facts["width"], facts["whole"], facts["beyond"]) == (width, width, []), screen
            assert all(box["tab"] == 0 and box["name"] and box["scrolls"] == "auto" for box in facts["wide"])
