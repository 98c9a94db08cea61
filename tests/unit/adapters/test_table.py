"""Many items in few calls: what DynamoDB had no capacity for is done again, with pauses, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.adapters import table
from headrace.adapters.source_ledger import DynamoSourceLedger
from headrace.domain.sourcefile import SourceFile, SourceStatus
from headrace.errors import TransientError

RECORDS = [
    SourceFile("carrier", "parcels", f"{n}.csv", 1, None, 1, datetime(2026, 1, 31, tzinfo=UTC), SourceStatus.SEEN)
    for n in range(60)
]


class BusyTable:
    """Takes what `takes` leaves of each batch."""

    def __init__(self, takes: Callable[[int], int]) -> None:
        self._takes = takes
        self.calls = 0
        self.kept: list[str] = []

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        batch = RequestItems["ledger"]
        assert 0 < len(batch) <= 25
        self.calls += 1
        taken = min(len(batch), self._takes(self.calls))
        self.kept += [put["PutRequest"]["Item"]["sk"]["S"] for put in batch[:taken]]
        return {"UnprocessedItems": {"ledger": batch[taken:]} if batch[taken:] else {}}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def test_all_are_written_twenty_five_a_call(pauses: list[float]) -> None:
    client = BusyTable(lambda _: 25)
    DynamoSourceLedger(client, "ledger").save_all(RECORDS)
    assert client.kept == [record.path for record in RECORDS]
    assert (client.calls, pauses) == (3, [])


def test_a_busy_table_is_given_time_as_long_as_something_gets_through(pauses: list[float]) -> None:
    client = BusyTable(lambda call: call % 2)
    DynamoSourceLedger(client, "ledger").save_all(RECORDS)
    assert sorted(client.kept) == sorted(record.path for record in RECORDS)
    assert len(pauses) == client.calls - 1
    assert set(pauses) == set(table.PAUSES[:2])


def test_a_table_that_takes_nothing_ends_the_call(pauses: list[float]) -> None:
    client = BusyTable(lambda _: 0)
    with pytest.raises(TransientError):
        DynamoSourceLedger(client, "ledger").save_all(RECORDS)
    assert pauses == list(table.PAUSES)
