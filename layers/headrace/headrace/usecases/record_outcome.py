"""A batch was loaded: ask the warehouse what it has of each file, and write that down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from headrace.domain.clock import now
from headrace.domain.ledger import MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.notice import Notice, of_batch
from headrace.domain.outcome import FileResult, Verdict, WarehouseRows, settle, total
from headrace.domain.replay import replay_of
from headrace.observability import measure_outcome
from headrace.usecases import paths
from headrace.usecases.copies import bereft_copies
from headrace.usecases.ports import Services
from headrace.usecases.record_staged import BatchGivenUpError, record_staged

NEVER_LOADED = WarehouseRows()
# Every id below comes from the ledger and is checked by the load's own rules; none is free text.
COUNTS = (
    "SELECT file_id, batch_id, staged, loaded, superseded FROM etl.file_rows "
    "WHERE batch_id = '{batch}' OR file_id IN (SELECT file_id FROM etl.superseded WHERE batch_id = '{batch}')"
)


def record_outcome(batch: BatchRecord, results: list[FileResult], services: Services) -> tuple[BatchRecord, Notice]:
    """Give every file of the batch its final status and rows, and earlier files the rows that they lost to it.

    All values are absolute and come from the warehouse, so that doing it again writes the same. Raises
    BatchGivenUpError when somebody has put a tombstone for the batch: then its load did nothing.
    """
    if batch.status not in {BatchStatus.RUNNING, BatchStatus.STAGED, BatchStatus.LOADED}:
        raise BatchGivenUpError(batch)
    if services.catalog.contract(batch.dataset).staged and batch.lane != MERGE:
        return record_staged(batch, results, services)
    counts = _warehouse_counts(batch, results, services)
    files = _settled(services.ledger.files(batch.file_ids), results, counts)
    earlier = _touched(services, counts, set(batch.file_ids))
    services.ledger.settle(batch, files)
    services.ledger.correct_rows(earlier)
    _release(files, services)
    contract = services.catalog.contract(batch.dataset)
    corrected = _corrected(files, earlier) if contract.replace_versions else []
    bereft = bereft_copies([file for file, _ in corrected], services)
    ended = replace(batch, status=BatchStatus.LOADED, ended_at=now(), rows=total(files), reason=None)
    services.ledger.save_batch(ended)
    story = {"rows": ended.rows.loaded, "quarantined": ended.rows.quarantined}
    services.ledger.tell_batch(batch.batch, "Loaded", story)
    measure_outcome(batch.dataset, files)
    return ended, of_batch(ended, files, results, contract.channel, corrected, bereft)


def summary(batch: BatchRecord) -> dict[str, Any]:
    """The outcome as a state of the workflow shows it."""
    rows = batch.rows
    return {
        "batch": batch.batch,
        "files": len(batch.file_ids),
        "rows": {
            "read": rows.read,
            "loaded": rows.loaded,
            "superseded": rows.superseded,
            "quarantined": rows.quarantined,
            "duplicate": rows.duplicate,
        },
    }


def _warehouse_counts(batch: BatchRecord, results: list[FileResult], services: Services) -> dict[str, WarehouseRows]:
    if not any(result.verdict is Verdict.GOOD for result in results):
        return {}  # nothing was loaded, so the warehouse need not be woken to say so
    rows = services.warehouse.query(COUNTS.format(batch=batch.batch))
    if any(result.rows_good for result in results) and not any(by == batch.batch for _, by, *_ in rows):
        raise BatchGivenUpError(batch)  # the load found the tombstone and did nothing; the ledger may not say so yet
    return {file_id: WarehouseRows(int(staged), int(loaded), int(gone)) for file_id, _, staged, loaded, gone in rows}


def _settled(files: list[FileRecord], results: list[FileResult], counts: dict[str, WarehouseRows]) -> list[FileRecord]:
    by_id = {result.file_id: result for result in results}
    return [settle(file, by_id[file.file_id], counts.get(file.file_id, NEVER_LOADED)) for file in files]


def _touched(services: Services, counts: dict[str, WarehouseRows], own: Iterable[str]) -> list[FileRecord]:
    """Files of earlier batches some of whose rows this batch replaced."""
    earlier = services.ledger.files(sorted(set(counts) - set(own)))
    return [_lost(file, counts[file.file_id]) for file in earlier if file.has_rows]


def _release(files: list[FileRecord], services: Services) -> None:
    """Rows that came back in a file of their own leave their origin's quarantine: that file stands for them now."""
    for file in files:
        contract = services.catalog.contract(file.dataset)
        name = replay_of(contract, file.key) if file.status is FileStatus.LOADED else None
        plan = services.lake.find_json(paths.replay(file.dataset, name)) if name else None
        if name and plan:
            origin = services.ledger.file(plan["file_id"])
            same = origin.batch == plan["batch"]
            if same and services.ledger.release_rows(origin, name, len(plan["rows"])):
                services.ledger.tell_file(origin.file_id, "Replayed", {"rows": len(plan["rows"]), "as": file.key})


def _corrected(files: list[FileRecord], earlier: list[FileRecord]) -> list[tuple[FileRecord, FileRecord]]:
    """The loaded files that replaced an earlier version of themselves, each with that version."""
    before = {(file.bucket, file.key): file for file in sorted(earlier, key=lambda file: file.order)}
    loaded = [file for file in files if file.status is FileStatus.LOADED]
    return [(file, before[file.bucket, file.key]) for file in loaded if (file.bucket, file.key) in before]


def _lost(file: FileRecord, rows: WarehouseRows) -> FileRecord:
    counts: RowCounts = replace(file.rows, loaded=rows.loaded, superseded=rows.superseded + file.replayed)
    return replace(file, rows=counts)
