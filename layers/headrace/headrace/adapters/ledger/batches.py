"""The batches of the ledger: opened, taken up, ended, each on the condition that they are still the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from headrace.adapters.ledger.counting import change_counted
from headrace.adapters.ledger.items import (
    RUNS,
    TOOK,
    all_files,
    batch_item,
    batch_of,
    batch_pk,
    lane_pk,
    loaded_pk,
    order_sk,
    pending_pk,
    pending_sk,
    record,
    saving_if,
)
from headrace.adapters.table import MOST_IN_TRANSACTION, Table, Write
from headrace.domain.bounds import LONGEST_REASON, cut
from headrace.domain.clock import now
from headrace.domain.ingest.lane import LaneState
from headrace.domain.ingest.ledger import BEFORE, MERGE, BatchRecord, BatchStatus, FileRecord, FileStatus

TAKEN_TOGETHER = (MOST_IN_TRANSACTION - 1) // 2
"""Files that one transaction takes: a check of the batch, then the file and its marker for each."""
OR_FAILED = "#status IN (:running, :failed)"
"""So that giving up can be done again to its end by the function that began it."""


class DynamoBatches:
    """Records of batches, and what changes with them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, batch: str) -> BatchRecord:
        """One batch. Raises KeyError when the ledger does not know it."""
        return batch_of(record(self._table, batch_pk(batch), "BATCH"))

    def open(self, batch: BatchRecord) -> BatchRecord | None:
        """Write the batch and make it the lane's open one. Its list of files is what counts from here on.

        None, and nothing written, when the lane has moved on from the batch's generation or has another batch open:
        a function may still run whose execution was stopped, and must not take files that the next one has taken.
        Where the same function was called twice, the batch of the faster one is returned.
        """
        lane = lane_pk(batch.dataset, batch.lane)
        first = "attribute_not_exists(generation) OR " if batch.generation == LaneState().generation else ""
        condition = f"({first}generation = :generation) AND (attribute_not_exists(open_batch) OR open_batch = :batch)"
        values = {"batch": batch.batch, "generation": batch.generation, "at": batch.started_at}
        put = self._table.putting(batch_pk(batch.batch), "BATCH", batch_item(batch), "attribute_not_exists(pk)")
        update = self._table.updating(lane, "STATE", "SET open_batch = :batch, began_at = :at", condition, **values)
        if self._table.transact([put, update]):
            return batch
        return self.get(batch.batch) if self._table.get(lane, "STATE").get("open_batch") == batch.batch else None

    def take(self, batch: BatchRecord) -> list[FileRecord]:
        """Move the files that wait for the batch into it, as often as needed. Returns them as they are now.

        A batch that has ended, or is condemned, takes none: a function may still run whose execution was stopped, and
        must not take files that wait for the next batch by now.
        """
        waiting = [file for file in all_files(self._table, batch.file_ids) if file.waits_in(batch.lane)]
        for start in range(0, len(waiting), TAKEN_TOGETHER):
            self._take(batch, waiting[start : start + TAKEN_TOGETHER])
        return all_files(self._table, batch.file_ids)

    def _take(self, batch: BatchRecord, files: list[FileRecord]) -> None:
        """In one transaction; where another write was faster for one of them, each alone."""
        writes = [write for file in files for write in self._taking(batch, file)]
        taken = self._table.transact([self._still_runs(batch), *writes])
        for file in all_files(self._table, (file.file_id for file in files)) if not taken and len(files) > 1 else ():
            if file.waits_in(batch.lane):
                self._take(batch, [file])

    def _taking(self, batch: BatchRecord, file: FileRecord) -> list[Write]:
        marker = self._table.deleting(pending_pk(batch.dataset, batch.lane), pending_sk(file))
        return [saving_if(self._table, file.taken_by(batch), file), marker]

    def _still_runs(self, batch: BatchRecord) -> Write:
        values = {"running": str(BatchStatus.RUNNING), "no": False}
        return self._table.checking(batch_pk(batch.batch), "BATCH", f"{RUNS} AND condemned = :no", **values)

    def save(self, batch: BatchRecord) -> None:
        """Write the batch as it is now; one that has ended is no longer its lane's open batch, and never runs again.

        The lane lists it while it is held, and only then. What was decided otherwise meanwhile stays.
        """
        put = self._put(batch)
        if batch.status is BatchStatus.HELD:  # listed with it: a late function lists no batch that is decided already
            self._table.transact([put, self._listing("ADD", batch)])
        else:
            self._table.put(put)
        if batch.status is not BatchStatus.RUNNING:
            self._close(batch)
        if batch.status in {BatchStatus.RELEASED, BatchStatus.REJECTED}:
            self._table.update(self._listing("DELETE", batch))

    def _put(self, batch: BatchRecord) -> Write:
        before = {f"before{place}": str(status) for place, status in enumerate(BEFORE[batch.status])}
        condition = f"attribute_not_exists(pk) OR #status IN ({', '.join(f':{name}' for name in before)})"
        return self._table.putting(batch_pk(batch.batch), "BATCH", batch_item(batch), condition, **before)

    def _close(self, batch: BatchRecord) -> None:
        """Let the lane have no open batch, if it is this one; and write that it has loaded, if rows came."""
        lane, expression = lane_pk(batch.dataset, batch.lane), "REMOVE open_batch"
        values: dict[str, Any] = {"batch": batch.batch}
        if batch.brought_rows:
            values |= {"now": now(), "took": batch.seconds}
            took = "" if batch.seconds is None else f", {TOOK[batch.generation % len(TOOK)]} = :took"
            expression = f"SET loaded_at = :now{took} REMOVE told, open_batch"
        self._table.update(self._table.updating(lane, "STATE", expression, "open_batch = :batch", **values))

    def _listing(self, verb: str, batch: BatchRecord) -> Write:
        lane = lane_pk(batch.dataset, batch.lane)
        return self._table.updating(lane, "STATE", f"{verb} held :batch", batch={batch.batch})

    def take_up(self, batch: BatchRecord, execution: str) -> BatchRecord:
        """Let another execution go on with a batch that was left open: one more attempt. Returns it as it is now.

        Nothing is changed when it has ended, or a third execution has it by now.
        """
        self._change(batch, "SET execution = :next ADD attempts :one", next=execution, one=1)
        return self.get(batch.batch)

    def condemn(self, batch: BatchRecord, reason: str) -> bool:
        """Say that the batch is given up, and why. False when it has ended otherwise, or another execution has it."""
        values = {"reason": cut(reason, LONGEST_REASON), "yes": True, "failed": str(BatchStatus.FAILED)}
        return self._change(batch, "SET condemned = :yes, reason = :reason", OR_FAILED, **values)

    def note_reason(self, batch: BatchRecord, reason: str) -> None:
        """Write why the batch failed, and when it did so first.

        Nothing is written when it has ended, is condemned, or another execution has taken it up since.
        """
        values = {"reason": cut(reason, LONGEST_REASON), "no": False, "at": batch.failed_at or now()}
        expression = "SET reason = :reason, failed_at = if_not_exists(failed_at, :at)"
        self._change(batch, expression, f"{RUNS} AND condemned = :no", **values)

    def note_corrected(self, batch: BatchRecord, last: str) -> None:
        """Write up to which file the batch's outcome has corrected the rows of earlier files."""
        self._change(batch, "SET corrected = :last", last=last)

    def _change(self, batch: BatchRecord, expression: str, condition: str = RUNS, **values: Any) -> bool:
        """Change a batch that its execution still has. Returns whether it has."""
        condition = f"execution = :execution AND {condition}"
        values |= {"running": str(BatchStatus.RUNNING), "execution": batch.execution}
        return self._table.update(self._table.updating(batch_pk(batch.batch), "BATCH", expression, condition, **values))

    def settle(self, batch: BatchRecord, files: Iterable[FileRecord]) -> None:
        """Write what became of a batch's files. One that has left the batch since stays as it is.

        So does one whose rows were counted again since it was loaded, and one that a merge has taken: a late function
        knows neither.
        """
        files = list(files)
        loaded = (file for file in files if file.status is FileStatus.LOADED)
        self._table.in_parallel(self._list_loaded, loaded)  # first: no file has rows and is not listed
        change_counted(self._table, {file.file_id: partial(_settled, batch, file) for file in files})

    def _list_loaded(self, file: FileRecord) -> None:
        self._table.put(self._table.putting(loaded_pk(file.place), order_sk(file), {"file_id": file.file_id}))


def _settled(batch: BatchRecord, file: FileRecord, known: FileRecord) -> FileRecord | None:
    """The file, if it is still the batch's, was not counted again since, and is not what it becomes already."""
    if batch.lane == MERGE:
        mine = known.merge == batch.batch
    else:
        mine = known.batch == batch.batch and known.status is not FileStatus.MERGING
    same = file.status is FileStatus.LOADED and known.rows.loaded >= file.rows.loaded and not known.replayed
    if not mine or (known.status is FileStatus.LOADED and not same):
        return None
    becomes = replace(file, deliveries=known.deliveries, seen_at=known.seen_at, revision=known.revision)
    return None if replace(becomes, updated_at=known.updated_at) == known else becomes
