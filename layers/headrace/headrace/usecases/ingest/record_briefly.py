"""The least that is recorded of a batch whose rows the warehouse has: so much always fits, and the lane goes on.

The rows are in the table, even if the ledger does not say so. A batch whose outcome cannot be recorded in full,
however often that is tried, must not keep its dataset's next files waiting.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.ingest.failure import DENIED, Treatment, classify, is_transient
from headrace.domain.ingest.lane import is_patient
from headrace.domain.ingest.ledger import MERGE, BatchRecord, BatchStatus, FileStatus
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows, settle, total
from headrace.domain.notice import brief_record_notice
from headrace.usecases.ingest.record_staged import record_staged
from headrace.usecases.ingest.results import file_results
from headrace.usecases.ports import (
    HasBatches,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLoads,
    HasTopic,
)

NO_ROWS = "the warehouse has no row of it, and what the transform made of it cannot be read"


class Services(HasBatches, HasContracts, HasEvents, HasFiles, HasLake, HasLoads, HasTopic, Protocol):
    """The ports used here."""


def record_briefly(batch: BatchRecord, why: str, services: Services) -> None:
    """Settle the batch's files with the warehouse's counts and nothing else. People are notified first.

    What earlier files lost to the batch stays as it was recorded, until `headrace unblock` records it in full.
    """
    contract = services.contracts.get(batch.dataset)
    reason = f"recorded without details: {why}"
    services.topic.publish(brief_record_notice(batch, reason, contract.channel))
    services.events.note_batch(batch.batch, "Recorded without details", {"why": why})
    known = services.files.known(batch.file_ids)
    batch = replace(batch, file_ids=tuple(file_id for file_id in batch.file_ids if file_id in known))
    if contract.staged and batch.lane != MERGE:
        staged = services.loads.staged_counts(batch.batch, contract.stage)
        in_stage = {file_id: WarehouseRows(staged=rows) for file_id, rows in staged.items()}
        record_staged(batch, list(_results(batch, in_stage, services).values()), services, reason)
        return
    counts = services.loads.counts_of(batch.batch)
    results = _results(batch, counts, services)
    files = [settle(known[name], results[name], counts.get(name, WarehouseRows())) for name in batch.file_ids]
    files = [replace(file, reason=reason) if file.status is FileStatus.LOADED else file for file in files]
    services.batches.settle(batch, files)
    ended = replace(batch, status=BatchStatus.LOADED, ended_at=now(), rows=total(files), reason=reason)
    services.batches.save(ended)


def _results(batch: BatchRecord, counts: dict[str, WarehouseRows], services: Services) -> dict[str, FileResult]:
    """What the transform made of each file, without the details; where that cannot be read, what the warehouse has."""
    found: list[FileResult] = []
    try:
        found = file_results(batch, services)
    except Exception as error:  # whatever it is: the files are loaded
        if _may_be_read_later(batch, error):
            raise
        services.events.note_batch(batch.batch, "Results unreadable", {"error": f"{type(error).__name__}: {error}"})
    known = {result.file_id: replace(result, detected={}, broken={}) for result in found}
    return {file_id: known.get(file_id) or _by_warehouse(file_id, counts.get(file_id)) for file_id in batch.file_ids}


def _may_be_read_later(batch: BatchRecord, error: Exception) -> bool:
    """Whether S3 has the results and does not give them now: what is denied may be allowed again, within a week."""
    failure = classify(f"{type(error).__name__}: {error}")
    denied = failure.name in DENIED and is_patient(batch, Treatment.PERSON, clock.seconds())
    return denied or is_transient(error)


def _by_warehouse(file_id: str, rows: WarehouseRows | None) -> FileResult:
    if rows is None:
        return FileResult(file_id, Verdict.FAILED, reason=NO_ROWS)
    return FileResult(file_id, Verdict.GOOD, rows_read=rows.staged, rows_good=rows.staged)
