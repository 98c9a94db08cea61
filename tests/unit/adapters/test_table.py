"""Many items in few calls: what DynamoDB had no capacity for is done again, with pauses, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from headrace.adapters import table
from headrace.errors import TransientError

KEYS = [("files", str(number)) for number in range(250)]


class BusyTable:
    """Has an item for each key, and gives what `takes` leaves of each batch."""

    def __init__(self, takes: Callable[[int], int]) -> None:
        self._takes = takes
        self.calls = 0

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        batch = RequestItems["ledger"]["Keys"]
        assert 0 < len(batch) <= 100
        self.calls += 1
        taken = min(len(batch), self._takes(self.calls))
        left = {"UnprocessedKeys": {"ledger": {"Keys": batch[taken:]}}} if batch[taken:] else {}
        return {"Responses": {"ledger": batch[:taken]}} | left


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def test_all_are_read_a_hundred_a_call(pauses: list[float]) -> None:
    client = BusyTable(lambda _: 100)
    assert list(table.read_all(client, "ledger", KEYS)) == KEYS
    assert (client.calls, pauses) == (3, [])


def test_a_busy_table_is_given_time_as_long_as_something_gets_through(pauses: list[float]) -> None:
    client = BusyTable(lambda call: 20 * (call % 2))
    assert table.read_all(client, "ledger", KEYS).keys() == set(KEYS)
    assert len(pauses) == client.calls - 1
    assert set(pauses) == set(table.PAUSES[:2])


def test_a_table_that_gives_nothing_ends_the_call(pauses: list[float]) -> None:
    with pytest.raises(TransientError):
        table.read_all(BusyTable(lambda _: 0), "ledger", KEYS)
    assert pauses == list(table.PAUSES)


class CancelledError(Exception):
    """A transaction that was refused, for reasons."""

    def __init__(self, *reasons: str) -> None:
        self.response = {"CancellationReasons": [{"Code": reason} for reason in reasons]}


class Exceptions:
    TransactionCanceledException = CancelledError


class Refusing:
    """Refuses the transactions that `reasons` say; the others are `written`."""

    exceptions = Exceptions

    def __init__(self, reasons: dict[int, str]) -> None:
        self._reasons = reasons
        self.calls = 0
        self.written: list[Any] = []

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803
        assert 0 < len(TransactItems) <= 100
        self.calls += 1
        if self.calls in self._reasons:
            raise CancelledError("None", self._reasons[self.calls])
        self.written += [put["Put"]["Item"] for put in TransactItems]


ITEMS = [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(250)]


def test_items_are_put_a_hundred_a_call_and_conflicts_pass(pauses: list[float]) -> None:
    client = Refusing({2: "TransactionConflict"})
    assert table.put_all_if(client, "ledger", ITEMS, {"ConditionExpression": "x"})
    assert (client.written, client.calls, len(pauses)) == (ITEMS, 4, 1)


def test_nothing_more_is_put_once_a_condition_does_not_hold(pauses: list[float]) -> None:
    client = Refusing({2: "ConditionalCheckFailed"})
    assert not table.put_all_if(client, "ledger", ITEMS, {"ConditionExpression": "x"})
    assert (client.written, client.calls) == (ITEMS[:100], 2)
