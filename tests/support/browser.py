"""A real browser at a console, and what axe says of its pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

from tests.support.consoles import Running

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "console"
AXE = ROOT / "tests" / "reference" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}
NO_BROWSER = "no Chromium on this machine: `apt-get install chromium` as root brings one, or HEADRACE_CHROMIUM names it"


def chromium() -> str | None:
    """Where the browser is: `HEADRACE_CHROMIUM`, else one on the path."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("HEADRACE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser. A machine without one skips the test, unless HEADRACE_BROWSER=required."""
    path = chromium()
    if path is None and os.environ.get("HEADRACE_BROWSER") == "required":
        pytest.fail(NO_BROWSER)
    if path is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as play:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        made = play.chromium.launch(executable_path=path, args=options)
        yield made
        made.close()


@dataclass
class Visit:
    """A page in the browser, with all that it asked for and complained of."""

    page: Page
    root: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> Page:
        """Go to one of the console's pages."""
        self.page.goto(f"{self.root}/{path}")
        return self.page

    @property
    def outside(self) -> list[str]:
        """What was asked of anybody else."""
        own = urlsplit(self.root).netloc
        return [url for url in self.requests if urlsplit(url).netloc != own]

    def barriers(self, *, only_contrast: bool = False) -> list[str]:
        """What axe finds on the page that keeps people out, of level serious or critical."""
        self.page.evaluate(AXE.read_text("utf-8"))
        options = {"runOnly": ["color-contrast"]} if only_contrast else {}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [f"{item['id']}: {node['target']}: {node['failureSummary']}" for item in found["violations"]
                if item["impact"] in SERIOUS for node in item["nodes"]]  # fmt: skip

    def shoot(self, name: str) -> None:
        """Keep a picture of the page in build/console."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@contextmanager
def visiting(browser: Browser, console: Running, *, width: int = 1280, dark: bool = False) -> Iterator[Visit]:
    """A console in a fresh browser window, opened as a person with its address does."""
    size: ViewportSize = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light")
    page = context.new_page()
    page.set_default_timeout(15_000)
    found = Visit(page, "")

    def note(request: Request) -> None:
        found.requests.append(request.url)

    page.on("request", note)
    page.on("console", lambda said: found.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.goto(console.address())
    found.root = page.url.rstrip("/")
    try:
        yield found
    finally:
        context.close()
