"""A stack in memory with files of every fate, its console, and a real browser to look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

from headrace.domain.ingest.ledger import FileStatus, RowCounts
from tests.support.consoles import Running, running
from tests.support.fakes import contract, file
from tests.unit.cli.stack import FakeStack

ROOT = Path(__file__).parents[3]
SHOTS = ROOT / "build" / "console"
AXE = ROOT / "tests" / "reference" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "readings/<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202egpj.csv"
"""The key of a file whose producer means the reader harm: markup, and a sign that turns the writing around."""
SERIOUS = {"serious", "critical"}
NO_BROWSER = "no Chromium on this machine: `apt-get install chromium` as root brings one, or HEADRACE_CHROMIUM names it"


def chromium() -> str | None:
    """Where the browser is: `HEADRACE_CHROMIUM`, else one on the path."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("HEADRACE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a worker. A machine without one skips them, unless HEADRACE_BROWSER=required."""
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

    def barriers(self) -> list[str]:
        """What axe finds on the page that keeps people out, of level serious or critical."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("() => axe.run(document)")
        return [f"{item['id']}: {node['target']}: {node['failureSummary']}" for item in found["violations"]
                if item["impact"] in SERIOUS for node in item["nodes"]]  # fmt: skip

    def shoot(self, name: str) -> None:
        """Keep a picture of the page in build/console."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture
def visiting(browser: Browser) -> Visiting:
    """Opens a console in a fresh browser window, as a person with its address does."""

    @contextmanager
    def visit(console: Running, *, width: int = 1280, dark: bool = False) -> Iterator[Visit]:
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

    return visit


def at(minutes: float) -> str:
    """So many minutes ago, as the ledger writes it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
def stack() -> FakeStack:
    """Two datasets: one with files of every fate, one that nothing has come for."""
    made = FakeStack()
    readings = replace(contract(), freshness_seconds=600, description="Readings of meters")
    made.deploy(readings, replace(contract("meters"), prefix="meters/", table="meters"))
    rows = RowCounts(read=100, loaded=90, superseded=4, quarantined=6)
    made.ledger.add(
        file("a.csv", arrived_at=at(90), updated_at=at(89), status=FileStatus.LOADED, rows=rows, batch="readings-1"),
        file("b.csv", arrived_at=at(50), status=FileStatus.FAILED, reason="the header lacks the column value"),
        file("c.csv", arrived_at=at(30), status=FileStatus.HELD, reason="rows: 3, usual 90 to 110", batch="readings-2"),
        file("d.csv", arrived_at=at(20), status=FileStatus.PENDING),
        file("e.csv", arrived_at=at(1), status=FileStatus.RUNNING, batch="readings-3"),
        replace(file("x.csv", arrived_at=at(2), status=FileStatus.FAILED, reason=f"odd name {HOSTILE}"), key=HOSTILE),
        file("stray.bin", dataset="", arrived_at=at(3), status=FileStatus.UNROUTABLE, reason="no contract takes it"),
    )
    return made


@pytest.fixture
def console(stack: FakeStack) -> Iterator[Running]:
    """Its console."""
    with running(stack.target) as made:
        yield made
