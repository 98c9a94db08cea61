"""People are told once when a promise is broken, and once when it is met again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.clock import written
from headrace.domain.ingest.ledger import BACKFILL, LIVE, MERGE, FileRecord, FileStatus
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.recovery.watch_freshness import QUIET_SECONDS, watch_promises
from tests.support.fakes import MemoryServices, contract, contracts_of, file

PROMISED = 600
Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Lets time pass, in seconds."""
    passed = 0.0
    monkeypatch.setattr(clock, "seconds", lambda: datetime.now(UTC).timestamp() + passed)
    monkeypatch.setattr(clock, "now", lambda: ago(0))

    def pass_(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return pass_


def ago(seconds: float) -> str:
    return written(datetime.fromtimestamp(clock.seconds(), UTC) - timedelta(seconds=seconds))


def services_with(**promise: Any) -> MemoryServices:
    return MemoryServices(contracts_of(contract(**{"freshness_seconds": PROMISED} | promise)))


def waiting(services: MemoryServices, seconds: float, name: str = "a.csv", **changes: Any) -> FileRecord:
    return services.ledger.files.record_arrival(file(name, arrived_at=ago(seconds), **changes))


def titles(services: MemoryServices) -> list[str]:
    return [notice.title for notice in services.topic.notices]


def test_a_broken_promise_is_told_once_and_its_end_once(later: Later) -> None:
    services = services_with(channel="#meters")
    waiting(services, PROMISED + 1)
    assert watch_promises(services) == ["readings"]
    assert watch_promises(services) == []
    services.ledger.records.waiting.clear()  # as if it had been loaded
    assert watch_promises(services) == []
    later(PROMISED + QUIET_SECONDS - 60)
    assert watch_promises(services) == []
    later(61)
    assert watch_promises(services) == ["readings"]
    assert watch_promises(services) == []
    assert titles(services) == ["readings: data is late", "readings: nothing is late any more"]
    assert [notice.level for notice in services.topic.notices] == ["critical", "ok"]
    assert {notice.channel for notice in services.topic.notices} == {"#meters"}
    assert "readings/a.csv arrived at" in services.topic.notices[0].lines[0]


def test_loads_that_are_late_at_each_end_are_one_trouble(later: Later) -> None:
    """A day of loads that take a minute longer than promised: each sweep sees something late, or just nothing."""
    services = services_with()
    told: list[str] = []
    for sweep in range(24 * 12):
        services.ledger.records.waiting.clear()
        services.ledger.records.files.clear()
        waiting(services, PROMISED + 1 if sweep % 3 == 2 else 1, f"{sweep}.csv")
        told += watch_promises(services)
        later(300)
    assert (told, titles(services)) == (["readings"], ["readings: data is late"])


@pytest.mark.parametrize("promised", [60, 7 * 86_400])
def test_the_end_is_told_within_hours_whatever_was_promised(later: Later, promised: int) -> None:
    services = services_with(freshness_seconds=promised)
    waiting(services, promised + 1)
    watch_promises(services)
    services.ledger.records.waiting.clear()
    for _sweep in range(4 * 12 + 2):
        watch_promises(services)
        later(300)
    assert len(titles(services)) == 2


def test_a_batch_that_is_worked_on_is_late_too() -> None:
    services = services_with()
    waiting(services, PROMISED + 1)
    record_batch("readings", LIVE, 1, "readings-1", services)
    assert not services.ledger.lanes.pending("readings", LIVE, 1)
    assert watch_promises(services) == ["readings"]


def test_so_is_what_waits_for_a_merge() -> None:
    services = services_with(staged=True)
    waiting(services, PROMISED + 1, status=FileStatus.PENDING)
    record_batch("readings", LIVE, 1, "readings-1", services)
    (was,) = services.ledger.records.files.values()
    hand_over("readings", LIVE, 1, services)
    services.ledger.records.lanes.clear()
    staged = file("a.csv", arrived_at=was.arrived_at, status=FileStatus.STAGED)
    assert services.ledger.files.requeue(staged, was)
    assert services.ledger.lanes.pending("readings", MERGE, 1)
    assert watch_promises(services) == ["readings"]


@pytest.mark.parametrize(
    ("seconds", "promise", "changes"),
    [
        (PROMISED - 60, {}, {}),
        (PROMISED + 1, {"freshness_seconds": None}, {}),
        (PROMISED + 1, {}, {"lane": BACKFILL}),
        (PROMISED + 1, {}, {"reload": True}),
        (PROMISED + 1, {}, {"released": "readings-1"}),
    ],
    ids=["in time", "nothing promised", "it was there before", "its rows are in the table", "people held it up"],
)
def test_nobody_is_told_of(seconds: float, promise: dict[str, Any], changes: dict[str, Any]) -> None:
    services = services_with(**promise)
    waiting(services, seconds, **changes)
    assert watch_promises(services) == []
    assert not titles(services)


def test_where_nothing_comes_nothing_is_late() -> None:
    assert watch_promises(services_with()) == []


def test_a_younger_file_behind_others_does_not_hide_an_older_one() -> None:
    services = services_with()
    waiting(services, PROMISED + 90, "reloaded.csv", reload=True)
    waiting(services, PROMISED + 60, "late.csv")
    waiting(services, 1, "young.csv")
    assert watch_promises(services) == ["readings"]
    assert "late.csv" in services.topic.notices[0].lines[0]
