"""How datasets stand by their counters is how they stand by their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.adapters.ledger import DynamoLedger
from headrace.domain.clock import written
from headrace.domain.ingest.ledger import (
    BACKFILL,
    LIVE,
    MERGE,
    BatchRecord,
    BatchStatus,
    FileRecord,
    FileStatus,
    RowCounts,
)
from headrace_cli.stack.standing import files_in, standing
from headrace_cli.stack.totals import dataset_account
from tests.support.fakes import contract, file
from tests.support.metered import moto_ledger

NOW = datetime.now(UTC)
PROMISING = replace(contract(), freshness_seconds=600)
OLD = written(NOW - timedelta(hours=30))


@pytest.fixture
def ledger() -> Iterator[DynamoLedger]:
    with moto_ledger() as (made, _):
        made.counters.note_whole("readings")
        yield made


Ends = list[dict[str, Any]] | None
"""What the files of a batch become; None while it is under way."""


def load(ledger: DynamoLedger, number: int, lane: str, files: list[FileRecord], ends: Ends = None) -> list[FileRecord]:
    """A batch that takes files, and is ended unless no `ends` are given."""
    ids = tuple(each.file_id for each in files)
    batch = BatchRecord(f"{lane}-{number}", "readings", lane, number, BatchStatus.RUNNING, ids, OLD)
    assert ledger.batches.open(batch)
    taken = ledger.batches.take(batch)
    if ends is not None:
        settled = [replace(each, **end) for each, end in zip(taken, ends, strict=True)]
        ledger.batches.settle(batch, settled)
        ledger.batches.save(replace(batch, status=BatchStatus.LOADED, rows=RowCounts(loaded=1)))
        ledger.lanes.advance("readings", lane, number)
    return taken


def both(ledger: DynamoLedger, of: Any = PROMISING) -> tuple[dict[str, Any], dict[str, Any]]:
    (counted,) = standing(ledger, [of], ledger.counters.totals(), NOW)
    read = dataset_account(of, ledger.files.of_dataset("readings"), ledger.lanes.state("readings", LIVE), NOW)
    for account in (counted, read):  # of the lane's last load, or of the last file's: seconds apart
        assert (account.pop("last_load") is None) == (account.pop("freshness_seconds") is None)
    return counted, read


def test_counters_and_files_say_the_same(ledger: DynamoLedger) -> None:
    files = [file(f"{number}", arrived_at=OLD) for number in range(9)]
    for each in files:
        ledger.files.record_arrival(each)
    good = {"status": FileStatus.LOADED, "rows": RowCounts(9, 7, 1, 1)}
    load(ledger, 1, LIVE, files[:3], [good, good | {"status": FileStatus.DUPLICATE}, {"status": FileStatus.FAILED}])
    load(ledger, 2, LIVE, files[3:5])
    ledger.files.record_arrival(file("young", arrived_at=written(NOW)))
    ledger.files.record_arrival(file("known before", arrived_at=OLD, lane=BACKFILL))
    ledger.files.record_arrival(file("empty", arrived_at=written(NOW), status=FileStatus.FAILED))
    failed = ledger.files.get(files[2].file_id)
    assert ledger.files.requeue(replace(failed, batch=None, reload=True), failed)
    counted, read = both(ledger)
    assert counted == read
    assert (counted["late"], counted["files"]["running"], counted["files"]["pending"]) == (6, 2, 7)


def test_staged_files_and_those_in_a_merge_are_told_apart(ledger: DynamoLedger) -> None:
    of = replace(PROMISING, staged=True)
    files = [file(f"{number}", arrived_at=OLD) for number in range(3)]
    for each in files:
        ledger.files.record_arrival(each)
    for taken in load(ledger, 1, LIVE, files):
        staged = replace(taken, status=FileStatus.STAGED, rows=RowCounts(5, staged=5))
        assert ledger.files.requeue(staged, taken)
    load(ledger, 1, MERGE, files[:1])
    counted, read = both(ledger, of)
    assert counted == read
    assert (counted["files"]["staged"], counted["files"]["merging"]) == (2, 1)


def test_only_days_are_read_that_have_such_files(ledger: DynamoLedger) -> None:
    for day, status in ((1, FileStatus.FAILED), (2, FileStatus.WAITING), (3, FileStatus.FAILED)):
        at = f"2026-01-0{day}T05:00:00Z"
        ledger.files.record_arrival(file(f"{day}", arrived_at=at, status=status))
    tally = ledger.counters.totals()["readings"]
    found = files_in(ledger, "readings", tally, {FileStatus.FAILED})
    assert [each.arrived_at[9] for each in found] == ["1", "3"]
    found = files_in(ledger, "readings", tally, {FileStatus.FAILED}, "2026-01-01T06:00:00Z")
    assert [each.arrived_at[9] for each in found] == ["3"]
    assert not list(files_in(ledger, "readings", tally, {FileStatus.HELD}))
    assert len(list(files_in(ledger, "readings", None, {FileStatus.FAILED}))) == 2
