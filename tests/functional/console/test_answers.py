"""What the console answers, without a browser: lists, forms, and that a confirmation does what was shown."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from headrace.domain.ingest.ledger import FileRecord, FileStatus
from headrace_cli.console.pages.files import SHOWN
from tests.functional.console.conftest import at
from tests.support.consoles import Caller
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
