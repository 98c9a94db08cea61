"""The console on a real laptop: a file goes wrong, and is found, explained and put right in the browser alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from headrace_cli.console.memory import ON_LAPTOP
from headrace_cli.stack.target import target_at
from tests.e2e.conftest import Laptop
from tests.support.browser import Visit, launched, visiting
from tests.support.consoles import running

PAGES = ("", "files", "executions", "quarantine", "held", "contracts", "contract/readings", "sql", "sources", "exports",
         "notifications", "reconcile", "trial?dataset=readings")  # fmt: skip
SECONDS = 60_000
"""For what the pipeline does meanwhile, in milliseconds."""


@pytest.fixture(scope="module")
def visit(laptop: Laptop) -> Iterator[Visit]:
    """A browser at the console of the laptop. In the end nobody else was asked for anything, and nothing went wrong."""
    with ExitStack() as stack:
        browser = stack.enter_context(launched())
        console = stack.enter_context(running(target_at(laptop.home), pace=ON_LAPTOP))
        made = stack.enter_context(visiting(browser, console))
        yield made
        assert made.outside == []
        assert made.complaints == []


def confirmed(page: Page, button: str) -> None:
    """Press a button, read what would happen, and do it."""
    page.get_by_role("button", name=button).first.click()
    expect(page.get_by_role("status")).to_contain_text("Nothing has been changed yet")
    page.get_by_role("button", name=f"{button} now").click()
    expect(page.get_by_role("status")).to_contain_text("Done: 1 file sent again")


def test_a_file_is_seen_going_wrong_and_is_put_right(visit: Visit, laptop: Laptop) -> None:
    page = visit.open("files?match=console-")
    laptop.put("readings/console-wrong.csv", b"meter,value\nm1,1\n")
    link = page.get_by_role("link", name="readings/console-wrong.csv")
    link.wait_for(timeout=SECONDS)
    expect(page.get_by_role("row", name="console-wrong")).to_contain_text("failed", timeout=SECONDS)
    link.click()
    expect(page.locator("dl")).to_contain_text("read_at")
    confirmed(page, "Retry")
    laptop.settle()
    laptop.put("readings/console-wrong.csv", b"meter,read_at,value\nm1,2026-01-01T00:00:00Z,1\n")
    page = visit.open("files?match=console-&show=loaded")
    link.wait_for(timeout=SECONDS)
    link.click()
    expect(page.get_by_text("1 row read")).to_be_visible()
    confirmed(page, "Reload")
    laptop.settle()
    page.get_by_role("link", name="console-wrong.csv").click()
    expect(page.get_by_role("region", name="Time line")).to_contain_text("Sent again")
    page.get_by_role("link", name="readings-").first.click()
    expect(page.locator("svg.graph a.done")).not_to_have_count(0)
    page.locator("svg.graph a.done").first.click()
    expect(page.get_by_role("region", name="A state")).to_contain_text('"dataset": "readings"')


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_on_a_real_stack(visit: Visit, path: str) -> None:
    page = visit.open(path)
    visit.shoot(f"laptop-{path.partition('?')[0].replace('/', '-') or 'overview'}")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_query_and_a_comparison(visit: Visit) -> None:
    page = visit.open("sql")
    page.get_by_label("One statement").fill("SELECT meter, COUNT(*) FROM public.readings GROUP BY 1 ORDER BY 1")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("m1", timeout=SECONDS)
    page = visit.open("reconcile")
    page.get_by_label("Dataset").select_option("readings")
    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_role("status")).to_contain_text("were compared", timeout=SECONDS)
