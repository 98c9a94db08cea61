"""The console's pages in a real browser: what they show, and that nothing in a file can do anything there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from headrace.domain.ingest.ledger import BatchStatus, FileStatus
from headrace_cli.console.pages import others
from headrace_cli.stack import audited
from tests.functional.console.conftest import HOSTILE, MARKUP, Visiting, happened
from tests.support.browser import Visit
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


LOADED = b"a.csv".hex().ljust(24, "0")
PAGES = {
    "overview": "",
    "files": "files",
    "file": f"file/{LOADED}",
    "executions": "executions",
    "execution": "execution/readings-1?state=Record%20the%20batch",
    "quarantine": "quarantine",
    "trial": "trial?dataset=readings&rule=value:%20minimum",
    "held": "held",
    "contracts": "contracts",
    "contract": "contract/readings",
    "sql": "sql",
    "sources": "sources",
    "exports": "exports",
    "notifications": "notifications",
    "reconcile": "reconcile",
    "audit": "audit",
    "error": "file/none",
}


COLOURED = {"overview", "file", "execution", "quarantine", "held"}
"""Pages that have every colour between them."""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_keeps_people_out(console: Running, visiting: Visiting, dark: bool) -> None:
    with visiting(console, dark=dark) as visit:
        for name, path in PAGES.items():
            if dark and name not in COLOURED:
                continue
            page = visit.open(path)
            visit.shoot(f"{name}-{'dark' if dark else 'light'}")
            assert visit.barriers(only_contrast=dark) == [], name
            assert page.get_by_role("alert").count() == (name == "error"), name
        assert [line for line in visit.complaints if "404" not in line] == []
        assert visit.outside == []


def test_every_page_fits_a_phone(console: Running, visiting: Visiting) -> None:
    with visiting(console, width=390) as visit:
        for name, path in PAGES.items():
            page = visit.open(path)
            visit.shoot(f"{name}-phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


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
    assert page.title() == f"{shown} · Headrace"
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
    page.reload()  # the browser sends the form again
    expect(page.get_by_role("alert")).to_contain_text("this was confirmed already")
    assert any("404" in line for line in visit.complaints)
    visit.complaints.clear()


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
            expect(page.get_by_role("alert")).to_contain_text("Connection refused")
            expect(page.locator("body")).to_contain_text("1 loaded")
            page.reload()
            expect(page.get_by_role("alert")).to_contain_text("Connection refused")
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_page_that_cannot_be_drawn_again_says_so_until_it_can(
    console: Running, stack: FakeStack, visiting: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: object) -> None:
        raise OSError(111, "Connection refused")

    with visiting(console) as visit:
        page = visit.open("held")
        expect(page.get_by_role("region", name="readings-2")).to_be_visible()
        with monkeypatch.context() as broken:
            broken.setattr(others, "held_things", down)
            stack.ledger.add(file("new.csv", arrived_at="2026-01-02T00:00:00Z"))
            expect(page.get_by_role("alert")).to_contain_text("Connection refused")
            expect(page.get_by_role("region", name="readings-2")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0, timeout=10_000)  # it tries again by itself


def test_a_page_keeps_focus_and_scrolling_when_it_is_drawn_again(visit: Visit, stack: FakeStack) -> None:
    held = file("c2.csv", arrived_at="2026-01-02T00:00:00Z", status=FileStatus.HELD, reason="few", batch="readings-1")
    stack.ledger.add(held)
    page = visit.open("held")
    button = page.get_by_role("region", name="readings/c2.csv").get_by_role("button", name="Reject")
    button.focus()
    before = replace(held, key="readings/c1.csv", file_id="e" * 24, arrived_at="2026-01-01T00:00:00Z")
    stack.ledger.add(before)
    expect(page.get_by_role("region", name="readings/c1.csv")).to_be_visible(timeout=2_000)
    expect(button).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 900})
    page = visit.open("files")
    table = page.locator(".scroll")
    table.evaluate("item => item.scrollTo(60, 0)")
    stack.ledger.add(file("newer.csv", arrived_at="2026-01-02T00:00:00Z"))
    expect(page.get_by_role("link", name="readings/newer.csv")).to_have_count(1, timeout=2_000)
    assert table.evaluate("item => item.scrollLeft") == 60


def test_a_page_is_looked_at_often_only_while_something_runs(visit: Visit, stack: FakeStack) -> None:
    page = visit.open("execution/readings-3")
    expect(page.locator("svg.graph a.active")).to_have_count(1)
    batches = stack.ledger.records.batches
    batches["readings-3"] = replace(batches["readings-3"], status=BatchStatus.LOADED)
    expect(page.locator("#execution .tag").first).to_have_text("loaded", timeout=3_000)
    page.wait_for_timeout(300)
    asked = len(visit.requests)
    page.wait_for_timeout(1_500)
    assert len(visit.requests) == asked


def test_a_file_that_changes_is_seen_on_its_page(visit: Visit, stack: FakeStack) -> None:
    page = visit.open(f"file/{b'd.csv'.hex().ljust(24, '0')}")
    expect(page.locator("dl .tag").first).to_have_text("pending")
    known = stack.ledger.records.files[b"d.csv".hex().ljust(24, "0")]
    stack.ledger.records.files[known.file_id] = replace(known, status=FileStatus.FAILED, reason="it broke")
    expect(page.get_by_text("it broke")).to_be_visible(timeout=2_000)


def test_a_bad_row_is_text_with_a_caret_under_the_fault(visit: Visit) -> None:
    page = visit.open("quarantine?dataset=readings")
    expect(page.get_by_role("region", name="Rules")).to_contain_text("value: minimum")
    expect(page.locator("pre").first).to_have_text("m1,2026-01-01,-1\n              ^^", use_inner_text=True)
    expect(page.locator("pre").last).to_contain_text(MARKUP)
    assert page.locator("main img, main script").count() == 0
    page.get_by_role("link", name="row: fieldCount").click()
    expect(page.locator("pre")).to_have_count(1)


def test_the_graph_shows_what_was_done_and_what_failed_on_the_way(visit: Visit) -> None:
    page = visit.open("execution/readings-1")
    graph = page.get_by_label("The states and how they follow each other")
    expect(graph.locator("a.done")).to_have_count(4)
    expect(graph.locator("a.retried")).to_have_text("Record the batch")
    expect(graph.locator("path.taken")).not_to_have_count(0)
    graph.locator("a.retried").press("Enter")
    state = page.get_by_role("region", name="A state")
    expect(state).to_contain_text("Lambda.Unknown: Record the batch <b>broke</b>")
    expect(state).to_contain_text('"from": "Record the batch"')


def test_the_graph_moves_while_the_execution_runs(visit: Visit, stack: FakeStack) -> None:
    page = visit.open("execution/readings-3")
    expect(page.locator("svg.graph a.active")).to_have_text("Record the batch")
    (running,) = [key for key in stack.stepfunctions.history if key.endswith("readings-3")]
    stack.stepfunctions.history[running] = happened("Record the batch", "Transform each unit")[:-1]
    expect(page.locator("svg.graph a.active")).to_have_text("Transform each unit", timeout=2_000)
    expect(page.locator("svg.graph a.done")).to_have_text("Record the batch")


def test_executions_are_listed_by_status(visit: Visit) -> None:
    page = visit.open("executions")
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_label("Status").select_option("held")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("rows: 3, usual 90 to 110")


@pytest.mark.parametrize(("button", "status"), [("Release", "pending"), ("Reject", "failed")])
def test_what_is_held_is_decided(
    visit: Visit, stack: FakeStack, monkeypatch: pytest.MonkeyPatch, button: str, status: str
) -> None:
    monkeypatch.setattr(audited, "who", lambda _: "ann")
    page = visit.open("held")
    held = page.get_by_role("region", name="readings-2")
    expect(held).to_contain_text("rows: 3, usual 90 to 110")
    held.get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).to_contain_text("Nothing has been changed yet")
    page.get_by_label("Why, for the audit").fill("the meter was <broken>")
    page.get_by_role("button", name=f"{button} now").click()
    expect(page.get_by_role("status")).to_contain_text("Done")
    assert stack.ledger.records.files[b"c.csv".hex().ljust(24, "0")].status == status
    written = visit.open("audit").get_by_role("row").last
    expect(written).to_contain_text("ann")
    expect(written).to_contain_text(button.lower())
    expect(written).to_contain_text("the meter was <broken>")


def test_a_query_is_a_grid_and_a_chart_and_a_file(visit: Visit, stack: FakeStack) -> None:
    stack.data.columns = ["meter", "rows"]
    stack.data.pages = [[[{"stringValue": MARKUP}, {"longValue": 3}], [{"isNull": True}, {"longValue": 1}]]]
    page = visit.open("sql")
    page.get_by_label("One statement").fill("SELECT meter, COUNT(*) FROM public.readings GROUP BY 1")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text(MARKUP)
    expect(page.get_by_role("region", name="Result")).to_contain_text("NULL")
    expect(page.get_by_role("img", name="rows by meter")).to_be_visible()
    assert visit.barriers() == []
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download all rows").click()
    assert kept.value.suggested_filename == "result.csv"
    assert kept.value.path().read_text("utf-8").splitlines()[0] == "meter,rows"


def test_a_statement_that_changes_something_is_not_run(visit: Visit, stack: FakeStack) -> None:
    page = visit.open("sql")
    page.get_by_label("One statement").fill("DELETE FROM public.readings")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("this is not a query")
    assert stack.data.asked == []


def test_a_contract_with_a_mistake_is_explained(visit: Visit) -> None:
    page = visit.open("trial?dataset=readings")
    page.get_by_label("The contract").fill("kind: nothing\n")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("contract.odcs.yaml")
    assert "/tmp" not in page.get_by_role("alert").inner_text()


def test_a_contract_says_what_its_columns_must_obey(visit: Visit) -> None:
    page = visit.open("contracts")
    page.get_by_role("link", name="readings").click()
    expect(page.get_by_role("row", name="value BIGINT")).to_contain_text("at least 0")
    expect(page.get_by_role("row", name="meter VARCHAR(16)")).to_contain_text("key; required")


def test_notifications_are_only_on_the_laptop(visit: Visit) -> None:
    expect(visit.open("notifications").locator("main")).to_contain_text("on AWS, look in the Slack channel")


def test_a_landed_file_is_downloaded_as_it_came(visit: Visit, stack: FakeStack) -> None:
    file_id = stack.land('readings/odd "name".csv', b"meter\n\x00<script>")
    landed = {"key": stack.s3.stored[-1].key, "version": stack.s3.stored[-1].version}
    stack.ledger.add(file("odd.csv", file_id=file_id, arrived_at="2026-01-01T00:00:00Z", **landed))
    page = visit.open(f"file/{file_id}")
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download the file as it landed").click()
    assert kept.value.path().read_bytes() == b"meter\n\x00<script>"
    assert kept.value.suggested_filename == "odd _name_.csv"
