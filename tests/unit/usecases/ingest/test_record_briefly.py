"""A committed batch ends, whatever keeps its outcome from being recorded; people hear of it before that fails."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headrace.domain import clock
from headrace.domain.ingest.lane import MAX_ATTEMPTS
from headrace.domain.ingest.ledger import LIVE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.outcome import FileResult, Verdict
from headrace.errors import TransientError
from headrace.usecases import lake_paths
from headrace.usecases.ingest import bisect_batch as giving_up
from headrace.usecases.ingest.hand_over import hand_over
from headrace.usecases.ingest.record_batch import record_batch
from headrace.usecases.ingest.record_failure import record_failure
from headrace.usecases.ingest.results import UnitResult
from headrace.usecases.recovery.unblock import unblock
from tests.support.fakes import MemoryServices, contract, contracts_of, file


class UnrecordableError(Exception):
    """What DynamoDB says of an item that is too large, or anything else that stays wrong."""


def refuse(*_: Any) -> Any:
    raise UnrecordableError("Item size to update has exceeded the maximum allowed size")


def committed(services: MemoryServices, results: bool = True) -> tuple[BatchRecord, FileRecord, FileRecord]:
    """A batch whose load has committed, with a good file and a duplicate; the next file waits."""
    files = [services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in "ab"]
    recorded = record_batch("readings", LIVE, 1, "readings-1", services)
    batch = services.ledger.batches.get(recorded["batch"])
    if results:
        good = FileResult(files[0].file_id, Verdict.GOOD, 3, 2, 1, sha256="f", detected={"members": "x" * 10**6})
        copy = FileResult(files[1].file_id, Verdict.DUPLICATE, 2, reason="it is a copy")
        unit = UnitResult(1, contract().digest, [], [good, copy])
        services.lake.write_json(lake_paths.result(batch.batch, 1), unit.to_json())
    services.warehouse.answers["SELECT status"] = [["loaded"]]
    services.warehouse.answers["etl.load_files"] = [[files[0].file_id, batch.batch, 2, 2, 0]]
    services.ledger.files.record_arrival(file("next", arrived_at="c"))
    return batch, files[0], files[1]


def executions(services: MemoryServices, batch: BatchRecord) -> int:
    """Executions that all fail after the commit, until the next batch is made; how many it took."""
    for generation in range(1, 10):
        recorded: dict[str, Any] = {"batch": batch.batch}
        if generation > 1:
            try:
                recorded = record_batch("readings", LIVE, generation, f"readings-{generation}", services)
            except UnrecordableError:
                recorded = {"batch": None}
        if recorded["batch"] not in {batch.batch, None}:
            return generation
        with suppress(UnrecordableError):
            record_failure(services.ledger.batches.get(batch.batch), "ClientError", "it is too large", services)
        hand_over("readings", LIVE, generation, services)
    raise AssertionError("the lane never goes on")


def test_a_committed_batch_that_cannot_be_recorded_is_recorded_in_its_least_form_and_the_lane_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = MemoryServices()
    batch, good, copy = committed(services)
    monkeypatch.setattr(giving_up, "record_outcome", refuse)
    assert executions(services, batch) == MAX_ATTEMPTS + 1
    ended = services.ledger.batches.get(batch.batch)
    assert (ended.status, ended.rows.loaded) == (BatchStatus.LOADED, 2)
    loaded = services.ledger.files.get(good.file_id)
    assert (loaded.status, loaded.rows, loaded.detected) == (FileStatus.LOADED, RowCounts(3, 2, 0, 1), {})
    assert str(loaded.reason).startswith("recorded without details: ")
    assert services.ledger.files.get(copy.file_id).status is FileStatus.DUPLICATE


def test_people_hear_of_each_thing_once_and_before_it_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    services = MemoryServices()
    batch, *_ = committed(services)
    monkeypatch.setattr(giving_up, "record_outcome", refuse)
    executions(services, batch)
    told = [(notice.level, " ".join(notice.lines)) for notice in services.topic.notices]
    assert [level for level, _ in told] == ["warning", "critical", "error"]
    assert "Item size to update" in told[1][1]
    assert f"headrace unblock {batch.batch}" in told[1][1]
    assert "Its rows are in the table" in told[2][1]


def test_people_hear_of_the_least_form_even_when_that_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    services = MemoryServices()
    batch, *_ = committed(services)
    monkeypatch.setattr(services.ledger.batches, "settle", refuse)
    late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    services.ledger.records.batches[batch.batch] = late
    with pytest.raises(UnrecordableError):
        giving_up.give_up(late, "too large", services)
    assert services.topic.notices[-1].level == "error"


@pytest.mark.parametrize("lost", ["results", "file"])
def test_the_least_form_needs_nothing_but_the_warehouse(lost: str) -> None:
    services = MemoryServices()
    batch, good, copy = committed(services, results=lost != "results")
    if lost == "file":
        del services.ledger.records.files[copy.file_id]
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    giving_up.give_up(late, "too large", services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.LOADED
    assert services.ledger.files.get(good.file_id).rows.loaded == 2
    if lost == "results":
        assert "the warehouse has no row of it" in str(services.ledger.files.get(copy.file_id).reason)


def test_a_staged_batch_is_recorded_in_its_least_form_too() -> None:
    services = MemoryServices(contracts=contracts_of(contract(staged=True, merge_seconds=60)))
    batch, good, _ = committed(services)
    services.warehouse.answers["COUNT(*) FROM etl.loads"] = [[good.file_id, 2]]
    services.warehouse.answers["SELECT status"] = [["staged"]]
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    giving_up.give_up(late, "too large", services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.STAGED
    assert [waiting.file_id for waiting in services.ledger.lanes.pending("readings", MERGE, 9)] == [good.file_id]


def staged_without_results() -> tuple[MemoryServices, BatchRecord, FileRecord, FileRecord]:
    """A batch that the stage has, and whose results cannot be read when it is recorded in its least form."""
    services = MemoryServices(contracts=contracts_of(contract(staged=True, merge_seconds=60)))
    batch, good, copy = committed(services)
    services.warehouse.answers["COUNT(*) FROM etl.loads"] = [[good.file_id, 2]]
    services.warehouse.answers["SELECT status"] = [["staged"]]
    path = lake_paths.result(batch.batch, 1)
    results = services.lake.objects.pop(path)
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    giving_up.give_up(late, "too large", services)
    services.lake.objects[path] = results
    return services, batch, good, copy


def test_what_the_stage_has_is_staged_though_the_results_cannot_be_read() -> None:
    services, batch, good, copy = staged_without_results()
    known = services.ledger.files.get(good.file_id)
    assert (known.status, known.rows) == (FileStatus.STAGED, RowCounts(2, staged=2))
    assert services.ledger.files.get(copy.file_id).status is FileStatus.FAILED
    assert str(services.ledger.batches.get(batch.batch).reason).startswith("recorded without details: ")


def test_unblocking_records_it_in_full_when_they_can_be_read_again() -> None:
    services, batch, good, copy = staged_without_results()
    assert unblock(batch.batch, "ops", services).done[0] == "it is loaded, and its outcome is recorded in full"
    assert services.ledger.files.get(good.file_id).rows == RowCounts(3, quarantined=1, staged=2)
    assert services.ledger.files.get(copy.file_id).status is FileStatus.DUPLICATE
    assert services.ledger.batches.get(batch.batch).reason is None
    assert [waiting.file_id for waiting in services.ledger.lanes.pending("readings", MERGE, 9)] == [good.file_id]


def test_unblocking_leaves_what_a_merge_has_taken_since() -> None:
    services, batch, good, _ = staged_without_results()
    merging = replace(services.ledger.files.get(good.file_id), status=FileStatus.MERGING, merge="readings-merge-1")
    services.ledger.records.files[good.file_id] = merging
    unblock(batch.batch, "ops", services)
    assert services.ledger.files.get(good.file_id) == merging


DENIED = "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"


class ClientError(Exception):
    """As botocore names it."""


@pytest.mark.parametrize(("days", "status"), [(6, FileStatus.RUNNING), (8, FileStatus.LOADED)])
def test_results_that_are_denied_are_waited_for_a_week(
    days: int, status: FileStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The good file would have no details, and one without rows would have failed, for a policy that was mistyped."""
    services = MemoryServices()
    batch, good, _ = committed(services)

    def deny(*_: Any) -> Any:
        raise ClientError(DENIED)

    monkeypatch.setattr(services.lake, "read_json", deny)
    failed_at = clock.written(clock.utc() - timedelta(days=days))
    late = replace(batch, attempts=MAX_ATTEMPTS + 1, failed_at=failed_at)
    services.ledger.records.batches[batch.batch] = late
    with suppress(ClientError):
        giving_up.give_up(late, "too large", services)
    assert services.ledger.files.get(good.file_id).status is status


def test_a_file_that_was_removed_from_the_ledger_keeps_no_other_waiting() -> None:
    services = MemoryServices()
    files = [services.ledger.files.record_arrival(file(name, arrived_at=name)) for name in "abc"]
    batch = services.ledger.batches.get(record_batch("readings", LIVE, 1, "readings-1", services)["batch"])
    del services.ledger.records.files[files[0].file_id]
    giving_up.give_up(batch, "refused", services)
    assert services.ledger.batches.get(batch.batch).status is BatchStatus.FAILED
    assert len(services.ledger.lanes.pending("readings", LIVE, 9)) == 2


def test_what_cannot_be_read_of_the_transform_is_in_the_batchs_story() -> None:
    services = MemoryServices()
    batch, *_ = committed(services)
    services.lake.objects[lake_paths.result(batch.batch, 1)] = b"{"
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    giving_up.give_up(late, "too large", services)
    steps = {line.step: line.detail for line in services.ledger.events.of_batch(batch.batch)}
    assert steps["Recorded without details"] == {"why": "too large"}
    assert "JSONDecodeError" in steps["Results unreadable"]["error"]


def test_a_good_file_that_the_warehouse_does_not_count_has_no_rows_there() -> None:
    services = MemoryServices()
    batch, good, _ = committed(services)
    services.warehouse.answers["etl.load_files"] = []
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    giving_up.give_up(late, "too large", services)
    rows = services.ledger.files.get(good.file_id).rows
    assert (rows.read, rows.loaded, rows.quarantined) == (3, 0, 1)
    assert services.ledger.batches.get(batch.batch).rows.read == 5


def test_an_outage_of_s3_is_waited_out_before_a_batch_is_recorded_without_details(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = MemoryServices()
    batch, good, _ = committed(services)

    def away(*_: Any) -> Any:
        raise TransientError("S3 is slow down")

    monkeypatch.setattr(services.lake, "read_json", away)
    monkeypatch.setattr(services.lake, "find_json", away)
    services.ledger.records.batches[batch.batch] = late = replace(batch, attempts=MAX_ATTEMPTS + 1)
    with pytest.raises(TransientError):
        giving_up.give_up(late, "too large", services)
    assert services.ledger.files.get(good.file_id).status is FileStatus.RUNNING
