"""What a poll tells people stays little, whatever a server has; a call begins and ends once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headrace.domain.notice import Incident, Notice
from headrace.sources.model.server_state import file_incident
from headrace.sources.model.source_file import SourceFile
from headrace.sources.poll.tally import MOST_PROBLEMS, ONE_BY_ONE, Accounts, Tally
from tests.support.fakes import MemoryTopic

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def record(number: int) -> SourceFile:
    return SourceFile("carrier", "readings", f"/{number}.csv", 1, NOON, 1, NOON)


def accounts(*open_: str, most_calls: int = 2) -> tuple[Accounts, MemoryTopic]:
    topic = MemoryTopic()
    return Accounts("carrier", topic, open_, most_calls), topic


def test_a_new_tally_has_counted_nothing_and_files_add_up() -> None:
    made, _ = accounts()
    new = Tally()
    assert (new.files, new.size, new.listed, new.waiting, new.refused, new.more_problems) == (0, 0, 0, 0, 0, 0)
    made.taken(3)
    made.taken(4)
    assert (made.tally.files, made.tally.size) == (2, 7)


def test_the_first_problems_are_named_and_the_others_counted() -> None:
    made, _ = accounts()
    for number in range(MOST_PROBLEMS + 2):
        made.problem(str(number))
    assert made.tally.problems == [str(number) for number in range(MOST_PROBLEMS)]
    assert made.tally.more_problems == 2


def test_calls_are_made_while_there_is_room_and_known_ones_are_no_new_ones() -> None:
    known = file_incident(record(9))
    made, _ = accounts(known)
    assert made.calls(record(9))
    assert [made.calls(record(number)) for number in (1, 1, 2, 3, 1, 4)] == [True, True, True, False, True, False]
    assert made.tally.called == {file_incident(record(1)), file_incident(record(2))}
    none, _ = accounts(most_calls=0)
    assert not none.calls(record(1))


def test_only_a_call_that_was_open_is_closed() -> None:
    made, _ = accounts(file_incident(record(1)))
    assert [made.resolves(record(1)), made.resolves(record(2))] == [True, False]
    assert made.tally.resolved == {file_incident(record(1))}


@pytest.mark.parametrize(("number", "rest"), [(ONE_BY_ONE, None), (ONE_BY_ONE + 1, "1"), (ONE_BY_ONE + 2000, "2,000")])
def test_of_many_messages_of_a_kind_the_first_are_sent_and_one_for_the_rest(number: int, rest: str | None) -> None:
    made, topic = accounts()
    made.tell("stay there", Notice("warning", "another kind"))
    for place in range(number):
        made.tell("are held", Notice("error", str(place), channel="#m"))
    made.report_the_rest()
    made.report_the_rest()
    titles = [notice.title for notice in topic.notices[1:]]
    told = [f"Source carrier: {rest} more files are held"] if rest else []
    assert titles == [str(place) for place in range(ONE_BY_ONE)] + told
    assert {notice.channel for notice in topic.notices[1:]} == {"#m"}


def test_whatever_begins_or_ends_a_call_is_sent_and_not_counted_among_the_rest() -> None:
    made, topic = accounts()
    called = Notice("error", "called", incident=Incident("k", "trigger", "carrier"))
    for _ in range(ONE_BY_ONE + 3):
        made.tell("are held", called)
    made.tell("are held", Notice("error", "one more"))
    made.report_the_rest()
    titles = [notice.title for notice in topic.notices]
    assert titles == ["called"] * (ONE_BY_ONE + 3) + ["Source carrier: 1 more files are held"]
