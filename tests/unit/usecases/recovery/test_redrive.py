"""Dead letters: sent before they are deleted, not sent when they are known, kept when nobody can read them."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from headrace.domain.ingest.arrival import DeadLetter, arrival_of
from headrace.domain.ingest.ledger import FileStatus
from headrace.usecases.ingest import starter
from headrace.usecases.recovery.redrive import Redriven, redrive
from tests.support.fakes import file
from tests.support.ledger_fakes import MemoryLedger


def event(key: str) -> dict[str, object]:
    item = {"key": key, "version-id": "1", "size": 3, "etag": "e", "sequencer": "1"}
    return {"time": "2026-01-01T00:00:00Z", "detail": {"bucket": {"name": "landing"}, "object": item}}


class Queues:
    """Two queues in memory; what was done is written down in order."""

    def __init__(self, *bodies: str) -> None:
        self.left = {str(number): DeadLetter(body, str(number)) for number, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.done: list[str] = []

    def receive(self) -> list[DeadLetter]:
        shown = [letter for letter in self.left.values() if letter.receipt not in self.hidden][:2]
        self.hidden |= {letter.receipt for letter in shown}
        return shown

    def send(self, letter: DeadLetter) -> None:
        self.done.append(f"send {letter.receipt}")

    def delete(self, letter: DeadLetter) -> None:
        self.done.append(f"delete {letter.receipt}")
        del self.left[letter.receipt]

    def give_back(self, letter: DeadLetter) -> None:
        self.hidden.remove(letter.receipt)


def run(queues: Queues, ledger: MemoryLedger, *, dry_run: bool = False) -> list[Redriven]:
    return redrive(queues, ledger.files, pause=lambda: queues.done.append("pause"), dry_run=dry_run)


def test_each_is_sent_before_it_is_deleted_and_at_a_rate() -> None:
    queues = Queues(*(json.dumps(event(f"readings/{n}")) for n in range(3)))
    assert [answer.what for answer in run(queues, MemoryLedger())] == ["sent"] * 3
    assert queues.done[:3] == ["send 0", "pause", "delete 0"]
    assert not queues.left


def test_what_the_ledger_knows_is_only_removed() -> None:
    queues, ledger = Queues(json.dumps(event("readings/a"))), MemoryLedger()
    ledger.given(file(file_id=arrival_of(event("readings/a")).file_id, status=FileStatus.LOADED))
    assert [answer.what for answer in run(queues, ledger)] == ["known"]
    assert queues.done == ["delete 0"]


def test_a_file_whose_arrival_was_not_written_to_its_end_is_sent_again() -> None:
    """The record is written first: a call that dies behind it leaves a pending file that no lane lists."""
    queues, ledger = Queues(json.dumps(event("readings/a"))), MemoryLedger()
    ledger.given(file(file_id=arrival_of(event("readings/a")).file_id, status=FileStatus.PENDING))
    (answer,) = run(queues, ledger)
    assert (answer.what, "pending" in answer.detail) == ("sent", True)
    assert queues.done == ["send 0", "pause", "delete 0"]


def test_what_is_no_event_stays_and_is_named() -> None:
    queues = Queues("no event", json.dumps({"detail": 1}), json.dumps(event("readings/a")))
    assert [answer.what for answer in run(queues, MemoryLedger())] == ["unreadable", "unreadable", "sent"]
    assert set(queues.left) == {"0", "1"}
    assert not queues.hidden & set(queues.left)


def test_a_deletion_is_sent_again() -> None:
    queues = Queues(json.dumps(event("readings/a") | {"detail-type": "Object Deleted"}))
    assert [(answer.key, answer.what) for answer in run(queues, MemoryLedger())] == [("readings/a", "sent")]
    assert queues.done == ["send 0", "pause", "delete 0"]


def test_a_dry_run_gives_everything_back() -> None:
    queues = Queues(json.dumps(event("readings/a")))
    assert [answer.what for answer in run(queues, MemoryLedger(), dry_run=True)] == ["sent"]
    assert (queues.done, queues.hidden, len(queues.left)) == ([], set(), 1)


def odd(**changes: object) -> str:
    message = event("readings/a")
    detail = cast("dict[str, Any]", message["detail"])
    for name, value in changes.items():
        (message if name == "time" else detail["object"])[name.replace("_", "-")] = value
    return json.dumps(message)


@pytest.mark.parametrize(
    "body",
    [
        odd().replace('"size": 3', '"size": 1e400'),
        odd().replace('"size": 3', '"size": NaN'),
        odd(size=-1),
        odd(size=10**40),
        odd(size=[]),
        odd(time="0001-01-01T00:00:00+05:00"),
        odd(time="9999-12-31T23:59:59-05:00"),
        odd(time=5),
        odd(time=None),
        odd(key="\ud800"),
        odd(key=""),
        odd(key="a" * 1025),
        odd(key=["a"]),
        odd(version_id={"a": 1}),
        odd(version_id="\udc00"),
        odd(etag=7),
        odd(sequencer="s" * 2000),
        "[" * 100_000,
        "[]",
        "5",
        "null",
        '{"detail": []}',
        '{"detail": {"object": "x", "bucket": {"name": "b"}}, "time": "2026-01-01T00:00:00Z"}',
    ],
)
def test_an_odd_letter_stays_and_the_others_are_sent(body: str) -> None:
    queues, kept = Queues(body, json.dumps(event("readings/b"))), Unreadables()
    assert [answer.what for answer in run(queues, MemoryLedger())] == ["unreadable", "sent"]
    assert list(queues.left) == ["0"]
    assert starter.read(body, kept) is None
    assert kept.bodies == [body]


class Unreadables:
    """What nobody can read."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def keep(self, body: str) -> None:
        self.bodies.append(body)
