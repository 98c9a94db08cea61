"""What people are told of a server, and which calls are opened and closed with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headrace.domain.notice import Incident, Notice
from headrace.domain.recipients import as_declared
from headrace.sources.model import server_state
from headrace.sources.model.breaker import Breaker, State
from headrace.sources.model.server_state import ServerState, Trouble
from headrace.sources.model.source_file import SourceFile

NOON = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
STATE = ServerState("carrier", Breaker(State.OPEN, 3, NOON, NOON), reason="no route", trouble="unreachable")
FILE = SourceFile("carrier", "readings", "/a.csv", 1, NOON, 1, NOON, reason="wrong sum", retry_at=NOON)
OPENED = Incident("headrace/source/carrier", "trigger", "carrier")


def test_a_new_server_has_done_nothing() -> None:
    new = ServerState("carrier")
    assert not any((new.files_taken, new.bytes_taken, new.failures, new.polling, new.turn, new.fruitless))


@pytest.mark.parametrize(
    ("trouble", "short", "long"),
    [
        (None, "does not answer", "has been out of reach for too long"),
        (Trouble.UNREACHABLE, "does not answer", "has been out of reach for too long"),
        (Trouble.LOGIN, "refuses our login", "refuses our login, its files are not taken"),
        (Trouble.SECRET, "cannot be asked: its secret is not in order", "cannot be asked, its secret is not in order"),
        (Trouble.UNTRUSTED, "does not answer", "is not trusted any more, its files are not taken"),
    ],
)
def test_each_trouble_has_its_words(trouble: Trouble | None, short: str, long: str) -> None:
    state = replace(STATE, trouble=trouble)
    opened, critical = server_state.opened(state, "#c"), server_state.critical(state, "#c")
    assert (opened.level, opened.title, opened.channel) == ("warning", f"Source carrier {short}", "#c")
    assert (opened.lines[0], opened.incident) == ("no route", None)
    assert "until 12:05 UTC" in opened.lines[1]
    assert (critical.level, critical.title, critical.incident) == ("critical", f"Source carrier {long}", OPENED)
    assert critical.lines[0] == "no route"
    assert "`headrace sources --reset carrier`" in critical.lines[1]


def test_without_a_time_to_try_again_none_is_said() -> None:
    assert server_state.opened(replace(STATE, breaker=Breaker(State.OPEN)), None).lines[1] == ""


def test_a_server_that_is_back_closes_the_call_that_was_open() -> None:
    wanted = Notice("ok", "Source carrier answers again", channel="#c", cause="source-unreachable")
    assert server_state.closed(STATE, "#c") == replace(wanted, key="headrace/source/carrier")
    called = replace(STATE, incidents={server_state.server_incident("carrier"): NOON})
    assert server_state.closed(called, "#c").incident == replace(OPENED, action="resolve")


@pytest.mark.parametrize("call", [True, False])
def test_a_held_file_says_how_it_goes_on(call: bool) -> None:
    by_itself, by_hand = (
        server_state.held(FILE, "#c", call=call),
        server_state.held(replace(FILE, retry_at=None), "#c", call=call),
    )
    incident = Incident("headrace/source/carrier/readings/a.csv", "trigger", "carrier")
    for notice in (by_itself, by_hand):
        assert (notice.level, notice.title) == ("error", "Source carrier: /a.csv is held")
        assert (notice.dataset, notice.channel, notice.lines[0]) == ("readings", "#c", "wrong sum")
        assert notice.incident == (incident if call else None)
    assert by_itself.lines[1].startswith("It is retried automatically")
    assert by_hand.lines[1].startswith("It is taken when it or its checksum file changes")


@pytest.mark.parametrize("called", [True, False])
def test_the_end_of_a_held_file_closes_its_call(called: bool) -> None:
    taken, gone = server_state.released(FILE, "#c", called=called), server_state.left(FILE, "#c", called=called)
    assert (taken.level, taken.title, taken.dataset) == (
        "ok", "Source carrier: /a.csv was taken after all", "readings",
    )  # fmt: skip
    assert (gone.level, gone.title, gone.dataset) == (
        "ok",
        "Source carrier: /a.csv is no longer there",
        "readings",
    )
    assert "wrong sum" in gone.lines[0]
    resolved = Incident("headrace/source/carrier/readings/a.csv", "resolve", "carrier")
    assert {taken.incident, gone.incident} == {resolved if called else None}
    for notice in (taken, gone):
        said = as_declared(notice, {"source-file-held": "critical"})
        assert said.over
        assert getattr(said.incident, "action", "") == "resolve", "it opens none for a file that has gone"


@pytest.mark.parametrize(("length", "kept"), [(255, True), (256, False), (2000, False)])
def test_the_key_of_a_call_is_no_longer_than_pagerduty_takes(length: int, kept: bool) -> None:
    start = "headrace/source/carrier/readings"
    path = "/" + "x" * (length - len(start) - 1)
    key = server_state.file_incident(replace(FILE, path=path))
    assert (key == start + path) is kept
    assert len(key) == min(length, 255)
    assert key.startswith(f"{start}/xxx")
    assert server_state.file_incident(replace(FILE, path=path + "y")) != key


@pytest.mark.parametrize(("number", "title"), [(1, "1 folder cannot be listed"), (7, "7 folders cannot be listed")])
def test_of_folders_that_are_closed_five_are_named(number: int, title: str) -> None:
    folders = {f"/f{place}": "no right" for place in range(number)}
    notice = server_state.folders_closed(STATE, folders, "#c")
    assert (notice.level, notice.title, notice.channel) == ("warning", f"Source carrier: {title}", "#c")
    assert list(notice.lines[:-1]) == [f"/f{place}: no right" for place in range(min(number, 5))]
    opened = server_state.folders_open(STATE, list(folders), "#c")
    names = ", ".join(list(folders)[:5])
    wanted = Notice("ok", f"Source carrier: {names} can be listed again", channel="#c", cause="source-folder-closed")
    assert opened == replace(wanted, key="headrace/source-folder-closed/carrier")
    assert (notice.key, notice.over, opened.over) == (opened.key, False, True)


@pytest.mark.parametrize(
    ("reasons", "others", "title"),
    [(1, 0, "1 file refused"), (7, 0, "7 files refused"), (7, 2000, "2,007 files refused")],
)
def test_of_files_that_are_refused_five_are_named(reasons: int, others: int, title: str) -> None:
    notice = server_state.refused("carrier", "readings", [f"r{place}" for place in range(reasons)], "#c", others)
    assert (notice.level, notice.title) == ("warning", f"Source carrier: {title}")
    assert notice.lines == tuple(f"r{place}" for place in range(min(reasons, 5)))
    assert server_state.refused("carrier", "readings", ["r"], None).title == "Source carrier: 1 file refused"


def test_what_stays_what_is_too_much_and_what_bears_no_fruit() -> None:
    stays = server_state.unsettled(FILE, "no right to delete", "#c")
    assert (stays.level, stays.title, stays.dataset, stays.channel) == (
        "warning", "Source carrier: /a.csv stays there", "readings", "#c",
    )  # fmt: skip
    assert stays.lines[0].startswith("no right to delete. ")
    assert server_state.more("carrier", "are held", 1234, "#c").title == "Source carrier: 1,234 more files are held"
    notice = server_state.fruitless(replace(STATE, fruitless=4), "#c")
    assert notice.title == "Source carrier: 4 polls ran out of time without taking a file"
    assert {notice.level, server_state.more("carrier", "x", 2, None).level} == {"warning"}


def test_a_reset_closes_the_breaker_and_forgets_why_it_was_open() -> None:
    assert server_state.reset(replace(STATE, failures=7)) == ServerState("carrier", failures=7)
