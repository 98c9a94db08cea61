"""Counters are what the files are, whatever dies and whoever comes in between: searched over moto's DynamoDB.

Calls of the ledger's ports follow in orders that hypothesis chooses, over a few files. A call may die at any of its
writes, before it or after it, and another call may come in between its look at a file and its write. After each call
the counters, by dataset and day and in all, must equal what the files' records say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.adapters.ledger import DynamoLedger
from headrace.adapters.ledger import files as files_of_ledger
from headrace.adapters.ledger.counting import counted
from headrace.adapters.ledger.items import file_of, known_files, saving
from headrace.adapters.table import from_item
from headrace.domain.ingest.counts import counts_of, place_of
from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.errors import TransientError
from tests.support.fakes import file
from tests.support.interleaving import examples
from tests.support.metered import TABLE, moto_ledger

DAYS = ("2026-01-01", "2026-01-02")
NAMES = ("a.csv", "b.csv", "c.csv")
WRITES = ("put_item", "update_item", "transact_write_items")


@dataclass
class Client:
    """A client of DynamoDB whose process may die at a write, and before whose write others may come."""

    client: Any
    dies_at: int = 0
    after: bool = False
    meanwhile: list[Callable[[], Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.client, name)
        if name not in WRITES:
            return member

        def write(**request: Any) -> Any:
            while self.meanwhile:
                self.meanwhile.pop()()
            self.dies_at -= 1
            if not self.dies_at and not self.after:
                raise InterruptedError
            answer = member(**request)
            if not self.dies_at:
                raise InterruptedError
            return answer

        return write


def record(name: str) -> FileRecord:
    return file(name, arrived_at=f"{DAYS[NAMES.index(name) % 2]}T00:00:00Z")


def batch(generation: int) -> BatchRecord:
    ids = tuple(record(name).file_id for name in NAMES)
    return BatchRecord(f"readings-{generation}", "readings", LIVE, generation, BatchStatus.RUNNING, ids, "t")


def arrive(ledger: DynamoLedger, name: str, generation: int) -> None:
    ledger.files.record_arrival(record(name))


def refuse(ledger: DynamoLedger, name: str, generation: int) -> None:
    ledger.files.record_arrival(replace(record(name), status=FileStatus.FAILED, reason="empty"))


def take(ledger: DynamoLedger, name: str, generation: int) -> None:
    one = batch(generation)
    if ledger.batches.open(one):
        known = ledger.files.known(one.file_ids)
        ledger.batches.take(replace(one, file_ids=tuple(known)))


def settle(ledger: DynamoLedger, name: str, generation: int) -> None:
    known = ledger.files.known(batch(generation).file_ids).values()
    settled = [replace(each, status=FileStatus.LOADED, rows=RowCounts(9, 5, 1, 3)) for each in known]
    ledger.batches.settle(batch(generation), settled)


def fail(ledger: DynamoLedger, name: str, generation: int) -> None:
    for each in ledger.files.known([record(name).file_id]).values():
        ledger.batches.settle(batch(generation), [replace(each, status=FileStatus.FAILED, reason="no")])


def requeue(ledger: DynamoLedger, name: str, generation: int) -> None:
    for each in ledger.files.known([record(name).file_id]).values():
        ledger.files.requeue(replace(each, batch=None, reload=True), each)


def hold(ledger: DynamoLedger, name: str, generation: int) -> None:
    for each in ledger.files.known([record(name).file_id]).values():
        ledger.files.change(replace(each, status=FileStatus.HELD), each)


def correct(ledger: DynamoLedger, name: str, generation: int) -> None:
    known = ledger.files.known(record(name).file_id for name in NAMES).values()
    ledger.files.correct_rows(replace(each, rows=replace(each.rows, loaded=2, superseded=4)) for each in known)


def release(ledger: DynamoLedger, name: str, generation: int) -> None:
    for each in ledger.files.known([record(name).file_id]).values():
        ledger.files.release_rows(each, f"p{generation}", 1)


def discard(ledger: DynamoLedger, name: str, generation: int) -> None:
    for each in ledger.files.known([record(name).file_id]).values():
        ledger.files.discard_rows(each, f"d{generation}", 1)


CALLS = (arrive, arrive, refuse, take, take, settle, settle, fail, requeue, hold, correct, release, discard)
Call = tuple[Callable[[DynamoLedger, str, int], None], str]
Step = tuple[Call, int, bool, Call | None]
ONE = st.tuples(st.sampled_from(CALLS), st.sampled_from(NAMES))
STEPS = st.lists(st.tuples(ONE, st.integers(0, 3), st.booleans(), st.none() | ONE), min_size=3, max_size=6)


def run(steps: Sequence[Step]) -> None:
    """Each step is a call; the write at which it dies, none at 0, before or after it; and a call in between."""
    with moto_ledger() as (ledger, dynamodb):
        first: tuple[Step, ...] = tuple(((arrive, name), 0, False, None) for name in NAMES)
        for generation, ((call, name), dies_at, after, between) in enumerate([*first, *steps], start=1):
            client = Client(dynamodb, dies_at, after)
            if between:
                client.meanwhile.append(partial(between[0], ledger, between[1], generation))
            with suppress(InterruptedError, TransientError):
                call(DynamoLedger(client, TABLE), name, generation)
            ledger.lanes.advance("readings", LIVE, ledger.lanes.state("readings", LIVE).generation)
            check(ledger, dynamodb)


def check(ledger: DynamoLedger, dynamodb: Any) -> None:
    days: dict[str, dict[str, int]] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=TABLE):
        for item in map(from_item, page["Items"]):
            if item["sk"] == "FILE":
                known = file_of(item)
                add(days.setdefault(place_of(known)[1], {}), counts_of(known))
    total: dict[str, int] = {}
    for numbers in days.values():
        add(total, numbers)
    counted = {day: tally.numbers for day, tally in ledger.counters.days("readings").items()}
    assert {day: that_count(numbers) for day, numbers in days.items()} == {
        day: that_count(counted.get(day, {})) for day in days
    }
    assert that_count(total) == that_count(ledger.counters.total("readings").numbers)


def add(numbers: dict[str, int], more: Mapping[str, int]) -> None:
    for name, number in more.items():
        numbers[name] = numbers.get(name, 0) + number


def that_count(numbers: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number}


@settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_counters_are_what_the_files_are_whatever_dies(steps: list[Step]) -> None:
    run(steps)


def test_a_ledger_that_counts_beside_its_files_is_found(monkeypatch: Any) -> None:
    def beside(table: Any, wanted: Any, others: Any = None) -> set[str]:
        for file_id, decide in wanted.items():
            was = known_files(table, [file_id])[file_id]
            becomes = decide(was)
            if becomes is None or not table.update(saving(table, becomes)):
                return set()
            table.transact(counted(table, [(was, becomes)], "00"))
        return set(wanted)

    monkeypatch.setattr(files_of_ledger, "change_counted", beside)
    died: list[Step] = [((hold, "a.csv"), 2, False, None)]
    try:
        run(died)
    except AssertionError:
        return
    raise AssertionError("a call that died between a file and its counters was not found")
