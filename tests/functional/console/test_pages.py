"""The console's pages in a real browser: what they show, and that nothing in a file can do anything there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from headrace.domain.ingest.ledger import FileStatus
from tests.functional.console.conftest import HOSTILE, Visit, Visiting
from tests.support.consoles import Running, running
from tests.support.fakes import file
from tests.unit.cli.stack import FakeStack

FAILED = b"b.csv".hex().ljust(24, "0")


@pytest.fixture
def visit(console: Running, visiting: Visiting) -> Iterator[Visit]:
    """A browser at the console. In the end nothing has gone wrong in it, and nobody else was asked for anything."""
    with visiting(console) as made:
        yield made
        assert made.complaints == []
        assert made.outside == []


PAGES = ("", "files", f"file/{FAILED}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_keeps_people_out(console: Running, visiting: Visiting, dark: bool) -> None:
    with visiting(console, dark=dark) as visit:
        for path in PAGES:
            visit.open(path)
            visit.shoot(f"{path.partition('/')[0] or 'overview'}-{'dark' if dark else 'light'}")
            assert visit.barriers() == [], path
        assert (visit.complaints, visit.outside) == ([], [])


def test_every_page_fits_a_phone(console: Running, visiting: Visiting) -> None:
    with visiting(console, width=390) as visit:
        for path in PAGES:
            page = visit.open(path)
            visit.shoot(f"{path.partition('/')[0] or 'overview'}-phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_overview_says_what_needs_a_person(visit: Visit) -> None:
    page = visit.open()
    needs = page.get_by_role("region", name="What needs a person")
    expect(needs.get_by_role("listitem")).to_have_count(4)
    expect(needs).to_contain_text("readings: 1 file not in the table within the promised time")
    expect(needs).to_contain_text("headrace files readings --late")
    needs.get_by_role("link", name="readings: 2 files failed").click()
    expect(page.get_by_role("row")).to_have_count(3)
    assert page.title() == "Files · Headrace"


def test_a_dataset_without_a_file_teaches_the_next_command(visit: Visit) -> None:
    row = visit.open().get_by_role("row", name="meters")
    expect(row).to_contain_text("headrace drop meters FILE")


def test_the_overview_shows_a_new_file_within_two_seconds(visit: Visit, stack: FakeStack) -> None:
    row = visit.open().get_by_role("row", name="readings")
    expect(row).to_contain_text("1 pending")
    stack.ledger.add(file("new.csv", arrived_at="2026-01-01T00:00:00Z", status=FileStatus.PENDING))
    expect(row).to_contain_text("2 pending", timeout=2_000)


def test_a_list_keeps_the_focus_when_it_is_drawn_again(visit: Visit, stack: FakeStack) -> None:
    page = visit.open("files")
    page.get_by_role("link", name="readings/b.csv").focus()
    stack.ledger.add(file("new.csv", arrived_at="2026-01-02T00:00:00Z"))
    expect(page.get_by_role("link", name="readings/new.csv")).to_be_visible(timeout=2_000)
    expect(page.get_by_role("link", name="readings/b.csv")).to_be_focused()


def test_files_are_found_by_keyboard(visit: Visit) -> None:
    page = visit.open("files?show=all")
    page.keyboard.press("/")
    page.keyboard.type("b.cs")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="readings/b.csv").press("Enter")
    expect(page.get_by_text("the header lacks the column value")).to_be_visible()


def test_files_come_in_pages(visit: Visit, stack: FakeStack) -> None:
    stack.ledger.add(
        *(file(f"many-{n:03}.csv", arrived_at=f"2025-01-01T00:{n // 60:02}:{n % 60:02}Z") for n in range(120))
    )
    page = visit.open("files?match=many")
    expect(page.get_by_text("120 files, page 1 of 3")).to_be_visible(timeout=2_000)
    page.get_by_role("link", name="older").click()
    page.get_by_role("link", name="older").click()
    expect(page.get_by_role("row")).to_have_count(21)
    expect(page.get_by_role("link", name="many-000.csv")).to_be_visible()


WRONG = {
    "show=odd": "there is no list of odd files",
    "since=soon": "is not a time",
    "dataset=none": "no dataset is called none here",
}


@pytest.mark.parametrize(("query", "says"), WRONG.items())
def test_a_wrong_address_is_explained(console: Running, visiting: Visiting, query: str, says: str) -> None:
    with visiting(console) as visit:
        expect(visit.open(f"files?{query}").get_by_role("alert")).to_contain_text(says)


def test_what_a_producer_wrote_is_text(visit: Visit) -> None:
    page = visit.open("files?show=failed")
    shown = HOSTILE.replace("\u202e", "\\u202e")
    page.get_by_role("link", name=shown).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(shown)
    assert "owned" not in page.title().split(" · ")[1]
    assert page.locator("main img, main script").count() == 0


def test_a_retry_asks_first_and_then_is_done(visit: Visit, stack: FakeStack) -> None:
    page = visit.open(f"file/{FAILED}")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing has been changed yet")
    assert stack.ledger.records.files[FAILED].status is FileStatus.FAILED
    expect(page.get_by_text(f"headrace retry {FAILED}")).to_be_visible()
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("status")).to_contain_text("Done: 1 file sent again")
    assert stack.ledger.records.files[FAILED].status is FileStatus.PENDING


def test_a_stack_that_does_not_answer_is_reported_and_looked_at_again(
    stack: FakeStack, visiting: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(dataset: str, since: str = "") -> None:
        raise OSError(111, "Connection refused")

    with running(stack.target) as console, visiting(console) as visit:
        page = visit.open()
        expect(page.get_by_role("row", name="readings")).to_contain_text("1 loaded")
        with monkeypatch.context() as broken:
            broken.setattr(stack.ledger.files, "of_dataset", down)
            expect(page.locator("body")).to_contain_text("1 loaded")
            visit.page.wait_for_timeout(500)
            page.reload()
            expect(page.get_by_role("alert")).to_contain_text("Connection refused")
        page.wait_for_timeout(500)
        page.reload()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_that_changes_is_seen_on_its_page(visit: Visit, stack: FakeStack) -> None:
    page = visit.open(f"file/{b'd.csv'.hex().ljust(24, '0')}")
    expect(page.locator("dl .tag").first).to_have_text("pending")
    known = stack.ledger.records.files[b"d.csv".hex().ljust(24, "0")]
    stack.ledger.records.files[known.file_id] = replace(known, status=FileStatus.FAILED, reason="it broke")
    expect(page.get_by_text("it broke")).to_be_visible(timeout=2_000)
