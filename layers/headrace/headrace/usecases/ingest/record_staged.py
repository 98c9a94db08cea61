"""A batch of a staged dataset is in the stage table: its files wait for the next merge."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from headrace.domain.clock import now
from headrace.domain.ingest.ledger import BatchRecord, BatchStatus, FileRecord, FileStatus
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows, settle, staged, total
from headrace.domain.notice import Notice, batch_notice
from headrace.errors import TerminalError
from headrace.observability import measure_outcome
from headrace.usecases.ports import HasBatches, HasContracts, HasEvents, HasFiles, HasLoads


class Services(HasBatches, HasContracts, HasEvents, HasFiles, HasLoads, Protocol):
    """The ports used here."""


class BatchGivenUpError(TerminalError):
    """The batch was given up before its outcome was recorded."""

    def __init__(self, batch: BatchRecord) -> None:
        super().__init__(f"batch {batch.batch} was given up: {batch.reason}")


def record_staged(
    batch: BatchRecord, results: list[FileResult], services: Services, reason: str | None = None
) -> tuple[BatchRecord, Notice]:
    """Let every good file of the batch wait for a merge; duplicates and failed files are final.

    Only files that run in this batch are touched, so that doing it again, or late, changes nothing; of one that was
    recorded without details, for a `reason`, those too that no merge has taken since. Raises BatchGivenUpError when the
    batch's rows never came to the stage.
    """
    contract = services.contracts.get(batch.dataset)
    open_files = [file for file in services.files.get_all(batch.file_ids) if _is_open(file, batch)]
    by_id = {result.file_id: result for result in results}
    counts = _counts(batch, contract.stage, [by_id[file.file_id] for file in open_files], services)
    for file in open_files:
        _one(batch, file, by_id[file.file_id], counts, services)
    files = services.files.get_all(batch.file_ids)
    ended = replace(batch, status=BatchStatus.STAGED, ended_at=now(), rows=total(files), reason=reason)
    services.batches.save(ended)
    services.events.note_batch(batch.batch, "Staged", {"rows": ended.rows.staged})
    measure_outcome(batch, [file for file in files if file.status is not FileStatus.STAGED], results)
    return ended, batch_notice(ended, files, results, contract.channel)


def _is_open(file: FileRecord, batch: BatchRecord) -> bool:
    brief = batch.status is BatchStatus.STAGED and batch.reason is not None
    guessed = brief and file.batch == batch.batch and file.status in {FileStatus.STAGED, FileStatus.FAILED}
    return file.runs_in(batch.batch) or guessed


def _counts(batch: BatchRecord, stage: str, results: list[FileResult], services: Services) -> dict[str, int]:
    """Rows in the stage by file. A file that has been merged since is none of `results`."""
    if not any(result.rows_good for result in results):
        return {}
    counts = services.loads.staged_counts(batch.batch, stage)
    if not counts:
        raise BatchGivenUpError(batch)
    return counts


def _one(batch: BatchRecord, file: FileRecord, result: FileResult, counts: dict[str, int], services: Services) -> None:
    if result.verdict is not Verdict.GOOD:
        services.batches.settle(batch, [settle(file, result, WarehouseRows())])
    elif services.files.requeue(staged(file, result, counts.get(file.file_id, 0)), file):
        services.events.note_file(file.file_id, "Staged", {"rows": counts.get(file.file_id, 0)})
