"""What a batch costs does not grow with what was there before: with the versions of a key, copies, or earlier files."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from headrace.domain.ingest.ledger import LIVE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.errors import TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ingest.prepare_load import prepare_load
from headrace.usecases.ingest.record_outcome import PAGE, record_outcome
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.recovery.requeue import reload
from headrace.usecases.unit.deduplicate import claim
from tests.support.fakes import MemoryServices, MemoryWarehouse, contract, file
from tests.support.ledger_fakes import MemoryFiles, MemoryLedger

SAME = "f" * 64


class Counting(MemoryLedger):
    """Counts the requests and the records that they bring."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self.brought = 0
        for name in ("files", "contents", "batches", "lanes", "events", "watches"):
            setattr(self, name, CountedPort(getattr(self, name), self))


class CountedPort:
    """One port of a ledger that counts."""

    def __init__(self, port: Any, ledger: Counting) -> None:
        self._port = port
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = member(*args, **kwargs)
            self._ledger.requests[name] += 1
            found = [answer] if isinstance(answer, FileRecord) else answer
            values = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
            self._ledger.brought += sum(len(value) if isinstance(value, list) else 1 for value in values)
            return answer

        return call


def version(number: int, **changes: Any) -> FileRecord:
    given = {"file_id": f"{number:024x}", "sequencer": f"{number:08}", "version": f"v{number}", "batch": "old"}
    return file("latest.csv", **given | changes)


def history(services: MemoryServices, versions: int, status: FileStatus) -> None:
    """A key that was written often: its first version has the rows, or the last one."""
    holder = 0 if status is FileStatus.DUPLICATE else versions - 1
    for number in range(versions):
        if number == holder:
            services.ledger.given(version(number, status=FileStatus.LOADED, rows=RowCounts(2, 2), sha256=SAME))
        elif status is FileStatus.LOADED:
            services.ledger.given(version(number, status=status, rows=RowCounts(2, 0, 2)))
            services.ledger.contents.forget_loaded([version(number)])
        else:
            services.ledger.given(version(number, status=status, sha256=SAME))
    services.ledger.contents.claim("readings", SAME, version(holder).file_id)


def batch_of(services: MemoryServices, number: int) -> tuple[BatchRecord, FileRecord, list[FileResult]]:
    running = version(number, status=FileStatus.RUNNING, batch="readings-1")
    batch = BatchRecord("readings-1", "readings", LIVE, 1, BatchStatus.RUNNING, (running.file_id,), "t", units=1)
    services.ledger.given(running)
    services.ledger.records.batches[batch.batch] = batch
    results = [FileResult(running.file_id, Verdict.GOOD, 2, 2, sha256="e" * 64)]
    unit = UnitResult(1, contract().digest, [], results)
    services.lake.write_json(lake_paths.result(batch.batch, 1), unit.to_json())
    return batch, running, results


def work_of_one_batch(versions: int, status: FileStatus) -> tuple[Counter[str], int]:
    """Everything that is done for one new version, whose content is old or new."""
    services = MemoryServices(ledger=(ledger := Counting()))
    history(services, versions, status)
    batch, running, results = batch_of(services, versions)
    ledger.requests.clear()
    ledger.brought = 0
    claim(running, SAME, contract(), services)
    claim(running, "e" * 64, contract(), services)
    prepare_load(batch, "default", services)
    services.warehouse.answers["etl.load_files"] = [[running.file_id, batch.batch, 2, 2, 0]]
    record_outcome(batch, results, services)
    reload([version(versions - 1, status=FileStatus.LOADED)], services, dry_run=True)
    return ledger.requests, ledger.brought


@pytest.mark.parametrize("status", [FileStatus.LOADED, FileStatus.DUPLICATE, FileStatus.FAILED])
def test_a_batch_costs_the_same_after_ten_versions_a_thousand_or_fifty_thousand(status: FileStatus) -> None:
    counted = [work_of_one_batch(versions, status) for versions in (10, 1_000, 50_000)]
    requests = [count for count, _ in counted]
    assert requests[0] == requests[1] == requests[2]
    records = [count for _, count in counted]
    assert records[1] == records[2]
    assert records[2] < 500


def test_a_replaced_file_with_many_copies_costs_no_more_than_a_few() -> None:
    services = MemoryServices(ledger=(ledger := Counting()))
    history(services, 1, FileStatus.LOADED)
    for number in range(5_000):
        copy = file(f"{number}.csv", file_id=f"c{number:023x}", status=FileStatus.DUPLICATE, duplicate_of="0" * 24)
        ledger.given(copy)
        ledger.contents.note_copy("0" * 24, copy)
    batch, running, results = batch_of(services, 1)
    services.warehouse.answers["etl.load_files"] = [[running.file_id, batch.batch, 2, 2, 0]]
    ledger.requests.clear()
    _, notice = record_outcome(batch, results, services)
    assert sum(ledger.requests.values()) < 250
    assert any("more such copies" in line for line in notice.lines)


def test_where_replacing_follows_adding_a_transaction_takes_out_what_it_can_name() -> None:
    services = MemoryServices()
    for number in range(2_000):
        services.ledger.given(version(number, status=FileStatus.LOADED, rows=RowCounts(2, 2)))
    batch, running, _ = batch_of(services, 2_000)
    replaced = prepare_load(batch, "default", services)["replaced"]
    assert len(replaced) == 700
    assert version(1_999).file_id in replaced
    assert running.file_id not in replaced


class Pages(MemoryWarehouse):
    """Earlier files that lost a row, as the warehouse tells of them: so many at a time."""

    def __init__(self, own: FileRecord, touched: int) -> None:
        super().__init__()
        self.own, self.asked = own, 0
        self.ids = [f"e{number:023x}" for number in range(touched)]

    def query(self, sql: str) -> list[list[Any]]:
        if "etl.objects" in sql:
            return []
        if "DISTINCT" not in sql:
            return [[self.own.file_id, "readings-1", 2, 2, 0]]
        self.asked += 1
        after = sql.partition("file_id > '")[2].partition("'")[0]
        start = bisect_right(self.ids, after)
        return [[name, "old", 2, 1, 1] for name in self.ids[start : start + PAGE]]


class Writes(MemoryFiles):
    """Counts the corrections."""

    corrected = 0

    def correct_rows(self, files: Any) -> None:
        some = list(files)
        self.corrected += len(some)
        super().correct_rows(some)


def test_a_hundred_thousand_earlier_files_are_corrected_in_pages_each_once_however_often_it_breaks_off() -> None:
    touched = 100_000
    services = MemoryServices(ledger=(ledger := MemoryLedger(files=Writes)))
    batch, running, results = batch_of(services, 1)
    services.warehouse = pages = Pages(running, touched)
    for number in range(touched):
        name = f"e{number:023x}"
        ledger.records.files[name] = file(
            name, file_id=name, status=FileStatus.LOADED, batch="old", rows=RowCounts(2, 2)
        )
    tries = 0
    while ledger.batches.get(batch.batch).status is BatchStatus.RUNNING:
        tries += 1
        time = iter([900.0] * 9)
        try:
            record_outcome(ledger.batches.get(batch.batch), results, services, lambda time=time: next(time, 0.0))  # type: ignore[misc]
        except TransientError:
            assert tries < 10
    assert tries == 6
    assert isinstance(ledger.files, Writes)
    assert ledger.files.corrected == touched
    assert pages.asked == touched / PAGE + 1
    assert all(ledger.files.get(f"e{number:023x}").rows == RowCounts(2, 1, 1) for number in (0, PAGE, touched - 1))
    assert ledger.batches.get(batch.batch).corrected is None


def test_what_is_right_already_is_not_written_again() -> None:
    services = MemoryServices(ledger=(ledger := MemoryLedger(files=Writes)))
    batch, running, results = batch_of(services, 1)
    services.warehouse = Pages(running, 10)
    for number in range(10):
        name = f"e{number:023x}"
        rows = RowCounts(2, 1, 1) if number else RowCounts(2, 2)
        ledger.records.files[name] = file(name, file_id=name, status=FileStatus.LOADED, batch="old", rows=rows)
    record_outcome(batch, results, services)
    assert isinstance(ledger.files, Writes)
    assert ledger.files.corrected == 1
    record_outcome(replace(batch, status=BatchStatus.LOADED), results, services)
    assert ledger.files.corrected == 1
