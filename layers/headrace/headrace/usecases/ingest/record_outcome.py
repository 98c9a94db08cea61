"""A batch was loaded: ask the warehouse what it has of each file, and write that down."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol

from headrace.domain import clock
from headrace.domain.clock import now
from headrace.domain.ingest.ledger import MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus, RowCounts
from headrace.domain.ingest.load_plan import origins_of
from headrace.domain.ingest.outcome import FileResult, Verdict, WarehouseRows, settle, total
from headrace.domain.ingest.replay import replay_of
from headrace.domain.notice import Notice, batch_notice
from headrace.errors import TransientError
from headrace.observability import emit, measure_outcome
from headrace.usecases import lake_paths
from headrace.usecases.ingest.orphaned_duplicates import bereft_copies
from headrace.usecases.ingest.record_staged import BatchGivenUpError, record_staged
from headrace.usecases.ports import (
    HasBatches,
    HasContents,
    HasContracts,
    HasEvents,
    HasFiles,
    HasLake,
    HasLoads,
)

NEVER_LOADED = WarehouseRows()
PAGE = 2000
"""Earlier files whose rows are corrected at once."""
LEFT = 60.0
"""Seconds that the rest of the work takes, after the earlier files."""
SecondsLeft = Callable[[], float]


class Services(HasBatches, HasContents, HasContracts, HasEvents, HasFiles, HasLake, HasLoads, Protocol):
    """The ports used here."""


def record_outcome(
    batch: BatchRecord, results: list[FileResult], services: Services, left: SecondsLeft = lambda: math.inf
) -> tuple[BatchRecord, Notice]:
    """Give every file of the batch its final status and rows, and earlier files the rows that they lost to it.

    All values are absolute and come from the warehouse, so that doing it again writes the same. Raises
    BatchGivenUpError when there is a tombstone for the batch: then its load did nothing; TransientError when
    the seconds `left` are over: doing it again goes on with the earlier files where it was.
    """
    if batch.status not in {BatchStatus.RUNNING, BatchStatus.STAGED, BatchStatus.LOADED}:
        raise BatchGivenUpError(batch)
    if services.contracts.get(batch.dataset).staged and batch.lane != MERGE:
        return record_staged(batch, results, services)
    any_good = any(result.verdict is Verdict.GOOD for result in results)
    counts = services.loads.counts_of(batch.batch) if any_good else {}
    if any(result.rows_good for result in results) and not counts:
        raise BatchGivenUpError(batch)  # the load found the tombstone and did nothing; the ledger may not say so yet
    before = services.files.get_all(batch.file_ids)
    files = _settled(batch, before, results, counts)
    services.batches.settle(batch, files)
    _measure_arrivals(batch, before, files)
    if any_good:  # a version without rows has no counts, and takes out those of the version before
        _name_objects(files, services)
    if any_good:  # files without a good row, too, take out what came before them
        _correct_earlier(batch, services, left)
    _release(files, services)
    contract = services.contracts.get(batch.dataset)
    corrected = _corrected(files, services) if contract.replace_versions else []
    bereft = bereft_copies([before for _, before in corrected], services) if corrected else []
    ended = replace(batch, status=BatchStatus.LOADED, ended_at=now(), rows=total(files), reason=None, corrected=None)
    services.batches.save(ended)
    story = {"rows": ended.rows.loaded, "quarantined": ended.rows.quarantined}
    services.events.note_batch(batch.batch, "Loaded", story)
    measure_outcome(batch, files, results)
    return ended, batch_notice(ended, files, results, contract.channel, corrected, bereft)


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


def _settled(
    batch: BatchRecord, files: list[FileRecord], results: list[FileResult], counts: dict[str, WarehouseRows]
) -> list[FileRecord]:
    """The batch's files as they are now. One that it named but could not take has no part in it."""
    by_id = {result.file_id: result for result in results}
    taken = [file for file in files if file.file_id in by_id or batch.batch in {file.batch, file.merge}]
    return [settle(file, by_id[file.file_id], counts.get(file.file_id, NEVER_LOADED)) for file in taken]


def _measure_arrivals(batch: BatchRecord, before: list[FileRecord], files: list[FileRecord]) -> None:
    """How long each file took to be loaded, measured when it is recorded: doing it again measures it no second time."""
    ran = {file.file_id for file in before if file.runs_in(batch.batch) and file.is_promised}
    loaded = [file for file in files if file.file_id in ran and file.status is FileStatus.LOADED]
    at = clock.seconds()
    seconds = [max(0.0, round(at - datetime.fromisoformat(file.arrived_at).timestamp(), 1)) for file in loaded]
    if seconds:
        emit({"ArrivalToQueryableSeconds": seconds}, dataset=batch.dataset)


def _name_objects(files: list[FileRecord], services: Services) -> None:
    """Write the keys of the loaded files to the warehouse: of rows that came back, that of the file before."""
    loaded = [file for file in files if file.status is FileStatus.LOADED]
    origins = {
        file.file_id: origin
        for file in loaded
        for origin in origins_of([file], services.contracts.get(file.dataset)).values()
    }
    known = services.files.known(set(origins.values())) if origins else {}
    services.loads.name_objects(known.get(origins.get(file.file_id, ""), file) for file in loaded)


def _correct_earlier(batch: BatchRecord, services: Services, left: SecondsLeft) -> None:
    """Write what files of earlier batches lost to this one: page by page, each once."""
    own, after = set(batch.file_ids), batch.corrected or ""
    while rows := services.loads.counts_of_earlier(batch.batch, after, PAGE):
        counts = {file_id: found for file_id, _, found in rows if found and file_id not in own}
        known = services.files.known(counts)
        lost = [_lost(file, counts[file_id]) for file_id, file in known.items() if file.has_rows]
        services.files.correct_rows(file for file in lost if file.rows != known[file.file_id].rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
        services.batches.note_corrected(batch, after)
        if left() < LEFT:
            raise TransientError(f"the rows of earlier files are corrected up to {after}: it goes on from there")


def _release(files: list[FileRecord], services: Services) -> None:
    """Rows that came back in a file of their own leave their origin's quarantine: that file stands for them now."""
    for file in files:
        contract = services.contracts.get(file.dataset)
        name = replay_of(contract, file.key) if file.status is FileStatus.LOADED else None
        plan = services.lake.find_json(lake_paths.replay(file.dataset, name)) if name else None
        if name and plan:
            origin = services.files.get(plan["file_id"])
            same = origin.batch == plan["batch"]
            if same and services.files.release_rows(origin, name, len(plan["rows"])):
                services.events.note_file(origin.file_id, "Replayed", {"rows": len(plan["rows"]), "as": file.key})


def _corrected(files: list[FileRecord], services: Services) -> list[tuple[FileRecord, FileRecord]]:
    """The loaded files that replaced an earlier version of themselves, each with that version.

    Of each key the ledger goes on listing the last two versions that had rows, and all that still have some.
    """
    loaded = [file for file in files if file.status is FileStatus.LOADED]
    versions = services.contents.loaded_versions(file.place for file in loaded)
    services.contents.forget_loaded(
        version
        for found in versions.values()
        for version in found[:-2]
        if version.status is FileStatus.LOADED and not version.rows.loaded
    )
    before = {(file.place, file.order): earlier for found in versions.values() for earlier, file in pairwise(found)}
    return [(file, before[file.place, file.order]) for file in loaded if (file.place, file.order) in before]


def _lost(file: FileRecord, rows: WarehouseRows) -> FileRecord:
    counts: RowCounts = replace(file.rows, loaded=rows.loaded, superseded=rows.superseded + file.replayed)
    return replace(file, rows=counts)
