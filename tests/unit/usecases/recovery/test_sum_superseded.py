"""Which batches' superseded rows are summed up: those that nothing asks for any more, while nothing is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.adapters.accounts.loads import SUM
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import LANES, LIVE, BatchRecord, BatchStatus
from headrace.usecases.recovery import sum_superseded as module
from headrace.usecases.recovery.sum_superseded import LEFT, sum_superseded
from tests.support.fakes import MemoryServices, MemoryWarehouse

PLENTY = 900.0


class Account(MemoryWarehouse):
    """Names of batches with superseded rows of their own."""

    def __init__(self, *batches: str) -> None:
        super().__init__()
        self.batches = list(batches)
        self.summed: list[list[str]] = []

    def query(self, sql: str) -> list[list[Any]]:
        after = sql.partition("s.batch_id > '")[2].partition("'")[0]
        most = int(sql.rpartition("LIMIT ")[2])
        return [[name] for name in sorted(self.batches) if name > after][:most]

    def run(self, statements: list[str]) -> None:
        super().run(statements)
        named = [name for name in self.batches if f"'{name}'" in statements[1]]
        self.summed.append(named)
        self.batches = [name for name in self.batches if name not in named]


def services_with(*names: str, **changes: Any) -> tuple[MemoryServices, Account]:
    services, account = MemoryServices(), Account(*names)
    services.warehouse = account
    for name in names:
        given: dict[str, Any] = {"status": BatchStatus.LOADED} | changes
        services.ledger.records.batches[name] = BatchRecord(
            name, "readings", LIVE, 1, file_ids=(), started_at="t", **given
        )
    return services, account


def test_settled_batches_are_summed_up_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCHES_AT_ONCE", 2)
    services, account = services_with("b1", "b2", "b3")
    assert sum_superseded("readings", services, lambda: PLENTY) == 3
    assert account.summed == [["b1", "b2"], ["b3"]]
    assert all(f"'{SUM.format(dataset='readings')}'" in text for text in account.ran if "INSERT" in text)
    assert account.ran[0] == "LOCK TABLE etl.guard_readings"
    assert sum_superseded("readings", services, lambda: PLENTY) == 0
    assert len(account.summed) == 2, "nothing is left"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": BatchStatus.RUNNING},
        {"status": BatchStatus.STAGED},
        {"reason": "recorded without details: too large"},
        {"corrected": "f1"},
    ],
)
def test_a_batch_whose_outcome_is_not_recorded_in_full_keeps_its_rows(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`headrace unblock` records it, and asks the warehouse by batch."""
    monkeypatch.setattr(module, "BATCHES_AT_ONCE", 1)
    services, account = services_with("b1", "b2", **changes)
    services.ledger.records.batches["b2"] = BatchRecord("b2", "readings", LIVE, 2, BatchStatus.LOADED, (), "t")
    account.batches.append("unknown")
    assert sum_superseded("readings", services, lambda: PLENTY) == 1
    assert account.summed == [["b2"]]
    assert account.batches == ["b1", "unknown"]


@pytest.mark.parametrize("lane", LANES)
def test_while_something_is_loaded_nothing_is_summed_up(lane: str) -> None:
    services, account = services_with("b1")
    services.ledger.records.lanes["readings", lane] = LaneState(1, "readings-1")
    services.ledger.records.lanes["others", lane] = LaneState(1, "others-1")
    assert sum_superseded("readings", services, lambda: PLENTY) == 0
    assert account.summed == []


def test_it_ends_while_there_is_time_and_the_next_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCHES_AT_ONCE", 1)
    services, account = services_with("b1", "b2", "b3")
    left = iter([LEFT + 1, LEFT + 1, LEFT])
    assert sum_superseded("readings", services, lambda: next(left)) == 2
    assert sum_superseded("readings", services, lambda: PLENTY) == 1
    assert account.batches == []
