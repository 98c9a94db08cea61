"""What the console answers, without a browser: lists, forms, and that a confirmation does what was shown."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from html import unescape
from http.client import HTTPException

import pytest

from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace.transform import BadRow, RowError
from headrace_cli.console.pages import executions, quarantine, warehouse
from headrace_cli.console.pages.files import SHOWN
from tests.functional.console.conftest import at, quarantined
from tests.support.consoles import SECONDS, Caller, running
from tests.support.fakes import file
from tests.unit.cli.stack import FakeStack

KEYS = {"a": "a.csv", "b": "b.csv", "c": "c.csv", "d": "d.csv", "e": "e.csv"}
LISTED = {
    "all": "abcde",
    "failed": "b",
    "held": "c",
    "late": "d",
    "waiting": "",
    "under way": "de",
    "loaded": "a",
    "duplicate": "",
    "unroutable": "",
}


@pytest.fixture
def inside(caller: Caller) -> Caller:
    """A browser that has been let in."""
    caller.let_in()
    return caller


def listed(page: str) -> str:
    return "".join(sign for sign, key in KEYS.items() if f">readings/{key}</a>" in page)


def of(stack: FakeStack, name: str) -> FileRecord:
    return stack.ledger.records.files[file(name).file_id]


def number_in(page: str) -> str:
    return page.partition('name="confirmed" value="')[2].partition('"')[0]


def ask(inside: Caller, action: str, wanted: str) -> tuple[dict[str, str], str]:
    """The form that confirms an action, and the page that it is on."""
    form = {"form": inside.form_secret(), "action": action, "wanted": wanted}
    page = inside.post("/act", form)
    assert page.status == 200, page.body
    return form | {"confirmed": number_in(page.body)}, page.body


def test_every_list_of_files_is_there_with_whole_counters(inside: Caller) -> None:
    assert set(LISTED) == set(SHOWN)
    for show, expected in LISTED.items():
        answer = inside.call(f"{inside.root}/files?show={show.replace(' ', '%20')}&dataset=readings")
        assert (answer.status, listed(answer.body)) == (200, expected), show


def test_held_and_failed_are_listed_with_whole_counters(inside: Caller) -> None:
    answer = inside.call(f"{inside.root}/held")
    assert (answer.status, "readings-2" in answer.body) == (200, True)
    answer = inside.call(f"{inside.root}/files?show=failed&since=2d")
    assert (answer.status, listed(answer.body), "stray.bin" in answer.body) == (200, "b", True)


def two_held(stack: FakeStack) -> tuple[FileRecord, FileRecord]:
    """Two versions of a key, both held by themselves."""
    first = file("h.csv", arrived_at=at(9), status=FileStatus.HELD, reason="few rows", batch="readings-1")
    later = replace(first, file_id="f" * 24, version="v2", arrived_at=at(5))
    stack.ledger.add(first, later)
    return first, later


@pytest.mark.parametrize("action", ["release", "reject"])
def test_a_decision_is_about_the_version_that_was_shown(inside: Caller, stack: FakeStack, action: str) -> None:
    first, later = two_held(stack)
    form, _ = ask(inside, action, first.file_id)
    stack.ledger.add(replace(first, status=FileStatus.LOADED))  # a colleague was faster
    answer = inside.post("/act", form)
    assert answer.status == 404, answer.body
    assert stack.ledger.records.files[later.file_id] == later


def test_a_file_id_means_that_version_from_the_first_question_on(inside: Caller, stack: FakeStack) -> None:
    first, later = two_held(stack)
    stack.ledger.add(replace(first, status=FileStatus.LOADED))
    form = {"form": inside.form_secret(), "action": "release", "wanted": first.file_id}
    answer = inside.post("/act", form)
    assert (answer.status, number_in(answer.body)) == (404, "")
    assert stack.ledger.records.files[later.file_id] == later


def test_what_was_not_shown_is_not_done(inside: Caller, stack: FakeStack) -> None:
    form, _ = ask(inside, "retry", "readings")
    late = file("late.csv", arrived_at=at(1), status=FileStatus.FAILED, reason="x")
    stack.ledger.add(late)
    answer = inside.post("/act", form)
    assert answer.status == 404
    assert "nothing was changed" in answer.body
    assert {of(stack, "b.csv").status, of(stack, "late.csv").status} == {FileStatus.FAILED}


def test_less_than_was_shown_is_done(inside: Caller, stack: FakeStack) -> None:
    form, _ = ask(inside, "retry", "readings")
    stack.ledger.add(replace(of(stack, "b.csv"), status=FileStatus.LOADED, reason=None))
    answer = inside.post("/act", form)
    assert (answer.status, "Done: 1 file sent again" in answer.body) == (200, True)
    assert of(stack, "b.csv").status is FileStatus.LOADED


def test_a_text_comes_back_as_it_was_typed(inside: Caller) -> None:
    typed = "\nSELECT '\u202e</textarea>&amp;',\r\n\t1\r\n-- end\\r DELETE"
    answer = inside.post("/sql", {"form": inside.form_secret(), "text": f"{typed} x"})
    shown = unescape(answer.body.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    assert shown.removeprefix("\n") == f"{typed} x".replace("\r\n", "\n").strip()
    contract = "\n\nkind: nothing\r\n# \u202eend\r\n"
    answer = inside.post("/trial?dataset=readings", {"form": inside.form_secret(), "text": contract})
    shown = unescape(answer.body.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    assert shown.removeprefix("\n") == contract.replace("\r\n", "\n")
    assert "\\r" not in shown


def test_what_the_console_cannot_show_first_it_does_not_do(inside: Caller) -> None:
    answer = inside.post("/act", {"form": inside.form_secret(), "action": "redrive", "wanted": "intake"})
    assert (answer.status, "there is no action redrive" in answer.body) == (404, True)


def test_a_status_is_looked_for_in_the_newest_batches_and_that_is_said(
    inside: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "SHOWN", 2)
    page = inside.call(f"{inside.root}/executions?status=loaded").body
    assert "None of the 2 newest batches is loaded." in page
    assert "The newest 2 were looked at for those that are loaded, 1 older one not" in page


QUERY = "SELECT COUNT(*) FROM public.readings"


def hanging(stack: FakeStack) -> None:
    """From now on no statement ends."""
    stack.data.states = ["STARTED"]


def test_a_query_ends_when_the_browser_leaves(inside: Caller, stack: FakeStack) -> None:
    hanging(stack)
    body = f"form={inside.form_secret()}&text={QUERY.replace(' ', '+')}"
    head = (f"POST {inside.root}/sql HTTP/1.1\r\nHost: {inside.host}\r\nCookie: {inside.cookie}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n")  # fmt: skip
    with socket.create_connection(("127.0.0.1", int(inside.host.rpartition(":")[2]))) as browser:
        browser.sendall(f"{head}{body}".encode())
        until = time.monotonic() + SECONDS
        while not stack.data.asked and time.monotonic() < until:
            time.sleep(0.02)
        assert stack.data.asked
        assert not stack.data.cancelled.wait(0.5)
    assert stack.data.cancelled.wait(SECONDS)


@pytest.mark.parametrize("form", ["", "csv"])
def test_a_query_ends_with_the_console(stack: FakeStack, form: str) -> None:
    hanging(stack)
    before = set(threading.enumerate())
    with running(stack.target) as made:
        caller = Caller(made)
        caller.let_in()
        asking = {"form": caller.form_secret(), "text": QUERY, "as": form}

        def ask() -> None:
            with suppress(OSError, HTTPException):  # the console ends, with an answer or without
                caller.post("/sql", asking)

        asked = threading.Thread(target=ask, daemon=True)
        asked.start()
        until = time.monotonic() + SECONDS
        while not stack.data.asked and time.monotonic() < until:
            time.sleep(0.02)
    assert stack.data.cancelled.wait(SECONDS)
    until = time.monotonic() + SECONDS
    while left := {thread for thread in set(threading.enumerate()) - before if thread is not asked}:
        assert time.monotonic() < until, left
        time.sleep(0.05)


def test_a_query_ends_at_the_longest_time(inside: Caller, stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging(stack)
    monkeypatch.setattr(warehouse, "LONGEST_SECONDS", 0)
    answer = inside.post("/sql", {"form": inside.form_secret(), "text": QUERY})
    assert "the query was cancelled: it took longer than 0 minutes" in answer.body
    assert stack.data.cancelled.is_set()


def test_the_page_says_as_whom_a_query_runs(inside: Caller, stack: FakeStack) -> None:
    assert "this stack has no user who only reads" in inside.call(f"{inside.root}/sql").body
    stack.cloudformation.outputs["ReaderSecretArn"] = "arn:reader"
    with running(stack.target) as made:
        caller = Caller(made)
        caller.let_in()
        assert "as the user who only reads<" in caller.call(f"{caller.root}/sql").body


def test_a_console_that_only_reads_queries_as_no_owner(reader: Caller, stack: FakeStack) -> None:
    reader.let_in()
    form = reader.call(f"{reader.root}/sql").body.partition('name="form" value="')[2].partition('"')[0]
    for kind in ("", "csv"):
        answer = reader.post("/sql", {"form": form, "text": QUERY, "as": kind})
        assert "the stack has no user who may only read" in answer.body
    assert stack.data.asked == []


def test_only_so_much_of_quarantine_is_read_and_only_when_it_changed(
    inside: Caller, stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_BATCHES", 2)
    for number in range(4, 9):
        of_batch = file(f"q{number}.csv", arrived_at=at(80 - number), status=FileStatus.LOADED)
        record = replace(of_batch, batch=f"readings-{number}", rows=RowCounts(2, 1, 0, 1))
        stack.ledger.add(record)
        fault = RowError("value", "minimum", "'-1' is less than the minimum 0")
        quarantined(stack, record.batch or "", record.file_id, record.key, BadRow(1, b"m,t,-1", (fault,)))
    read: Counter[str] = Counter()
    get = stack.s3.get_object

    def counted(**asked: str) -> object:
        read.update([asked["Key"].split("/")[2]] if asked["Key"].startswith("quarantine/") else [])
        return get(**asked)

    monkeypatch.setattr(stack.s3, "get_object", counted)
    time.sleep(0.5)
    page = inside.call(f"{inside.root}/quarantine?dataset=readings").body
    assert "2 rows in quarantine, counted in the newest batches" in page
    assert read == Counter({"batch=readings-8": 1, "batch=readings-7": 1})
    stack.ledger.add(file("new.csv", arrived_at=at(0), status=FileStatus.PENDING))
    time.sleep(0.5)
    inside.call(f"{inside.root}/quarantine?dataset=readings")
    assert sum(read.values()) == 2


def test_the_footer_offers_a_search_only_where_there_is_one(inside: Caller) -> None:
    assert "to search" in inside.call(f"{inside.root}/files").body
    assert "to search" not in inside.call(f"{inside.root}/held").body
