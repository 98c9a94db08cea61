"""A batch that cannot be loaded is given up, but never while a load of it may still commit."""

from __future__ import annotations

from dataclasses import replace

from headrace.domain.clock import now
from headrace.domain.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.notice import of_failure
from headrace.usecases.ports import Services
from headrace.usecases.record_outcome import record_outcome
from headrace.usecases.results import unit_results

LOCK = "LOCK TABLE etl.guard_{dataset}"
TOMBSTONE = (
    "INSERT INTO etl.loads (batch_id, dataset, status, loaded_at) SELECT '{batch}', '{dataset}', 'given up', GETDATE() "
    "WHERE NOT EXISTS (SELECT 1 FROM etl.loads WHERE batch_id = '{batch}')"
)
FATE = "SELECT status FROM etl.loads WHERE batch_id = '{batch}'"


def give_up(batch: BatchRecord, reason: str, services: Services) -> None:
    """Put a tombstone for the batch into the warehouse, then fail its files.

    The tombstone is written under the lock that loads take: a late load of the batch finds it and does nothing. If the
    load had committed after all, the tombstone is not written and the batch is recorded as loaded.
    """
    names = {"batch": batch.batch, "dataset": batch.dataset}
    services.warehouse.run([statement.format(**names) for statement in (LOCK, TOMBSTONE)])
    if services.warehouse.query(FATE.format(**names)) == [["loaded"]]:
        results = [file for unit in unit_results(services.lake, batch) for file in unit.files]
        _, notice = record_outcome(batch, results, services)
        services.topic.publish(notice)
        return
    failed = [_fail(file, reason) for file in services.ledger.files(batch.file_ids)]
    services.ledger.save_files(failed)
    services.ledger.save_batch(replace(batch, status=BatchStatus.FAILED, reason=reason, ended_at=now()))
    services.ledger.tell_batch(batch.batch, "Given up", {"reason": reason})
    channel = services.catalog.contract(batch.dataset).channel
    services.topic.publish(of_failure(batch, reason, channel, again=False))


def _fail(file: FileRecord, reason: str) -> FileRecord:
    if file.status is not FileStatus.RUNNING:
        return file
    return replace(file, status=FileStatus.FAILED, reason=f"its batch could not be loaded: {reason}")
