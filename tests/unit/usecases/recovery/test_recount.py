"""Counters of an earlier version's files, and counters that are off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.adapters.ledger import DynamoLedger
from headrace.adapters.ledger.items import saving
from headrace.domain import clock
from headrace.domain.ingest.counts import counts_of
from headrace.domain.ingest.ledger import FileRecord, FileStatus, RowCounts
from headrace.usecases.recovery.recount import Recount, make_whole
from tests.support.fakes import MemoryServices, file
from tests.support.metered import moto_ledger

LOADED: dict[str, Any] = {"status": FileStatus.LOADED, "rows": RowCounts(9, 8, 0, 1), "batch": "readings-1"}
LATER = 4_000_000_000.0
"""When the nights come: nothing has changed for a while."""


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made: Any = MemoryServices()
    with moto_ledger() as (ledger, _):
        made.ledger = ledger
        yield made


def written_uncounted(ledger: DynamoLedger, *files: FileRecord) -> None:
    """Files that a version has loaded that counts nothing."""
    for each in files:
        ledger.files.record_arrival(each)
        ledger.files._table.update(saving(ledger.files._table, replace(each, **LOADED)))


def days(ledger: DynamoLedger) -> dict[str, dict[str, int]]:
    return {day: dict(+tally.numbers) for day, tally in ledger.counters.days("readings").items()}


def test_files_of_a_version_that_counted_nothing_are_counted_once(services: Any) -> None:
    ledger = services.ledger
    first, second = file("a", arrived_at="2026-01-01T10:00:00Z"), file("b", arrived_at="2026-01-02T00:00:00Z")
    written_uncounted(ledger, first, second)
    assert not ledger.counters.total("readings").whole
    for _ in range(2):
        make_whole("readings", services)
        one = dict(counts_of(replace(first, **LOADED)))
        assert days(ledger) == {"2026-01-01": one, "2026-01-02": one}
        assert ledger.counters.total("readings").whole
    assert ledger.counters.totals()["readings"].rows == RowCounts(18, 16, 0, 2)


def test_counters_that_are_off_are_corrected_and_reported(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = services.ledger
    make_whole("readings", services)
    ledger.files.record_arrival(file("r", arrived_at="2026-01-01T01:00:00Z", status=FileStatus.FAILED))
    written_uncounted(ledger, file("a", arrived_at="2026-01-01T10:00:00Z"))
    recount = Recount("readings", "2025-12-31T00:00:00Z", services)
    assert not list(recount.note(ledger.files.of_dataset("readings")))
    assert not list(recount.end()), "it has just changed: the next night looks at it"
    monkeypatch.setattr(clock, "utc", lambda: datetime.fromtimestamp(LATER, UTC))
    recount = Recount("readings", "2025-12-31T00:00:00Z", services)
    (difference,) = [*recount.note(ledger.files.of_dataset("readings")), *recount.end()]
    assert difference.kind == "counters"
    assert "files_loaded by -1" in difference.what
    wanted = Counter({"files_failed": 1}) + counts_of(replace(file("a"), **LOADED))
    assert days(ledger) == {"2026-01-01": dict(wanted)}
    recount = Recount("readings", "2025-12-31T00:00:00Z", services)
    assert not [*recount.note(ledger.files.of_dataset("readings")), *recount.end()]


def test_the_day_of_the_first_file_that_is_listed_may_have_had_others(services: Any) -> None:
    written_uncounted(services.ledger, file("a", arrived_at="2026-01-01T10:00:00Z"))
    recount = Recount("readings", "2026-01-01T05:00:00Z", services)
    assert not [*recount.note(services.ledger.files.of_dataset("readings")), *recount.end()]
    assert not days(services.ledger)


def test_a_correction_counts_once(services: Any) -> None:
    counters = services.ledger.counters
    before = counters.total("readings")
    assert counters.correct("readings", "2026-01-01", {"files_loaded": 2}, before)
    assert not counters.correct("readings", "2026-01-01", {"files_loaded": 2}, before)
    assert days(services.ledger) == {"2026-01-01": {"files_loaded": 2}}


def test_an_object_that_is_changed_alone_is_counted_in_a_part_and_all_parts_are_added_up(services: Any) -> None:
    for number in range(20):
        one = file(f"{number}", file_id=f"{number:08x}{'0' * 16}", status=FileStatus.FAILED)
        services.ledger.files.record_arrival(one)
    assert services.ledger.counters.total("readings").files(FileStatus.FAILED) == 20
